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
    """How far an option of one end is agreed on: the state and the queue bit of RFC 1143.

    Only in `YES` is it in force. The names with OPPOSITE are of an end that changed its mind
    before what it had asked for was answered.
    """

    NO = "no"
    YES = "yes"
    WANTNO = "to be given up"
    WANTNO_OPPOSITE = "to be given up, and taken up again"
    WANTYES = "to be taken up"
    WANTYES_OPPOSITE = "to be taken up, and given up again"


class Event(enum.Enum):
    """What moves an option from one state to the next."""

    ENABLE = "this end wants it"
    DISABLE = "this end does not want it"
    POSITIVE = "WILL or DO came"
    NEGATIVE = "WONT or DONT came"


_ENABLE, _DISABLE, _POSITIVE, _NEGATIVE = Event
_NO, _YES, _WANTNO, _WANTNO_OPPOSITE, _WANTYES, _WANTYES_OPPOSITE = State

METHOD: dict[tuple[State, Event], tuple[State, bool | None]] = {
    (_NO, _ENABLE): (_WANTYES, True),
    (_NO, _DISABLE): (_NO, None),
    (_NO, _POSITIVE): (_YES, True),
    (_NO, _NEGATIVE): (_NO, None),
    (_YES, _ENABLE): (_YES, None),
    (_YES, _DISABLE): (_WANTNO, False),
    (_YES, _POSITIVE): (_YES, None),
    (_YES, _NEGATIVE): (_NO, False),
    (_WANTNO, _ENABLE): (_WANTNO_OPPOSITE, None),
    (_WANTNO, _DISABLE): (_WANTNO, None),
    (_WANTNO, _POSITIVE): (_NO, None),  # an error of the other end's
    (_WANTNO, _NEGATIVE): (_NO, None),
    (_WANTNO_OPPOSITE, _ENABLE): (_WANTNO_OPPOSITE, None),
    (_WANTNO_OPPOSITE, _DISABLE): (_WANTNO, None),
    (_WANTNO_OPPOSITE, _POSITIVE): (_YES, None),  # an error of the other end's
    (_WANTNO_OPPOSITE, _NEGATIVE): (_WANTYES, True),
    (_WANTYES, _ENABLE): (_WANTYES, None),
    (_WANTYES, _DISABLE): (_WANTYES_OPPOSITE, None),
    (_WANTYES, _POSITIVE): (_YES, None),
    (_WANTYES, _NEGATIVE): (_NO, None),
    (_WANTYES_OPPOSITE, _ENABLE): (_WANTYES, None),
    (_WANTYES_OPPOSITE, _DISABLE): (_WANTYES_OPPOSITE, None),
    (_WANTYES_OPPOSITE, _POSITIVE): (_WANTNO, False),
    (_WANTYES_OPPOSITE, _NEGATIVE): (_NO, None),
}
"""The Q method, RFC 1143 section 7: the next state, and whether yes, no or nothing (None) is said.

Nothing is asked for again before it was answered, so two ends never go on answering each other.
"""


@dataclass
class Options:
    """The options of one end that may come into force, and how this end speaks about them.

    Attributes:
        states: how far each is agreed on, by its number.
        yes, no: the verbs to agree to one and to refuse one.
    """

    states: dict[int, State]
    yes: int
    no: int

    def in_force(self, option: int) -> bool:
        """Whether both ends have agreed on an option."""
        return self.states.get(option) is State.YES

    def move(self, option: int, event: Event) -> bytes:
        """Moves an option on; returns what has to be said. Raises KeyError for any other."""
        self.states[option], says = METHOD[self.states[option], event]
        return b"" if says is None else bytes((IAC, self.yes if says else self.no, option))

    def take(self, option: int, event: Event) -> bytes:
        """Takes in what the other end says of an option; any that is not known is refused."""
        if option in self.states:
            return self.move(option, event)
        return bytes((IAC, self.no, option)) if event is Event.POSITIVE else b""


def _ours() -> Options:
    return Options(dict.fromkeys((ECHO, SGA), State.NO), WILL, WONT)


def _theirs() -> Options:
    return Options(dict.fromkeys((NAWS, TTYPE, SGA), State.NO), DO, DONT)


@dataclass
class Negotiation:
    """What the two ends have agreed on, and what is said to get there.

    Attributes:
        ours: the options of this end: it echoes, it sends no go-ahead.
        theirs: the options of the client: it tells its window size and its terminal's name.
        columns, rows: the window's size in characters, 0 until it is known.
        terminal: the terminal's name, None until it is known.
        no_terminal: whether the client said that it has no terminal to name.
        logout: whether the client asked to be logged out.
    """

    ours: Options = field(default_factory=_ours)
    theirs: Options = field(default_factory=_theirs)
    columns: int = 0
    rows: int = 0
    terminal: str | None = None
    no_terminal: bool = False
    logout: bool = False

    def offer(self) -> bytes:
        """What is sent to a client that has just connected."""
        return self.ask(WILL, SGA) + self.ask(WILL, ECHO) + self.ask(DO, NAWS)

    def ask_terminal(self) -> bytes:
        """Asks for the terminal's name, once."""
        return b"" if self.no_terminal else self.ask(DO, TTYPE)

    def ask(self, verb: int, option: int) -> bytes:
        """Wants one of the options (WILL and WONT: ours, DO and DONT: theirs) in force, or not.

        Returns what is to be sent, perhaps nothing yet. Raises KeyError for any other option.
        """
        side = self.ours if verb in (WILL, WONT) else self.theirs
        return side.move(option, Event.ENABLE if verb in (WILL, DO) else Event.DISABLE)

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
        if option in (TIMING_MARK, LOGOUT):
            # Done at once and each time, so there is nothing to agree on (RFC 860, 727).
            self.logout |= option == LOGOUT
            return bytes((IAC, WILL, option))
        offered = self.ours.states.get(option) is State.WANTYES
        answer = self.ours.take(option, Event.POSITIVE)
        # Yate confirms what it offered, which the RFC leaves out. Said once, it does no harm: the
        # other end has it in force already.
        return bytes((IAC, WILL, option)) if offered else answer

    def _dont(self, option: int) -> bytes:
        return self.ours.take(option, Event.NEGATIVE)

    def _will(self, option: int) -> bytes:
        before = self.theirs.in_force(option)
        answer = self.theirs.take(option, Event.POSITIVE)
        if option == TTYPE and self.theirs.in_force(TTYPE) and not before:
            answer += bytes((IAC, SB, TTYPE, _TTYPE_SEND, IAC, SE))
        return answer

    def _wont(self, option: int) -> bytes:
        self.no_terminal |= option == TTYPE
        return self.theirs.take(option, Event.NEGATIVE)


_REQUESTS = {
    DO: Negotiation._do,
    DONT: Negotiation._dont,
    WILL: Negotiation._will,
    WONT: Negotiation._wont,
}
