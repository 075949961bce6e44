"""Call detail records: ``call.cdr`` for each channel (Yate's module cdrbuild).

A record begins with the first message of a channel, is sent again after each further message, and
ends with ``chan.hangup``. The parameters have their meaning in Yate's cdrbuild.
"""

from __future__ import annotations

import asyncio
from typing import Final

from yext.bus import Bus
from yext.engine.module import Module
from yext.message import Message
from yext.telephony.channel import Channel, flag
from yext.telephony.driver import STATUS_ESCAPES
from yext.telephony.endpoint import Endpoint
from yext.wire import bool_text

_PRIORITY: Final = 50
_LAST_PRIORITY: Final = 150
"""The priority at the end of a channel: after other handlers, which may add parameters."""

_KEPT: Final = {
    "billid": True,
    "reason": True,
    "address": False,
    "caller": False,
    "called": False,
    "calledfull": False,
    "username": False,
}
"""The parameters of a record, and whether a later value replaces an earlier one."""

_MOMENTS: Final = {
    "chan.startup": "start",
    "call.execute": "call",
    "call.route": "",
    "call.progress": "ringing",
    "call.ringing": "ringing",
    "call.answered": "answer",
    "call.update": "",
    "chan.hangup": "hangup",
}
"""The messages that a record follows, with the moment of the call that each stands for."""

_BEGINS: Final = ("start", "call", "answer")
_GUARD: Final = 5.0
"""Seconds for which the end of a channel is remembered, so that no late message starts a record."""


class Record:
    """The record of one channel.

    Args:
        channel: the channel's id.
        number: the number of the record.
        run_id: the engine's run identifier.
        owner: the channel of the script that speaks in its name, None for a driver's channel.
        began: the time of its first message, in seconds since 1970.

    Attributes:
        channel: the channel's id.
        owner: the channel of the script that speaks in its name.
        params: the parameters taken over from messages.
        status: the last status of the channel.
        sent: whether the record was sent before.
    """

    def __init__(
        self, channel: str, number: int, run_id: str, owner: Endpoint | None, began: float
    ) -> None:
        self._began = began
        self.channel = channel
        self.owner = owner
        self.params: dict[str, str] = {}
        self.status = self._direction = "unknown"
        self._number = number
        self._run_id = run_id
        self._moments: dict[str, float] = {}
        self._write = True
        self.sent = False

    def take(self, message: Message, moment: str, now: float) -> None:
        """Take over the parameters of a message about the channel; `now` as for `mark`."""
        if not self.sent:
            self._write = flag(message, "cdrwrite", True)
        for name, value in message.params.items():
            if name in ("status", "direction") and value:
                self._state(name, value)
            elif value and name in _KEPT and (_KEPT[name] or name not in self.params):
                self.params[name] = value
        self.mark(moment, now)

    def _state(self, name: str, value: str) -> None:
        if name == "status":
            self.status = value
        if name == "direction" or value in ("incoming", "outgoing"):
            self._direction = value

    def mark(self, moment: str, when: float) -> None:
        """Note a moment of the call. The first of its kind counts, except for ``call``.

        Args:
            moment: the moment, empty for none.
            when: its time on the clock of the event loop, in seconds. The times of messages would
                not do: scripts stamp whole seconds, and calls are billed by the difference.
        """
        if moment == "call":
            self._moments[moment] = when
        elif moment:
            self._moments.setdefault(moment, when)

    def message(self, operation: str, now: float) -> Message:
        """Make the ``call.cdr`` of the record.

        Args:
            operation: ``initialize``, ``update`` or ``finalize``.
            now: the time on the clock of the event loop, in seconds.
        """
        self.sent = True
        moments = self._moments
        hangup = moments.get("hangup", now)
        start = moments.setdefault("start", moments.get("call", hangup))
        answer = min(moments.get("answer", hangup), hangup)
        ringing = min(moments.get("ringing", answer), answer)
        external = {"incoming": "caller", "outgoing": "called"}.get(self._direction, "")
        params = {
            "time": f"{self._began:.3f}",
            "chan": self.channel,
            "cdrid": str(self._number),
            "runid": self._run_id,
            "operation": operation,
            "direction": self._direction,
            "duration": f"{hangup - start:.3f}",
            "billtime": f"{hangup - answer:.3f}",
            "ringtime": f"{answer - ringing:.3f}",
            "status": self.status,
        }
        if external in self.params:
            params["external"] = self.params[external]
        params["cdrwrite"] = bool_text(self._write)
        return Message("call.cdr", params | self.params, broadcast=True)

    def summary(self, now: float) -> str:
        """Return the record as the module's status shows it."""
        fields = [self.params.get(name, "") for name in ("caller", "called", "billid")]
        seconds = round(now - self._moments.get("start", now))
        texts = [self.status, *(field.translate(STATUS_ESCAPES) for field in fields), str(seconds)]
        return "|".join(texts)


