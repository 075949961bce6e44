"""The functions of rules: ``$(length,abc)``, ``$(add,1,$count)``, ``$(variable)``.

Source: Yate's conf.d/regexroute.conf.sample, and recordings of what it answers to arguments that
are missing, negative or no numbers (tests/conformance/routes).
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final, Protocol

from yext.message import Message
from yext.regexroute.functions import formats
from yext.regexroute.functions.variables import Variables
from yext.regexroute.text import inner, integer, quotient, remainder, trim, wrapped

LONGEST: Final = 1 << 16
"""Characters that a text may grow to; Yate would go on until its memory is full."""

MOST_REPLACED: Final = 1000
"""Functions that are replaced in one text: the result of one may hold another, for ever in Yate."""

_LONGEST_LIST: Final = 8100
_BYTES: Final = 4


class Host(Protocol):
    """What functions know of the engine."""

    variables: Variables

    def config(self, section: str, key: str) -> str:
        """Return an option of yate.conf, empty where it is not set."""

    def run_param(self, name: str) -> str:
        """Return a run parameter, empty where there is none."""

    def loaded(self, name: str) -> bool:
        """Return whether a module is loaded."""

    def fact(self, name: str) -> str:
        """Return ``runid``, ``nodename``, ``accepting``, ``threadname``, ``dispatching`` or
        ``timestamp``."""

    def warn(self, text: str) -> None:
        """Log a mistake in a rule."""


def bool_text(value: bool) -> str:
    """Return a boolean as rules have it."""
    return "true" if value else "false"


def replace_functions(text: str, message: Message, host: Host) -> str:
    """Replace ``$(…)`` in a text, the first one first, also in what that is replaced by."""
    for _ in range(MOST_REPLACED):
        begin = text.find("$(")
        if begin < 0:
            return text
        end = text.find(")", begin + 2)
        if end < 0:
            host.warn(f"Unmatched function end: '{text[begin:]}'")
            return text
        value = evaluate(trim(text[begin + 2 : end]), message, host)
        text = f"{text[:begin]}{value}{text[end + 1 :]}"
        if len(text) > LONGEST:
            host.warn(f"A text has grown to more than {LONGEST} characters: the rest is left out")
            text = text[:LONGEST]
    host.warn(f"More than {MOST_REPLACED} functions in one text: the rest is left as it is")
    return text


def evaluate(text: str, message: Message, host: Host) -> str:
    """Return the value of a function, given what is between its parentheses."""
    if not text:
        return ";"
    if text == "$":
        return text
    if text.startswith(("++", "--")):
        return _step(text, host)
    name, comma, arguments = text.partition(",")
    if not name:
        name, comma, arguments = text, "", ""
    function = _FUNCTIONS.get(name)
    if function is not None:
        return function(arguments, message, host)
    two = _WITH_TWO.get(name)
    if two is not None and "," in arguments:
        first, _, rest = arguments.partition(",")
        return two(first, rest, host)
    if not comma and trim(name):
        return host.variables.get(trim(name), "")
    host.warn(f"Invalid function '{name}'")
    return ""


def _step(text: str, host: Host) -> str:
    variables = host.variables
    name = text[2:]
    value = integer(variables.resolve(name), base=10) + (1 if text.startswith("+") else -1)
    found = str(wrapped(value))
    if name.startswith("$") and trim(name[1:]):
        variables.store(trim(name[1:]), found)
    return found


# Numbers

_OPERATIONS: Final[dict[str, Callable[[int, int], int]]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": quotient,
    "mod": remainder,
}
_COMPARISONS: Final[dict[str, Callable[[int, int], bool]]] = {
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "lt": lambda a, b: a < b,
    "gt": lambda a, b: a > b,
    "le": lambda a, b: a <= b,
    "ge": lambda a, b: a >= b,
}
_SIGNS: Final = {
    "+": "add",
    "-": "sub",
    "*": "mul",
    "/": "div",
    "%": "mod",
    ">": "gt",
    "<": "lt",
}

_Two = Callable[[str, str, Host], str]
"""A function of a first argument and of the rest, which is not checked for more."""


def _numbers(first: str, rest: str, host: Host) -> tuple[int, int, str | None]:
    """Return two numbers and the wanted length, None where none is given."""
    second, comma, length = rest.partition(",")
    resolve = host.variables.resolve
    numbers = integer(resolve(first), base=10), integer(resolve(second), base=10)
    return *numbers, resolve(length) if comma else None


def _operation(calculate: Callable[[int, int], int]) -> _Two:
    def function(first: str, rest: str, host: Host) -> str:
        one, two, length = _numbers(first, rest, host)
        found = str(wrapped(calculate(one, two)))
        wanted = len(first) if length is None else integer(length)
        # Zeros go between a sign and the digits.
        return found.zfill(min(wanted, LONGEST)) if wanted > len(found) else found

    return function


def _comparison(compare: Callable[[int, int], bool]) -> _Two:
    def function(first: str, rest: str, host: Host) -> str:
        one, two, _ = _numbers(first, rest, host)
        return bool_text(compare(one, two))

    return function


# Texts


def _same(first: str, rest: str, host: Host) -> str:
    return bool_text(host.variables.resolve(first) == host.variables.resolve(rest))


def _different(first: str, rest: str, host: Host) -> str:
    return bool_text(host.variables.resolve(first) != host.variables.resolve(rest))


def _position(first: str, rest: str, host: Host) -> str:
    wanted, text = host.variables.resolve(first), host.variables.resolve(rest)
    return str(text.find(wanted) if wanted and text else -1)


def _upper(text: str, message: Message, host: Host) -> str:
    return _mapped(host.variables.resolve(text), str.upper)


def _lower(text: str, message: Message, host: Host) -> str:
    return _mapped(host.variables.resolve(text), str.lower)


def _mapped(text: str, change: Callable[[str], str]) -> str:
    return "".join(change(char) if char.isascii() else char for char in text)


def _length(text: str, message: Message, host: Host) -> str:
    return str(len(host.variables.resolve(text)))


def _chr(text: str, message: Message, host: Host) -> str:
    code = integer(host.variables.resolve(text)) & 0xFF
    return chr(code) if code else ""


def _random(text: str, message: Message, host: Host) -> str:
    text = host.variables.resolve(text)
    return "".join(str(random.randrange(10)) if char == "?" else char for char in text)


def _hex(text: str, message: Message, host: Host) -> str:
    number, comma, rest = text.partition(",")
    size, between = 0, " "
    if comma:
        length, comma, separator = rest.partition(",")
        size = integer(length)
        between = separator[:1] if comma else between
    data = (integer(number) & 0xFFFFFFFF).to_bytes(_BYTES, "little")
    if size <= 0:
        size = max(1, len(data.rstrip(b"\0")))
    return between.join(f"{byte:02x}" for byte in data[:size])


# Lists


def _list(first: str, rest: str, host: Host, *, rotate: bool) -> str:
    variables = host.variables
    index = integer(variables.resolve(first), base=10)
    items = [variables.resolve(item) for item in trim(rest).split(",")] if trim(rest) else []
    if not items:
        return ""
    begin = (index & 0xFFFFFFFF) % len(items)
    name = trim(first[1:]) if first.startswith("$") else ""
    if name:
        following = (wrapped(index + 1) & 0xFFFFFFFF) % len(items)
        variables.store(name, str(following))
    if not rotate:
        return items[begin]
    return " ".join(item for item in (*items[begin:], *items[:begin]) if item)


def _index(first: str, rest: str, host: Host) -> str:
    return _list(first, rest, host, rotate=False) if first else _invalid("index", host)


def _rotate(first: str, rest: str, host: Host) -> str:
    return _list(first, rest, host, rotate=True) if first else _invalid("rotate", host)


def _invalid(name: str, host: Host) -> str:
    host.warn(f"Invalid function '{name}'")
    return ""


# The engine, the message, the variables


def _config(first: str, rest: str, host: Host) -> str:
    return host.config(trim(first), trim(rest))


def _engine(text: str, message: Message, host: Host) -> str:
    return host.run_param(host.variables.resolve(text))


def _loaded(text: str, message: Message, host: Host) -> str:
    return bool_text(host.loaded(text))


def _transcode(first: str, rest: str, host: Host) -> str:
    return ",".join(formats.reachable(trim(rest), first))


def _message(text: str, message: Message, host: Host) -> str:
    what, comma, separator = text.partition(",")
    if comma:
        what, separator = trim(what), trim(separator)
    if what == "parameters":
        return (separator or ",").join(map(inner, filter(None, message)))
    about = _OF_MESSAGE.get(what)
    return inner(about(message)) if about is not None else ""


_OF_MESSAGE: Final[dict[str, Callable[[Message], str]]] = {
    "": lambda message: message.name,
    "name": lambda message: message.name,
    "time": lambda message: str(int(message.time)),
    "broadcast": lambda message: bool_text(message.broadcast),
    "retval": lambda message: message.retvalue,
    "count": lambda message: str(len(message)),
}


def _variables(text: str, message: Message, host: Host) -> str:
    what, comma, separator = text.partition(",")
    if comma:
        what, separator = trim(what), trim(separator)
    if what in ("", "count"):
        return str(len(host.variables))
    if what != "list":
        return bool_text(what in host.variables)
    found = ""
    for name in filter(None, host.variables):
        name = name if len(found) <= _LONGEST_LIST else "..."
        found = f"{found}{separator or ','}{name}" if found else name
        if name == "...":
            host.warn("Truncating output of $(variables,list)")
            break
    return found


def _fact(name: str) -> Callable[[str, Message, Host], str]:
    return lambda text, message, host: host.fact(name)


_FUNCTIONS: Final[dict[str, Callable[[str, Message, Host], str]]] = {
    "length": _length,
    "upper": _upper,
    "lower": _lower,
    "chr": _chr,
    "random": _random,
    "hex": _hex,
    "engine": _engine,
    "loaded": _loaded,
    "message": _message,
    "variables": _variables,
    **{
        name: _fact(name)
        for name in (
            "runid", "nodename", "threadname", "accepting", "dispatching", "timestamp",
        )
    },
}  # fmt: skip
"""The functions of all that follows the comma."""

_WITH_TWO: Final[dict[str, _Two]] = {
    "streq": _same,
    "strne": _different,
    "strpos": _position,
    "index": _index,
    "rotate": _rotate,
    "config": _config,
    "transcode": _transcode,
    **{name: _operation(calculate) for name, calculate in _OPERATIONS.items()},
    **{name: _comparison(compare) for name, compare in _COMPARISONS.items()},
}
"""The functions of at least two arguments."""

_WITH_TWO.update({sign: _WITH_TWO[name] for sign, name in _SIGNS.items()})

NAMES: Final = frozenset((*_FUNCTIONS, *_WITH_TWO))
"""The names of all functions."""
