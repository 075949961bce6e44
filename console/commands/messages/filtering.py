"""A filter that an operator gives, or the reply to what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from yext import Reply
from yext.command import EOL
from yext.console.session.session import Session
from yext.errors import FilterError

if TYPE_CHECKING:
    from yext.record.filters import Filter
    from yext.record.terms import Term


def compile_or_refuse(
    session: Session,
    typed: str,
    expression: str,
    refuse: Callable[[Term], str] | None = None,
) -> Filter | Reply:
    """Compile a filter; return the reply to a mistake in it.

    Args:
        typed: what was typed before the filter.
        refuse: returns why a term cannot be used here, empty if it can.
    """
    try:
        found = session.flow.compile(expression)
    except FilterError as error:
        return mistake(typed, error)
    refused = ((term, refuse(term)) for term in found.terms) if refuse is not None else ()
    for term, why in refused:
        if why:
            return mistake(typed, FilterError(expression, term.column, why))
    return found


def mistake(typed: str, error: FilterError) -> Reply:
    """The reply to a mistake in a filter: what was typed before it, the filter, a caret."""
    shown = "".join(char if char.isprintable() else "?" for char in error.expression)
    caret = " " * (len(typed) + error.column)
    return Reply(
        False,
        f"{typed}{shown}{EOL}{caret}^ {error.text}{EOL}",
        {"reason": error.text, "column": str(error.column + 1)},
    )
