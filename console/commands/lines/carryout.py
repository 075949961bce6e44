"""Carrying out a line of several commands, with filters and files."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from typing import Protocol

from yext import Reply
from yext.command import EOL
from yext.commander import check_file
from yext.console.commands.lines.pipeline import Pipeline, grep
from yext.console.replies.reply import failed, not_authenticated, put_together
from yext.console.session.authority import Authority
from yext.console.session.session import Session
from yext.errors import NotAllowedError
from yext.log import safe


class Runner(Protocol):
    """What carries out single commands: an interpreter."""

    session: Session

    async def run(self, line: str) -> Reply:
        """Carry out one command line."""

    async def look_up(self, line: str) -> Reply | None:
        """Run a command whose reply a picture needs."""


_WIDTH = 132
"""The least columns of what is written to a file."""


async def carry_out(interpreter: Runner, pipelines: Sequence[Pipeline]) -> Reply:
    """Carry out each command, also after one that fails; the reply has all of theirs."""
    parts: list[tuple[str, Reply]] = []
    params: dict[str, str] = {}
    for one in pipelines:
        reply = await _one(interpreter, one)
        if not reply.ok and not params:
            params = dict(reply.params)
        # The text of a filter is drawn already, as that of no command.
        parts.append((interpreter.session.secrets.hide(one.command) if one.plain else "", reply))
        if interpreter.session.closing:
            break
    return put_together(parts, params)


async def _one(interpreter: Runner, pipeline: Pipeline) -> Reply:
    if pipeline.file and interpreter.session.authority is not Authority.ADMIN:
        return not_authenticated()
    path = os.path.expanduser(pipeline.file)
    try:
        if pipeline.file:
            check_file(interpreter.session, path)
    except NotAllowedError as error:
        return Reply(False, f"{error}{EOL}", error.params())
    interpreter.session.piped = not pipeline.plain
    try:
        reply = await interpreter.run(pipeline.command)
    finally:
        interpreter.session.piped = False
    if pipeline.plain or not reply.ok:
        return reply  # A reason is not for a file, and none of its lines is left out.
    text = await _drawn(interpreter, pipeline, reply)
    for words in pipeline.filters:
        if words[0] == "grep":
            text = grep(words, text)
            if not text:
                return failed(f"No line has {safe(' '.join(words[1:]))}", pipeline.command)
    if not pipeline.file:
        return Reply(True, text.replace("\n", EOL))
    return await asyncio.to_thread(_write, pipeline.file, path, text, append=pipeline.append)


async def _drawn(interpreter: Runner, pipeline: Pipeline, reply: Reply) -> str:
    """The reply as the session shows it, without colours."""
    from yext.console.replies import render
    from yext.console.replies.draw import Page

    view = interpreter.session.view
    if view is None or not view.interactive:
        return render.plain(reply)
    width = max(view.width, _WIDTH) if pipeline.file else view.width
    page = Page(width, False, view.unicode)
    return await render.draw(reply, pipeline.command, page, interpreter.look_up)


def _write(name: str, path: str, text: str, *, append: bool) -> Reply:
    """Write text to a file, which only its owner may read if it is new."""
    if os.path.exists(path) and not os.path.isfile(path):
        return failed(f"{safe(name)} is no file", "give the name of a file")
    flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | (os.O_APPEND if append else os.O_TRUNC)
    try:
        with open(os.open(path, flags, 0o600), "wb") as file:
            file.write(text.encode("utf-8", "surrogateescape"))
    except OSError as error:
        return failed(f"{safe(name)}: {error.strerror}", "check the name")
    lines = text.count("\n")
    done = "added to" if append else "written to"
    return Reply(True, f"{lines:,} line{'' if lines == 1 else 's'} {done} {safe(name)}{EOL}")
