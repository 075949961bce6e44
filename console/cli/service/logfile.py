"""The log in a file or on standard error: private, reopened on request, calm on a full disk."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import sys
from contextlib import suppress
from typing import Any

from yext import log
from yext.log import YateFormatter

PRIVATE = 0o600
"""The mode of new files that may hold passwords: only their owner reads them."""

_LOGGERS = ("yext", "asyncio")
"""The loggers that are written: asyncio reports on its own what no callback has caught."""

_KINDS_MAX = 100
"""Kinds of unhandled errors that are told apart; the log has each of them in full once."""


class LogFile(logging.Handler):
    """Writes the log to a file, line by line.

    Lines that cannot be written, as on a full disk, are left out and counted. Standard error gets
    one line about that, and the file their number as soon as it can be written again.

    Args:
        path: the file, made readable for its owner only; None for standard error.
        formatter: makes the lines.

    Attributes:
        descriptor: the descriptor of the file; it stays the same when the file is reopened.

    Raises:
        OSError: the file cannot be opened.
    """

    def __init__(self, path: str | None, formatter: logging.Formatter) -> None:
        super().__init__()
        self._path = path
        self._encoding = "utf-8" if path is not None else sys.stderr.encoding
        self.descriptor = sys.stderr.fileno() if path is None else _open(path)
        self._left_out = 0
        self._error: OSError | None = None
        self._torn = False
        self.setFormatter(formatter)

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record, or count it."""
        lines = self.format(record) + "\n"
        try:
            self._write(self._missing() + lines)
        except OSError as error:
            self._left_out += 1
            if self._error is None and self._path is not None:
                _complain(f"{self._path}: {_reason(error)}; lines of the log are left out")
            self._error = error
        else:
            self._left_out, self._error = 0, None

    def reopen(self) -> None:
        """Open the file again by its name, as after a rotation of the log.

        Raises:
            OSError: it cannot be opened; the log goes on in the file that is open.
        """
        if self._path is None:
            return
        opened = _open(self._path)
        self.acquire()
        try:
            os.dup2(opened, self.descriptor, inheritable=False)
            self._torn = False
        finally:
            self.release()
            os.close(opened)

    def close(self) -> None:
        """Stop writing the log, and close the file; standard error stays open."""
        for name in _LOGGERS:
            logging.getLogger(name).removeHandler(self)
        super().close()
        if self._path is not None and self.descriptor >= 0:
            with suppress(OSError):  # Some file systems report here that the disk is full.
                os.close(self.descriptor)
            self.descriptor = -1

    def _missing(self) -> str:
        """Return the line about those that were left out, empty if there are none."""
        if self._error is None:
            return ""
        lines = "line was" if self._left_out == 1 else "lines were"
        left_out = f"{self._left_out:,} {lines} left out: {_reason(self._error)}"
        values = {"name": log.logger.name, "levelno": logging.WARNING, "msg": left_out}
        line = self.format(logging.makeLogRecord(values))
        return ("\n" if self._torn else "") + f"{line}\n"

    def _write(self, text: str) -> None:
        data = text.encode(self._encoding, "backslashreplace")
        written = 0
        try:
            while written < len(data):
                written += os.write(self.descriptor, data[written:])
        except OSError:
            self._torn = self._torn or written > 0
            raise
        self._torn = False


def log_to(path: str | None, *, as_json: bool = False) -> LogFile:
    """Write the log to the file at `path`, or to standard error for None.

    Raises:
        OSError: the file cannot be opened.
    """
    formatter: logging.Formatter = YateFormatter()
    if as_json:
        from yext.console.cli.service.jsonlog import JsonFormatter

        formatter = JsonFormatter()
    handler = LogFile(path, formatter)
    for name in _LOGGERS:
        logging.getLogger(name).addHandler(handler)
    log.logger.setLevel(logging.DEBUG)
    return handler


class UnhandledErrors:
    """Logs the errors that asyncio reports because nothing has caught them.

    An error of a connection is one line. Of any other kind the first has its traceback, for a
    report of the fault; further ones are one line as well.
    """

    def __init__(self) -> None:
        self._known: set[tuple[str, type | None]] = set()

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Log one error; see `asyncio.loop.call_exception_handler` for `context`."""
        error = context.get("exception")
        kind = (str(context.get("message")), type(error) if error is not None else None)
        line = ": ".join(part for part in (kind[0], repr(error) if error else "") if part)
        first = not isinstance(error, OSError) and kind not in self._known
        if len(self._known) < _KINDS_MAX:
            self._known.add(kind)
        log.logger.error("asyncio: %s", line, exc_info=error if first else None)


def _open(path: str) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
    return os.open(path, flags, PRIVATE)


def _reason(error: OSError) -> str:
    number = error.errno or 0
    return f"{os.strerror(number)} ({errno.errorcode.get(number, '?')})"


def _complain(text: str) -> None:
    """Write a line to standard error, as far as that is possible."""
    with suppress(OSError):
        os.write(2, f"yext: {text}\n".encode(errors="backslashreplace"))
