"""Give a script what another version of it got."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Coroutine, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from yext.commander import EMBEDDER
from yext.dispatcher import PENDING, Dispatch, NoAnswer
from yext.errors import StartError, YextError
from yext.extmodule.module import ExtModule
from yext.message import Message
from yext.record.journey import Journey, StepResult
from yext.replay.difference import Difference, Ids, Part, Replayed, State, compare, outcome_of
from yext.replay.engine import ReplayEngine
from yext.replay.plan import Given, Plan, Way, make_plan, named
from yext.replay.served import Served

if TYPE_CHECKING:
    from yext.extmodule.peer.peer import Peer
    from yext.extmodule.script.script import Script

READY_SECONDS: Final = 10.0
"""How long the script may take until it is ready."""

LACK_SECONDS: Final = 1.0
"""How long a message is held back for what the script has done before it in the record: a message
of its own, a handler. It may have been dropped on purpose; it is waited for once."""

QUIET_SECONDS: Final = 0.05
"""How long the script must send nothing more after the last message."""

END_SECONDS: Final = 2.0
"""How long a script may take to end that has closed its output."""

_MOST_LABELS: Final = 20
"""Names that an error offers for the one that is not in the record."""

NEVER: Final = float("inf")

_MISSED = {
    NoAnswer.TIMED_OUT: StepResult.TIMED_OUT,
    NoAnswer.GONE: StepResult.GONE,
}


class ReplayError(YextError):
    """A replay is not possible; the text says why, in one or several lines."""


class Wanted(NamedTuple):
    """What is replayed.

    Attributes:
        script: the program.
        parameter: its parameter, empty for none.
        label: the name that it has in the record.
    """

    script: str
    parameter: str
    label: str


class Replay(NamedTuple):
    """The result of a replay.

    Attributes:
        messages: what came of each message; the first one is what the script did by itself.
        by_name: True if the record does not say which messages the script got.
        ids: the ids that the script has made up, by those in the record.
        error: why the replay ended before its end, a line each; empty if it did not.
    """

    messages: Sequence[Replayed]
    by_name: bool
    ids: Mapping[str, str]
    error: tuple[str, ...]

    @property
    def same(self) -> bool:
        """Whether everything is as in the record."""
        return not self.error and all(one.same for one in self.messages)


async def replay(journeys: Sequence[Journey], wanted: Wanted) -> Replay:
    """Give a script the messages that another version of it got, and compare what comes.

    Raises:
        ReplayError: it got none, or the script does not start.
    """
    plan = make_plan(journeys, wanted.label)
    with tempfile.TemporaryDirectory(prefix="yext-replay-") as folder:
        script = Path(os.path.abspath(wanted.script))
        text = f"[general]\nscripts_dir={script.parent}/\n"
        Path(folder, "extmodule.conf").write_text(text, errors="surrogateescape")
        run = _Run(plan, wanted._replace(script=script.name))
        engine = ReplayEngine(folder, run.answer)
        async with engine:
            return await run.run(engine)


class _Hook(Dispatch):
    """The dispatch of a message that the script alone is asked in."""

    __slots__ = ("over",)

    def __init__(self, engine: ReplayEngine, message: Message) -> None:
        super().__init__(engine.dispatcher, message, None)
        self.over: asyncio.Future[StepResult] = asyncio.get_running_loop().create_future()

    def answered(self, handled: bool, outcome: NoAnswer | None = None) -> None:
        if not self.over.done():
            passed = StepResult.HANDLED if handled else StepResult.PASSED
            self.over.set_result(passed if outcome is None else _MISSED[outcome])


class _Run:
    """A replay while it goes on."""

    def __init__(self, plan: Plan, wanted: Wanted) -> None:
        self._plan = plan
        self._wanted = wanted
        self._ids = Ids()
        self._served = Served(plan.sent, plan.others, self._ids)
        self._results: dict[int, Replayed] = {}
        self._handling: dict[int, Replayed] = {}
        self._alone = Replayed(None)
        self._given_up: set[int | str] = set()
        self._happened = asyncio.Event()
        self._sent = 0
        self._script: Script | None = None

    async def run(self, engine: ReplayEngine) -> Replay:
        """Give all messages.

        Raises:
            ReplayError: there are none, or the script does not start.
        """
        self._engine = engine
        extmodule = engine.modules["extmodule"]
        assert isinstance(extmodule, ExtModule)
        self._supervisor = extmodule.supervisor
        given = self._plan.given
        if not (given or self._plan.sent or self._plan.by_name):
            raise ReplayError(self._nothing())
        if not given or given[0].way is not Way.CALL:
            await self._start(self._wanted.parameter, settle=True)
        if self._plan.by_name:
            given = self._given_by_name()
            if not given:
                raise ReplayError(self._nothing())
        error = await self._give_all(given)
        await self._quiet()
        for number, pairs in self._served.not_sent().items():
            self._results.get(number, self._alone).sent.extend(pairs)
        results = [self._results[number] for number in sorted(self._results)]
        error = error or await self._failed()
        return Replay([self._alone, *results], self._plan.by_name, self._ids.learned, error)

    async def _give_all(self, given: Sequence[Given]) -> tuple[str, ...]:
        """Give the messages in their order; return why not all of them could be given."""
        waiting: list[tuple[float, asyncio.Task[None]]] = []
        error: tuple[str, ...] = ()
        for one in given:
            # What was answered before this one began is waited for, the rest goes on beside it.
            await _all([task for ends, task in waiting if ends <= one.begins])
            waiting = [(ends, task) for ends, task in waiting if not task.done()]
            await self._lag(one)
            if one.way is Way.CALL:
                await self._start(one.parameter or self._wanted.parameter, settle=False)
            peer = self._peer
            if peer is None:
                error = (
                    *await self._end(),
                    f"not given: #{one.journey.number} and what came after it",
                )
                break
            task = asyncio.get_running_loop().create_task(self._give(one, peer))
            waiting.append((one.ends, task))
        await _all([task for _, task in waiting])
        return error

    # The script

    async def _start(self, parameter: str, *, settle: bool) -> None:
        """Start the script. Raises `ReplayError`."""
        try:
            script = self._supervisor.start_script(self._wanted.script, parameter, EMBEDDER)
        except StartError as error:
            raise ReplayError("\n".join(error.failure.lines())) from None
        self._script, begun = script, script.begun
        assert begun is not None
        if not settle:
            return
        try:
            async with asyncio.timeout(READY_SECONDS):
                await begun.settled()
        except TimeoutError:
            what = f"{script.label} was not ready within {READY_SECONDS:.0f} s"
            raise ReplayError(what) from None
        if begun.over:
            raise ReplayError("\n".join(await self._end()))

    @property
    def _peer(self) -> Peer | None:
        peer = self._script.peer if self._script is not None else None
        return None if peer is None or peer.ended else peer

    async def _failed(self) -> tuple[str, ...]:
        """Return why the script has ended badly, a line each; nothing if it has not."""
        begun = self._script.begun if self._script is not None else None
        if begun is None or self._peer is not None:
            return ()
        try:
            async with asyncio.timeout(END_SECONDS):
                while not begun.over:
                    await begun.changed()
        except TimeoutError:
            pass
        return begun.reason

    async def _end(self) -> tuple[str, ...]:
        """Return how the script has ended, a line each."""
        script, reason = self._script, await self._failed()
        assert script is not None
        return reason or (f"{script.label} has ended, {script.describe_last()}",)

    def _given_by_name(self) -> list[Given]:
        """Choose the messages of a record that does not say who got them: by their names."""
        peer = self._peer
        if peer is None:
            return []
        found = []
        for journey in self._plan.others:
            if _takes(peer, named(journey, Way.HANDLER).before):
                found.append(named(journey, Way.HANDLER))
            elif _watches(peer, journey.name):
                found.append(named(journey, Way.WATCH))
        return found

    def _nothing(self) -> str:
        labels = {step.owner for journey in self._plan.others for step in journey.steps}
        labels |= {journey.sender for journey in self._plan.others}
        known = ", ".join(sorted(labels - {"?", ""})[:_MOST_LABELS]) or "nobody is named there"
        return f"the record has no message that {self._wanted.label} got; --as one of: {known}"

    # Messages to the script

    async def _lag(self, one: Given) -> None:
        """Wait until the script has done what it had done when it got the message."""
        if not self._lacks(one):
            return
        try:
            async with asyncio.timeout(LACK_SECONDS):
                while self._peer is not None and self._lacks(one):
                    self._happened.clear()
                    await _first(self._happened.wait(), self._engine.dispatcher.changed())
        except TimeoutError:
            self._given_up |= self._lacks(one)

    def _lacks(self, one: Given) -> set[int | str]:
        """Return the numbers of its own messages, and the handler, that are still to come."""
        lacks: set[int | str] = set(self._served.due(one.begins))
        before, peer = self._ids.given(one.before), self._peer
        if one.way is Way.HANDLER and peer is not None and not _takes(peer, before):
            lacks.add(before.name)
        return lacks - self._given_up

    async def _give(self, one: Given, peer: Peer) -> None:
        """Give a message to the script, and compare what comes."""
        number, before = one.journey.number, self._ids.given(one.before)
        result = self._results.setdefault(number, Replayed(one.journey))
        message = Message(
            before.name, before.params, retvalue=before.retvalue, time=one.journey.when
        )
        hook = _Hook(self._engine, message)
        if one.way is Way.WATCH:
            hook.handled = one.journey.handled
            if _watches(peer, before.name):
                peer.notice(hook)
            return
        self._handling[number] = result
        if one.way is Way.HANDLER and not _takes(peer, before):
            hook.answered(False)
        elif peer.hand_over(message, hook) is not PENDING:
            hook.answered(False, NoAnswer.GONE)
        outcome = await hook.over
        del self._handling[number]
        after = State(message.name, message.retvalue, dict(message.params))
        if one.way is Way.CALL:
            self._ids.learn(one.after.params, after.params, "targetid")
        result.differences += differences(one, outcome, self._ids.recorded(after))

    async def _quiet(self) -> None:
        """Wait until the script has sent all that it had sent, and nothing more for a moment."""
        try:
            async with asyncio.timeout(LACK_SECONDS):
                while self._peer is not None and self._served.due(NEVER) - self._given_up:
                    self._happened.clear()
                    await _first(self._happened.wait(), self._engine.dispatcher.changed())
        except TimeoutError:
            pass
        before = -1
        while before != self._sent:
            before = self._sent
            await asyncio.sleep(QUIET_SECONDS)

    # Messages from the script

    def answer(self, peer: Peer, dispatch: Dispatch) -> None:
        """Answer a message of the script as the record has it."""
        dispatch.handled, pair, journey = self._served.answer(dispatch.message, self._handling)
        parent = journey.parent if journey is not None else 0
        last = next(reversed(self._handling.values()), self._alone)
        self._handling.get(parent, last).sent.append(pair)
        self._sent += 1
        self._happened.set()


def differences(one: Given, outcome: StepResult, after: State) -> list[Difference]:
    """Return what differs in the script's answer to a message."""
    found = []
    came = outcome_of(outcome)
    if one.result is not None:
        recorded = outcome_of(one.result)
    else:
        # Somebody has handled it, perhaps another one.
        by_others = one.journey.handled and any(
            step.result is StepResult.ASKED for step in one.journey.steps
        )
        recorded = came if by_others else "handled" if one.journey.handled else "not handled"
    if came != recorded:
        found.append(Difference(Part.OUTCOME, "", recorded, came))
    if one.whole or outcome is StepResult.HANDLED or not one.journey.handled:
        found += compare(one.after, after, None if one.whole else one.before)
    return found


def _takes(peer: Peer, message: State) -> bool:
    """Return True if the script has installed a handler that gets a message."""
    relays = peer.subscriptions.relays
    return any(
        not relay.filter_name or message.params.get(relay.filter_name, "") == relay.filter_value
        for name in (message.name, "")
        if (relay := relays.get(name)) is not None
    )


def _watches(peer: Peer, name: str) -> bool:
    return name in peer.subscriptions.watches or "" in peer.subscriptions.watches


async def _all(tasks: Sequence[asyncio.Task[None]]) -> None:
    if tasks:
        await asyncio.gather(*tasks)


async def _first(*waits: Coroutine[Any, Any, Any]) -> None:
    """Wait until one of them is done, and cancel the others."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
