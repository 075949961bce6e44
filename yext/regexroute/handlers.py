"""The handlers that take messages through the rules: ``call.preroute``, ``call.route``, others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Sequence
from time import perf_counter
from typing import Final, Protocol

from yext.dispatcher import PENDING, Dispatch, Dispatcher, Handler, Pending, track
from yext.log import logger
from yext.message import Message
from yext.patterns.graph import Expression
from yext.patterns.several import Several
from yext.record.journey import HIDDEN
from yext.regexroute.functions.evaluate import Host
from yext.regexroute.router import (
    Decision,
    Dispatching,
    Enqueueing,
    Request,
    Walk,
)
from yext.regexroute.settings import CONTEXTS, Extra, Settings
from yext.regexroute.text import inner, outer, shown
from yext.regexroute.trace import MessageTrace, visible

MOST_NESTED: Final = 20
"""Messages of rules that may be nested in each other: rules that dispatch what they route would
go on until the stack is full."""

_AT_ONCE: Final = 2
"""So deep they are dispatched at once, and further ones in the next turn of the loop, as Python's
stack is no deeper: a hundred contexts take two hundred frames of it."""

_ERRORS: Final = ("-", "error")
"""Targets of ``call.preroute`` that are no context, but refuse the call."""


class Routing(Protocol):
    """What handlers need of the module.

    Attributes:
        settings: what regexroute.conf said at the last reload.
        walks: the messages that wait for a message, or for time to pass.
        processing: how many messages are on their way through the rules.
    """

    settings: Settings | None
    walks: dict[Waiting, None]
    processing: int

    def host_of(self, dispatch: Dispatch) -> Host:
        """Return what functions know of the engine and of a dispatch."""

    def debug_text(self, level: int, text: str, named: bool) -> None:
        """Log a text."""

    def speak(self, text: str, level: int | None) -> None:
        """Output what a rule says."""

    def dispatching(self, change: int) -> None:
        """Note that a rule begins (1) or ends (-1) to dispatch a message."""

    def secret(self, name: str) -> bool:
        """Return whether the values of a parameter are secret."""

    @property
    def dispatcher(self) -> Dispatcher:
        """The dispatcher of the engine."""


def handlers_of(settings: Settings, module: Routing) -> dict[tuple[object, ...], RuleHandler]:
    """Make the handlers of all messages that the rules route, by what distinguishes them."""
    tracked = bool(settings.options["trackparam"])
    found: dict[tuple[object, ...], RuleHandler] = {}
    for kind, name in (("preroute", "call.preroute"), ("route", "call.route")):
        priority = settings.options[kind]
        if isinstance(priority, int) and priority:
            found[kind, priority, tracked] = _KINDS[kind](module, name, priority, tracked)
    for extra in settings.extra:
        if inner(extra.context) in settings.rules.contexts:
            handler = ExtraHandler(module, extra, tracked)
            found.setdefault(("extra", *extra.key, tracked), handler)
    return found


class RuleHandler(Handler):
    """A handler that takes a message through a context.

    Args:
        module: the module.
        name: the message.
        priority: the priority.
        tracked: whether it is named in the tracking parameter of messages.
    """

    __slots__ = ("_module",)

    def __init__(self, module: Routing, name: str, priority: int, tracked: bool) -> None:
        super().__init__(name, priority, "regexroute", "regexroute" if tracked else "")
        self.built_in = True
        self._module = module

    def handle(self, message: Message, dispatch: Dispatch) -> bool | Pending:
        """Take the message through the rules."""
        begin = self.begin(message)
        if begin is None:
            return False
        text, context = begin
        module = self._module
        assert module.settings is not None
        trace = MessageTrace(message, module.debug_text, module.speak, module.secret)
        host = module.host_of(dispatch)
        walk = Walk(module.settings.rules, host, trace, message, text, self.retvalue(message))
        return Waiting(self, module, dispatch, walk, trace, context).go_on()

    def begin(self, message: Message) -> tuple[str, str] | None:
        """Return the text to match and the context, None for a message to pass on."""
        return inner(message.get("called")), "default"

    def retvalue(self, message: Message) -> str:
        """Return the return value that the rules begin with."""
        return inner(message.retvalue)

    def end(self, walk: Walk, routed: bool, context: str, microseconds: int) -> str:
        """Put the result into the message; return a text about it, empty for none."""
        walk.message.retvalue = outer(walk.retvalue)
        return ""


class RouteHandler(RuleHandler):
    """The handler of ``call.route``."""

    __slots__ = ()

    def begin(self, message: Message) -> tuple[str, str] | None:
        called = message.get("called")
        return (inner(called), inner(message.get("context", "default"))) if called else None

    def end(self, walk: Walk, routed: bool, context: str, microseconds: int) -> str:
        super().end(walk, routed, context, microseconds)
        kind = inner(walk.message.get("route_type")) or "call"
        if not routed:
            return (
                f"Could not route {kind} to '{shown(walk.text)}' in context '{shown(context)}',"
                f" wasted {microseconds} usec"
            )
        return (
            f"Routing {kind} to '{shown(walk.text)}' in context '{shown(context)}'"
            f" via '{shown(walk.retvalue)}' in {microseconds} usec"
        )


class PrerouteHandler(RuleHandler):
    """The handler of ``call.preroute``, which finds the context of a call."""

    __slots__ = ()

    def begin(self, message: Message) -> tuple[str, str] | None:
        caller = message.get("caller")
        settings = self._module.settings
        every = settings is not None and bool(settings.options["prerouteall"])
        if not every and (message.get("context") or not caller):
            return None
        return inner(caller), CONTEXTS

    def retvalue(self, message: Message) -> str:
        return ""

    def end(self, walk: Walk, routed: bool, context: str, microseconds: int) -> str:
        if not routed:
            return f"Could not classify call from '{shown(walk.text)}', wasted {microseconds} usec"
        if walk.retvalue in _ERRORS:
            walk.message.retvalue = walk.retvalue
        else:
            walk.message["context"] = outer(walk.retvalue)
        return (
            f"Classifying caller '{shown(walk.text)}' in context '{shown(walk.retvalue)}'"
            f" in {microseconds} usec"
        )


class ExtraHandler(RuleHandler):
    """A handler by a line of ``[extra]``.

    Args:
        module: the module.
        extra: the line.
        tracked: as for `RuleHandler`.
    """

    __slots__ = ("_extra", "_several", "_tracked")

    def __init__(self, module: Routing, extra: Extra, tracked: bool) -> None:
        super().__init__(module, extra.name, extra.priority, tracked)
        self._extra = extra
        self._several: Several | None = None
        self._tracked = ""
        if extra.filter_value.startswith("^"):
            # The dispatcher knows no such filters, so it does not know whether to track the module.
            self._several = Several({0: Expression(inner(extra.filter_value))})
            self._tracked, self.track = self.track, ""
        else:
            self.filter_name, self.filter_value = extra.filter_name, extra.filter_value

    def fits(self, message: Message) -> bool:
        if self._several is None:
            return super().fits(message)
        return bool(self._several(inner(message.get(self._extra.filter_name))))

    def handle(self, message: Message, dispatch: Dispatch) -> bool | Pending:
        if not self.fits(message):
            return False
        if self._tracked:
            track(message, self._tracked, self.priority)
        return super().handle(message, dispatch)

    def begin(self, message: Message) -> tuple[str, str] | None:
        extra = self._extra
        text = message.get(extra.param) if extra.param else extra.name
        return inner(text), inner(extra.context)


_KINDS: Final = {"preroute": PrerouteHandler, "route": RouteHandler}


class Waiting:
    """A message on its way through the rules, and the sender of what they dispatch.

    Args:
        handler: the handler that it began with.
        module: the module.
        dispatch: the dispatch of the message.
        walk: the way.
        trace: records the way through the rules.
        context: the context that it begins in.

    Attributes:
        label: its name as a sender.
        nested: how many messages of rules it is nested in.
    """

    label = "regexroute"

    __slots__ = (
        "_answer_later",
        "_began",
        "_context",
        "_dispatch",
        "_handler",
        "_module",
        "_steps",
        "_timer",
        "_trace",
        "_walk",
        "nested",
    )

    def __init__(
        self,
        handler: RuleHandler,
        module: Routing,
        dispatch: Dispatch,
        walk: Walk,
        trace: MessageTrace,
        context: str,
    ) -> None:
        self._handler = handler
        self._module = module
        self._dispatch = dispatch
        self._walk = walk
        self._trace = trace
        self._context = context
        self._steps: Generator[Request, None, bool] = walk.context(context)
        self._began = perf_counter()
        self._answer_later = False
        self._timer: asyncio.TimerHandle | None = None
        sender = dispatch.sender
        self.nested: int = sender.nested + 1 if isinstance(sender, Waiting) else 0
        module.processing += 1

    def handling(self, sent: Dispatch) -> Sequence[Dispatch]:
        """Return the dispatch of the message, in which those of its rules are nested."""
        return (self._dispatch,)

    def go_on(self) -> bool | Pending:
        """Follow the rules until the end, or until something has to be waited for."""
        try:
            while True:
                request = next(self._steps)
                if isinstance(request, Enqueueing):
                    dispatcher = self._module.dispatcher
                    dispatcher.enqueue(Dispatch(dispatcher, request.message, None, self))
                elif isinstance(request, Dispatching):
                    if not self._send(request.message):
                        return self._wait()
                else:
                    loop = asyncio.get_running_loop()
                    self._timer = loop.call_later(request.milliseconds / 1000, self._resume)
                    return self._wait()
        except StopIteration as stop:
            return self._end(bool(stop.value))
        except Exception as error:
            # A fault here must not keep the message from the other handlers.
            logger.error("the rules for %s raised", self._walk.message.name, exc_info=error)
            self._trace.warn(f"A rule in context '{self._context}' failed: {error!r}")
            return self._end(False)

    def _send(self, message: Message) -> bool:
        """Dispatch a message; return whether that is done."""
        if self.nested >= MOST_NESTED:
            self._trace.warn(f"More than {MOST_NESTED} messages in each other: not dispatched")
            return True
        state = {"done": False, "waiting": False}

        def done(_: Dispatch) -> None:
            self._module.dispatching(-1)
            state["done"] = True
            if state["waiting"]:
                self._resume()

        self._module.dispatching(1)
        dispatcher = self._module.dispatcher
        dispatch = Dispatch(dispatcher, message, done, self)
        if self.nested >= _AT_ONCE:
            asyncio.get_running_loop().call_soon(dispatcher.start, dispatch)
        else:
            dispatcher.start(dispatch)
        state["waiting"] = not state["done"]
        return state["done"]

    def _wait(self) -> Pending:
        self._answer_later = True
        self._module.walks[self] = None
        return PENDING

    def _resume(self) -> None:
        self._timer = None
        if self not in self._module.walks:
            return
        del self._module.walks[self]
        result = self.go_on()
        if isinstance(result, bool):
            self._dispatch.answered(result)

    def give_up(self) -> None:
        """Pass the message on as it is: the module stops."""
        if self._timer is not None:
            self._timer.cancel()
        self._module.walks.pop(self, None)
        self._steps.close()
        self._module.processing -= 1
        self._dispatch.answered(False)

    def _end(self, routed: bool) -> bool:
        walk = self._walk
        microseconds = round((perf_counter() - self._began) * 1_000_000)
        text = self._handler.end(walk, routed, self._context, microseconds)
        if text:
            self._trace.end(text)
        self._trace.dump(walk.message)
        self._module.processing -= 1
        journey = self._dispatch.journey
        if journey is not None:
            decision = walk.decision if routed else None
            journey.remark(decision_remark(decision, self._context, self._module.secret))
        return routed


def decision_remark(decision: Decision | None, context: str, secret: Callable[[str], bool]) -> str:
    """Return which rule has decided: file, line, context, and what has matched.

    Args:
        decision: the decision, None if no rule has made one.
        context: the context that the rules began in.
        secret: returns True for the names of parameters whose values are secret.
    """
    if decision is None:
        return outer(f"no rule of [{context}] routes it")
    rule, test = decision.rule, decision.match.test
    text = visible(rule, secret)
    by = f"by {rule.place} [{outer(decision.context)}] {text}"
    if text == HIDDEN:
        return by
    verb = "does not match" if test.inverted else "matches"
    return f"{by}: '{outer(decision.match.text)}' {verb} {outer(test.pattern)}"
