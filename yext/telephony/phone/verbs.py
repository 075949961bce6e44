"""The verbs of the command ``phone``: each one acts on a call, or shows it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from yext.command import EOL, commander_of
from yext.commander import Commander, check_file
from yext.errors import FileNotAllowedError, SoundError
from yext.log import safe
from yext.message import Message
from yext.telephony.endpoint import Source
from yext.telephony.phone.channel import PhoneChannel

CALL_HINT: Final = "call external/nodata/SCRIPT phone/"
"""How to get a call."""

_WAIT_SECONDS: Final = 10.0
_MOST_SECONDS: Final = 3600.0
_QUIET: Final = "silence"
_DIGITS: Final = frozenset("0123456789*#abcdABCD")

Verb = Callable[[PhoneChannel, str, Message], Awaitable[None]]
"""Carries out a verb: takes the call, the verb's argument and the message to answer in."""


def fail(message: Message, reason: str, hint: str = "") -> None:
    """Answer that the command failed."""
    message.retvalue = f"Phone: {reason}{EOL}"
    message["reason"] = reason
    if hint:
        message["hint"] = hint


def _succeed(message: Message, text: str) -> None:
    message.retvalue = text + EOL


async def _show(phone: PhoneChannel, _: str, message: Message) -> None:
    ear = phone.ear
    heard = ear.listener
    over = phone.ended is not None
    level = "" if heard.now == _QUIET else f", {heard.level:.0f} dBFS"
    record = phone.media().peer_record
    rows = {
        "call": f"{phone.id} " + (f"over {phone.ended}".rstrip() if over else phone.status),
        "with": phone.peer_id(),
        "hears": "" if over else heard.now + level,
        "tone": "" if over else heard.tone(),
        "digits": heard.digits,
        "playing": ear.playing(),
        "saying": phone.saying,
        "recording": record.name if record is not None else "",
    }
    message.retvalue = "".join(
        f"{name:<10}{safe(text)}{EOL}" for name, text in rows.items() if text
    )
    message.params.update((name, text) for name, text in rows.items() if text)


def _open_source(phone: PhoneChannel, name: str, commander: Commander) -> Source | None:
    """Open a file, or ``tone/NAME``; None for a tone that does not exist.

    Raises:
        SoundError: the file cannot be played.
        FileNotAllowedError: `commander` may not have it read.
    """
    from yext.telephony.audio.tones import find
    from yext.telephony.tone import ToneSource
    from yext.telephony.wave import WaveSource

    clock = phone.registry.telephony.clock
    if not name.startswith("tone/"):
        check_file(commander, name)
        return WaveSource(name, clock)
    tone = find(name.removeprefix("tone/"))
    return ToneSource(tone, clock) if tone is not None else None


async def _say(phone: PhoneChannel, name: str, message: Message) -> None:
    if not name:
        fail(message, "there is nothing to say", "phone say FILE, or phone say tone/NAME")
        return
    try:
        source = _open_source(phone, name, commander_of(message))
    except FileNotAllowedError as error:
        fail(message, str(error), error.hint)
        return
    except SoundError as error:
        fail(message, str(error))
        return
    if source is None:
        fail(message, f"there is no {name}")
        return
    phone.say(source)
    _succeed(message, f"Saying {name}")


async def _dtmf(phone: PhoneChannel, digits: str, message: Message) -> None:
    if not digits or not _DIGITS.issuperset(digits):
        fail(message, f"'{digits}' are no digits to dial", "0 to 9, a to d, * and #")
        return
    phone.dial(digits)
    if await phone.wait(lambda: not phone.dialling, _WAIT_SECONDS + len(digits)):
        _succeed(message, f"Dialled {digits}")
    else:
        fail(message, f"the call was over before all of {digits} was dialled")


async def _record(phone: PhoneChannel, path: str, message: Message) -> None:
    from yext.telephony.wave import WaveConsumer

    media = phone.media()
    if path in ("", "-"):
        phone.record(media.call_record, None)
        _succeed(message, "Recording ended")
        return
    try:
        check_file(commander_of(message), path)
        phone.record(media.call_record, WaveConsumer(path, None, False, 0))
    except FileNotAllowedError as error:
        fail(message, str(error), error.hint)
        return
    except SoundError as error:
        fail(message, str(error))
        return
    _succeed(message, f"Recording to {path}")


async def _hangup(phone: PhoneChannel, reason: str, message: Message) -> None:
    phone.drop(Message("call.drop", {"id": phone.id, "reason": reason}))
    _succeed(message, f"Hung up {phone.id}")


# Waiting

Condition = Callable[[PhoneChannel, str], bool]
"""Whether what the operator waits for, of an optional name, is the case."""


def _playing(phone: PhoneChannel, name: str) -> bool:
    playing = phone.ear.playing()
    return bool(playing) and (not name or playing == name or playing.endswith(f"/{name}"))


def _tone(phone: PhoneChannel, name: str) -> bool:
    tone = phone.ear.listener.tone()
    return bool(tone) and name in ("", tone)


def _digits(phone: PhoneChannel, digits: str) -> bool:
    heard = phone.ear.listener.digits
    return bool(heard) and heard.endswith(digits)


CONDITIONS: Final[dict[str, Condition]] = {
    "playing": _playing,
    "tone": _tone,
    "dtmf": _digits,
    "sound": lambda phone, _: phone.ear.listener.now != _QUIET,
    "silence": lambda phone, _: phone.ear.listener.now == _QUIET,
    "said": lambda phone, _: not phone.saying,
    "answered": lambda phone, _: phone.answered,
    "hangup": lambda phone, _: not phone.alive,
}
_NAMED: Final = ("playing", "tone", "dtmf")
"""The conditions that take a name."""

_LASTING: Final = ("dtmf", "answered", "hangup")
"""The conditions that still hold once the call is over."""


async def _wait(phone: PhoneChannel, text: str, message: Message) -> None:
    what, *words = text.split() or [""]
    condition = CONDITIONS.get(what)
    # A lone number is a time, except as digits; without a name any playing source or tone counts.
    named = what in _NAMED and (what == "dtmf" or not _seconds(words))
    name = words.pop(0) if words and named else ""
    seconds = _seconds(words)
    if condition is None or seconds is None:
        fail(message, f"'{text}' is nothing to wait for", f"one of {', '.join(CONDITIONS)}")
        return

    def holds() -> bool:
        return condition(phone, name) and (phone.alive or what in _LASTING)

    if await phone.wait(holds, seconds):
        _succeed(message, " ".join(["Heard", what, name]).rstrip() if what in _NAMED else what)
        return
    heard = phone.ear.playing() or phone.ear.listener.now
    why = f"after {seconds:g} s" if phone.alive else "to the end of the call"
    fail(message, f"no {what} {name}".rstrip() + f" {why}; it hears {heard}")


def _seconds(words: list[str]) -> float | None:
    """Read a time limit, which is all of `words`; without words it is the default.

    Returns:
        Seconds, None where the words are no time limit.
    """
    if not words:
        return _WAIT_SECONDS
    try:
        seconds = float(words[0])
    except ValueError:
        return None
    return seconds if len(words) == 1 and 0 < seconds <= _MOST_SECONDS else None


VERBS: Final[dict[str, Verb]] = {
    "show": _show,
    "say": _say,
    "dtmf": _dtmf,
    "record": _record,
    "wait": _wait,
    "hangup": _hangup,
}
AFTER_THE_END: Final = (_show, _wait)
"""The verbs that work once the call is over."""
