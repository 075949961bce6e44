"""Passwords in command lines: no observer sees one, no file that others read holds one."""

from __future__ import annotations

import os
import re
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


PROBES = {
    "line~hunter": False,
    "line~password=h": False,
    "line=*hunter2*": False,
    "line!=*hunter2*": True,
    "not line~hunter2": True,
    "engine.command and (line~hunter2 or line~nothing)": False,
    "line~external and not line~hunter": True,
    "partline~hunter or partial~hunter or partword~hunter": False,
    "handled or unhandled": True,
}
"""Filters that test what is hidden inside other values, and whether they let messages through whose
values say nothing of it."""


@pytest.mark.parametrize("login", ["auth u", "auth p"])
def test_a_filter_finds_nothing_that_is_hidden(remote: Remote, login: str) -> None:
    """Nor by what it leaves out. Passwords of other admins are hidden from admins, too."""
    hidden = ["AUTH hunter2", "message engine.command 'line=auth hunter2'"]
    if login == "auth u":
        hidden += [line.format(SECRET) for line in LINES]
    admin, observer = remote.open(), remote.open()
    admin.ask("auth p")
    observer.ask(login)
    for line in hidden:
        admin.ask(line)
    observer.ask("flow on *")
    observer.ask("flow pause")
    for line in [*hidden, "external execute /bin/true x"]:
        admin.ask(line)
    for probe, passes in PROBES.items():
        assert observer.ask(f"flow filter {probe}").startswith("Flow: paused"), probe
        shown = observer.ask("flow last 1000")
        assert not [
            line
            for line in shown.splitlines()
            if "engine." in line and SECRET in line and "none fits" not in line
        ]
        names = re.findall(r"#\d+ +engine.command ", shown)
        assert bool(names) is passes, (probe, shown)


def test_a_filter_may_not_name_a_hidden_parameter(remote: Remote) -> None:
    observer = remote.open()
    observer.ask("auth u")
    for probe in ("password=a*", "password~a", "not password=a", "my_passwd>1"):
        for command in ("flow filter", "flow on"):
            assert not observer.ask(f"{command} x and {probe}").startswith("Flow:"), probe


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
