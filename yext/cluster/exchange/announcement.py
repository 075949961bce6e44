"""What a node tells others about itself: its handlers that they may ask, and what it watches.

An announcement is a JSON object. What another node says is checked before anything else is done
with it: kinds, numbers and lengths are bounded.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from yext.cluster.limits import HANDLERS_MAX, TEXT_MAX, WATCHES_MAX
from yext.errors import NodeError

Key = tuple[str, int, str, str, str]
"""What makes handlers on several nodes the same: name, priority, filter, script."""


class Offer(NamedTuple):
    """A handler that other nodes may ask.

    Attributes:
        number: its number on its node, which is not given to another one.
        name: the message name.
        priority: its priority, as an unsigned number.
        filter_name, filter_value: its filter, an empty name for none.
        script: its name in the message flow.
    """

    number: int
    name: str
    priority: int
    filter_name: str
    filter_value: str
    script: str

    @property
    def key(self) -> Key:
        """What is the same for the same script on another node."""
        return self[1:]


class Announcement(NamedTuple):
    """The announcement of a node.

    Attributes:
        instance: a random text that is another one at each start of the node.
        revision: a number that grows with each change.
        offers: the handlers that others may ask.
        watches: the names of the messages that it watches, an empty one for all.
        follows: whether it follows the journeys of others.
    """

    instance: str
    revision: int
    offers: tuple[Offer, ...] = ()
    watches: tuple[str, ...] = ()
    follows: bool = False

    def encode(self) -> str:
        """Return it as the text of a frame, ASCII without line ends."""
        return json.dumps(self._asdict(), separators=(",", ":"))


def decode(text: str) -> Announcement:
    """Return the announcement that a frame holds.

    Raises:
        NodeError: it is no announcement, or not within the bounds.
    """
    found = load(text)
    try:
        offers, watches = found["offers"], found["watches"]
        if not isinstance(offers, list) or not isinstance(watches, list):
            raise NodeError("its announcement makes no sense")
        if len(offers) > HANDLERS_MAX:
            raise NodeError(f"it announces {len(offers):,} handlers, of at most {HANDLERS_MAX:,}")
        if len(watches) > WATCHES_MAX:
            raise NodeError(f"it watches {len(watches):,} names, of at most {WATCHES_MAX:,}")
        return Announcement(
            checked(found["instance"]),
            _number(found["revision"]),
            tuple(map(_offer, offers)),
            tuple(map(checked, watches)),
            found["follows"] is True,
        )
    except (KeyError, TypeError, ValueError):
        raise NodeError("its announcement makes no sense") from None


def load(text: str) -> dict[str, Any]:
    """Return the JSON object that a frame holds.

    Raises:
        NodeError: it is none.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise NodeError("a frame is no JSON") from None
    if not isinstance(found, dict):
        raise NodeError("a frame is no JSON object")
    return found


def checked(value: object, most: int = TEXT_MAX) -> str:
    """Return a text of bounded length.

    Raises:
        NodeError: it is something else, or too long.
    """
    if not isinstance(value, str) or len(value) > most:
        raise NodeError(f"a text in a frame is none, or has more than {most} characters")
    return value


def _offer(row: Any) -> Offer:
    number, name, priority, filter_name, filter_value, script = row
    texts = (checked(name), checked(filter_name), checked(filter_value), checked(script))
    return Offer(_number(number), texts[0], _number(priority), *texts[1:])


def _number(value: object) -> int:
    if type(value) is not int or not 0 <= value <= 0xFFFFFFFF:
        raise NodeError("a number in a frame is none of 32 bits")
    return value
