"""The answers to a script's own messages, served from the record."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Sequence
from itertools import islice, takewhile
from typing import Final

from yext.message import Message
from yext.record.journey import Journey, changes
from yext.replay.difference import Ids, SentPair, State

_LOOKED_AT: Final = 500
"""How many recorded messages of a name are looked at for one: the next ones in their order."""


class Served:
    """The messages in a record that a script may send.

    Args:
        sent: those that it has sent, in order.
        others: those that may be looked up if the record does not say who sent what.
        ids: the ids that the script has made up.
    """

    def __init__(self, sent: Sequence[Journey], others: Sequence[Journey], ids: Ids) -> None:
        self._ids = ids
        self._by_name: dict[str, OrderedDict[int, Journey]] = {}
        # An ordered dictionary does not pass over what was removed at its front.
        self._left: OrderedDict[int, Journey] = OrderedDict()
        self._guess = not sent
        for journey in sent or others:
            self._by_name.setdefault(journey.name, OrderedDict())[journey.number] = journey
            if not self._guess:
                self._left[journey.number] = journey

    def answer(
        self, message: Message, handling: Collection[int]
    ) -> tuple[bool, SentPair, Journey | None]:
        """Answer a message as the record has it.

        Args:
            message: the message, which is changed.
            handling: the numbers of the recorded messages that the script is handling.

        Returns:
            Whether it is handled, the message beside the recorded one, and the recorded one.
        """
        came = State(message.name, message.retvalue, dict(message.params))
        state = self._ids.recorded(came)
        found = self._find(state, handling)
        if found is None:
            return False, SentPair(None, state), None
        self._ids.learn(found.params, state.params, "id")
        state = self._ids.recorded(came)
        for change in changes(found.params, found.after):
            if change.after is None:
                message.params.pop(change.name, None)
            else:
                message[change.name] = self._ids.learned.get(change.after, change.after)
        message.name = found.renamed or message.name
        message.retvalue = found.retvalue
        return found.handled, SentPair(_state(found), state), found

    def _find(self, state: State, handling: Collection[int]) -> Journey | None:
        """Take out the recorded message that is most like one.

        Best is one that was sent while one of those in hand was handled, then one that was sent
        while none was. Any other counts only if it is equal.
        """
        left = self._by_name.get(state.name, OrderedDict())
        best, most = None, (-1, -1)
        for journey in islice(left.values(), _LOOKED_AT):
            near = 2 if journey.parent in handling else int(not journey.parent)
            alike = sum(journey.params.get(name) == value for name, value in state.params.items())
            equal = dict(journey.params) == state.params
            if (near or equal) and (near + 3 * equal, alike) > most:
                best, most = journey, (near + 3 * equal, alike)
        if best is not None and not self._guess:
            del left[best.number], self._left[best.number]
        return best

    def due(self, when: float) -> set[int]:
        """Return the numbers of the messages that were sent before `when` and are not sent yet."""
        return {one.number for one in takewhile(lambda one: one.when < when, self._left.values())}

    def not_sent(self) -> dict[int, list[SentPair]]:
        """Return what was not sent again, by the number of the message that was handled then."""
        found: dict[int, list[SentPair]] = {}
        for journey in self._left.values():
            found.setdefault(journey.parent, []).append(SentPair(_state(journey), None))
        return found


def _state(journey: Journey) -> State:
    return State(journey.name, journey.first_retvalue or "", dict(journey.params))
