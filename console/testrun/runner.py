"""Carry out a transcript on an engine of its own."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from yext import Engine, Message, Reply
from yext.console.commands import TABLE
from yext.console.commands.interpreter import Interpreter
from yext.console.replies.reply import explanation
from yext.console.replies.trace import Style, draw_journey
from yext.console.session.session import Session
from yext.console.testrun.result import FileResult, StepResult
from yext.console.testrun.stubs import StubError, Stubs
from yext.console.transcripts.expected import Compared, compare_message, compare_reply
from yext.console.transcripts.format import Step, Transcript, TranscriptError, Word, read_transcript
from yext.console.transcripts.outcome import outcome_lines, unchanged_lines
from yext.dispatcher import Dispatch
from yext.engine.module import Program, Start, modules_of, starts_of
from yext.errors import YextError
from yext.log import Event, EventKind, safe
from yext.message import SystemMessage
from yext.record.journey import Journey

SECONDS: Final = 10.0
"""How long a script may take until it is ready, and how long `sent` waits."""

COMMAND_SECONDS: Final = 60.0
"""How long a command may take, and a message."""

_SHOWN_MESSAGES: Final = 10
"""Messages of scripts that the failure of a `sent` shows."""

_SHOWN_ERRORS: Final = 20
"""Lines on standard error that a failure shows."""

_LABEL: Final = "yext test"
_STYLE: Final = Style(100, unicode=True, color=False)


ExitCode = Callable[[Reply], int]
"""Returns the exit code of `yext run` for a reply."""


class StepError(YextError):
    """A step went wrong so that the following ones make no sense."""


async def run_file(path: str, exit_code: ExitCode, config: str | None = None) -> FileResult:
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
            async with Engine(_config(transcript, folder, config)) as engine:
                await _Run(engine, transcript, result, exit_code).run()
    except TranscriptError as error:
        result.error = str(error)
    except StepError as error:
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
        self, engine: Engine, transcript: Transcript, result: FileResult, exit_code: ExitCode
    ) -> None:
        self._engine = engine
        self._exit_code = exit_code
        self._transcript = transcript
        self._result = result
        self._session = Session(engine, _LABEL)
        self._interpreter = Interpreter(self._session, TABLE)
        self._stubs = Stubs(engine)
        self._sent: list[Journey] = []
        self._came = asyncio.Event()
        self._told: set[Start] = set()
        self._errors: list[str] = []
        self._seconds = int(time.time())
        self._actions: Mapping[Word, Callable[[Step], Awaitable[tuple[Compared, list[str]] | None]]]
        self._actions = MappingProxyType(
            {
                Word.CONFIG: self._nothing,
                Word.SCRIPTS: self._nothing,
                Word.SCRIPT: self._script,
                Word.STUB: self._stub,
                Word.SEND: self._send,
                Word.BROADCAST: self._send,
                Word.SENT: self._was_sent,
                Word.COMMAND: self._command,
                Word.TICK: self._tick,
            }
        )

    async def run(self) -> None:
        """Carry out all steps.

        Raises:
            StepError: the rest makes no sense.
        """
        engine = self._engine
        # Time is that of the transcript: a full second of the clock may pass at any step.
        engine.ticker.stop()
        unfollow = engine.recorder.follow(self._follow)
        unsubscribe = engine.log.subscribe(self._log)
        try:
            await self._settle(starts_of(engine))
            for step in self._transcript.steps:
                await self._carry_out(step)
            await self._check_ends()
        finally:
            unsubscribe()
            unfollow()
            self._session.close()

    async def _carry_out(self, step: Step) -> None:
        began = time.perf_counter()
        self._errors.clear()
        try:
            async with asyncio.timeout(COMMAND_SECONDS):
                done = await self._actions[step.word](step)
        except TimeoutError:
            raise StepError(f"{self._at(step)}: no end within {COMMAND_SECONDS:.0f} s") from None
        except StubError as error:
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

    async def _nothing(self, step: Step) -> None:
        """Do nothing: the setting was read before the start."""

    async def _script(self, step: Step) -> tuple[Compared, list[str]]:
        before = set(starts_of(self._engine))
        reply = await self._interpreter.run(f"external start {step.text}")
        new = [start for start in starts_of(self._engine) if start not in before]
        lines = await self._settle(new)
        if not reply.ok and not lines:
            lines = _reply_lines(reply.text)
        if lines and not step.below:
            raise StepError("\n".join([f"{self._at(step)}: it did not start", *lines]))
        return compare_reply(step.below, lines), []

    async def _stub(self, step: Step) -> None:
        self._stubs.add(step)

    async def _send(self, step: Step) -> tuple[Compared, list[str]]:
        self._sent.clear()
        params = dict(step.params)
        retvalue = params.pop("retvalue", "")
        message = Message(
            step.name, params, retvalue=retvalue, broadcast=step.word is Word.BROADCAST,
            commander=self._session,
        )  # fmt: skip
        journey = await self._dispatch(message)
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

    async def _was_sent(self, step: Step) -> tuple[Compared, list[str]]:
        try:
            async with asyncio.timeout(SECONDS):
                while (found := self._take_sent(step)) is None:
                    self._came.clear()
                    await self._came.wait()
        except TimeoutError:
            lines = [f"- {step.word} {step.text}", *self._other_messages()]
            return Compared(False, lines, None), []
        if not step.below:
            return Compared(True, [], []), []
        compared = compare_message(step.below, outcome_lines(found), unchanged_lines(found))
        return compared, draw_journey(found, _STYLE)

    def _take_sent(self, step: Step) -> Journey | None:
        for index, journey in enumerate(self._sent):
            if journey.name == step.name and step.params.items() <= dict(journey.params).items():
                del self._sent[: index + 1]
                return journey
        return None

    def _other_messages(self) -> list[str]:
        """What scripts have sent instead, as `sent` would have it."""
        from yext.console.transcripts.values import written_params

        shown = [
            f"+ {Word.SENT} {one.name} {written_params(one.params)}".rstrip()
            for one in self._sent[:_SHOWN_MESSAGES]
        ]
        return shown or [f"  no script sent anything within {SECONDS:.0f} s"]

    async def _command(self, step: Step) -> tuple[Compared, list[str]]:
        self._sent.clear()
        reply = await self._interpreter.run(step.text)
        lines = [*_reply_lines(reply.text), *explanation(reply)]
        code = self._exit_code(reply)
        if code:
            lines.append(f"[{code}]")
        return compare_reply(step.below, lines), []

    async def _tick(self, step: Step) -> None:
        self._sent.clear()
        engine = self._engine
        for _ in range(int(step.text or 1)):
            self._seconds += 1
            params = {"time": str(self._seconds), "nodename": engine.node}
            await engine.dispatch(SystemMessage("engine.timer", params, time=self._seconds))

    # Scripts

    async def _settle(self, starts: list[Start]) -> list[str]:
        """Wait until programs are ready; return why those are not that are not."""
        lines: list[str] = []
        for start in starts:
            try:
                async with asyncio.timeout(SECONDS):
                    await start.settled()
            except TimeoutError:
                lines.append(f"{start.label} was not ready within {SECONDS:.0f} s")
            if start.reason and start not in self._told:
                lines += start.reason
                self._told.add(start)
        return lines

    async def _check_ends(self) -> None:
        """Fail for a script that has ended badly since it was ready."""
        async with asyncio.timeout(SECONDS):
            while ending := self._ending():
                changes = [start.changed() for start in ending]
                await asyncio.wait(changes, return_when=asyncio.FIRST_COMPLETED)
        ended = [one for one in starts_of(self._engine) if one.reason and one not in self._told]
        for start in ended:
            text = "\n".join([f"{self._transcript.path}: a script ended badly", *start.reason])
            raise StepError(text)

    def _ending(self) -> list[Start]:
        """Return the scripts whose process is about to end."""
        ending = {one.label for one in self._programs() if one.state == "stopping"}
        return [one for one in starts_of(self._engine) if not one.over and one.label in ending]

    def _programs(self) -> list[Program]:
        return [one for module in modules_of(self._engine) for one in module.programs()]

    def _follow(self, journey: Journey) -> None:
        if journey.sender in {one.name for one in self._programs()}:
            self._sent.append(journey)
            self._came.set()

    def _log(self, event: Event) -> None:
        if event.kind is EventKind.STDERR:
            self._errors.append(safe(f"{event.source}: {event.text}", keep="\t"))


def _reply_lines(text: str) -> list[str]:
    return [
        safe(line, keep="\t")
        for line in text.replace("\r\n", "\n").rstrip("\n").split("\n")
        if text
    ]
