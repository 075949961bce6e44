"""The audio formats that ``$(transcode,…)`` knows, and what they can be changed into."""

from __future__ import annotations

from typing import Final, NamedTuple


class _Format(NamedTuple):
    rate: int
    channels: int
    convertible: bool


def _table() -> dict[str, _Format]:
    found = {
        f"{codec}/{rate}" if rate > 8000 else codec: _Format(rate, 1, True)
        for rate in (8000, 16000, 32000)
        for codec in ("slin", "alaw", "mulaw")
    }
    for name, rate in (("slin", 8000), ("slin/16000", 16000), ("slin/32000", 32000)):
        found[f"2*{name}"] = _Format(rate, 2, True)
    found |= {f"2*{codec}": _Format(8000, 2, True) for codec in ("alaw", "mulaw")}
    found |= {name: _Format(8000, 1, False) for name in ("gsm", "ilbc20", "ilbc30", "g729")}
    return found | {name: _Format(0, 1, False) for name in ("plain", "raw")}


_FORMATS: Final = _table()
"""The formats of Yate without modules for codecs, in its order."""


_UNREACHED: Final = dict.fromkeys(("2*slin/16000", "2*slin/32000"), ("2*alaw", "2*mulaw"))
"""Formats that another one cannot be changed into, although rate and channels might change."""


def reachable(given: str, flags: str) -> list[str]:
    """Return the formats that audio can be changed into.

    Args:
        given: the names of its formats, with commas between them.
        flags: of ``e`` (without those given), ``r`` (also of other rates) and ``c`` (also of
            another number of channels).
    """
    wanted = given.split(",")
    found = [name for name in wanted if name in _FORMATS] if "e" not in flags else []
    for name in wanted:
        source = _FORMATS.get(name)
        if source is None or not source.convertible:
            continue
        found += [
            other
            for other, format in _FORMATS.items()
            if format.convertible
            and other not in wanted
            and other not in found
            and other not in _UNREACHED.get(name, ())
            and ("r" in flags or format.rate == source.rate)
            and ("c" in flags or format.channels == source.channels)
        ]
    return found
