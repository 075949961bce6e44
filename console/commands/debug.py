"""The command ``debug``, with all its forms as recorded."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated

from yext import Message, Reply, conf
from yext.command import EOL
from yext.console.commands.parameters import RawRest, Word
from yext.console.session.session import Session
from yext.log import changed_level, clamp_level
from yext.wire import BOOLEANS

_WORDS = {
    "threshold": "the level up to which this session shows debug text",
    "level": "the level of debug text, of the engine or of a module",
    "objects": "counts objects in Yate, nothing here",
    "on": "shows debug text in this session",
    "off": "shows none in this session",
}


async def debug(
    session: Session,
    word: Annotated[str, Word(words=_WORDS)] = "",
    rest: Annotated[str, RawRest()] = "",
) -> Reply:
    """Show the debug levels, or change that of the engine, the session or a module."""
    setter = _SETTERS.get(word)
    on = BOOLEANS.get(word)
    if setter is not None:
        if not setter(session, rest.strip()):
            return await _debug_module(session, *rest.strip().partition(" ")[::2])
    elif on is not None:
        session.debug = on
    elif word:
        return await _debug_module(session, word, rest)
    log = session.engine.log
    return Reply(
        True,
        f"Debug level: {log.level}, objects: {_on(log.objects)}, local: {_on(session.debug)},"
        f" threshold: {session.threshold}{EOL}",
    )


def _on(value: bool) -> str:
    return "on" if value else "off"


def _set_level(session: Session, level: str) -> bool:
    if level and re.match(r"[+-]?\d", level) is None:
        return False
    session.engine.log.level = changed_level(session.engine.log.level, level)
    return True


def _set_threshold(session: Session, threshold: str) -> bool:
    level = conf.parse_int(threshold.partition(" ")[0])
    if level is not None:
        session.threshold = clamp_level(level)
    return True


def _set_objects(session: Session, word: str) -> bool:
    on = BOOLEANS.get(word)
    if on is not None:
        session.engine.log.objects = on
    return True


_SETTERS: dict[str, Callable[[Session, str], bool]] = {
    "level": _set_level,
    "threshold": _set_threshold,
    "objects": _set_objects,
}
"""What sets each value; False where the next word is a module of that name's."""


async def _debug_module(session: Session, module: str, rest: str) -> Reply:
    line = {"line": rest} if rest else {}
    params = {"module": module} | line | session.command_params()
    message = Message("engine.debug", params, commander=session)
    if await session.engine.dispatch(message, session):
        return Reply(True, message.retvalue)
    return Reply(
        False,
        f"Cannot set debug: {module} {rest}{EOL}",
        {"reason": f"cannot set debug of '{module}'", "hint": "help debug"},
    )
