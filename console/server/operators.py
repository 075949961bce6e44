"""The operators that are connected, and what each of them is shown of events and messages."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from yext import Engine, Reply, log, wire
from yext.access.guard import Guard
from yext.access.places import Places
from yext.access.refusals import Refusals
from yext.console.server.turns import Turns
from yext.console.session.authority import Authority
from yext.message import Message
from yext.record.journey import HIDDEN

if TYPE_CHECKING:
    from yext.console.server.operator import Operator
    from yext.console.session.secrets import Secrets
    from yext.console.session.session import Session
    from yext.dispatcher import Dispatch

audit = logging.getLogger("yext.audit")

_MARK = re.compile(r"help yext-[0-9a-f]{8}-\d+")
"""Command lines by which `yext attach` finds the end of a reply: no operator's, so not logged."""


class Operators:
    """The operators connected now, in order of arrival.

    Args:
        engine: the engine that is operated.
        debug: logs text at a debug level.

    Attributes:
        guard: slows down the guessing of passwords.
        places: the connections that have not authenticated.
        refusals: logs refused connections.
        turns: the turns of the event loop for them.
        label: the name by which `sniffer` and the flow know this watcher of messages.
    """

    label = "rmanager"

    def __init__(self, engine: Engine, debug: Callable[[int, str], None]) -> None:
        self.engine = engine
        self.debug = debug
        self.places = Places()
        self.turns = Turns()
        self.refusals = Refusals(debug)
        self.guard = Guard(asyncio.get_running_loop().time)
        self._left_out = (0, 0)
        self._all: dict[Operator, None] = {}
        self._listening: dict[Operator, None] = {}
        self._watching: dict[Operator, None] = {}
        self._unsubscribe = engine.log.subscribe(self._event)

    def __len__(self) -> int:
        return len(self._all)

    def add(self, operator: Operator) -> None:
        """Register an operator; a guest takes a place, and perhaps that of another one."""
        self._all[operator] = None
        if operator.session.authority is Authority.GUEST:
            self.places.take(operator)

    def remove(self, operator: Operator) -> bool:
        """Forget an operator; return False if that was done before."""
        self.places.leave(operator)
        self._listening.pop(operator, None)
        self._watch(operator, False)
        if operator not in self._all:
            return False
        self._left_out, before = operator.left_out, self._left_out
        self._left_out = self._left_out[0] + before[0], self._left_out[1] + before[1]
        del self._all[operator]
        return True

    def __iter__(self) -> Iterator[Operator]:
        return iter(self._all)

    def left_out(self) -> tuple[int, int]:
        """The lines that operators were not shown: at the limit of the flow, and because they did
        not read."""
        every = [self._left_out, *(operator.left_out for operator in self._all)]
        return sum(flow for flow, _ in every), sum(unread for _, unread in every)

    def follow(self, operator: Operator) -> None:
        """Show an operator from now on what the session's switches ask for."""
        session = operator.session
        if operator not in self._all:
            return
        if session.authority > Authority.GUEST:
            self.places.leave(operator)
        allowed = session.authority > Authority.GUEST and not operator.in_shell
        if allowed and (session.output or session.debug):
            self._listening[operator] = None
        else:
            self._listening.pop(operator, None)
        sees_messages = session.authority is Authority.ADMIN or session.policy.user_flow
        self._watch(operator, allowed and session.machine and sees_messages)

    async def close(self) -> None:
        """Close all connections, and wait until nothing of them runs any more."""
        operators = list(self._all)
        for operator in operators:
            operator.close()
        await asyncio.gather(*(operator.ended() for operator in operators))
        self.refusals.flush()
        self._unsubscribe()

    def audit(self, session: Session, line: str, reply: Reply) -> None:
        """Log a command of a session: whose it is, from where, what it is, and its outcome."""
        if _MARK.fullmatch(line):
            return
        reason = session.secrets.hide_in(reply.params.get("reason", "no reason given"), line)
        outcome = "ok" if reply.ok else f"failed: {reason}"
        authority = session.authority.name.lower()
        shown = session.secrets.hide(line)
        audit.info("audit %s %s: %s: %s", authority, session.address, shown, outcome)

    # Events and messages

    def _event(self, event: log.Event) -> None:
        if event.kind is log.EventKind.NOTICE:
            for operator in list(self._all):
                if not operator.in_shell and self._wants(operator, event):
                    operator.conversation.show_notice(event)
            return
        for operator in list(self._listening):
            operator.conversation.show_event(event)

    def _wants(self, operator: Operator, notice: log.Event) -> bool:
        """Return whether an operator is shown a notice.

        One that no session is named in, or that reports success, goes to operators with output
        on, as Yate's ``scr_exit_messages``.
        """
        if not notice.is_for(operator.session.label):
            return False
        urgent = bool(notice.session) and notice.level <= log.WARN
        return urgent or operator in self._listening

    def _watch(self, operator: Operator, wanted: bool) -> None:
        """Show an operator each message, or no longer; the bus is watched while any is shown."""
        before = bool(self._watching)
        if wanted:
            self._watching[operator] = None
        else:
            self._watching.pop(operator, None)
        if bool(self._watching) != before:
            dispatcher = self.engine.dispatcher
            (dispatcher.watch if wanted else dispatcher.unwatch)("", self)

    def notice(self, dispatch: Dispatch) -> None:
        """Show a message after its dispatch."""
        message, handled = dispatch.message, dispatch.handled
        line = ""
        for operator in list(self._watching):
            session = operator.session
            if session.authority is not Authority.ADMIN:
                seen = masked(message, session.secrets, self.engine.recorder.secret)
                operator.conversation.show_message(wire.encode_answer("", seen, handled))
                continue
            line = line or wire.encode_answer("", message, handled)
            operator.conversation.show_message(line)


def masked(message: Message, secrets: Secrets, is_secret: Callable[[str], bool]) -> Message:
    """Return `message` as an observer may see it.

    Hidden are passwords in command lines, values of parameters whose names are secret, and the
    return value of ``user.auth``, which is a password. A reply may repeat its command line.
    """
    replies = secrets.in_params(message.params)
    lines = replies | secrets.assigned(message.params) | (replies and {"reason"})
    params = {
        key: HIDDEN if key in lines or is_secret(key) else value
        for key, value in message.params.items()
    }
    secret = message.name == "user.auth" or bool(replies)
    retvalue = HIDDEN if message.retvalue and secret else message.retvalue
    return Message(message.name, params, retvalue=retvalue, time=message.time)
