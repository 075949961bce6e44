"""An engine on which a script meets nothing but the record."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from yext.dispatcher import Dispatch, Dispatcher
from yext.engine.engine import Engine
from yext.extmodule.peer.peer import Peer
from yext.log import Log

if TYPE_CHECKING:
    import os

Answer = Callable[[Peer, Dispatch], None]
"""Answers a message of a script in place of all handlers: sets `Dispatch.handled`."""


class _ReplayDispatcher(Dispatcher):
    """Answers what scripts send from the record, in the next turn of the loop."""

    def __init__(self, log: Log, answer: Answer) -> None:
        super().__init__(log)
        self._answer = answer

    def start(self, dispatch: Dispatch) -> None:
        if not isinstance(dispatch.sender, Peer):
            super().start(dispatch)
            return
        self._answer(dispatch.sender, dispatch)
        if dispatch.done is not None:
            dispatch.done(dispatch)


class ReplayEngine(Engine):
    """An engine whose scripts get answers from the record, and no second of a clock passes.

    Args:
        config_dir: the configuration directory.
        answer: answers the messages of scripts.
    """

    def __init__(self, config_dir: str | os.PathLike[str], answer: Answer) -> None:
        super().__init__(config_dir)
        self.dispatcher = _ReplayDispatcher(self.log, answer)

    async def start(self) -> None:
        await super().start()
        self.ticker.stop()
