"""One peer without a socket: its lines, the answers to them, and its end."""

import asyncio
import re
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from peers import DrivenPeer, settle

from yext import Engine, Message
from yext.extmodule.module import ExtModule
from yext.extmodule.peer.ends import PeerEnd
from yext.extmodule.peer.requests import parse_install
from yext.log import Event


def on_engine(test: Callable[[Engine], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """Run a test on an engine with its default options."""

    def run() -> None:
        async def main() -> None:
            async with Engine() as engine:
                await test(engine)

        asyncio.run(main())

    run.__name__ = test.__name__
    run.__doc__ = test.__doc__
    return run


# Lines from the peer, and the lines that answer them at once.
LINES = [
    ("%%>install:50:call.route", ["%%<install:50:call.route:true"]),
    ("%%>install::call.route", ["%%<install:100:call.route:true"]),
    ("%%>install:call.route", ["%%<install:100:call.route:true"]),
    ("%%>install:50:", ["%%<install:50::false"]),
    ("%%>install:1:a\n%%>install:2:a", ["%%<install:1:a:true", "%%<install:2:a:false"]),
    ("%%>install:7:a\n%%>uninstall:a", ["%%<install:7:a:true", "%%<uninstall:7:a:true"]),
    ("%%>uninstall:a", ["%%<uninstall:0:a:false"]),
    ("%%>watch:a\n%%>watch:a", ["%%<watch:a:true", "%%<watch:a:false"]),
    ("%%>watch:\n%%>unwatch:", ["%%<watch::true", "%%<unwatch::true"]),
    ("%%>unwatch:a", ["%%<unwatch:a:false"]),
    ("%%>setlocal:timeout:", ["%%<setlocal:timeout:10000:true"]),
    ("%%>output:hello", []),
    ("%%>debug:1:text", []),
    ("%%>quit", ["%%<quit"]),
    ("%%>message:7:1:nobody::a=1:b", ["%%<message:7:false:nobody::a=1"]),
    ("%%>message::1:nobody:", []),
    ("%%<message:99:true:", []),
    ("nonsense", ["Error in: nonsense"]),
    ("%%>quit:", ["Error in: %%>quit:"]),
    ("%%>install", ["Error in: %%>install"]),
    ("%%>setlocal:timeout", ["Error in: %%>setlocal:timeout"]),
    ("%%>message:7:x:a:", ["Error in: %%>message:7:x:a:"]),
    ("%%>debug:x", ["Error in: %%>debug:x"]),
    ("Error in:me\n%%>watch:a", ["Error in: Error in:me", "%%<watch:a:true"]),
]


@pytest.mark.parametrize(("lines", "answers"), LINES)
def test_lines_are_answered_at_once(lines: str, answers: list[str]) -> None:
    @on_engine
    async def run(engine: Engine) -> None:
        assert await DrivenPeer(engine).asks(lines) == answers

    run()


@pytest.mark.parametrize(
    ("rest", "parsed"),
    [
        ("50:a", (50, "a", "", "")),
        (":a", (100, "a", "", "")),
        ("a", (100, "a", "", "")),
        ("-1:a", (-1, "a", "", "")),
        ("0x10:a", (16, "a", "", "")),
        ("010:a", (8, "a", "", "")),
        ("5x:a", (5, "a", "", "")),
        ("2147483647:a", (100, "a", "", "")),
        ("5:a:k", (5, "a", "k", "")),
        ("5:a:k%z:v%%:w", (5, "a", "k:", "v%:w")),
        ("5:a%z", (5, "a%z", "", "")),
    ],
)
def test_an_install_line_is_read(rest: str, parsed: tuple[int, str, str, str]) -> None:
    assert parse_install(rest) == parsed


@on_engine
async def test_a_message_goes_to_the_peer_and_its_answer_changes_it(engine: Engine) -> None:
    peer = DrivenPeer(engine)
    await peer.asks("%%>setlocal:trackparam:me\n%%>install:50:call.route")
    dispatch = peer.send(Message("call.route", {"called": "9:9", "x": "1"}, retvalue="r"))
    assert await peer.hears() == ["%%>message:1:0:call.route:r:called=9%z9:x=1:handlers=me%z50"]
    peer.say("%%<message:1:true::sip%z:called=1:x:new=%J")
    assert dispatch.handled
    assert dispatch.message.retvalue == "sip:"
    assert dispatch.message.params == {"called": "1", "handlers": "me:50", "new": "\n"}


@on_engine
async def test_a_malformed_answer_changes_nothing_and_may_be_given_again(engine: Engine) -> None:
    peer = DrivenPeer(engine)
    await peer.asks("%%>install:50:test")
    dispatch = peer.send(Message("test", {"a": "1"}))
    await peer.hears()
    assert await peer.asks("%%<message:1:true:::a=2:b=%") == [
        "Error in: %%<message:1:true:::a=2:b=%"
    ]
    assert (dispatch.message.params, dispatch.handled) == ({"a": "1"}, False)
    peer.say("%%<message:1:true:")
    assert dispatch.handled


@on_engine
async def test_an_answer_counts_once(engine: Engine) -> None:
    peer, other = DrivenPeer(engine), DrivenPeer(engine)
    await peer.asks("%%>install:10:test")
    await other.asks("%%>install:20:test")
    dispatch = peer.send(Message("test"))
    await settle()
    peer.say("%%<message:1:false:\n%%<message:1:true:")
    assert not dispatch.handled
    assert len(await other.hears()) == 1


@on_engine
async def test_answers_may_come_in_any_order(engine: Engine) -> None:
    peer = DrivenPeer(engine)
    await peer.asks("%%>install:50:test")
    first, second = peer.send(Message("test")), peer.send(Message("test"))
    peer.say("%%<message:2:true:")
    assert (first.handled, second.handled) == (False, True)
    peer.say("%%<message:1:true:")
    assert first.handled


@on_engine
async def test_a_watcher_is_told_of_the_message_at_its_end(engine: Engine) -> None:
    peer = DrivenPeer(engine)
    await peer.asks("%%>watch:test")
    engine.install("test", lambda message: bool(message.params.update(a="2")) or True)
    peer.send(Message("test", {"a": "1"}))
    assert await peer.hears() == ["%%<message::true:test::a=2"]


@on_engine
async def test_own_messages_come_back_only_where_asked_for(engine: Engine) -> None:
    peer = DrivenPeer(engine)
    await peer.asks("%%>install:50:test\n%%>watch:test")
    own = "%%>message:x:1:test:"
    assert await peer.asks(own) == ["%%<message:x:false:test:"]
    # A message without an id may be anybody's.
    assert await peer.asks("%%>message::1:test:") == ["%%>message:1:0:test:"]
    await peer.asks("%%<message:1:true:\n%%>setlocal:selfwatch:true")
    assert await peer.asks(own) == ["%%<message::false:test:", "%%<message:x:false:test:"]
    await peer.asks("%%>setlocal:selfwatch:false\n%%>setlocal:reenter:true")
    assert await peer.asks(own) == ["%%>message:2:0:test:"]
    assert await peer.asks("%%<message:2:true:") == ["%%<message:x:true:test:"]


@pytest.mark.parametrize("timebomb", [False, True])
def test_a_message_that_is_not_answered_in_time_passes_on(timebomb: bool) -> None:
    @on_engine
    async def run(engine: Engine) -> None:
        peer = DrivenPeer(engine)
        await peer.asks(f"%%>setlocal:timeout:20\n%%>setlocal:timebomb:{str(timebomb).lower()}")
        await peer.asks("%%>install:50:test")
        assert not await asyncio.wait_for(engine.dispatch(Message("test")), 10)
        assert peer.peer.ended is timebomb
        assert peer.peer.pending.waiting == {}

    run()


@on_engine
async def test_no_more_messages_wait_for_a_peer_than_its_maxqueue(engine: Engine) -> None:
    peer = DrivenPeer(engine)
    await peer.asks("%%>setlocal:maxqueue:2\n%%>install:50:test")
    for _ in range(3):
        peer.send(Message("test"))
    assert len(await peer.hears()) == 2
    assert engine.dispatcher.in_flight == 2
    peer.say("%%<message:1:false:")
    peer.send(Message("test"))
    assert len(await peer.hears()) == 1


@pytest.mark.parametrize("end", ["quit", "overflow", "close"])
def test_a_peer_that_goes_releases_what_waits_for_it(end: str) -> None:
    @on_engine
    async def run(engine: Engine) -> None:
        peer = DrivenPeer(engine)
        await peer.asks("%%>install:50:test\n%%>watch:")
        dispatch = peer.send(Message("test"))
        ends: dict[str, Callable[[], object]] = {
            "quit": lambda: peer.say("%%>quit"),
            "overflow": lambda: peer.say("x" * 9000),
            "close": lambda: peer.connection.connection_lost(None),
        }
        ends[end]()
        assert (dispatch.handled, dispatch.outcome) == (False, "gone")
        assert engine.dispatcher.in_flight == 0
        assert engine.dispatcher.watch_names() == []
        assert "test" not in engine.dispatcher.handler_names()
        await settle()
        assert peer.line.closed is (end != "close")
        module = engine.modules["extmodule"]
        assert isinstance(module, ExtModule)
        assert module.supervisor.peers == {}

    run()


@on_engine
async def test_who_quits_gets_the_answer_to_its_own_message_first(engine: Engine) -> None:
    gate: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
    engine.install("slow", lambda message: gate)
    peer = DrivenPeer(engine)
    assert await peer.asks("%%>message:1:1:slow:\n%%>quit") == ["%%<quit"]
    assert not peer.line.closed
    gate.set_result(True)
    assert await peer.hears() == ["%%<message:1:true:slow:"]
    assert peer.line.closed


@on_engine
async def test_nothing_is_carried_out_after_quit(engine: Engine) -> None:
    peer = DrivenPeer(engine)
    assert await peer.asks("%%>quit\n%%>watch:a\nnonsense") == ["%%<quit"]


@on_engine
async def test_a_peer_without_a_role_connects_first(engine: Engine) -> None:
    peer = DrivenPeer(engine, role="")
    assert await peer.asks("%%>connect:global\n%%>watch:a") == ["%%<watch:a:true"]
    for first in ("%%>watch:a", "%%>connect:nonsense", "%%>connect:", "nonsense"):
        refused = DrivenPeer(engine, role="")
        assert await refused.asks(first) == []
        assert refused.line.closed


@on_engine
async def test_a_peer_that_does_not_read_loses_notices_and_is_told_how_many(
    engine: Engine,
) -> None:
    events: list[Event] = []
    engine.log.subscribe(events.append)
    peer = DrivenPeer(engine)
    await peer.asks("%%>watch:test\n%%>install:50:ask")
    peer.connection.pause_writing()
    peer.line.unsent = 1 << 30
    assert not peer.line.reading
    for _ in range(3):
        peer.send(Message("test"))
    passed = peer.send(Message("ask"))
    assert (await peer.hears(), engine.dispatcher.in_flight, passed.handled) == ([], 0, False)
    peer.line.unsent = 0
    peer.connection.resume_writing()
    assert peer.line.reading
    peer.send(Message("test"))
    assert await peer.hears() == ["%%<message::false:test:"]
    assert [one.text for one in events] == ["'peer' did not read: 3 notices were left out"]


@on_engine
async def test_output_and_debug_reach_the_log(engine: Engine) -> None:
    logged: list[str] = []
    engine.log.subscribe(lambda event: logged.append(event.line()))
    peer = DrivenPeer(engine)
    await peer.asks("%%>output:as it is %z\n%%>output:\n%%>debug:5:a%zb")
    await peer.asks("%%>setlocal:debugname:me\n%%>setlocal:debuglevel:5")
    await peer.asks("%%>debug:5:logged\n%%>debug:6:not logged")
    assert logged == ["as it is %z", "<peer:WARN> a:b", "<me:WARN> logged"]


@on_engine
async def test_text_that_no_bytes_make_harms_no_peer(engine: Engine) -> None:
    """A Python handler can put half a surrogate pair into a message; a peer never can."""
    one, two = DrivenPeer(engine), DrivenPeer(engine)
    for peer in (one, two):
        await peer.asks("%%>watch:test")
    engine.install("test", lambda message: bool(message.params.update(a="\ud800\udcff")) or True)
    one.send(Message("test"))
    assert [await peer.hears() for peer in (one, two)] == [
        ["%%<message::true:test::a=\ufffd\udcff"]
    ] * 2


# Anything as input.

PIECES = st.lists(
    st.sampled_from(
        ["%%>message:", "%%<message:", "%%>install:", "%%>uninstall:", "%%>watch:", "%%>unwatch:",
         "%%>setlocal:", "%%>output:", "%%>debug:", "%%>connect:global", "%%>quit", "\n", "\n",
         "\r\n", "\0", ":", "=", "%", "%z", "test", "1", "true", "false", "bufsize", "2048",
         "reenter", "selfwatch", "id", "engine.", "config.", "\udcff", "é", "x" * 3000]
    ),
    max_size=60,
).map(lambda pieces: "".join(pieces).encode("utf-8", "surrogateescape"))  # fmt: skip

ANSWER = re.compile(
    r"Error in: .|%%<(message|install|uninstall|watch|unwatch|setlocal):|%%>message:\d+:|%%<quit$"
)


async def _conversation(role: str, chunks: list[bytes]) -> list[str]:
    engine = Engine(node="test")
    engine.log.level = 0
    await engine.loader.load("extmodule")
    peer = DrivenPeer(engine, role)
    for chunk in chunks:
        if not peer.peer.ended:
            peer.connection.data_received(chunk)
    answers = await peer.hears()
    peer.connection.connection_lost(None)
    await settle()
    assert (engine.dispatcher.in_flight, engine.dispatcher.watch_names()) == (0, [])
    await engine.dispatcher.stop()
    return answers


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["global", "channel", ""]), PIECES | st.binary(max_size=200))
def test_any_bytes_get_documented_answers_whole_or_byte_by_byte(role: str, data: bytes) -> None:
    whole = asyncio.run(_conversation(role, [data]))
    assert [line for line in whole if not ANSWER.match(line)] == []
    bytewise = [data[at : at + 1] for at in range(len(data))]
    assert asyncio.run(_conversation(role, bytewise)) == whole


