"""The PyPI package libyate (1.0, of 2015), as far as it can be tested.

It is for Python 2.6 and 2.7. On Python 3 only `import libyate` works: libyate.extmodule and
libyate.rmanager import the module `Queue` or build on libyate.type, which imports
`collections.MutableMapping` and uses `unicode` and `xrange`; its commands get their fields from a
`__metaclass__`, which Python 3 ignores. Neither Debian nor PyPI offers a Python 2 any more.

Nevertheless its protocol is known: its description holds the logs of two sample programs that run
with Yate 5.4, with each line sent and received. These tests play them.
"""

import ast
import asyncio
import importlib.metadata
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from yext import __version__
from yext.testing.bench import TestBench

SCRIPT = """#!/bin/sh
cat {said}
cat >{heard}
"""


def _logs() -> list[tuple[list[str], list[str]]]:
    """Return the lines sent and received in the logs of the script and of the socket client."""
    message = importlib.metadata.metadata("libyate")
    text = message.get_payload() or message["Description"]  # type: ignore[attr-defined]
    parts = re.split(r"Sample socket client application", text)[:2]
    return [(_lines(part, "Sending"), _lines(part, "Received")) for part in parts]


def _lines(text: str, verb: str) -> list[str]:
    found = re.findall(rf"{verb} \d+ bytes: ('.*')", text)
    lines = "".join(ast.literal_eval(one) for one in found).splitlines()
    return [line.replace("5.4.0", __version__) for line in lines if not _is_tick(line)]


def _is_tick(line: str) -> bool:
    """True for a notice of engine.timer, which may come at any time."""
    return line.startswith("%%<message::") and ":engine.timer:" in line


LOGS = _logs()


def test_this_python_imports_no_more_than_its_name() -> None:
    for module, error in (
        ("libyate", ""),
        ("libyate.extmodule", "No module named 'Queue'"),
        ("libyate.type", "cannot import name 'MutableMapping' from 'collections'"),
    ):
        ran = subprocess.run(
            [sys.executable, "-c", f"import {module}"], capture_output=True, text=True, check=False
        )
        assert error in ran.stderr
        assert (ran.returncode == 0) is (not error)


@pytest.fixture
def yext_config(tmp_path: Path) -> Path:
    (tmp_path / "extmodule.conf").write_text(
        f"[general]\nscripts_dir={tmp_path}/\n"
        f"[listener sample]\ntype=unix\npath={tmp_path}/sample.sock\n"
    )
    return tmp_path


def test_the_logged_script_gets_what_yate_answered(
    yext_engine: TestBench, yext_config: Path
) -> None:
    sent, received = LOGS[0]
    assert len(sent) == len(received) == 7
    said, heard, script = (yext_config / name for name in ("said", "heard", "sample.sh"))
    said.write_text("".join(f"{line}\n" for line in sent))
    script.write_text(SCRIPT.format(said=said, heard=heard))
    script.chmod(0o755)
    yext_engine.start("sample.sh", "-d")
    params = yext_engine.expect("myapp.test").params
    assert params == {"path": "/bin:/usr/bin", "testing": "true", "done": "75%"}
    yext_engine.command("external stop sample.sh")
    lines = [line for line in heard.read_text().splitlines() if not _is_tick(line)]
    assert sorted(lines) == sorted(received)


def test_the_logged_socket_client_gets_what_yate_answered(
    yext_engine: TestBench, yext_config: Path
) -> None:
    sent, received = LOGS[1]
    assert sent[0] == "%%>connect:global::"
    with socket.socket(socket.AF_UNIX) as peer, peer.makefile("r", newline="\n") as answers:
        peer.connect(str(yext_config / "sample.sock"))
        *first, unwatch = (f"{line}\n" for line in sent)
        peer.sendall("".join(first).encode())
        lines = (line for line in answers if not _is_tick(line))
        got = yext_engine.wait(asyncio.to_thread(lambda: [next(lines) for _ in received[:-1]]))
        yext_engine.expect_log("Starting sample.py")
        peer.sendall(unwatch.encode())
        peer.shutdown(socket.SHUT_WR)
        got += yext_engine.wait(asyncio.to_thread(lambda: list(lines)))
    assert got == [f"{line}\n" for line in received]
