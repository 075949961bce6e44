"""Completion of the line being typed, by the link and without delaying a keystroke."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from yext.console.link import Link, Word
from yext.console.replies.helplist import ORDER
from yext.log import is_safe, safe

_UNFINISHED = ("=", "/", ":")
"""Ends of words that are to be continued, so that no blank follows them."""


class LinkCompleter(Completer):
    """Completes from the words of a link.

    Offered are words that begin with what is typed, else words that contain it (`fuzzy`), else
    words that would follow if those before were completed: ``sta ov``. The link is asked in
    the background, so a handler on the bus that does not answer delays nothing but the list.
    Words come from scripts and remote engines: one that is not safe on a terminal is not offered.
    """

    def __init__(self, link: Link) -> None:
        self._link = link

    def get_completions(self, document: Document, event: CompleteEvent) -> Iterable[Completion]:
        """Return nothing: completions come from the link, asynchronously."""
        return ()

    async def get_completions_async(
        self, document: Document, event: CompleteEvent
    ) -> AsyncGenerator[Completion, None]:
        line = document.text_before_cursor.lstrip()
        before, blank, typed = line.rpartition(" ")
        words = await self._found(line)
        if not line:
            words.sort(key=_rank)  # What one came for comes first, as in help.
        replaced, start = len(typed), ""
        if not words and blank:
            start = await self._completed(before)
            replaced = len(line)
            words = await self._found(start + typed) if start.split() != before.split() else []
        after = " " if len(words) == 1 and not words[0].text.endswith(_UNFINISHED) else ""
        for word in words:
            yield Completion(
                start + word.text + after,
                -replaced,
                display=word.text,
                display_meta=safe(word.description),
            )

    async def _found(self, line: str) -> list[Word]:
        """Return the words that may replace the last word of `line`."""
        typed = line.rpartition(" ")[2]
        words = await self._complete(line)
        if not words and typed:
            words = fuzzy(typed, await self._complete(line[: -len(typed)]))
        return words

    async def _complete(self, line: str) -> list[Word]:
        return [word for word in await self._link.complete(line) if is_safe(word.text)]

    async def _completed(self, line: str) -> str:
        """Return `line` with each unambiguous word completed, and a blank at its end."""
        written = ""
        for typed in line.split():
            found = await self._found(written + typed)
            written += f"{found[0].text if len(found) == 1 else typed} "
        return written


def _rank(word: Word) -> int:
    return ORDER.get(word.text, len(ORDER))


def fuzzy(typed: str, words: Iterable[Word]) -> list[Word]:
    """Return the words with the typed characters in that order, the closest together first."""
    found = [(spread, word) for word in words if (spread := span_of(typed, word.text)) is not None]
    return [word for _, word in sorted(found, key=lambda pair: (pair[0], pair[1].text))]


def span_of(typed: str, text: str) -> int | None:
    """Return how many characters of `text` the typed ones span, None if one is missing."""
    text = text.lower()
    first = at = text.find(typed[0].lower())
    if first < 0:
        return None
    for character in typed[1:].lower():
        at = text.find(character, at + 1)
        if at < 0:
            return None
    return at - first
