"""The commands ``intercept``, ``resume`` and ``answer``: messages held in the hand."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Final

from yext import Reply
from yext.command import EOL
from yext.console.commands.command import SessionCommand
from yext.console.commands.completion import filter_words
from yext.console.commands.messages.filtering import compile_or_refuse
from yext.console.commands.parameters import ArgumentError, Flag, Rest, Setting, Word
from yext.console.replies.reply import failed
from yext.console.session.session import Session
from yext.log import safe

if TYPE_CHECKING:
    from yext.record.filters import Filter
    from yext.record.holding import Held, HoldingGate
    from yext.record.terms import Term

_OFF: Final = "off"

_OUTCOMES: Final = {"true": True, "false": False}

_WORDS: Final = {"true": "it is handled", "false": "it goes on to its handlers"}

_SETTING: Final = re.compile(r"[\w.-]+=", re.ASCII)
"""How a parameter begins; a return value as ``sip/1@host;transport=tls`` does not."""


def intercept(
    session: Session,
    after: Annotated[bool, Flag("--after", "before their replies leave")] = False,
    filter: Annotated[str, Rest(completer=filter_words)] = "",
) -> Reply:
    """Hold the messages of a filter, show what is held, or hold nothing more (``off``)."""
    if not filter:
        return _state(session)
    if filter == _OFF:
        session.intercept.off()
        return _state(session)
    typed = f"intercept {'--after ' if after else ''}"
    found = compile_or_refuse(session, typed, filter, None if after else _known_at_start)
    if isinstance(found, Reply):
        return found
    session.intercept.on(found, after=after)
    return _state(session, found)


def _known_at_start(term: Term) -> str:
    """Why a term cannot choose a message before its handlers are asked; empty if it can."""
    from yext.record.terms import TermKind

    late = term.kind in (TermKind.END, TermKind.HANDLER)
    return "this is known when it has ended: intercept --after" if late else ""


def _state(session: Session, found: Filter | None = None) -> Reply:
    mine = session.intercept
    held = _all_held(session)
    if mine.filter is None:
        lines = ["Intercept: off"]
    else:
        when = "before their replies leave" if mine.after else "before their handlers"
        lines = [f"Intercept: {safe(mine.filter.text)}, {when}, held: {len(mine.mine())}"]
    if found is not None:
        from yext.console.commands.messages.unseen import unseen

        lines += [f"  {line}" for line in unseen(session, found)]
    if mine.refused:
        lines.append(f"  {mine.refused:,} went on, as enough were held")
    for one in held:
        lines += mine.describe(one).split("\n")
    data = {
        "filter": mine.filter.text if mine.filter is not None else None,
        "after": mine.after,
        "refused": mine.refused,
        "held": [_to_json(session, one) for one in held],
    }
    return Reply(True, "".join(f"{line}{EOL}" for line in lines), data=data)


def _to_json(session: Session, held: Held) -> dict[str, object]:
    return {
        "number": held.journey.number,
        "name": held.journey.name,
        "after": held.interception.after,
        "by": held.interception.owner,
        "seconds": round(held.left, 3),
        "params": dict(session.flow.visible(held.journey).params),
    }


# What is held


def _gate(session: Session) -> HoldingGate | None:
    gate = session.engine.dispatcher.gate
    if gate is None:
        return None
    from yext.record.holding import HoldingGate

    return gate if isinstance(gate, HoldingGate) else None


def _all_held(session: Session) -> list[Held]:
    """What any session holds: another admin may let it go on as well."""
    gate = _gate(session)
    return gate.held if gate is not None else []


def held_numbers(session: Session, before: str, word: str) -> dict[str, str]:
    """The numbers of the messages that are held, each with its name."""
    return {str(one.journey.number): safe(one.journey.name) for one in _all_held(session)}


def find_held(session: Session, number: str) -> Held | None:
    """Return the held message of a number, with or without a ``#``; None for anything else."""
    digits = number.removeprefix("#")
    gate = _gate(session)
    if gate is None or not (digits.isascii() and digits.isdigit()) or len(digits) > 9:
        return None
    return gate.find(int(digits))


def _chosen(session: Session, number: str) -> Held:
    """Return the held message of a number. Raises `ArgumentError`."""
    held = find_held(session, number)
    if held is None:
        raise ArgumentError(f"No message {number} is held", "intercept")
    return held


def resume(
    session: Session,
    n: Annotated[str, Word("N", completer=held_numbers)] = "",
    *params: Annotated[tuple[str, str], Setting("key=value")],
) -> Reply:
    """Let a message go on, by default the one held longest; changed if parameters are given."""
    changes = dict(params)
    if "=" in n:
        changes = dict([Setting().read(n)]) | changes
        n = ""
    held = _chosen(session, n) if n else next(iter(_all_held(session)), None)
    if held is None:
        return failed("No message is held", "intercept")
    return _done(session, held, "goes on", lambda: held.resume(changes, session))


def answer(
    session: Session,
    n: Annotated[str, Word("N", completer=held_numbers)],
    *words: Annotated[str, Word(words=_WORDS)],
) -> Reply:
    """Answer a message in place of a script, as handled unless ``false`` is given."""
    held = _chosen(session, n)
    handled, retvalue, params = read_answer(words)
    return _done(session, held, "goes on", lambda: held.answer(handled, retvalue, params, session))


def read_answer(words: Sequence[str]) -> tuple[bool, str | None, dict[str, str]]:
    """Read what follows the number in an answer.

    Raises `ArgumentError`.
    """
    left = list(words)
    handled = _OUTCOMES[left.pop(0)] if left and left[0] in _OUTCOMES else True
    retvalue = left.pop(0) if left and not _SETTING.match(left[0]) else None
    return handled, retvalue, dict(map(Setting().read, left))


def drop(session: Session, held: Held) -> Reply:
    """End a message that is held: nobody handles it."""
    return _done(session, held, "dropped", held.drop)


def _done(session: Session, held: Held, what: str, act: Callable[[], None]) -> Reply:
    """Let go a message, and tell what came of it if that is known at once."""
    mine, journey = session.intercept, held.journey
    mine.take(journey.number)
    act()
    if journey.ended and not mine.is_shown(journey):
        text = mine.outcome(journey)
    else:
        if not journey.ended:
            mine.expect(journey.number)
        text = f"#{journey.number} {safe(journey.name)} {what}"
    params = {"number": str(journey.number), "ended": str(journey.ended).lower()}
    return Reply(True, text + EOL, params)


INTERCEPT: tuple[SessionCommand, ...] = (
    SessionCommand(
        "intercept", "Holds messages before their handlers, to answer or change them", intercept,
        stated_usage="intercept [[--after] FILTER|off]",
        example="intercept call.route and called=99",
    ),
    SessionCommand(
        "resume", "Lets a message go on that is held", resume,
        stated_usage="resume [N] [key=value ...]",
    ),
    SessionCommand(
        "answer", "Answers a message that is held, in place of a script", answer,
        stated_usage="answer N [true|false] [RETVALUE] [key=value ...]", missing="Which message?",
        example="answer 431 true sip/1@10.0.0.9",
    ),
)  # fmt: skip
"""The rows of the commands that hold messages."""
