"""Nodes that come, go, fall silent, and say what no node says."""

import asyncio
import json

import pytest
from nodes import Net, Place, Slow, on_net

from yext import Message
from yext.cluster import limits
from yext.cluster.exchange.announcement import Announcement, Offer, decode
from yext.cluster.exchange.carrier import Kind
from yext.errors import NodeError

INSTANCE = "0123456789abcdef"


def announced(**changes: object) -> str:
    """The text of an announcement of a handler, with some fields changed."""
    offer = Offer(1, "call.route", 50, "", "", "r.py")
    said = Announcement(INSTANCE, 1, (offer,), ("call.cdr",), False)._asdict()
    return json.dumps(said | changes)


def arrive(place: Place, name: str = "eve", instance: str = INSTANCE) -> None:
    """Add a node whose frames the test makes itself."""
    place.exchange.arrived(name, place, instance)
    place.net.frames.clear()


def hostile(net: Net) -> Place:
    """A node with a handler, to which `eve` is connected."""
    beech = net.add("beech")
    beech.install(lambda message: True)
    arrive(beech)
    beech.receive("eve", Kind.ANNOUNCE, announced(offers=[]))
    return beech


def test_an_announcement_survives_its_encoding() -> None:
    offers = (Offer(7, "call.route", 4294967295, "caller", "\udcff:%", "äé r.py"),)
    said = Announcement(INSTANCE, 3, offers, ("", "call.cdr"), True)
    assert decode(said.encode()) == said
    assert said.encode().isascii()


@pytest.mark.parametrize(
    "changes",
    [
        {"offers": [[1, "call.route", 50, "", "", "r.py"]] * (limits.HANDLERS_MAX + 1)},
        {"offers": [[1, "call.route", 50, "", ""]]},
        {"offers": [[1, "call.route", "50", "", "", "r.py"]]},
        {"offers": [[1, "call.route", -1, "", "", "r.py"]]},
        {"offers": [[True, "call.route", 1, "", "", "r.py"]]},
        {"offers": [[1, "x" * 257, 50, "", "", "r.py"]]},
        {"offers": [[1, ["call.route"], 50, "", "", "r.py"]]},
        {"offers": {"a": 1}},
        {"offers": None},
        {"watches": ["a"] * (limits.WATCHES_MAX + 1)},
        {"watches": [7]},
        {"revision": "1"},
        {"revision": 1 << 40},
        {"instance": 7},
    ],
)
def test_an_announcement_that_is_none_ends_the_connection(changes: dict[str, object]) -> None:
    @on_net
    async def run(net: Net) -> None:
        beech = net.add("beech")
        arrive(beech)
        beech.receive("eve", Kind.ANNOUNCE, announced(**changes))
        assert "eve" in beech.refused
        assert "eve" not in beech.exchange.nodes
        assert not beech.exchange.asking.standins

    run()


@on_net
async def test_a_node_that_announces_too_many_handlers_is_told_apart(net: Net) -> None:
    beech = net.add("beech")
    arrive(beech)
    offers = [[number, "call.route", 50, "", "", f"{number}"] for number in range(100_000)]
    beech.receive("eve", Kind.ANNOUNCE, announced(offers=offers))
    assert beech.refused["eve"] == "it announces 100,000 handlers, of at most 1,000"


@on_net
async def test_more_handlers_than_may_be_announced_are_left_out_and_told(net: Net) -> None:
    alder, beech = net.add("alder"), net.add("beech")
    logged: list[str] = []
    beech.engine.log.subscribe(lambda event: logged.append(event.text))
    for number in range(limits.HANDLERS_MAX + 3):
        handler = beech.engine.install("call.route", lambda message: True, number)
        handler.owner = f"{number}.py"
    beech.exchange.changed()
    net.carry()
    assert len(alder.exchange.asking.standins) == limits.HANDLERS_MAX
    assert "3 handlers are not shared: a node may announce 1000" in logged


