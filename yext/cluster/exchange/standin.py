"""The handler here that stands for the same handler on one or several other nodes."""

from __future__ import annotations

from typing import Protocol

from yext.cluster.exchange.announcement import Key
from yext.cluster.exchange.node import Node
from yext.dispatcher import Dispatch, Handler, Pending
from yext.message import Message

_FEW = 3
"""Homes that the name of a stand-in lists."""


class Asker(Protocol):
    """What a stand-in needs from its owner."""

    def ask(self, standin: StandIn, message: Message, dispatch: Dispatch) -> bool | Pending:
        """Ask the handler on one of the nodes; return False if none can be asked."""


class StandIn(Handler):
    """A handler that asks a handler of the same priority on another node.

    Args:
        asker: what it asks by.
        key: what the handler there is.

    Attributes:
        stands_for: what the handler there is.
        script: its name there.
        homes: the nodes that have it, by name, with its number there.
    """

    __slots__ = ("_asker", "homes", "script", "stands_for")

    def __init__(self, asker: Asker, key: Key) -> None:
        name, priority, filter_name, filter_value, script = key
        super().__init__(name, priority, "", "", filter_name, filter_value)
        self._asker = asker
        self.stands_for = key
        self.script = script
        self.homes: dict[str, tuple[Node, int]] = {}

    def add_home(self, node: Node, number: int) -> None:
        """Add a node that has the handler."""
        self.homes[node.name] = (node, number)
        self._rename()

    def remove_home(self, node: Node) -> bool:
        """Remove a node; return True if none is left."""
        self.homes.pop(node.name, None)
        self._rename()
        return not self.homes

    def _rename(self) -> None:
        few = len(self.homes) <= _FEW
        homes = ",".join(sorted(self.homes)) if few else f"{len(self.homes)} nodes"
        self.owner = f"{homes}:{self.script}"

    def handle(self, message: Message, dispatch: Dispatch) -> bool | Pending:
        return self._asker.ask(self, message, dispatch)
