"""The telnet protocol, without I/O: a parser, and the negotiation of options.

Sources: RFC 854 and 855 (commands, options), 857 (echo), 858 (suppress go-ahead), 860 (timing
mark), 1073 (window size), 1091 (terminal type), 1143 (negotiation without loops), 727 (logout);
for Yate's answers, the recordings in tests/conformance/vectors/rmanager.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from yext.errors import YextError

SE, NOP, DM, BRK, IP, AO, AYT, EC, EL, GA = range(240, 250)
SB, WILL, WONT, DO, DONT, IAC = range(250, 256)
EOR = 239

ECHO, SGA, TIMING_MARK, LOGOUT, TTYPE, NAWS = 1, 3, 6, 18, 24, 31
_TTYPE_IS, _TTYPE_SEND = 0, 1

ERASE_LINE = "\r\x1b[K\r"
"""The characters that erase the line of a terminal (ECMA-48, EL)."""

SUBNEGOTIATION_KEPT = 256
"""Bytes of a subnegotiation that are kept: a window size takes four, a terminal's name few."""

SUBNEGOTIATION_MAX = 65536
"""The longest subnegotiation, in bytes: a longer one comes from a broken or hostile client."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command without an option; `code` as in RFC 854."""

    code: int


@dataclass(frozen=True, slots=True)
class Request:
    """A request about an option; `verb` is WILL, WONT, DO or DONT."""

    verb: int
    option: int


@dataclass(frozen=True, slots=True)
class Subnegotiation:
    """A whole subnegotiation; `content` has at most `SUBNEGOTIATION_KEPT` bytes of it."""

    option: int
    content: bytes


@dataclass(frozen=True, slots=True)
class StrayCommand:
    """An ignored command: one inside a subnegotiation, where only data or its end may be."""

    code: int


class SubnegotiationError(YextError):
    """A subnegotiation is longer than `SUBNEGOTIATION_MAX`."""


Item = bytes | Command | Request | Subnegotiation | StrayCommand
"""A piece of what was received: data, or one of the commands."""


class Parser:
    """A parser of received bytes, however they are cut; it keeps a bounded rest."""

    def __init__(self) -> None:
        self._rest = b""
        self._sub: bytearray | None = None
        self._sub_length = 0

    def feed(self, data: bytes) -> list[Item]:
        """Parse more bytes.

        Returns:
            Data and commands, in the order they came.

        Raises:
            SubnegotiationError: a subnegotiation does not end.
        """
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
        """Return the length in bytes of the command at `mark`."""
        code = data[mark + 1] if mark + 1 < len(data) else IAC
        takes_option = SB <= code <= DONT and self._sub is None
        return 3 if takes_option else 2

    def _take(self, data: bytes, items: list[Item]) -> None:
        if self._sub is None:
            items.append(data)
            return
        self._sub_length += len(data)
        if self._sub_length > SUBNEGOTIATION_MAX:
            raise SubnegotiationError("telnet: a subnegotiation does not end")
        self._sub += data[: max(0, SUBNEGOTIATION_KEPT + 1 - len(self._sub))]

    def _command(self, sequence: bytes, items: list[Item]) -> None:
        code = sequence[1]
        if code == IAC:
            self._take(b"\xff", items)
        elif self._sub is not None:
            if code == SE:
                option = self._sub[0] if self._sub else 0
                items.append(Subnegotiation(option, bytes(self._sub[1:])))
                self._sub = None
            else:
                items.append(StrayCommand(code))
        elif code == SB:
            self._sub, self._sub_length = bytearray(sequence[2:]), 0
        elif len(sequence) == 3:
            items.append(Request(code, sequence[2]))
        else:
            items.append(Command(code))


class OptionState(enum.Enum):
    """The state of an option of one end, with the queue bit of RFC 1143.

    The option is in force in `YES` only. OPPOSITE: the end changed its mind before its request was
    answered.
    """

    NO = "off"
    YES = "on"
    WANTNO = "to be turned off"
    WANTNO_OPPOSITE = "to be turned off, then on again"
    WANTYES = "to be turned on"
    WANTYES_OPPOSITE = "to be turned on, then off again"


class OptionEvent(enum.Enum):
    """An event that changes the state of an option."""

    ENABLE = "this end wants it on"
    DISABLE = "this end wants it off"
    POSITIVE = "WILL or DO was received"
    NEGATIVE = "WONT or DONT was received"


_ENABLE, _DISABLE, _POSITIVE, _NEGATIVE = OptionEvent
_NO, _YES, _WANTNO, _WANTNO_OPPOSITE, _WANTYES, _WANTYES_OPPOSITE = OptionState

