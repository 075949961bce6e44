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

    __slots__ = ("broadcast", "name", "params", "retvalue", "time", "userdata")

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
        self.params: dict[str, str] = dict(params)
        self.retvalue = retvalue
        self.time: float = _time.time() if time is None else time
        self.broadcast = broadcast
        self.userdata = userdata

    def __getitem__(self, name: str) -> str:
        return self.params[name]

    def __setitem__(self, name: str, value: str) -> None:
        self.params[name] = value

    def __delitem__(self, name: str) -> None:
        del self.params[name]

    def __contains__(self, name: object) -> bool:
        return name in self.params

    def __iter__(self) -> Iterator[str]:
        return iter(self.params)

    def __len__(self) -> int:
        return len(self.params)

    def __bool__(self) -> bool:
        return True

    def get(self, name: str, default: str = "") -> str:
        """The value of parameter `name`, or `default` where the message has none."""
        return self.params.get(name, default)

    def __repr__(self) -> str:
        return f"Message({self.name!r}, {self.params!r}, retvalue={self.retvalue!r})"
