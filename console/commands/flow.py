"""The command ``flow``: the live message flow, and the record behind it (docs/flow.md)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from threading import Event
from typing import TYPE_CHECKING, Annotated, cast

from yext import Reply
from yext.command import EOL
from yext.commander import check_file
from yext.console.commands.command import SessionCommand
from yext.console.commands.completion import filter_words, message_numbers
from yext.console.commands.lines.files import complete_file
from yext.console.commands.messages.filtering import compile_or_refuse
from yext.console.commands.messages.stats import STATS
from yext.console.commands.parameters import MessageNumber, Number, Rest
from yext.console.commands.record.browse import BROWSE
from yext.console.commands.record.ladder import LADDER
from yext.console.commands.record.save import messages_text, os_failed, save_messages
from yext.console.replies.reply import failed
from yext.console.session.authority import Authority
from yext.console.session.session import Session
from yext.errors import RecordError
from yext.log import safe

if TYPE_CHECKING:
    from yext.console.session.flow import NodesFollowed
    from yext.record.journey import Journey

_LAST = 20
"""How many messages `flow last` shows."""

_OFF = ("The flow is off", "flow on")


def state(session: Session) -> Reply:
    """Show whether messages are followed, by which filter, and how many are recorded."""
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


def on_words(session: Session, before: str, word: str) -> dict[str, str]:
    """The words of ``flow on``: the nodes to follow, if there are others, and those of a filter."""
    module = None if before else session.engine.modules.get("cluster")
    if module is None:
        return filter_words(session, before, word)
    from yext.cluster.module import Cluster

    assert isinstance(module, Cluster)
    names = [session.engine.node, *sorted(module.exchange.nodes)]
    words = {f"{_NODE}*": "the messages of all nodes"}
    words |= {f"{_NODE}{name}": f"those of {name}" for name in names}
    return words | filter_words(session, before, word)


def on(session: Session, filter: Annotated[str, Rest(completer=on_words)] = "") -> Reply:
    """Show messages as they happen, all or those of a filter."""
    if session.view is None:
        return failed("This session cannot show the flow", "flow last, or yext run --record FILE")
    nodes, typed = None, "flow on "
    word, _, rest = filter.partition(" ")
    if word.startswith(_NODE):
        nodes = _followed(session, word.removeprefix(_NODE) or "*")
        if nodes is None:
            return failed("This node shares nothing with others", "see docs/cluster.md: yext.conf")
        typed, filter = f"{typed}{word} ", rest.strip()
    if filter or nodes is not None:
        mistake = _set_filter(session, typed, filter)
        if mistake is not None:
            return mistake
    session.flow.on(nodes)
    return _state_and_unseen(session, filter)


_NODE = "node:"
"""The beginning of the word that names the nodes whose messages are shown."""


def _followed(session: Session, pattern: str) -> NodesFollowed | None:
    """The nodes of some names, None where there are no others."""
    module = session.engine.modules.get("cluster")
    if module is None:
        return None
    from yext.cluster.module import Cluster
    from yext.console.session.flow import NodesFollowed

    assert isinstance(module, Cluster)
    return NodesFollowed(session.engine.node, pattern, module.follow)


def off(session: Session) -> Reply:
    """Show no more messages."""
    session.flow.off()
    return state(session)


def pause(session: Session) -> Reply:
    """Hold messages back."""
    if not session.flow.is_on:
        return failed(*_OFF)
    session.flow.pause()
    return state(session)


def resume(session: Session) -> Reply:
    """Show messages again."""
    if not session.flow.is_on:
        return failed(*_OFF)
    missed = session.flow.resume()
    came = f"{messages_text(missed)} came meanwhile: flow last{EOL}" if missed else ""
    return Reply(True, came + state(session).text, {"missed": str(missed)})


def last(
    session: Session,
    n: Annotated[int, Number(least=1, mistake="Not a number of messages: {}")] = _LAST,
) -> Reply:
    """Show the newest recorded messages that the filter lets through."""
    recorded = session.flow.recorded()
    wanted = session.flow.wanted(recorded)[-n:]
    if wanted:
        return _shown(session, wanted)
    return Reply(True, _why_nothing(session, len(recorded)) + EOL, data=[])


def _why_nothing(session: Session, recorded: int) -> str:
    flow = session.flow
    if not recorded:
        return "Nothing is recorded yet" if flow.is_on else "Nothing is recorded: flow on"
    if flow.filter.text:
        return f"Of {messages_text(recorded)} none fits {safe(flow.filter.text)}"
    return f"Of {messages_text(recorded)} all are hidden unless asked for: flow filter engine.*"


def _shown(session: Session, journeys: Iterable[Journey]) -> Reply:
    from yext.console.replies.line import draw_line
    from yext.record.journey import to_json

    style = session.flow.style()
    visible = map(session.flow.visible, journeys)
    ordered = sorted(visible, key=lambda journey: journey.number)
    text = "".join(draw_line(journey, style) + EOL for journey in ordered)
    return Reply(True, text, data=[to_json(journey) for journey in ordered])


def show(
    session: Session,
    id: Annotated[int, MessageNumber(mistake="Which message?", completer=message_numbers)],
) -> Reply:
    """Show what one message went through."""
    from yext.console.replies.trace import draw_journey
    from yext.record.journey import to_json

    journey = session.flow.find(id)
    if journey is None:
        return failed(
            f"No message #{id} is recorded",
            "flow last: only what was followed is recorded, and only so much is kept",
        )
    visible = session.flow.visible(journey)
    text = "".join(line + EOL for line in draw_journey(visible, session.flow.style()))
    return Reply(True, text, data=to_json(visible))


def set_filter(
    session: Session, filter: Annotated[str, Rest(completer=filter_words)] = ""
) -> Reply:
    """Choose the messages that are shown; without a filter, all."""
    return _set_filter(session, "flow filter ", filter) or _state_and_unseen(session, filter)


def _state_and_unseen(session: Session, expression: str) -> Reply:
    """The state of the flow, and what of a filter that was given nobody has seen."""
    reply = state(session)
    if not expression:
        return reply
    from yext.console.commands.messages.unseen import unseen

    lines = unseen(session, session.flow.filter)
    text = reply.text + "".join(f"  {line}{EOL}" for line in lines)
    return Reply(True, text, data=cast("dict[str, object]", reply.data) | {"unseen": lines})


def _set_filter(session: Session, typed: str, expression: str) -> Reply | None:
    """Set the session's filter; the reply to a mistake in it, None without."""
    found = compile_or_refuse(session, typed, expression)
    if isinstance(found, Reply):
        return found
    session.flow.filter = found
    return None


