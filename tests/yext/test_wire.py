"""The line protocol: vectors through reader and writer, and any bytes as input."""

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from yext import wire
from yext.errors import ProtocolError
from yext.linebuffer import LineBuffer
from yext.message import Message

# Field text and how a line spells it: runs through escape and unescape.
ESCAPED = [
    ("", ""),
    ("plain", "plain"),
    ("a:b", "a%zb"),
    ("100%", "100%%"),
    ("%%", "%%%%"),
    ("\x01\x1f\t", "%A%_%I"),
    ("line\nend\r", "line%Jend%M"),
    ("=", "="),
    ("Zürich", "Zürich"),
    ("\udcff\udc80", "\udcff\udc80"),
    ("\x7f", "\x7f"),
]

BAD_FIELDS = ["%", "a%", "% ", "%a", "%`", "%{", "%1", "%@", "%\x01", "\x01", "a\tb", "\x00"]


@pytest.mark.parametrize(("text", "field"), ESCAPED)
def test_a_field_is_written_and_read(text: str, field: str) -> None:
    assert wire.escape(text) == field
    assert wire.unescape(field) == text


def test_every_escape_from_a_to_underscore_is_read() -> None:
    for code in range(1, 32):
        assert wire.unescape("%" + chr(code + 64)) == chr(code)


@pytest.mark.parametrize("field", BAD_FIELDS)
def test_a_bad_field_is_refused(field: str) -> None:
    with pytest.raises(ProtocolError):
        wire.unescape(field)


@pytest.mark.parametrize(
    ("field", "text"),
    [("ab%zc", "ab:c"), ("ab%q%z", "ab%"), ("%", "%"), ("a\tb", "a"), ("%%%", "%%"), ("", "")],
)
def test_debug_text_is_read_up_to_its_first_bad_escape(field: str, text: str) -> None:
    assert wire.unescape_prefix(field) == text


# An ident, a message, and its %%>message line: runs through encode and decode.
MESSAGES = [
    ("1", Message("call.route", time=5), "1:5:call.route:"),
    ("a.1", Message("x", {"k": "v"}, time=1, retvalue="r"), "a.1:1:x:r:k=v"),
    ("1", Message("x", {"k": "", "l": "="}, time=1), "1:1:x::k=:l=="),
    ("1", Message("a:b", {"c:d": "e%f"}, time=1, retvalue=":"), "1:1:a%zb:%z:c%zd=e%%f"),
    ("1", Message("x", {"k": "a\nb\x01"}, time=1), "1:1:x::k=a%Jb%A"),
    ("1", Message("x", {"k": "é\udcff\x7f"}, time=1), "1:1:x::k=é\udcff\x7f"),
    ("1", Message("", {}, time=4294967295), "1:4294967295::"),
]


@pytest.mark.parametrize(("ident", "message", "fields"), MESSAGES)
def test_a_message_is_written_and_read(ident: str, message: Message, fields: str) -> None:
    assert wire.encode_message(ident, message) == f"%%>message:{fields}"
    assert _told(*wire.decode_message(fields)) == _told(ident, message)


def _told(ident: str, message: Message) -> tuple[object, ...]:
    params = list(message.params.items())
    return ident, message.name, message.retvalue, int(message.time), params, message.broadcast


@pytest.mark.parametrize("handled", [True, False])
def test_an_answer_is_written_and_read(handled: bool) -> None:
    message = Message("n:1", {"a": "1", "b": ""}, retvalue="r\n")
    line = wire.encode_answer("id:7", message, handled)
    assert line == f"%%<message:id%z7:{str(handled).lower()}:n%z1:r%J:a=1:b="
    ident, _, rest = line.removeprefix("%%<message:").partition(":")
    answer = wire.decode_answer(rest)
    assert (ident, answer.handled, answer.name, answer.retvalue) == (
        "id%z7",
        handled,
        "n:1",
        "r\n",
    )
    assert answer.changes == [("a", "1"), ("b", "")]


def test_an_answer_changes_what_it_names() -> None:
    message = Message("x", {"a": "1", "b": "2", "c": "3"}, retvalue="r")
    wire.decode_answer("true:::b:a=9:d=").apply(message)
    assert message.params == {"a": "9", "c": "3", "d": ""}
    assert (message.name, message.retvalue) == ("x", "")


def test_an_answer_with_no_more_than_a_boolean_leaves_the_message_alone() -> None:
    message = Message("x", {"a": "1"}, retvalue="r")
    wire.decode_answer("false:").apply(message)
    assert (message.name, message.retvalue, message.params) == ("x", "r", {"a": "1"})


def test_an_answer_that_leaves_out_the_boolean_has_not_handled() -> None:
    message = Message("x", {"a": "1"}, retvalue="r")
    assert wire.apply_answer(":x:new:a=2", message) is False
    assert (message.retvalue, message.params) == ("new", {"a": "2"})


@pytest.mark.parametrize(
    "fields",
    ["1:2:x", "1", "", "1:y:x:", "1:-1:x:", "1:4294967296:x:", "1:08:x:", "1:1:x::=v",
     "1:1:x::a=%", "1:1:%q:", "%:1:x:", "1:1:x:%x", "1:1:x::k\t=1", "1:1_0:x:", "1:٣:x:"],
)  # fmt: skip
def test_a_message_that_makes_no_sense_is_refused(fields: str) -> None:
    with pytest.raises(ProtocolError):
        wire.decode_message(fields)


@pytest.mark.parametrize("fields", ["", "true", "maybe:", "true:new", "true :", "true:::=v",
                                    "true::%", "True::", "true:::a=%a"])  # fmt: skip
