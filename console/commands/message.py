"""The command ``message``: an operator's own message on the bus."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING

from console.commands.command import SessionCommand, natural, typed_params
from console.commands.flow import message_names, message_params
from console.replies.reply import failed
from yext import Message, Reply
from yext.command import EOL
from yext.dispatcher import Dispatch
from yext.log import safe

if TYPE_CHECKING:
    from console.session.session import Session
    from yext.record.journey import Journey

MOST_REPEATS = 100_000
"""How often one command may send its message."""

_AT_ONCE = 100
"""Messages sent before everything else gets its turn."""

_OPTIONS = {
    "--enqueue": "does not wait for what comes of it",
    "--time": "tells how long it took",
    "--repeat": "sends it so often",
    "--json": "answers with an object",
    "--wait": "waits so many seconds for somebody to handle it",
}

_USAGE = "message [--wait s] [--enqueue] [--time] [--repeat n] [--json] name [key=value ...]"

LONGEST_WAIT = 3600
"""Seconds that one command may wait for a handler."""


_MOST = {"--repeat": MOST_REPEATS, "--wait": LONGEST_WAIT}


class _Order:
    """What was typed after ``message``.

    Attributes:
        enqueue: not to wait for what comes of it.
        time, json: to tell how long it took; to answer with an object.
        repeat: how often it is sent.
        wait: seconds in which a handler may yet be installed for it.
    """

    name = ""
    enqueue = False
    time = False
    json = False
    repeat = 1
    wait = 0

    def __init__(self) -> None:
        self.params: dict[str, str] = {}


async def _message(session: Session, rest: str) -> Reply:
    order = _parse(rest)
    if isinstance(order, Reply):
        return order
    if order.wait and not await _installed(session, order):
        told = failed(
            f"Nobody handles {safe(order.name)} after {order.wait} s", "external show, external log"
        )
        return Reply(False, told.text, {**told.params, "error": "timeout"})
    if order.enqueue:
        return await _enqueue(session, order)
    took: list[float] = []
    handled = 0
    for count in range(1, order.repeat + 1):
        journey = await _dispatch(session, order)
        took.append(journey.took)
        handled += journey.handled
        if count % _AT_ONCE == 0:
            await asyncio.sleep(0)
    return _reply(session, order, journey, took, handled)


def _parse(rest: str) -> _Order | Reply:
    import shlex

    try:
        words = shlex.split(rest)
    except ValueError as error:
        return failed(f"Cannot read this: {str(error).lower()}", "close the quotes")
    order = _Order()
    others: list[str] = []
    waiting = iter(words)
    for word in waiting:
        if not word.startswith("--"):
            others.append(word)
        elif wrong := _option(order, word, waiting):
            return failed(wrong, _USAGE)
    if not others or not others[0]:
        return failed("You must specify the name of the message!", _USAGE)
    if order.enqueue and order.time:
        return failed("--enqueue waits for nothing whose --time could be told", _USAGE)
    order.name = others[0]
    order.params, wrong = typed_params(others[1:])
    return failed(f"Not key=value: {safe(wrong)}", _USAGE) if wrong else order


def _option(order: _Order, word: str, following: Iterator[str]) -> str:
    """Takes an option, and its number if it has one; returns what is wrong with it."""
    if word not in _OPTIONS:
        return f"Unknown option: {safe(word)}"
    number = natural(next(following, ""), _MOST[word]) if word in _MOST else 1
    if not number:
        return f"{word} wants a number from 1 to {_MOST[word]}"
    setattr(order, word[2:], number if word in _MOST else True)
    return ""


async def _installed(session: Session, order: _Order) -> bool:
    try:
        await asyncio.wait_for(session.engine.dispatcher.installed(order.name), order.wait)
    except TimeoutError:
        return False
    return True


def _made(session: Session, order: _Order) -> Message:
    # Handlers are to know who asks, as with any command.
    return Message(order.name, order.params, userdata=session)


async def _dispatch(session: Session, order: _Order) -> Journey:
    """Sends the message and waits; its journey is recorded whether anybody follows or not."""
    dispatcher, sniffer = session.engine.dispatcher, session.engine.recorder
    over = asyncio.get_running_loop().create_future()

    def done(_: Dispatch) -> None:
        if not over.done():
            over.set_result(None)

    dispatch = Dispatch(dispatcher, _made(session, order), done, session)
    dispatch.journey = journey = sniffer.begin(dispatch)
    dispatcher.start(dispatch)
    await over
    return journey


async def _enqueue(session: Session, order: _Order) -> Reply:
    for count in range(1, order.repeat + 1):
        session.engine.enqueue(_made(session, order), session)
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
    """What became of the last message, and of all where there were more.

    Like a command that nobody understands, a message that nobody handles has failed.
    """
    from console.replies.trace import draw_journey, duration
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
    reason = f"nobody handled {journey.name}"
    if journey.by and not journey.handled:
        reason = f"{journey.by} {journey.outcome}"
    elif failures and journey.handled:
        reason = f"nobody handled {failures:,} of them"
    hint = f"dispatcher handlers name={journey.name}"
    if not journey.steps:
        from yext.conf.options import nearest

        near = nearest(journey.name, session.engine.dispatcher.handler_names())
        hint = f"Did you mean: {', '.join(near)}" if near else "dispatcher handlers name=^"
    return {"reason": reason, "hint": hint}


def _times(took: list[float]) -> dict[str, float]:
    """How long the messages took, in seconds: all together, and what is usual."""
    ordered = sorted(took)
    last = len(ordered) - 1
    return {
        "total": round(sum(ordered), 6),
        "min": round(ordered[0], 6),
        "p50": round(ordered[last // 2], 6),
        "p99": round(ordered[last * 99 // 100], 6),
        "max": round(ordered[last], 6),
    }


def _complete(session: Session, rest: str, word: str) -> dict[str, str]:
    if rest.endswith(tuple(_MOST)):
        return {}
    options = _OPTIONS if word.startswith("-") else {}
    words = [one for one in rest.split() if not one.startswith("--") and not one.isdigit()]
    if not words:
        return options | message_names(session)
    given = [one.partition("=")[0] for one in words[1:]]
    params = message_params(session, words[0]).items()
    return options | {f"{name}=": what for name, what in params if name not in given}


BUS: tuple[SessionCommand, ...] = (
    SessionCommand(
        "message", _USAGE, "Sends a message, and shows its reply and what it went through",
        _message, listed=False, completer=_complete,
    ),
)  # fmt: skip
