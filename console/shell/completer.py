"""Completion of the line being typed: asked of the link, never in the way of a keystroke."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from console.link import Link, Word

_NO_BLANK_AFTER = ("=", "/", ":")
"""A word that ends so is not finished, so no blank follows it."""


class LinkCompleter(Completer):
    """Offers what the link knows: words that begin as typed, else those that it is found in,
    else those that would follow if the words before were written out: ``sta ov``.

    The link is asked in the background, so a handler on the bus that does not answer delays
    only the list. Whatever goes wrong there, nothing is offered.
    """

    def __init__(self, link: Link) -> None:
        self._link = link

    def get_completions(self, document: Document, event: CompleteEvent) -> Iterable[Completion]:
        """Nothing: everything known is on the other side of the link."""
        return ()

    async def get_completions_async(
        self, document: Document, event: CompleteEvent
    ) -> AsyncGenerator[Completion, None]:
        line = document.text_before_cursor.lstrip()
        before, blank, typed = line.rpartition(" ")
        words = await self._found(line)
        replaced, start = len(typed), ""
        if not words and blank:
            start = await self._written_out(before)
            replaced = len(line)
            words = await self._found(start + typed) if start.split() != before.split() else []
        after = " " if len(words) == 1 and not words[0].text.endswith(_NO_BLANK_AFTER) else ""
        for word in words:
            yield Completion(
                start + word.text + after,
                -replaced,
                display=word.text,
                display_meta=word.description,
            )

    async def _found(self, line: str) -> list[Word]:
        """What may stand in place of the last word of `line`."""
        typed = line.rpartition(" ")[2]
        words = await self._link.complete(line)
        if not words and typed:
            words = fuzzy(typed, await self._link.complete(line[: -len(typed)]))
        return words

    async def _written_out(self, line: str) -> str:
        """The words of `line`, in full where only one can be meant, and a blank after each."""
        written = ""
        for typed in line.split():
            meant = [word.text for word in await self._found(written + typed)]
            written += f"{meant[0] if len(meant) == 1 else typed} "
        return written


def fuzzy(typed: str, words: Iterable[Word]) -> list[Word]:
    """The words that have the typed characters in that order, the closest together first."""
    found = [(spread, word) for word in words if (spread := _spread(typed, word.text)) is not None]
    return [word for _, word in sorted(found, key=lambda one: (one[0], one[1].text))]


def _spread(typed: str, text: str) -> int | None:
    """How many characters of `text` the typed ones are spread over, None if it lacks one."""
    text = text.lower()
    first = at = text.find(typed[0].lower())
    if first < 0:
        return None
    for character in typed[1:].lower():
        at = text.find(character, at + 1)
        if at < 0:
            return None
    return at - first
