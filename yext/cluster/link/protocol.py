"""A link: one connection between two nodes, which both of them use.

After its greeting (`yext.cluster.link.greeting`) each line is a frame: its kind, a blank, its text.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, cast

from yext import wire
from yext.cluster.exchange.carrier import Kind
from yext.cluster.exchange.exchange import Exchange
from yext.cluster.limits import FRAME_MAX, LINK_SILENCE_SECONDS
from yext.errors import LineTooLongError, NodeError
from yext.linebuffer import LineBuffer
from yext.log import WARN, safe

VERSION: Final = 1
"""The version of the greeting and of the frames; both ends must have the same."""

PARAMETER: Final = "yext.link"
"""The parameter of ``%%>setlocal`` that greets. A Yate does not know it, and says so."""

READ_MAX: Final = 65536
"""Bytes that are read in one turn of the loop."""

_WAITING_MAX: Final = 8 * 1_048_576
"""Bytes that may wait for a node that does not read; beyond that, it is sent nothing."""


class LinkProtocol(asyncio.Protocol):
    """One link, and the carrier of the node at its other end.

    Args:
        exchange: what gets the frames.
        node: the name of the node at the other end.
        label: the link's name for operators.
        ended: called once with the reason when the link has ended.

    Attributes:
        label: the link's name for operators.
        why: why this end has closed the link, empty if it has not.
    """

    kind = "link"
    silence = LINK_SILENCE_SECONDS
    broadcasts = False

    def __init__(
        self,
        exchange: Exchange,
        node: str,
        label: str,
        ended: Callable[[str], None],
    ) -> None:
        self.label = label
        self.why = ""
        self._exchange = exchange
        self._node = node
        self._ended = ended
        self._buffer = LineBuffer(FRAME_MAX + 1024)
        self._transport: asyncio.Transport | None = None
        self._waiting: list[str] = []
        self._waiting_size = 0

    # The transport's side (asyncio.Protocol)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._buffer.feed(data)
        try:
            while self._transport is not None:
                line = self._buffer.next_line()
                if line is None:
                    return
                kind, _, text = line.partition(" ")
                self._exchange.received(self._node, self, kind, text)
        except LineTooLongError as error:
            self._exchange.left(self._node, self, f"it sends {error}")
            self.refuse(self._node, f"it sends {error}")

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        reason = f"the connection was lost: {error}" if error else "it closed the connection"
        self._exchange.left(self._node, self, self.why or reason)
        self._ended(self.why or reason)

    def answer(self, value: str, ok: bool) -> None:
        """Answer the greeting of the other end, before all frames."""
        if self._transport is not None:
            line = f"%%<setlocal:{PARAMETER}:{value}:{wire.bool_text(ok)}\n"
            self._transport.write(wire.to_bytes(line))

    def check_certificate(self) -> None:
        """Check that the other end's certificate, if it has shown one, is for its node.

        Raises:
            NodeError: it is for another.
        """
        certificate = self._transport and self._transport.get_extra_info("peercert")
        if not certificate:
            return
        names = [value for kind, value in certificate.get("subjectAltName", ()) if kind == "DNS"]
        for part in certificate.get("subject", ()):
            names += [value for kind, value in part if kind == "commonName"]
        if self._node not in names:
            whose = ", ".join(map(safe, names)) or "nobody"
            raise NodeError(f"it says that it is {self._node}, and its certificate is for {whose}")

    # The exchange's side (`Carrier`)

    def send(self, node: str, kind: Kind, text: str) -> bool:
        transport, size = self._transport, len(text)
        if transport is None or size > FRAME_MAX:
            return False
        if not text.isascii() and len(wire.to_bytes(text)) > FRAME_MAX:
            return False
        if transport.get_write_buffer_size() + self._waiting_size > _WAITING_MAX:
            return False
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._flush)
        self._waiting.append(f"{kind} {text}")
        self._waiting_size += size
        return True

    def _flush(self) -> None:
        lines, self._waiting, self._waiting_size = self._waiting, [], 0
        if self._transport is not None and lines:
            self._transport.write(wire.to_bytes("\n".join(lines) + "\n"))

    def refuse(self, node: str, reason: str) -> None:
        self.why = reason or "it is connected in another way"
        if reason:
            text = f"{self.label} to node {node} closed: {reason}"
            self._exchange.bus.log.debug(WARN, "cluster", safe(text))
        if self._transport is not None:
            self._transport.abort()

    def close(self, why: str = "this node has closed it") -> None:
        """Write what waits, then close."""
        self.why = self.why or why
        self._flush()
        if self._transport is not None:
            self._transport.close()


def greeting(node: str, instance: str) -> str:
    """Return the value that each end greets with."""
    return f"{VERSION} {node} {instance}"


def parse_greeting(value: str) -> tuple[str, str]:
    """Return the name and the instance of the node that greets.

    Raises:
        NodeError: it is no greeting, or one of another version.
    """
    version, _, rest = value.partition(" ")
    node, _, instance = rest.partition(" ")
    if version != str(VERSION) and version.isdecimal():
        raise NodeError(f"it speaks version {version[:9]} of the link, this is version {VERSION}")
    if version != str(VERSION) or not node or not 8 <= len(instance) <= 64:
        raise NodeError("it does not greet as a node")
    return node, instance
