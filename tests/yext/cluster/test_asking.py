"""Messages that are handled on another node: order, choice, and what becomes of them."""

import asyncio
import collections
import random

from nodes import Net, Slow, on_net

from yext import Message
from yext.cluster.exchange.carrier import Kind
from yext.dispatcher import NoAnswer
from yext.record.journey import Journey, StepResult


def route(**params: str) -> Message:
    return Message("call.route", {"called": "99", **params})


def noting(notes: list[str], note: str, handles: bool = False):
    def handle(message: Message) -> bool:
        notes.append(note)
        return handles

    return handle


@on_net
async def test_local_and_remote_handlers_are_asked_in_the_order_of_their_priorities(
    net: Net,
) -> None:
    alder, beech = net.add("alder"), net.add("beech")
    notes: list[str] = []
    alder.install(noting(notes, "10 local"), 10)
    alder.install(noting(notes, "90 local", True), 90)
    beech.install(noting(notes, "50 remote"), 50)
    net.carry()
    assert await net.dispatch(alder, route())
    assert notes == ["10 local", "50 remote", "90 local"]


@on_net
async def test_the_other_node_runs_that_one_handler(net: Net) -> None:
    alder, beech = net.add("alder"), net.add("beech", "[share]\nhandle=call.route\nscripts=b.py\n")
    notes: list[str] = []
    beech.install(noting(notes, "before"), 10, script="a.py")
    beech.install(noting(notes, "asked"), 50, script="b.py")
    beech.install(noting(notes, "after", True), 90, script="c.py")
    net.carry()
    assert not await net.dispatch(alder, route())
    assert notes == ["asked"]


@on_net
async def test_what_the_handler_changes_comes_back(net: Net) -> None:
    alder, beech = net.add("alder"), net.add("beech")

    def handle(message: Message) -> bool:
        message.retvalue = "sip/99:1 %\n"
        message["new"] = "ä=\udcff"
        del message["gone"]
        return True

    beech.install(handle)
    net.carry()
    message = route(gone="1", kept="2")
    message.params["bytes"] = "\udcfe"
    assert await net.dispatch(alder, message)
    assert message.retvalue == "sip/99:1 %\n"
    assert dict(message.params) == {
        "called": "99", "kept": "2", "bytes": "\udcfe", "new": "ä=\udcff",
    }  # fmt: skip


@on_net
async def test_a_message_that_was_renamed_goes_on_under_its_new_name(net: Net) -> None:
    alder, beech = net.add("alder"), net.add("beech")

    def rename(message: Message) -> bool:
        message.name = "user.other"
        return False

    notes: list[str] = []
    beech.install(rename)
    alder.install(noting(notes, "renamed", True), 60, "user.other")
    net.carry()
    assert await net.dispatch(alder, route())
    assert notes == ["renamed"]


@on_net
async def test_a_filter_is_tested_before_anything_is_sent(net: Net) -> None:
    alder, beech = net.add("alder"), net.add("beech")
    handler = beech.engine.install("call.route", lambda message: True, filter=("caller", "40"))
    handler.owner = "route.py"
    beech.exchange.changed()
    net.carry()
    assert not await net.dispatch(alder, route(caller="41"))
    assert not [sent for sent in alder.sent if sent[1] is Kind.ASK]
    assert await net.dispatch(alder, route(caller="40"))


@on_net
async def test_what_comes_from_a_node_meets_no_stand_ins(net: Net) -> None:
    """One hop: with handlers that all pass, each node is asked once, and by the sender alone."""
    places = [net.add(name) for name in ("alder", "beech", "cedar")]
    notes: list[str] = []
    for place in places:
        place.install(noting(notes, place.name), 50, script=f"{place.name}.py")
    net.carry()
    assert not await net.dispatch(places[0], route())
    assert sorted(notes) == ["alder", "beech", "cedar"]
    asked = [(one.name, to) for one in places for to, kind, _ in one.sent if kind is Kind.ASK]
    assert sorted(asked) == [("alder", "beech"), ("alder", "cedar")]


