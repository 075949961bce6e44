"""A section ``[link NAME]``: it connects, and connects again when the connection has ended."""

from __future__ import annotations

import asyncio
import os
import random
from typing import TYPE_CHECKING, Final

from yext.cluster.exchange.exchange import Exchange
from yext.cluster.link.greeting import Greeting, PasswordError
from yext.cluster.link.protocol import LinkProtocol, greeting, parse_greeting
from yext.cluster.link.yatepeer import YatePeer
from yext.cluster.secure import client_context
from yext.cluster.settings import LinkSpec
from yext.errors import NodeError
from yext.log import NOTE, WARN, safe

if TYPE_CHECKING:
    import ssl

FIRST_DELAY: Final = 0.1
"""Seconds before a connection that has ended is opened again; doubled at each failure."""

LONGEST_DELAY: Final = 5.0

PASSWORD_DELAY: Final = 60.0
"""Seconds before a password that was refused is tried again: the other end counts guesses."""

GREETING_SECONDS: Final = 10.0
"""How long a connection may take to be made, and to greet."""


class Dialer:
    """One link that this node opens.

    Args:
        exchange: what gets the node at the other end.
        spec: the section.

    Attributes:
        spec: the section.
        link: the connection while there is one.
        reason: why there is none, empty before the first attempt and while there is one.
        node: the node that was at the other end last, empty if none was.
    """

    def __init__(self, exchange: Exchange, spec: LinkSpec) -> None:
        self.spec = spec
        self.link: LinkProtocol | YatePeer | None = None
        self.reason = ""
        self.node = ""
        self._exchange = exchange
        self._over: asyncio.Future[str] | None = None
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        """Close the link, and open it no more."""
        self._task.cancel()
        if self.link is not None:
            self.link.close()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        delay = FIRST_DELAY
        while True:
            try:
                await self._connect()
                delay = FIRST_DELAY
                assert self._over is not None
                self.reason = await self._over
                self.link = None
            except PasswordError as error:
                delay = PASSWORD_DELAY
                self._tell(str(error))
            except (OSError, NodeError, TimeoutError) as error:
                self._tell(_reason(error))
            await asyncio.sleep(delay * random.uniform(0.5, 1.0))
            delay = min(delay * 2, LONGEST_DELAY)
            while self.node in self._exchange.nodes:
                await asyncio.sleep(FIRST_DELAY)  # The node there has opened a link itself.

    def _tell(self, reason: str) -> None:
        """Tell the operators why the link cannot be opened, once for each reason."""
        if reason == self.reason:
            return
        self.reason = reason
        connected = self.node in self._exchange.nodes
        text = safe(f"link {self.spec.name} ({self.spec.where()}): {reason}")
        if connected:
            self._exchange.bus.log.debug(NOTE, "cluster", text)
        else:
            self._exchange.bus.log.notice((text, "see: status cluster"), "", level=WARN)

    async def _connect(self) -> None:
        """Open the link, and wait until the other end has greeted.

        Raises:
            OSError: no connection could be made.
            NodeError: the other end is no node, or none that may be linked.
            TimeoutError: it took too long.
        """
        spec, exchange = self.spec, self._exchange
        loop = asyncio.get_running_loop()
        context: ssl.SSLContext | None = client_context(spec.tls)
        own = greeting(exchange.bus.node, exchange.instance)
        made = Greeting(_password(spec.password_file), own, self._successor)
        self._over = loop.create_future()
        async with asyncio.timeout(GREETING_SECONDS):
            if spec.path:
                transport, _ = await loop.create_unix_connection(
                    lambda: made, spec.path, ssl=context, server_hostname="" if context else None
                )
            else:
                transport, _ = await loop.create_connection(
                    lambda: made, spec.host, spec.port, ssl=context
                )
            try:
                await made.done
            except BaseException:
                transport.abort()
                raise
        self.reason = ""

    def _successor(self, said: str) -> asyncio.Protocol:
        """Make the protocol that goes on once the other end has greeted."""
        exchange, spec = self._exchange, self.spec
        if not said:
            self.node = ""
            self.link = peer = YatePeer(exchange, spec.name, self._ended)
            return peer
        node, instance = parse_greeting(said)
        if spec.node and node != spec.node:
            raise NodeError(f"it says that it is {safe(node[:80])}, and node={spec.node}")
        known = exchange.nodes.get(node)
        same = known is not None and known.instance == instance and known.carrier.kind == "link"
        if known is not None and same and exchange.bus.node > node:
            # The other end keeps the link that it has opened; see `Accepting.begin`.
            self.node = node
            raise NodeError(f"{node} is connected already, by {known.carrier.label}")
        link = LinkProtocol(exchange, node, f"link {spec.name}", self._ended)
        exchange.replace(node, link, instance)
        self.node = node
        self.link = link
        return link

    def _ended(self, why: str) -> None:
        if self._over is not None and not self._over.done():
            self._over.set_result(why)


def _password(path: str) -> str:
    """Return the first line of a file, empty without a file.

    Raises:
        NodeError: it is empty.
    """
    if not path:
        return ""
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        password = file.readline().rstrip("\r\n")
    if not password:
        raise NodeError(f"password-file={path} is empty")
    return password


def _reason(error: BaseException) -> str:
    if isinstance(error, TimeoutError) and not getattr(error, "errno", None):
        return f"no answer within {GREETING_SECONDS:.0f} s"
    if isinstance(error, OSError):
        # asyncio's own texts repeat the address.
        verify = getattr(error, "verify_message", "") or getattr(error, "reason", "")
        known = os.strerror(error.errno) if error.errno and error.errno > 0 else ""
        return f"its certificate is refused: {verify}" if verify else known or str(error)
    return str(error)
