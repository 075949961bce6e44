"""The journeys of messages on other nodes."""

import pytest
from nodes import Net, on_net

from yext import Message
from yext.cluster import limits
from yext.cluster.exchange.carrier import Kind
from yext.record.journey import HIDDEN, Journey


async def followed(net: Net, share: str, *messages: Message) -> list[tuple[str, Journey]]:
    """Follow on alder, dispatch messages on beech; return what alder gets."""
    alder, beech = net.add("alder"), net.add("beech", share)
    found: list[tuple[str, Journey]] = []
    alder.exchange.journeys.follow(lambda node, journey: found.append((node, journey)))
    alder.exchange.changed()
    net.carry()
    for message in messages:
        await net.dispatch(beech, message)
    net.carry()
    return found


@on_net
async def test_journeys_of_what_is_shared_come_with_secrets_hidden(net: Net) -> None:
    share = "[share]\nhandle=call.route,user.auth\n"
    secret = Message("user.auth", {"username": "bob", "password": "x"}, retvalue="hunter2")
    found = await followed(net, share, Message("call.route"), secret, Message("chan.dtmf"))
    assert [(node, one.name) for node, one in found] == [
        ("beech", "call.route"), ("beech", "user.auth"),
    ]  # fmt: skip
    assert found[1][1].params == {"username": "bob", "password": HIDDEN}
    assert found[1][1].retvalue == HIDDEN


@pytest.mark.parametrize(
    ("commands", "names"),
    [("none", []), ("user", ["call.route"]), ("admin", ["call.route", "chan.dtmf"])],
)
def test_what_a_node_lets_others_do_decides_about_its_journeys(
    commands: str, names: list[str]
) -> None:
    @on_net
    async def run(net: Net) -> None:
        share = f"[share]\nhandle=call.route\ncommands={commands}\n"
        found = await followed(net, share, Message("call.route"), Message("chan.dtmf"))
        assert [one.name for _, one in found] == names

    run()


@on_net
async def test_nothing_is_recorded_once_nobody_follows(net: Net) -> None:
    alder, beech = net.add("alder"), net.add("beech")
    unfollow = alder.exchange.journeys.follow(lambda node, journey: None)
    alder.exchange.changed()
    net.carry()
    assert beech.engine.recorder.active
    unfollow()
    alder.exchange.changed()
    net.carry()
    assert not beech.engine.recorder.active


@on_net
async def test_a_follower_that_is_gone_ends_it(net: Net) -> None:
    alder, beech = net.add("alder"), net.add("beech")
    alder.exchange.journeys.follow(lambda node, journey: None)
    alder.exchange.changed()
    net.carry()
    beech.exchange.left("alder", beech, "cut off")
    assert not beech.engine.recorder.active


@on_net
async def test_only_so_many_are_sent_in_a_second(net: Net) -> None:
    alder, beech = net.add("alder"), net.add("beech")
    alder.exchange.journeys.follow(lambda node, journey: None)
    alder.exchange.changed()
    net.carry()
    for _ in range(limits.JOURNEYS_MAX * 3):
        await beech.engine.dispatch(Message("call.route"))
    sent = [kind for _, kind, _ in beech.sent if kind is Kind.JOURNEY]
    assert limits.JOURNEYS_MAX <= len(sent) < limits.JOURNEYS_MAX * 3
