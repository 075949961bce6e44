"""What the functions of rules know of the engine."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from yext import log
from yext.regexroute.text import inner, outer

if TYPE_CHECKING:
    from yext.bus import Bus
    from yext.dispatcher import Dispatch
    from yext.regexroute.functions.variables import Variables


class Facts:
    """The engine and one dispatch, for functions; see `yext.regexroute.functions.evaluate.Host`.

    Args:
        bus: the bus.
        variables: the global variables.
        title: the module's name in the log.
        dispatching: how many messages rules dispatch at present.
        dispatch: the dispatch, None for a trial without a message on the bus.
    """

    __slots__ = ("_bus", "_dispatch", "_dispatching", "_title", "variables")

    def __init__(
        self,
        bus: Bus,
        variables: Variables,
        title: str,
        dispatching: int,
        dispatch: Dispatch | None,
    ) -> None:
        self.variables = variables
        self._bus = bus
        self._title = title
        self._dispatching = dispatching
        self._dispatch = dispatch

    def config(self, section: str, key: str) -> str:
        """Return an option of yate.conf, empty where it is not set."""
        return inner(self._bus.conf.get(outer(section), outer(key), "") or "")

    def run_param(self, name: str) -> str:
        """Return a run parameter, empty where there is none."""
        return inner(self._bus.run_params.get(outer(name), ""))

    def loaded(self, name: str) -> bool:
        """Return whether a module is loaded."""
        return name in self._bus.modules

    def fact(self, name: str) -> str:
        """Return a fact about the engine or the dispatch."""
        bus = self._bus
        if name == "runid":
            return str(int(bus.started_at))
        if name == "nodename":
            return inner(bus.node)
        if name == "accepting":
            return "accept"
        if name == "dispatching":
            return str(self._dispatching)
        if name == "timestamp":
            return f"{log.stamp(time.time())} "
        sender = self._dispatch.sender if self._dispatch is not None else None
        return "" if sender is None else inner(getattr(sender, "thread", sender.label))

    def warn(self, text: str) -> None:
        """Log a mistake in a rule."""
        self._bus.log.debug(log.WARN, self._title, outer(text))
