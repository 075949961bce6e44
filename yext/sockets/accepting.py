"""Accept connections on a listening socket, and stop while descriptors are short.

asyncio's own servers try again a thousand times a second without descriptors, and report each
failure with a traceback.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Callable

from yext.sockets import descriptors

AT_ONCE = 16
"""Connections that are accepted in one turn of the loop; then others have theirs."""

RETRY_SECONDS = 0.5
"""How long after a lack of descriptors it is seen whether there are some again."""

CALM_SECONDS = 3.0
"""How long accepting must have gone on before that is reported, and its next stop."""

_GONE = (errno.ECONNABORTED, errno.EPROTO, errno.EPERM, errno.ENETDOWN, errno.EHOSTUNREACH)
"""Errors of one connection that ended before it was accepted (accept(2))."""

Report = Callable[[bool, str], None]
"""Gets True and why accepting has stopped, or False and why it goes on."""


class Acceptor:
    """Accepts the connections of a listening socket.

    Args:
        listening: the socket, non-blocking and listening; closed by `close`.
        make_protocol: called for each connection; returns its protocol.
        reserve: descriptors that are left free.
        report: called when accepting stops for want of descriptors, and when it goes on.
    """

    def __init__(
        self,
        listening: socket.socket,
        make_protocol: Callable[[], asyncio.Protocol],
        reserve: int,
        report: Report,
    ) -> None:
        self._listening = listening
        self._make_protocol = make_protocol
        self._reserve = reserve
        self._report = report
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._short = False
        self._connecting: set[asyncio.Task[object]] = set()
        self._loop.add_reader(listening, self._accept)

    def close(self) -> None:
        """Stop accepting, and close the socket; connections stay open."""
        if self._timer is not None:
            self._timer.cancel()
        self._loop.remove_reader(self._listening)
        self._listening.close()

    def _accept(self) -> None:
        for _ in range(AT_ONCE):
            try:
                if not descriptors.may_open(self._listening.fileno(), self._reserve):
                    self._stop(errno.EMFILE)
                    return
                connection, _ = self._listening.accept()
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                if error.errno in _GONE:
                    continue
                self._stop(error.errno or 0)
                return
            connection.setblocking(False)
            connecting = self._loop.connect_accepted_socket(self._make_protocol, connection)
            task: asyncio.Task[object] = self._loop.create_task(connecting)
            self._connecting.add(task)
            task.add_done_callback(self._connecting.discard)

    def _stop(self, number: int) -> None:
        """Accept nothing until there are descriptors again."""
        self._loop.remove_reader(self._listening)
        self._later(RETRY_SECONDS, self._try_again)
        if not self._short:
            self._short = True
            self._report(True, self._reason(number))

    def _try_again(self) -> None:
        try:
            possible = descriptors.may_open(self._listening.fileno(), self._reserve, again=True)
        except OSError:
            possible = False
        if possible:
            self._later(CALM_SECONDS, self._go_on)
            self._loop.add_reader(self._listening, self._accept)
        else:
            self._later(RETRY_SECONDS, self._try_again)

    def _go_on(self) -> None:
        self._timer, self._short = None, False
        self._report(False, "there are descriptors again")

    def _later(self, seconds: float, action: Callable[[], None]) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(seconds, action)

    def _reason(self, number: int) -> str:
        if number != errno.EMFILE:
            return f"{os.strerror(number)} ({errno.errorcode.get(number, '?')}, {number})"
        return (
            f"{self._reserve} of {descriptors.limit():,} descriptors are left (EMFILE);"
            " do: raise ulimit -n, or LimitNOFILE= of the service"
        )
