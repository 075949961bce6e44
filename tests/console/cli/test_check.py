"""``yext check``: every mistake on its line, and nothing started."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from ports import free_port


def check(folder: Path, *options: str) -> tuple[int, list[str]]:
    """Exit code and lines of the command, as an operator gives it."""
    done = subprocess.run(
        [sys.executable, "-m", "console", "check", "-c", str(folder), *options],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert not done.stderr
    return done.returncode, done.stdout.splitlines()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A configuration without a mistake, whose script leaves a file when it is started."""
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    good = scripts / "good.sh"
    good.write_text(f"#!/bin/sh\ntouch {tmp_path}/started\n")
    good.chmod(0o755)
    conf = tmp_path / "conf"
    conf.mkdir()
    (conf / "rmanager.conf").write_text("[general]\nport=0\n")
    write(conf, "[scripts]\ngood.sh=x\n")
    return conf


def write(conf: Path, text: str) -> None:
    """extmodule.conf: four lines, then `text`."""
    head = f"[general]\nscripts_dir={conf.parent}/scripts/\n\n\n"
    (conf / "extmodule.conf").write_text(head + text)


def test_nothing_to_find(folder: Path) -> None:
    port = free_port()
    write(
        folder,
        f"[listener a]\ntype=tcp\nport={port}\n[listener b]\ntype=unix\npath={folder}/sock\n"
        "[scripts]\ngood.sh=x\n[execute]\n/bin/true=\n",
    )
    assert check(folder) == (0, [])
    assert sorted(os.listdir(folder)) == ["extmodule.conf", "rmanager.conf"]
    assert not (folder.parent / "started").exists()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("timout=1", "extmodule.conf:5: warning: unknown option 'timout' in [general]; did you"),
        ("timeout=x", "extmodule.conf:5: error: timeout=x is not a number of milliseconds"),
        ("waitflush=101", "extmodule.conf:5: warning: waitflush=101 is not 1 to 100: taken as"),
        ("[script]\na=b", "extmodule.conf:5: warning: unknown section [script], did you mean [s"),
        (
            "[scripts]\nbad.sh=",
            "extmodule.conf:6: error: bad.sh: No such file or directory (ENOENT",
        ),
        (
            "[scripts]\nplain=",
            "extmodule.conf:6: error: plain: not executable: mode 0644 (EACCES, 13)",
        ),
        ("[execute]\n/gone=", "extmodule.conf:6: error: /gone: No such file or directory (ENOENT,"),
        ("[listener a]\ntype=tpc", "extmodule.conf:6: error: Unknown type 'tpc' of listener 'a'"),
        (
            "[listener a]\ntype=unix\npath=/gone/s",
            "extmodule.conf:5: error: listener 'a': unix /go",
        ),
        ("[listener a]\ntype=tcp\nport=x", "extmodule.conf:7: error: Could not start listener 'a'"),
    ],
)
def test_a_mistake_in_extmodule_conf(folder: Path, text: str, expected: str) -> None:
    (folder.parent / "scripts" / "plain").write_text("#!/bin/sh\n")
    write(folder, text)
    code, lines = check(folder)
    assert code == 1
    assert len(lines) == 1
    assert lines[0].startswith(expected)


