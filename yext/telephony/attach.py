"""``chan.attach``: puts sources and consumers in the place of a channel's own.

What is handled leaves the message: its parameter is taken out. The message counts as handled
only with ``single``, and when all that it asked for could be done (Yate's chan.attach).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from yext import log
from yext.message import Message
from yext.telephony.channel import said
from yext.telephony.driver import Driver
from yext.telephony.endpoint import Consumer, Endpoint, Source

SOURCES: Final = ("source", "override", "replace")
"""The parameters that name a source."""

MakeSource = Callable[[str, Message, str, Endpoint | None], Source | None]
"""Makes a source of its name without the prefix, the message, the parameter and the owner (None
where the source is heard by the channel itself); None where there is none."""


def endpoint_of(message: Message) -> Endpoint | None:
    """The call endpoint that `message` carries."""
    return message.userdata if isinstance(message.userdata, Endpoint) else None


def attach_sources(driver: Driver, message: Message, prefix: str, make: MakeSource) -> bool:
    """Attaches the sources of `message` that begin with `prefix`; whether it was handled."""
    wanted = [key for key in SOURCES if message.get(key).startswith(prefix)]
    if not wanted:
        return False
    channel = endpoint_of(message)
    if channel is None:
        driver.debug(log.WARN, f"chan.attach of {message[wanted[0]]} without a channel")
        return False
    done = True
    for key in wanted:
        consumer = channel.media().consumer
        if key != "source" and consumer is None:
            driver.debug(log.WARN, f"chan.attach: '{channel.id}' hears nothing to {key}")
            done = False
            continue
        owner = channel if key == "source" else None
        source = make(message[key].removeprefix(prefix), message, key, owner)
        if source is None:
            driver.debug(log.WARN, f"chan.attach: there is no {message[key]}")
            done = False
            continue
        _put(channel, consumer, source, key)
        del message[key]
    return done and said(message, "single", False)


def _put(channel: Endpoint, consumer: Consumer | None, source: Source, key: str) -> None:
    if key != "source":
        assert consumer is not None
        source.loose = True
        source.attach(consumer, override=key == "override")
        return
    before = source.on_end

    def ended() -> None:
        # A source that is over leaves its place; one that was replaced has left it before.
        channel.clear(source)
        if before is not None:
            before()

    source.on_end = ended
    channel.set_source(source)
