"""The interfaces between the layers of a peer: transport, connection, peer."""

from __future__ import annotations

import asyncio
from typing import Protocol


class Transport(Protocol):
    """What a connection writes to: an asyncio transport, or the pipes of a script."""

    def write(self, data: bytes, /) -> None: ...
    def close(self) -> None: ...
    def get_write_buffer_size(self) -> int: ...
    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...


class PeerConnection(Protocol):
    """What a peer needs from its connection.

    Attributes:
        bufsize: the bytes of the longest line that the peer may send.
    """

    bufsize: int

    def check_buffered(self) -> None:
        """Check what was received before `bufsize` was changed.

        Raises:
            LineTooLongError: it does not fit.
        """

    def write_soon(self) -> float:
        """Write the peer's lines at the end of this turn of the loop; return the loop's time."""

    def refuses(self) -> bool:
        """Return True if the peer takes no more lines: it has closed its input, or more than
        ``maxoutput`` bytes wait for it."""

    def count_lost_notice(self) -> None:
        """Count a notice that was left out because the connection refuses."""

    def hand_off(self, successor: asyncio.Protocol) -> None:
        """End the peer, and let `successor` have the transport and what has come on it."""

    def close(self) -> None:
        """Write the peer's lines, then close."""
