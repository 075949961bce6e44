"""Commands for other nodes: authority is checked there, and what comes back is bounded and safe."""

import asyncio
import json

import pytest
from nodes import Net, Place, on_net

from yext import Reply
from yext.cluster import limits
from yext.cluster.exchange.carrier import Kind

SHARING = "[share]\nhandle=call.route\ncommands={}\n"


async def give(net: Net, place: Place, node: str, line: str, level: str = "admin") -> Reply:
    """Have `place` give a command to a node, and carry the frames."""
    exchange = place.exchange
    task = asyncio.ensure_future(
        exchange.commanding.run(exchange.nodes[node], "console", level, line)
    )
    while not task.done():
        await asyncio.sleep(0)
        net.carry()
    return await task


@pytest.mark.parametrize(
    ("commands", "level", "line", "ok"),
    [
        ("none", "admin", "status", False),
        ("user", "user", "status engine", True),
        ("user", "admin", "status engine", True),
        ("user", "user", "external info", True),
        ("user", "admin", "external start x", False),
        ("user", "admin", "debug level 9", False),
        ("admin", "user", "external start x", False),
        ("admin", "user", "engine command", False),
        ("admin", "admin", "module list", True),
    ],
)
def test_both_the_operator_and_the_node_there_must_allow_it(
    commands: str, level: str, line: str, ok: bool
) -> None:
    @on_net
    async def run(net: Net) -> None:
        alder, beech = net.add("alder"), net.add("beech", SHARING.format(commands))
        async with beech.engine:
            reply = await give(net, alder, "beech", line, level)
        assert reply.ok is ok, reply
        if commands == "none":
            assert "set commands=user" in reply.params["hint"]
            assert "beech takes no commands" in reply.params["reason"]

    run()


@on_net
async def test_the_runner_gets_the_operator_the_level_and_the_line(net: Net) -> None:
    alder, beech = net.add("alder"), net.add("beech", SHARING.format("admin"))
    got: list[tuple[str, str, str]] = []

    async def runner(operator: str, level: str, line: str) -> Reply:
        got.append((operator, level, line))
        return Reply(False, "no\r\n", {"reason": "why", "hint": "do"})

    beech.exchange.commanding.runner = runner
    reply = await give(net, alder, "beech", "some line")
    assert got == [("console@alder", "admin", "some line")]
    assert (reply.ok, reply.text, reply.params) == (
        False,
        "no\r\n",
        {"reason": "why", "hint": "do"},
    )


@on_net
async def test_what_comes_back_is_safe_and_bounded(net: Net) -> None:
    alder, beech = net.add("alder"), net.add("beech", SHARING.format("admin"))

    async def runner(operator: str, level: str, line: str) -> Reply:
        params = {"\x1b[1m": "\x1b]0;x\a"} | {f"p{number}": "1" for number in range(200)}
        return Reply(True, "\x1b[2J" + "x" * 1_000_000, params)

    beech.exchange.commanding.runner = runner
    reply = await give(net, alder, "beech", "x")
    assert len(reply.text) <= limits.REPLY_MAX + 10
    assert "1,000,004 characters in all, cut off" in reply.text
    assert "\x1b" not in reply.text + "".join([*reply.params, *reply.params.values()])
    assert len(reply.params) <= 100


@on_net
async def test_a_node_that_goes_lets_no_command_wait(net: Net) -> None:
    alder, beech = net.add("alder"), net.add("beech", SHARING.format("admin"))
    ended = asyncio.Event()

    async def runner(operator: str, level: str, line: str) -> Reply:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        raise AssertionError

    beech.exchange.commanding.runner = runner
    node = alder.exchange.nodes["beech"]
    task = asyncio.ensure_future(alder.exchange.commanding.run(node, "console", "admin", "x"))
    await asyncio.sleep(0)
    net.carry()
    await asyncio.sleep(0)
    alder.exchange.left("beech", alder, "cut off")
    assert "beech went away before it replied" in (await task).text
    beech.exchange.left("alder", beech, "cut off")
    await ended.wait()


@on_net
async def test_a_node_has_only_so_many_commands_carried_out_at_a_time(net: Net) -> None:
    beech = net.add("beech", SHARING.format("admin"))
    go = asyncio.Event()

    async def runner(operator: str, level: str, line: str) -> Reply:
        await go.wait()
        return Reply(True)

    beech.exchange.commanding.runner = runner
    beech.exchange.arrived("eve", beech, "0123456789abcdef")
    for number in range(limits.COMMANDS_MAX + 1):
        frame = {"id": str(number), "line": "x", "operator": "e", "level": "admin"}
        beech.receive("eve", Kind.COMMAND, json.dumps(frame))
    replies = [json.loads(text) for _, kind, text in beech.sent if kind is Kind.REPLY]
    assert [reply["ok"] for reply in replies] == [False]
    assert "16 commands of your node" in replies[0]["text"]
    go.set()
    await beech.exchange.commanding.stop()


@on_net
async def test_a_reply_that_nobody_waits_for_counts_for_nothing(net: Net) -> None:
    alder, beech = net.add("alder"), net.add("beech")
    frame = {"id": "1", "ok": True, "text": "x", "params": {}, "known": True}
    alder.receive("beech", Kind.REPLY, json.dumps(frame))
    assert "beech" in alder.exchange.nodes
    assert beech.exchange.nodes


@on_net
async def test_a_long_line_is_not_sent(net: Net) -> None:
    alder, _ = net.add("alder"), net.add("beech")
    reply = await give(net, alder, "beech", "x" * 5000)
    assert "longer than 4096" in reply.text
    assert not [sent for sent in alder.sent if sent[1] is Kind.COMMAND]
