"""The telnet protocol without any I/O: what a client sends taken apart, and what is agreed on.

Sources: RFC 854 and 855 (commands, options), 857 (echo), 858 (no go-ahead), 860 (timing
mark), 1073 (window size), 1091 (terminal type), 1143 (how to agree without a loop), 727
(logout); what Yate answers is in the recordings in tests/conformance/vectors/rmanager.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

SE, NOP, DM, BRK, IP, AO, AYT, EC, EL, GA = range(240, 250)
SB, WILL, WONT, DO, DONT, IAC = range(250, 256)
EOR = 239

ECHO, SGA, TIMING_MARK, LOGOUT, TTYPE, NAWS = 1, 3, 6, 18, 24, 31
_TTYPE_IS, _TTYPE_SEND = 0, 1

SUB_MAX = 256
"""Bytes of a sub-negotiation that are kept: a window size takes four, a terminal's name few."""

SUB_ENDLESS = 65536
"""Bytes after which a sub-negotiation that does not end is a broken or hostile client's."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command without an option: `code` as in RFC 854."""

    code: int


@dataclass(frozen=True, slots=True)
class Request:
    """WILL, WONT, DO or DONT (`verb`) and the option it is about."""

    verb: int
    option: int


@dataclass(frozen=True, slots=True)
class Sub:
    """A whole sub-negotiation; of `content` at most `SUB_MAX` bytes are kept."""

    option: int
    content: bytes


@dataclass(frozen=True, slots=True)
class Stray:
    """A command where only data or the end of a sub-negotiation may be; it was ignored."""

    code: int


class Endless(Exception):
    """A sub-negotiation does not end."""


Item = bytes | Command | Request | Sub | Stray


class Parser:
    """Takes apart what a client sends, however it is cut; keeps a bounded rest."""

    def __init__(self) -> None:
        self._rest = b""
        self._sub: bytearray | None = None
        self._sub_length = 0

    def feed(self, data: bytes) -> list[Item]:
        """Data and commands, in their order. Raises `Endless`."""
        if self._rest:
            data, self._rest = self._rest + data, b""
        items: list[Item] = []
        at = 0
        while at < len(data):
            mark = data.find(IAC, at)
            end = len(data) if mark < 0 else mark
            if end > at:
                self._take(data[at:end], items)
            if mark < 0:
                break
            length = self._length(data, mark)
            if mark + length > len(data):
                self._rest = data[mark:]
                break
            self._command(data[mark : mark + length], items)
            at = mark + length
        return items

    def _length(self, data: bytes, mark: int) -> int:
        """How many bytes the sequence at `mark` has."""
        code = data[mark + 1] if mark + 1 < len(data) else IAC
        takes_option = SB <= code <= DONT and self._sub is None
        return 3 if takes_option else 2

    def _take(self, data: bytes, items: list[Item]) -> None:
        if self._sub is None:
            items.append(data)
            return
        self._sub_length += len(data)
        if self._sub_length > SUB_ENDLESS:
            raise Endless
        self._sub += data[: max(0, SUB_MAX + 1 - len(self._sub))]

    def _command(self, sequence: bytes, items: list[Item]) -> None:
        code = sequence[1]
        if code == IAC:
            self._take(b"\xff", items)
        elif self._sub is not None:
            if code == SE:
                items.append(Sub(self._sub[0] if self._sub else 0, bytes(self._sub[1:])))
                self._sub = None
            else:
                items.append(Stray(code))
        elif code == SB:
            self._sub, self._sub_length = bytearray(sequence[2:]), 0
        elif len(sequence) == 3:
            items.append(Request(code, sequence[2]))
        else:
            items.append(Command(code))


class State(enum.Enum):
    """How far one side of an option is agreed on."""

    NO = "no"
    OFFERED = "offered"
    YES = "yes"


