"""Yate's module msgsniff: the command ``sniffer``, which has messages told as output.

Wording as recorded (rm_3_commands, sniffer and sniffer_output). Off, it has no handler and
costs nothing. `flow` of the console shows the same on a line each.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING

from yext.command import EOL, help_with
from yext.dispatcher import Dispatch, Handler, Pending
from yext.engine.module import COMMAND_PRIORITY, Module
from yext.errors import PatternError
from yext.log import Event, EventKind, safe
from yext.message import Message
from yext.record.patterns import Matcher
from yext.record.posix import basic_regex, yate_matcher
from yext.wire import BOOLEANS, bool_text

if TYPE_CHECKING:
    from yext.bus import Bus

USAGE = (
    "sniffer [on|off] [timer on|off] [filter [regexp]] [age [seconds]]"
    " [params [any] [negated] [name=value ...]]"
    " [{set name=name|reset} [filter=regexp] [age=seconds] [params ...]]"
)
HELP = "Shows or changes which messages are told as output"

_HELP_PRIORITY = 100

_WORD = "sniffer"

_KEYWORDS = {
    "on": "tells messages as output",
    "off": "tells no more",
    "timer": "on or off: engine.timer too",
    "filter": "only messages of a name",
    "params": "only messages with these values",
    "age": "only messages that are so many seconds old",
    "set": "changes a filter with a name of its own",
    "reset": "takes all filters away",
}


@dataclass(slots=True)
class SniffFilter:
    """Which messages are told.

    Attributes:
        message: a regular expression for the name; one that ends in ``^`` means all others.
        age: seconds a message must be old, 0 for any age.
        params: values, or expressions for them, by parameter.
        any, negated: whether one of the params is enough; whether they must not fit.
    """

    name: str = ""
    message: str = ""
    age: float = 0.0
    params: dict[str, str] = field(default_factory=dict)
    any: bool = False
    negated: bool = False
    _fits: Matcher | None = None
    _param_fits: dict[str, Matcher] = field(default_factory=dict)

    def is_empty(self) -> bool:
        """Whether it says nothing at all."""
        return not (self.message or self.age or self.params)

    def compile(self) -> None:
        """Makes what `wants` needs. Raises `PatternError`."""
        self._fits = basic_regex(self.message.removesuffix("^")) if self.message else None
        self._param_fits = {name: yate_matcher(value) for name, value in self.params.items()}

    def wants(self, message: Message) -> bool:
        """Whether `message` is to be told."""
        if self._fits is not None:
            reversed_sense = self.message.endswith("^")
            if self._fits(message.name) is reversed_sense:
                return False
        if self.age and time.time() - message.time < self.age:
            return False
        if not self._param_fits:
            return True
        fitting = (fits(message.get(name)) for name, fits in self._param_fits.items())
        return (any(fitting) if self.any else all(fitting)) is not self.negated

    def lines(self) -> Iterator[str]:
        """What it says, as ``sniffer`` lists it."""
        if self.name:
            yield f"Name: {self.name}"
        if self.message or self.age:
            said = self.message
            if said.endswith("^"):
                said = f"[!] {said[:-1]}"
            yield f"Message: {said}{f' age {self.age:f}' if self.age else ''}"
        if self.params:
            words = [word for word in ("negated", "any") if getattr(self, word)]
            yield f"Params [{','.join(words)}]" if words else "Params"
            yield from (f"  {name}: {value}" for name, value in self.params.items())


class MsgSniff(Module):
    """The module, its one handler while it is on, and the watcher that tells what came of
    a message."""

    name = "msgsniff"
    title = "MsgSniffer"
    track = False
    label = "msgsniff"

    def __init__(self, bus: Bus) -> None:
        super().__init__(bus)
        self.filters: dict[str, SniffFilter] = {}
        self.timer = False
        self._handler: _Sniffing | None = None
        self._begun: dict[Dispatch, float] = {}

    def load(self) -> None:
        self.handle("engine.command", self._command, COMMAND_PRIORITY)
        self.handle("engine.help", self._help, _HELP_PRIORITY)

    def unload(self) -> None:
        self._turn(False)
        super().unload()

    # The command

    async def command(self, line: str, message: Message) -> bool:
        word, _, rest = line.strip().partition(" ")
        if word != _WORD:
            return False
        try:
            self._change(rest.split())
        except PatternError as error:
            text = str(error)
            message.retvalue = text + EOL
            message["reason"] = text
            return True
        message.retvalue = "".join(one + EOL for one in self._lines())
        return True

    def _change(self, words: list[str]) -> None:
        """Carries out the words in their order."""
        while words:
            word = words.pop(0)
            if word in ("on", "off"):
                self._turn(word == "on")
            elif word == "timer":
                self.timer = BOOLEANS.get(words.pop(0) if words else "", self.timer)
            elif word in ("filter", "age", "params"):
                self._set_one(self.filters.get("", SniffFilter()), word, words)
            elif word in ("set", "reset"):
                if word == "reset":
                    self.filters.clear()
                self._set_all(words)

    def _set_one(self, changed: SniffFilter, word: str, words: list[str]) -> None:
        """Changes one thing of a filter; nothing after the word takes it away."""
        if word == "params":
            changed.params, changed.any, changed.negated = {}, False, False
            _read_params(changed, words)
        else:
            value = words.pop(0) if words and words[0] not in _KEYWORDS else ""
            _read_value(changed, word, value)
        self._keep(changed)

    def _set_all(self, words: list[str]) -> None:
        """Makes a filter of all the words that follow; one that says nothing goes."""
        made = SniffFilter()
        while words:
            word = words.pop(0)
            key, equals, value = word.partition("=")
            if word == "params":
                _read_params(made, words)
            elif equals and key == "name":
                made.name = value
            elif equals and key in ("filter", "age"):
                _read_value(made, key, value)
        self._keep(made)

    def _keep(self, changed: SniffFilter) -> None:
        changed.compile()
        self.filters.pop(changed.name, None)
        if not changed.is_empty():
            self.filters[changed.name] = changed

    def _lines(self) -> Iterator[str]:
        state = f"Message sniffer: {'on' if self._handler else 'off'}"
        if self._handler or self.timer:
            state += f", timer: {'on' if self.timer else 'off'}"
        yield state
        several = len(self.filters) > 1
        for one in self.filters.values():
            if several:
                yield "-----"
            yield from one.lines()
        if several:
            yield "-----"

    def complete(self, line: str, word: str) -> dict[str, str]:
        if line in ("", "help", "?"):
            return {_WORD: HELP}
        return _KEYWORDS if line == _WORD else {}

    def _help(self, message: Message) -> bool:
        return help_with(message, _WORD, USAGE, HELP)

    # Telling

    def _turn(self, on: bool) -> None:
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
        """Tells a message that begins its way, when it is wanted."""
        if message.name == "engine.timer" and not self.timer:
            return
        if self.filters and not any(one.wants(message) for one in self.filters.values()):
            return
        self._begun[dispatch] = perf_counter()
        now = time.time()
        self._tell(
            f"Sniffed '{message.name}' time={message.time:.6f} age={now - message.time:.6f}",
            dispatch,
        )

    def notice(self, dispatch: Dispatch) -> None:
        """Tells what came of a message whose beginning was told."""
        begun = self._begun.pop(dispatch, None)
        if begun is not None:
            delay = perf_counter() - begun
            handled = bool_text(dispatch.handled)
            self._tell(f"Returned {handled} '{dispatch.message.name}' delay={delay:.6f}", dispatch)

    def _tell(self, first: str, dispatch: Dispatch) -> None:
        log, message, sender = self.bus.log, dispatch.message, dispatch.sender
        thread = "Engine" if sender is None else getattr(sender, "thread", sender.label)
        secret = self.bus.recorder.secret
        lines = [
            f"thread={id(sender):#x} '{thread}'",
            f"data={_data_text(message.userdata)}",
            f"retval='{message.retvalue or '(null)'}'",
        ]
        for name, value in message.params.items():
            shown = "(hidden)" if secret(name) else f"'{value}'"
            lines.append(f"param['{name}'] = {shown}")
        log.emit(Event(EventKind.OUTPUT, safe(first)))
        for line in lines:
            log.emit(Event(EventKind.OUTPUT, f"  {safe(line)}", when=0.0))


class _Sniffing(Handler):
    """Sees every message first and handles none."""

    __slots__ = ("_module",)

    def __init__(self, module: MsgSniff) -> None:
        super().__init__("", 0, module.name)
        self._module = module

    def handle(self, message: Message, dispatch: Dispatch) -> bool | Pending:
        self._module.sniff(message, dispatch)
        return False


def _data_text(userdata: object) -> str:
    # Whoever gave a command is no data of the message in Yate.
    if userdata is None or hasattr(userdata, "command_params"):
        return "(nil)"
    return f"{id(userdata):#x} '{type(userdata).__name__}'"


def _read_params(changed: SniffFilter, words: list[str]) -> None:
    """Takes ``any``, ``negated`` and ``name=value`` off the front of the words."""
    while words and (words[0] in ("any", "negated") or "=" in words[0]):
        word = words.pop(0)
        name, equals, value = word.partition("=")
        if equals:
            changed.params[name] = value
        else:
            setattr(changed, word, True)


def _read_value(changed: SniffFilter, key: str, value: str) -> None:
    if key == "filter":
        changed.message = value
        return
    try:
        changed.age = max(0.0, float(value or "0"))
    except ValueError:
        changed.age = 0.0
