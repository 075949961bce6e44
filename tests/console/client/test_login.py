"""The login of an attached console: three tries for a password, read without echo."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from remotes import Remote
from terminals import Place, Terminal

from yext.console.client.login import TRIES

GUARDED = """
    [general]
    port=PORT
    telnet=no
    header=
    password=open-sesame
"""


@pytest.fixture
def remote(tmp_path: Path) -> Iterator[Remote]:
    remote = Remote(tmp_path, GUARDED)
    yield remote
    remote.close()


@pytest.fixture
def terminal(remote: Remote) -> Iterator[Terminal]:
    with tempfile.TemporaryDirectory(prefix="y") as folder:
        place = Place(Path(folder))
        host = f"127.0.0.1:{remote.port()}"
        yield place.run([sys.executable, "-m", "console", "attach", host])
        place.close()


def give(terminal: Terminal, password: str, asked: int) -> None:
    terminal.until(lambda: terminal.text().count("Password of") == asked, "asked for a password")
    terminal.type(f"{password}\n")


def test_a_wrong_password_is_asked_for_again(terminal: Terminal) -> None:
    give(terminal, "wrong", 1)
    give(terminal, "open-sesame", 2)
    terminal.sees("Type help")
    assert "wrong" not in terminal.text() and "sesame" not in terminal.text()
    assert "Bad authentication" in terminal.text()
    terminal.type("\x04")
    assert terminal.end() == 0


def test_after_three_wrong_ones_it_ends(terminal: Terminal) -> None:
    for asked in range(1, TRIES + 1):
        give(terminal, "wrong", asked)
    assert terminal.end() == 4
