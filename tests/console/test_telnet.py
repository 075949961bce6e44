"""The telnet protocol without I/O: taken apart however it is cut, agreed on without a loop."""

import itertools
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from prompt_toolkit.contrib.telnet.protocol import TelnetProtocolParser

from yext.console import telnet
from yext.console.telnet import (
    DO,
    DONT,
    ECHO,
    IAC,
    NAWS,
    Q_METHOD,
    SB,
    SE,
    SGA,
    TTYPE,
    WILL,
    WONT,
    Command,
    Negotiation,
    OptionEvent,
    OptionState,
    Parser,
    Request,
    StrayCommand,
    Subnegotiation,
    SubnegotiationError,
)


def joined(items: list[telnet.Item]) -> list[telnet.Item]:
    """The items, with data that follows data put together."""
    made: list[telnet.Item] = []
    for item in items:
        if isinstance(item, bytes) and made and isinstance(made[-1], bytes):
            made[-1] += item
        else:
            made.append(item)
    return made


VECTORS: list[tuple[bytes, list[telnet.Item]]] = [
    (b"abc", [b"abc"]),
    (b"a\xff\xffb", [b"a\xffb"]),
    (b"\xff\xf4", [Command(telnet.IP)]),
    (b"a\xff\xfd\x01b", [b"a", Request(DO, ECHO), b"b"]),
    (b"\xff\xfb\xff", [Request(WILL, 255)]),
    (b"\xff\xfa\x1f\x00\x50\x00\x18\xff\xf0x", [Subnegotiation(NAWS, b"\0\x50\0\x18"), b"x"]),
    (b"\xff\xfa\x1f\xff\xff\x00\x00\x18\xff\xf0", [Subnegotiation(NAWS, b"\xff\0\0\x18")]),
    (b"\xff\xfa\x00abc\xff\xf0d", [Subnegotiation(0, b"abc"), b"d"]),
    (b"\xff\xfa\x1f\xff\xf1\x00\xff\xf0", [StrayCommand(241), Subnegotiation(NAWS, b"\0")]),
    (b"\xff\xf0\xff\xef", [Command(SE), Command(telnet.EOR)]),
    (b"\xff\xfa\x18\x00XTERM\xff\xf0", [Subnegotiation(TTYPE, b"\0XTERM")]),
]


@pytest.mark.parametrize(("data", "items"), VECTORS)
def test_taken_apart_whole_and_byte_by_byte(data: bytes, items: list[telnet.Item]) -> None:
    assert joined(Parser().feed(data)) == items
    parser = Parser()
    assert joined([one for byte in data for one in parser.feed(bytes([byte]))]) == items


@given(st.lists(st.binary(max_size=40)))
def test_anything_however_cut_gives_the_same(pieces: list[bytes]) -> None:
    parser = Parser()
    cut = [one for piece in pieces for one in parser.feed(piece)]
    assert joined(cut) == joined(Parser().feed(b"".join(pieces)))


_DATA = st.binary(max_size=20).map(lambda data: data.replace(b"\xff", b"").replace(b"\0", b""))
_TOKENS = st.one_of(
    _DATA,
    st.just(b"\xff\xff"),
    st.builds(
        lambda verb, option: bytes([IAC, verb, option]),
        st.sampled_from([DO, DONT, WILL, WONT]),
        st.integers(0, 254),
    ),
    _DATA.map(lambda data: bytes([IAC, SB, NAWS]) + data + bytes([IAC, SE])),
)


@given(st.lists(_TOKENS))
def test_agrees_with_the_parser_of_prompt_toolkit(tokens: list[bytes]) -> None:
    found: list[telnet.Item] = []

    class Other(TelnetProtocolParser):
        def command_received(self, command: bytes, data: bytes) -> None:
            found.append(Request(command[0], data[0]))

        def negotiate(self, data: bytes) -> None:
            found.append(Subnegotiation(data[0], data[1:]))

    stream = b"".join(tokens)
    Other(found.append, lambda rows, columns: None, lambda name: None).feed(stream)
    assert joined(Parser().feed(stream)) == joined(found)


