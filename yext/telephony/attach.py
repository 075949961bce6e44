"""``chan.attach``: replaces the sources and consumers of a channel.

A source or consumer that was attached is removed from the message. The message counts as handled
only with ``single``, and if everything was attached (Yate's chan.attach).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from yext import log
from yext.errors import SoundError
from yext.message import Message
from yext.telephony.channel import flag
from yext.telephony.driver import Driver
from yext.telephony.endpoint import Consumer, Endpoint, Source

SOURCES: Final = ("source", "override", "replace")
"""The parameters that name a source."""

MakeSource = Callable[[str, Message, str, Endpoint | None], Source | None]
"""Makes a source, or returns None if there is none.

The arguments are its name without the prefix, the message, the parameter and the owner, which is
None for a source that the channel itself hears."""


def endpoint_of(message: Message) -> Endpoint | None:
    """Return the call endpoint that `message` carries, None if there is none."""
    return message.userdata if isinstance(message.userdata, Endpoint) else None


def attach_sources(driver: Driver, message: Message, prefix: str, make: MakeSource) -> bool:
    """Attach the sources of a ``chan.attach`` that a driver provides.

    Args:
        driver: the driver.
        message: the ``chan.attach``.
        prefix: the beginning of the names of the driver's sources.
        make: makes a source.

    Returns:
        True if the message was handled.
    """
    named = {key: message.get(key) for key in SOURCES}
    wanted = [key for key, name in named.items() if name.startswith(prefix) and name != prefix]
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
        try:
            _put(channel, consumer, source, key)
        except SoundError as error:
            driver.debug(log.WARN, f"chan.attach: {message[key]}: {error}")
            source.close()
            done = False
            continue
        del message[key]
    return done and flag(message, "single", False)


def _put(channel: Endpoint, consumer: Consumer | None, source: Source, key: str) -> None:
    if key != "source":
        assert consumer is not None
        source.loose = True
        source.attach(consumer, override=key == "override")
        return
    then = source.on_end

    def ended() -> None:
        # A source that ends leaves its place; one that was replaced has left it already.
        channel.clear(source)
        if then is not None:
            then()

    source.on_end = ended
    channel.set_source(source)
