"""Authority on a listener: passwords, guesses, what users may give."""

from __future__ import annotations

import asyncio

import pytest

from yext.console.server.auth import Credentials, UserCommands
from yext.console.session.authority import Authority
from yext.patterns.posix import basic_regex


@pytest.mark.parametrize(
    ("admin", "user", "given", "found"),
    [
        ("p", "u", "p", Authority.ADMIN),
        ("p", "u", "u", Authority.USER),
        ("p", "u", "x", None),
        ("x", "x", "x", Authority.ADMIN),
        ("", "u", "", None),
        ("p", "", "", None),
        ("", "", "", None),
        ("pä\udcff", "", "pä\udcff", Authority.ADMIN),
    ],
)
def test_credentials(admin: str, user: str, given: str, found: Authority | None) -> None:
    assert asyncio.run(Credentials(admin, user).authority_of(given)) is found


def test_user_prefix_is_matched_by_whole_words() -> None:
    may = UserCommands(("drop", "status engine"), None)
    assert may("drop")
    assert may("drop  x/1")
    assert may("status   engine x")
    assert not may("dropx y")
    assert not may("status")
    assert not may("external execute x")


def test_user_regexp_is_searched_for_in_the_whole_line() -> None:
    may = UserCommands((), basic_regex(r"^\(drop a\|vers\)\|engine$"))
    assert may("drop abc")
    assert may("version")
    assert may("status engine")
    assert not may("drop xyz")
    assert not UserCommands((), None)("version")
