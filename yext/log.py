"""Debug levels, output and captured events: what the engine tells.

Everything goes to the standard `logging` logger ``yext`` and to the subscribers, which are
the consoles. Levels are Yate's (class DebugLevel in its documentation): 0 worst, 10 all.
"""

from __future__ import annotations

import asyncio
import logging
import re
import sys
import time as _time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TextIO

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
"""What an engine tells unless asked for more or less."""

LOWEST_SETTABLE = CONF
"""Yate lets nobody turn off what is at this level or worse."""

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
"""How many events are kept for the commands `events` and `logview`."""

logger = logging.getLogger("yext")
logger.addHandler(logging.NullHandler())

_NOT_SAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]")


def _shown(found: re.Match[str]) -> str:
    code = ord(found[0])
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def safe(text: str, keep: str = "") -> str:
    """`text` with control characters, and bytes that are not UTF-8, shown as ``\\x1b``.

    Characters in `keep` are left alone, for example ``"\\t"``.
    """
    if _NOT_SAFE.search(text) is None:
        return text
    return _NOT_SAFE.sub(lambda found: found[0] if found[0] in keep else _shown(found), text)


def safe_lines(text: str) -> str:
    """A text of many lines as it is printed: they end in LF, and hold nothing that a terminal
    would obey but TABs."""
    return "".join(f"{safe(line, keep=chr(9))}\n" for line in text.splitlines())


def clamp_level(level: int) -> int:
    """A debug level somebody asked for, within what may be set."""
    return max(LOWEST_SETTABLE, min(ALL, level))


def changed_level(current: int, asked: str) -> int:
    """The level that `asked` for makes of `current`: ``5`` sets it, ``5+`` raises it to at
    least 5, ``5-`` lowers it to at most 5; anything else keeps it."""
    found = re.match(r"\s*([+-]?)0*(\d+)\s*([+-]?)", asked, re.ASCII)
    if found is None:
        return current
    # Any three digits are past the limit, and thousands of them are more than Python reads.
    level = clamp_level(int(found[1] + found[2][:3]))
    if found[3] == "+":
        return max(current, level)
    return min(current, level) if found[3] == "-" else level


def stamp(when: float) -> str:
    """A time as Yate's log shows it: ``2026-11-23_12:04:31.207000``, local."""
    seconds, micros = divmod(round(when * 1_000_000), 1_000_000)
    return f"{_time.strftime('%Y-%m-%d_%H:%M:%S', _time.localtime(seconds))}.{micros:06}"


@dataclass(slots=True)
class Event:
    """One thing that was told.

    Attributes:
        kind: ``output``, ``debug``, ``notice`` (something an operator must see, with
            `lines`), ``stderr`` (a line a script wrote there) or ``config`` (what the
            configuration reader has to say, in Yate's words).
        text: one line, without a time; of ``config`` perhaps several, parted by CR LF.
        level: the debug level; `NOTE` for what is not debug.
        source: who told it: a module's or script's debug name; for output ``engine``, or empty for
            what a script put out.
        when: seconds since 1970, 0 for what is shown without a time.
        lines: for a notice, the whole story, a line each.
        logged: whether the log is to have it; False for what a debug line has told it.
        session: the session that the notice is meant for, empty for all.
    """

    kind: str
    text: str
    level: int = NOTE
    source: str = ""
    when: float = field(default_factory=_time.time)
    lines: tuple[str, ...] = ()
    session: str = ""
    logged: bool = True

    def line(self) -> str:
        """The event as a line of the log, without its time."""
        if self.kind == "debug":
            return f"<{self.source}:{LEVEL_NAMES[self.level]}> {self.text}"
        if self.kind == "stderr":
            return f"<{self.source}:stderr> {self.text}"
        return self.text


Subscriber = Callable[[Event], None]