def clear(session: Session) -> Reply:
    """Forget what is recorded."""
    session.flow.clear()
    return state(session)


async def save(session: Session, file: Annotated[str, Rest(completer=complete_file)]) -> Reply:
    """Write the recorded messages that the filter lets through to a file, by its ending."""
    return await save_messages(session, file, session.flow.wanted(session.flow.recorded()))


async def load(session: Session, file: Annotated[str, Rest(completer=complete_file)]) -> Reply:
    """Show the messages of a file in place of the engine's, until the flow is on again."""
    from yext.record.file import read_record

    check_file(session, file)
    recorder, given_up = session.engine.recorder, Event()
    try:
        loaded, whole = await asyncio.to_thread(
            read_record, file, recorder.max_messages, recorder.max_bytes, given_up.is_set
        )
    except OSError as error:
        return os_failed(file, error)
    except RecordError as error:
        return failed(f"{safe(file)} {safe(str(error))}", "give a file that flow save wrote")
    finally:
        given_up.set()  # If the command is interrupted, the thread ends as well.
    session.flow.off()
    session.flow.loaded = loaded
    shown = await asyncio.to_thread(lambda: _shown(session, session.flow.wanted(loaded)))
    text = f"{shown.text}Loaded {messages_text(len(loaded))} of {safe(file)}, until flow on{EOL}"
    if not whole:
        text += f"Its last line is cut off{EOL}"
    return Reply(True, text, {"messages": str(len(loaded))}, data=shown.data)


_USER, _ADMIN = Authority.USER, Authority.ADMIN

_VERBS = (
    SessionCommand("flow on", "shows messages as they happen, all or those of a filter", on, _USER),
    SessionCommand("flow off", "shows none", off, _USER),
    SessionCommand("flow pause", "holds them back", pause, _USER),
    SessionCommand("flow resume", "goes on", resume, _USER),
    SessionCommand(
        "flow last", "the newest that are recorded", last, _USER, example="flow last 20"
    ),
    SessionCommand(
        "flow show", "what one message went through", show, _USER, missing="Which message?",
        example="flow show ID: the number after # in a line of the flow",
    ),
    BROWSE,
    LADDER,
    STATS,
    SessionCommand("flow filter", "which messages are shown", set_filter, _USER),
    SessionCommand("flow clear", "forgets what is recorded", clear, _ADMIN),
    SessionCommand(
        "flow save", "writes the record to a file; .html: a page, .yext, .py: tests", save,
        _ADMIN, missing="Save to which file?",
    ),
    SessionCommand(
        "flow load", "shows a record that was saved", load, _ADMIN, missing="Load which file?"
    ),
)  # fmt: skip

FLOW: tuple[SessionCommand, ...] = (
    SessionCommand(
        "flow", "Shows the messages as they happen, and what each went through", state, _USER,
        observes=True, verbs=_VERBS,
    ),
)  # fmt: skip
"""The row of ``flow``."""
