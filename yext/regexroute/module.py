"""Yate's module regexroute: routes calls, and any other message, by rules in regexroute.conf."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from yext.bus import Bus
from yext.command import EOL, help_with
from yext.conf import Problem
from yext.conf.options import describe_changes
from yext.dispatcher import Dispatch, Dispatcher, Handler
from yext.engine.module import Module
from yext.log import Event, EventKind, safe
from yext.message import Message
from yext.regexroute.functions.variables import Variables

if TYPE_CHECKING:
    from yext.regexroute.functions.facts import Facts
    from yext.regexroute.handlers import Waiting
    from yext.regexroute.settings import Settings


_WORD: Final = "route"
_CONTEXT: Final = "context="
USAGE: Final = "route CALLED [key=value ...]"
HELP: Final = "Shows the way of a call through the rules of regexroute.conf, without sending it"

_HELP_PRIORITY: Final = 100


class RegexRoute(Module):
    """The module ``regexroute``.

    Attributes:
        settings: what regexroute.conf said at the last reload, None if there is no such file.
        variables: the global variables.
        walks: the messages that wait for a message, or for time to pass.
        processing: how many messages are on their way through the rules.
    """

    name = "regexroute"
    title = "RegexRoute"
    kind = "route"

    def __init__(self, bus: Bus) -> None:
        super().__init__(bus)
        self.settings: Settings | None = None
        self.variables = Variables()
        self.walks: dict[Waiting, None] = {}
        self.processing = 0
        self._plan: Settings | None = None
        self._rules: dict[tuple[object, ...], Handler] = {}
        self._relays: list[Handler] = []
        self._relayed_at = 0
        self._dispatching = 0
        self._begun = False
        self._rex_debug = RexDebug(bus)

    # Life cycle

    def load(self) -> None:
        """Install nothing: the configuration has the priorities of all handlers."""

    def read_conf(self) -> list[Problem]:
        read = self.bus.read_conf(self.name)
        if not read.exists:
            self._plan = None
            return list(read.problems)
        from yext.regexroute.settings import read_settings

        self._plan = read_settings(read)
        return self._plan.problems

    def examine(self) -> list[Problem]:
        if self._plan is None:
            return []
        from yext.regexroute.check import examine
        from yext.regexroute.scripts import ScriptCheck

        return examine(self._plan, ScriptCheck(self.bus).why_not)

    async def apply_conf(self) -> list[str]:
        before, settings = self.settings, self._plan
        self.settings = settings
        self._install_relays()
        self._rex_debug.switch(settings is not None and bool(settings.options["rex_debug"]))
        self._install_rules()
        if settings is None:
            return [f"{self.name}: there are no rules any more"] if before is not None else []
        self._set_variables(settings)
        return [] if before is None else _changes(before, settings)

    def _set_variables(self, settings: Settings) -> None:
        first, self._begun = not self._begun, True
        if first:
            self.variables.update(settings.once)
        elif settings.options["add_once"]:
            for name, value in settings.once.items():
                self.variables.setdefault(name, value)
        self.variables.update(settings.init)

    async def stop(self, deadline: float) -> None:
        for walk in list(self.walks):
            walk.give_up()

    def unload(self) -> None:
        self._rex_debug.unload()
        for handler in self._rules.values():
            self.bus.dispatcher.uninstall(handler)
        self._rules.clear()
        super().unload()

    # Handlers

    def _install_relays(self) -> None:
        """Install the handlers of status, commands and debugging at the priority that is set."""
        settings = self.settings
        priority = 110 if settings is None else settings.options["status"]
        assert isinstance(priority, int)
        if priority == self._relayed_at:
            return
        for handler in self._relays:
            self.bus.dispatcher.uninstall(handler)
            self._handlers.remove(handler)
        self._relays.clear()
        self._relayed_at = priority
        if priority:
            self._relays = [
                self.handle("engine.status", self._status, priority),
                self.handle("engine.command", self._command, priority),
                self.handle("engine.debug", self._debug, priority),
                self.handle("engine.help", self._help, _HELP_PRIORITY),
            ]

    def _install_rules(self) -> None:
        """Install the handlers that rules need, keep those that are there already."""
        wanted: Mapping[tuple[object, ...], Handler] = {}
        if self.settings is not None:
            from yext.regexroute.handlers import handlers_of

            wanted = handlers_of(self.settings, self)
        dispatcher = self.bus.dispatcher
        for key in [key for key in self._rules if key not in wanted]:
            dispatcher.uninstall(self._rules.pop(key))
        for key, handler in wanted.items():
            if key not in self._rules:
                self._rules[key] = handler
                dispatcher.install(handler)

    # What handlers need

    @property
    def dispatcher(self) -> Dispatcher:
        """The dispatcher of the engine."""
        return self.bus.dispatcher

    def host_of(self, dispatch: Dispatch | None) -> Facts:
        """Return what functions know of the engine and of a dispatch."""
        from yext.regexroute.functions.facts import Facts

        return Facts(self.bus, self.variables, self.title, self._dispatching, dispatch)

    def debug_text(self, level: int, text: str, named: bool) -> None:
        """Log a text."""
        if named:
            self.debug(level, text)
        elif level <= self.bus.log.level:
            self.bus.log.emit(Event(EventKind.DEBUG, text, level))

    def speak(self, text: str, level: int | None) -> None:
        """Output what a rule says."""
        from yext.regexroute.text import outer

        if level is None:
            self.bus.log.output(outer(text))
        elif self._rex_debug.on:
            self._rex_debug.say(level, outer(text), self)
        else:
            self.debug_text(level, outer(text), False)

    def secret(self, name: str) -> bool:
        """Return whether the values of a parameter are secret."""
        return self.bus.recorder.secret(name)

    def dispatching(self, change: int) -> None:
        """Note that a rule begins (1) or ends (-1) to dispatch a message."""
        self._dispatching += change

    # Status and commands

    async def command(self, line: str, message: Message) -> bool:
        if line.split(maxsplit=1)[:1] != [_WORD]:
            return False
        import shlex

        try:
            called, *rest = shlex.split(line)[1:] or [""]
        except ValueError as error:
            return _failed(message, f"{error}: {USAGE}", "help route")
        params = dict(word.partition("=")[::2] for word in rest)
        if not called or not all("=" in word for word in rest):
            return _failed(message, f"usage: {USAGE}", "help route")
        if self.settings is None:
            return _failed(message, "there is no regexroute.conf", "status regexroute")
        from yext.regexroute.functions.facts import Facts
        from yext.regexroute.trial import try_route

        variables = Variables(self.variables)
        host = Facts(self.bus, variables, self.title, self._dispatching, None)
        trial = try_route(self.settings.rules, host, called, params)
        message.retvalue = "".join(f"{line}{EOL}" for line in map(safe, trial.lines))
        return True

    def complete(self, line: str, word: str) -> dict[str, str]:
        if line in ("", "help", "?"):
            return {_WORD: HELP}
        if not line.startswith(f"{_WORD} ") or self.settings is None:
            return {}
        if not word.startswith(_CONTEXT):
            return {"caller=": "who calls, for [contexts]", _CONTEXT: "where it begins"}
        return {
            f"{_CONTEXT}{name}": f"{len(context.rules)} rules"
            for name, context in self.settings.rules.contexts.items()
        }

    def _help(self, message: Message) -> bool:
        return help_with(message, _WORD, USAGE, HELP)

    def status_params(self) -> str:
        settings = self.settings
        sections = 0 if settings is None else settings.sections
        extra = sum(key[0] == "extra" for key in self._rules)
        return (
            f"sections={sections},extra={extra},variables={len(self.variables)}"
            f",processing={self.processing}"
        )


class RexDebug(Module):
    """The module ``rex_debug``, whose debug level decides what rules may say with ``debug``.

    Attributes:
        on: whether it is there.
    """

    name = "rex_debug"
    title = "RegexRoute"

    def __init__(self, bus: Bus) -> None:
        super().__init__(bus)
        self.on = False

    def switch(self, on: bool) -> None:
        """Make it be there or not."""
        if on and not self.on:
            self.load()
        elif self.on and not on:
            self.unload()
        self.on = on

    def say(self, level: int, text: str, parent: Module) -> None:
        """Log a text of a rule; without a level of its own, that of `parent` counts."""
        if self.debug_level is None and self.debug_on:
            parent.debug(level, text)
        else:
            self.debug(level, text)


def _failed(message: Message, reason: str, hint: str) -> bool:
    message.retvalue = f"{reason}{EOL}"
    message["reason"], message["hint"] = reason, hint
    return True


def _changes(before: Settings, after: Settings) -> list[str]:
    from yext.regexroute.settings import PRIORITIES

    changed = describe_changes(PRIORITIES, before.options, after.options)
    lines = [f"regexroute: {name} {change}" for name, change in changed.items()]
    if before.fingerprint != after.fingerprint:
        count = sum(len(context.rules) for context in after.rules.contexts.values())
        lines.append(f"regexroute: {count} rules in {len(after.rules.contexts)} contexts")
    return lines