@on_net
async def test_the_same_script_on_two_nodes_is_one_stand_in_with_an_even_spread(net: Net) -> None:
    random.seed(1)
    alder = net.add("alder")
    count: collections.Counter[str] = collections.Counter()
    for name in ("beech", "cedar"):
        place = net.add(name)
        place.install(lambda message, name=name: bool(count.update([name])) or True, script="r.py")
    net.carry()
    assert len(alder.exchange.asking.standins) == 1
    for _ in range(1000):
        assert await net.dispatch(alder, route())
    assert count.total() == 1000
    assert 400 < count["beech"] < 600


@on_net
async def test_the_less_loaded_of_two_homes_is_chosen(net: Net) -> None:
    alder = net.add("alder")
    slow = {name: Slow() for name in ("beech", "cedar")}
    for name, handler in slow.items():
        net.add(name).add(handler)
    net.carry()
    futures = [alder.send_off(route()) for _ in range(100)]
    await asyncio.sleep(0)
    net.carry()
    assert [len(handler.taken) for handler in slow.values()] == [50, 50]
    for handler in slow.values():
        for dispatch in handler.taken:
            dispatch.answered(True)
    assert all(await net.go(*futures))


@on_net
async def test_a_node_that_passes_hides_none_that_would_handle(net: Net) -> None:
    """With one queue group for each message name, as was tried, 689 of these were handled."""
    alder = net.add("alder")
    net.add("beech").install(lambda message: True, script="handles.py")
    net.add("cedar").install(lambda message: False, script="passes.py")
    net.carry()
    handled = [await net.dispatch(alder, route()) for _ in range(1000)]
    assert sum(handled) == 1000


@on_net
async def test_a_script_that_passed_is_not_asked_on_another_node(net: Net) -> None:
    alder = net.add("alder")
    notes: list[str] = []
    for name in ("beech", "cedar"):
        net.add(name).install(noting(notes, name), script="r.py")
    net.carry()
    assert not await net.dispatch(alder, route())
    assert len(notes) == 1


@on_net
async def test_with_retry_it_is_asked_once_on_each(net: Net) -> None:
    alder = net.add("alder", "[share]\nhandle=call.route\nretry=passed\n")
    notes: list[str] = []
    for name in ("beech", "cedar", "dogwood"):
        net.add(name).install(noting(notes, name), script="r.py")
    net.carry()
    journeys: list[Journey] = []
    alder.engine.recorder.follow(journeys.append)
    assert not await net.dispatch(alder, route())
    assert sorted(notes) == ["beech", "cedar", "dogwood"]
    steps = [(step.owner, step.result) for step in journeys[0].steps]
    assert steps == [(f"{name}:r.py", StepResult.PASSED) for name in notes]


@on_net
async def test_a_script_that_runs_here_too_is_not_asked_elsewhere_after_it_passed(
    net: Net,
) -> None:
    alder, beech = net.add("alder"), net.add("beech")
    notes: list[str] = []
    own = alder.install(noting(notes, "alder"), script="r.py")
    beech.install(noting(notes, "beech"), script="r.py")
    net.carry()
    assert not await net.dispatch(alder, route())
    assert notes == ["alder"]
    alder.engine.uninstall(own)
    assert not await net.dispatch(alder, route())
    assert notes == ["alder", "beech"]


@on_net
async def test_answers_of_one_sender_come_back_in_the_order_they_were_given(net: Net) -> None:
    alder, beech = net.add("alder"), net.add("beech")
    slow = Slow()
    beech.add(slow)
    net.carry()
    over: list[str] = []
    futures = [alder.send_off(route(n=str(number))) for number in range(5)]
    for number, future in enumerate(futures):
        future.add_done_callback(lambda _, number=number: over.append(str(number)))
    await asyncio.sleep(0)
    net.carry()
    assert [one.message["n"] for one in slow.taken] == ["0", "1", "2", "3", "4"]
    for number in (3, 1, 4, 0, 2):
        slow.taken[number].answered(True)
    await net.go(*futures)
    await asyncio.sleep(0)
    assert over == ["3", "1", "4", "0", "2"]


