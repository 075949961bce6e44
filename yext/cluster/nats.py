"""The carrier over NATS: nodes find each other, and ask each other, by subjects of one server.

``PREFIX.KIND.TO.FROM`` is the subject of a frame. TO is a node, or ``_all``; FROM is the sender, so
that a server can be told who may call itself what (docs/cluster.md). Each node has one subscription
to all that is for it, so that the frames of a sender arrive in order.

A frame for one node begins with the instances of its sender and its receiver: of two nodes of one
name, which both get it, one is meant.

The client library is nats-py. It is not left to connect again by itself: it would then send what it
had kept back, long after the messages had gone on without an answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
from collections import deque
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from yext import wire
from yext.cluster.exchange.carrier import Kind
from yext.cluster.exchange.exchange import Exchange
from yext.cluster.limits import BEAT_SECONDS, FRAME_MAX, SILENCE_SECONDS, is_node_name
from yext.cluster.secure import client_context
from yext.cluster.settings import NatsSpec
from yext.conf import Problem, Severity
from yext.errors import NodeError
from yext.log import WARN, Throttle, safe

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg

ALL: Final = "_all"
"""In place of a node in the subject of what is for all; no node may be called that."""

FIRST_DELAY: Final = 0.1
"""Seconds before the next attempt to connect; doubled at each failure."""

LONGEST_DELAY: Final = 5.0
CONNECT_SECONDS: Final = 5.0

_WAITING_MAX: Final = 8 * 1_048_576
"""Bytes that may wait for a server that does not read; beyond that, nothing is sent."""

_UNREAD_MESSAGES: Final = 200_000
_UNREAD_BYTES: Final = 64 * 1_048_576
"""What may wait here to be read; if it is more the connection is given up, as messages are lost."""

_MARK: Final = 8
"""Characters of each instance that a frame begins with."""

_FORBIDDEN = re.compile(r'permissions violation for (publish|subscription) to "([^"]*)"', re.I)
_TOLD_SECONDS = 60.0
"""Seconds between two reports of the same."""


def examine(spec: NatsSpec) -> list[Problem]:
    """Return what is missing for NATS."""
    missing = [name for name in ("nats", "nkeys") if find_spec(name) is None]
    if not missing:
        return []
    text = "[nats] needs the package nats-py; do: pip install 'yate-yext[nats]'"
    return [Problem(spec.file, spec.line, Severity.ERROR, text)]


class NatsCarrier:
    """The connection to one of the servers, and the carrier of the nodes there.

    Args:
        exchange: what gets the frames.
        spec: the section.

    Attributes:
        spec: the section.
        up: True while this node can be reached.
        reason: why it cannot, empty before the first attempt and while it can.
    """

    kind = "nats"
    silence = SILENCE_SECONDS
    broadcasts = True

    def __init__(self, exchange: Exchange, spec: NatsSpec) -> None:
        self.spec = spec
        self.label = "nats"
        self.up = False
        self.reason = ""
        self._exchange = exchange
        self._log = exchange.bus.log
        self._clock = asyncio.get_running_loop().time
        self._own = _token(exchange.bus.node)
        self._client: Client | None = None
        self._most = FRAME_MAX
        self._queue: deque[tuple[str, bytes]] = deque()
        self._queued = 0
        self._wake = asyncio.Event()
        self._ended = False
        self._closing = False
        self._broken = ""  # why this end gives the connection up
        self._echo = self._last_beat = 0.0
        self._readers: dict[asyncio.Task[Any], None] = {}
        self._shut_out: dict[str, str] = {}
        self._told: dict[str, Throttle] = {}
        self._task = asyncio.get_running_loop().create_task(self._run())

    # The connection

    async def close(self) -> None:
        """Send what waits, and close the connection."""
        self._closing = True
        if self._client is not None and self.up:
            with contextlib.suppress(Exception):
                async with asyncio.timeout(0.5):
                    while self._queue:
                        await self._client.publish(*self._queue.popleft())
                    await self._client.flush()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        delay = FIRST_DELAY
        while True:
            self._ended = False
            self._broken = ""
            reason = await self._connect()
            if not reason:
                delay = FIRST_DELAY
                reason = await self._serve()
            self._down(reason)
            await asyncio.sleep(delay * random.uniform(0.5, 1.0))
            delay = min(delay * 2, LONGEST_DELAY)

    async def _connect(self) -> str:
        """Connect and subscribe; return why that failed, empty if it did not."""
        import nats

        spec = self.spec
        try:
            context = client_context(spec.tls)
            self._client = client = await nats.connect(
                servers=list(spec.servers),
                name=f"yext {self._exchange.bus.node}",
                error_cb=self._error,
                disconnected_cb=self._disconnected,
                closed_cb=self._disconnected,
                allow_reconnect=False,
                connect_timeout=CONNECT_SECONDS,
                max_reconnect_attempts=1,
                tls=context,
                **_credentials(spec.credentials),
            )
            self._most = min(FRAME_MAX, client.max_payload)
            for subject in (f"*.{self._own}.*", f"{Kind.ALIVE}.{ALL}.*"):
                await client.subscribe(
                    f"{spec.prefix}.{subject}",
                    cb=self._received,
                    pending_msgs_limit=_UNREAD_MESSAGES,
                    pending_bytes_limit=_UNREAD_BYTES,
                )
            # Each of the two is heard from at once. The answer to the flush shows that nothing of
            # this was forbidden.
            await client.publish(f"{spec.prefix}.{Kind.WANT}.{self._own}.{self._own}")
            await client.flush(timeout=int(CONNECT_SECONDS))
        except (OSError, NodeError, nats.errors.Error, TimeoutError, ValueError) as error:
            await self._close_client()
            return safe(str(error).removeprefix("nats: ") or type(error).__name__)
        return self._why() if self._ended else ""

    async def _serve(self) -> str:
        """Send what is to be sent until the connection ends; return why it did."""
        client = self._client
        assert client is not None
        self.up, self.reason, self._shut_out = True, "", {}
        self._echo = self._last_beat = self._clock()
        self.beat()
        try:
            while not self._ended:
                await self._wake.wait()
                self._wake.clear()
                while self._queue and not self._ended:
                    subject, data = self._queue.popleft()
                    self._queued -= len(data)
                    await client.publish(subject, data)
        except Exception as error:  # The client has many, and any ends the connection.
            self._broken = self._broken or safe(str(error)) or type(error).__name__
            return self._why()
        finally:
            self._down(self._why())
            await self._close_client()
        return self._why()

    def _why(self) -> str:
        """Return why the connection has ended."""
        return self._broken or "the connection to the server was lost"

    def _end(self) -> None:
        """Give the connection up."""
        self._ended = True
        self._wake.set()

    async def _close_client(self) -> None:
        client, self._client = self._client, None
        # Where the client fails within its own close, it leaves those that call back here behind.
        readers, self._readers = list(self._readers), {}
        for task in readers:
            task.cancel()
        if client is not None:
            with contextlib.suppress(Exception):
                async with asyncio.timeout(0.5):
                    await client.close()
        await asyncio.gather(*readers, return_exceptions=True)
        await asyncio.sleep(0)  # Its other tasks, which are cancelled, end in this turn.

    async def _disconnected(self) -> None:
        if not self._ended:
            self._end()
            if self.up:
                self._down(self._why())

    def _down(self, reason: str) -> None:
        """Let go of all nodes: without a server none is there."""
        was_up, self.up = self.up, False
        self._queue.clear()
        self._queued = 0
        known, self.reason = self.reason, reason
        if self._closing or (not was_up and known == reason):
            return
        nodes = [node for node in self._exchange.nodes.values() if node.carrier is self]
        released = sum(self._exchange.left(node.name, self, "") for node in nodes)
        text = f"nats ({', '.join(map(_shown, self.spec.servers))}): {reason}"
        if nodes:
            text += f"; nodes gone: {len(nodes)}, messages that go on without them: {released:,}"
        self._log.notice((safe(text), "see: status cluster"), "", level=WARN)

    async def _error(self, error: Exception) -> None:
        """Take an error that the client reports by itself."""
        from nats.errors import SlowConsumerError

        found = _FORBIDDEN.search(str(error))
        if found is not None:
            self._forbidden(found[1].lower(), found[2])
        elif isinstance(error, SlowConsumerError):
            self._broken = "more came than could be read in time, and some of it was lost"
            self._end()

    def _forbidden(self, verb: str, subject: str) -> None:
        """Report that the server forbids something, and do without the node that it is about."""
        what = "publish to" if verb == "publish" else "subscribe to"
        hint = "allow it to this user in the permissions of the server"
        self._report(f"nats forbids this node to {what} {subject}", f"do: {hint}")
        if verb != "publish":
            self._broken = f"the server forbids to subscribe to {safe(subject)}"
            self._end()
            return
        kind, to, _ = _parted(subject, self.spec.prefix.lower())
        if kind == Kind.ALIVE:
            return
        for name, node in list(self._exchange.nodes.items()):
            if node.carrier is self and _token(name).lower() == to:
                reason = f"the server forbids to publish to {safe(subject)}"
                self._shut_out[name] = reason
                self.send(name, Kind.BYE, self._exchange.instance)
                for ident in list(node.flights) if kind == Kind.ASK else ():
                    self._exchange.asking.refused(node, ident)
                self._exchange.left(name, self, reason)

    def _report(self, text: str, see: str) -> None:
        """Tell the operators something, not again within a minute."""
        if text not in self._told:
            if len(self._told) > 100:
                self._told.clear()
            self._told[text] = Throttle(lambda count: None, _TOLD_SECONDS)
        if self._told[text].passes(1):
            self._log.notice((safe(text), safe(see)), "", level=WARN)

    # Signs of life

    def beat(self) -> None:
        """Send a sign of life, and look whether the last ones have come back."""
        if not self.up:
            return
        now = self._clock()
        if now - self._last_beat > BEAT_SECONDS + 0.5:
            self._echo = now  # This engine stood still, and has not read what has come.
        self._last_beat = now
        if now - self._echo > SILENCE_SECONDS:
            self._broken = f"the server does not answer for {now - self._echo:.1f} s"
            self._down(self._broken)
            self._end()
            return
        self._put(Kind.ALIVE, ALL, self._exchange.sign_of_life())

    # Frames

    def send(self, node: str, kind: Kind, text: str) -> bool:
        known = self._exchange.nodes.get(node)
        if known is None:
            return False
        return self._put(kind, _token(node), f"{self._mark(known.instance)} {text}")

    def _mark(self, receiver: str) -> str:
        return f"{self._exchange.instance[:_MARK]}{receiver[:_MARK]}"

    def _put(self, kind: Kind, to: str, text: str) -> bool:
        client = self._client
        if not self.up or client is None:
            return False
        data = wire.to_bytes(text)
        if len(data) > self._most or self._queued + client.pending_data_size > _WAITING_MAX:
            return False
        if not self._queue:
            self._wake.set()
        self._queue.append((f"{self.spec.prefix}.{kind}.{to}.{self._own}", data))
        self._queued += len(data)
        return True

    def refuse(self, node: str, reason: str) -> None:
        if reason and not reason.startswith("nothing was heard"):
            self._shut_out[node] = reason
            self._report(f"node {node} is refused: {reason}", "see: status cluster")

    async def _received(self, message: Msg) -> None:
        if (task := asyncio.current_task()) is not None:
            self._readers[task] = None
        kind, to, sender = _parted(message.subject, self.spec.prefix)
        name = sender.replace("~", ".")
        text = message.data.decode(wire.ENCODING, wire.ERRORS)
        if name == self._exchange.bus.node:
            self._heard_own_name(kind, text)
            return
        if not is_node_name(name) or to not in (self._own, ALL):
            return
        if kind == Kind.ALIVE:
            instance = text.partition(" ")[0]
            self._alive(name, instance)
        else:
            instance, _, text = text.partition(" ")
        known = self._exchange.nodes.get(name)
        if known is None or known.carrier is not self:
            return
        own = self._exchange.instance[:_MARK]
        if instance in (known.instance, f"{known.instance[:_MARK]}{own}"):
            self._exchange.received(name, self, kind, text)

    def _heard_own_name(self, kind: str, text: str) -> None:
        self._echo = self._clock()
        if kind == Kind.ALIVE and text.partition(" ")[0] != self._exchange.instance:
            text = f"another node on nats is called {self._exchange.bus.node} too: others keep"
            self._report(f"{text} to the one that they knew first", "do: yext -N, another name")

    def _alive(self, name: str, instance: str) -> None:
        """Add a node that is new; one of the name of another that lives is refused."""
        exchange = self._exchange
        known = exchange.nodes.get(name)
        if known is not None:
            if known.carrier is self and known.instance != instance:
                text = f"two nodes on nats are called {name}: this one keeps to the first"
                if self._clock() - known.heard < 2 * BEAT_SECONDS:
                    self._report(text, "do: give one of them another name")
            return
        if name in self._shut_out or not 8 <= len(instance) <= 64:
            return
        try:
            exchange.arrived(name, self, instance)
        except NodeError as error:
            self._report(f"node {name} is refused: {error}", "see: status cluster")


def _token(node: str) -> str:
    """Return a node's name as a part of a subject, which dots would divide."""
    return node.replace(".", "~")


def _parted(subject: str, prefix: str) -> tuple[str, str, str]:
    """Return kind, receiver and sender of a subject, empty if it is none of ours."""
    parts = subject.removeprefix(f"{prefix}.").split(".")
    return (parts[0], parts[1], parts[2]) if len(parts) == 3 else ("", "", "")


def _shown(server: str) -> str:
    """Return the address of a server without the password in it."""
    found = urlsplit(server if "://" in server else f"nats://{server}")
    return f"{found.hostname or ''}:{found.port or 4222}"


def _credentials(path: str) -> dict[str, Any]:
    """Return the client's options for a file of credentials.

    Raises:
        OSError: it cannot be read.
    """
    if not path:
        return {}
    with open(path, encoding="utf-8") as file:
        text = file.read(65536).strip()
    if "BEGIN NATS USER JWT" in text:
        return {"user_credentials": path}
    user, colon, password = text.partition(":")
    return {"user": user, "password": password} if colon else {"token": text}
