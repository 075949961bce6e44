"""Calls that a channel without anybody behind it makes or takes: tones and files.

The messages are those of Yate's tonegen and wavefile, which are the same.
"""

from __future__ import annotations

from collections.abc import Callable

from yext.message import Message
from yext.telephony.channel import Channel, copied, copy_list
from yext.telephony.driver import Driver
from yext.telephony.endpoint import Endpoint
from yext.wire import bool_text


def called_by(caller: Endpoint, message: Message, channel: Channel | None) -> bool:
    """Connects `caller` with the new `channel`; whether there is one, and that went."""
    if channel is None:
        return False
    connected = caller.connect(channel, message.get("reason"))
    if connected:
        message["peerid"] = channel.id
    channel.release()
    return connected


def attach_param(channel: Channel, message: Message, name: str) -> None:
    """Has the source or consumer that `message` names attached to `channel`."""
    if message.get(name):
        params = {"id": channel.id, name: message[name], "single": bool_text(True)}
        channel.carried(Message("chan.attach", params))


async def call_out(
    driver: Driver, message: Message, target: str, make: Callable[[], Channel | None]
) -> bool:
    """Calls ``direct``, or where ``target`` or ``called`` is routed to, from a new channel.

    `make` tells in `message` why it could make none.
    """
    call = Message("call.route", copied(message, copy_list(message)))
    for name in ("callto", "id"):
        call.params.pop(name, None)
    call["module"] = driver.name
    call["cdrtrack"] = bool_text(False)
    call.params.update(copied(message, ("stop_call", "called", "caller", "callername")))
    callto = message.get("direct")
    if not callto:
        called = message.get("target") or message.get("called")
        if not called:
            return False
        call["called"] = called
        call.params.setdefault("caller", f"{driver.prefix}{target}")
        if not await driver.bus.dispatch(call) or call.retvalue in ("", "-"):
            return False
        callto, call.retvalue = call.retvalue, ""
    call.name = "call.execute"
    call["callto"] = callto
    channel = make()
    if channel is None:
        return False
    call["id"] = channel.id
    channel.make_call(call, message)
    try:
        if not await driver.bus.dispatch(call):
            message.params.update(copied(call, ("error", "reason")))
            return False
        message["id"] = channel.id
        message.params.update(copied(call, ("peerid",)))
        return True
    finally:
        channel.release()