def _now() -> float:
    """The time on the clock of the event loop, in seconds: it never goes back."""
    return asyncio.get_running_loop().time()


class CdrBuilder(Module):
    """The module ``cdrbuild``."""

    name = "cdrbuild"
    title = "CdrBuild"
    kind = "cdr"
    # The messages that scripts see must not depend on whether records are kept.
    track = False

    def __init__(self, bus: Bus) -> None:
        super().__init__(bus)
        self._records: dict[str, Record] = {}
        self._hung_up: dict[str, float] = {}
        self._number = 0

    def load(self) -> None:
        super().load()
        for name, moment in _MOMENTS.items():
            self.handle(name, self._follow, _LAST_PRIORITY if moment == "hangup" else _PRIORITY)
        self.handle("call.drop", self._drop, _PRIORITY)
        self.handle("engine.timer", self._timer, _PRIORITY)
        self.handle("engine.halt", self._halt, _LAST_PRIORITY)

    def _follow(self, message: Message) -> bool:
        moment = _MOMENTS.get(message.name, "")
        name, ident = message.name, message.get("id")
        early = flag(message, "earlymedia", False) or flag(message, "ringing", False)
        if name == "call.progress" and not early:
            return False
        track = name != "call.update" or message.get("operation") in ("", "cdrbuild")
        if not ident or not flag(message, "cdrtrack", track):
            return False
        record, now = self._record(ident, moment, message), _now()
        if record is not None:
            record.take(message, moment, now)
            self._send(record, now, moment == "hangup")
        if moment in ("ringing", "answer"):
            other = self._records.get(message.get("peerid") or message.get("targetid"))
            if other is not None and other is not record:
                other.mark(moment, now)
                other.status = message.get("status") or other.status
                self._send(other, now, False)
        return False

    def _record(self, ident: str, moment: str, message: Message) -> Record | None:
        record = self._records.get(ident)
        begins = moment in _BEGINS and flag(message, "cdrcreate", True)
        if record is None and begins and ident not in self._hung_up:
            self._number += 1
            who, run_id = message.userdata, self.bus.run_params["runid"]
            script = who if isinstance(who, Endpoint) and not isinstance(who, Channel) else None
            record = Record(ident, self._number, run_id, script, message.time)
            self._records[ident] = record
        return record

    def _send(self, record: Record, now: float, last: bool) -> None:
        if last:
            del self._records[record.channel]
            self._hung_up[record.channel] = self.bus.now() + _GUARD
        operation = "finalize" if last else "update" if record.sent else "initialize"
        self.bus.enqueue(record.message(operation, now))

    def _timer(self, message: Message) -> bool:
        """Close the records of scripts whose call is over, as nobody hangs up in their name."""
        now = _now()
        for record in tuple(self._records.values()):
            if record.owner is not None and not record.owner.alive:
                self._send(record, now, True)
        self._hung_up = {
            ident: until for ident, until in self._hung_up.items() if until > message.time
        }
        return False

    def _drop(self, message: Message) -> bool:
        """Close a record whose channel was lost, for ``call.drop`` of ``cdrbuild/CHANNEL``."""
        prefix, _, ident = message.get("id").partition("/")
        record = self._records.get(ident) if prefix == self.name else None
        if record is None:
            return False
        record.params["reason"] = message.get("reason") or record.params.get(
            "reason", "CDR dropped"
        )
        self._send(record, _now(), True)
        return True

    def _halt(self, message: Message) -> bool:
        for record in tuple(self._records.values()):
            record.params.setdefault("reason", "CDR shutdown")
            self._send(record, _now(), True)
        return False

    def status_format(self) -> str:
        return ",format=Status|Caller|Called|BillId|Duration"

    def status_params(self) -> str:
        return f"cdrs={len(self._records)},hungup={len(self._hung_up)}"

    def status_detail(self) -> str:
        now = _now()
        return ",".join(
            f"{record.channel}={record.summary(now)}" for record in self._records.values()
        )
