"""Command lines on the bus: their replies, their completion, status and help.

A command is sent as an ``engine.command`` message, so any module or script can add commands by
installing a handler for it. With the parameter ``partial``, the message asks for completions of
``partword`` after ``partline``; they are its return value, separated by TABs.

Source: Yate's docs/messages, engine.command.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from yext.bus import Bus
from yext.commander import EMBEDDER, Commander
from yext.conf.options import nearest
from yext.message import Message

EOL = "\r\n"
"""The end of a line in the text of a reply, as in Yate."""

FAILED = "reason"
"""The parameter of a handled command that failed; its value is the reason."""


class Reply(NamedTuple):
    """The reply to a command.

    Attributes:
        ok: whether it succeeded.
        text: the text that Yate prints, with lines that end in CR LF.
        params: ``reason``, ``errno``, ``hint`` … as far as they are known.
        known: whether the command exists.
        data: the content of `text` as lists and objects, None if only the text is known.
        parts: the command lines carried out for it with their replies, if `text` is made of
            theirs.
    """

    ok: bool
    text: str = ""
    params: Mapping[str, str] = MappingProxyType({})
    known: bool = True
    data: object = None
    parts: tuple[tuple[str, Reply], ...] = ()


async def run(
    bus: Bus, line: str, commander: Commander, names: Collection[str] | None = ()
) -> Reply:
    """Send a command line as an ``engine.command`` and return the reply.

    Args:
        bus: the bus.
        line: the command line.
        commander: the giver of the command.
        names: further commands to suggest for an unknown one, beside those on the bus; None for
            no suggestions.
    """
    message = Message(
        "engine.command", {"line": line, **commander.command_params()}, commander=commander
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
    """Return the reply to an unknown command, with the nearest names as a hint."""
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
    message = Message("engine.status", params | commander.command_params(), commander=commander)
    known = await bus.dispatch(message, commander)
    params = {FAILED: message[FAILED]} if FAILED in message else {}
    if module and not (known or params or message.retvalue):
        params = {FAILED: f"no module answers to '{module}'", "hint": "module list"}
    return Reply(not params, message.retvalue, params)


async def help_text(bus: Bus, topic: str, listed: str, commander: Commander) -> str | None:
    """Return the text of ``help [COMMAND]``, None if there is no help for it.

    Args:
        bus: the bus.
        topic: the command, empty for the list of all.
        listed: the beginning of that list, to which modules add.
        commander: the giver of the command.
    """
    params = {"line": topic} if topic else {}
    # The list is a broadcast, as in Yate: a script that answers true does not end it.
    message = Message(
        "engine.help",
        params | commander.command_params(),
        retvalue=listed,
        broadcast=not topic,
        commander=commander,
    )
    handled = await bus.dispatch(message, commander)
    return message.retvalue if handled or not topic else None


def help_with(message: Message, word: str, usage: str, text: str) -> bool:
    """Add a command's usage to ``engine.help``, or answer ``help WORD``.

    Args:
        message: the ``engine.help``.
        word: the command.
        usage: its usage line.
        text: its description.

    Returns:
        True if the message asks for this command.
    """
    topic = message.get("line")
    if topic == word:
        message.retvalue = f"  {usage}{EOL}{text}{EOL}"
    elif not topic:
        message.retvalue += f"  {usage}{EOL}"
    return topic == word


def commander_of(message: Message) -> Commander:
    """Return who asked for `message`, on whose behalf it is handled."""
    return message.commander or EMBEDDER


DESCRIBE = "describe"
"""The parameter of a completion that asks for descriptions, which come back as ``describe.WORD``.

Plain connections do not ask for them, as Yate does not."""

Words = Mapping[str, str] | Sequence[str]
"""Words that may come next, with their descriptions if it is a mapping."""


_OF_CHANNELS = ("status", "status overview", "debug", "drop", "control")
"""The commands that take a channel. Their completion asks for channels with ``complete=channels``,
as a script may for commands of its own."""


async def complete(bus: Bus, partline: str, partword: str, commander: Commander) -> list[str]:
    """Return the words that may come at the end of a command line.

    Args:
        bus: the bus, which is asked as rmanager asks.
        partline: the words before the one being typed.
        partword: the beginning of the word being typed.
        commander: the operator.
    """
    return list(await _completed(bus, partline, partword, commander, {}))


async def describe(bus: Bus, partline: str, partword: str, commander: Commander) -> dict[str, str]:
    """Return what `complete` returns, each word with its description, which may be empty."""
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
    if partline in _OF_CHANNELS:
        params["complete"] = "channels"
    message = Message("engine.command", params | commander.command_params(), commander=commander)
    await bus.dispatch(message, commander)
    return {
        word: message.get(f"{DESCRIBE}.{word}")
        for word in message.retvalue.split("\t")
        if word and word.startswith(partword)
    }


def complete_words(message: Message, words: Words) -> None:
    """Answer a completion with the words that begin with its ``partword``.

    Their descriptions are added as parameters if the message asks for them.
    """
    partword = message.get("partword")
    fitting = [word for word in words if word.startswith(partword)]
    message.retvalue = "\t".join([part for part in (message.retvalue, *fitting) if part])
    if isinstance(words, Mapping) and DESCRIBE in message:
        message.params.update(
            {f"{DESCRIBE}.{word}": words[word] for word in fitting if words[word]}
        )
