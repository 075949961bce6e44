"""The command ``flow browse``: the messages on the whole screen (docs/flow.md)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from yext import Reply
from yext.command import EOL
from yext.console.commands.command import SessionCommand
from yext.console.commands.interpreter import Interpreter
from yext.console.commands.record.ladder import find_ladder
from yext.console.commands.record.save import messages_text, save_messages
from yext.console.replies.reply import failed, not_authenticated
from yext.console.session.authority import Authority
from yext.console.session.program import FullScreen
from yext.console.session.session import Session
from yext.errors import NotAllowedError

if TYPE_CHECKING:
    from yext.console.browse.browser import Browser
    from yext.record.journey import Journey


async def browse(interpreter: Interpreter) -> Reply:
    """Show the messages on the whole screen, until q."""
    session = interpreter.session
    view = session.view
    if not isinstance(view, FullScreen):
        return failed(
            "Messages are browsed on a terminal, which this session has not",
            "flow last, flow show N, or flow save FILE.html",
        )
    flow = session.flow
    followed = flow.is_on and not flow.paused
    if followed:
        flow.pause()
    try:
        await view.run_program(lambda: _browser(interpreter))
    finally:
        missed = flow.resume() if followed else 0
    text = f"{messages_text(missed)} came meanwhile: flow last{EOL}" if missed else ""
    return Reply(True, text)


def _browser(interpreter: Interpreter) -> Browser:
    from yext.console.browse.browser import Browser
    from yext.console.browse.subject import Subject

    session = interpreter.session
    recorder = session.engine.recorder

    async def save(file: str, journeys: Sequence[Journey]) -> Reply:
        return await _save(interpreter, file, journeys)

    return Browser(
        Subject(
            flow=session.flow,
            follow=recorder.follow if session.flow.loaded is None else None,
            fetch=recorder.fetch,
            most=recorder.max_messages,
            most_bytes=recorder.max_bytes,
            run=interpreter.run,
            save=save,
            held=lambda: _held(session),
            find_ladder=lambda wanted: find_ladder(session, wanted),
        )
    )


def _held(session: Session) -> list[tuple[int, str]]:
    """The messages that the session holds, with a line about each."""
    if not session.has_intercept:
        return []
    intercept = session.intercept
    return [
        (held.journey.number, intercept.describe(held).partition("\n")[0])
        for held in intercept.mine()
    ]


async def _save(interpreter: Interpreter, file: str, journeys: Sequence[Journey]) -> Reply:
    """Save messages as ``flow save`` does, with its authority and its line in the audit."""
    session = interpreter.session
    if session.authority is not Authority.ADMIN:
        return not_authenticated()
    try:
        reply = await save_messages(session, file, journeys)
    except NotAllowedError as error:
        reply = Reply(False, f"{error}{EOL}", error.params())
    if session.policy.audit is not None:
        session.policy.audit(f"flow save {file}", reply)
    return reply


BROWSE = SessionCommand(
    "flow browse", "messages on the whole screen: filter, journeys, ladders", browse,
    Authority.USER,
)  # fmt: skip
"""The row of ``flow browse``."""
