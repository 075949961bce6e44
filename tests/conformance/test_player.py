"""The player itself: placeholders, matching, ports, connections, and its messages for failures."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from player import cases, extmodule, rmanager
from player.connection import Connection
from player.extmodule_case import Playing, yate_conf
from player.matching import EXTMODULE, NODE, RMANAGER, Dialect, Mismatch, Scope, show
from player.process import Engine

PORTS = {"general": 5038, "global": 5040}


@pytest.fixture
def scope() -> Scope:
    return Scope(Path("/tmp/work"), PORTS.__getitem__, peer_ports={"a": 40001, "rm": 40002})


def at_present(line: bytes) -> bytes:
    """Replace NOW in the line: a time in a test's parameters would change its name."""
    return line.replace(b"NOW", b"%d" % time.time())


@pytest.mark.parametrize(
    ("dialect", "text", "sent"),
    [
        (EXTMODULE, "{DIR}/x {PORT:global} {NODE}", f"/tmp/work/x 5040 {NODE}".encode()),
        (EXTMODULE, "{REP:=:3}{REP:%:2}{REP:x:0}", b"===%%"),
        (EXTMODULE, "${nodename} {} {x} {TIME}", b"${nodename} {} {x} {TIME}"),
        (EXTMODULE, "n\u00e4me", b"n\xc3\xa4me"),
        (RMANAGER, "{WORK}/conf {PORT:general} \u00ff", b"/tmp/work/conf 5038 \xff"),
        (RMANAGER, "drop {chan|*|all} [reason]", b"drop {chan|*|all} [reason]"),
        (RMANAGER, "127.0.0.1:{PEERPORT:a}", b"127.0.0.1:40001"),
    ],
)
def test_placeholders_are_filled_in(dialect: Dialect, text: str, sent: bytes, scope: Scope) -> None:
    assert dialect.fill(text, scope) == sent


@pytest.mark.parametrize(
    ("dialect", "text", "line"),
    [
        (EXTMODULE, "a.b", b"a.b"),
        (EXTMODULE, "%%>message:{ID:1}:{TIME}:test", b"%%>message:x y%z:NOW:test"),
        (EXTMODULE, "{ID:1}-{ID:1}", b"abc-abc"),
        (EXTMODULE, "v={REP:x:8000}", b"v=" + b"x" * 8000),
        (EXTMODULE, "2. global {PEER}", b"2. global 127.0.0.1:40002"),
        (EXTMODULE, "cmd_address={PEERESC}:", b"cmd_address=127.0.0.1%z40001:"),
        (EXTMODULE, "\tGlobal, pid={PID}", b"\tGlobal, pid=-1"),
        (EXTMODULE, "a{ANY}z", b"az"),
        (EXTMODULE, "time={TIME}:nodename={NODE}", f"time=NOW:nodename={NODE}".encode()),
        (RMANAGER, "{TIME} x", b"2024-02-03_04:05:06.123456 x"),
        (RMANAGER, "v={VERSION}-{RELEASE} r{REVISION} (", b"v=0.1.0-dev1 r ("),
        (RMANAGER, "user: {FLOAT} {HMS} {TZ} {PTR}", b"user: 0.25 01:02:03 +00:00 0x7f"),
        (
            RMANAGER,
            "{TIMER_LINES}",
            b"%%<message::false:engine.timer::time=1\r\n%%<message::true:engine.timer::\r\n",
        ),
    ],
)
def test_what_matches(dialect: Dialect, text: str, line: bytes, scope: Scope) -> None:
    assert dialect.matches(text, at_present(line), scope)


@pytest.mark.parametrize(
    ("dialect", "text", "line"),
    [
        (EXTMODULE, "a.b", b"axb"),
        (EXTMODULE, "a", b"a\n"),
        (EXTMODULE, "a", b"a "),
        (EXTMODULE, "{TIME}", b"1000000000"),
        (EXTMODULE, "{TIME}", b"NOW.5"),
        (EXTMODULE, "{ID:1}-{ID:1}", b"abc-abd"),
        (EXTMODULE, "<{ID:1}>", b"<a:b>"),
        (EXTMODULE, "{PEER}", b"127.0.0.1:40003"),
        (EXTMODULE, "{NODE}", b"other"),
        (EXTMODULE, "h\u00e9", b"h\xe9"),
        (RMANAGER, "{TIME} x", b"20240203040506.123456 x"),
        (RMANAGER, "{HANDLERS}.", b"a:b."),
    ],
)
def test_what_does_not_match(dialect: Dialect, text: str, line: bytes, scope: Scope) -> None:
    assert not dialect.matches(text, at_present(line), scope)


def test_hexadecimal_lines_are_exact(scope: Scope) -> None:
    assert EXTMODULE.matches({"hex": "ff00"}, b"\xff\x00", scope)
    assert not EXTMODULE.matches({"hex": "ff00"}, b"\xff\x01", scope)


def test_an_id_is_the_same_later_on(scope: Scope) -> None:
    assert EXTMODULE.matches("%%>message:{ID:1}:x", b"%%>message:a.b:x", scope)
    assert EXTMODULE.fill("%%<message:{ID:1}:true", scope) == b"%%<message:a.b:true"
    assert EXTMODULE.matches("{ID:1}", b"a.b", scope)
    assert not EXTMODULE.matches("{ID:1}", b"a-b", scope)
    assert EXTMODULE.matches("{ID:2}", b"a-b", scope)


