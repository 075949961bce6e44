"""A command line on the bus, its reply, and the completion of a line that is being typed.

A command travels as an ``engine.command`` message, so any module or script can add commands by
installing a handler for it. With ``partial`` in it, the message asks for completions of
``partword`` after ``partline``; they come back in its return value, separated by TABs.

Source: Yate's docs/messages, engine.command.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple, Protocol

from yext.bus import Bus
from yext.conf.options import nearest
from yext.dispatcher import Sender
from yext.message import Message

EOL = "\r\n"
"""How lines end in the text of a reply, as in Yate."""

FAILED = "reason"
"""The parameter of a handled command that tells that it failed, and why."""


class Reply(NamedTuple):
    """What became of a command.

    Attributes:
        ok: whether it succeeded.
        text: what Yate would print, lines ending in CR LF.
        params: ``reason``, ``errno``, ``hint`` … as far as they are known.
        known: whether anybody knew the command.
        data: what `text` tells, as lists and objects; None where only the text is known.
        parts: the command lines that were carried out for it, each with its own reply, where
            `text` is put together from theirs.
    """

    ok: bool
    text: str = ""
    params: Mapping[str, str] = MappingProxyType({})
    known: bool = True
    data: object = None
    parts: tuple[tuple[str, Reply], ...] = ()


NOT_EXECUTED = "Starting programs is turned off for this listener"
EXECUTE_HINT = "allow_execute=yes for this listener in rmanager.conf"


class Commander(Sender, Protocol):
    """Who gives commands: a console session, or the program that embeds the engine."""

    @property
    def may_execute(self) -> bool:
        """Whether what is asked for may start a program."""

    def command_params(self) -> dict[str, str]:
        """The parameters that tell handlers who asks: ``cmd_address`` and its like."""


class Embedder:
    """The program that embeds the engine, as the giver of commands."""

    label = "engine"
    may_execute = True

    def handling(self) -> None:
        """Commands of a program are nested in nothing."""

    def command_params(self) -> dict[str, str]:
        """A program that runs the engine may do everything."""
        return {"cmd_machine": "false", "cmd_admin": "true"}


async def run(
    bus: Bus, line: str, commander: Commander, names: Collection[str] | None = ()
) -> Reply:
    """Sends `line` as an ``engine.command`` and makes the reply of what comes back.

    `names` are commands beside those on the bus, of which a command that nobody knows may
    have been meant for one; None asks nobody for that.
    """
    message = Message(
        "engine.command", {"line": line, **commander.command_params()}, userdata=commander
    )
    with bus.log.replying(commander.label):
        handled = await bus.dispatch(message, commander)
    if handled:
        params = {
            key: value
            for key, value in message.params.items()
            if key != "line" and key != "handlers" and not key.startswith("cmd_")
        }
        return Reply(FAILED not in params, message.retvalue, params)
    return await not_understood(bus, line, commander, names)


async def not_understood(
    bus: Bus, line: str, commander: Commander, names: Collection[str] | None
) -> Reply:
    """The reply to a command that nobody knows, with the nearest names as its hint."""
    word = line.split(maxsplit=1)[0] if line.split() else ""
    params = {"reason": "unknown command"}
    if names is not None:
        known = [*names, *await complete(bus, "", "", commander)]
        near = nearest(word, known)
        if word in known:
            params["hint"] = f"help {word}"
        elif near:
            params["hint"] = f"Did you mean: {', '.join(near)}"
    return Reply(False, f"Cannot understand: {line}{EOL}", params, known=False)


async def status(bus: Bus, module: str, details: bool, commander: Commander) -> Reply:
    """Return the reply of ``status [MODULE]``.

    Args:
        bus: the bus whose modules are asked.
        module: the name of one module, empty for all.
        details: whether each module lists what it has.
        commander: the giver of the command.
    """
    params = {} if details else {"details": "false"}
    if module:
        params["module"] = module
    message = Message("engine.status", params | commander.command_params(), userdata=commander)
    known = await bus.dispatch(message, commander)
    params = {FAILED: message[FAILED]} if FAILED in message else {}
    if module and not (known or params or message.retvalue):
        params = {FAILED: f"no module answers to '{module}'", "hint": "module list"}
    return Reply(not params, message.retvalue, params)


async def help_text(bus: Bus, topic: str, listed: str, commander: Commander) -> str | None:
    """The text of ``help [COMMAND]``; None where nobody has help for it.

    `listed` is what is there before the modules add to it.
    """
    params = {"line": topic} if topic else {}
    message = Message(
        "engine.help", params | commander.command_params(), retvalue=listed, userdata=commander
    )
    handled = await bus.dispatch(message, commander)
    return message.retvalue if handled or not topic else None


def help_with(message: Message, word: str, usage: str, text: str) -> bool:
    """Adds a command's `usage` to ``engine.help``, or answers for ``help WORD`` with `text`."""
    topic = message.get("line")
    if topic == word:
        message.retvalue = f"  {usage}{EOL}{text}{EOL}"
    elif not topic:
        message.retvalue += f"  {usage}{EOL}"
    return topic == word


def commander_of(message: Message) -> Commander:
    """Who gave the command that `message` carries, or had the call made that it is about."""
    commander = getattr(message.userdata, "commander", message.userdata)
    return commander if hasattr(commander, "command_params") else Embedder()  # type: ignore[return-value]


DESCRIBE = "describe"
"""The parameter of a completion that asks for descriptions too; that of a word comes back in
the parameter ``describe.WORD``. Plain connections do not ask, as Yate does not."""

Words = Mapping[str, str] | Sequence[str]
"""Words that may come next, with a description of each where there is one."""


async def complete(bus: Bus, partline: str, partword: str, commander: Commander) -> list[str]:
    """What may come at the end of a command line.

    `partline` holds the words before the one being typed, `partword` the start of that.
    Asked of the bus as rmanager does; the answer is the return value, cut at TABs.
    """
    return list(await _completed(bus, partline, partword, commander, {}))


async def describe(bus: Bus, partline: str, partword: str, commander: Commander) -> dict[str, str]:
    """As `complete`, each word with what it is; empty where nobody told."""
    return await _completed(bus, partline, partword, commander, {DESCRIBE: "true"})


async def _completed(
    bus: Bus, partline: str, partword: str, commander: Commander, more: Mapping[str, str]
) -> dict[str, str]:
    partial = f"{partline} {partword}" if partline else partword
    params = {"partial": partial, **more}
    if partline:
        params["partline"] = partline
    else:
        params["complete"] = "command"
    if partword:
        params["partword"] = partword
    message = Message("engine.command", params | commander.command_params(), userdata=commander)
    await bus.dispatch(message, commander)
    return {
        word: message.get(f"{DESCRIBE}.{word}")
        for word in message.retvalue.split("\t")
        if word and word.startswith(partword)
    }


def complete_words(message: Message, words: Words) -> None:
    """Adds the `words` that fit ``partword`` to a completion's return value, and what they are
    to its parameters if that is asked for."""
    partword = message.get("partword")
    fitting = [word for word in words if word.startswith(partword)]
    message.retvalue = "\t".join([part for part in (message.retvalue, *fitting) if part])
    if isinstance(words, Mapping) and DESCRIBE in message:
        message.params.update({f"{DESCRIBE}.{one}": words[one] for one in fitting if words[one]})