Q_METHOD: dict[tuple[OptionState, OptionEvent], tuple[OptionState, bool | None]] = {
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
    (_WANTNO, _POSITIVE): (_NO, None),  # an error of the other end
    (_WANTNO, _NEGATIVE): (_NO, None),
    (_WANTNO_OPPOSITE, _ENABLE): (_WANTNO_OPPOSITE, None),
    (_WANTNO_OPPOSITE, _DISABLE): (_WANTNO, None),
    (_WANTNO_OPPOSITE, _POSITIVE): (_YES, None),  # an error of the other end
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
"""The Q method, RFC 1143 section 7: the next state, and the answer yes, no or none (None).

No request is repeated before its answer has come, so two ends never answer each other for ever.
"""


@dataclass
class OptionStates:
    """The options of one end that can be turned on, and the verbs for them.

    Attributes:
        states: the state of each option, by its number.
        yes, no: the verbs that agree to an option and refuse it.
    """

    states: dict[int, OptionState]
    yes: int
    no: int

    def in_force(self, option: int) -> bool:
        """Whether both ends have agreed on an option."""
        return self.states.get(option) is OptionState.YES

    def change(self, option: int, event: OptionEvent) -> bytes:
        """Apply an event to an option; return the bytes to send, often none.

        Raises:
            KeyError: the option is not one of `states`.
        """
        self.states[option], answer = Q_METHOD[self.states[option], event]
        return b"" if answer is None else bytes((IAC, self.yes if answer else self.no, option))

    def receive(self, option: int, event: OptionEvent) -> bytes:
        """Apply a request of the other end; return the answer, which refuses unknown options."""
        if option in self.states:
            return self.change(option, event)
        return bytes((IAC, self.no, option)) if event is OptionEvent.POSITIVE else b""


def _ours() -> OptionStates:
    return OptionStates(dict.fromkeys((ECHO, SGA), OptionState.NO), WILL, WONT)


def _theirs() -> OptionStates:
    return OptionStates(dict.fromkeys((NAWS, TTYPE, SGA), OptionState.NO), DO, DONT)


@dataclass
class Negotiation:
    """The negotiation of options with one client.

    Attributes:
        ours: the options of this end: echo, suppress go-ahead.
        theirs: the options of the client: window size, terminal type, suppress go-ahead.
        columns, rows: the size of the window in characters, 0 until it is known.
        terminal: the terminal's name in lower case, None until it is known.
        no_terminal: True once the client has refused to name its terminal.
        logout: True once the client has asked to be logged out.
    """

    ours: OptionStates = field(default_factory=_ours)
    theirs: OptionStates = field(default_factory=_theirs)
    columns: int = 0
    rows: int = 0
    terminal: str | None = None
    no_terminal: bool = False
    logout: bool = False

    def offer(self) -> bytes:
        """Return the requests to send to a client that has just connected."""
        return self.ask(WILL, SGA) + self.ask(WILL, ECHO) + self.ask(DO, NAWS)

    def ask_terminal(self) -> bytes:
        """Return the request for the terminal's name, empty if it was sent or refused before."""
        return b"" if self.no_terminal else self.ask(DO, TTYPE)

    def ask(self, verb: int, option: int) -> bytes:
        """Request an option on (WILL, DO) or off (WONT, DONT); return the bytes to send now.

        Args:
            verb: WILL and WONT for an option of this end, DO and DONT for one of the client.

        Raises:
            KeyError: the option is not one that can be turned on.
        """
        side = self.ours if verb in (WILL, WONT) else self.theirs
        return side.change(
            option, OptionEvent.ENABLE if verb in (WILL, DO) else OptionEvent.DISABLE
        )

    def request(self, request: Request) -> bytes:
        """Apply a request of the client; return the answer, perhaps empty."""
        return _REQUESTS[request.verb](self, request.option)

    def subnegotiate(self, received: Subnegotiation) -> bool:
        """Apply a subnegotiation; return False if it was not understood."""
        option, content = received.option, received.content
        if option == NAWS and len(content) == 4:
            self.columns = int.from_bytes(content[:2])
            self.rows = int.from_bytes(content[2:])
            return True
        if option == TTYPE and content[:1] == bytes((_TTYPE_IS,)):
            self.terminal = content[1:].decode("ascii", "replace").lower()
            return True
        return False

    def _do(self, option: int) -> bytes:
        if option in (TIMING_MARK, LOGOUT):
            # Done at once and each time, so there is no state to agree on (RFC 860, 727).
            self.logout |= option == LOGOUT
            return bytes((IAC, WILL, option))
        offered = self.ours.states.get(option) is OptionState.WANTYES
        answer = self.ours.receive(option, OptionEvent.POSITIVE)
        # Yate confirms its own offer, which the RFC does not ask for. Sent once, it does no harm:
        # the option is in force at the other end already.
        return bytes((IAC, WILL, option)) if offered else answer

    def _dont(self, option: int) -> bytes:
        return self.ours.receive(option, OptionEvent.NEGATIVE)

    def _will(self, option: int) -> bytes:
        before = self.theirs.in_force(option)
        answer = self.theirs.receive(option, OptionEvent.POSITIVE)
        if option == TTYPE and self.theirs.in_force(TTYPE) and not before:
            answer += bytes((IAC, SB, TTYPE, _TTYPE_SEND, IAC, SE))
        return answer

    def _wont(self, option: int) -> bytes:
        self.no_terminal |= option == TTYPE
        return self.theirs.receive(option, OptionEvent.NEGATIVE)


_REQUESTS = {
    DO: Negotiation._do,
    DONT: Negotiation._dont,
    WILL: Negotiation._will,
    WONT: Negotiation._wont,
}