@dataclass
class Negotiation:
    """What the two ends have agreed on, and the answers that take them there.

    An answer is given only to what changes something, or to a request that is refused, so
    that two ends can not go on answering each other (RFC 1143).

    Attributes:
        ours: the options of this end, by number: it echoes, it sends no go-ahead.
        theirs: the options of the client: it tells its window size and its terminal's name.
        columns, rows: the window's size in characters, 0 until it is known.
        terminal: the terminal's name, None until it is known.
        no_terminal: whether the client said that it has no terminal to name.
        logout: whether the client asked to be logged out.
    """

    ours: dict[int, State] = field(default_factory=lambda: dict.fromkeys((ECHO, SGA), State.NO))
    theirs: dict[int, State] = field(
        default_factory=lambda: dict.fromkeys((NAWS, TTYPE, SGA), State.NO)
    )
    columns: int = 0
    rows: int = 0
    terminal: str | None = None
    no_terminal: bool = False
    logout: bool = False
    _refused: set[int] = field(default_factory=set)

    def offer(self) -> bytes:
        """What is sent to a client that has just connected."""
        self.ours[SGA] = self.ours[ECHO] = self.theirs[NAWS] = State.OFFERED
        return bytes((IAC, WILL, SGA, IAC, WILL, ECHO, IAC, DO, NAWS))

    def ask_terminal(self) -> bytes:
        """Asks for the terminal's name, once."""
        if self.theirs[TTYPE] is not State.NO or self.no_terminal:
            return b""
        self.theirs[TTYPE] = State.OFFERED
        return bytes((IAC, DO, TTYPE))

    def request(self, request: Request) -> bytes:
        """Takes a request in; returns the answer, perhaps empty."""
        return _REQUESTS[request.verb](self, request.option)

    def sub(self, sub: Sub) -> bool:
        """Takes a sub-negotiation in; returns whether it made sense."""
        if sub.option == NAWS and len(sub.content) == 4:
            self.columns = int.from_bytes(sub.content[:2])
            self.rows = int.from_bytes(sub.content[2:])
            return True
        if sub.option == TTYPE and sub.content[:1] == bytes((_TTYPE_IS,)):
            self.terminal = sub.content[1:].decode("ascii", "replace").lower()
            return True
        return False

    def _do(self, option: int) -> bytes:
        if option == TIMING_MARK:
            return bytes((IAC, WILL, TIMING_MARK))
        if option == LOGOUT:
            self.logout = True
            return bytes((IAC, WILL, LOGOUT))
        if option not in self.ours:
            return bytes((IAC, WONT, option))
        if self.ours[option] is State.YES:
            return b""
        # What was offered is confirmed, as Yate does it: once, so nobody can answer for ever.
        self.ours[option] = State.YES
        return bytes((IAC, WILL, option))

    def _dont(self, option: int) -> bytes:
        before = self.ours.get(option, State.NO)
        if option in self.ours:
            self.ours[option] = State.NO
        return bytes((IAC, WONT, option)) if before is State.YES else b""

    def _will(self, option: int) -> bytes:
        before = self.theirs.get(option)
        if before is None:
            if option in self._refused:
                return b""
            self._refused.add(option)
            return bytes((IAC, DONT, option))
        self.theirs[option] = State.YES
        answer = bytes((IAC, DO, option)) if before is State.NO else b""
        if option == TTYPE and before is not State.YES:
            answer += bytes((IAC, SB, TTYPE, _TTYPE_SEND, IAC, SE))
        return answer

    def _wont(self, option: int) -> bytes:
        self._refused.discard(option)
        before = self.theirs.get(option, State.NO)
        if option in self.theirs:
            self.theirs[option] = State.NO
        if option == TTYPE:
            self.no_terminal = True
        return bytes((IAC, DONT, option)) if before is State.YES else b""


_REQUESTS = {
    DO: Negotiation._do,
    DONT: Negotiation._dont,
    WILL: Negotiation._will,
    WONT: Negotiation._wont,
}
