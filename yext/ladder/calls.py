"""The messages of a call, found in a record by what they carry.

Messages of one call carry its ``billid``, or the id of one of its channels as ``id``, ``targetid``,
``peerid`` or ``notify`` (Yate's docs/messages). Channels that were connected are one call.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from yext.record.journey import Journey

CHANNEL_PARAMETERS: Final = ("id", "targetid", "peerid", "notify")
"""The parameters that name a channel."""

_FAMILIES: Final = ("call.", "chan.")
"""The beginnings of the names of messages whose ``id`` is that of a channel."""

_PLACEHOLDER: Final = re.compile(r"ExtModule(/\d+)?", re.ASCII)
"""The id of any script's channel until ``setlocal:id``: it does not distinguish them."""

_SCRIPT_CALL: Final = re.compile(r"external/[^/]*/([^ ]*)(.*)", re.DOTALL)


@dataclass(slots=True)
class Call:
    """The messages of one call.

    Attributes:
        messages: in the order in which they began.
        ids: the ids that they carry: channels and ``billid``.
        unsure: the number of messages that may belong to it or to another call of the same
            script: they carry no id.
    """

    messages: list[Journey] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)
    unsure: int = 0


def script_called(journey: Journey) -> str:
    """Return the label of the script that a ``call.execute`` is for, empty for another message."""
    if "call.execute" not in (journey.name, journey.renamed):
        return ""
    if journey.handled_by not in ("", "extmodule"):
        return ""  # Another module has made a channel first, which calls the script then.
    found = _SCRIPT_CALL.fullmatch(journey.after.get("callto") or journey.params.get("callto", ""))
    return f"{found[1]} {found[2].strip()}".rstrip() if found is not None else ""


def channels_of(journeys: Iterable[Journey]) -> set[str]:
    """Return the ids of all channels that messages about calls and channels name."""
    found: set[str] = set()
    for journey in journeys:
        if not journey.name.startswith(_FAMILIES):
            continue
        for params in _ends(journey):
            found.update(params.get(name, "") for name in ("id", "targetid", "peerid"))
    return {one for one in found if one and _PLACEHOLDER.fullmatch(one) is None}


def ids_of(journey: Journey) -> set[str]:
    """Return the ids that a message carries, as far as they distinguish calls."""
    found = {
        params.get(name, "")
        for params in _ends(journey)
        for name in ("billid", *CHANNEL_PARAMETERS)
    }
    return {one for one in found if one and _PLACEHOLDER.fullmatch(one) is None}


def calls_of(journeys: Sequence[Journey]) -> list[Call]:
    """Sort messages into calls; those that belong to none are left out.

    Returns:
        The calls in the order in which they began.
    """
    # Of a Yate they are numbered by their ends.
    ordered = sorted(journeys, key=lambda journey: (journey.when, journey.number))
    groups = _Groups()
    channels = channels_of(ordered)
    for journey in ordered:
        for key in _keys(journey, channels):
            groups.join(f"#{journey.number}", key)
        if journey.parent and journey.name not in _OPERATORS:
            groups.nested(journey.number, journey.parent)
    _join_scripts(ordered, groups)
    return _gathered(ordered, groups, channels)


def find_call(calls: Iterable[Call], wanted: str) -> Call | None:
    """Return the call that has a message with the number or the id `wanted`, None without one.

    Args:
        calls: from `calls_of`.
        wanted: ``418`` or ``#418``, or the id of a channel, or a ``billid``.
    """
    digits = wanted.removeprefix("#")
    number = int(digits) if digits.isdecimal() and len(digits) < 20 else 0
    for call in calls:
        if wanted in call.ids:
            return call
        if number and any(one.number == number for one in call.messages):
            return call
    return None


_OPERATORS: Final = ("engine.command", "engine.help", "engine.status")
"""Messages of operators, which are no part of a call that their commands make."""


def _ends(journey: Journey) -> tuple[Mapping[str, str], ...]:
    """The parameters at the start and at the end, once if they are the same."""
    before, after = journey.params, journey.after
    return (before,) if before is after else (before, after)


def _keys(journey: Journey, channels: set[str]) -> Iterator[str]:
    """The ids in a message; those of channels begin with ``c``, a ``billid`` with ``b``."""
    for params in _ends(journey):
        if billid := params.get("billid"):
            yield f"b{billid}"
        for name in CHANNEL_PARAMETERS:
            if (value := params.get(name, "")) in channels:
                yield f"c{value}"


