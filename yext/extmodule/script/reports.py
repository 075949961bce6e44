"""The reports of a script that ends again and again: the first and the last whole, one line each
for those between."""

from __future__ import annotations

from yext.log import clock


def first_end(lines: tuple[str, ...], when: float, again: str) -> tuple[str, ...]:
    """Return the report of an end that leads to a restart.

    Args:
        lines: the report of the end itself.
        when: the time of the end, in seconds since 1970.
        again: when the script is started again, and for the how manieth time.
    """
    return _before_hints(lines, f"when: {clock(when)}, {again}")


def next_end(
    label: str, status: str, when: float, again: str, count: int, seconds: float
) -> tuple[str, ...]:
    """Return the report of another end of the same kind.

    Args:
        label: the script, and its parameter if there is one.
        status: how it ended.
        when: the time of the end, in seconds since 1970.
        again: as in `first_end`.
        count: how many ends there were within `seconds`.
    """
    headline = (
        f"{label} ended again at {clock(when)}, {status}, {_ordinal(count)} time in"
        f" {seconds:.0f} s; {again}"
    )
    return headline, f"why: external why {label}"


def last_end(lines: tuple[str, ...], when: float, headline: str, hint: str) -> tuple[str, ...]:
    """Return the report of the end after which a script is not started again.

    Args:
        lines: the report of the end itself, empty if the script could not be started.
        when: the time, in seconds since 1970.
        headline: takes the place of the first line.
        hint: what to do if `lines` do not say it.
    """
    details = lines[1:] if any(line.startswith("do: ") for line in lines) else (*lines[1:], hint)
    return _before_hints((headline, *details), f"when: {clock(when)}")


def _before_hints(lines: tuple[str, ...], line: str) -> tuple[str, ...]:
    hints = [one for one in lines if one.startswith("do: ")]
    return (*(one for one in lines if one not in hints), line, *hints)


def _ordinal(number: int) -> str:
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{'th' if 10 < number % 100 < 14 else ending}"
