"""The base of channel drivers: status, drop, masquerade, locate, time limits.

Modelled on Yate's class Driver (engine/Channel.cpp), which has the same messages and priorities.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import ClassVar, Final

from yext import conf
from yext.bus import Bus
from yext.command import EOL, Words, complete_words
from yext.engine.module import Module
from yext.message import Message
from yext.telephony.channel import Channel, flag
from yext.telephony.registry import ChannelRegistry

STATUS_ESCAPES: Final = {ord(char): f"%{ord(char):02x}" for char in ",;|%"}
"""Escapes of an address in a status line, for the line's separators and ``%``."""

UPDATE_DELAY: Final = 5.0
"""Seconds from a change of a driver's channels to the ``module.update`` about it."""

Action = Callable[[Channel, Message], bool]
Handling = Callable[[Message], bool]


class Driver(Module):
    """A module with channels.

    Attributes:
        minimal: whether the driver handles only the messages that all channels need.
        execute_priority: the priority of its handler of ``call.execute``.
        channels: the live channels by id.
        prefix: the first part of each channel's id, ``NAME/``.
        telephony: the telephony state of the engine.
        max_channels: the largest number of channels, 0 for no limit.
        targets: the beginnings of what it can be called by, each with what comes of such a call.
    """

    kind = "misc"
    targets: ClassVar[Mapping[str, str]] = {}
    minimal = False
    execute_priority = 90

    def __init__(self, bus: Bus) -> None:
        super().__init__(bus)
        self.channels: ChannelRegistry[Channel] = ChannelRegistry(bus, self.name)
        self.prefix = self.channels.prefix
        self.telephony = self.channels.telephony
        self.max_channels = 0

    # Life cycle

    def load(self) -> None:
        super().load()
        self.handle("engine.timer", self._timer, 90)
        self.handle("chan.masquerade", self._masquerade, 10)
        self.handle("chan.locate", self._locate, 40)
        self.handle("call.drop", self._drop, 60)
        self.handle("call.execute", self._execute, self.execute_priority)
        self.handle("chan.control", self._for_channel(Channel.control), 90)
        if self.minimal:
            return
        self.handle("chan.dtmf", self._for_channel(Channel.dtmf), 100)
        self.handle("chan.text", self._for_channel(Channel.text), 100)
        self.handle("call.ringing", self._for_incoming(Channel.ringing), 100)
        self.handle("call.answered", self._for_incoming(Channel.answer), 100)

    async def apply_conf(self) -> list[str]:
        main = self.bus.conf
        timeout = conf.parse_int(main.get("telephony", "timeout") or "")
        self.channels.timeout = timeout if timeout and timeout > 0 else None
        self.max_channels = conf.parse_int(main.get("telephony", "maxchans") or "") or 0
        self.channels.dtmf_dups = conf.parse_bool(main.get("telephony", "dtmfdups") or "") is True
        return []

    async def stop(self, deadline: float) -> None:
        self._drop_all(Message("call.drop", {"reason": "shutdown"}))

    # Calls

    def execute(self, message: Message, target: str) -> bool | Awaitable[bool]:
        """Handle a ``call.execute`` for the driver.

        Args:
            message: the ``call.execute``.
            target: the called address, without the driver's prefix.

        Returns:
            True if the call was taken.
        """
        return False

    def _execute(self, message: Message) -> bool | Awaitable[bool]:
        called = message.get("callto")
        if not called.startswith(self.prefix) or self.bus.halting:
            return False
        if self.max_channels and len(self.channels) >= self.max_channels:
            return False
        return self.execute(message, called.removeprefix(self.prefix))

    def stopped(self, message: Message) -> bool:
        """Return whether ``stop_call`` forbids the call, and if so name that as the error."""
        if not flag(message, "stop_call", False):
            return False
        message["error"] = "stopped_call"
        return True

    def _drop(self, message: Message) -> bool:
        wanted = message.get("id")
        if wanted in ("", self.name, self.kind):
            self._drop_all(message)
            return wanted == self.name
        channel = self.channels.get(wanted)
        return channel is not None and channel.drop(message)

    def _drop_all(self, message: Message) -> None:
        for channel in tuple(self.channels.values()):
            channel.drop(message)

    def _locate(self, message: Message) -> bool:
        channel = self.channels.get(message.get("id"))
        if channel is not None:
            message.userdata = channel
        return channel is not None

    def _masquerade(self, message: Message) -> bool:
        channel = self.channels.get(message.get("id"))
        if channel is None:
            return False
        message.name = message.params.pop("message", "")
        message.userdata = channel
        if channel.masquerade(message):
            return True
        channel.complete(message, flag(message, "complete_minimal", False))
        return False

    def _addressed(self, message: Message) -> Channel | None:
        ident = message.get("peerid")
        if not ident.startswith(self.prefix):
            ident = message.get("targetid")
        return self.channels.get(ident)

    def _for_channel(self, action: Action) -> Handling:
        """Return a handler that calls a method of the channel that a message is for.

        Args:
            action: the method of `Channel`, which the driver's class of channels may override.
        """

        def handle(message: Message) -> bool:
            channel = self._addressed(message)
            return channel is not None and bool(getattr(channel, action.__name__)(message))

        return handle

    def _for_incoming(self, action: Action) -> Handling:
        """Return such a handler for messages that only callers get, before the call is answered."""
        handle = self._for_channel(action)

        def check(message: Message) -> bool:
            channel = self._addressed(message)
            if channel is None or channel.outgoing or channel.answered:
                return False
            return handle(message)

        return check

    def _timer(self, message: Message) -> bool:
        for channel in tuple(self.channels.values()):
            if channel.deadlines:
                channel.check_deadlines(message.time)
        changed_at = self.channels.changed_at
        if changed_at is not None and message.time > changed_at + UPDATE_DELAY:
            self.channels.changed_at = None
            self.bus.enqueue(Message("module.update", self._update_params()))
        return False

    def _update_params(self) -> dict[str, str]:
        return {
            "module": self.name,
            "routed": "0",
            "routing": "0",
            "total": str(self.channels.total),
            "chans": str(len(self.channels)),
        }

    # Status and completion

    def status_format(self) -> str:
        return ",format=Status|Address|Peer"

    def status_params(self) -> str:
        return f"routed=0,routing=0,total={self.channels.total},chans={len(self.channels)}"

    def status_detail(self) -> str:
        return ",".join(
            f"{channel.id}={channel.status}|{channel.address.translate(STATUS_ESCAPES)}|"
            f"{channel.peer_id()}"
            for channel in self.channels.values()
        )

    def _status(self, message: Message) -> bool:
        wanted = message.get("module")
        if not wanted.startswith(self.prefix):
            return super()._status(message)
        channel = self.channels.get(wanted)
        if channel is None:
            return False
        channel.complete(message)
        message.retvalue = channel.status_text() + EOL
        return True

    def complete_described(self, line: str, word: str) -> Words:
        """Return the driver's targets where ``call`` takes one, as nothing in Yate does."""
        words = line.split()
        if words[:1] == ["call"]:
            return self.targets if len(words) < 3 else {}
        return super().complete_described(line, word)

    def offer(self, message: Message) -> None:
        """Add the driver's name, and its channels, where a command takes channels."""
        if message.get("complete") != "channels":
            super().offer(message)
            return
        line, word = message.get("partline"), message.get("partword")
        complete_words(message, self.complete(line, word))
        words = {self.name: f"all channels of {self.name}" if line == "drop" else self.summary()}
        if self.channels:
            words[self.prefix] = f"the channels of {self.name}"
        if word.startswith(self.prefix):
            words = dict.fromkeys(self.channels, f"a channel of {self.name}")
        complete_words(message, words)