@on_net
async def test_objects_and_broadcasts_stay_here(net: Net) -> None:
    alder, beech = net.add("alder"), net.add("beech")
    beech.install(lambda message: True)
    net.carry()
    assert not await net.dispatch(alder, Message("call.route", userdata=object()))
    assert not await net.dispatch(alder, Message("call.route", broadcast=True))
    assert not [sent for sent in alder.sent if sent[1] is Kind.ASK]


@on_net
async def test_a_node_uses_only_what_it_lists(net: Net) -> None:
    alder = net.add("alder", "[share]\nhandle=call.route\nuse=user.auth\n")
    beech = net.add("beech", "[share]\nhandle=call.route,user.*\n")
    for name in ("call.route", "user.auth", "user.register"):
        beech.install(lambda message: True, name=name)
    net.carry()
    asked = {name: await net.dispatch(alder, Message(name)) for name in
             ("call.route", "user.auth", "user.register")}  # fmt: skip
    assert asked == {"call.route": True, "user.auth": True, "user.register": False}


@on_net
async def test_a_node_without_a_list_uses_what_it_is_offered(net: Net) -> None:
    alder, beech = net.add("alder", ""), net.add("beech")
    beech.install(lambda message: True, name="user.auth")
    alder.install(lambda message: True, name="call.route")
    net.carry()
    assert await net.dispatch(alder, Message("user.auth"))
    assert not await net.dispatch(beech, Message("call.route"))


@on_net
async def test_messages_of_a_node_that_dies_go_on_at_once(net: Net) -> None:
    alder, beech = net.add("alder"), net.add("beech")
    slow = Slow()
    beech.add(slow)
    alder.install(lambda message: True, 90)
    net.carry()
    journeys: list[Journey] = []
    alder.engine.recorder.follow(journeys.append)
    futures = [alder.send_off(route()) for _ in range(100)]
    await asyncio.sleep(0)
    net.carry()
    alder.exchange.left("beech", alder, "it was cut off")
    assert all(await asyncio.gather(*futures))
    assert {step.result for one in journeys for step in one.steps[:1]} == {StepResult.GONE}
    assert alder.exchange.lost == 100
    assert alder.notices[-1].startswith(
        "node beech is gone: it was cut off; 100 messages that it had go on without it"
    )
    assert not alder.engine.dispatcher.is_installed("user.x")
    assert len(slow.taken) == 100, "nothing was sent a second time"


@on_net
async def test_a_message_meets_no_stand_in_of_a_node_that_is_gone(net: Net) -> None:
    alder, beech = net.add("alder"), net.add("beech")
    beech.install(lambda message: True)
    net.carry()
    net.drop("beech")
    assert not alder.engine.dispatcher.is_installed("call.route")
    assert not await net.dispatch(alder, route())


@on_net
async def test_an_answer_that_comes_too_late_is_counted(net: Net) -> None:
    alder, beech = net.add("alder", "[share]\nhandle=call.route\ntimeout=5000\n"), net.add("beech")
    slow = Slow()
    beech.add(slow)
    net.carry()
    journeys: list[Journey] = []
    alder.engine.recorder.follow(journeys.append)
    future = alder.send_off(route())
    await asyncio.sleep(0)
    net.carry()
    for _ in range(20):  # Beats go on, or the node would be taken for one that is gone.
        net.clock.now += 0.3
        alder.exchange.beat()
        beech.exchange.beat()
        net.carry()
    assert await net.go(future) == [False]
    assert journeys[0].steps[0].result is StepResult.TIMED_OUT
    slow.taken[0].answered(True)
    net.carry()
    node = alder.exchange.nodes["beech"]
    assert (node.late, node.lost, node.answered) == (1, 1, 0)
    assert journeys[-1].steps[0].result is StepResult.LATE


