"""What carries frames between nodes, and the kinds of frames.

A carrier knows how to reach nodes; it gives the exchange what comes from them, and who sent it.
All frames between two nodes arrive in order, or the carrier says that the node is gone.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol


class Kind(StrEnum):
    """The kind of a frame: its first word on a link, a part of the subject on NATS."""

    ALIVE = "alive"
    """A sign of life: ``INSTANCE REVISION``."""

    ANNOUNCE = "announce"
    """A `yext.cluster.exchange.announcement.Announcement`."""

    WANT = "want"
    """A request for the announcement, empty."""

    BYE = "bye"
    """The node ends; the text is its instance."""

    RESET = "reset"
    """The node knows nothing of what the receiver has asked it before; empty. It is the first frame
    to a node that has come: this one may have taken it for gone, and the other one not noticed."""

    ASK = "ask"
    """A message for a handler: ``ID:NUMBER:TIME:NAME:RETVALUE[:KEY=VALUE…]``."""

    ANSWER = "answer"
    """Its answer: ``ID:MICROSECONDS:RESULT:TIME:NAME:RETVALUE[:KEY=VALUE…]``."""

    SEEN = "seen"
    """A message that was dispatched: ``HANDLED:TIME:NAME:RETVALUE[:KEY=VALUE…]``."""

    COMMAND = "command"
    """A command of an operator, as JSON."""

    REPLY = "reply"
    """The reply to a command, as JSON."""

    JOURNEY = "journey"
    """The journey of a message, as JSON."""


class Carrier(Protocol):
    """A way to other nodes.

    Attributes:
        kind: what it is, ``link`` or ``nats``.
        label: its name for operators.
        silence: seconds without a sign of life after which a node is gone.
        broadcasts: whether it sends signs of life to all nodes by itself.
    """

    kind: str
    label: str
    silence: float
    broadcasts: bool

    def send(self, node: str, kind: Kind, text: str) -> bool:
        """Send a frame to a node; return False if it cannot be sent now."""

    def refuse(self, node: str, reason: str) -> None:
        """Have no more to do with a node.

        Args:
            node: its name.
            reason: what it has done that no node does, for the log; empty for nothing.
        """
