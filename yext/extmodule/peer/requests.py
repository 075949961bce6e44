"""The lines by which a peer says what it wants: ``%%>install``, ``%%>watch``, ``%%>setlocal`` …

Source: Yate's docs/extmodule.html, and the recordings.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from yext import log, wire
from yext.dispatcher import Handler, Pending
from yext.errors import LineTooLong, ProtocolError
from yext.extmodule.peer import setlocal
from yext.message import Message

if TYPE_CHECKING:
    from yext.dispatcher import Dispatch
    from yext.extmodule.peer.peer import Receiver

DEFAULT_PRIORITY = 100

_PRIORITY = re.compile(r"\s*([+-]?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)")
_PRIORITY_MAX = 2147483646


class Relay(Handler):
    """A handler that a peer installed: it hands messages to the peer."""

    __slots__ = ("asked_priority", "receiver")

    def __init__(
        self, receiver: Receiver, name: str, priority: int, filter_name: str, filter_value: str
    ) -> None:
        super().__init__(
            name, priority, receiver.label, receiver.trackparam, filter_name, filter_value
        )
        self.receiver = receiver
        self.asked_priority = priority

    def handle(self, message: Message, dispatch: Dispatch) -> bool | Pending:
        receiver = self.receiver
        if dispatch.sender is receiver and dispatch.ident and not receiver.reenter:
            return False
        return receiver.hand_over(message, dispatch)


def _install(receiver: Receiver, rest: str) -> None:
    priority, name, filter_name, filter_value = parse_install(rest)
    done = bool(name) and name not in receiver.relays
    if done:
        relay = Relay(receiver, name, priority, filter_name, filter_value)
        receiver.relays[name] = relay
        receiver.module.bus.dispatcher.install(relay)
    receiver.send(f"%%<install:{priority}:{name}:{wire.bool_text(done)}")


def _uninstall(receiver: Receiver, name: str) -> None:
    relay = receiver.relays.pop(name, None)
    if relay is not None:
        receiver.module.bus.dispatcher.uninstall(relay)
    priority = relay.asked_priority if relay is not None else 0
    receiver.send(f"%%<uninstall:{priority}:{name}:{wire.bool_text(relay is not None)}")


def _watch(receiver: Receiver, name: str) -> None:
    done = name not in receiver.watches
    if done:
        receiver.watches[name] = None
        receiver.module.bus.dispatcher.watch(name, receiver)
    receiver.send(f"%%<watch:{name}:{wire.bool_text(done)}")


def _unwatch(receiver: Receiver, name: str) -> None:
    done = name in receiver.watches
    if done:
        del receiver.watches[name]
        receiver.module.bus.dispatcher.unwatch(name, receiver)
    receiver.send(f"%%<unwatch:{name}:{wire.bool_text(done)}")


def _setlocal(receiver: Receiver, rest: str) -> None:
    name, colon, value = rest.partition(":")
    if not name or not colon:
        raise ProtocolError("setlocal needs a name and a value")
    value, done = setlocal.carry_out(receiver, name, value.strip(" \t"))
    receiver.send(f"%%<setlocal:{name}:{value}:{wire.bool_text(done)}")
    # What was read before a smaller buffer was asked for must fit it too.
    if name == "bufsize" and receiver.buffer.pending() > receiver.buffer.size:
        raise LineTooLong(f"more than the {receiver.buffer.size} bytes of its new buffer")


def _output(receiver: Receiver, text: str) -> None:
    if text:
        receiver.module.bus.log.output(text)


def _debug_limit(receiver: Receiver) -> int:
    """The peer's own debug level, or the module's where somebody set that."""
    levels = (receiver.debuglevel, receiver.module.debug_level, log.ALL)
    return next(level for level in levels if level is not None)


def _debug(receiver: Receiver, rest: str) -> None:
    level_text, colon, text = rest.partition(":")
    if not level_text or not colon:
        raise ProtocolError("debug needs a level and a text")
    level = int(level_text) if re.fullmatch(r"-?[0-9]{1,9}", level_text) else log.ALL
    level = max(log.TEST, min(level, log.ALL))
    if receiver.module.debug_on and level <= _debug_limit(receiver):
        text = wire.unescape_prefix(text)
        source = receiver.debugname or receiver.name
        receiver.module.bus.log.emit(log.Event("debug", text, level, source))


def parse_install(text: str) -> tuple[int, str, str, str]:
    """Priority, name, filter name and filter value of an ``%%>install:`` line.

    As recorded (inst_*): what is not a number counts as the default priority, what follows
    a number up to the colon is skipped, and a lone word is the name.
    """
    first, colon, rest = text.partition(":")
    priority = DEFAULT_PRIORITY
    found = _PRIORITY.match(first)
    if found is not None:
        digits = found[2]
        base = 16 if digits[:2] in ("0x", "0X") else 8 if digits[0] == "0" else 10
        number = int(digits, base)
        if number <= _PRIORITY_MAX:
            priority = -number if found[1] == "-" else number
    elif not colon:
        return priority, first, "", ""
    name, _, condition = rest.partition(":")
    filter_name, _, filter_value = condition.partition(":")
    return priority, name, wire.unescape_prefix(filter_name), wire.unescape_prefix(filter_value)


REQUESTS: dict[str, Callable[[Receiver, str], None]] = {
    "%%>install": _install,
    "%%>uninstall": _uninstall,
    "%%>watch": _watch,
    "%%>unwatch": _unwatch,
    "%%>setlocal": _setlocal,
    "%%>output": _output,
    "%%>debug": _debug,
}
"""What carries out each line, by its keyword: it gets the receiver and what follows the colon."""