@pytest.mark.parametrize("received", ["", "a", "a=", "a=12", "a=12\r\n", "a=12\r\nb"])
def test_a_beginning_may_become_the_expected_text(received: str, scope: Scope) -> None:
    assert not rmanager.differs("a={INT}\r\nb {INT}", received.encode(), scope)


@pytest.mark.parametrize("received", ["x", "a=x\r\n", "a=12\r\nc", "a=1\r\n\r\n"])
def test_a_certain_mismatch_is_seen_at_once(received: str, scope: Scope) -> None:
    assert rmanager.differs("a={INT}\r\nb {INT}", received.encode(), scope)


def test_streams_of_one_connection_are_joined() -> None:
    first, second = {"recv": "a", "text": "x"}, {"recv_hex": "a", "hex": "ff"}
    other, quiet = {"recv": "b", "text": "y"}, {"quiet": "a"}
    assert list(rmanager.joined([first, second, other, quiet, first])) == [
        {"recv": "a", "parts": [first, second]},
        {"recv": "b", "parts": [other]},
        quiet,
        {"recv": "a", "parts": [first]},
    ]


def test_every_kind_of_step_can_be_played() -> None:
    for folder, table in (("extmodule", extmodule.STEPS), ("rmanager", rmanager.STEPS)):
        kinds = {
            cases.kind(step)
            for file in cases.files(folder)
            for case in cases.load(folder, file)
            for step in case.content["steps"]
        }
        assert kinds - {"recv_hex"} == set(table)


def test_modules_are_added_to_the_configuration() -> None:
    loaded = "\n[modules]\nrmanager.yate=yes\nextmodule.yate=yes\n"
    assert yate_conf({}) == f"[general]\nmodload=disable\n{loaded}"
    assert yate_conf({"yate_conf": "[x]\n"}) == f"[general]\nmodload=disable\n[x]\n{loaded}"
    assert yate_conf({"yate_conf": "[general]\na=1\n", "modules": ["dumbchan"]}) == (
        f"[general]\na=1\n{loaded}dumbchan.yate=yes\n"
    )


def test_no_two_listeners_are_given_one_port() -> None:
    with ExitStack() as stack:
        engines = [stack.enter_context(Engine()) for _ in range(20)]
        given = [engine.ports(name) for engine in engines for name in "abc"]
        assert len(set(given)) == 60
        assert [engine.ports("a") for engine in engines] == given[::3]


@pytest.fixture
def pair() -> Iterator[tuple[Connection, socket.socket]]:
    ours, theirs = socket.socketpair()
    connection = Connection(ours)
    yield connection, theirs
    connection.close()
    theirs.close()


Pair = tuple[Connection, socket.socket]


def test_lines_are_taken_one_by_one(pair: Pair) -> None:
    connection, theirs = pair
    theirs.sendall(b"one\r\nengine.timer\n\ntwo\nrest")
    theirs.close()
    deadline = time.monotonic() + 10
    taken = [connection.next_line(deadline, [rb"engine\.timer"]) for _ in range(4)]
    assert taken == [b"one\r", b"", b"two", None]
    assert connection.lack() == "the connection was closed, after b'rest'"


def test_a_wait_for_a_missing_line_ends_in_time(pair: Pair) -> None:
    connection, _theirs = pair
    assert connection.next_line(time.monotonic() + 0.01) is None
    assert connection.lack() == "nothing more came"


def test_a_line_in_pieces_is_one_line(pair: Pair) -> None:
    connection, theirs = pair
    theirs.sendall(b"he")
    writer = threading.Timer(0.02, theirs.sendall, [b"llo\n"])
    writer.start()
    assert connection.next_line(time.monotonic() + 10) == b"hello"
    writer.join()


def test_a_mismatch_names_the_step_the_expected_and_the_received_text(pair: Pair) -> None:
    connection, theirs = pair
    with Engine() as engine:
        play = Playing({}, engine)
        play.connections["a"] = connection
        theirs.sendall(b"%%<watch:x:false\n")
        steps: list[cases.Step] = [{"sleep_ms": 0}, {"recv": "a", "lines": ["%%<watch:x:true"]}]
        with pytest.raises(Mismatch) as failure:
            cases.play_steps(play, steps, extmodule.STEPS)
        play.close()
    assert str(failure.value).splitlines() == [
        'step 2 of 2: {"recv": "a", "lines": ["%%<watch:x:true"]}',
        "line 1: expected %%<watch:x:true",
        "came b'%%<watch:x:false'",
    ]


def test_silence_is_broken_by_half_a_line_and_by_a_close(pair: Pair) -> None:
    connection, theirs = pair
    with Engine() as engine:
        play = Playing({}, engine)
        play.connections["a"] = connection
        extmodule.STEPS["silent"](play, {"silent": "a", "ms": 5})
        theirs.sendall(b"x")
        with pytest.raises(Mismatch, match="nothing more came, after b'x'"):
            extmodule.STEPS["silent"](play, {"silent": "a", "ms": 5})
        theirs.close()
        with pytest.raises(Mismatch, match="the connection was closed"):
            extmodule.STEPS["silent"](play, {"silent": "a", "ms": 5})
        play.close()


def test_long_values_are_shown_with_the_middle_cut() -> None:
    assert show("short") == "short"
    assert show(b"x" * 10_000, 20) == "b'xxxxxxxx … 9983 more … xxxxxxxxx'"
