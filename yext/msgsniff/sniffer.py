"""Yate's module msgsniff: the command ``sniffer``, which shows messages as output.

Wording as recorded (rm_3_commands, sniffer and sniffer_output). While it is off it has no handler
and costs nothing. `flow` of the console shows the same messages, each on a line.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from time import perf_counter
from typing import TYPE_CHECKING, Final

from yext.bus import Bus
from yext.command import EOL, help_with
from yext.dispatcher import Dispatch, Handler, Pending
from yext.engine.module import COMMAND_PRIORITY, Module
from yext.errors import PatternError
from yext.log import Event, EventKind, safe
from yext.message import Message
from yext.wire import BOOLEANS, bool_text

if TYPE_CHECKING:
    from yext.msgsniff.filter import CompiledFilter, SniffFilter

USAGE: Final = (
    "sniffer [on|off] [timer on|off] [filter [regexp]] [age [seconds]]"
    " [params [any] [negated] [name=value ...]]"
    " [{set name=name|reset} [filter=regexp] [age=seconds] [params ...]]"
)
HELP: Final = "Shows or changes which messages are reported as output"

_HELP_PRIORITY: Final = 100

_WORD: Final = "sniffer"

_KEYWORDS: Final = {
    "on": "reports messages as output",
    "off": "reports no more",
    "timer": "on or off: engine.timer too",
    "filter": "only messages whose name matches",
    "params": "only messages with these values",
    "age": "only messages that are so many seconds old",
    "set": "changes a filter with a name of its own",
    "reset": "removes all filters",
}


class MsgSniff(Module):
    """The module: a handler and a watcher of all messages while it is on.

    Attributes:
        filters: the filters by name.
        timer: whether ``engine.timer`` is shown.
    """

    name = "msgsniff"
    title = "MsgSniffer"
    track = False
    label = "msgsniff"

    def __init__(self, bus: Bus) -> None:
        super().__init__(bus)
        self.filters: dict[str, CompiledFilter] = {}
        self.timer = False
        self._handler: _Sniffing | None = None
        self._begun: dict[Dispatch, float] = {}

    def load(self) -> None:
        self.handle("engine.command", self._command, COMMAND_PRIORITY)
        self.handle("engine.help", self._help, _HELP_PRIORITY)

    def unload(self) -> None:
        self._switch(False)
        super().unload()

    # The command

    async def command(self, line: str, message: Message) -> bool:
        word, _, rest = line.strip().partition(" ")
        if word != _WORD:
            return False
        try:
            self._change(rest.split())
        except PatternError as error:
            message.retvalue = f"{error}{EOL}"
            message["reason"] = str(error)
            return True
        message.retvalue = "".join(line + EOL for line in self._lines())
        return True

    def _change(self, words: list[str]) -> None:
        """Carry out the words in their order. Raises `PatternError`."""
        while words:
            word = words.pop(0)
            if word in ("on", "off"):
                self._switch(word == "on")
            elif word == "timer":
                self.timer = BOOLEANS.get(words.pop(0) if words else "", self.timer)
            elif word in ("filter", "age", "params"):
                self._change_unnamed(word, words)
            elif word in ("set", "reset"):
                if word == "reset":
                    self.filters.clear()
                self._set(words)

    def _change_unnamed(self, keyword: str, words: list[str]) -> None:
        """Change one part of the filter without a name; nothing after `keyword` removes it."""
        from yext.msgsniff.filter import SniffFilter

        unnamed = self.filters.get("")
        changed = unnamed.source if unnamed is not None else SniffFilter()
        if keyword == "params":
            changed = changed.with_params(words)
        else:
            value = words.pop(0) if words and words[0] not in _KEYWORDS else ""
            changed = changed.changed(keyword, value)
        self._keep(changed)

    def _set(self, words: list[str]) -> None:
        """Make a filter of all `words`; an empty one removes the filter of its name."""
        from yext.msgsniff.filter import SniffFilter

        made, name = SniffFilter(), ""
        while words:
            word = words.pop(0)
            key, equals, value = word.partition("=")
            if word == "params":
                made = made.with_params(words)
            elif equals and key == "name":
                name = value
            elif equals and key in ("filter", "age"):
                made = made.changed(key, value)
        self._keep(replace(made, name=name))

    def _keep(self, changed: SniffFilter) -> None:
        compiled = changed.compile()
        self.filters.pop(changed.name, None)
        if not changed.is_empty():
            self.filters[changed.name] = compiled

    def _lines(self) -> Iterator[str]:
        state = f"Message sniffer: {'on' if self._handler else 'off'}"
        if self._handler or self.timer:
            state += f", timer: {'on' if self.timer else 'off'}"
        yield state
        several = len(self.filters) > 1
        for found in self.filters.values():
            if several:
                yield "-----"
            yield from found.source.lines()
        if several:
            yield "-----"

    def complete(self, line: str, word: str) -> dict[str, str]:
        if line in ("", "help", "?"):
            return {_WORD: HELP}
        return _KEYWORDS if line == _WORD else {}

    def _help(self, message: Message) -> bool:
        return help_with(message, _WORD, USAGE, HELP)

    # Output

    def _switch(self, on: bool) -> None:
        dispatcher = self.bus.dispatcher
        if on and self._handler is None:
            self._handler = _Sniffing(self)
            self._handler.built_in = True
            dispatcher.install(self._handler)
            dispatcher.watch("", self)
        elif not on and self._handler is not None:
            dispatcher.uninstall(self._handler)
            dispatcher.unwatch("", self)
            self._handler = None
            self._begun.clear()

    def sniff(self, message: Message, dispatch: Dispatch) -> None:
        """Show a message at the start of its dispatch if it passes a filter."""
        if message.name == "engine.timer" and not self.timer:
            return
        if self.filters and not any(found.passes(message) for found in self.filters.values()):
            return
        self._begun[dispatch] = perf_counter()
        now = time.time()
        self._show(
            f"Sniffed '{message.name}' time={message.time:.6f} age={now - message.time:.6f}",
            dispatch,
        )

    def notice(self, dispatch: Dispatch) -> None:
        """Show a message at the end of its dispatch if its start was shown."""
        begun = self._begun.pop(dispatch, None)
        if begun is not None:
            delay = perf_counter() - begun
            handled = bool_text(dispatch.handled)
            self._show(f"Returned {handled} '{dispatch.message.name}' delay={delay:.6f}", dispatch)

    def _show(self, first: str, dispatch: Dispatch) -> None:
        log, message, sender = self.bus.log, dispatch.message, dispatch.sender
        thread = "Engine" if sender is None else getattr(sender, "thread", sender.label)
        secret = self.bus.recorder.secret
        lines = [
            f"thread={id(sender):#x} '{thread}'",
            f"data={_userdata(message.userdata)}",
            f"retval='{message.retvalue or '(null)'}'",
        ]
        for name, value in message.params.items():
            shown = "(hidden)" if secret(name) else f"'{value}'"
            lines.append(f"param['{name}'] = {shown}")
        log.emit(Event(EventKind.OUTPUT, safe(first)))
        for line in lines:
            log.emit(Event(EventKind.OUTPUT, f"  {safe(line)}", when=0.0))


class _Sniffing(Handler):
    """A handler that sees every message first and handles none."""

    __slots__ = ("_module",)

    def __init__(self, module: MsgSniff) -> None:
        super().__init__("", 0, module.name)
        self._module = module

    def handle(self, message: Message, dispatch: Dispatch) -> bool | Pending:
        self._module.sniff(message, dispatch)
        return False


def _userdata(userdata: object) -> str:
    # In Yate the giver of a command is not user data of its message.
    if userdata is None or hasattr(userdata, "command_params"):
        return "(nil)"
    return f"{id(userdata):#x} '{type(userdata).__name__}'"
