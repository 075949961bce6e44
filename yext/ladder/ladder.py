"""The ladder of a call: its messages as arrows between its participants, in the order of time.

The participants are the channel that the call began with, the engine, and each script, channel
and operator that had a part in it. A channel that a script is stands under the script's name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from yext.ladder.calls import Call, channels_of, script_called
from yext.record.journey import FAILED_RESULTS, Journey, Outcome, Step, StepResult

ENGINE: Final = "engine"
"""The participant that the engine and its modules are."""

MOST_PARTICIPANTS: Final = 24
"""The most participants; further ones stand under `OTHERS` together."""

OTHERS: Final = "others"

BOOKKEEPING: Final = ("call.cdr",)
"""Messages that report about a call and are no part of it; they are counted, not drawn."""

DIRECTED: Final[Mapping[str, tuple[str, ...]]] = {
    "call.answered": ("targetid", "peerid"),
    "call.drop": ("id",),
    "call.progress": ("targetid", "peerid"),
    "call.ringing": ("targetid", "peerid"),
    "call.update": ("targetid", "id"),
    "chan.attach": ("id",),
    "chan.connect": ("id",),
    "chan.control": ("targetid", "id"),
    "chan.dtmf": ("targetid", "peerid"),
    "chan.masquerade": ("id",),
    "chan.notify": ("targetid",),
    "chan.record": ("id",),
    "chan.text": ("targetid", "peerid"),
}
"""The parameters that name the channel that a message is for (Yate's docs/messages)."""

FROM_CHANNEL: Final = frozenset(
    {
        "call.answered",
        "call.execute",
        "call.preroute",
        "call.progress",
        "call.ringing",
        "call.route",
        "call.update",
        "chan.connected",
        "chan.disconnected",
        "chan.dtmf",
        "chan.hangup",
        "chan.notify",
        "chan.operation",
        "chan.startup",
        "chan.text",
    }
)
"""Messages that the engine sends for the channel of their ``id``."""

DETAILS: Final[Mapping[str, tuple[str, ...]]] = {
    "call.drop": ("reason",),
    "call.execute": ("callto",),
    "call.route": ("called",),
    "call.preroute": ("called",),
    "chan.attach": ("source", "consumer", "replace", "override"),
    "chan.connect": ("targetid",),
    "chan.connected": ("peerid",),
    "chan.control": ("operation",),
    "chan.disconnected": ("reason",),
    "chan.dtmf": ("text",),
    "chan.hangup": ("reason",),
    "chan.masquerade": ("message",),
    "chan.notify": ("event",),
    "chan.text": ("text",),
}
"""The parameters whose values an arrow shows."""

_NOT_IN_A_NAME: Final = frozenset("./: ")
"""Characters that a script's or peer's label may have, and the name of a module has not."""

_SENT_BY_OWNER: Final = (
    "call.answered",
    "call.execute",
    "call.progress",
    "call.ringing",
    "chan.startup",
)
"""Messages of a script whose ``id`` is that of its own channel."""

_OTHER_END: Final = ("targetid", "peerid", "lastpeerid")
"""The parameters that name the channel at the other end of one that ends."""

_CONNECTED: Final = ("targetid", "peerid")
"""The parameters of a handled ``call.execute`` that name the channel at the other end."""

_ENDS_AUDIO: Final = ("chan.hangup", "chan.disconnected")


@dataclass(slots=True)
class Participant:
    """One that sends or gets messages of a call.

    Attributes:
        label: the script's label, the channel's id, or `ENGINE`.
        channels: the ids of the channels that it is.
    """

    label: str
    channels: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Arrow:
    """A message on its way from one participant to another.

    Attributes:
        number: the number of the message in the record.
        when: its start, in seconds since 1970.
        source, target: the places of its participants in the ladder; the same for a message
            that a participant sends to itself.
        name: the message's name, at its end if a handler has changed it.
        detail: what it is about: a digit, a reason, a source of audio.
        outcome: how it ended there.
        by: the handler that handled it, or failed to; empty for none.
        answer: its return value, empty for none.
        took: seconds until the answer.
        asked: True for the arrow to a further handler of the message of an arrow before.
    """

    number: int
    when: float
    source: int
    target: int
    name: str
    detail: str
    outcome: Outcome
    by: str
    answer: str
    took: float
    asked: bool = False


@dataclass(slots=True)
class Audio:
    """A source of audio that is attached to a participant's channel.

    Attributes:
        participant: its place in the ladder.
        first, last: the arrow that attached it, and the one that ended it; the number of arrows
            if none did.
        source: its name.
    """

    participant: int
    first: int
    last: int
    source: str


@dataclass(slots=True)
class Ladder:
    """A call as it is drawn.

    Attributes:
        participants: from left to right.
        arrows: from top to bottom.
        audio: the sources of audio, in the order in which they were attached.
        left_out: how many messages of which name are not drawn.
        unsure: as of `yext.ladder.calls.Call`.
    """

    participants: list[Participant] = field(default_factory=list)
    arrows: list[Arrow] = field(default_factory=list)
    audio: list[Audio] = field(default_factory=list)
    left_out: dict[str, int] = field(default_factory=dict)
    unsure: int = 0


_OUTCOMES: Final[Mapping[StepResult, Outcome]] = {
    StepResult.HANDLED: Outcome.HANDLED,
    StepResult.TIMED_OUT: Outcome.TIMED_OUT,
    StepResult.LATE: Outcome.LATE,
    StepResult.GONE: Outcome.GONE,
}
"""The outcomes of handlers that an arrow is drawn to."""


def ladder_of(call: Call) -> Ladder:
    """Make the ladder of a call."""
    drawn = [journey for journey in call.messages if journey.name not in BOOKKEEPING]
    maker = _Maker(drawn)
    for journey in drawn:
        maker.add(journey)
    ladder = maker.ladder
    for audio in ladder.audio:
        audio.last = len(ladder.arrows) if audio.last < 0 else audio.last
    for journey in call.messages:
        if journey.name in BOOKKEEPING:
            ladder.left_out[journey.name] = ladder.left_out.get(journey.name, 0) + 1
    ladder.unsure = call.unsure
    return ladder


class _Maker:
    """Adds the messages of a call to a ladder, one after the other."""

    def __init__(self, journeys: list[Journey]) -> None:
        self.ladder = Ladder()
        self._channels = channels_of(journeys)
        self._scripts: dict[str, str] = {}
        self._peers: set[str] = set()
        self._places: dict[str, int] = {}
        self._playing: dict[int, Audio] = {}
        # Of a script's channel the engine reports nothing but its end.
        engines = {
            one.params.get("id", "")
            for one in journeys
            if one.sender == ENGINE and one.name != "chan.disconnected"
        }
        for journey in journeys:
            self._learn(journey, engines)
        self._begin(journeys)

    def _learn(self, journey: Journey, engines: set[str]) -> None:
        """Note who is a peer, and which channels a script is.

        Args:
            engines: the ids of channels that the engine has sent messages for.
        """
        script = script_called(journey)
        if script:
            self._peers.add(script)
            if (channel := journey.after.get("targetid")) in self._channels:
                self._scripts.setdefault(channel, script)
        for label in (journey.sender, *(step.owner for step in journey.steps)):
            if label != ENGINE and not _NOT_IN_A_NAME.isdisjoint(label):
                self._peers.add(label)
        if journey.sender not in ("", "?", ENGINE):
            self._peers.add(journey.sender)
            own = journey.params.get("id", "")
            if own in self._channels - engines and journey.name in _SENT_BY_OWNER:
                self._scripts.setdefault(own, journey.sender)

    def _begin(self, journeys: Iterable[Journey]) -> None:
        """The channel that the call began with is on the left, the engine beside it."""
        for journey in journeys:
            origin = self._origin(journey)
            if origin in self._channels and origin not in self._scripts:
                self._place(origin)
                break
        self._place(ENGINE)

    def _place(self, label: str) -> int:
        """The place of a participant, which is made if there is none."""
        script = self._scripts.get(label)
        place = self._places.get(script or label)
        if place is None and len(self._places) >= MOST_PARTICIPANTS and label != OTHERS:
            return self._place(OTHERS)
        if place is None:
            place = self._places[script or label] = len(self.ladder.participants)
            is_channel = label in self._channels
            self.ladder.participants.append(
                Participant(script or label, [label] if is_channel else [])
            )
        elif script is not None:
            channels = self.ladder.participants[place].channels
            if label not in channels:
                channels.append(label)
        return place

    def _origin(self, journey: Journey) -> str:
        """The label of the participant that sent a message."""
        if journey.sender not in ("", "?", ENGINE):
            return journey.sender
        own = journey.params.get("id", "")
        name = journey.renamed or journey.name
        return own if own in self._channels and name in FROM_CHANNEL else ENGINE

    def add(self, journey: Journey) -> None:
        """Add the arrows of a message."""
        source = self._place(self._origin(journey))
        target, step = self._target(journey, source)
        self._audio(journey, source)
        arrows = self.ladder.arrows
        name = journey.renamed or journey.name
        answer = journey.retvalue
        arrows.append(
            Arrow(
                journey.number, journey.when, source, target, name, _detail(journey),
                journey.outcome, journey.by, answer, journey.took,
            )
        )  # fmt: skip
        for other in journey.steps:
            if other is not step and other.owner in self._peers and other.result in _OUTCOMES:
                arrows.append(
                    Arrow(
                        journey.number, journey.when, self._place(ENGINE),
                        self._place(other.owner), name, "", _OUTCOMES[other.result], other.owner,
                        other.retvalue or "", other.took, asked=True,
                    )
                )  # fmt: skip

    def _target(self, journey: Journey, source: int) -> tuple[int, Step | None]:
        """The participant that a message reached, and the handler that it is drawn as."""
        step = _deciding(journey, self._peers)
        for param in DIRECTED.get(journey.renamed or journey.name, ()):
            channel = journey.params.get(param, "")
            if channel in self._channels and self._place(channel) != source:
                place = self._place(channel)
                same = step is not None and self._place(step.owner) == place
                return place, step if same else None
        if script := script_called(journey):
            place = self._place(script)
            if (channel := journey.after.get("targetid", "")) in self._channels:
                place = self._place(channel)
            return place, step if step is not None and step.owner == script else None
        if step is not None:
            return self._place(step.owner), step
        if journey.name == "call.execute" and journey.handled:
            # The channel that was made for the call, or the one that it was connected with.
            made = journey.after.get("id", "") if "id" not in journey.params else ""
            for channel in (made, *(journey.after.get(name, "") for name in _CONNECTED)):
                if channel in self._channels:
                    return self._place(channel), None
        return self._place(ENGINE), None

    def _audio(self, journey: Journey, source: int) -> None:
        """Begin and end the bars of audio that a message attaches."""
        at = len(self.ladder.arrows)
        own = journey.params.get("id", "")
        place = self._place(own) if own in self._channels else source
        if journey.name in _ENDS_AUDIO:
            self._end_audio(place, at)
            for param in _OTHER_END:
                if (channel := journey.params.get(param, "")) in self._channels:
                    self._end_audio(self._place(channel), at)
        if journey.name != "chan.attach" or not (name := journey.params.get("source")):
            return
        # Yate removes the parameter of what was attached; the message may be handled or not.
        if journey.handled or "source" not in journey.after:
            self._end_audio(place, at)
            if not name.endswith("/-"):
                self._playing[place] = Audio(place, at, -1, name)
                self.ladder.audio.append(self._playing[place])

    def _end_audio(self, place: int, at: int) -> None:
        playing = self._playing.pop(place, None)
        if playing is not None:
            playing.last = at


def _deciding(journey: Journey, peers: set[str]) -> Step | None:
    """The script that handled a message, or else the last one that failed to."""
    asked = [step for step in journey.steps if step.owner in peers]
    handled = [step for step in asked if step.result is StepResult.HANDLED]
    failed = [step for step in asked if step.result in FAILED_RESULTS]
    if journey.handled:
        return handled[0] if handled else None
    return failed[-1] if failed else None


def _detail(journey: Journey) -> str:
    """What a message is about."""
    names = DETAILS.get(journey.renamed or journey.name, ())
    return next((value for name in names if (value := journey.params.get(name))), "")
