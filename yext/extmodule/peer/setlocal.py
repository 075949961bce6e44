"""The parameters of ``%%>setlocal``: one row each.

Source: Yate's docs/extmodule.html, "setlocal", and the recordings in 06_setlocal.json.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from yext import conf, log, wire

if TYPE_CHECKING:
    from yext.extmodule.peer.peer import Receiver

Result = tuple[str, bool]
"""The value that the answer shows, and whether it succeeded."""

Row = Callable[["Receiver", str], Result]

BUFSIZE_RANGE = (2048, 65536)
MAXQUEUE_RANGE = (0, 10000)


def carry_out(receiver: Receiver, name: str, value: str) -> Result:
    """Sets parameter `name` of a peer, or asks for it where `value` is empty."""
    row = ROWS.get(name)
    if row is not None:
        return row(receiver, value)
    prefix, dot, rest = name.partition(".")
    family = FAMILIES.get(prefix) if dot else None
    return family(receiver, rest, value) if family is not None else (value, False)


def _number(attribute: str, low: int | None = None, high: int | None = None) -> Row:
    def row(receiver: Receiver, value: str) -> Result:
        number = conf.parse_int(value) if value else None
        if number is not None:
            if low is not None and high is not None:
                number = max(low, min(high, number))
            setattr(receiver, attribute, number)
        return str(getattr(receiver, attribute)), True

    return row


def _boolean(attribute: str) -> Row:
    def row(receiver: Receiver, value: str) -> Result:
        said = wire.BOOLEANS.get(value)
        if said is not None:
            setattr(receiver, attribute, said)
        return wire.bool_text(getattr(receiver, attribute)), True

    return row


def _bufsize(receiver: Receiver, value: str) -> Result:
    number = conf.parse_int(value) if value else None
    if number is not None:
        low, high = BUFSIZE_RANGE
        receiver.buffer.size = max(low, min(high, number))
    return str(receiver.buffer.size), True


def _restart(receiver: Receiver, value: str) -> Result:
    """Only a script that the engine started can be started again by it."""
    said = wire.BOOLEANS.get(value)
    if said is not None and receiver.script and receiver.role == "global":
        receiver.restart = said
    return wire.bool_text(receiver.restart), True


def _trackparam(receiver: Receiver, value: str) -> Result:
    if value:
        receiver.trackparam = value
    return receiver.trackparam, True


def _reason(receiver: Receiver, value: str) -> Result:
    """An empty value clears rather than asks: recorded in set_reason."""
    receiver.reason = value
    return value, True


def _debugname(receiver: Receiver, value: str) -> Result:
    """The first name given stays, and is the answer to later ones: set_debugname."""
    if value and not receiver.debugname:
        receiver.debugname = value
    return receiver.debugname or receiver.name, True


def _debuglevel(receiver: Receiver, value: str) -> Result:
    number = conf.parse_int(value) if value else None
    if number is not None:
        receiver.debuglevel = log.clamp_level(number)
    level = receiver.debuglevel
    return str(receiver.module.bus.log.level if level is None else level), True


def _runid(receiver: Receiver, value: str) -> Result:
    return receiver.module.bus.run_params["runid"], not value


def _id(receiver: Receiver, value: str) -> Result:
    """What the peer's channel is called; only a peer that has one has this."""
    channel = receiver.channel
    if channel is None:
        return value, False
    if value:
        channel.id = value
    return channel.id, True


def _disconnected(receiver: Receiver, value: str) -> Result:
    """Whether ``chan.disconnected`` is sent when the other end of the peer's call goes."""
    channel = receiver.channel
    if channel is None:
        return value, False
    channel.tells = wire.BOOLEANS.get(value, channel.tells)
    return wire.bool_text(channel.tells), True


def _engine(receiver: Receiver, name: str, value: str) -> Result:
    params = receiver.module.bus.run_params
    return params.get(name, ""), name in params and not value


def _config(receiver: Receiver, name: str, value: str) -> Result:
    section, dot, key = name.partition(".")
    main = receiver.module.bus.conf
    section, key = section.strip(), key.strip()
    if not section:
        return "", False
    if not dot:
        return "", main.has_section(section)
    found = main.get(section, key)
    return found or "", found is not None and not value


def _loaded(receiver: Receiver, name: str, value: str) -> Result:
    return wire.bool_text(name in receiver.module.bus.modules), not value


ROWS: dict[str, Row] = {
    "id": _id,
    "disconnected": _disconnected,
    "trackparam": _trackparam,
    "reason": _reason,
    "timeout": _number("timeout"),
    "timebomb": _boolean("timebomb"),
    "maxqueue": _number("maxqueue", *MAXQUEUE_RANGE),
    "bufsize": _bufsize,
    "restart": _restart,
    "reenter": _boolean("reenter"),
    "selfwatch": _boolean("selfwatch"),
    "setdata": _boolean("setdata"),
    "settime": _boolean("settime"),
    "debuglevel": _debuglevel,
    "debugname": _debugname,
    "runid": _runid,
}

FAMILIES: dict[str, Callable[[Receiver, str, str], Result]] = {
    "engine": _engine,
    "config": _config,
    "loaded": _loaded,
}
"""The read-only ones, by what stands before the dot."""