def test_an_endless_sub_negotiation_is_bounded() -> None:
    parser = Parser()
    parser.feed(bytes([IAC, SB, NAWS]))
    with pytest.raises(SubnegotiationError):
        for _ in range(telnet.SUBNEGOTIATION_MAX // 1000 + 2):
            parser.feed(b"x" * 1000)


def test_a_long_sub_negotiation_is_cut_to_what_is_kept() -> None:
    (sub,) = Parser().feed(bytes([IAC, SB, TTYPE]) + b"y" * 5000 + bytes([IAC, SE]))
    assert isinstance(sub, Subnegotiation)
    assert len(sub.content) == telnet.SUBNEGOTIATION_KEPT


def test_what_was_offered_is_confirmed_once_and_never_again() -> None:
    agreed = Negotiation()
    agreed.offer()
    for option in (ECHO, SGA):
        assert agreed.request(Request(DO, option)) == bytes([IAC, WILL, option])
        assert agreed.request(Request(DO, option)) == b""
    assert agreed.request(Request(DONT, ECHO)) == bytes([IAC, WONT, ECHO])
    assert agreed.request(Request(DONT, ECHO)) == b""


def test_each_request_for_what_is_not_known_is_refused() -> None:
    """One that is not answered would have the other end wait for ever."""
    agreed = Negotiation()
    new_environ = 39
    for _ in range(2):
        assert agreed.request(Request(WILL, new_environ)) == bytes([IAC, DONT, new_environ])
        assert agreed.request(Request(DO, new_environ)) == bytes([IAC, WONT, new_environ])
    assert agreed.request(Request(WONT, new_environ)) == b""
    assert agreed.request(Request(DONT, new_environ)) == b""


def test_a_timing_mark_is_given_each_time() -> None:
    agreed = Negotiation()
    for _ in range(3):
        assert agreed.request(Request(DO, telnet.TIMING_MARK)) == bytes(
            [IAC, WILL, telnet.TIMING_MARK]
        )


def test_every_state_has_a_next_one_for_every_event() -> None:
    assert set(Q_METHOD) == set(itertools.product(OptionState, OptionEvent))


def test_what_the_other_end_says_is_obeyed_and_answered_once() -> None:
    """RFC 854: a refusal is obeyed; what is in force already, or refused, is not answered."""
    assert OptionState.YES not in {
        Q_METHOD[state, OptionEvent.NEGATIVE][0] for state in OptionState
    }
    assert Q_METHOD[OptionState.YES, OptionEvent.NEGATIVE] == (OptionState.NO, False)
    assert Q_METHOD[OptionState.NO, OptionEvent.NEGATIVE] == (OptionState.NO, None)
    assert Q_METHOD[OptionState.YES, OptionEvent.POSITIVE] == (OptionState.YES, None)
    assert Q_METHOD[OptionState.NO, OptionEvent.POSITIVE] == (OptionState.YES, True)


WAITING = [state for state in OptionState if state.name.startswith("WANT")]


@pytest.mark.parametrize("state", WAITING)
def test_nothing_is_said_while_an_answer_is_waited_for(state: OptionState) -> None:
    """The rule that rules loops out (RFC 1143); what is wanted meanwhile is kept."""
    asked = state.name.partition("_")[0]
    for event, wanted in ((OptionEvent.ENABLE, "WANTYES"), (OptionEvent.DISABLE, "WANTNO")):
        opposite = "" if asked == wanted else "_OPPOSITE"
        assert Q_METHOD[state, event] == (OptionState[f"{asked}{opposite}"], None)


@pytest.mark.parametrize("state", WAITING)
def test_an_answer_ends_the_matter_unless_the_mind_was_changed(state: OptionState) -> None:
    asked, _, changed = state.name.partition("_")
    came, refused = OptionEvent.POSITIVE, OptionEvent.NEGATIVE
    on, off = OptionState.YES, OptionState.NO
    again = (OptionState.WANTYES, True)
    if asked == "WANTYES":
        again = (OptionState.WANTNO, False)
    else:
        came, refused, on, off = refused, came, off, on
    if changed:
        # What was asked for has come, and now the opposite is asked for.
        assert Q_METHOD[state, came] == again
        assert Q_METHOD[state, refused] == (off, None)
    else:
        assert Q_METHOD[state, came] == (on, None)
        assert Q_METHOD[state, refused] == (OptionState.NO, None)


class Pair:
    """Two ends, and the requests that are on their way from each to the other."""

    def __init__(self) -> None:
        self.ends = (Negotiation(), Negotiation())
        self.sent: tuple[list[Request], list[Request]] = ([], [])

    def ask(self, end: int, verb: int, option: int) -> None:
        """One end wants something."""
        self._send(end, self.ends[end].ask(verb, option))

    def deliver(self, end: int) -> None:
        """The first that `end` has sent, if anything, reaches the other, which answers."""
        if self.sent[end]:
            self._send(1 - end, self.ends[1 - end].request(self.sent[end].pop(0)))

    def _send(self, end: int, data: bytes) -> None:
        self.sent[end].extend(item for item in Parser().feed(data) if isinstance(item, Request))

    def comes_to_rest(self) -> None:
        """All is delivered, and then the two are at one about every option."""
        for _ in range(6):
            for end in (0, 1):
                for _ in range(len(self.sent[end])):
                    self.deliver(end)
        assert self.sent == ([], []), "they go on answering"
        for one, other in (self.ends, self.ends[::-1]):
            for option in (ECHO, SGA, NAWS, TTYPE):
                assert one.ours.in_force(option) == other.theirs.in_force(option)


MOVES = [
    (Pair.ask, 0, WILL, SGA),
    (Pair.ask, 0, WONT, SGA),
    (Pair.ask, 1, DO, SGA),
    (Pair.ask, 1, DONT, SGA),
    (Pair.deliver, 0),
    (Pair.deliver, 1),
]
"""Both ends' wishes about one option, and what is on its way coming through."""


@pytest.mark.parametrize("first", MOVES, ids=lambda move: "-".join(map(str, move[1:])))
def test_two_ends_come_to_rest_whatever_they_want_and_when(first: tuple[Any, ...]) -> None:
    for moves in itertools.product(MOVES, repeat=4):
        pair = Pair()
        for move, *wish in (first, *moves):
            move(pair, *wish)
        pair.comes_to_rest()


_ASKS = [(verb, option) for verb in (WILL, WONT) for option in (ECHO, SGA)]
_ASKS += [(verb, option) for verb in (DO, DONT) for option in (NAWS, TTYPE, SGA)]


@given(st.lists(st.sampled_from(_ASKS)))
@example([(WILL, SGA), (WONT, SGA)])
def test_two_ends_that_answer_each_other_come_to_rest(started: list[tuple[int, int]]) -> None:
    pair = Pair()
    for verb, option in started:
        pair.ask(0, verb, option)
    pair.comes_to_rest()


def test_the_terminal_is_asked_for_once_and_learned() -> None:
    agreed = Negotiation()
    assert agreed.ask_terminal() == bytes([IAC, DO, TTYPE])
    assert agreed.ask_terminal() == b""
    assert agreed.request(Request(WILL, TTYPE)) == bytes([IAC, SB, TTYPE, 1, IAC, SE])
    assert agreed.subnegotiate(Subnegotiation(TTYPE, b"\0XTERM-256COLOR"))
    assert agreed.terminal == "xterm-256color"
    assert agreed.subnegotiate(Subnegotiation(NAWS, b"\0\x84\0\x2b"))
    assert (agreed.columns, agreed.rows) == (132, 43)
    assert not agreed.subnegotiate(Subnegotiation(NAWS, b"\0\x84\0"))