class _Groups:
    """Messages and ids that belong together, as a forest of sets."""

    def __init__(self) -> None:
        self._above: dict[str, str] = {}
        self.unsure: dict[str, int] = {}
        self._nested: list[tuple[str, str]] = []

    def root(self, key: str) -> str:
        """Return the key that stands for the set that `key` is in."""
        found = key
        while (above := self._above.get(found, found)) != found:
            found = above
        while key != found:
            key, self._above[key] = self._above.get(key, found), found
        return found

    def known(self, key: str) -> bool:
        """Whether `key` was joined with anything."""
        return key in self._above

    def join(self, one: str, other: str) -> None:
        """Note that two keys belong together."""
        self._above.setdefault(one, one)
        self._above.setdefault(other, other)
        self._above[self.root(one)] = self.root(other)

    def nested(self, number: int, parent: int) -> None:
        """Note that a message was sent while another was handled, for `join_nested`."""
        self._nested.append((f"#{number}", f"#{parent}"))

    def join_nested(self) -> None:
        """Join messages that belong to nothing with those that they are nested in."""
        for number, parent in self._nested:
            if self.known(parent) and not self.known(number):
                self.join(number, parent)


class _UnderWay:
    """The calls of one script that are under way, by the keys of their groups.

    A message that may belong to any of several is counted once for all of them: a call that ends
    has been uncertain about those that came since it began.
    """

    def __init__(self, unsure: dict[str, int]) -> None:
        self._unsure = unsure
        self._calls: dict[str, str] = {}
        self._messages: dict[str, int] = {}
        self._begun_at: dict[str, int] = {}
        self._count = 0

    def begin(self, message: str, call: str) -> None:
        """Note that a message has begun a part of the call."""
        self._calls[message] = call
        self._messages[call] = self._messages.get(call, 0) + 1
        self._begun_at.setdefault(call, self._count)

    def end(self, message: str) -> None:
        """Note that what the message has begun is over."""
        call = self._calls.pop(message, None)
        if call is None:
            return
        self._messages[call] -= 1
        if not self._messages[call]:
            del self._messages[call]
            self._settle(call)

    def end_all(self) -> None:
        """Note that there are no more messages."""
        for call in list(self._begun_at):
            self._settle(call)

    def only(self) -> str:
        """Return the call if there is one alone; empty if there is none or they are several."""
        return next(iter(self._messages)) if len(self._messages) == 1 else ""

    def count(self) -> None:
        """Count a message that may belong to any of them."""
        self._count += bool(self._messages)

    def _settle(self, call: str) -> None:
        came = self._count - self._begun_at.pop(call)
        if came:
            self._unsure[call] = self._unsure.get(call, 0) + came


def _join_scripts(ordered: Iterable[Journey], groups: _Groups) -> None:
    """Join messages without an id with the call that their sender was started for.

    Several calls of scripts with the same name at once cannot be distinguished.
    """
    under_way: dict[str, _UnderWay] = {}
    ends: dict[str, list[tuple[str, str]]] = {}
    for journey in ordered:
        own = f"#{journey.number}"
        known = groups.known(own)
        script = script_called(journey)
        if script and journey.handled and known:
            calls = under_way.setdefault(script, _UnderWay(groups.unsure))
            calls.begin(own, groups.root(own))
            for params in _ends(journey):
                for name in ("id", "targetid"):
                    ends.setdefault(params.get(name, ""), []).append((script, own))
        elif journey.name == "chan.hangup":
            for called, number in ends.pop(journey.params.get("id", ""), ()):
                under_way[called].end(number)
        running = under_way.get(journey.sender)
        if known or running is None:
            continue
        if only := running.only():
            groups.join(own, only)
        else:
            running.count()
    for calls in under_way.values():
        calls.end_all()
    groups.join_nested()


def _gathered(ordered: Iterable[Journey], groups: _Groups, channels: set[str]) -> list[Call]:
    calls: dict[str, Call] = {}
    for journey in ordered:
        own = f"#{journey.number}"
        if not groups.known(own):
            continue
        call = calls.setdefault(groups.root(own), Call())
        call.messages.append(journey)
        call.ids.update(key[1:] for key in _keys(journey, channels))
    for key, count in groups.unsure.items():
        if (found := calls.get(groups.root(key))) is not None:
            found.unsure += count
    return list(calls.values())
