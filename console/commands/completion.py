"""Completion of messages: their numbers, names and parameters, and the words of filters."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from yext.console.session.session import Session
from yext.log import safe

if TYPE_CHECKING:
    from yext.record.journey import Journey

_RECENT = 200
"""Recorded messages that are looked through."""

_VALUE_MOST = 30
"""Characters of a value that describe a parameter."""


def message_numbers(session: Session, before: str, word: str) -> dict[str, str]:
    """The numbers of the newest recorded messages, each with its name and outcome."""
    recent = session.flow.wanted(session.flow.recent(_RECENT))
    return {str(journey.number): _outcome(journey) for journey in reversed(recent)}


def _outcome(journey: Journey) -> str:
    by = f" by {journey.by}" if journey.handled else ""
    return safe(f"{journey.name} {journey.outcome}{by}")


def message_names(session: Session, before: str = "", word: str = "") -> dict[str, str]:
    """The names of messages that have handlers or watchers, or were recorded."""
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
    for journey in session.flow.recent(_RECENT):
        described.setdefault(journey.name, f"seen, {journey.outcome}")
    return described


def message_params(session: Session, name: str) -> dict[str, str]:
    """The parameters of messages of one name: the well-known ones, and the recorded ones with
    their newest value unless that is secret."""
    from yext.console.replies.trace import KEY_PARAMETERS

    params = dict.fromkeys(KEY_PARAMETERS.get(name, ()), "")
    secret = session.engine.recorder.secret
    for journey in session.flow.recent(_RECENT):
        if journey.name == name:
            seen = session.flow.visible(journey).params.items()
            params |= {
                key: "seen" if secret(key) else f"seen: {safe(text[:_VALUE_MOST])}"
                for key, text in seen
            }
    return params


def filter_words(session: Session, before: str, word: str) -> dict[str, str]:
    """The words of a filter; after ``from:`` and ``by:``, senders and handlers."""
    from yext.record.filters import WORDS

    prefix, colon, _ = word.partition(":")
    labels = _LABELS.get(prefix)
    if colon and labels is not None:
        return {f"{prefix}:{label}": what for label, what in labels(session).items()}
    return {**WORDS, **message_names(session)}


def _handlers(session: Session) -> dict[str, str]:
    """Handlers by the first word of their label, each with the messages it handles."""
    from yext.engine.handlers import listing

    names: dict[str, list[str]] = {}
    for handler in session.engine.dispatcher.handlers():
        names.setdefault(handler.owner.partition(" ")[0], []).append(handler.name)
    return {label: f"handles {listing(handled)}" for label, handled in names.items()}


def _senders(session: Session) -> dict[str, str]:
    """Senders of recorded messages, and handlers, which may send others."""
    from yext.engine.handlers import listing

    names: dict[str, list[str]] = {}
    for journey in session.flow.recent(_RECENT):
        names.setdefault(journey.sender.partition(" ")[0], []).append(journey.name)
    return _handlers(session) | {who: f"sent {listing(sent)}" for who, sent in names.items()}


_LABELS: dict[str, Callable[[Session], dict[str, str]]] = {"from": _senders, "by": _handlers}
"""What may stand after each of these words of a filter."""
