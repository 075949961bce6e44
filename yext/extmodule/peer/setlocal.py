"""The settings that a peer changes by ``%%>setlocal``, and the parameters: one row each.

To add a parameter, add a function and its row in `ROWS`.

Source: Yate's docs/extmodule.html, "setlocal", and the recordings in 06_setlocal.json.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from yext import conf, log, wire

if TYPE_CHECKING:
    from yext.bus import Bus
    from yext.extmodule.settings import ModuleOptions

BUFSIZE_RANGE = (2048, 65536)
MAXQUEUE_RANGE = (0, 10000)


class PeerSettings:
    """The settings of a peer, which peers share as long as they change none: replaced, not changed.

    Attributes:
        timeout: milliseconds to wait for an answer, 0 or less for ever.
        timebomb: end the peer when it does not answer in time.
        maxqueue: dispatches that may wait for the peer, 0 for any number.
        settime: stamp the peer's messages with the current time.
        trackparam: name of the peer's handlers in the tracking parameter, empty for none.
        restart: start the peer's script again when it ends.
        reenter: let the peer handle its own messages.
        selfwatch: notify the peer of its own messages.
        setdata: attach the peer's channel to its messages.
        reason: why the peer's channel is disconnected when the peer ends.
        debugname: the source of the peer's debug text, empty for its name.
        debuglevel: the highest level of the peer's debug text, None for the module's.
    """

    # A frozen dataclass would cost each start 0.7 ms more.
    __slots__ = (
        "debuglevel", "debugname", "maxqueue", "reason", "reenter", "restart", "selfwatch",
        "setdata", "settime", "timebomb", "timeout", "trackparam",
    )  # fmt: skip

    def __init__(
        self,
        timeout: int,
        timebomb: bool,
        maxqueue: int,
        settime: bool,
        trackparam: str,
        restart: bool = False,
        reenter: bool = False,
        selfwatch: bool = False,
        setdata: bool = True,
        reason: str = "",
        debugname: str = "",
        debuglevel: int | None = None,
    ) -> None:
        self.timeout = timeout
        self.timebomb = timebomb
        self.maxqueue = maxqueue
        self.settime = settime
        self.trackparam = trackparam
        self.restart = restart
        self.reenter = reenter
        self.selfwatch = selfwatch
        self.setdata = setdata
        self.reason = reason
        self.debugname = debugname
        self.debuglevel = debuglevel

    def _values(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}

    def changed(self, **values: object) -> PeerSettings:
        """Return a copy with other values."""
        return PeerSettings(**self._values() | values)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PeerSettings) and self._values() == other._values()

    @classmethod
    def from_options(cls, options: ModuleOptions, module: str) -> PeerSettings:
        """Make the settings of a new peer from the options of extmodule.conf.

        `module` is the module's name, for the tracking parameter.
        """
        return cls(
            options.timeout,
            options.timebomb,
            options.maxqueue,
            options.settime,
            module if options.trackparam else "",
        )

    def with_defaults(self, before: PeerSettings, after: PeerSettings) -> PeerSettings:
        """Return these settings with the defaults `after`, where they had those of `before`."""
        changed = self.changed(
            timeout=after.timeout if self.timeout == before.timeout else self.timeout,
            timebomb=after.timebomb if self.timebomb == before.timebomb else self.timebomb,
            maxqueue=after.maxqueue if self.maxqueue == before.maxqueue else self.maxqueue,
            settime=after.settime if self.settime == before.settime else self.settime,
        )
        return after if changed == after else changed


class PeerChannel(Protocol):
    """The end of a call that a peer is.

    Attributes:
        id: the channel's name in messages.
        reports_disconnect: send ``chan.disconnected`` when the other end goes.
    """

    id: str
    reports_disconnect: bool

    def rename(self, ident: str) -> None:
        """Change the channel's id."""

    def peer_gone(self, reason: str) -> None:
        """Disconnect the channel, for `reason` unless that is empty: its peer has ended."""


class SettablePeer(Protocol):
    """What the parameters read and change.

    Attributes:
        settings: the peer's settings.
        name: the script, or the listener that the peer came through.
        channel: the peer's channel, None if it has none.
        bufsize: the bytes of the longest line that the peer may send.
    """

    settings: PeerSettings
    name: str
    channel: PeerChannel | None
    bufsize: int

    @property
    def bus(self) -> Bus:
        """The bus that the peer is on."""

    @property
    def restartable(self) -> bool:
        """True for a script that the engine can start again."""

    def set_timeout(self, milliseconds: int) -> None:
        """Change how long the next answers are waited for."""

    def begin_link(self, greeting: str) -> str | None:
        """Make a link between nodes of the peer's connection; return why not, empty if it is done,
        None where there are no links."""


Result = tuple[str, bool]
"""The value that the answer shows, and whether the request succeeded."""

Row = Callable[[SettablePeer, str], Result]
"""Sets a parameter to a value, or asks for it if the value is empty."""


def carry_out(peer: SettablePeer, name: str, value: str) -> Result:
    """Set parameter `name` of a peer, or ask for it if `value` is empty."""
    row = ROWS.get(name)
    if row is not None:
        return row(peer, value)
    prefix, dot, rest = name.partition(".")
    family = FAMILIES.get(prefix) if dot else None
    return family(peer.bus, rest, value) if family is not None else (value, False)


# Numbers: a value that is not one asks.


