"""What may come next in a command line, as asked and answered on the bus.

An ``engine.command`` with ``partial`` asks, with ``partline`` and ``partword`` in it; the
answer is its return value, words parted by TABs (Yate's docs/messages, engine.command).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from yext.message import Message

if TYPE_CHECKING:
    from yext.engine.commands import Commander
    from yext.engine.engine import Engine

DESCRIBE = "describe"
"""The parameter of a completion that asks for descriptions too; that of a word comes back in
the parameter ``describe.WORD``. Plain connections do not ask, as Yate does not."""

Words = Mapping[str, str] | Sequence[str]
"""Words that may come next, with a description of each where there is one."""


async def complete(engine: Engine, partline: str, partword: str, commander: Commander) -> list[str]:
    """What may come at the end of a command line.

    `partline` holds the words before the one being typed, `partword` the start of that.
    Asked of the bus as rmanager does; the answer is the return value, cut at TABs.
    """
    return list(await _completed(engine, partline, partword, commander, {}))


async def describe(
    engine: Engine, partline: str, partword: str, commander: Commander
) -> dict[str, str]:
    """As `complete`, each word with what it is; empty where nobody told."""
    return await _completed(engine, partline, partword, commander, {DESCRIBE: "true"})


async def _completed(
    engine: Engine, partline: str, partword: str, commander: Commander, more: Mapping[str, str]
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
    await engine.dispatch(message, commander)
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
