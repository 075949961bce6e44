"""Calls from and to channels that play tones and files.

The messages are those of Yate's tonegen and wavefile, which are alike.
"""

from __future__ import annotations

from collections.abc import Callable

from yext.message import Message
from yext.telephony.channel import Channel, names_to_copy, present
from yext.telephony.driver import Driver
from yext.telephony.endpoint import Endpoint
from yext.wire import bool_text


def called_by(caller: Endpoint, message: Message, channel: Channel | None) -> bool:
    """Connect a caller with a new channel.

    Args:
        caller: the channel of the ``call.execute``.
        message: the ``call.execute``.
        channel: the new channel, None if none could be made.

    Returns:
        True if they are connected.
    """
    if channel is None:
        return False
    channel.commander = message.commander
    channel.called(message)
    connected = caller.connect(channel, message.get("reason"))
    if connected:
        message["peerid"] = channel.id
    channel.release()
    return connected


def attach_param(channel: Channel, message: Message, name: str) -> None:
    """Attach the source or consumer that a parameter of `message` names to `channel`."""
    if message.get(name):
        params = {"id": channel.id, name: message[name], "single": bool_text(True)}
        channel.send(message.derive("chan.attach", params))


async def call_out(
    driver: Driver, message: Message, target: str, make: Callable[[], Channel | None]
) -> bool:
    """Make a call from a new channel, to ``direct`` or to the route of ``target`` or ``called``.

    Args:
        driver: the driver of the new channel.
        message: the ``call.execute`` without a channel.
        target: the address of the new channel, without the driver's prefix.
        make: makes the channel; it returns None after it has named the reason in `message`.

    Returns:
        True if the call was taken.
    """
    call = await _routed(driver, message, target)
    if call is None:
        return False
    channel = make()
    if channel is None:
        return False
    call["id"] = channel.id
    channel.make_call(call, message)
    try:
        if not await driver.bus.dispatch(call):
            message.params.update(present(call, ("error", "reason", "errno", "hint")))
            return False
        message["id"] = channel.id
        message.params.update(present(call, ("peerid",)))
        return True
    finally:
        channel.release()


async def _routed(driver: Driver, message: Message, target: str) -> Message | None:
    """Return the ``call.execute`` of the new call, None if nobody routes it."""
    call = message.derive("call.route", present(message, names_to_copy(message)))
    for name in ("callto", "id"):
        call.params.pop(name, None)
    call["module"] = driver.name
    call["cdrtrack"] = bool_text(False)
    call.params.update(present(message, ("stop_call", "called", "caller", "callername")))
    callto = message.get("direct")
    if not callto:
        called = message.get("target") or message.get("called")
        if not called:
            return None
        call["called"] = called
        call.params.setdefault("caller", f"{driver.prefix}{target}")
        if not await driver.bus.dispatch(call) or call.retvalue in ("", "-"):
            return None
        callto, call.retvalue = call.retvalue, ""
    call.name = "call.execute"
    call["callto"] = callto
    return call
