"""The command ``flow``: the live message flow, and the record behind it (docs/flow.md)."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

from console.commands.command import SessionCommand, natural
from console.replies.reply import failed, not_authenticated
from console.session.authority import Authority
from yext import Reply
from yext.command import EOL
from yext.errors import FilterError, RecordError
from yext.log import safe

if TYPE_CHECKING:
    from console.session.session import Session
    from yext.record.filters import Filter
    from yext.record.journey import Journey

_LAST = 20
"""How many messages `flow last` shows."""

_USAGE = "flow [on [filter]|off|pause|resume|last [n]|show id|filter [filter]|clear|save|load file]"


async def _flow(session: Session, rest: str) -> Reply:
    word, _, arguments = rest.strip().partition(" ")
    if not word:
        return _state(session)
    action = _ACTIONS.get(word)
    if action is None:
        return failed(f"Unknown flow command: {word}", f"one of {', '.join(_ACTIONS)}")
    result = action[0](session, arguments.strip())
    return result if isinstance(result, Reply) else await result


def _state(session: Session) -> Reply:
    flow = session.flow
    parts = [f"Flow: {('paused' if flow.paused else 'on') if flow.is_on else 'off'}"]
    data: dict[str, object] = {
        "on": flow.is_on,
        "paused": flow.paused,
        "filter": flow.filter.text,
        "shown": flow.shown,
        "left_out": flow.left_out,
        "recorded": len(flow.recorded()),
    }
    if flow.filter.text:
        parts.append(f"filter: {safe(flow.filter.text)}")
    if flow.is_on:
        parts.append(f"shown: {flow.shown}, left out: {flow.left_out}")
    return Reply(True, f"{', '.join(parts)}, recorded: {data['recorded']}{EOL}", data=data)


def filter_mistake(typed: str, error: FilterError) -> Reply:
    """The reply to a mistake in a filter: what was `typed` before it, the filter, a caret."""
    shown = "".join(char if char.isprintable() else "?" for char in error.expression)
    caret = " " * (len(typed) + error.column)
    return Reply(
        False,
        f"{typed}{shown}{EOL}{caret}^ {error.text}{EOL}",
        {"reason": error.text, "column": str(error.column + 1)},
    )


def _compiled(session: Session, typed: str, expression: str) -> Filter | Reply:
    try:
        return session.flow.compile(expression)
    except FilterError as error:
        return filter_mistake(typed, error)


def _on(session: Session, rest: str) -> Reply:
    if session.view is None:
        return failed("This session cannot show the flow", "flow last, or yext run --record FILE")
    if rest:
        wanted = _compiled(session, "flow on ", rest)
        if isinstance(wanted, Reply):
            return wanted
        session.flow.filter = wanted
    session.flow.on()
    return _state(session)


def _off(session: Session, rest: str) -> Reply:
    session.flow.off()
    return _state(session)


def _pause(session: Session, rest: str) -> Reply:
    if not session.flow.is_on:
        return failed("The flow is off", "flow on")
    session.flow.pause()
    return _state(session)


def _resume(session: Session, rest: str) -> Reply:
    if not session.flow.is_on:
        return failed("The flow is off", "flow on")
    missed = session.flow.resume()
    told = f"{_messages(missed)} came meanwhile: flow last{EOL}" if missed else ""
    return Reply(True, told + _state(session).text, {"missed": str(missed)})


def _last(session: Session, rest: str) -> Reply:
    count = natural(rest or str(_LAST))
    if not count:
        return failed(f"Not a number of messages: {rest}", "flow last 20")
    recorded = session.flow.recorded()
    wanted = session.flow.wanted(recorded)[-count:]
    if wanted:
        return _shown(session, wanted)
    return Reply(True, _why_nothing(session, len(recorded)) + EOL, data=[])


def _why_nothing(session: Session, recorded: int) -> str:
    flow = session.flow
    if not recorded:
        return "Nothing is recorded yet" if flow.is_on else "Nothing is recorded: flow on"
    if flow.filter.text:
        return f"Of {_messages(recorded)} none fits {safe(flow.filter.text)}"
    return f"Of {_messages(recorded)} all are hidden unless asked for: flow filter engine.*"


def _shown(session: Session, journeys: list[Journey]) -> Reply:
    from console.replies.trace import draw_line
    from yext.record.journey import to_json

    style = session.flow.style()
    visible = map(session.flow.visible, journeys)
    ordered = sorted(visible, key=lambda one: one.number)
    text = "".join(draw_line(one, style) + EOL for one in ordered)
    return Reply(True, text, data=[to_json(one) for one in ordered])


def _show(session: Session, rest: str) -> Reply:
    from console.replies.trace import draw_journey
    from yext.record.journey import to_json

    number = natural(rest.removeprefix("#"))
    if number is None:
        return failed("Which message?", "flow show ID: the number after # in a line of the flow")
    journey = session.flow.find(number)
    if journey is None:
        return failed(
            f"No message #{number} is recorded",
            "flow last: only what was followed is recorded, and only so much is kept",
        )
    visible = session.flow.visible(journey)
    text = "".join(one + EOL for one in draw_journey(visible, session.flow.style()))
    return Reply(True, text, data=to_json(visible))


def _filter(session: Session, rest: str) -> Reply:
    wanted = _compiled(session, "flow filter ", rest)
    if isinstance(wanted, Reply):
        return wanted
    session.flow.filter = wanted
    return _state(session)


def _clear(session: Session, rest: str) -> Reply:
    if session.authority is not Authority.ADMIN:
        return not_authenticated()
    session.flow.clear()
    return _state(session)


async def _save(session: Session, rest: str) -> Reply:
    from yext.record.file import write_record

    if session.authority is not Authority.ADMIN:
        return not_authenticated()
    if not rest:
        return failed("Save to which file?", "flow save FILE")
    journeys = list(map(session.flow.visible, session.flow.wanted(session.flow.recorded())))
    try:
        count = await asyncio.to_thread(write_record, rest, journeys)
    except OSError as error:
        return _os_failed(rest, error)
    return Reply(True, f"Saved {_messages(count)} to {safe(rest)}{EOL}", data={"messages": count})


def _messages(count: int) -> str:
    return f"{count:,} message{'' if count == 1 else 's'}"


async def _load(session: Session, rest: str) -> Reply:
    from yext.record.file import read_record

    if session.authority is not Authority.ADMIN:
        return not_authenticated()
    if not rest:
        return failed("Load which file?", "flow load FILE")
    most = session.engine.recorder.max_messages
    try:
        loaded, whole = await asyncio.to_thread(read_record, rest, most)
    except OSError as error:
        return _os_failed(rest, error)
    except RecordError as error:
        return failed(f"{safe(rest)} {safe(str(error))}", "give a file that flow save wrote")
    session.flow.off()
    session.flow.loaded = loaded
    shown = _shown(session, session.flow.wanted(loaded))
    text = f"{shown.text}Loaded {_messages(len(loaded))} of {safe(rest)}, until flow on{EOL}"
    if not whole:
        text += f"Its last line is cut off{EOL}"
    return Reply(True, text, {"messages": str(len(loaded))}, data=shown.data)


def _os_failed(path: str, error: OSError) -> Reply:
    reason = error.strerror or str(error)
    params = {"reason": reason, "path": path}
    if error.errno is not None:
        params["errno"] = errno.errorcode.get(error.errno, str(error.errno))
    return Reply(False, f"{safe(path)}: {reason}{EOL}", params)


_ACTIONS: dict[str, tuple[Callable[[Session, str], Reply | Awaitable[Reply]], str]] = {
    "on": (_on, "shows messages as they happen, all or those of a filter"),
    "off": (_off, "shows none"),
    "pause": (_pause, "holds them back"),
    "resume": (_resume, "goes on"),
    "last": (_last, "the newest that are recorded"),
    "show": (_show, "what one message went through"),
    "filter": (_filter, "which messages are shown"),
    "clear": (_clear, "forgets what is recorded"),
    "save": (_save, "writes the record to a file"),
    "load": (_load, "shows a record that was saved"),
}
"""What each word after ``flow`` does, and how that is described."""

_RECENT = 200
"""Messages whose numbers, names and parameters completion offers."""


def _complete(session: Session, rest: str, word: str) -> Mapping[str, str]:
    from yext.record.filters import WORDS

    verb = rest.partition(" ")[0]
    if verb == "show":
        recent = session.flow.wanted(session.flow.recent(_RECENT))
        return {str(one.number): _told(one) for one in reversed(recent)} if rest == verb else {}
    if verb not in ("on", "filter"):
        return {}
    prefix, colon, _ = word.partition(":")
    if colon and prefix in _LABELS:
        return {f"{prefix}:{label}": what for label, what in _LABELS[prefix](session).items()}
    return {**WORDS, **message_names(session)}


def _told(journey: Journey) -> str:
    """A message in a few words: its name, and what became of it."""
    by = f" by {journey.by}" if journey.handled else ""
    return safe(f"{journey.name} {journey.outcome}{by}")


def message_names(session: Session) -> dict[str, str]:
    """The names of messages that somebody handles or watches, or that were seen, and by whom."""
    from yext.engine.handlers import listing

    dispatcher = session.engine.dispatcher
    names: dict[str, list[str]] = {}
    for handler in dispatcher.handlers():
        if handler.name:
            names.setdefault(handler.name, []).append(handler.owner.partition(" ")[0])
    described = {name: f"handled by {listing(owners)}" for name, owners in names.items()}
    for name, label in dispatcher.watch_names():
        if name:
            described.setdefault(name, f"watched by {safe(label)}")
    for one in session.flow.recent(_RECENT):
        described.setdefault(one.name, f"seen, {one.outcome}")
    return described


_VALUE_MOST = 30
"""Characters of a value that describe a parameter."""


def message_params(session: Session, name: str) -> dict[str, str]:
    """The parameters of messages of that `name`, the well-known ones and those seen, with the
    newest value that was seen."""
    from console.replies.trace import KEY_PARAMETERS

    params = dict.fromkeys(KEY_PARAMETERS.get(name, ()), "")
    secret = session.engine.recorder.secret
    for one in session.flow.recent(_RECENT):
        if one.name == name:
            seen = session.flow.visible(one).params.items()
            params |= {
                key: "seen" if secret(key) else f"seen: {safe(text[:_VALUE_MOST])}"
                for key, text in seen
            }
    return params


def _handling(session: Session) -> dict[str, str]:
    """Who handles messages, by first words, and which."""
    from yext.engine.handlers import listing

    names: dict[str, list[str]] = {}
    for one in session.engine.dispatcher.handlers():
        names.setdefault(one.owner.partition(" ")[0], []).append(one.name)
    return {label: f"handles {listing(handled)}" for label, handled in names.items()}


def _sending(session: Session) -> dict[str, str]:
    """Who sent messages, by first words, and who handles some and so may send others."""
    from yext.engine.handlers import listing

    names: dict[str, list[str]] = {}
    for one in session.flow.recent(_RECENT):
        names.setdefault(one.sender.partition(" ")[0], []).append(one.name)
    return _handling(session) | {who: f"sent {listing(sent)}" for who, sent in names.items()}


_LABELS: dict[str, Callable[[Session], dict[str, str]]] = {"from": _sending, "by": _handling}
"""Whom each of these words of a filter takes."""


FLOW: tuple[SessionCommand, ...] = (
    SessionCommand(
        "flow", _USAGE, "Shows the messages as they happen, and what each went through", _flow,
        {word: what for word, (_, what) in _ACTIONS.items()}, Authority.USER, listed=False,
        completer=_complete, observes=True,
    ),
)  # fmt: skip
