"""What a filter asks for that nobody has seen, so that it may never match anything."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from yext.console.commands.completion import message_names
from yext.console.session.session import Session
from yext.engine.module import modules_of
from yext.log import safe
from yext.patterns.wildcards import wildcard
from yext.record.filters import WORDS
from yext.record.terms import TermKind, labelled

if TYPE_CHECKING:
    from yext.record.filters import Filter
    from yext.record.terms import Term

_RECENT: Final = 1000
"""Recorded messages that are looked through."""

_WORDS_FOR: Final = {"from": "from:", "sender": "from:", "by": "by:", "handler": "by:"}
"""Words that other languages have for ours."""


def unseen(session: Session, found: Filter) -> list[str]:
    """Return a line for each name, label or parameter of a filter that nobody has seen.

    Such a filter is no mistake: the script may be started later.
    """
    known: dict[TermKind, set[str]] = {}
    lines = []
    for term in found.terms:
        kind = _KINDS.get(term.kind)
        if kind is None:
            continue
        what, collect, matching = kind
        if term.kind not in known:
            known[term.kind] = set(collect(session))
        fits = matching(term.text)
        if not any(map(fits, known[term.kind])):
            lines.append(f"{safe(term.text)}: {what} has been seen yet{_advice(term, known)}")
    return lines


def _advice(term: Term, known: dict[TermKind, set[str]]) -> str:
    from yext.conf.options import nearest

    candidates = known[term.kind]
    if term.kind is TermKind.NAME:
        candidates = candidates | set(WORDS)
    elif term.kind is TermKind.PARAM and term.text in _WORDS_FOR:
        return f". Did you mean: {_WORDS_FOR[term.text]}"
    near = nearest(term.text.strip("*?"), sorted(candidates))
    return f". Did you mean: {', '.join(map(safe, near))}" if near else ""


def _names(session: Session) -> Iterator[str]:
    """The names of messages that are well known, handled, watched or recorded."""
    from yext.console.replies.trace import KEY_PARAMETERS

    yield from KEY_PARAMETERS
    yield from message_names(session)
    yield from (journey.name for journey in session.flow.recorded())


def _params(session: Session) -> Iterator[str]:
    """The names of parameters that are well known, filtered by, or recorded."""
    from yext.console.replies.trace import KEY_PARAMETERS

    for keys in KEY_PARAMETERS.values():
        yield from keys
    yield from (handler.filter_name for handler in session.engine.dispatcher.handlers())
    for journey in session.flow.recent(_RECENT):
        yield from journey.params
        yield from journey.after


def _handlers(session: Session) -> Iterator[str]:
    """The handlers there are or were, and all programs, which may become some."""
    for module in modules_of(session.engine):
        yield from (program.label for program in module.programs())
    yield from (handler.owner for handler in session.engine.dispatcher.handlers())
    for journey in session.flow.recent(_RECENT):
        yield from (step.owner for step in journey.steps)


def _senders(session: Session) -> Iterator[str]:
    """The senders of recorded messages, and who else may send some."""
    yield from _handlers(session)
    yield from (label for _, label in session.engine.dispatcher.watch_names())
    yield from (session.label, "engine")
    yield from (journey.sender for journey in session.flow.recent(_RECENT))


_Kind = tuple[str, Callable[[Session], Iterator[str]], Callable[[str], Callable[[str], object]]]
"""What is said of one nobody has seen, what collects those that are known, what matches one."""

_KINDS: Final[dict[TermKind, _Kind]] = {
    TermKind.NAME: ("no message of that name", _names, wildcard),
    TermKind.PARAM: ("no parameter of that name", _params, wildcard),
    TermKind.SENDER: ("no sender of that name", _senders, labelled),
    TermKind.HANDLER: ("no handler of that name", _handlers, labelled),
}
