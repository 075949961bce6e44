"""``; | grep | less > FILE >> FILE`` after a command line, as in a shell.

They are taken as such only outside quotes and between blanks, so that ``slow>10ms`` in a filter and
``;transport=tls`` in an address stay what they are. A ``|`` before anything but a filter stays too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

FILTERS: Mapping[str, str] = {
    "grep": "shows only the lines with a text; -i in any case, -v those without",
    "less": "shows it through the pager",
}
"""What may follow a ``|``."""

_OPERATOR = re.compile(
    r"(?<=\s)(\|)(?=\s+(?:grep\b|less\s*$|less\s+[|>;]))|(?<=\s)(>>?)|(;)(?=\s|$)"
)

_QUOTED = re.compile(r"""\\.|"(?:\\.|[^"\\])*(?:"|$)|'[^']*(?:'|$)""", re.DOTALL)

_TAKES_ALL = re.compile(r"(?:flow\s+(?:on|filter)|intercept|sniffer)\b")
"""Commands whose arguments have a ``>`` of their own, which makes no file of them."""


class Pipeline(NamedTuple):
    """A command, and what is done with its reply.

    Attributes:
        command: the command line.
        filters: the words of each filter, in their order.
        file: the file that the reply is written to, empty for none.
        append: whether it is added to the end of the file.
    """

    command: str
    filters: tuple[tuple[str, ...], ...] = ()
    file: str = ""
    append: bool = False

    @property
    def plain(self) -> bool:
        """Whether it is a command alone."""
        return not self.filters and not self.file


def parse(line: str) -> list[Pipeline]:
    """Cut a line into its commands; one that is empty is left out."""
    return [made for pieces in _commands(line) if (made := _pipeline(pieces)).command]


def writes(line: str) -> bool:
    """Whether a line writes to a file."""
    return any(one.file for one in parse(line))


def pages(line: str) -> bool:
    """Whether a line asks for the pager."""
    found = parse(line)
    return bool(found) and any(words[0] == "less" for words in found[-1].filters)


def last(line: str) -> str:
    """Return the last command of a line that is being typed, with what follows it."""
    end = max((end for operator, _, end in _operators(line) if operator == ";"), default=0)
    return line[end:].lstrip()


def expected(line: str) -> str:
    """Return the operator that a line being typed ends with, before its argument; else empty."""
    stripped = line.rstrip()
    if stripped.endswith("|") and stripped[-2:-1].isspace():
        return "|"
    found = list(_operators(f"{stripped} "))
    return found[-1][0] if found and found[-1][2] == len(stripped) else ""


def grep(words: tuple[str, ...], text: str) -> str:
    """Return the lines of `text` that a filter ``grep`` lets through, which end in LF."""
    options = [word for word in words[1:] if re.fullmatch("-[iv]+", word)]
    wanted = " ".join(word for word in words[1:] if word not in options)
    given = "".join(options)
    folded = str.casefold if "i" in given else str
    kept = [
        line
        for line in text.splitlines(keepends=True)
        if (folded(wanted) in folded(line)) is not ("v" in given)
    ]
    return "".join(kept)


def _commands(line: str) -> Iterator[list[str]]:
    """Yield for each command its text, and then operators and their arguments in turn."""
    pieces = [""]
    start = 0
    for operator, begin, end in _operators(line):
        pieces[-1] += line[start:begin]
        start = end
        if operator == ";":
            yield pieces
            pieces = [""]
        elif operator == "|" or not _TAKES_ALL.match(pieces[0].lstrip()):
            pieces += [operator, ""]
        else:
            pieces[-1] += operator
    pieces[-1] += line[start:]
    yield pieces


def _operators(line: str) -> Iterator[tuple[str, int, int]]:
    quoted = [found.span() for found in _QUOTED.finditer(line)]
    for found in _OPERATOR.finditer(line):
        if not any(begin <= found.start() < end for begin, end in quoted):
            yield found[0], *found.span()


def _pipeline(pieces: list[str]) -> Pipeline:
    command, *rest = pieces
    filters: list[tuple[str, ...]] = []
    file, append = "", False
    for operator, argument in zip(rest[::2], rest[1::2], strict=True):
        words = _words(argument)
        if operator == "|":
            filters.append(words)
        elif len(words) == 1 and not file:
            file, append = words[0], operator == ">>"
        else:
            # Neither a file nor two: it is no redirection.
            return Pipeline("".join(pieces).strip())
    return Pipeline(command.strip(), tuple(filters), file, append)


def _words(text: str) -> tuple[str, ...]:
    import shlex

    try:
        return tuple(shlex.split(text))
    except ValueError:
        return tuple(text.split())
