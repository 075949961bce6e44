"""What is expected compared with what came, as lines with ``-`` and ``+``.

An expected line may end in `` (glob)``: then ``*``, ``?`` and ``[…]`` stand for other text. One
that ends in `` (re)`` is a regular expression for a line. The line ``...`` stands for any lines.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from yext.console.transcripts import values

ANYTHING: Final = "..."
"""The line that stands for any lines, also for none."""

GLOB: Final = " (glob)"
REGEX: Final = " (re)"

_MOST_ALIGNED = 4_000_000
"""The largest product of two numbers of lines that are aligned line by line."""

_PARAM: Final = re.compile(r"([^\s=]+)=(.*)", re.DOTALL)
_TEXT: Final = re.compile(r"(return |renamed to )(.*)", re.DOTALL)


class Compared(NamedTuple):
    """The result of a comparison.

    Attributes:
        same: whether there is no difference.
        lines: both, each line after ``-``, ``+`` or a blank, and a blank.
        kept: the lines to be expected from now on: those that came, but a pattern where it fits;
            None if no lines would make both the same.
    """

    same: bool
    lines: list[str]
    kept: list[str] | None


def fits(expected: str, came: str) -> bool:
    """Return True if a line is as expected."""
    if expected.endswith(GLOB):
        return fnmatch.fnmatchcase(came, expected.removesuffix(GLOB))
    if expected.endswith(REGEX):
        try:
            return re.fullmatch(expected.removesuffix(REGEX), came) is not None
        except re.error:
            return False
    return expected == came


def compare_reply(expected: Sequence[str], came: Sequence[str]) -> Compared:
    """Compare the lines of a reply, in their order."""
    if len(expected) * len(came) > _MOST_ALIGNED:
        same = list(expected) == list(came)
        lines = [f"- {line}" for line in expected] + [f"+ {line}" for line in came]
        return Compared(same, [] if same else lines, list(came))
    lines, kept, same = [], [], True
    for wanted, found in _aligned(expected, came):
        if wanted is None:
            lines.append(f"+ {found}")
            kept.append(found or "")
            same = False
        elif found is None:
            if wanted != ANYTHING:
                lines.append(f"- {wanted}")
                same = False
            else:
                lines.append(f"  {wanted}")
                kept.append(wanted)
        else:
            lines.append(f"  {found}")
            if wanted != ANYTHING:
                kept.append(wanted)
    return Compared(same, lines, kept)


def _aligned(expected: Sequence[str], came: Sequence[str]) -> list[tuple[str | None, str | None]]:
    """Pair the lines so that as few as possible are left over."""
    # cost[i][j]: the lines left over of expected[i:] and came[j:].
    rows, columns = len(expected), len(came)
    cost = [[0] * (columns + 1) for _ in range(rows + 1)]
    for j in range(columns - 1, -1, -1):
        cost[rows][j] = cost[rows][j + 1] + 1
    for i in range(rows - 1, -1, -1):
        any_lines = expected[i] == ANYTHING
        cost[i][columns] = cost[i + 1][columns] + (not any_lines)
        for j in range(columns - 1, -1, -1):
            if any_lines:
                cost[i][j] = min(cost[i + 1][j], cost[i][j + 1])
                continue
            best = min(cost[i + 1][j], cost[i][j + 1]) + 1
            if fits(expected[i], came[j]):
                best = min(best, cost[i + 1][j + 1])
            cost[i][j] = best
    return _path(expected, came, cost)


def _path(
    expected: Sequence[str], came: Sequence[str], cost: list[list[int]]
) -> list[tuple[str | None, str | None]]:
    found: list[tuple[str | None, str | None]] = []
    i = j = 0
    while i < len(expected) or j < len(came):
        if i == len(expected):
            found.append((None, came[j]))
            j += 1
        elif expected[i] == ANYTHING:
            if cost[i][j] == cost[i + 1][j]:
                found.append((ANYTHING, None))
                i += 1
            else:
                found.append((ANYTHING, came[j]))
                j += 1
        elif j < len(came) and cost[i][j] == cost[i + 1][j + 1] and fits(expected[i], came[j]):
            found.append((expected[i], came[j]))
            i, j = i + 1, j + 1
        elif cost[i][j] == cost[i + 1][j] + 1:
            found.append((expected[i], None))
            i += 1
        else:
            found.append((None, came[j]))
            j += 1
    return found


def compare_message(
    expected: Sequence[str], came: Sequence[str], unchanged: Sequence[str] = ()
) -> Compared:
    """Compare what is expected of a message with what came of it, in any order.

    Args:
        expected: the expected lines.
        came: all that came of the message.
        unchanged: what may be expected of it as well.
    """
    wanted = [_canonical(line) for line in expected if line != ANYTHING]
    open_end = len(wanted) < len(expected)
    lines: list[str] = []
    kept: list[str] = []
    for line in came:
        found = next((one for one in wanted if _agrees(one, line)), None)
        if found is not None:
            wanted.remove(found)
            lines.append(f"  {line}")
            kept.append(found)
            continue
        denied = [one for one in wanted if _about(one) == _about(line)]
        for one in denied:
            wanted.remove(one)
            lines.append(f"- {one}")
        if denied or not open_end:
            lines.append(f"+ {line}")
            kept.append(line)
    for one in wanted:
        fit = any(_agrees(one, line) for line in unchanged)
        lines.append(f"{' ' if fit else '-'} {one}")
        if fit:
            kept.append(one)
    if open_end:
        kept.append(ANYTHING)
    return Compared(all(line.startswith(" ") for line in lines), lines, kept)


def _agrees(wanted: str, came: str) -> bool:
    return fits(wanted, came) or (wanted == "handled" and came.startswith("handled by "))


def _about(line: str) -> str:
    """Return what a line tells: a parameter, the return value, the new name, or the outcome."""
    found = _PARAM.match(line)
    if found is not None:
        return f"{found[1]}="
    if line.startswith("no "):
        return f"{line.removeprefix('no ')}="
    found = _TEXT.match(line)
    return found[1] if found is not None else ""


def _canonical(line: str) -> str:
    """Return a line with its value written as yext writes it."""
    if line.endswith((GLOB, REGEX)):
        return line
    for pattern, between in ((_TEXT, ""), (_PARAM, "=")):
        found = pattern.fullmatch(line)
        if found is not None:
            try:
                return f"{found[1]}{between}{values.written(values.read(found[2]), ends_line=True)}"
            except ValueError:
                return line
    return line
