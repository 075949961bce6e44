"""The telnet protocol without I/O: taken apart however it is cut, agreed on without a loop."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prompt_toolkit.contrib.telnet.protocol import TelnetProtocolParser

from console import telnet
from console.telnet import (
    DO,
    DONT,
    ECHO,
    IAC,
    NAWS,
    SB,
    SE,
    SGA,
    TTYPE,
    WILL,
    WONT,
    Command,
    Endless,
    Negotiation,
    Parser,
    Request,
    Stray,
    Sub,
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
    (b"\xff\xfa\x1f\x00\x50\x00\x18\xff\xf0x", [Sub(NAWS, b"\0\x50\0\x18"), b"x"]),
    (b"\xff\xfa\x1f\xff\xff\x00\x00\x18\xff\xf0", [Sub(NAWS, b"\xff\0\0\x18")]),
    (b"\xff\xfa\x00abc\xff\xf0d", [Sub(0, b"abc"), b"d"]),
    (b"\xff\xfa\x1f\xff\xf1\x00\xff\xf0", [Stray(241), Sub(NAWS, b"\0")]),
    (b"\xff\xf0\xff\xef", [Command(SE), Command(telnet.EOR)]),
    (b"\xff\xfa\x18\x00XTERM\xff\xf0", [Sub(TTYPE, b"\0XTERM")]),
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
            found.append(Sub(data[0], data[1:]))

    stream = b"".join(tokens)
    Other(found.append, lambda rows, columns: None, lambda name: None).feed(stream)
    assert joined(Parser().feed(stream)) == joined(found)


def test_an_endless_sub_negotiation_is_bounded() -> None:
    parser = Parser()
    parser.feed(bytes([IAC, SB, NAWS]))
    with pytest.raises(Endless):
        for _ in range(telnet.SUB_ENDLESS // 1000 + 2):
            parser.feed(b"x" * 1000)


def test_a_long_sub_negotiation_is_cut_to_what_is_kept() -> None:
    (sub,) = Parser().feed(bytes([IAC, SB, TTYPE]) + b"y" * 5000 + bytes([IAC, SE]))
    assert isinstance(sub, Sub)
    assert len(sub.content) == telnet.SUB_MAX


def test_what_was_offered_is_confirmed_once_and_never_again() -> None:
    agreed = Negotiation()
    agreed.offer()
    for option in (ECHO, SGA):
        assert agreed.request(Request(DO, option)) == bytes([IAC, WILL, option])
        assert agreed.request(Request(DO, option)) == b""
    assert agreed.request(Request(DONT, ECHO)) == bytes([IAC, WONT, ECHO])
    assert agreed.request(Request(DONT, ECHO)) == b""


def test_what_is_refused_is_refused_once() -> None:
    agreed = Negotiation()
    new_environ = 39
    assert agreed.request(Request(WILL, new_environ)) == bytes([IAC, DONT, new_environ])
    assert agreed.request(Request(WILL, new_environ)) == b""
    assert agreed.request(Request(WONT, new_environ)) == b""
    assert agreed.request(Request(DO, new_environ)) == bytes([IAC, WONT, new_environ])


def test_a_timing_mark_is_given_each_time() -> None:
    agreed = Negotiation()
    for _ in range(3):
        assert agreed.request(Request(DO, telnet.TIMING_MARK)) == bytes(
            [IAC, WILL, telnet.TIMING_MARK]
        )


@given(st.lists(st.tuples(st.sampled_from([DO, DONT, WILL, WONT]), st.integers(0, 60))))
def test_two_ends_that_answer_each_other_come_to_rest(started: list[tuple[int, int]]) -> None:
    one, other = Negotiation(), Negotiation()
    towards_other = b"".join(one.request(Request(verb, option)) for verb, option in started)
    for _ in range(6):
        towards_one = _answers(other, towards_other)
        towards_other = _answers(one, towards_one)
        if not towards_other:
            return
    raise AssertionError("they go on answering")


def _answers(end: Negotiation, data: bytes) -> bytes:
    items = Parser().feed(data)
    return b"".join(end.request(item) for item in items if isinstance(item, Request))


def test_the_terminal_is_asked_for_once_and_learned() -> None:
    agreed = Negotiation()
    assert agreed.ask_terminal() == bytes([IAC, DO, TTYPE])
    assert agreed.ask_terminal() == b""
    assert agreed.request(Request(WILL, TTYPE)) == bytes([IAC, SB, TTYPE, 1, IAC, SE])
    assert agreed.sub(Sub(TTYPE, b"\0XTERM-256COLOR"))
    assert agreed.terminal == "xterm-256color"
    assert agreed.sub(Sub(NAWS, b"\0\x84\0\x2b"))
    assert (agreed.columns, agreed.rows) == (132, 43)
    assert not agreed.sub(Sub(NAWS, b"\0\x84\0"))
