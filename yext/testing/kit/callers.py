"""A caller: the test's end of a call to a script, on the telephone of the engine."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final, cast

from yext.commander import EMBEDDER
from yext.errors import SoundError
from yext.extmodule.script.script import Script
from yext.message import Message
from yext.telephony.audio.tones import find
from yext.telephony.endpoint import Source
from yext.telephony.phone.channel import PhoneChannel
from yext.telephony.phone.driver import PhoneDriver
from yext.telephony.tone import ToneSource
from yext.telephony.wave import WaveSource
from yext.testing.kit.hearing import Hearing
from yext.testing.kit.running import SECONDS, EarlyEndError, RunningEngine
from yext.testing.kit.scripts import ScriptFiles
from yext.testing.kit.story import Storyteller

__tracebackhide__ = True  # pytest shows no frame of this file.

_TARGET: Final = re.compile(r"(external/[^/]*/)([^ ]*)(.*)", re.DOTALL)
"""A call to a script: the method, the script, its parameter."""

_PATIENCE: Final = 1.0
"""Real seconds that something has in any case, however fast the clock is."""


async def begin(
    run: RunningEngine, files: ScriptFiles, callto: str, params: dict[str, str]
) -> tuple[PhoneChannel, Hearing]:
    """Call `callto` from the engine's telephone; return the call, and what is heard of it.

    Raises:
        EarlyEndError: nobody took the call; the text is the reason.
    """
    missing: list[str] = []
    if found := _TARGET.fullmatch(callto):
        missing = files.missing(found[2])
        callto = f"{found[1]}{files.locate(found[2])}{found[3]}"
    message = Message(
        "call.execute",
        {"callto": callto, "direct": "phone/"} | params | EMBEDDER.command_params(),
    )
    handled = await run.engine.dispatch(message)
    run.note_scripts()
    phone = cast(PhoneDriver, run.engine.modules["phone"]).call(message.get("id"))
    if not handled or phone is None:
        reason = message.get("reason") or message.get("error") or "nobody took the call"
        lines = [*missing, reason, message.get("hint")]
        raise EarlyEndError("\n".join(filter(None, lines)))
    hearing = Hearing(phone)
    # A digit that comes before the script listens for digits is lost.
    await run.quiet()
    return phone, hearing


class Caller:
    """The test's end of a call.

    Attributes:
        id: the channel's id, ``phone/1``.
        hung_up: why the call is over, empty for no reason; None while it lasts.
        digits: the DTMF digits heard so far.
    """

    def __init__(
        self,
        run: RunningEngine,
        teller: Storyteller,
        phone: PhoneChannel,
        hearing: Hearing,
        folder: Path,
    ) -> None:
        self.id = phone.id
        self._phone = phone
        self._hearing = hearing
        self._run = run
        self._teller = teller
        self._folder = folder
        self._scripts: list[Script] = [one for one in run.scripts if one.peer is not None]

    @property
    def hung_up(self) -> str | None:
        """Why the call is over, empty for no reason; None while it lasts."""
        return None if self._phone.alive else self._phone.ended or ""

    @property
    def digits(self) -> str:
        """The DTMF digits heard so far."""
        return self._phone.ear.listener.digits

    def press(self, digits: str) -> Caller:
        """Dial digits, ten a second, and wait until the other end has had each."""
        self._hearing.mark()
        self._phone.dial(digits)
        self._wait(f"to dial {digits}", lambda: not self._phone.dialling, SECONDS + len(digits))
        return self

    def say(self, sound: str | Path, within: float = 60.0) -> Caller:
        """Play a sound file, or a tone (``tone:busy``), into the call, to its end.

        Args:
            sound: the file, in the folder of the test, or the tone.
            within: how long it is at most, in seconds on the clock of the engine.
        """
        expected = f"to say {sound}"
        try:
            source = self._source(str(sound))
        except EarlyEndError as error:
            reason = str(error)
        else:
            self._run.do(lambda: self._phone.say(source))
            self._wait(expected, lambda: not self._phone.saying, within)
            return self
        raise self._failure(expected, reason)

    def _source(self, sound: str) -> Source:
        """Open a file or a tone.

        Raises:
            EarlyEndError: it cannot be played; the text says why.
        """
        clock = self._phone.registry.telephony.clock
        kind, _, name = sound.partition(":")
        tone = find(name) if kind == "tone" else None
        if tone is not None:
            return ToneSource(tone, clock)
        if kind == "tone":
            raise EarlyEndError(f"there is no {sound}")
        try:
            return WaveSource(str(self._folder / sound), clock)
        except SoundError as error:
            raise EarlyEndError(str(error)) from None

    def hear(self, sound: str | Path = "", within: float = SECONDS) -> Caller:
        """Wait until something is heard, or was since the sound that was heard last.

        Args:
            sound: ``tone:busy`` or another tone, ``dtmf:12``, ``silence``, or a sound file, which
                the other end plays; any sound without it.
            within: seconds on the clock of the engine. On a fast one scripts that work have ten
                real seconds nevertheless.
        """
        found = partial(self._hearing.find, str(sound))
        self._wait(f"to hear {sound or 'a sound'}", found, within)
        return self

    def hangup(self, reason: str = "") -> None:
        """Hang up, and wait until the other end knows."""
        message = Message("call.drop", {"id": self.id, "reason": reason})
        self._run.do(lambda: self._phone.drop(message))
        self._run.run(self._run.quiet())

    def expect_hangup(self, reason: str | None = None, within: float = SECONDS) -> None:
        """Wait until the other end hangs up.

        Args:
            reason: why it must have hung up.
            within: as for `hear`.
        """
        self._wait("a hangup", lambda: not self._phone.alive, within)
        if reason is not None and self.hung_up != reason:
            came = f"a hangup for {self.hung_up or 'no reason'}"
            raise self._failure(f"a hangup for {reason}", came)

    def _wait(self, expected: str, condition: Callable[[], bool], within: float) -> None:
        run = self._run
        if not run.clock.speed and not run.do(condition):
            raise self._failure(expected, "nothing: the clock stands still (yext.clock.speed = 1)")
        try:
            run.run(self._until(condition, within), SECONDS + within)
        except EarlyEndError as error:
            stopped = error
        else:
            return
        raise self._failure(expected, str(stopped))

    async def _until(self, condition: Callable[[], bool], within: float) -> None:
        """Wait for a condition, which is looked at with each frame of the call's audio."""
        phone, clock = self._phone, self._run.clock
        began, until = time.monotonic(), clock.time() + within
        held = False

        def holds() -> bool:
            # A tone has pauses: what has held once holds.
            nonlocal held
            held = held or condition()
            return held

        over: asyncio.Future[Any] = asyncio.ensure_future(phone.wait(holds, 3600.0 * 24))
        try:
            while not over.done():
                real = time.monotonic() - began
                if clock.time() > until and (
                    real > SECONDS or (real > _PATIENCE and not self._run.is_working())
                ):
                    raise EarlyEndError(f"nothing such within {within:g} s")
                alarm = clock.alarm(0.02)
                await asyncio.wait((over, alarm), return_when=asyncio.FIRST_COMPLETED)
                alarm.cancel()
        finally:
            over.cancel()
        if not holds():
            raise EarlyEndError(f"the call is over: {self.hung_up or 'no reason'}")

    def _failure(self, expected: str, came: str) -> AssertionError:
        phone = self._phone
        lines = came.splitlines()
        if phone.alive:
            playing = phone.ear.playing()
            lines.append(f"it hears {phone.ear.listener.now} of {playing or 'nothing'}")
        lines.append(f"it has heard: {self._hearing.describe()}")
        last = [one for one in self._run.engine.recorder.last(50) if _is_about(one.params, self.id)]
        return self._teller.failure(expected, lines, last[-1] if last else None, self._scripts)


def _is_about(params: object, ident: str) -> bool:
    """Return True if a message is about the channel `ident`."""
    return ident in getattr(params, "values", tuple)()
