"""Passwords in command lines: no observer sees one, no file that others read holds one."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from remotes import Remote

CONF = """
    [general]
    port=PORT
    telnet=no
    header=
    password=p
    userpass=u
    user_flow=yes
    files=FOLDER
"""

SECRET = "hunter2"

LINES = [
    "message x password={}",
    "message x line=a password={}",
    "message engine.command 'line=external execute /bin/true password={}'",
    "message engine.debug 'line=level password={}'",
    "message engine.status 'module=x' 'line=x password={}'",
    "message engine.help 'line=x password={}'",
    "message engine.command 'line=auth {}'",
    "message engine.command 'line=x authsecret={}' partline=x",
    "message engine.command 'partline=call x password={}' partword=a",
    "message engine.command 'partial=call x password={}'",
    "control x y password={}",
    "status x password={}",
    "debug x password={}",
    "unheard-of command password={}",
    "unheard-of command 'password={}'",
    "call x tone/dial password={}",
    "auth {}",
    "AUTH {}",
    "watch 1 auth {}",
    "alias a auth {}",
    "external execute /bin/true my_passwd={}",
]


@pytest.fixture
def remote(tmp_path: Path) -> Iterator[Remote]:
    served = Remote(tmp_path, CONF)
    yield served
    served.close()


@pytest.mark.parametrize("follow", ["machine on", "flow on"])
def test_an_observer_sees_no_password_of_a_command_line(remote: Remote, follow: str) -> None:
    admin, observer = remote.open(), remote.open()
    admin.ask("auth p")
    observer.ask("auth u")
    observer.send(f"{follow}\r\noutput on\r\n")
    for line in LINES:
        admin.ask(line.format(SECRET))
    admin.ask("message the.last")
    seen = observer.until("the.last").decode()
    assert SECRET not in seen, [line for line in seen.splitlines() if SECRET in line]
    assert "engine.command" in seen and "engine.debug" in seen
    if follow == "flow on":
        text = "".join(observer.ask(f"flow show {number}") for number in range(1, 60))
        assert "engine.debug" in text and SECRET not in text
    # Nor does the log, with its audit, or the history.
    assert not remote.logged(SECRET)
    assert SECRET not in admin.ask("history")


def test_what_is_saved_is_readable_for_its_owner_only(remote: Remote, tmp_path: Path) -> None:
    admin = remote.open()
    admin.ask("auth p")
    before = os.umask(0)
    try:
        admin.ask("flow on")
        admin.ask(f"message x password={SECRET}")
        admin.ask(f"flow save {tmp_path}/saved")
        admin.ask(f"call tone/dial wave/record/{tmp_path}/heard.slin")
    finally:
        os.umask(before)
    for path in (tmp_path / "saved", tmp_path / "heard.slin", remote.log):
        remote.until(path.exists, path.name)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
