"""Notify a service manager that the engine is ready, reloads, stops, and still runs.

Source: sd_notify(3) and systemd.service(5). Imported only where a service manager listens.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import Iterator, Sequence
from typing import Final

from yext import Engine
from yext.console.session.session import Session
from yext.engine.module import modules_of

SOCKET: Final = "NOTIFY_SOCKET"
"""The variable of the environment that names the socket."""

_STATUS_SECONDS = 10.0
"""How often the status is sent, in seconds, where no watchdog asks for more."""

_STATUS_MAX = 500
"""Characters of a status."""


class ServiceManager:
    """The service manager that has started the program.

    Args:
        path: the socket; one that begins with @ is abstract.
        watchdog: seconds after which it ends a program that says nothing, None for never.
    """

    def __init__(self, path: str, watchdog: float | None = None) -> None:
        self._address = f"\0{path[1:]}" if path.startswith("@") else path
        self._seconds = min(_STATUS_SECONDS, watchdog / 2 if watchdog else _STATUS_SECONDS)
        self._watched = watchdog is not None
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self._socket.setblocking(False)
        self._timer: asyncio.TimerHandle | None = None

    def ready(self, engine: Engine) -> None:
        """Tell that all listeners accept, and from now on that the event loop turns."""
        self._send("READY=1", f"STATUS={status(engine)}")
        self._send_again_later(engine)

    @contextlib.contextmanager
    def reloading(self, engine: Engine) -> Iterator[None]:
        """Tell that the configuration is read again during the block."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")
        try:
            yield
        finally:
            self._send("READY=1", f"STATUS={status(engine)}")

    def restarting(self) -> None:
        """Tell that the program executes itself again: to a manager, a reload."""
        self._end()
        self._send(
            "RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}", "STATUS=starting again"
        )

    def stopping(self, reasons: Sequence[str] = ()) -> None:
        """Tell that the engine stops, and why where it could not start."""
        self._end()
        self._send("STOPPING=1", f"STATUS={'; '.join(reasons)[:_STATUS_MAX] or 'stopping'}")

    def close(self) -> None:
        """Tell nothing any more."""
        self._end()
        self._socket.close()

    def _send_again_later(self, engine: Engine) -> None:
        def send() -> None:
            self._send(*(["WATCHDOG=1"] if self._watched else []), f"STATUS={status(engine)}")
            self._send_again_later(engine)

        self._timer = asyncio.get_running_loop().call_later(self._seconds, send)

    def _end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _send(self, *lines: str) -> None:
        with contextlib.suppress(OSError):  # It may be gone, or have no room: the next one counts.
            self._socket.sendto("\n".join(lines).encode(), self._address)


def service_manager() -> ServiceManager:
    """Return the service manager that the environment names."""
    microseconds = os.environ.get("WATCHDOG_USEC", "")
    mine = os.environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    wanted = mine and microseconds.isascii() and microseconds.isdecimal() and int(microseconds) > 0
    return ServiceManager(os.environ[SOCKET], int(microseconds) / 1e6 if wanted else None)


def status(engine: Engine) -> str:
    """Return the state of an engine in a line: ``3 scripts running, 1 failed, 2 sessions``."""
    counts = [module.counts() for module in modules_of(engine)]
    numbers = {
        "running": sum(one.running for one in counts),
        "not answering": sum(one.silent for one in counts),
        "failed": sum(one.failed for one in counts),
    }
    shown = [f"{number} {word}" for word, number in numbers.items() if number]
    sessions = sum(isinstance(one, Session) for one in engine.commanders)
    return f"scripts: {', '.join(shown) or 'none'}; sessions: {sessions}"