FRAMES = [
    ("nonsense", "", "which is not known here"),
    ("\x1b[31m", "", r"\x1b[31m"),
    (Kind.ANNOUNCE, "[" * 100_000, "no JSON"),
    (Kind.ANNOUNCE, "7", "no JSON object"),
    (Kind.ASK, "", "makes no sense"),
    (Kind.ASK, "x:1:0:call.route:", "makes no sense"),
    (Kind.ASK, "1:x:0:call.route:", "makes no sense"),
    (Kind.ASK, "1:1:0:call.route", "makes no sense"),
    (Kind.ASK, "1:1:0:call.route::%", "makes no sense"),
    (Kind.ASK, "1:1:0:chan.hangup:", "it sends chan.hangup to a handler of call.route"),
    (Kind.ASK, "1:1:0:engine.command::line=stop", "engine.command"),
    (Kind.ANSWER, "1:2:handled", "makes no sense"),
    (Kind.ANSWER, "1:x:handled:0:call.route:", "makes no sense"),
    (Kind.ANSWER, f"1:{'9' * 400}:handled:0:call.route:", "makes no sense"),
    (Kind.ANSWER, "1:1:perhaps:0:call.route:", "makes no sense"),
    (Kind.SEEN, "true:0:call.cdr", "makes no sense"),
    (Kind.SEEN, "true:0:engine.timer:", "never leaves a node"),
    (Kind.SEEN, "true:0:chan.dtmf:", "never leaves a node"),
    (Kind.COMMAND, "{}", "makes no sense"),
    (Kind.COMMAND, json.dumps({"id": "1", "line": "x", "operator": "e", "level": "root"}), "sense"),
    (Kind.COMMAND, json.dumps({"id": "1", "line": "x" * 5000, "operator": "", "level": "user"}),
     "more than 4096"),
    (Kind.REPLY, "{}", "makes no sense"),
    (Kind.REPLY, json.dumps({"id": "1", "ok": True, "known": True, "text": "", "params": 7}),
     "makes no sense"),
    (Kind.JOURNEY, "{}", "makes no sense"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "text", "reason"), FRAMES)
def test_a_frame_that_no_node_sends_ends_the_connection(kind: str, text: str, reason: str) -> None:
    @on_net
    async def run(net: Net) -> None:
        beech = hostile(net)
        beech.receive("eve", kind, text)
        assert reason in beech.refused["eve"]
        assert beech.refused["eve"].isprintable()
        assert "eve" not in beech.exchange.nodes

    run()


@on_net
async def test_a_message_is_not_carried_out_a_second_time(net: Net) -> None:
    beech = net.add("beech")
    count: list[int] = []
    beech.install(lambda message: bool(count.append(1)) or True)
    arrive(beech)
    for ident in (5, 6):
        beech.receive("eve", Kind.ASK, f"{ident}:1:0:call.route:")
    beech.receive("eve", Kind.ASK, "6:1:0:call.route:")
    assert len(count) == 2
    assert beech.refused["eve"] == "it sends a message a second time"


@on_net
async def test_only_the_node_that_was_asked_can_answer(net: Net) -> None:
    alder, beech = net.add("alder"), net.add("beech")
    slow = Slow()
    beech.add(slow)
    net.carry()
    arrive(alder)
    future = alder.send_off(Message("call.route"))
    while not slow.taken:
        await asyncio.sleep(0)
        net.carry()
    ident = next(text for _, kind, text in alder.sent if kind is Kind.ASK).partition(":")[0]
    alder.receive("eve", Kind.ANSWER, f"{ident}:1:handled:0:call.route:stolen")
    assert not future.done()
    slow.taken[0].answered(False)
    assert await net.go(future) == [False]
    assert alder.exchange.nodes["eve"].late == 1


@pytest.mark.parametrize("name", ["engine.command", "chan.hangup", "call.execute", ""])
def test_an_answer_cannot_make_another_message_of_it(name: str) -> None:
    @on_net
    async def run(net: Net) -> None:
        alder, beech = net.add("alder"), net.add("beech")
        slow = Slow()
        beech.add(slow)
        commands: list[Message] = []
        alder.engine.install(name or "call.route", commands.append, 60)
        net.carry()
        future = alder.send_off(Message("call.route"))
        while not slow.taken:
            await asyncio.sleep(0)
            net.carry()
        ident = next(text for _, kind, text in alder.sent if kind is Kind.ASK).partition(":")[0]
        alder.receive("beech", Kind.ANSWER, f"{ident}:1:passed:0:{name}::line=stop")
        assert "gives call.route the name" in alder.refused["beech"]
        await future
        assert [one.name for one in commands if one.name == name] == []

    run()


@pytest.mark.parametrize(
    ("name", "instance", "reason"),
    [
        ("beech", INSTANCE, "it says that it is beech, and so is this node"),
        ("alder", INSTANCE, "there is another node alder, by test"),
        ("", INSTANCE, "cannot be the name of a node"),
        ("a b", INSTANCE, "cannot be the name of a node"),
        ("x" * 65, INSTANCE, "cannot be the name of a node"),
        ("a\x1b[2J", INSTANCE, r"a\x1b[2J"),
        ("_all", INSTANCE, "cannot be the name of a node"),
    ],
)
def test_a_forged_name_is_refused(name: str, instance: str, reason: str) -> None:
    @on_net
    async def run(net: Net) -> None:
        net.add("alder")
        beech = net.add("beech")
        with pytest.raises(NodeError) as caught:
            beech.exchange.arrived(name, beech, instance)
        assert reason in str(caught.value)

    run()


@on_net
async def test_the_same_node_is_not_known_twice(net: Net) -> None:
    alder, beech = net.add("alder"), net.add("beech")
    with pytest.raises(NodeError, match="alder is connected already, by test"):
        beech.exchange.arrived("alder", beech, alder.exchange.instance)


