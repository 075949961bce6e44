"""The log: debug levels, captured events, safe text, throttling.

All events go to the logger ``yext`` of the standard `logging` and to the subscribers, which are
the consoles. The levels are Yate's (class DebugLevel in its documentation), from 0, the worst, to
10, everything.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time as _time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum

FAIL, TEST, CRIT, CONF, STUB, WARN, MILD, NOTE, CALL, INFO, ALL = range(11)

LEVEL_NAMES = (
    "FAIL",
    "TEST",
    "CRIT",
    "CONF",
    "STUB",
    "WARN",
    "MILD",
    "NOTE",
    "CALL",
    "INFO",
    "ALL",
)

DEFAULT_LEVEL = NOTE
"""The level of an engine unless another one is set."""

LOWEST_SETTABLE = CONF
"""The lowest level that can be set; as in Yate, this level and worse ones are always logged."""

_LOGGING_LEVELS = (
    logging.CRITICAL,
    logging.CRITICAL,
    logging.CRITICAL,
    logging.ERROR,
    logging.WARNING,
    logging.WARNING,
    logging.WARNING,
    logging.INFO,
    logging.INFO,
    logging.INFO,
    logging.DEBUG,
)

_CAPTURED = 1000
"""How many events are kept for the commands ``events`` and ``logview``."""

logger = logging.getLogger("yext")
logger.addHandler(logging.NullHandler())

_NOT_SAFE = re.compile(
    r"[\x00-\x1f\x7f-\x9f\ud800-\udfff"
    r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # Directions of writing.
    r"\xad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200d\u2060-\u2065\u206a-\u206f"
    r"\u3164\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff"  # Without width.
    r"\u2028\u2029]"
)
"""Characters that change what a terminal shows without being seen: controls, bytes that are not
UTF-8, line separators, and Unicode's Bidi_Control and Default_Ignorable_Code_Point. Selectors of
variants are left alone: they come with many an emoji."""


def _shown(found: re.Match[str]) -> str:
    code = ord(found[0])
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def safe(text: str, keep: str = "") -> str:
    """Return `text` with what could deceive at a terminal shown, as ``\\x1b`` or ``\\u202e``.

    That is `_NOT_SAFE`. Characters in `keep`, for example ``"\\t"``, are left alone.
    """
    if (text.isascii() and text.isprintable()) or _NOT_SAFE.search(text) is None:
        return text
    return _NOT_SAFE.sub(lambda found: found[0] if found[0] in keep else _shown(found), text)


def is_safe(text: str) -> bool:
    """Return True if `safe` would return `text` as it is."""
    return _NOT_SAFE.search(text) is None


def split_lines(text: str) -> list[str]:
    """Split a text at LF, CR LF and CR, and at nothing else.

    `str.splitlines` also splits at VT, FF, NEL and U+2028, which belong to the line: what they
    separate must not become commands of its own.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return lines if lines[-1] else lines[:-1]


def safe_lines(text: str) -> str:
    """Return a text of several lines, safe for a terminal: each ends in LF, and TABs are kept."""
    return "".join(f"{safe(line, keep=chr(9))}\n" for line in split_lines(text))


def clamp_level(level: int) -> int:
    """Return the debug level nearest to `level` that can be set."""
    return max(LOWEST_SETTABLE, min(ALL, level))


def changed_level(current: int, asked: str) -> int:
    """Return the debug level after a change.

    Args:
        current: the present level.
        asked: ``5`` sets the level, ``5+`` raises it to at least 5, ``5-`` lowers it to at most
            5; anything else keeps it.
    """
    found = re.match(r"\s*([+-]?)0*(\d+)\s*([+-]?)", asked, re.ASCII)
    if found is None:
        return current
    # Any three digits exceed the limit, and Python refuses to convert thousands of them.
    level = clamp_level(int(found[1] + found[2][:3]))
    if found[3] == "+":
        return max(current, level)
    return min(current, level) if found[3] == "-" else level


def stamp(when: float) -> str:
    """Return a local time as in Yate's log: ``2026-11-23_12:04:31.207000``."""
    seconds, micros = divmod(round(when * 1_000_000), 1_000_000)
    return f"{_time.strftime('%Y-%m-%d_%H:%M:%S', _time.localtime(seconds))}.{micros:06}"


