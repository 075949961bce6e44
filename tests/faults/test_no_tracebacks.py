"""Faults of files, terminals and replies are told in words, never as a traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from yext import Reply
from yext.console.replies import parse, to_json
from yext.console.replies.draw import Page
from yext.console.replies.render import render
from yext.engine.engine import Engine
from yext.extmodule.peer.requests import DEFAULT_PRIORITY, parse_install

SECONDS = 30.0


def run(
    folder: Path, *arguments: str, stdin: str = "", **environ: str
) -> subprocess.CompletedProcess[str]:
    """Run yext with `folder` as its home, and check that there is no traceback."""
    done = subprocess.run(
        [sys.executable, "-m", "console", *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="backslashreplace",
        timeout=SECONDS,
        env=os.environ | {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder)} | environ,
    )
    for text in (done.stdout, done.stderr):
        assert "Traceback" not in text and "a mistake in yext" not in text, text[-2000:]
    return done


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ('host="127.0.0.1"\nport=1\npassword_file="~nosuchuser/x"', "no such user"),
        ('host="127.0.0.1"\nport=1\ntls=true\nca="~nosuchuser/x"', "no such user"),
        ('host="127.0.0.1"\nport=99999999', "99999999 is not a port, 1 to 65535"),
        ('host="127.0.0.1"\nport=-1', "-1 is not a port, 1 to 65535"),
        ('host="a..b"', "no name of a host"),
        (f'host="{"a" * 70}.b"', "no name of a host"),
        ('host="a\\u0000b"', "has a NUL in it"),
        ('path="/tmp/a\\u0000b"', "has a NUL in it"),
        ('host="127.0.0.1"\nport=1\npassword_file="a\\u0000b"', "has a NUL in it"),
        ('host="127.0.0.1"\nport=1\ntls=true\nca="a\\u0000b"', "has a NUL in it"),
        ('host="127.0.0.1"\nport=true', "not a number"),
    ],
)
def test_hosts_toml(tmp_path: Path, entry: str, said: str) -> None:
    (tmp_path / "yext").mkdir()
    (tmp_path / "yext" / "hosts.toml").write_text(f"[a]\n{entry}\n")
    for arguments in (["attach", "a"], ["run", "--attach", "a", "version"]):
        done = run(tmp_path, *arguments)
        assert done.returncode == 2
        assert said in done.stderr and "[a]" in done.stderr
        assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("host", ["a..b", "a" * 70 + ".b", "x:99999999"])
def test_hosts_of_the_command_line(tmp_path: Path, host: str) -> None:
    done = run(tmp_path, "attach", host)
    assert done.returncode == 2
    assert host in done.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [("when", 1e300), ("when", -1.0), ("when", float("nan")), ("when", 10**400), ("when", "x")],
)
def test_a_record_with_a_time_that_is_none(tmp_path: Path, name: str, value: object) -> None:
    run(tmp_path, "run", "--record", str(tmp_path / "record"), "message x a=1")
    line = json.loads((tmp_path / "record").read_text().splitlines()[0])
    (tmp_path / "record").write_text(json.dumps(line | {name: value}) + "\n")
    done = run(tmp_path, "run", f"flow load {tmp_path}/record", "flow last", "flow show 1")
    assert done.returncode == 1
    assert "is no record: line 1" in done.stdout + done.stderr


@pytest.mark.parametrize("name", ["x" * 300, "x/" * 3000, "~nosuchuser/x", "loop/x"])
def test_files_of_commands(tmp_path: Path, name: str) -> None:
    (tmp_path / "loop").symlink_to("loop")
    name = str(tmp_path / name) if name == "loop/x" else name
    done = run(tmp_path, "run", f"source {name}")
    assert done.returncode == 1
    assert max(map(len, done.stderr.splitlines())) < 400


@pytest.mark.parametrize("command", ["flow filter", "sniffer filter", "flow on", "flow last"])
def test_nested_parentheses(tmp_path: Path, command: str) -> None:
    assert run(tmp_path, "run", f"{command} {'(' * 250}x{')' * 250}").returncode in (0, 1, 2)


@pytest.mark.parametrize("command", ['help ""', "help ", "help ''", "status ''", "external ''"])
def test_empty_arguments(tmp_path: Path, command: str) -> None:
    run(tmp_path, "run", "--json", command)
    run(tmp_path, "run", command)


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "utf-16", "latin-1:strict"])
def test_output_that_is_not_utf_8(tmp_path: Path, encoding: str) -> None:
    """What the encoding does not have is shown by its number."""
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "rmanager.conf").write_text("[日本]\nport=日本\nharbour=1\n")
    (tmp_path / "conf" / "extmodule.conf").write_text("[listener 日本]\ntype=日本\n")
    environ = {"PYTHONIOENCODING": encoding}
    run(tmp_path, "run", "message x a=日本", "日本", **environ)
    run(tmp_path, "run", "--json", "message x a=日本", **environ)
    run(tmp_path, "check", "-c", str(tmp_path / "conf"), **environ)
    run(tmp_path, "attach", "日本.invalid", **environ)
    run(tmp_path, "run", "--attach", "日本.invalid", "version", **environ)
    if encoding != "utf-16":
        done = run(tmp_path, stdin="message x a=日本\nuptime\n", TERM="dumb", **environ)
        assert "\\u65e5\\u672c" in done.stdout and "Uptime" in done.stdout


REPLIES = (
    "",
    "\r\n",
    "a\tb\r\nc",
    "script\tstate\r\n\t\t\r\na\r\n",
    "name\tstate\r\na\tb\tc\td\r\n",
    "Uptime: 1 00:00:00 (1) user: 1.2.3 kernel: .\r\n",
    "Uptime: 1 00:00:00 (1) user: . kernel: 1e999\r\n",
    f"Uptime: 1 00:00:00 ({'9' * 5000}) user: {'9' * 400} kernel: 1\r\n",
    "name=x,format=a|b;x;a=1|2|3,b,c=|\r\n",
    "=,;;;\r\n",
    "Available commands:\r\n\r\n",
    "1. x y\r\n\t,,=,\r\n",
    f"{'9' * 5000}. x\r\n",
    f"x priority={'9' * 5000} trackname=''\r\n",
    "Debug level: \r\n",
)


@pytest.mark.parametrize("text", REPLIES)
def test_replies_of_another_engine(text: str) -> None:
    """Whatever a reply says, it becomes JSON and a picture: the other end may be anything."""
    commands = (
        "status", "external", "external info", "external show", "external why", "external log",
        "external audio", "dispatcher handlers", "module list", "uptime", "version", "debug",
        "alias", "meminfo", "help", "help x", "events", "reload", "top", "history",
    )  # fmt: skip
    for command in commands:
        parse.parse(command, text)
        json.dumps(to_json.as_object(command, Reply(True, text)))
        assert isinstance(render(Reply(True, text), command, Page(80, False, True)), str)


@pytest.mark.parametrize("digits", ["9", "-9", "0xf", "07"])
def test_thousands_of_digits_are_no_priority(digits: str) -> None:
    digits += digits[-1] * 5000
    assert parse_install(f"{digits}:x").priority == DEFAULT_PRIORITY


def test_the_uptime_does_not_follow_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    import asyncio
    import time

    async def story() -> str:
        async with Engine() as engine:
            now = time.time()
            monkeypatch.setattr(time, "time", lambda: now - 1e6)
            reply = await engine.command("uptime")
            monkeypatch.undo()
            return reply.text

    assert asyncio.run(story()).startswith("Uptime: 0 00:00:0")
