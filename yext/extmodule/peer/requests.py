"""The requests of a peer: ``%%>install``, ``%%>watch``, ``%%>setlocal`` …, one row each.

To add a request, add a function and its row in `REQUESTS`.

Source: Yate's docs/extmodule.html, and the recordings.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Protocol

from yext import log, wire
from yext.errors import ProtocolError
from yext.extmodule.peer import setlocal
from yext.extmodule.peer.setlocal import SettablePeer
from yext.extmodule.peer.subscriptions import Install, Subscriptions

DEFAULT_PRIORITY = 100

_PRIORITY = re.compile(r"\s*([+-]?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)")
_PRIORITY_MAX = 2147483646


class RequestingPeer(SettablePeer, Protocol):
    """What the requests read and change."""

    @property
    def subscriptions(self) -> Subscriptions:
        """The handlers that the peer has installed, and its watches."""

    def send(self, line: str) -> None:
        """Queue a line for the peer."""

    def check_buffered(self) -> None:
        """Check what was received before the buffer's size was changed.

        Raises:
            LineTooLong: it does not fit.
        """

    def shows_debug(self, level: int) -> bool:
        """Return True if debug text of the peer at `level` is to be logged."""


def _install(peer: RequestingPeer, arguments: str) -> None:
    asked = parse_install(arguments)
    done = wire.bool_text(peer.subscriptions.install(asked))
    peer.send(f"%%<install:{asked.priority}:{asked.name}:{done}")


def _uninstall(peer: RequestingPeer, name: str) -> None:
    relay = peer.subscriptions.uninstall(name)
    priority = relay.asked_priority if relay is not None else 0
    peer.send(f"%%<uninstall:{priority}:{name}:{wire.bool_text(relay is not None)}")


def _watch(peer: RequestingPeer, name: str) -> None:
    peer.send(f"%%<watch:{name}:{wire.bool_text(peer.subscriptions.watch(name))}")


def _unwatch(peer: RequestingPeer, name: str) -> None:
    peer.send(f"%%<unwatch:{name}:{wire.bool_text(peer.subscriptions.unwatch(name))}")


def _setlocal(peer: RequestingPeer, arguments: str) -> None:
    name, colon, value = arguments.partition(":")
    if not name or not colon:
        raise ProtocolError("setlocal needs a name and a value")
    value, done = setlocal.carry_out(peer, name, value.strip(" \t"))
    peer.send(f"%%<setlocal:{name}:{value}:{wire.bool_text(done)}")
    if name == "bufsize":
        peer.check_buffered()


def _output(peer: RequestingPeer, text: str) -> None:
    if text:
        peer.bus.log.output(text)


def _debug(peer: RequestingPeer, arguments: str) -> None:
    level_text, colon, text = arguments.partition(":")
    if not level_text or not colon:
        raise ProtocolError("debug needs a level and a text")
    level = int(level_text) if re.fullmatch(r"-?[0-9]{1,9}", level_text) else log.ALL
    level = max(log.TEST, min(level, log.ALL))
    if peer.shows_debug(level):
        source = peer.settings.debugname or peer.name
        text = wire.unescape_prefix(text)
        peer.bus.log.emit(log.Event(log.EventKind.DEBUG, text, level, source))


def _auth(peer: RequestingPeer, password: str) -> None:
    """Answer a password that was not needed: the peer has been let in already."""
    peer.send("%%<auth:true")


def parse_install(text: str) -> Install:
    """Parse the arguments of ``%%>install:``.

    As recorded (inst_*): what is not a number counts as the default priority, what follows
    a number up to the colon is skipped, and a lone word is the name.
    """
    first, colon, rest = text.partition(":")
    priority = DEFAULT_PRIORITY
    found = _PRIORITY.match(first)
    if found is not None:
        digits = found[2]
        base = 16 if digits[:2] in ("0x", "0X") else 8 if digits[0] == "0" else 10
        # Python refuses to convert thousands of digits, and any sixteen are too large.
        number = int(digits, base) if len(digits) < 16 else _PRIORITY_MAX + 1
        if number <= _PRIORITY_MAX:
            priority = -number if found[1] == "-" else number
    elif not colon:
        return Install(priority, first)
    name, _, condition = rest.partition(":")
    filter_name, _, filter_value = condition.partition(":")
    unescape = wire.unescape_prefix
    return Install(priority, name, unescape(filter_name), unescape(filter_value))


REQUESTS: dict[str, Callable[[RequestingPeer, str], None]] = {
    "%%>install": _install,
    "%%>uninstall": _uninstall,
    "%%>watch": _watch,
    "%%>unwatch": _unwatch,
    "%%>setlocal": _setlocal,
    "%%>output": _output,
    "%%>debug": _debug,
    "%%>auth": _auth,
}
"""The requests by keyword; each gets the peer and what follows the colon."""
