"""Stored passwords and their hashes."""

import asyncio

import pytest

from yext.access import passwords
from yext.errors import PasswordHashError


def test_a_hashed_password_matches_itself_alone() -> None:
    stored = passwords.hash_password("sesame")
    assert stored.startswith("$scrypt$ln=15,r=8,p=1$")
    assert stored != passwords.hash_password("sesame")
    assert asyncio.run(passwords.matches(stored, "sesame"))
    assert not asyncio.run(passwords.matches(stored, "Sesame"))
    assert not asyncio.run(passwords.matches(stored, stored))
    assert passwords.parse(stored).text() == stored


def test_a_hash_of_rfc_7914_matches() -> None:
    vector = passwords.Hashed(
        14,
        8,
        1,
        b"SodiumChloride",
        bytes.fromhex(
            "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"
            "d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887"
        ),
    )
    assert asyncio.run(passwords.matches(vector.text(), "pleaseletmein"))


@pytest.mark.parametrize(
    "stored",
    [
        "$scrypt$",
        "$scrypt$ln=15,r=8,p=1$c2FsdHNhbHRzYWx0$short",
        "$scrypt$ln=30,r=8,p=1$" + "A" * 22 + "$" + "A" * 43,
        "$scrypt$ln=15,r=0,p=1$" + "A" * 22 + "$" + "A" * 43,
    ],
)
def test_what_is_no_hash_matches_nothing(stored: str) -> None:
    with pytest.raises(PasswordHashError):
        passwords.parse(stored)
    assert not asyncio.run(passwords.matches(stored, stored))