def clock(when: float) -> str:
    """Return the local time of day, ``12:01:07``."""
    return _time.strftime("%H:%M:%S", _time.localtime(when))


def dated(when: float) -> str:
    """Return a local time by ISO 8601, with the zone: ``2026-11-23T12:04:31+01:00``."""
    text = _time.strftime("%Y-%m-%dT%H:%M:%S%z", _time.localtime(when))
    return f"{text[:-2]}:{text[-2:]}"


class EventKind(StrEnum):
    """The kind of an event."""

    OUTPUT = "output"
    """Plain output of the engine or a script."""

    DEBUG = "debug"
    """Debug text of a module or a script."""

    NOTICE = "notice"
    """Something that operators must see."""

    STDERR = "stderr"
    """A line that a script wrote on standard error."""

    CONFIG = "config"
    """A message of the configuration reader, in Yate's words."""


class Event:
    """An event of the log.

    Attributes:
        kind: the kind.
        text: one line without a time; of CONFIG perhaps several, separated by CR LF.
        level: the debug level, `NOTE` for other kinds than debug.
        source: the debug name of the module or script; of output ``engine``, or empty for a
            script's.
        when: the time in seconds since 1970, 0 to show none.
        lines: all lines of a notice.
        logged: False if the log has it already, for example as debug text.
        session: the label of the session that a notice is for, empty for all.
        unless: the label of the one session that it is not for, as it knows already.
    """

    # A dataclass, with the module for it, would cost each start 1.2 ms more.
    __slots__ = ("kind", "level", "lines", "logged", "session", "source", "text", "unless", "when")

    def __init__(
        self,
        kind: EventKind,
        text: str,
        level: int = NOTE,
        source: str = "",
        when: float | None = None,
        lines: tuple[str, ...] = (),
        session: str = "",
        logged: bool = True,
        unless: str = "",
    ) -> None:
        self.kind = kind
        self.text = text
        self.level = level
        self.source = source
        self.when = _time.time() if when is None else when
        self.lines = lines
        self.session = session
        self.logged = logged
        self.unless = unless

    def is_for(self, session: str) -> bool:
        """Return True if a notice is for the session with that label."""
        return self.session in ("", session) and not (self.unless and self.unless == session)

    def __eq__(self, other: object) -> bool:
        names = Event.__slots__
        return isinstance(other, Event) and all(
            getattr(self, name) == getattr(other, name) for name in names
        )

    def __repr__(self) -> str:
        return f"Event({', '.join(f'{name}={getattr(self, name)!r}' for name in Event.__slots__)})"

    def line(self) -> str:
        """Return the event as a line of the log, without its time."""
        if self.kind is EventKind.DEBUG:
            source = f"{self.source}:" if self.source else ""
            return f"<{source}{LEVEL_NAMES[self.level]}> {self.text}"
        if self.kind is EventKind.STDERR:
            return f"<{self.source}:stderr> {self.text}"
        return self.text


Subscriber = Callable[[Event], None]


