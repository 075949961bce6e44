"""The message: what travels on the bus."""

from __future__ import annotations

import time as _time
from collections.abc import Iterable, Iterator, Mapping


class Message:
    """A named set of ordered parameters with a textual return value.

    Messages are changed in place by the handlers they pass through, as in Yate
    (docs/extmodule.html, "message").

    Attributes:
        name: what the message is about, for example ``call.route``.
        params: parameter names and values, both text, in order. Text that came from a
            peer as bytes that are not UTF-8 holds surrogate escapes.
        retvalue: the textual return value.
        time: when the message was made, seconds since 1970; the wire carries whole seconds.
        broadcast: True for messages that every handler gets even after one handled them.
        userdata: any Python object the sender attaches, for example a call endpoint;
            it never leaves the process.
    """

    __slots__ = ("_params", "broadcast", "name", "retvalue", "time", "userdata", "wire")

    # A message that came over the wire keeps the text that it came as, to be passed on as it is:
    # encoding it again is a third of a message's cost (tests/bench, handled throughput). The
    # text holds until somebody gets at `params`, which may change them.
    wire: tuple[str, str, str] | None

    def __init__(
        self,
        name: str,
        params: Mapping[str, str] | Iterable[tuple[str, str]] = (),
        *,
        retvalue: str = "",
        time: float | None = None,
        broadcast: bool = False,
        userdata: object = None,
    ) -> None:
        self.name = name
        self._params: dict[str, str] = dict(params)
        self.retvalue = retvalue
        self.time: float = _time.time() if time is None else time
        self.broadcast = broadcast
        self.userdata = userdata
        self.wire = None

    @classmethod
    def from_wire(
        cls, name: str, retvalue: str, time: float, params: dict[str, str], text: str | None
    ) -> Message:
        """A message read off a line; `text` is how its parameters were written there, or None
        where they would be written in another way."""
        message = cls.__new__(cls)
        message.name = name
        message.retvalue = retvalue
        message.time = time
        message.broadcast = False
        message.userdata = None
        message._params = params
        message.wire = None if text is None else (name, retvalue, text)
        return message

    @property
    def params(self) -> dict[str, str]:
        """The parameters, to be read and changed."""
        self.wire = None
        return self._params

    @params.setter
    def params(self, params: dict[str, str]) -> None:
        self.wire = None
        self._params = params

    def __getitem__(self, name: str) -> str:
        return self._params[name]

    def __setitem__(self, name: str, value: str) -> None:
        self.params[name] = value

    def __delitem__(self, name: str) -> None:
        del self.params[name]

    def __contains__(self, name: object) -> bool:
        return name in self._params

    def __iter__(self) -> Iterator[str]:
        return iter(self._params)

    def __len__(self) -> int:
        return len(self._params)

    def __bool__(self) -> bool:
        return True

    def get(self, name: str, default: str = "") -> str:
        """The value of parameter `name`, or `default` where the message has none."""
        return self._params.get(name, default)

    def snapshot(self) -> str | dict[str, str]:
        """The parameters as they are now: the text they came as, while nobody has got at them,
        or a copy."""
        return self._params.copy() if self.wire is None else self.wire[2]

    def same(self, name: str, value: str | None) -> bool:
        """Whether parameter `name` has just this value; None for that it is not there."""
        return self._params.get(name) == value

    def check(self) -> None:
        """Raises `TypeError` unless the name, the return value and all parameters are text.

        What came over the wire is; only Python code can put anything else into a message, and it
        would be found out by a script's line, far from whoever did it.
        """
        if not isinstance(self.name, str):
            raise TypeError(f"the name of a message is {_kind(self.name)}, not text")
        if not isinstance(self.retvalue, str):
            raise TypeError(f"the return value of {self.name} is {_kind(self.retvalue)}, not text")
        if self.wire is not None:
            return
        for name, value in self._params.items():
            if not isinstance(name, str):
                raise TypeError(f"a parameter's name in {self.name} is {_kind(name)}, not text")
            if not isinstance(value, str):
                raise TypeError(f"parameter {name} of {self.name} is {_kind(value)}, not text")

    def mend(self) -> None:
        """Makes text of everything that `check` raises for."""
        self.name, self.retvalue = str(self.name), str(self.retvalue)
        self.params = {str(name): str(value) for name, value in self._params.items()}

    def __repr__(self) -> str:
        return f"Message({self.name!r}, {self._params!r}, retvalue={self.retvalue!r})"


def _kind(value: object) -> str:
    return f"{value!r} ({type(value).__name__})"