class Log:
    """What one engine tells, and who listens.

    Attributes:
        captured: what `events` shows: all that was told until `startup_ends`, seconds since
            1970, as Yate does, and what went wrong since.
    """

    def __init__(self) -> None:
        self.level = DEFAULT_LEVEL
        self.objects = False
        self.startup_ends = float("inf")
        self.captured: deque[Event] = deque(maxlen=_CAPTURED)
        self._subscribers: list[Subscriber] = []
        self._replying: dict[str, list[list[Event]]] = {}

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Has `subscriber` called with each event; returns what ends that."""
        self._subscribers.append(subscriber)

        def unsubscribe() -> None:
            if subscriber in self._subscribers:
                self._subscribers.remove(subscriber)

        return unsubscribe

    def tells(self, level: int) -> bool:
        """Whether debug text of `level` goes anywhere: build it only then."""
        return level <= self.level

    def debug(self, level: int, source: str, text: str) -> None:
        """Debug text of a module, told when the engine's level allows it."""
        if level <= self.level:
            self.emit(Event("debug", text, level, source))

    def output(self, text: str) -> None:
        """Plain output, as of a script's ``%%>output``."""
        self.emit(Event("output", text))

    def notice(
        self, lines: tuple[str, ...], session: str, *, level: int = WARN, logged: bool = True
    ) -> None:
        """Something that an operator must see at once, a line each, the first in short.

        The log has it on one line, unless it is not `logged` because it has been already.
        """
        text = "; ".join(lines)
        event = Event("notice", text, level, "", lines=lines, session=session, logged=logged)
        if session in self._replying:
            self._record(event)
            self._replying[session][-1].append(event)
        else:
            self.emit(event)

    @contextmanager
    def replying(self, session: str) -> Iterator[None]:
        """While a command of `session` is carried out: notices for it come after the reply.

        A script may end before the command that started it is answered. What is told of that waits
        for the first turn of the loop after the block, when whoever gave the command has shown what
        came of it. The log has it at once.
        """
        held: list[Event] = []
        blocks = self._replying.setdefault(session, [])
        blocks.append(held)
        try:
            yield
        finally:
            blocks[:] = [one for one in blocks if one is not held]
            if not blocks:
                del self._replying[session]
            if held:
                asyncio.get_running_loop().call_soon(self._tell_held, held)

    def _tell_held(self, held: list[Event]) -> None:
        for event in held:
            self._tell(event)

    def emit(self, event: Event) -> None:
        """Tells `event` to the log and to every subscriber."""
        self._record(event)
        self._tell(event)

    def _record(self, event: Event) -> None:
        if event.level <= WARN or (event.when or _time.time()) <= self.startup_ends:
            self.captured.append(event)
        logging_level = _LOGGING_LEVELS[event.level]
        if event.logged and logger.isEnabledFor(logging_level):
            logger.log(logging_level, "%s", event.line(), extra={"yate_event": event})

    def _tell(self, event: Event) -> None:
        for subscriber in tuple(self._subscribers):
            try:
                subscriber(event)
            except Exception:
                logger.exception("a subscriber of the log failed")
                self._subscribers.remove(subscriber)


class YateFormatter(logging.Formatter):
    """Log lines as Yate writes them: time, then the safe text."""

    def format(self, record: logging.LogRecord) -> str:
        event = getattr(record, "yate_event", None)
        # Only the configuration reader's own words are ever more than a line.
        keep = "\t\r\n" if event is not None and event.kind == "config" else "\t"
        lines = [safe(record.getMessage(), keep=keep)]
        if record.exc_info:
            trace = self.formatException(record.exc_info)
            lines += [safe(line, keep="\t") for line in trace.split("\n")]
        when = "" if event is not None and not event.when else f"{stamp(record.created)} "
        return "\n".join(f"{when}{line}" for line in lines)


def log_to(path: str | None) -> tuple[logging.StreamHandler[TextIO], int]:
    """Has the log written to the file at `path`, or to standard error for None.

    Returns the handler, to be given to `stop_logging`, and the descriptor it writes to.
    Raises OSError.
    """
    stream = sys.stderr if path is None else open(path, "a", encoding="utf-8")  # noqa: SIM115
    handler: logging.StreamHandler[TextIO] = logging.StreamHandler(stream)
    handler.setFormatter(YateFormatter())
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    return handler, stream.fileno()


def stop_logging(handler: logging.StreamHandler[TextIO]) -> None:
    """Ends what `log_to` began."""
    logger.removeHandler(handler)
    handler.flush()
    if handler.stream is not sys.stderr:
        handler.stream.close()


class Throttle:
    """A limit on how many of a kind pass in a second.

    Args:
        left_out: called at the end of a second with the number of those that did not pass.
    """

    __slots__ = ("_left_out", "_loop", "_passed", "_refused", "_timer", "_until")

    def __init__(self, left_out: Callable[[int], None]) -> None:
        self._left_out = left_out
        self._loop = asyncio.get_running_loop()
        self._passed = self._refused = 0
        self._until = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def passes(self, most: int) -> bool:
        """Count one more; return True if it is among the first `most` of this second."""
        now = self._loop.time()
        if self._timer is None and now >= self._until:
            self._until, self._passed = now + 1, 0
        if self._passed < most:
            self._passed += 1
            return True
        self._refused += 1
        if self._timer is None:
            self._timer = self._loop.call_at(self._until, self.flush)
        return False

    def flush(self) -> None:
        """Report at once how many were left out, if any were, and begin a new second."""
        if self._timer is None:
            return
        self._timer.cancel()
        self._timer = None
        refused, self._refused = self._refused, 0
        self._until = 0.0
        self._left_out(refused)
