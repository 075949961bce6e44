"""Carry out a transcript on an engine of its own."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from yext import Message, Reply
from yext.console.commands import TABLE
from yext.console.commands.interpreter import Interpreter
from yext.console.replies.reply import explanation
from yext.console.replies.trace import Style, draw_journey
from yext.console.session.session import Session
from yext.console.testrun.result import FileResult, StepResult
from yext.console.testrun.stubs import StubError, Stubs
from yext.console.transcripts.expected import Compared, compare_message, compare_reply
from yext.console.transcripts.format import (
    SETTINGS,
    Step,
    Transcript,
    TranscriptError,
    Word,
    read_transcript,
)
from yext.console.transcripts.outcome import outcome_lines, unchanged_lines
from yext.console.transcripts.values import written_params
from yext.dispatcher import Dispatch
from yext.engine.module import Program, Start, modules_of, starts_of
from yext.errors import YextError
from yext.log import Event, EventKind, safe
from yext.record.journey import Journey
from yext.testing.kit.running import EarlyEndError, RunningEngine, story_of

SECONDS: Final = 10.0
"""How long a script may take until it is ready, and how long `sent` waits."""

COMMAND_SECONDS: Final = 60.0
"""How long a command may take, and a message."""

_SHOWN_MESSAGES: Final = 10
"""Messages of scripts that the failure of a `sent` shows."""

_MOST_SENT: Final = 10_000
"""Messages of scripts that are kept for `sent`."""

_SHOWN_ERRORS: Final = 20
"""Lines on standard error that a failure shows."""

_LABEL: Final = "yext test"
_STYLE: Final = Style(76, unicode=True, color=False)
"""Journeys are indented by four columns, on a terminal of eighty."""


ExitCode = Callable[[Reply], int]
"""Returns the exit code of `yext run` for a reply."""


Done = tuple[Compared, list[str]]
"""What came of a step, and the lines that help to find the reason."""


class StepError(YextError):
    """A step went wrong so that the following ones make no sense."""


def run_file(path: str, exit_code: ExitCode, config: str | None = None) -> FileResult:
    """Carry out the transcript in a file.

    Args:
        path: the file.
        exit_code: returns the exit code for a reply.
        config: the configuration directory where the transcript names none; None for none.
    """
    began = time.perf_counter()
    result = FileResult(path)
    try:
        transcript = read_transcript(path)
        with tempfile.TemporaryDirectory(prefix="yext-test-") as folder:
            running = RunningEngine(Path(_config(transcript, folder, config)))
            try:
                _Run(running, transcript, result, exit_code).run()
            finally:
                running.close()
    except (TranscriptError, StepError) as error:
        result.error = str(error)
    except OSError as error:
        result.error = f"{path}: {error.strerror}"
    result.seconds = time.perf_counter() - began
    return result


def _config(transcript: Transcript, folder: str, given: str | None) -> str:
    """Return the configuration directory for a transcript, made in `folder` if it names none."""
    beside = os.path.dirname(os.path.abspath(transcript.path))
    config = transcript.setting(Word.CONFIG)
    if config:
        path = os.path.join(beside, config)
        if not os.path.isdir(path):
            raise TranscriptError(f"{transcript.path}: config {config} is not a directory")
        return path
    if given is not None and not transcript.setting(Word.SCRIPTS):
        return given
    scripts = os.path.join(beside, transcript.setting(Word.SCRIPTS))
    if not os.path.isdir(scripts):
        raise TranscriptError(f"{transcript.path}: scripts {scripts} is not a directory")
    text = f"[general]\nscripts_dir={os.path.normpath(scripts)}/\n"
    Path(folder, "extmodule.conf").write_text(text, errors="surrogateescape")
    return folder


class _Run:
    """A transcript while it is carried out."""

    def __init__(
        self, running: RunningEngine, transcript: Transcript, result: FileResult, code: ExitCode
    ) -> None:
        self._running = running
        self._engine = engine = running.engine
        self._exit_code = code
        self._transcript = transcript
        self._result = result
        self._session = Session(engine, _LABEL)
        self._interpreter = Interpreter(self._session, TABLE)
        self._stubs = Stubs(engine)
        self._sent: list[Journey] = []  # since the last message of the transcript
        self._errors: list[str] = []

    def run(self) -> None:
        """Carry out all steps.

        Raises:
            StepError: the rest makes no sense.
        """
        engine, running = self._engine, self._running
        running.clock.speed = float(self._transcript.setting(Word.SPEED) or 1)
        unfollow = engine.recorder.follow(self._follow)
        unsubscribe = engine.log.subscribe(self._log)
        try:
            if failed := self._settle(starts_of(engine)):
                what = f"{self._transcript.path}: a script of the configuration did not start"
                raise StepError("\n".join([what, *failed]))
            for step in self._transcript.steps:
                if step.word not in SETTINGS:
                    self._carry_out(step)
            self._check_ends()
        finally:
            unsubscribe()
            unfollow()
            self._session.close()

    def _carry_out(self, step: Step) -> None:
        began = time.perf_counter()
        self._errors.clear()
        try:
            done = _ACTIONS[step.word](self, step)
        except (EarlyEndError, StubError) as error:
            raise StepError(f"{self._at(step)}: {error}") from None
        if done is None:
            return
        compared, context = done
        if not compared.same and self._errors:
            context = [*context, "standard error:", *self._errors[-_SHOWN_ERRORS:]]
        took = time.perf_counter() - began
        self._result.steps.append(
            StepResult(step, compared.same, compared.lines, context, compared.kept, took)
        )

    def _at(self, step: Step) -> str:
        return f"{self._transcript.path}:{step.line}: {step.word} {step.text}".rstrip()

    # Steps

    def script(self, step: Step) -> Done:
        """Start a script, which must become ready, or not as the lines below say."""
        before = set(starts_of(self._engine))
        reply = self._command(f"external start {step.text}")
        new = [start for start in starts_of(self._engine) if start not in before]
        lines = self._settle(new)
        if not reply.ok and not lines:
            lines = _reply_lines(reply.text)
        if lines and not step.below:
            raise StepError("\n".join([f"{self._at(step)}: it did not start", *lines]))
        return compare_reply(step.below, lines), []

    def stub(self, step: Step) -> None:
        """Answer messages in place of a module."""
        self._stubs.add(step)

    def send(self, step: Step) -> Done:
        """Send a message."""
        self._sent.clear()
        params = dict(step.params)
        retvalue = params.pop("retvalue", "")
        message = Message(
            step.name, params, retvalue=retvalue, broadcast=step.word is Word.BROADCAST,
            commander=self._session,
        )  # fmt: skip
        journey = self._running.run(self._dispatch(message), COMMAND_SECONDS)
        compared = compare_message(step.below, outcome_lines(journey), unchanged_lines(journey))
        return compared, draw_journey(journey, _STYLE)

    async def _dispatch(self, message: Message) -> Journey:
        dispatcher = self._engine.dispatcher
        over = asyncio.get_running_loop().create_future()

        def done(_: Dispatch) -> None:
            if not over.done():
                over.set_result(None)

        dispatch = Dispatch(dispatcher, message, done, self._session)
        dispatch.journey = journey = self._engine.recorder.begin(dispatch)
        dispatcher.start(dispatch)
        await over
        return journey

    def sent(self, step: Step) -> Done:
        """Wait until a script has sent a message."""
        taken: list[Journey] = []

        def came() -> bool:
            found = self._take_sent(step)
            if found is not None:
                taken.append(found)
            return bool(taken)

        try:
            self._running.run(self._running.reached(came), SECONDS, by_scripts=True)
        except EarlyEndError as error:
            lines = [f"- {step.word} {step.text}", *self._other_messages()]
            return Compared(False, lines, None), str(error).split("\n")
        if not step.below:
            return Compared(True, [], []), []
        journey = taken[0]
        compared = compare_message(step.below, outcome_lines(journey), unchanged_lines(journey))
        return compared, draw_journey(journey, _STYLE)

    def _take_sent(self, step: Step) -> Journey | None:
        for index, journey in enumerate(self._sent):
            if journey.name == step.name and step.params.items() <= dict(journey.params).items():
                del self._sent[: index + 1]
                return journey
        return None

    def _other_messages(self) -> list[str]:
        """What scripts have sent instead, as `sent` would have it."""
        return [
            f"+ {Word.SENT} {one.name} {written_params(dict(one.params))}".rstrip()
            for one in self._sent[:_SHOWN_MESSAGES]
        ]

    def command(self, step: Step) -> Done:
        """Carry out a command."""
        reply = self._command(step.text)
        lines = [*_reply_lines(reply.text), *explanation(reply)]
        code = self._exit_code(reply)
        if code:
            lines.append(f"[{code}]")
        return compare_reply(step.below, lines), []

    def _command(self, line: str) -> Reply:
        return self._running.run(self._interpreter.run(line), COMMAND_SECONDS)

    def tick(self, step: Step) -> None:
        """Let some seconds go by at once, each with its ``engine.timer``."""
        for _ in range(int(step.text or 1)):
            self._running.run(self._second())

    async def _second(self) -> None:
        clock = self._running.clock
        await clock.advance(1.0)
        self._engine.ticker.send(int(clock.now()))
        await self._running.quiet()

    # Scripts

    def _settle(self, starts: list[Start]) -> list[str]:
        """Wait until programs are ready; return why those are not that are not."""
        lines: list[str] = []
        for start in starts:
            settled = start.settled(self._running.clock.sleep)
            try:
                self._running.run(settled, SECONDS, by_scripts=True)
            except EarlyEndError as error:
                lines += [f"{start.label} was not ready", *str(error).split("\n")]
            lines += start.reason
        for script in self._running.crashed():
            if script.begun in starts:
                self._running.seen(script)
        return lines

    def _check_ends(self) -> None:
        """Fail for a script that has ended badly since it was ready.

        Raises:
            StepError: one has.
        """
        self._running.run(self._running.quiet())
        self._running.run(self._ended())
        for script in self._running.crashed():
            lines = [f"{self._transcript.path}: a script ended badly", *story_of(script)]
            raise StepError("\n".join(lines))

    async def _ended(self) -> None:
        """Wait for the end of the scripts that are about to end."""
        while ending := self._ending():
            changes = [start.changed() for start in ending]
            await asyncio.wait(changes, return_when=asyncio.FIRST_COMPLETED)

    def _ending(self) -> list[Start]:
        """Return the scripts whose process is about to end."""
        ending = {one.label for one in self._programs() if one.state == "stopping"}
        return [one for one in starts_of(self._engine) if not one.over and one.label in ending]

    def _programs(self) -> list[Program]:
        return [one for module in modules_of(self._engine) for one in module.programs()]

    def _follow(self, journey: Journey) -> None:
        if journey.sender in {one.name for one in self._programs()}:
            self._sent.append(journey)
            del self._sent[:-_MOST_SENT]
            self._running.changed()

    def _log(self, event: Event) -> None:
        if event.kind is EventKind.STDERR:
            self._errors.append(safe(f"{event.source}: {event.text}", keep="\t"))


_ACTIONS: Final[Mapping[Word, Callable[[_Run, Step], Done | None]]] = {
    Word.SCRIPT: _Run.script,
    Word.STUB: _Run.stub,
    Word.SEND: _Run.send,
    Word.BROADCAST: _Run.send,
    Word.SENT: _Run.sent,
    Word.COMMAND: _Run.command,
    Word.TICK: _Run.tick,
}
"""What carries a step out, by its first word."""


def _reply_lines(text: str) -> list[str]:
    lines = text.replace("\r\n", "\n").rstrip("\n").split("\n")
    return [safe(line, keep="\t") for line in lines if text]
