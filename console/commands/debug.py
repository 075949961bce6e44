"""The command ``debug``, all its forms as recorded."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from yext import Message, Reply, conf
from yext.command import EOL
from yext.log import changed_level, clamp_level
from yext.wire import BOOLEANS

if TYPE_CHECKING:
    from console.session.session import Session


async def debug(session: Session, rest: str) -> Reply:
    word, _, after = rest.strip().partition(" ")
    handler = _DEBUG_WORDS.get(word)
    said = BOOLEANS.get(word)
    if handler is not None:
        if not handler(session, after.strip()):
            return await _debug_module(session, *after.strip().partition(" ")[::2])
    elif said is not None:
        session.debug = said
    elif word:
        return await _debug_module(session, word, after)
    log = session.engine.log
    return Reply(
        True,
        f"Debug level: {log.level}, objects: {_on(log.objects)}, local: {_on(session.debug)},"
        f" threshold: {session.threshold}{EOL}",
    )


def _on(value: bool) -> str:
    return "on" if value else "off"


def _cannot_debug(module: str, rest: str) -> Reply:
    return Reply(
        False,
        f"Cannot set debug: {module} {rest}{EOL}",
        {"reason": f"cannot set debug of '{module}'", "hint": "help debug"},
    )


def _debug_level(session: Session, rest: str) -> bool:
    if rest and re.match(r"[+-]?\d", rest) is None:
        return False
    session.engine.log.level = changed_level(session.engine.log.level, rest)
    return True


def _debug_threshold(session: Session, rest: str) -> bool:
    level = conf.parse_int(rest.partition(" ")[0])
    if level is not None:
        session.threshold = clamp_level(level)
    return True


def _debug_objects(session: Session, rest: str) -> bool:
    said = BOOLEANS.get(rest)
    if said is not None:
        session.engine.log.objects = said
    return True


_DEBUG_WORDS: dict[str, Callable[[Session, str], bool]] = {
    "level": _debug_level,
    "threshold": _debug_threshold,
    "objects": _debug_objects,
}


async def _debug_module(session: Session, module: str, rest: str) -> Reply:
    line = {"line": rest} if rest else {}
    params = {"module": module} | line | session.command_params()
    message = Message("engine.debug", params, userdata=session)
    if await session.engine.dispatch(message, session):
        return Reply(True, message.retvalue)
    return _cannot_debug(module, rest)
