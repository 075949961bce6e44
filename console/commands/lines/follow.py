"""``external log -f SCRIPT`` and ``events -f``: what comes from now on, until a key or ^C."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import NamedTuple

from yext import Reply
from yext.console.commands.lines.carryout import Runner
from yext.console.replies.reply import failed
from yext.log import WARN, Event, EventKind, clock, safe, stamp

_LINE = re.compile(r"(external\s+log|events)\s+-f(?:\s+(\S+).*)?")

_SHOWN = 20
"""Lines of the past that are shown first."""

_FOREVER = 3600.0
"""Seconds between two redraws of a text that stays the same."""


class Followed(NamedTuple):
    """What is followed.

    Attributes:
        before: the command that shows what came before, empty for none.
        label: what it is called.
        wanted: returns whether an event is shown.
    """

    before: str
    label: str
    wanted: Callable[[Event], bool]


def parse(line: str) -> Followed | None:
    """Return what a command line asks to follow; None if it is another command."""
    found = _LINE.fullmatch(line)
    if found is None:
        return None
    name = found[2] or ""
    if found[1] == "events":
        return Followed("events", "events", _is_event) if not name else None
    return Followed(f"external log {name}".strip(), name or "all scripts", _written_by(name))


def _is_event(event: Event) -> bool:
    return event.level <= WARN  # As those that the command shows.


def _written_by(name: str) -> Callable[[Event], bool]:
    def wanted(event: Event) -> bool:
        return event.kind is EventKind.STDERR and event.source.startswith(
            f"{name}[" if name else ""
        )

    return wanted


def _line(event: Event) -> str:
    """An event as the command shows those before it."""
    if event.kind is EventKind.STDERR:
        pid = event.source.rpartition("[")[2].rstrip("]")
        return f"{clock(event.when)} [{pid}] {event.text}"
    return f"{stamp(event.when)} {event.line()}"


async def follow(interpreter: Runner, followed: Followed) -> Reply:
    """Show the last of what came before, then each new line, until a key, ^C or the end."""
    session = interpreter.session
    view = session.view
    if view is None:
        return failed("This session cannot follow anything", followed.before)
    reply = await interpreter.run(followed.before)
    if not reply.ok:
        return reply
    for line in reply.text.splitlines()[-_SHOWN:]:
        view.show(safe(line, keep="\t"))

    def show(event: Event) -> None:
        if followed.wanted(event):
            view.show(safe(_line(event), keep="\t"))

    async def draw(width: int, height: int) -> str:
        return f"-- {safe(followed.label)} is followed: any key ends it --"[: width or None]

    # What else the session shows would come twice, or in between.
    output, debug = session.output, session.debug
    session.output = session.debug = False
    unsubscribe = session.engine.log.subscribe(show)
    try:
        if view.interactive:
            await view.live(draw, _FOREVER)
        else:
            await asyncio.get_running_loop().create_future()
    finally:
        unsubscribe()
        session.output, session.debug = output, debug
    return Reply(True)
