"""What the text of a reply can say, as typed data: a status, a table, a list of peers …"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

Value = int | str
"""A whole number as one, any other text as it is."""

Pairs = Sequence[tuple[str, Value]]
"""Names with their values, in the order of the text."""


class ModuleStatus(NamedTuple):
    """One line of ``status``: ``name=…,type=…[,format=A|B];k=v,…[;row,row…]``.

    Attributes:
        head: the pairs of the first field but ``format``: name, type …
        params: the pairs of the second field.
        columns: the names in ``format``, empty where the line has none.
        rows: with a format, the third field: an identifier and its cells for each row.
        details: without a format, the pairs of the third field.
    """

    head: Pairs
    params: Pairs
    columns: Sequence[str] = ()
    rows: Sequence[tuple[str, Sequence[str]]] = ()
    details: Pairs = ()

    @property
    def name(self) -> str:
        """The name of the module."""
        return str(dict(self.head).get("name", ""))


class Statuses(NamedTuple):
    """The reply to ``status``.

    Attributes:
        modules: a row for each status line.
        complete: False if the text has other lines too.
    """

    modules: Sequence[ModuleStatus]
    complete: bool


class Peer(NamedTuple):
    """One peer of a list.

    Attributes:
        number: its place in the list.
        name, parameter: the script and its parameter, or the listener and the peer's address.
        role: its role, None where the list has no details.
        restarts: whether it is started again when it ends.
        details: the other details: the process id …
    """

    number: int
    name: str
    parameter: str
    role: str | None = None
    restarts: bool = False
    details: Pairs = ()


class Peers(NamedTuple):
    """A numbered list of peers, in the order of their arrival."""

    peers: Sequence[Peer]


class Table(NamedTuple):
    """Fields separated by TABs below a heading; a row may have fewer fields than the heading."""

    heading: Sequence[str]
    rows: Sequence[Sequence[str]]

    def records(self) -> list[dict[str, str]]:
        """Return each row by the names in the heading."""
        return [dict(zip(self.heading, row, strict=False)) for row in self.rows]


class Scripts(NamedTuple):
    """The table of scripts: their states, numbers and failures."""

    table: Table


class Sessions(NamedTuple):
    """The table of sessions; ``since`` is a time by ISO 8601."""

    table: Table


class InstalledHandler(NamedTuple):
    """One handler of a message: its message's name, its priority, its track name, and the filter
    ``NAME=VALUE``, empty for none."""

    name: str
    priority: int
    track: str
    filter: str


class Handlers(NamedTuple):
    """The reply to ``dispatcher handlers``; `complete` as in `Statuses`."""

    handlers: Sequence[InstalledHandler]
    complete: bool


class Uptime(NamedTuple):
    """Seconds since the start, and processor seconds used in user and kernel mode."""

    seconds: int
    user: float
    kernel: float


class Commands(NamedTuple):
    """The usage line of each command; `complete` as in `Statuses`."""

    usages: Sequence[str]
    complete: bool


class CommandHelp(NamedTuple):
    """The usage line of one command, and the text that explains it."""

    usage: str
    text: str


class Names(NamedTuple):
    """A list of names."""

    names: Sequence[str]


class Listing(NamedTuple):
    """Lines of text without a form."""

    lines: Sequence[str]


class Facts(NamedTuple):
    """Values by name."""

    pairs: Pairs


class Failure(NamedTuple):
    """The last failure of a script: whose and when, and the lines that explain it."""

    title: str
    lines: Sequence[str]


class Started(NamedTuple):
    """A program was started.

    Attributes:
        verb: the past tense of how.
        program: the program and its parameter.
    """

    verb: str
    program: str


class Stopped(NamedTuple):
    """A program was stopped: the program and its parameter."""

    program: str


Form = (
    Statuses | Peers | Table | Scripts | Sessions | Handlers | Uptime | Commands | CommandHelp
    | Names | Listing | Facts | Failure | Started | Stopped
)  # fmt: skip
"""Any of these."""
