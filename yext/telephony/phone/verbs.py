"""The command ``phone``: what the operator does at the telephone, and sees of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from yext.command import EOL, help_with
from yext.log import safe
from yext.message import Message

if TYPE_CHECKING:
    from yext.telephony.phone.channel import PhoneChannel, PhoneDriver

USAGE: Final = "phone [phone/N] [say FILE|dtmf DIGITS|record FILE|wait WHAT [SECONDS]|hangup]"
HELP: Final = (
    "Shows what the operator's telephone hears; says a file or tone/NAME, dials, records ('-'"
    f" ends that), hangs up.{EOL}WHAT is waited for, 10 seconds unless it is said: playing NAME,"
    " tone NAME, dtmf DIGITS, sound, silence, said, answered, hangup"
)

_WAIT_SECONDS = 10.0
_MOST_SECONDS = 3600.0
_QUIET = "silence"

_DIGITS: Final = frozenset("0123456789*#abcdABCD")


def help(message: Message) -> bool:
    """Adds to ``engine.help``, or answers for ``help phone``."""
    return help_with(message, "phone", USAGE, HELP)


def complete(driver: PhoneDriver, line: str) -> dict[str, str]:
    """The words that may follow `line`, and what they are."""
    words = line.split()
    if not words or words in (["help"], ["?"]):
        return {"phone": HELP.partition(EOL)[0]}
    if words == ["phone"]:
        return dict.fromkeys(_VERBS, "") | dict.fromkeys(driver.channels, "one of the calls")
    if words[:1] == ["phone"] and len(words) == 2 and words[1] in driver.channels:
        return dict.fromkeys(_VERBS, "")
    waits = words[0] == "phone" and words[-1] == "wait"
    return dict.fromkeys(_CONDITIONS, "") if waits else {}


async def carry_out(driver: PhoneDriver, line: str, message: Message) -> bool:
    """Carries out `line` if it begins with ``phone``; returns whether it was understood."""
    word, _, rest = line.strip().partition(" ")
    if word != "phone":
        return False
    rest = rest.strip()
    ident, _, after = rest.partition(" ")
    if ident.startswith(driver.prefix):
        rest = after.strip()
    else:
        ident = ""
    verb, _, argument = rest.partition(" ")
    action = _VERBS.get(verb) if verb else _show
    if action is None:
        return False
    phone = driver.call(ident)
    if phone is None or not (phone.alive or action in (_show, _wait)):
        text = f"the call of {phone.id} is over" if phone is not None else "there is no call"
        _fail(message, text, "call external/nodata/SCRIPT phone/")
        return True
    await action(driver, phone, argument.strip(), message)
    return True


def _fail(message: Message, reason: str, hint: str = "") -> None:
    message.retvalue = f"Phone: {reason}{EOL}"
    message["reason"] = reason
    if hint:
        message["hint"] = hint


def _told(message: Message, text: str) -> None:
    message.retvalue = text + EOL


async def _show(driver: PhoneDriver, phone: PhoneChannel, _: str, message: Message) -> None:
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


async def _say(driver: PhoneDriver, phone: PhoneChannel, name: str, message: Message) -> None:
    from yext.telephony.soundfile import SoundError
    from yext.telephony.tone import ToneSource
    from yext.telephony.tones import find
    from yext.telephony.wave import WaveSource

    clock = driver.telephony.clock
    if not name:
        _fail(message, "there is nothing to say", "phone say FILE, or phone say tone/NAME")
        return
    if name.startswith("tone/"):
        tone = find(name.removeprefix("tone/"))
        if tone is None:
            _fail(message, f"there is no {name}")
            return
        phone.say(ToneSource(tone, clock))
    else:
        try:
            phone.say(WaveSource(name, clock))
        except SoundError as error:
            _fail(message, str(error))
            return
    _told(message, f"Saying {name}")


async def _dtmf(driver: PhoneDriver, phone: PhoneChannel, digits: str, message: Message) -> None:
    if not digits or not _DIGITS.issuperset(digits):
        _fail(message, f"'{digits}' are no digits to dial", "0 to 9, a to d, * and #")
        return
    phone.dial(digits)
    if await phone.wait(lambda: not phone.dialling, _WAIT_SECONDS + len(digits)):
        _told(message, f"Dialled {digits}")
    else:
        _fail(message, f"the call was over before all of {digits} was dialled")


async def _record(driver: PhoneDriver, phone: PhoneChannel, path: str, message: Message) -> None:
    from yext.telephony.soundfile import SoundError
    from yext.telephony.wave import WaveConsumer

    media = phone.media()
    if path in ("", "-"):
        phone.record(media.call_record, None)
        _told(message, "Recording ended")
        return
    try:
        phone.record(media.call_record, WaveConsumer(path, None, False, 0))
    except SoundError as error:
        _fail(message, str(error))
        return
    _told(message, f"Recording to {path}")


async def _hangup(driver: PhoneDriver, phone: PhoneChannel, reason: str, message: Message) -> None:
    phone.drop(Message("call.drop", {"id": phone.id, "reason": reason}))
    _told(message, f"Hung up {phone.id}")


# Waiting

Condition = Callable[["PhoneChannel", str], bool]


def _playing(phone: PhoneChannel, name: str) -> bool:
    playing = phone.ear.playing()
    return bool(playing) and (not name or playing == name or playing.endswith(f"/{name}"))


def _tone(phone: PhoneChannel, name: str) -> bool:
    tone = phone.ear.listener.tone()
    return bool(tone) and name in ("", tone)


def _digits(phone: PhoneChannel, digits: str) -> bool:
    heard = phone.ear.listener.digits
    return bool(heard) and heard.endswith(digits)


_CONDITIONS: Final[dict[str, Condition]] = {
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
_LASTING: Final = ("dtmf", "answered", "hangup")
"""What still holds when the call is over."""


async def _wait(driver: PhoneDriver, phone: PhoneChannel, text: str, message: Message) -> None:
    what, *words = text.split() or [""]
    condition = _CONDITIONS.get(what)
    # A lone number is a time, but for digits that are dialled; without a name any will do.
    named = what in _NAMED and (what == "dtmf" or not _seconds(words))
    name = words.pop(0) if words and named else ""
    seconds = _seconds(words)
    if condition is None or seconds is None:
        _fail(message, f"'{text}' is nothing to wait for", f"one of {', '.join(_CONDITIONS)}")
        return

    def holds() -> bool:
        return condition(phone, name) and (phone.alive or what in _LASTING)

    if await phone.wait(holds, seconds):
        _told(message, f"Heard {text}" if what in _NAMED else text)
        return
    heard = phone.ear.playing() or phone.ear.listener.now
    why = f"after {seconds:g} s" if phone.alive else "to the end of the call"
    _fail(message, f"no {what} {name}".rstrip() + f" {why}; it hears {heard}")


def _seconds(words: list[str]) -> float | None:
    """The time that is all of `words`, or that is usual; None where they are something else."""
    if not words:
        return _WAIT_SECONDS
    try:
        seconds = float(words[0])
    except ValueError:
        return None
    return seconds if len(words) == 1 and 0 < seconds <= _MOST_SECONDS else None


Verb = Callable[["PhoneDriver", "PhoneChannel", str, Message], Awaitable[None]]

_VERBS: Final[dict[str, Verb]] = {
    "show": _show,
    "say": _say,
    "dtmf": _dtmf,
    "record": _record,
    "wait": _wait,
    "hangup": _hangup,
}
