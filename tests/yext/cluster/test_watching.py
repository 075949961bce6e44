"""Messages that watchers on other nodes get."""

from nodes import Net, on_net

from yext import Message
from yext.cluster.exchange.carrier import Kind
from yext.dispatcher import Dispatch


class Noting:
    """A watcher."""

    label = "cdr.py"

    def __init__(self) -> None:
        self.seen: list[tuple[str, bool, str]] = []

    def notice(self, dispatch: Dispatch) -> None:
        self.seen.append((dispatch.message.name, dispatch.handled, dispatch.message.get("a")))


@on_net
async def test_watchers_on_another_node_get_what_is_shared(net: Net) -> None:
    alder, beech = net.add("alder"), net.add("beech")
    watcher = Noting()
    beech.engine.dispatcher.watch("call.cdr", watcher)
    beech.engine.dispatcher.watch("call.route", watcher)
    beech.exchange.changed()
    net.carry()
    alder.install(lambda message: True, name="call.cdr")
    for name in ("call.cdr", "call.route"):
        await net.dispatch(alder, Message(name, {"a": "1 %:"}))
    net.carry()
    assert watcher.seen == [("call.cdr", True, "1 %:")]


@on_net
async def test_who_watches_everything_gets_what_is_shared(net: Net) -> None:
    alder, beech = net.add("alder"), net.add("beech")
    watcher = Noting()
    beech.engine.dispatcher.watch("", watcher)
    beech.exchange.changed()
    net.carry()
    for name in ("call.cdr", "user.auth", "call.route", "chan.dtmf", "engine.timer"):
        await net.dispatch(alder, Message(name))
    net.carry()
    assert [name for name, _, _ in watcher.seen] == ["call.cdr", "user.auth"]


@on_net
async def test_nothing_is_published_while_no_node_watches(net: Net) -> None:
    alder, beech = net.add("alder"), net.add("beech")
    await net.dispatch(alder, Message("call.cdr"))
    watcher = Noting()
    beech.engine.dispatcher.watch("call.cdr", watcher)
    beech.exchange.changed()
    net.carry()
    beech.engine.dispatcher.unwatch("call.cdr", watcher)
    beech.exchange.changed()
    net.carry()
    await net.dispatch(alder, Message("call.cdr"))
    assert not [sent for sent in alder.sent if sent[1] is Kind.SEEN]
    assert alder.engine.dispatcher.watchers("call.cdr") == ()


@on_net
async def test_what_comes_from_a_node_is_not_passed_on(net: Net) -> None:
    places = [net.add(name) for name in ("alder", "beech", "cedar")]
    watchers = []
    for place in places:
        watchers.append(Noting())
        place.engine.dispatcher.watch("call.cdr", watchers[-1])
        place.exchange.changed()
    net.carry()
    await net.dispatch(places[0], Message("call.cdr"))
    net.carry()
    assert [len(watcher.seen) for watcher in watchers] == [1, 1, 1]


@on_net
async def test_objects_are_not_published(net: Net) -> None:
    alder, beech = net.add("alder"), net.add("beech")
    watcher = Noting()
    beech.engine.dispatcher.watch("call.cdr", watcher)
    beech.exchange.changed()
    net.carry()
    await net.dispatch(alder, Message("call.cdr", userdata=object()))
    net.carry()
    assert watcher.seen == []


@on_net
async def test_a_handler_that_is_asked_for_another_node_tells_no_watchers_there(net: Net) -> None:
    alder, beech = net.add("alder"), net.add("beech")
    watcher = Noting()
    beech.engine.dispatcher.watch("call.route", watcher)
    beech.install(lambda message: True)
    net.carry()
    assert await net.dispatch(alder, Message("call.route"))
    assert watcher.seen == []
