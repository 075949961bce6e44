"""The engine's run parameters, and its line of ``engine.status``."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Mapping
from typing import Final

from yext.bus import Bus
from yext.command import EOL
from yext.engine import handlers
from yext.engine.module import Module
from yext.engine.ticker import Ticker
from yext.errors import PatternError
from yext.message import Message
from yext.version import VERSION

RELEASE: Final = "yext"

_PATHS = ("sharedpath", "configpath", "usercfgpath", "modulepath", "workpath")


class EngineStatus:
    """Handles ``engine.status`` for the engine and the dispatcher.

    Args:
        bus: the engine's bus.
        modules: the loaded modules.
        ticker: the counter of messages.
    """

    def __init__(self, bus: Bus, modules: Mapping[str, Module], ticker: Ticker) -> None:
        self._bus = bus
        self._modules = modules
        self._ticker = ticker

    def handle(self, message: Message) -> bool:
        """Handle an ``engine.status``."""
        wanted = message.get("module")
        details = message.get("details") != "false"
        if wanted in ("", "engine"):
            message.retvalue += self.line(details) + EOL
            return bool(wanted)
        try:
            special = handlers.status(self._bus.dispatcher, wanted, details)
        except PatternError as error:
            message["reason"] = str(error)
            return False
        if special is None:
            return False
        message.retvalue += special + EOL
        return True

    def line(self, details: bool) -> str:
        """Return the engine's line of ``status``, without its end; the fields are Yate's."""
        params = self._bus.run_params
        groups = [self._identity(), self._counters()]
        if details:
            groups.append({name: params[name] for name in _PATHS})
        return ";".join(
            ",".join(f"{name}={value}" for name, value in group.items()) for group in groups
        )

    def _identity(self) -> dict[str, object]:
        params = self._bus.run_params
        return {
            "name": "engine",
            "type": "system",
            "version": params["version"],
            "revision": params["revision"],
            "githash": params["revision"],
            "nodename": self._bus.node,
        }

    def _counters(self) -> dict[str, object]:
        dispatcher, params = self._bus.dispatcher, self._bus.run_params
        # One loop does all work: there is one worker, and no hooks and locks.
        return {
            "plugins": len(self._modules),
            "inuse": sum(module.busy() for module in self._modules.values()),
            "handlers": len(dispatcher.handlers()),
            "hooks": 0,
            "messages": dispatcher.queue_length(),
            "maxqueue": dispatcher.max_queue,
            "messageage": 0,
            "messagerate": self._ticker.rate,
            "maxmsgrate": self._ticker.max_rate,
            "enqueued": dispatcher.enqueued,
            "dequeued": dispatcher.dequeued,
            "dispatched": dispatcher.dispatched,
            "supervised": params["supervised"],
            "runattempt": params["runattempt"],
            "lastsignal": params["lastsignal"],
            "threads": threading.active_count(),
            "workers": 1,
            "mutexes": 0,
            "semaphores": 0,
            "acceptcalls": "accept",
            "congestion": 0,
        }


def first_run_params(
    bus: Bus, node: str | None, supervised: bool, shared_dir: str | os.PathLike[str] | None
) -> dict[str, str]:
    """Return the run parameters at the start.

    Args:
        bus: the engine's bus.
        node: the node name; None for the host's name, unless yate.conf has one.
        supervised: whether a supervisor starts the engine again.
        shared_dir: the shared path, None for ``share`` beside the configuration directory.
    """
    config = str(bus.config_dir or os.getcwd())
    shared = os.path.normpath(f"{config}/../share")
    if shared_dir is not None:
        shared = os.path.join(os.getcwd(), shared_dir)
    return {
        "version": VERSION,
        "release": RELEASE,
        "revision": "0",
        "nodename": node or socket.gethostname().partition(".")[0],
        "runid": str(int(bus.started_at)),
        "configname": "yate",
        "cfgsuffix": ".conf",
        "sharedpath": shared,
        "configpath": config,
        "usercfgpath": config,
        "modulepath": os.path.dirname(os.path.dirname(__file__)),
        "modsuffix": ".yate",
        "logfile": "",
        "interactive": "true",
        "workpath": os.getcwd(),
        "clientmode": "false",
        "supervised": "true" if supervised else "false",
        "runattempt": "0",
        "lastsignal": "0",
        "maxworkers": "10",
    }
