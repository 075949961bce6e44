"""The command ``message``: an operator's own message on the bus."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from yext import Message, Reply
from yext.command import EOL
from yext.console.commands.command import SessionCommand
from yext.console.commands.completion import message_names, message_numbers, message_params
from yext.console.commands.parameters import (
    ArgumentError,
    Flag,
    MessageNumber,
    Number,
    Setting,
    Word,
)
from yext.console.replies.reply import failed
from yext.console.session.session import Session
from yext.dispatcher import Dispatch
from yext.engine.module import Start, starts_of
from yext.log import safe

if TYPE_CHECKING:
    from yext.record.journey import Journey

MOST_REPEATS = 100_000
"""How often one command may send its message."""

LONGEST_WAIT = 3600
"""Seconds that one command may wait for a handler."""

_NO_NAME = "You must specify the name of the message!"

_AT_ONCE = 100
"""Messages sent before everything else gets its turn."""


_AGAIN = re.compile(r"--again\s+#?(\d{1,9})(?!\S)", re.ASCII)


def names(session: Session, before: str, word: str) -> dict[str, str]:
    """The names of messages, or what may change of one that is sent again."""
    if _AGAIN.search(before):
        return params_left(session, before, word)
    return message_names(session)


def params_left(session: Session, before: str, word: str) -> dict[str, str]:
    """The parameters of the message being typed that have no value yet, each with a ``=``."""
    typed = before.split()
    words = [one for one in typed if not one.startswith("--") and not one.isdigit()]
    given = [one.partition("=")[0] for one in words if "=" in one]
    again = _AGAIN.search(before)
    if again is not None:
        journey = session.flow.find(int(again[1]))
        name = journey.name if journey is not None else ""
    else:
        name = words[0]
    params = message_params(session, name).items()
    return {f"{param}=": what for param, what in params if param not in given}


class _Order:
    """The message to be sent, and how.

    Args:
        like: the message; those that are sent are copies.
        repeat: how often it is sent.
        time, json: whether the reply has the times, and is an object.
    """

    def __init__(self, like: Message, *, repeat: int, time: bool, json: bool) -> None:
        self.name = like.name
        self._like = like
        self.repeat = repeat
        self.time = time
        self.json = json

    def message(self, session: Session) -> Message:
        """Make one message. Handlers are to know who asks, as with any command."""
        like = self._like
        return Message(
            like.name, like.params, retvalue=like.retvalue, broadcast=like.broadcast,
            commander=session,
        )  # fmt: skip


async def message(
    session: Session,
    name: Annotated[str, Word(completer=names)] = "",
    *params: Annotated[tuple[str, str], Setting("key=value", completer=params_left)],
    wait: Annotated[
        int,
        Number(
            "s",
            least=1,
            most=LONGEST_WAIT,
            description="waits so many seconds for somebody to handle it",
        ),
    ] = 0,
    again: Annotated[
        int,
        MessageNumber(
            "n",
            least=1,
            completer=message_numbers,
            mistake="Which message?",
            description="sends a recorded message again, changed by key=value",
        ),
    ] = 0,
    enqueue: Annotated[bool, Flag("--enqueue", "does not wait for the result")] = False,
    time: Annotated[bool, Flag("--time", "shows how long it took")] = False,
    repeat: Annotated[
        int, Number("n", least=1, most=MOST_REPEATS, description="sends it so often")
    ] = 1,
    json: Annotated[bool, Flag("--json", "answers with an object")] = False,
) -> Reply:
    """Send a message, and show its reply and what it went through."""
    if enqueue and time:
        raise ArgumentError("--enqueue waits for nothing that --time could measure")
    like = _recorded(session, again, name, params) if again else _given(name, params)
    order = _Order(like, repeat=repeat, time=time, json=json)
    if wait and (failure := await _wait(session, order, wait)) is not None:
        return failure
    return await (_enqueue if enqueue else _send)(session, order)


async def _wait(session: Session, order: _Order, seconds: int) -> Reply | None:
    """Wait for a handler; return why there is none, or None if there is one."""
    name = safe(order.name)
    try:
        async with asyncio.timeout(seconds):
            await _handler_or_none(session, order)
    except TimeoutError:
        text = f"Nobody handles {name} after {seconds} s"
        hint = "external show, external log"
        return Reply(False, text + EOL, {"reason": text, "hint": hint, "error": "timeout"})
    installed = session.engine.dispatcher.is_installed(order.name, order.message(session))
    dead = [] if installed else _dead(session)
    return (
        failed(f"Nobody handles {name}: {dead[-1].reason[0]}", dead[-1].explain) if dead else None
    )


def _given(name: str, params: Sequence[tuple[str, str]]) -> Message:
    if not name:
        raise ArgumentError(_NO_NAME)
    return Message(name, dict(params))


def _recorded(
    session: Session, number: int, first: str, others: Sequence[tuple[str, str]]
) -> Message:
    """The message of that number as it was sent, changed by the parameters that are given.

    Raises `ArgumentError`.
    """
    journey = session.flow.find(number)
    if journey is None:
        reason = f"No message #{number} is recorded"
        raise ArgumentError(reason, "flow last: only what was followed is recorded")
    if math.isnan(journey.took):
        reason = f"How #{number} was sent is not known, only how it ended"
        raise ArgumentError(reason, "yext attach --bus HOST:PORT")
    changes = [Setting().read(first)] if first else []
    params = {**journey.params, **dict([*changes, *others])}
    retvalue, broadcast = journey.first_retvalue or "", bool(journey.broadcast)
    return Message(journey.name, params, retvalue=retvalue, broadcast=broadcast)


async def _handler_or_none(session: Session, order: _Order) -> None:
    """Wait for a handler that gets that message, at most until none can be expected."""
    installed = session.engine.dispatcher.installed(order.name, order.message(session))
    waits = installed, _nothing_to_expect(session)
    await _first([asyncio.ensure_future(wait) for wait in waits])


async def _nothing_to_expect(session: Session) -> None:
    """Wait until a program that may have been meant to install a handler has failed, and no
    other one is about to install anything."""
    while True:
        starts = starts_of(session.engine)
        if _dead(session) and not any(start.promising for start in starts):
            return
        # Without any program, nothing but the handler is waited for.
        await _first([start.changed() for start in starts] or [asyncio.Future()])


async def _first(futures: Sequence[asyncio.Future[None]]) -> None:
    """Wait until one of them is done, and cancel the others."""
    try:
        await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for future in futures:
            future.cancel()


def _dead(session: Session) -> list[Start]:
    """The failed starts by this session or by the configuration, that of the session last."""
    failed = [one for one in starts_of(session.engine) if one.reason]
    mine = [one for one in failed if one.session == session.label]
    return [*(one for one in failed if not one.session), *mine]


async def _send(session: Session, order: _Order) -> Reply:
    took: list[float] = []
    handled = 0
    for count in range(1, order.repeat + 1):
        journey = await _dispatch(session, order)
        if not journey.ended:
            text = f"#{journey.number} {safe(journey.name)} is held"
            return Reply(True, text + EOL, {"held": str(journey.number)})
        took.append(journey.took)
        handled += journey.handled
        if count % _AT_ONCE == 0:
            await asyncio.sleep(0)
    return _reply(session, order, journey, took, handled)


async def _dispatch(session: Session, order: _Order) -> Journey:
    """Send the message and wait for its result; it is recorded even if nobody follows."""
    dispatcher, recorder = session.engine.dispatcher, session.engine.recorder
    over = asyncio.get_running_loop().create_future()

    def done(_: Dispatch) -> None:
        if not over.done():
            over.set_result(None)

    dispatch = Dispatch(dispatcher, order.message(session), done, session)
    dispatch.journey = journey = recorder.begin(dispatch)
    if session.has_intercept:
        # Whoever waits for it could not let it go on.
        session.intercept.when_held(dispatch, lambda: done(dispatch))
    dispatcher.start(dispatch)
    await over
    return journey


async def _enqueue(session: Session, order: _Order) -> Reply:
    for count in range(1, order.repeat + 1):
        session.engine.enqueue(order.message(session), session)
        if count % _AT_ONCE == 0:
            await asyncio.sleep(0)
    times = f" {order.repeat:,} times" if order.repeat > 1 else ""
    data: dict[str, object] = {"enqueued": order.repeat}
    text = _as_json(data) if order.json else f"Enqueued {safe(order.name)}{times}"
    return Reply(True, text + EOL, data=data)


def _as_json(data: dict[str, object]) -> str:
    import json

    return json.dumps(data)


def _reply(
    session: Session, order: _Order, journey: Journey, took: list[float], handled: int
) -> Reply:
    """The reply for the last message, and for all where there were several.

    A message that nobody handles has failed, as a command that nobody understands.

    Args:
        journey: what the last message went through.
        took: the seconds that each message took.
        handled: how many were handled.
    """
    from yext.console.replies.trace import draw_journey, duration
    from yext.record.journey import to_json

    journey = session.flow.visible(journey)
    data: dict[str, object] = {"message": to_json(journey)}
    lines = draw_journey(journey, session.flow.style())
    if order.repeat > 1:
        data |= {"sent": order.repeat, "handled": handled}
        lines.append(f"  sent {order.repeat:,} times, handled {handled:,}")
    if order.time:
        times = _times(took)
        data["seconds"] = times
        lines.append("  " + "   ".join(f"{name} {duration(one)}" for name, one in times.items()))
    params = {"handled": str(journey.handled).lower(), "retvalue": journey.retvalue}
    if handled < order.repeat:
        params |= _why_not(session, journey, order.repeat - handled)
    if order.json:
        lines = [_as_json(data)]
    text = "".join(line + EOL for line in lines)
    return Reply(handled == order.repeat, text, params, data=data)


def _why_not(session: Session, journey: Journey, failures: int) -> dict[str, str]:
    from yext.record.journey import Outcome

    reason = f"nobody handled {journey.name}"
    if journey.by and not journey.handled:
        reason = f"{journey.by} {journey.outcome}"
    elif failures and journey.handled:
        reason = f"nobody handled {failures:,} of them"
    hint = f"dispatcher handlers name={journey.name}"
    starting = [one.label for one in starts_of(session.engine) if one.starting]
    scripts = {one.label.partition(" ")[0] for one in starts_of(session.engine)}
    if journey.outcome is Outcome.TIMED_OUT and journey.by in scripts:
        hint = f"external log {journey.by}, external restart {journey.by}"
    elif starting and not journey.by:
        verb = "is" if len(starting) == 1 else "are"
        hint = f"message --wait 10 {journey.name}: {', '.join(starting)} {verb} still starting"
    elif journey.kept_out:
        import shlex

        owner, param, value = journey.kept_out[0]
        reason += f": {owner} has a filter, {param}={value}"
        hint = f"message {journey.name} {shlex.quote(f'{param}={value}')}"
    else:
        hint = _who_else(session, journey) or hint
    return {"reason": reason, "hint": hint}


def _who_else(session: Session, journey: Journey) -> str:
    """What to do about a message that no handler took; empty where nothing is known about it."""
    from yext.conf.options import nearest

    names = session.engine.dispatcher.handler_names() if not journey.steps else ()
    near = nearest(journey.name, [name for name in names if name != journey.name])
    if near:
        return f"Did you mean: {', '.join(near)}"
    failed = [one for one in starts_of(session.engine) if one.over and one.reason]
    if failed and not journey.by:
        return f"{failed[-1].explain}: {failed[-1].label} has failed"
    return "dispatcher handlers name=^" if not journey.steps else ""


def _times(took: list[float]) -> dict[str, float]:
    """The sum and some percentiles of times, in seconds."""
    ordered = sorted(took)
    last = len(ordered) - 1
    return {
        "total": round(sum(ordered), 6),
        "min": round(ordered[0], 6),
        "p50": round(ordered[last // 2], 6),
        "p99": round(ordered[last * 99 // 100], 6),
        "max": round(ordered[last], 6),
    }


BUS: tuple[SessionCommand, ...] = (
    SessionCommand(
        "message", "Sends a message, and shows its reply and what it went through", message,
        missing=_NO_NAME,
    ),
)  # fmt: skip
"""The row of ``message``."""
