"""The commands ``drop``, ``call`` and ``control``: calls and channels by messages.

Source of their texts: tests/conformance/vectors/rmanager, rm_3_commands.
"""

from __future__ import annotations

from typing import Annotated

from yext import Message, Reply
from yext.command import EOL
from yext.console.commands.messages.intercept import drop as drop_held
from yext.console.commands.messages.intercept import find_held, held_numbers
from yext.console.commands.parameters import RawRest, Rest, Word
from yext.console.replies.reply import failed
from yext.console.session.session import Session
from yext.log import safe
from yext.wire import BOOLEANS


def _message(session: Session, name: str, params: dict[str, str]) -> Message:
    return Message(name, params | session.command_params(), commander=session)


async def drop(
    session: Session,
    chan: Annotated[str, Word(completer=held_numbers)],
    reason: Annotated[str, Rest()] = "",
) -> Reply:
    """End a call, or all with ``*`` or ``all``; or a message that is held, by its number."""
    held = find_held(session, chan)
    if held is not None:
        return drop_held(session, held)
    every = chan in ("*", "all")
    params = {} if every else {"id": chan}
    if reason:
        params["reason"] = reason
    done = await session.engine.dispatch(_message(session, "call.drop", params), session)
    if every:
        return Reply(True, f"{'Dropped' if done else 'Tried to drop'} all calls{EOL}")
    if done:
        return Reply(True, f"Dropped {chan}{EOL}")
    return Reply(False, f"Could not drop {chan}{EOL}", {"reason": f"no channel '{chan}'"})


async def call(
    session: Session, chan: Annotated[str, Word()], target: Annotated[str, RawRest()]
) -> Reply:
    """Call from a channel to a target; a second blank before the target belongs to it."""
    key = "direct" if "/" in target else "target"
    message = _message(session, "call.execute", {"callto": chan, key: target})
    asked = f"{chan} {target}"
    if await session.engine.dispatch(message, session):
        known = {"id": message.get("id"), "peerid": message.get("peerid")}
        return Reply(True, f"Calling '{message.get('id')}' {asked}{EOL}", known)
    reason = message.get("reason") or message.get("error") or "nobody took the call"
    if message.get("error") == "forbidden" and message.get("hint"):
        return failed(reason, message.get("hint"))
    why = {key: value for key in ("error", "errno", "hint") if (value := message.get(key))}
    text = f"Could not call {asked}{EOL}"
    if "hint" in why:
        # The script that was to take the call has failed: a connection has no more than the text.
        text += f"{safe(reason)}{EOL}do: {safe(why['hint'])}{EOL}"
    return Reply(False, text, {"reason": reason, **why})


def _last_parameters(text: str) -> tuple[str, dict[str, str]]:
    """Take the parameters off the end of `text`; return the rest and the parameters.

    From the right, as rmanager does: a value may hold blanks, a name not.
    """
    params: dict[str, str] = {}
    end = len(text)
    while (equals := text.rfind("=", 0, end)) >= 0:
        start = equals
        while start and text[start - 1] != "=" and not text[start - 1].isspace():
            start -= 1
        if start == equals or (start and text[start - 1] == "="):
            break
        params[text[start:equals]] = text[equals + 1 : end]
        while start and text[start - 1].isspace():
            start -= 1
        end = start
    return text[:end], params


async def control(
    session: Session, chan: Annotated[str, Word()], operation: Annotated[str, RawRest()]
) -> Reply:
    """Apply an operation, or parameters, to a channel."""
    asked = f"{chan} {operation}"
    operation, given = _last_parameters(operation.strip())
    params = {"targetid": chan, "component": chan, "module": "rmanager", **given}
    if operation:
        params["operation"] = operation
    message = _message(session, "chan.control", params)
    if not await session.engine.dispatch(message, session):
        reason = f"nobody controls '{chan}'"
        return Reply(False, f"Could not control {asked}{EOL}", {"reason": reason})
    ok = BOOLEANS.get(message.get("operation-status"), True)
    text = message.get("retVal") or message.retvalue or ("OK" if ok else "FAILED")
    return Reply(ok, f"Control '{chan}' {text}{EOL}", {} if ok else {"reason": text})