@on_net
async def test_the_timeout_of_the_script_there_counts(net: Net) -> None:
    alder, beech = net.add("alder"), net.add("beech")
    slow = Slow()
    beech.add(slow)
    net.carry()
    journeys: list[Journey] = []
    alder.engine.recorder.follow(journeys.append)
    future = alder.send_off(route())
    await asyncio.sleep(0)
    net.carry()
    slow.taken[0].answered(False, NoAnswer.TIMED_OUT)
    assert await net.go(future) == [False]
    assert journeys[0].outcome == "timed out"
    assert journeys[0].by == "beech:slow.py"


@on_net
async def test_what_cannot_be_sent_is_unreachable(net: Net) -> None:
    alder, beech = net.add("alder"), net.add("beech")
    beech.install(lambda message: True)
    net.carry()
    journeys: list[Journey] = []
    alder.engine.recorder.follow(journeys.append)
    alder.full = True
    assert not await net.dispatch(alder, route())
    assert journeys[0].outcome == "unreachable"
    assert journeys[0].steps[0].node == "beech"


@on_net
async def test_too_many_messages_in_flight_skip_the_node(net: Net) -> None:
    alder, beech = net.add("alder", "[share]\nhandle=call.route\nmaxqueue=3\n"), net.add("beech")
    slow = Slow()
    beech.add(slow)
    net.carry()
    futures = [alder.send_off(route()) for _ in range(5)]
    await asyncio.sleep(0)
    net.carry()
    assert [future.done() for future in futures].count(True) <= 2
    assert len(slow.taken) == 3
    assert alder.exchange.asking.skipped == 2
    for dispatch in slow.taken:
        dispatch.answered(True)
    assert sum(await net.go(*futures)) == 3


@on_net
async def test_a_journey_names_the_node_and_the_time_there(net: Net) -> None:
    alder, beech = net.add("alder"), net.add("beech")
    beech.install(lambda message: True, script="route.py")
    net.carry()
    journeys: list[Journey] = []
    there: list[Journey] = []
    alder.engine.recorder.follow(journeys.append)
    beech.engine.recorder.follow(there.append)
    assert await net.dispatch(alder, route())
    (step,) = journeys[0].steps
    assert (step.owner, step.node, step.result) == ("beech:route.py", "beech", "handled")
    assert step.there is not None
    assert 0 <= step.there <= step.took
    assert (there[0].sender, there[0].handled_by) == ("alder", "route.py")


@on_net
async def test_the_tracking_parameter_names_the_handler_there(net: Net) -> None:
    alder, beech = net.add("alder"), net.add("beech")
    handler = beech.engine.install("call.route", lambda message: True, 50, track="route")
    handler.owner = "route.py"
    beech.exchange.changed()
    net.carry()
    message = route()
    assert await net.dispatch(alder, message)
    assert message["handlers"] == "route:50"


@on_net
async def test_a_message_does_not_meet_a_node_again_that_comes_back(net: Net) -> None:
    """It goes on while the node is connected again: sent once more, it might be handled twice."""
    alder, beech = net.add("alder"), net.add("beech")
    slow = Slow()
    beech.add(slow)
    net.carry()
    waiting = Slow(priority=50, owner="local.py")
    alder.engine.dispatcher.install(waiting)
    future = alder.send_off(route())
    await asyncio.sleep(0)
    net.carry()
    net.drop("beech")
    beech.exchange.left("alder", beech, "cut off")
    assert len(waiting.taken) == 1
    alder.exchange.arrived("beech", alder, beech.exchange.instance)
    beech.exchange.arrived("alder", beech, alder.exchange.instance)
    net.carry()
    assert len(alder.exchange.asking.standins) == 1
    waiting.taken[0].answered(False)
    assert await net.go(future) == [False]
    assert len(slow.taken) == 1
    again = alder.send_off(route())
    while len(slow.taken) < 2:
        await asyncio.sleep(0)
        net.carry()
    slow.taken[1].answered(True)
    assert await net.go(again) == [True]