@on_net
async def test_there_are_bounds_to_how_many_nodes_are_known(net: Net) -> None:
    beech = net.add("beech")
    for number in range(limits.NODES_MAX):
        beech.exchange.arrived(f"n{number}", beech, INSTANCE)
    with pytest.raises(NodeError, match="1000 nodes are known already"):
        beech.exchange.arrived("more", beech, INSTANCE)


@on_net
async def test_frames_of_nodes_that_are_not_here_count_for_nothing(net: Net) -> None:
    beech = net.add("beech")
    beech.receive("nobody", Kind.ANNOUNCE, announced())
    assert not beech.exchange.nodes
    assert not beech.refused


@on_net
async def test_a_silent_node_is_gone_within_two_seconds(net: Net) -> None:
    alder, beech = net.add("alder"), net.add("beech")
    beech.install(lambda message: True)
    net.carry()
    began = net.clock.now
    while "beech" in alder.exchange.nodes:
        net.clock.now += limits.BEAT_SECONDS
        alder.exchange.beat()
        net.frames.clear()
        assert net.clock.now - began < 2.1
    assert alder.refused["beech"].startswith("nothing was heard of it for ")
    assert not alder.exchange.asking.standins
    assert any("node beech is gone: nothing was heard" in text for text in alder.notices)


@on_net
async def test_a_node_that_gives_signs_of_life_stays(net: Net) -> None:
    alder, beech = net.add("alder"), net.add("beech")
    for _ in range(50):
        net.clock.now += limits.BEAT_SECONDS
        alder.exchange.beat()
        beech.exchange.beat()
        net.carry()
    assert "beech" in alder.exchange.nodes


@on_net
async def test_an_engine_that_stood_still_itself_takes_nobody_for_dead(net: Net) -> None:
    alder, _ = net.add("alder"), net.add("beech")
    net.clock.now += 30.0
    alder.exchange.beat()
    assert "beech" in alder.exchange.nodes


@on_net
async def test_a_lost_announcement_is_asked_for_again(net: Net) -> None:
    alder, beech = net.add("alder"), net.add("beech")
    beech.install(lambda message: True)
    net.frames.clear()
    assert not alder.exchange.asking.standins
    beech.exchange.beat()
    net.carry()
    assert len(alder.exchange.asking.standins) == 1


@on_net
async def test_who_comes_and_goes_is_told(net: Net) -> None:
    alder = net.add("alder")
    beech = net.add("beech")
    assert alder.notices == ["node beech has come by test, shares 0 handlers; see: status cluster"]
    beech.exchange.stop()
    net.carry()
    assert alder.notices[1:] == ["node beech is gone: it was stopped; see: status cluster"]


@on_net
async def test_a_handler_that_is_gone_meanwhile_is_not_called(net: Net) -> None:
    alder, beech = net.add("alder"), net.add("beech")
    called: list[Message] = []
    handler = beech.install(called.append)
    net.carry()
    beech.engine.uninstall(handler)
    assert not await net.dispatch(alder, Message("call.route"))
    assert called == []


@on_net
async def test_another_share_is_put_in_force(net: Net) -> None:
    alder, beech = net.add("alder"), net.add("beech")
    for name in ("call.route", "user.auth"):
        beech.install(lambda message: True, name=name)
    net.carry()
    from nodes import read_share

    beech.exchange.use(read_share("[share]\nhandle=user.auth\n"))
    net.carry()
    assert [key[0] for key in alder.exchange.asking.standins] == ["user.auth"]
    alder.exchange.use(read_share("[share]\nhandle=call.route\n"))
    net.carry()
    assert not alder.exchange.asking.standins
    alder.exchange.use(read_share("[share]\nuse=user.*\n"))
    beech.exchange.beat()
    net.carry()
    assert [key[0] for key in alder.exchange.asking.standins] == ["user.auth"]


@on_net
async def test_what_a_node_has_forgotten_goes_on(net: Net) -> None:
    """A node that takes another for gone does not answer it: that one is not to wait for it."""
    alder, beech = net.add("alder"), net.add("beech")
    slow = Slow()
    beech.add(slow)
    net.carry()
    future = alder.send_off(Message("call.route"))
    while not slow.taken:
        await asyncio.sleep(0)
        net.carry()
    beech.exchange.left("alder", beech, "a test says so")
    beech.exchange.arrived("alder", beech, alder.exchange.instance)
    net.carry()
    assert await net.go(future) == [False]
    assert "beech" in alder.exchange.nodes
    assert alder.exchange.nodes["beech"].lost == 1
    assert "node beech has forgotten 1 messages sent to it" in alder.notices[-1]
    slow.taken[0].answered(True)
    net.carry()
    assert alder.exchange.nodes["beech"].late == 0, "no answer was sent"