def test_ports_and_paths_in_use(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as unix:
        port = tcp.getsockname()[1]
        unix.bind(str(folder / "sock"))
        unix.listen()
        write(
            folder,
            f"[listener a]\ntype=tcp\nport={port}\n[listener b]\ntype=unix\npath={folder}/sock\n"
            f"[listener c]\ntype=tcp\nport={port}\n",
        )
        (folder / "rmanager.conf").write_text(f"[general]\nport={port}\n")
        code, lines = check(folder)
    assert code == 1
    assert [line.partition(" (")[0] for line in lines[:1] + lines[3:]] == [
        f"extmodule.conf:5: error: listener 'a': tcp 127.0.0.1:{port}: Address already in use",
        f"rmanager.conf:1: error: listener 'general': tcp 127.0.0.1:{port}: Address already in use",
    ]
    assert "another program listens there" in lines[1]
    assert lines[2].endswith(f"listener 'c': tcp 127.0.0.1:{port} is that of 'a' already")


def test_a_mistake_in_rmanager_conf(folder: Path) -> None:
    (folder / "rmanager.conf").write_text("[general]\nprot=1\naddr=0.0.0.0\nport=1\n")
    code, lines = check(folder)
    assert code == 1
    assert lines[0].startswith("rmanager.conf:1: error: listener 'general': addr=0.0.0.0: ")
    assert lines[1].startswith("rmanager.conf:2: warning: unknown option 'prot' in [general]")


def test_a_mistake_in_yate_conf(folder: Path) -> None:
    (folder / "yate.conf").write_text(
        "[general]\nnodenam=x\n[modulse]\n[modules]\nysipchan.yate=yes\nextmodule.yate=maybe\n"
    )
    assert check(folder) == (
        1,
        [
            "yate.conf:2: warning: unknown option 'nodenam' in [general];"
            " did you mean nodename or nodeid?",
            "yate.conf:3: warning: unknown section [modulse], did you mean [modules]?",
            "yate.conf:5: note: ysipchan.yate is no module of yext: it is left out",
            "yate.conf:6: warning: extmodule.yate=maybe is not a boolean",
        ],
    )


def test_notes_alone_are_no_failure(folder: Path) -> None:
    (folder / "yate.conf").write_text("[modules]\nysipchan.yate=yes\n")
    code, lines = check(folder)
    assert (code, len(lines)) == (0, 1)


def test_sections_for_scripts(folder: Path) -> None:
    """Scripts read them by ``%%>setlocal:config``; a misspelt section of Yate's is a warning."""
    conf = folder / "yate.conf"
    conf.write_text("[billing]\nrate=7\n")
    note = "yate.conf:1: note: [billing] is for scripts alone, which read it by %%>setlocal:config"
    assert check(folder) == (0, [note])
    assert check(folder, "--strict") == (1, [note])
    conf.write_text("[generall]\nrate=7\n")
    assert check(folder)[0] == 1
    conf.write_text("")
    assert check(folder, "--strict") == (0, [])


def test_what_stands_in_sample_files_of_yate(folder: Path) -> None:
    """One of them has a comment behind a colon; the options are from the others."""
    (folder / "yate.conf").write_text(
        "[general]\n: minworkers: int: Minimum of threads\nmsgsniff:mine=filter=x\n"
        "filtersniffparams=a=b\ntrace_msg_time=no\ntrace_msg_handler_time=no\n"
        "uri_parse_tel_rfc=yes\n"
    )
    (folder / "ysipchan.conf").write_text("[general]\nport=5060\n")
    code, lines = check(folder)
    assert (code, len(lines)) == (0, 2)
    assert lines[0] == "yate.conf:2: note: this line is no comment: those begin with ;"


def test_a_module_that_is_off_is_not_looked_at(folder: Path) -> None:
    (folder / "yate.conf").write_text("[modules]\nextmodule.yate=no\n")
    write(folder, "[scripts]\ngone.sh=\n")
    assert check(folder) == (0, [])


def test_json(folder: Path) -> None:
    write(folder, "[scripts]\ngone\033.sh=\n")
    code, lines = check(folder, "--json")
    assert code == 1
    (found,) = [json.loads(line) for line in lines]
    assert (found["file"], found["line"], found["severity"]) == ("extmodule.conf", 6, "error")
    assert found["text"].startswith("gone\\x1b.sh: No such file or directory (ENOENT, 2); tried: ")


def test_a_directory_that_is_none(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "console", "check", "-c", str(tmp_path / "gone")],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "is not a directory" in done.stderr


def test_listeners_for_others_are_reported(folder: Path) -> None:
    ports = [free_port() for _ in range(3)]
    certain = "\ntype=tcp\naddr=0.0.0.0\nport="
    write(
        folder,
        f"[listener wide]{certain}{ports[0]}\n[listener open]{certain}{ports[1]}\nopen=yes\n"
        f"[listener clear]{certain}{ports[2]}\npassword=p\n[listener odd]\ntype=unix\n"
        f"path={folder}/s\nusers=no-such-user\nmode=9\nssl=yes\n"
        f"[listener group]\ntype=unix\npath={folder}/g\ngroup=0\n",
    )
    code, lines = check(folder)
    assert code == 1
    wanted = (
        "error: listener 'wide': addr=0.0.0.0: not opened to other machines while no password",
        f"warning: listener 'open': everyone who reaches tcp 0.0.0.0:{ports[1]} may start programs",
        f"warning: listener 'clear': the password is sent to tcp 0.0.0.0:{ports[2]} in clear",
        "error: users=no-such-user: there is no such system user",
        "error: mode=9 is not three octal digits",
        "warning: group= lets its members reach the socket, but only the engine's user gets in",
        "error: ssl=yes needs certificate=, a file with certificate and key; listener 'odd'",
    )
    for text in wanted:
        assert any(text in line for line in lines), (text, lines)
    assert len(lines) == len(wanted)
