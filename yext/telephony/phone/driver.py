"""A telephone for the operator: the driver ``phone/`` and its command.

``call external/nodata/ivr.py phone/`` makes the phone call the script, ``call phone/ 99`` makes
it dial, and a ``call.execute`` to ``phone/`` rings it, which it answers.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import ClassVar, Final

from yext.bus import Bus
from yext.command import EOL, help_with
from yext.message import Message
from yext.telephony.channel import Channel, names_to_copy, present
from yext.telephony.driver import Driver
from yext.telephony.endpoint import Endpoint
from yext.telephony.phone.channel import PhoneChannel

USAGE: Final = "phone [phone/N] [say FILE|dtmf DIGITS|record FILE|wait WHAT [SECONDS]|hangup]"
HELP: Final = (
    "Shows what the operator's telephone hears; says a file or tone/NAME, dials, records ('-'"
    f" ends that), hangs up.{EOL}WHAT is waited for, 10 seconds by default: playing NAME,"
    " tone NAME, dtmf DIGITS, sound, silence, said, answered, hangup"
)

_CONSOLE_PRIORITY: Final = 5
"""The phone sees an operator's call that it is to make before anything makes it."""


class PhoneDriver(Driver):
    """The module ``phone``.

    Attributes:
        calls: the phone's last calls, the latest last; the last one is kept after its end.
    """

    name = "phone"
    title = "Phone"
    targets: ClassVar = {"phone/": "the telephone of this console"}
    # The messages that scripts see must not depend on whether there is a phone.
    track = False

    def __init__(self, bus: Bus) -> None:
        super().__init__(bus)
        self.calls: list[PhoneChannel] = []

    def load(self) -> None:
        super().load()
        self.handle("call.execute", self._from_console, _CONSOLE_PRIORITY)
        self.handle("call.progress", self._for_incoming(Channel.progress), 100)
        self.handle("engine.help", self._help, 100)

    def call(self, ident: str = "") -> PhoneChannel | None:
        """Return the call with that id, the latest one without an id, or None for no call."""
        self._forget_ended()
        found = [call for call in self.calls if ident in ("", call.id)]
        return found[-1] if found else None

    def _forget_ended(self) -> None:
        self.calls = [call for call in self.calls if call.alive or call is self.calls[-1]]

    # Calls

    def execute(self, message: Message, target: str) -> bool | Awaitable[bool]:
        if self.stopped(message):
            return False
        caller = message.userdata
        if not isinstance(caller, Endpoint):
            return self._dial(message, target, message.get("direct"))
        channel = self._start(message, target, outgoing=True)
        channel.called(message)
        connected = caller.connect(channel, message.get("reason"))
        if connected:
            message["peerid"] = message["targetid"] = channel.id
            channel.target_id = caller.id
            answered = channel.message("call.answered")
            channel.status, channel.answered = "answered", True
            channel.send(answered)
        channel.release()
        return connected

    def _start(self, message: Message, address: str, *, outgoing: bool) -> PhoneChannel:
        channel = PhoneChannel(self.channels, address, outgoing=outgoing)
        channel.commander = message.commander
        self.calls.append(channel)
        channel.start(message)
        return channel

    def _from_console(self, message: Message) -> bool | Awaitable[bool]:
        """Call SOMETHING from the phone, for an operator's ``call SOMETHING phone/``.

        Only for an operator: from other senders ``direct`` belongs to the callee, as with a
        script that hands out the calls of a queue.
        """
        direct = message.get("direct")
        called = message.get("callto")
        if not direct.startswith(self.prefix) or called.startswith(self.prefix):
            return False
        if "cmd_admin" not in message:
            return False
        return self._dial_for(message, direct.removeprefix(self.prefix), called)

    async def _dial_for(self, message: Message, address: str, called: str) -> bool:
        if await self._dial(message, address, called):
            return True
        # The call was made and has failed: no later handler may make it again.
        del message["callto"]
        return False

    async def _dial(self, message: Message, address: str, callto: str) -> bool:
        number = message.get("target") or message.get("called")
        if not (callto or number):
            return False
        channel = self._start(message, address, outgoing=False)
        try:
            return await self._route(channel, message, callto, number)
        finally:
            channel.release()

    async def _route(
        self, channel: PhoneChannel, message: Message, callto: str, number: str
    ) -> bool:
        call = channel.message("call.route")
        call["caller"] = message.get("caller") or self.name
        call["called"] = number
        call.params.update(present(message, names_to_copy(message)))
        if not callto and not await self.bus.dispatch(call):
            message["reason"] = f"nobody routes a call to {number}"
            return False
        call.name = "call.execute"
        call["callto"] = callto or call.retvalue
        call.retvalue = ""
        channel.make_call(call, message)
        if not await self.bus.dispatch(call):
            message.params.update(present(call, ("error", "reason", "errno", "hint")))
            return False
        channel.accepted(call)
        message["id"] = channel.id
        message.params.update(present(call, ("peerid", "targetid")))
        return True

    # The command

    async def command(self, line: str, message: Message) -> bool:
        word, _, rest = line.strip().partition(" ")
        if word != self.name:
            return False
        # Loaded with the first command: most starts need no phone.
        from yext.telephony.phone import verbs

        rest = rest.strip()
        ident, _, after = rest.partition(" ")
        if ident.startswith(self.prefix):
            rest = after.strip()
        else:
            ident = ""
        name, _, argument = rest.partition(" ")
        verb = verbs.VERBS.get(name or "show")
        if verb is None:
            return False
        phone = self.call(ident)
        if phone is None:
            verbs.fail(message, "there is no call", verbs.CALL_HINT)
        elif not (phone.alive or verb in verbs.AFTER_THE_END):
            verbs.fail(message, f"the call of {phone.id} is over", verbs.CALL_HINT)
        else:
            await verb(phone, argument.strip(), message)
        return True

    def complete(self, line: str, word: str) -> dict[str, str]:
        words = line.split()
        if not words or words in (["help"], ["?"]):
            return {self.name: HELP.partition(EOL)[0]}
        if words[0] != self.name:
            return {}
        from yext.telephony.phone import verbs

        follow = dict.fromkeys(verbs.VERBS, "")
        if words == [self.name]:
            return follow | dict.fromkeys(self.channels, "one of the calls")
        if len(words) == 2 and words[1] in self.channels:
            return follow
        return dict.fromkeys(verbs.CONDITIONS, "") if words[-1] == "wait" else {}

    def _help(self, message: Message) -> bool:
        return help_with(message, self.name, USAGE, HELP)