class Log:
    """The log of one engine.

    Attributes:
        level: the debug level.
        objects: True if the switch ``debug objects`` is on, which only Yate's reply shows.
        startup_ends: the time when the start of the engine ends, in seconds since 1970.
        captured: the events that ``events`` shows: all events until `startup_ends`, as in Yate,
            and since then those at level WARN or worse.
    """

    def __init__(self) -> None:
        self.level = DEFAULT_LEVEL
        self.objects = False
        self.startup_ends = float("inf")
        self.captured: deque[Event] = deque(maxlen=_CAPTURED)
        self._subscribers: list[Subscriber] = []
        self._replying: dict[str, list[list[Event]]] = {}

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Call `subscriber` with each event; return a function that ends that."""
        self._subscribers.append(subscriber)

        def unsubscribe() -> None:
            if subscriber in self._subscribers:
                self._subscribers.remove(subscriber)

        return unsubscribe

    def debug(self, level: int, source: str, text: str) -> None:
        """Log the debug text of a module if the level allows it."""
        if level <= self.level:
            self.emit(Event(EventKind.DEBUG, text, level, source))

    def output(self, text: str) -> None:
        """Log plain output, for example of a script's ``%%>output``."""
        self.emit(Event(EventKind.OUTPUT, text))

    def notice(
        self, lines: tuple[str, ...], session: str, *, level: int = WARN, logged: bool = True,
        to_all: bool = False, unless: str = "",
    ) -> None:  # fmt: skip
        """Show something to the operators at once; the log has it on one line.

        Args:
            lines: the text; the first line is a summary.
            session: the label of the session that the notice is for, empty for all.
            level: the level of the notice.
            logged: False if the log has it already.
            to_all: whether all other sessions get it as well.
            unless: the label of the one session that it is not for.
        """
        text = "; ".join(lines)
        event = Event(EventKind.NOTICE, text, level, lines=lines, logged=logged, unless=unless)
        event.session = "" if to_all else session
        if session in self._replying:
            self._record(event)
            self._replying[session][-1].append(event)
        else:
            self.emit(event)

    @contextmanager
    def replying(self, session: str) -> Iterator[None]:
        """Hold the notices for `session` back while one of its commands runs.

        A script may end before the command that started it is answered. The notice of its end is
        logged at once, but shown in the first turn of the loop after the block, when the reply
        has been shown.
        """
        held: list[Event] = []
        blocks = self._replying.setdefault(session, [])
        blocks.append(held)
        try:
            yield
        finally:
            blocks[:] = [block for block in blocks if block is not held]
            if not blocks:
                del self._replying[session]
            if held:
                asyncio.get_running_loop().call_soon(self._publish_held, held)

    def _publish_held(self, held: list[Event]) -> None:
        for event in held:
            self._publish(event)

    def emit(self, event: Event) -> None:
        """Pass an event to the log and to all subscribers."""
        self._record(event)
        self._publish(event)

    def _record(self, event: Event) -> None:
        if event.level <= WARN or (event.when or _time.time()) <= self.startup_ends:
            self.captured.append(event)
        logging_level = _LOGGING_LEVELS[event.level]
        if event.logged and logger.isEnabledFor(logging_level):
            logger.log(logging_level, "%s", event.line(), extra={"yate_event": event})

    def _publish(self, event: Event) -> None:
        for subscriber in tuple(self._subscribers):
            try:
                subscriber(event)
            except Exception:
                logger.exception("a subscriber of the log failed")
                self._subscribers.remove(subscriber)


class YateFormatter(logging.Formatter):
    """Formats lines of the log as Yate does: the time, then the safe text."""

    def format(self, record: logging.LogRecord) -> str:
        event = getattr(record, "yate_event", None)
        # Only the configuration reader has texts of several lines.
        keep = "\t\r\n" if event is not None and event.kind is EventKind.CONFIG else "\t"
        lines = [safe(record.getMessage(), keep=keep)]
        if record.exc_info:
            trace = self.formatException(record.exc_info)
            lines += [safe(line, keep="\t") for line in trace.split("\n")]
        when = "" if event is not None and not event.when else f"{stamp(record.created)} "
        return "\n".join(f"{when}{line}" for line in lines)


class Throttle:
    """A limit on how many of a kind pass in a second, or another period.

    Args:
        left_out: called at the end of a period with the number of those that did not pass.
        seconds: the length of a period.
    """

    __slots__ = ("_left_out", "_loop", "_passed", "_refused", "_seconds", "_timer", "_until")

    def __init__(self, left_out: Callable[[int], None], seconds: float = 1.0) -> None:
        self._left_out = left_out
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._passed = self._refused = 0
        self._until = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def passes(self, most: int) -> bool:
        """Count one more; return True if it is among the first `most` of this period."""
        now = self._loop.time()
        if self._timer is None and now >= self._until:
            self._until, self._passed = now + self._seconds, 0
        if self._passed < most:
            self._passed += 1
            return True
        self._refused += 1
        if self._timer is None:
            self._timer = self._loop.call_at(self._until, self.flush)
        return False

    def flush(self) -> None:
        """Report at once how many were left out, if any were, and begin a new period."""
        if self._timer is None:
            return
        self._timer.cancel()
        self._timer = None
        refused, self._refused = self._refused, 0
        self._until = 0.0
        self._left_out(refused)
