"""Shared by tests of calls: scripts, sounds, watched messages and commands of the phone."""

import asyncio
import sys
import wave
from array import array
from collections.abc import Callable
from pathlib import Path

from workshop import TIMEOUT, Workshop

from yext import Message
from yext.dispatcher import Dispatch
from yext.telephony.endpoint import Consumer

PYTHON = f"#!{sys.executable}\n"

ANSWER = """import os, sys
def receive():
    line = sys.stdin.readline()
    return line.rstrip("\\n").split(":") if line else None
def send(*lines):
    sys.stdout.write("".join(line + "\\n" for line in lines))
    sys.stdout.flush()
call = receive()
"""
"""The beginning of a script in Python: `call` is its call.execute, split at the colons."""

TAKE = ANSWER + 'send("%%<message:" + call[1] + ":true::")\n'
"""The beginning of a script that takes the call."""

ECHO = (
    TAKE
    + """while data := os.read(3, 320):
    os.write(4, data)
"""
)
DISTRIBUTE = (
    ANSWER
    + """
params = dict(field.partition("=")[::2] for field in call[5:])
send(
    "%%>setlocal:id:desk", "%%>setlocal:disconnected:true", "%%>install:40:call.answered",
    "%%>message:c:0:call.execute::id=desk:callto=" + params["direct"],
    "%%>message:l:0:chan.locate::id=" + params["notify"],
    "%%<message:" + call[1] + ":true::",
)
while message := receive():
    if message[0] == "%%>message" and message[3] == "call.answered":
        fields = dict(field.partition("=")[::2] for field in message[5:])
        send("%%<message:" + message[1] + ":false::")
        if fields["targetid"] == "desk":
            send("%%>message::0:chan.connect::id=" + fields["id"] + ":targetid=" + params["notify"])
"""
)
"""Calls whom `direct` names and connects them with the call, as a queue does."""

WAIT = "while receive():\n    pass\n"

SAMPLES = array("h", [(n * 7919) % 20000 - 10000 for n in range(160 * 25)]).tobytes()
"""Half a second of sound without a pause."""


class Watched:
    """Keeps the messages of some names, in the order in which their dispatches ended."""

    label = "test"

    def __init__(self, lab: Workshop, *names: str) -> None:
        self.seen: list[Message] = []
        self._changed = asyncio.Event()
        for name in names:
            lab.engine.dispatcher.watch(name, self)

    def notice(self, dispatch: Dispatch) -> None:
        message = dispatch.message
        self.seen.append(Message(message.name, message.params, retvalue=message.retvalue))
        self._changed.set()

    async def until(self, condition: Callable[[Message], bool]) -> Message:
        """Wait for the first message for which `condition` holds, and return it."""
        async with asyncio.timeout(TIMEOUT):
            while True:
                for message in self.seen:
                    if condition(message):
                        return message
                self._changed.clear()
                await self._changed.wait()

    async def named(self, name: str, **params: str) -> Message:
        """Wait for a message called `name` with these parameters."""
        return await self.until(
            lambda one: (
                one.name == name and all(one.get(key) == value for key, value in params.items())
            )
        )


def sound(folder: Path, name: str = "in.slin", data: bytes = SAMPLES) -> Path:
    """Write a sound file in `folder`."""
    path = folder / name
    path.write_bytes(data)
    return path


async def call(lab: Workshop, to: str, **params: str) -> Message:
    """Make the phone call `to`, which must take the call."""
    handled, message = await lab.send("call.execute", callto="phone/", direct=to, **params)
    assert handled, message
    return message


async def phone(lab: Workshop, line: str) -> str:
    """Carry out a command of the phone, which must succeed."""
    reply = await lab.do(f"phone {line}")
    assert reply.ok, (line, reply)
    return reply.text


async def parting(lab: Workshop) -> None:
    """Hang up, and wait for the end of the phone's channel."""
    watched = Watched(lab, "chan.hangup")
    await phone(lab, "hangup")
    await watched.named("chan.hangup")


class Heard(Consumer):
    """Keeps its audio, and sets an event at a given amount."""

    def __init__(self, enough: int) -> None:
        super().__init__("test")
        self.data = b""
        self.full = asyncio.Event()
        self._enough = enough

    def consume(self, data: bytes) -> None:
        self.data += data
        if len(self.data) >= self._enough:
            self.full.set()


def recorded(path: Path) -> bytes:
    with wave.open(str(path)) as opened:
        frames = array("h", opened.readframes(opened.getnframes()))
    return frames.tobytes()
