"""The message, which is dispatched on the bus."""

from __future__ import annotations

import time as _time
from collections.abc import Iterable, Iterator, Mapping

from yext.commander import Commander


class Message:
    """A named set of ordered parameters with a textual return value.

    The handlers of a message change it in place, as in Yate (docs/extmodule.html, "message").

    Attributes:
        name: the name, for example ``call.route``.
        params: names and values of the parameters, both text, in order. Bytes of a peer that are
            not UTF-8 are surrogate escapes.
        retvalue: the textual return value.
        time: the time of the message in seconds since 1970; lines carry whole seconds.
        broadcast: True for a message that all handlers get, even after one has handled it.
        userdata: any Python object that the sender attaches, for example a call endpoint; it
            never leaves the process.
    """

    __slots__ = (
        "_commander", "_params", "broadcast", "name", "retvalue", "time", "userdata", "wire",
    )  # fmt: skip

    # A message from a line keeps its text, which is passed on unchanged: encoding it again is a
    # third of the cost of a message (tests/bench, handled throughput). The text is dropped when
    # `params` is accessed, as that may change them.
    wire: tuple[str, str, str] | None

    # Not set in most messages, as setting it would make each of them slower.
    _commander: Commander | None

    def __init__(
        self,
        name: str,
        params: Mapping[str, str] | Iterable[tuple[str, str]] = (),
        *,
        retvalue: str = "",
        time: float | None = None,
        broadcast: bool = False,
        userdata: object = None,
        commander: Commander | None = None,
    ) -> None:
        self.name = name
        self._params: dict[str, str] = dict(params)
        self.retvalue = retvalue
        self.time: float = _time.time() if time is None else time
        self.broadcast = broadcast
        self.userdata = userdata
        self.wire = None
        if commander is not None:
            self._commander = commander

    @classmethod
    def from_wire(
        cls, name: str, retvalue: str, time: float, params: dict[str, str], text: str | None
    ) -> Message:
        """Make a message that was decoded from a line.

        Args:
            name: the name.
            retvalue: the return value.
            time: the time in seconds since 1970.
            params: the parameters.
            text: the parameters as the line had them, None if they would be encoded differently.
        """
        message = cls.__new__(cls)
        message.name = name
        message.retvalue = retvalue
        message.time = time
        message.broadcast = False
        message.userdata = None
        message._params = params
        message.wire = None if text is None else (name, retvalue, text)
        return message

    def derive(
        self, name: str, params: Mapping[str, str] | Iterable[tuple[str, str]] = ()
    ) -> Message:
        """Make a message that is sent because of this one, on behalf of the same commander."""
        return Message(name, params, commander=self.commander)

    @property
    def commander(self) -> Commander | None:
        """Who asked for the message; None for the engine itself, its modules and its peers."""
        return getattr(self, "_commander", None)

    @commander.setter
    def commander(self, commander: Commander | None) -> None:
        self._commander = commander

    @property
    def params(self) -> dict[str, str]:
        """The parameters, which may be changed."""
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
        """Return the value of parameter `name`, `default` where there is none."""
        return self._params.get(name, default)

    def snapshot(self) -> str | dict[str, str]:
        """Return the present parameters: their text while that is kept, else a copy."""
        return self._params.copy() if self.wire is None else self.wire[2]

    def same(self, name: str, value: str | None) -> bool:
        """Return True if parameter `name` has this value; `value=None` tests for absence."""
        return self._params.get(name) == value

    def check(self) -> None:
        """Check that the name, the return value and all parameters are text.

        Only Python code can put anything else into a message. It would only fail when a line is
        encoded for a script, far from the mistake.

        Raises:
            TypeError: something is not text.
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
        """Convert everything to text for which `check` would raise."""
        self.name, self.retvalue = str(self.name), str(self.retvalue)
        self.params = {str(name): str(value) for name, value in self._params.items()}

    def __repr__(self) -> str:
        return f"Message({self.name!r}, {self._params!r}, retvalue={self.retvalue!r})"


class SystemMessage(Message):
    """A message that only the engine sends, such as ``engine.halt``; all handlers get it.

    One of the same name from a peer or a session is an ordinary message, without the effects
    that the engine's own has.

    Attributes:
        sent_as: the name that the engine has sent it under.
    """

    __slots__ = ("sent_as",)

    def __init__(self, name: str, params: Mapping[str, str], *, time: float | None = None) -> None:
        super().__init__(name, params, time=time, broadcast=True)
        self.sent_as = name

    @staticmethod
    def is_genuine(message: Message) -> bool:
        """Return True if the engine has sent `message`, and under the name that it has now."""
        return isinstance(message, SystemMessage) and message.sent_as == message.name


def _kind(value: object) -> str:
    return f"{value!r} ({type(value).__name__})"
