"""The commands ``node NAME COMMAND`` and ``external info --all``."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

from yext import command
from yext.cluster.state import State
from yext.command import EOL, Reply, commander_of
from yext.conf.options import nearest
from yext.log import safe
from yext.message import Message

ALL = "--all"
_INFO = "info"


class ClusterCommand(NamedTuple):
    """A command of this module.

    Attributes:
        usage: its line in ``help``, empty for one that belongs to another module.
        description: what it does.
        carry_out: carries it out; returns False if it is not of this module.
        complete: returns the words that may come next after some words.
    """

    usage: str
    description: str
    carry_out: Callable[[State, str, Message], Awaitable[bool]]
    complete: Callable[[State, str], Mapping[str, str]]


async def _node(cluster: State, rest: str, message: Message) -> bool:
    name, _, line = rest.partition(" ")
    nodes = cluster.exchange.nodes
    if not name or not line.strip():
        _fail(message, "Which node, and which command?", "node NAME COMMAND")
        return True
    if name != cluster.bus.node:
        await _settled(cluster, name)
    node = nodes.get(name)
    if name == cluster.bus.node:
        _fail(message, f"{name} is this node", line.strip())
    elif node is None:
        near = nearest(name, nodes)
        hint = f"Did you mean: {', '.join(near)}" if near else "status cluster"
        _fail(message, f"No node '{safe(name)}' is here", hint)
    else:
        operator, level = commander_of(message).label, _level(message)
        commanding = cluster.exchange.commanding
        reply = await commanding.run(node, operator, level, line.strip())
        _answer(message, reply)
    return True


async def _settled(cluster: State, name: str = "") -> None:
    """Wait, soon after the start, until the node `name` is here, or all links are open."""
    loop, nodes = asyncio.get_running_loop(), cluster.exchange.nodes
    while loop.time() < cluster.settled_at and name not in nodes:
        if not name and cluster.server is None:
            links = cluster.dialers.values()
            if all(one.link is not None or one.reason for one in links):
                return
        await asyncio.sleep(_STEP_SECONDS)


_STEP_SECONDS = 0.02


def _answer(message: Message, reply: Reply) -> None:
    message.retvalue = reply.text
    if not reply.ok:
        lines = reply.text.strip().splitlines()
        message["reason"] = reply.params.get("reason") or (lines[0] if lines else "it failed there")
    for name, value in reply.params.items():
        if name in _PASSED_ON:
            message[name] = value


_PASSED_ON = ("reason", "hint", "errno", "error", "pid", "ended")
"""The parameters of a reply from another node that the reply here has, too."""


async def _external(cluster: State, rest: str, message: Message) -> bool:
    """Carry out ``external info --all``; all else belongs to the external module."""
    if rest.split() != [_INFO, ALL]:
        return False
    commander, exchange = commander_of(message), cluster.exchange
    await _settled(cluster)
    level = _level(message)
    nodes = sorted(exchange.nodes.items())
    line = f"external {_INFO}"
    replies = await asyncio.gather(
        command.run(cluster.bus, line, commander),
        *(exchange.commanding.run(node, commander.label, level, line) for _, node in nodes),
    )
    names = [cluster.bus.node, *(name for name, _ in nodes)]
    text = "".join(_titled(name, reply) for name, reply in zip(names, replies, strict=True))
    message.retvalue = text
    failed = [name for name, reply in zip(names, replies, strict=True) if not reply.ok]
    if failed:
        message["reason"] = f"no list of {', '.join(failed)}"
        message["hint"] = f"node {failed[0]} {line}"
    return True


def _titled(name: str, reply: Reply) -> str:
    hint = reply.params.get("hint", "")
    text = reply.text or f"  no script or peer{EOL}"
    return f"node {name}{EOL}{text}" + (f"do: {hint}{EOL}" if hint and not reply.ok else "")


def _level(message: Message) -> str:
    """Return what the giver of a command may do: ``user`` or ``admin``.

    Admins start programs on other nodes, so one who may start none here is no admin there.
    """
    commander = commander_of(message)
    params: Mapping[str, str] = commander.command_params()
    is_admin = params.get("cmd_admin") == "true" and commander.may_execute
    return "admin" if is_admin else "user"


def _fail(message: Message, reason: str, hint: str) -> None:
    message.retvalue = f"{reason}{EOL}"
    message["reason"] = reason
    message["hint"] = hint


def _node_words(cluster: State, before: str) -> Mapping[str, str]:
    if before:
        return {}
    nodes = cluster.exchange.nodes
    return {name: f"by {node.carrier.label}" for name, node in sorted(nodes.items())}


def _external_words(cluster: State, before: str) -> Mapping[str, str]:
    return {ALL: "of all nodes"} if before == _INFO else {}


COMMANDS: dict[str, ClusterCommand] = {
    "node": ClusterCommand(
        "node NAME COMMAND", "Has another node carry out a command", _node, _node_words
    ),
    "external": ClusterCommand("", "", _external, _external_words),
}
"""The commands by their first words."""
