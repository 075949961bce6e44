"""The player's end of a connection to the engine, or to a script that the engine started."""

import re
import socket
import time
from collections.abc import Sequence

from .matching import Mismatch, show
from .process import patience, readable

BETWEEN_TICKS = ("eng_timer_true", "machine_echo_redraw")
"""Cases that the engine's timer, at each full second, would disturb: they start right after it."""


def wait_for_tick(port: int) -> None:
    """Watch the engine's timer, on a listener for global scripts, until it fires once."""
    connection = Connection.tcp(port)
    connection.send(b"%%>watch:engine.timer\n")
    deadline = time.monotonic() + patience.seconds
    while line := connection.next_line(deadline):
        if line.startswith(b"%%<message::false:engine.timer:"):
            break
    else:
        raise Mismatch("the engine's timer does not come")
    connection.close()


class Connection:
    """A stream socket, with the bytes received but not yet used.

    `received` holds these bytes; `ended` is true once the engine has closed.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        sock.settimeout(patience.seconds)
        self.received = bytearray()
        self.ended = False

    @classmethod
    def tcp(cls, port: int) -> "Connection":
        """Connect to a listener on this machine. Raises Mismatch if nothing listens."""
        try:
            return cls(socket.create_connection(("127.0.0.1", port), patience.seconds))
        except OSError as error:
            raise Mismatch(f"no connection to port {port}: {error}") from None

    @classmethod
    def unix(cls, path: str) -> "Connection":
        sock = socket.socket(socket.AF_UNIX)
        try:
            sock.connect(path)
        except OSError as error:
            sock.close()
            raise Mismatch(f"no connection to {path}: {error}") from None
        return cls(sock)

    @property
    def port(self) -> int:
        """The local TCP port, by which the engine identifies this peer."""
        return int(self._socket.getsockname()[1])

    def send(self, data: bytes) -> None:
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise Mismatch(f"could not send {show(data)}: {error}") from None

    def end_sending(self) -> None:
        self._socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self._socket.close()

    def more(self, deadline: float) -> bool:
        """Wait for more bytes until `deadline`, of time.monotonic(); return False if none come."""
        if self.ended or not readable([self._socket.fileno()], deadline - time.monotonic()):
            return False
        try:
            data = self._socket.recv(1 << 18)
        except OSError:
            # A reset only means that the engine closed with input unread.
            data = b""
        self.ended = not data
        self.received += data
        return bool(data)

    def settle(self, seconds: float) -> None:
        """Receive for this many seconds."""
        deadline = time.monotonic() + seconds
        while self.more(deadline):
            pass

    def cut(self, patterns: Sequence[bytes]) -> None:
        """Remove from the received bytes the texts that the case ignores."""
        for pattern in patterns:
            self.received[:] = re.sub(pattern, b"", bytes(self.received))

    def next_line(self, deadline: float, ignore: Sequence[bytes] = ()) -> bytes | None:
        """Return the next whole line, without its LF; None if the engine closes or time is up.

        Lines that match one of the patterns in `ignore` are skipped.
        """
        while True:
            end = self.received.find(b"\n")
            if end < 0:
                if not self.more(deadline):
                    return None
                continue
            line = bytes(self.received[:end])
            del self.received[: end + 1]
            if not any(re.search(pattern, line) for pattern in ignore):
                return line

    def lack(self) -> str:
        """The reason why no further line came, for the message of a failure."""
        rest = f", after {show(bytes(self.received))}" if self.received else ""
        return ("the connection was closed" if self.ended else "nothing more came") + rest