def test_an_answer_that_makes_no_sense_is_refused(fields: str) -> None:
    with pytest.raises(ProtocolError):
        wire.decode_answer(fields)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("", 0),
        ("0", 0),
        ("12", 12),
        (" +12", 12),
        ("0x10", 16),
        ("010", 8),
        ("4294967295", 2**32 - 1),
    ],
)
def test_a_time_is_read_as_c_reads_it(text: str, seconds: int) -> None:
    assert wire.parse_time(text) == seconds


def test_a_time_of_nothing_and_settime_mean_now() -> None:
    now = int(time.time())
    for fields, settime in (("1:0:x:", False), ("1::x:", False), ("1:5:x:", True)):
        assert wire.decode_message(fields, settime)[1].time >= now


def test_parameters_set_delete_and_set_again() -> None:
    assert wire.decode_params("a=1:b=2:a:b=3:c:a=4") == {"b": "3", "a": "4"}


# Anything as input.

TEXT = st.text(st.characters(exclude_characters="\0")) | st.binary().map(
    lambda data: data.replace(b"\0", b"").decode("utf-8", "surrogateescape")
)
TRICKY = st.text(st.sampled_from(["%", ":", "=", "\n", "\r", "\x01", "a", "Z", "é", "\udcff"]))
FIELD = (TEXT | TRICKY).filter(lambda text: text.isascii() or _survives(text))


def _survives(text: str) -> bool:
    """Whether the text can come of bytes at all: no lone surrogates but the escapes."""
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape") == text
    except UnicodeEncodeError:
        return False


@given(FIELD)
def test_any_text_survives_as_a_field(text: str) -> None:
    field = wire.escape(text)
    assert wire.unescape(field) == text
    assert not set(field) & {":", "\n", "\r", "\0"}


KEY = FIELD.filter(lambda key: key != "" and "=" not in key)


@given(
    FIELD, FIELD, FIELD, st.dictionaries(KEY, FIELD), st.integers(min_value=1, max_value=2**32 - 1)
)
@example("1", "x", "", {"k": "\x7f\x85\u2028"}, 1)
def test_decoding_gives_back_what_was_encoded(
    ident: str, name: str, retvalue: str, params: dict[str, str], seconds: int
) -> None:
    message = Message(name, params, retvalue=retvalue, time=seconds)
    line = wire.encode_message(wire.escape(ident), message)
    assert _told(*wire.decode_message(line.removeprefix("%%>message:"))) == _told(ident, message)
    data = (line + "\n").encode("utf-8", "surrogateescape")
    buffer = LineBuffer(len(data) + 2)
    buffer.feed(data)
    assert (buffer.next_line(), buffer.next_line()) == (line, None)

    answer = wire.encode_answer(ident, message, True).removeprefix("%%<message:")
    escaped, _, rest = answer.partition(":")
    assert wire.unescape(escaped) == ident
    returned = Message("before", {"old": "1"}, retvalue="before")
    wire.decode_answer(rest).apply(returned)
    # An empty name leaves the name as it is.
    assert (returned.name, returned.retvalue) == (name or "before", retvalue)
    assert returned.params == {"old": "1"} | params


@given(st.dictionaries(KEY.map(lambda key: key + "="), FIELD, min_size=1))
def test_a_key_with_an_equals_sign_is_never_taken_for_another(params: dict[str, str]) -> None:
    line = wire.encode_message("1", Message("x", params, time=1))
    assert line.count(":") == 4 + len(params)


BYTES = st.binary(max_size=300) | st.lists(
    st.sampled_from([b"%%>message:", b"%%<message:", b":", b"%", b"=", b"\n", b"\r\n", b"\0",
                     b"true", b"1", b"a", b"\xff", "é".encode()])
).map(b"".join)  # fmt: skip


@given(FIELD | BYTES.map(lambda data: data.decode("utf-8", "surrogateescape")))
def test_reading_anything_gives_a_message_an_answer_or_a_protocol_error(text: str) -> None:
    for read in (wire.decode_message, wire.decode_answer, wire.decode_params, wire.unescape):
        try:
            read(text)
        except ProtocolError as error:
            assert str(error)
    wire.unescape_prefix(text)


PART = st.sampled_from(
    [
        "a",
        "b",
        "=",
        "%z",
        "%%",
        "%A",
        "%@",
        "%}",
        "%",
        "é",
        "\udcff",
        "\x7f",
        "\x01",
        " ",
        "",
        "x=y",
    ]
)
WRITTEN = st.lists(st.lists(PART, max_size=4).map("".join), max_size=4).map(":".join)


@given(WRITTEN, st.sampled_from(["call.route", "a%zb", ""]), st.sampled_from(["", "ok", "sip%z1"]))
@example("address=10.0.0.9%z5060:a=1", "call.route", "")
@example("a=1:a=2", "call.route", "")
def test_a_message_passed_on_as_it_came_is_what_its_parameters_say(
    text: str, name: str, retvalue: str
) -> None:
    """It is not written anew while nobody has got at it: that must be seen by nobody."""
    try:
        _, message = wire.decode_message(f"1:1:{name}:{retvalue}:{text}")
    except ProtocolError:
        with pytest.raises(ProtocolError):
            wire.decode_params(text)
        return
    assert {key: message[key] for key in message} == wire.decode_params(text)
    as_it_came = wire.encode_message("1", message)
    anew = Message(
        message.name, [(key, message[key]) for key in message], retvalue=message.retvalue, time=1
    )
    assert as_it_came == wire.encode_message("1", anew)


def test_lines_with_escapes_are_passed_on_as_they_came() -> None:
    _, message = wire.decode_message("1:1:call.route::address=10.0.0.9%z5060:name=été")
    assert message.wire is not None
    assert message["address"] == "10.0.0.9:5060"
