"""A peer without a socket: bytes in, bytes out."""

import asyncio
import re

from yext import Engine, Message
from yext.dispatcher import Dispatch
from yext.extmodule.module import ExtModule
from yext.extmodule.peer.connection import Connection
from yext.extmodule.peer.peer import Peer

_TURNS = 20
"""Turns of the loop in which everything that waits for nobody is done."""


class Line:
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        self.written = b""
        self.unsent = 0
        self.closed = False
        self.reading = True

    def write(self, data: bytes, /) -> None:
        self.written += data

    def close(self) -> None:
        self.closed = True

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True


class DrivenPeer:
    """A peer of `engine` that a test speaks for, and the transport that it is written to."""

    def __init__(self, engine: Engine, role: str = "global", name: str = "peer") -> None:
        module = engine.modules["extmodule"]
        assert isinstance(module, ExtModule)
        self.engine = engine
        self.line = Line()
        self.peer = Peer(module.supervisor, name, "", role)
        self.connection = Connection(module.supervisor, self.peer)
        self.connection.connection_made(self.line)
        self._ids = ""

    def say(self, text: str) -> None:
        """Has the peer send lines; its answers name the first message ``1``."""
        for ident in self.peer.pending.waiting:
            self._ids = ident.rstrip("0123456789")
        text = re.sub(r"(?m)^(%%<message:)(?=\d+:)", rf"\g<1>{self._ids}", text)
        self.connection.data_received(f"{text}\n".encode("utf-8", "surrogateescape"))

    async def hears(self) -> list[str]:
        """The lines that came since the last call.

        The time of messages is 0, and their ids are numbers from 1, without what they begin with.
        """
        await settle()
        text, self.line.written = self.line.written, b""
        lines = text.decode("utf-8", "surrogateescape").splitlines()
        found = next(filter(None, map(re.compile(r"%%>message:([^.:]+\.)\d").match, lines)), None)
        self._ids = found[1] if found is not None else self._ids
        if self._ids:
            lines = [line.replace(self._ids, "") for line in lines]
        return [re.sub(r"^(%%>message:\d+):\d+", r"\1:0", line) for line in lines]

    async def asks(self, text: str) -> list[str]:
        """Send lines as the peer, and return the answers."""
        self.say(text)
        return await self.hears()

    def send(self, message: Message) -> Dispatch:
        """Let the engine dispatch a message."""
        dispatcher = self.engine.dispatcher
        dispatch = Dispatch(dispatcher, message, None)
        dispatcher.start(dispatch)
        return dispatch


async def settle() -> None:
    """Let the loop do what is to be done at once."""
    for _ in range(_TURNS):
        await asyncio.sleep(0)
