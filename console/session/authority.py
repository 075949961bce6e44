"""What an operator may do, as in Yate's remote manager."""

from __future__ import annotations

import enum


class Authority(enum.IntEnum):
    """The level of a session; a user is an observer."""

    GUEST = 0
    USER = 1
    ADMIN = 2
