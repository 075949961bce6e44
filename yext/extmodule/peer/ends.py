"""Why the part of a peer on the bus is over."""

from __future__ import annotations

from enum import Enum


class PeerEnd(Enum):
    """Why a peer's part on the bus is over."""

    GONE = "it closed its connection, or its process ended"
    QUIT = "it sent %%>quit"
    STOP = "an operator, a reload or the end of the engine stopped it"
    HANGUP = "its channel was destroyed"
    DATA = "its connection carries audio from now on"
    REFUSED = "its first line was not a valid %%>connect"
    OVERFLOW = "it sent too long a line"
    DEBUGGER = "a debugger reads and writes its lines"
    TIMEBOMB = "it did not take or answer a message in time, and timebomb is on"


AT_ONCE = (
    PeerEnd.STOP, PeerEnd.REFUSED, PeerEnd.OVERFLOW, PeerEnd.DEBUGGER, PeerEnd.TIMEBOMB,
)  # fmt: skip
"""The ends at which the connection does not wait for the answers to the peer's own messages."""