def test_a_flood_of_mistakes_is_logged_in_part_and_counted_at_the_end() -> None:
    @on_engine
    async def run(engine: Engine) -> None:
        events: list[Event] = []
        engine.log.subscribe(events.append)
        peer = DrivenPeer(engine)
        answers = await peer.asks("\n".join(["nonsense"] * 150))
        assert answers == ["Error in: nonsense"] * 150
        assert len([event for event in events if "in: nonsense" in event.text]) == 100
        peer.peer.end(PeerEnd.GONE)
        (last,) = [event.text for event in events if "more lines" in event.text]
        assert last == "'peer' sent 50 more lines that make no sense"

    run()


@on_engine
async def test_peers_that_leave_together_do_not_hold_up_the_others(engine: Engine) -> None:
    """Each of many peers has many handlers and messages; the loop goes on between them."""
    before = len(engine.dispatcher.handlers())
    peers = [DrivenPeer(engine, name=f"peer {number}") for number in range(30)]
    for driven in peers:
        driven.say("\n".join(f"%%>install:50:name {number}" for number in range(200)))
    waiting = [engine.dispatcher.dispatch(Message(f"name {number}")) for number in range(200)]
    pending = [asyncio.ensure_future(one) for one in waiting]
    await settle()
    for driven in peers:
        driven.connection.connection_lost(None)
    assert not engine.modules["extmodule"].busy(), "they are listed no more"
    turns = 0
    subscriptions = [driven.peer.subscriptions for driven in peers]
    while not all(one.done() for one in pending) or any(one.relays for one in subscriptions):
        await asyncio.sleep(0)
        turns += 1
    assert turns > 1
    assert len(engine.dispatcher.handlers()) == before


@on_engine
async def test_a_peer_that_leaves_gets_no_message_while_its_handlers_go(engine: Engine) -> None:
    driven = DrivenPeer(engine)
    driven.say("\n".join(f"%%>install:50:name {number}" for number in range(5000)))
    await settle()
    driven.connection.connection_lost(None)
    left = next(iter(driven.peer.subscriptions.relays))
    assert not await engine.dispatch(Message(left))
    assert not driven.peer.pending.waiting


@on_engine
async def test_an_answer_makes_no_other_message_of_the_engine(engine: Engine) -> None:
    peer = DrivenPeer(engine)
    await peer.asks("%%>install:10:engine.timer")
    handled: list[str] = []
    engine.install("engine.halt", lambda message: handled.append(message.name), 2000)
    module = engine.modules["extmodule"]
    assert isinstance(module, ExtModule)
    halted: list[str] = []
    module.handle("engine.halt", lambda message: halted.append(message.name), 1500)
    peer.send(engine.system_message("engine.timer"))
    await peer.asks("%%<message:1:false:engine.halt:")
    assert (handled, halted) == (["engine.halt"], [])
    peer.send(engine.system_message("engine.halt"))
    await settle()
    assert halted == ["engine.halt"]
