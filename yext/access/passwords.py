"""Passwords as they are stored in rmanager.conf and extmodule.conf.

A stored password is the password itself, as in Yate, or its scrypt hash (RFC 7914) as a PHC
string (github.com/P-H-C/phc-string-format): ``$scrypt$ln=15,r=8,p=1$SALT$HASH``, with salt and
hash in base64 without ``=``.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import re
import secrets
from dataclasses import dataclass

from yext.errors import PasswordHashError

_STORED = re.compile(
    r"\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d)\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})"
)

_SALT_BYTES = 16
_HASH_BYTES = 32
_MEMORY_MAX = 256 * 1024 * 1024
"""Bytes of memory that checking one password may take; a hash that needs more is refused."""


@dataclass(frozen=True, slots=True)
class Hashed:
    """The parts of a hash.

    Attributes:
        cost: scrypt's cost, as a power of two.
        block: its block size.
        parallel: its parallelism.
        salt, hash: the bytes.
    """

    cost: int
    block: int
    parallel: int
    salt: bytes
    hash: bytes

    @property
    def memory(self) -> int:
        """Bytes of memory that scrypt needs."""
        return 128 * self.block * ((1 << self.cost) + self.parallel + 2)

    def of(self, password: str) -> bytes:
        """Return the hash of `password` with this salt and cost."""
        from hashlib import scrypt

        return scrypt(
            _bytes(password),
            salt=self.salt,
            n=1 << self.cost,
            r=self.block,
            p=self.parallel,
            maxmem=self.memory + 1024 * 1024,
            dklen=len(self.hash),
        )

    def text(self) -> str:
        """Return the hash as it is stored."""
        salt, digest = _base64(self.salt), _base64(self.hash)
        return f"$scrypt$ln={self.cost},r={self.block},p={self.parallel}${salt}${digest}"


def is_hashed(stored: str) -> bool:
    """Return whether `stored` is meant to be a hash."""
    return stored.startswith("$scrypt$")


def parse(stored: str) -> Hashed:
    """Return the parts of a stored hash.

    Raises:
        PasswordHashError: no password can match `stored`.
    """
    found = _STORED.fullmatch(stored)
    if found is None:
        raise PasswordHashError("not a hash that 'yext passwd' makes")
    try:
        salt, digest = _unbase64(found[4]), _unbase64(found[5])
    except binascii.Error as error:
        raise PasswordHashError("salt or hash is not base64") from error
    hashed = Hashed(int(found[1]), int(found[2]), int(found[3]), salt, digest)
    if not (hashed.cost and hashed.block and hashed.parallel) or hashed.memory > _MEMORY_MAX:
        raise PasswordHashError(f"takes more than {_MEMORY_MAX >> 20} MiB to check, or has no cost")
    return hashed


def hash_password(password: str) -> str:
    """Return the hash of `password` with a new salt, as it is stored."""
    hashed = Hashed(15, 8, 1, secrets.token_bytes(_SALT_BYTES), bytes(_HASH_BYTES))
    return Hashed(15, 8, 1, hashed.salt, hashed.of(password)).text()


async def matches(stored: str, password: str) -> bool:
    """Return whether `password` is the stored one, in a time that does not depend on that."""
    if not stored or not password:
        return False
    if not is_hashed(stored):
        return hmac.compare_digest(_bytes(stored), _bytes(password))
    try:
        hashed = parse(stored)
    except PasswordHashError:
        return False
    # The arithmetic takes some fifty milliseconds, during which the loop must go on.
    found = await asyncio.to_thread(hashed.of, password)
    return hmac.compare_digest(found, hashed.hash)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode().rstrip("=")


def _unbase64(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
