"""What the C library tells of the memory it manages, as Yate's command ``meminfo`` shows it."""

from __future__ import annotations

import ctypes

_FIELDS = (
    "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks",
    "fordblks", "keepcost",
)  # fmt: skip


class _Mallinfo2(ctypes.Structure):
    """struct mallinfo2, mallinfo(3): since glibc 2.33."""

    _fields_ = [(name, ctypes.c_size_t) for name in _FIELDS]


def statistics() -> dict[str, int]:
    """The fields of mallinfo(3) in its order, in bytes and counts; all 0 where the C library
    has no mallinfo2."""
    mallinfo2 = getattr(ctypes.CDLL(None), "mallinfo2", None)
    if mallinfo2 is None:
        return dict.fromkeys(_FIELDS, 0)
    mallinfo2.restype = _Mallinfo2
    told = mallinfo2()
    return {name: getattr(told, name) for name in _FIELDS}
