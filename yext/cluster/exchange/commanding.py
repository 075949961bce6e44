"""Commands of operators for other nodes, and those of other nodes' operators.

What may be done is decided twice: here, whether the operator may give commands to other nodes,
and there, by ``[share] commands`` of that node, whatever this one says about the operator.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from typing import Any, Final

from yext import command
from yext.bus import Bus
from yext.cluster.exchange.announcement import checked, load
from yext.cluster.exchange.carrier import Kind
from yext.cluster.exchange.node import Node
from yext.cluster.exchange.serving import Send
from yext.cluster.limits import COMMAND_MAX, COMMAND_SECONDS, COMMANDS_MAX, REPLY_MAX
from yext.cluster.settings import Share
from yext.command import EOL, Reply
from yext.engine.engine import OperatorRunner
from yext.errors import NodeError
from yext.log import logger, safe

LEVELS: Final = ("none", "user", "admin")
"""What operators may do, least first."""

_PARAMS_MAX = 100
_NAME_MAX = 100


class RemoteOperator:
    """An operator of another node, as the giver of commands here where there is no console."""

    files: tuple[str, ...] = ()

    def __init__(self, label: str, level: str) -> None:
        self.label = label
        self.may_execute = level == "admin"

    def handling(self, sent: object) -> tuple[()]:
        """Return no dispatch."""
        return ()

    def command_params(self) -> dict[str, str]:
        """The parameters that name the giver of a command to its handlers."""
        admin = "true" if self.may_execute else "false"
        return {"cmd_address": self.label, "cmd_machine": "false", "cmd_admin": admin}


class Commanding:
    """Commands that go to other nodes, and that come from there.

    Args:
        bus: the bus.
        share: what is shared.
        send: sends a frame to a node.

    Attributes:
        share: what is shared.
        runner: carries out the commands of others; a console puts its own here.
    """

    def __init__(self, bus: Bus, share: Share, send: Send) -> None:
        self.share = share
        self.runner: OperatorRunner = self._run_on_bus
        self._bus = bus
        self._send = send
        self._numbers = itertools.count(1)
        self._waiting: dict[str, tuple[Node, asyncio.Future[Reply]]] = {}
        self._running: dict[asyncio.Task[None], Node] = {}

    # Commands of this node

    async def run(self, node: Node, operator: str, level: str, line: str) -> Reply:
        """Have a node carry out a command line; wait for the reply.

        Args:
            operator: the operator's name here.
            level: what the operator may do here, ``user`` or ``admin``.
        """
        if len(line) > COMMAND_MAX:
            return _failed(f"The command line is longer than {COMMAND_MAX} characters")
        ident = str(next(self._numbers))
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting[ident] = node, future
        frame = {"id": ident, "operator": operator[:_NAME_MAX], "level": level, "line": line}
        try:
            if not self._send(node, Kind.COMMAND, json.dumps(frame)):
                return _failed(f"{node.name} cannot be reached now", "status cluster")
            async with asyncio.timeout(COMMAND_SECONDS):
                return await future
        except TimeoutError:
            text = f"{node.name} did not reply within {COMMAND_SECONDS:.0f} s"
            return _failed(text, "the command may go on there; status cluster")
        finally:
            del self._waiting[ident]

    def replied(self, node: Node, text: str) -> None:
        """Carry out a frame `Kind.REPLY`.

        Raises:
            NodeError: it makes no sense.
        """
        found = load(text)
        try:
            waiting = self._waiting.get(checked(found["id"]))
            params = found["params"]
            if not isinstance(params, dict) or len(params) > _PARAMS_MAX:
                raise NodeError("a reply of it makes no sense")
            reply = Reply(
                found["ok"] is True,
                _shown(checked(found["text"], REPLY_MAX)),
                {
                    safe(checked(key)): safe(checked(value, REPLY_MAX))
                    for key, value in params.items()
                },
                found["known"] is True,
            )
        except (KeyError, TypeError):
            raise NodeError("a reply of it makes no sense") from None
        if waiting is not None and waiting[0] is node and not waiting[1].done():
            waiting[1].set_result(reply)

    def left(self, node: Node) -> None:
        """Let no command wait for a node that is gone, nor carry out its own."""
        for other, future in self._waiting.values():
            if other is node and not future.done():
                text = f"{node.name} went away before it replied"
                future.set_result(_failed(text, "the command may have been carried out"))
        for task, other in self._running.items():
            if other is node:
                task.cancel()

    async def stop(self) -> None:
        """End the commands of others."""
        tasks = list(self._running)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # Commands of other nodes

    def commanded(self, node: Node, text: str) -> None:
        """Carry out a frame `Kind.COMMAND`.

        Raises:
            NodeError: it makes no sense.
        """
        found = load(text)
        try:
            ident, line = checked(found["id"]), checked(found["line"], COMMAND_MAX)
            operator, asked = checked(found["operator"]), found["level"]
            level = LEVELS[min(LEVELS.index(asked), LEVELS.index(self.share.commands))]
        except (KeyError, TypeError, ValueError):
            raise NodeError("a command of it makes no sense") from None
        if sum(other is node for other in self._running.values()) >= COMMANDS_MAX:
            busy = f"{COMMANDS_MAX} commands of your node are carried out here already"
            self._reply(node, ident, _failed(busy))
            return
        label = safe(f"{operator}@{node.name}")
        task = asyncio.get_running_loop().create_task(
            self._carry_out(node, ident, label, level, line.strip())
        )
        self._running[task] = node
        task.add_done_callback(lambda done: self._running.pop(done))

    async def _carry_out(self, node: Node, ident: str, label: str, level: str, line: str) -> None:
        here = self._bus.node
        words = line.split()
        if words[:1] == ["node"] or (words[:1] == ["external"] and "--all" in words):
            reply = _failed("a node passes no commands on to others", "give it where you are")
        elif level == "none":
            hint = f"set commands=user or commands=admin in [share] of yext.conf on {here}"
            reply = _failed(f"{here} takes no commands of other nodes", hint)
        else:
            try:
                reply = await self.runner(label, level, line)
            except Exception:
                logger.exception("a command of %s failed", label)
                reply = _failed(f"the command failed on {here}", "see the log there")
            if level == "user" and reply.params.get("error") == NOT_ALLOWED:
                hint = f"commands=admin in [share] of yext.conf on {here} would allow it to admins"
                reply = reply._replace(params={**reply.params, "hint": hint})
        self._reply(node, ident, reply)

    def _reply(self, node: Node, ident: str, reply: Reply) -> None:
        text = reply.text
        if len(text) > REPLY_MAX:
            text = f"{text[: REPLY_MAX - 100]}{EOL}… {len(text):,} characters in all, cut off{EOL}"
        params = {key[:_NAME_MAX]: value[:1000] for key, value in reply.params.items()}
        frame = {
            "id": ident, "ok": reply.ok, "text": text, "known": reply.known,
            "params": dict(list(params.items())[:_PARAMS_MAX]),
        }  # fmt: skip
        self._send(node, Kind.REPLY, json.dumps(frame))

    async def _run_on_bus(self, operator: str, level: str, line: str) -> Reply:
        """Carry out a command line without a console: commands of modules, for admins alone."""
        commander = RemoteOperator(operator, level)
        word, _, rest = line.partition(" ")
        if word == "status":
            return await command.status(self._bus, rest.strip(), True, commander)
        if level != "admin" and not is_for_users(line):
            reason = {"reason": "not authenticated for this command", "error": NOT_ALLOWED}
            return Reply(False, f"Not authenticated!{EOL}", reason)
        return await command.run(self._bus, line, commander)


NOT_ALLOWED: Final = "noauth"
"""The parameter ``error`` of a reply to a command that the operator may not give."""

_USER_COMMANDS: Final = ("external info", "external show", "external why", "external log")
"""Commands of modules that operators of other nodes may give without being admins: they show."""


def is_for_users(line: str) -> bool:
    """Return True for a command of a module that shows, for which an operator elsewhere need be no
    admin."""
    return line == "external" or any(f"{line} ".startswith(f"{one} ") for one in _USER_COMMANDS)


def _shown(text: str) -> str:
    """Return the text of a reply, safe for a terminal, with its line ends and TABs."""
    return safe(text, keep="\t\r\n")


def _failed(reason: str, hint: str = "") -> Reply:
    params: dict[str, Any] = {"reason": reason}
    if hint:
        params["hint"] = hint
    return Reply(False, f"{reason}{EOL}", params)