def _timeout(peer: SettablePeer, value: str) -> Result:
    number = conf.parse_int(value)
    if number is not None:
        peer.set_timeout(number)
    return str(peer.settings.timeout), True


def _maxqueue(peer: SettablePeer, value: str) -> Result:
    number = conf.parse_int(value)
    if number is not None:
        number = _within(MAXQUEUE_RANGE, number)
        peer.settings = peer.settings.changed(maxqueue=number)
    return str(peer.settings.maxqueue), True


def _bufsize(peer: SettablePeer, value: str) -> Result:
    number = conf.parse_int(value)
    if number is not None:
        peer.bufsize = _within(BUFSIZE_RANGE, number)
    return str(peer.bufsize), True


def _debuglevel(peer: SettablePeer, value: str) -> Result:
    """A word counts as the highest level, as in Yate: only an empty value asks."""
    if value:
        number = conf.parse_int(value)
        chosen = log.ALL if number is None else log.clamp_level(number)
        peer.settings = peer.settings.changed(debuglevel=chosen)
    level = peer.settings.debuglevel
    return str(peer.bus.log.level if level is None else level), True


def _within(limits: tuple[int, int], number: int) -> int:
    low, high = limits
    return max(low, min(high, number))


# Booleans: a value that is not one asks.


def _switch(
    read: Callable[[PeerSettings], bool], change: Callable[[PeerSettings, bool], PeerSettings]
) -> Callable[[SettablePeer, str], Result]:
    """Make the function of a parameter that is on or off.

    Args:
        read: returns the value.
        change: returns settings with another value.
    """

    def set_or_ask(peer: SettablePeer, value: str) -> Result:
        wanted = wire.BOOLEANS.get(value)
        if wanted is not None:
            peer.settings = change(peer.settings, wanted)
        return wire.bool_text(read(peer.settings)), True

    return set_or_ask


def _restart(peer: SettablePeer, value: str) -> Result:
    wanted = wire.BOOLEANS.get(value)
    if wanted is not None and peer.restartable:
        peer.settings = peer.settings.changed(restart=wanted)
    return wire.bool_text(peer.settings.restart), True


def _disconnected(peer: SettablePeer, value: str) -> Result:
    """Whether ``chan.disconnected`` is sent; only a peer with a channel has this."""
    channel = peer.channel
    if channel is None:
        return value, False
    channel.reports_disconnect = wire.BOOLEANS.get(value, channel.reports_disconnect)
    return wire.bool_text(channel.reports_disconnect), True


# Texts


def _trackparam(peer: SettablePeer, value: str) -> Result:
    if value:
        peer.settings = peer.settings.changed(trackparam=value)
    return peer.settings.trackparam, True


def _reason(peer: SettablePeer, value: str) -> Result:
    """An empty value clears rather than asks: recorded in set_reason."""
    peer.settings = peer.settings.changed(reason=value)
    return value, True


def _debugname(peer: SettablePeer, value: str) -> Result:
    """The first name given stays, and is the answer to later ones: set_debugname."""
    if value and not peer.settings.debugname:
        peer.settings = peer.settings.changed(debugname=value)
    return peer.settings.debugname or peer.name, True


def _link(peer: SettablePeer, value: str) -> Result:
    """The greeting of another yext, whose connection is a link from then on (docs/cluster.md)."""
    reason = peer.begin_link(value)
    return (value, False) if reason is None else (reason, not reason)


def _id(peer: SettablePeer, value: str) -> Result:
    """The name of the peer's channel; only a peer with a channel has this."""
    channel = peer.channel
    if channel is None:
        return value, False
    if value:
        channel.rename(value)
    return channel.id, True


# Read-only


def _runid(peer: SettablePeer, value: str) -> Result:
    return peer.bus.run_params["runid"], not value


def _engine(bus: Bus, name: str, value: str) -> Result:
    return bus.run_params.get(name, ""), name in bus.run_params and not value


def _config(bus: Bus, name: str, value: str) -> Result:
    section, dot, key = name.partition(".")
    section, key = section.strip(), key.strip()
    if not section:
        return "", False
    if not dot:
        return "", bus.conf.has_section(section)
    found = bus.conf.get(section, key)
    return found or "", found is not None and not value


def _loaded(bus: Bus, name: str, value: str) -> Result:
    return wire.bool_text(name in bus.modules), not value


ROWS: dict[str, Row] = {
    "id": _id,
    "disconnected": _disconnected,
    "trackparam": _trackparam,
    "reason": _reason,
    "timeout": _timeout,
    "timebomb": _switch(lambda own: own.timebomb, lambda own, on: own.changed(timebomb=on)),
    "maxqueue": _maxqueue,
    "bufsize": _bufsize,
    "restart": _restart,
    "reenter": _switch(lambda own: own.reenter, lambda own, on: own.changed(reenter=on)),
    "selfwatch": _switch(lambda own: own.selfwatch, lambda own, on: own.changed(selfwatch=on)),
    "setdata": _switch(lambda own: own.setdata, lambda own, on: own.changed(setdata=on)),
    "settime": _switch(lambda own: own.settime, lambda own, on: own.changed(settime=on)),
    "debuglevel": _debuglevel,
    "debugname": _debugname,
    "runid": _runid,
    "yext.link": _link,
}
"""The parameters by name."""

FAMILIES: dict[str, Callable[[Bus, str, str], Result]] = {
    "engine": _engine,
    "config": _config,
    "loaded": _loaded,
}
"""The read-only parameters with a dot, by what stands before it; the rest of the name follows."""
