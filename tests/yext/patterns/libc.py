"""GNU's C library as the judge of expressions: ``regcomp`` and ``regexec`` called by ctypes.

The program is in the C locale, as Yate is, so texts are bytes, one character each.
"""

from __future__ import annotations

import ctypes

_EXTENDED, _ICASE = 1, 2
_GROUPS = 10

_libc = ctypes.CDLL(None)


class _Match(ctypes.Structure):
    _fields_ = (("start", ctypes.c_int), ("end", ctypes.c_int))


class LibcRegex:
    """A compiled expression of the C library.

    Raises:
        ValueError: the library refuses the expression.
    """

    def __init__(self, pattern: str, extended: bool, insensitive: bool) -> None:
        self._buffer = ctypes.create_string_buffer(256)
        flags = _EXTENDED * extended | _ICASE * insensitive
        if _libc.regcomp(self._buffer, pattern.encode("latin-1"), flags):
            raise ValueError(pattern)

    def __del__(self) -> None:
        _libc.regfree(self._buffer)

    def groups(self, text: str) -> list[tuple[int, int]] | None:
        """Return the bounds of the match and of nine groups, None without a match."""
        found = (_Match * _GROUPS)()
        if _libc.regexec(self._buffer, text.encode("latin-1"), _GROUPS, found, 0):
            return None
        return [(one.start, one.end) for one in found]
