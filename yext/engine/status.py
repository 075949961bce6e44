"""What the engine says of itself: its run parameters and its line of ``engine.status``."""

from __future__ import annotations

import os
import socket
import threading
from typing import TYPE_CHECKING, Final

from yext.engine import handlers
from yext.engine.commands import EOL
from yext.message import Message

if TYPE_CHECKING:
    from yext.engine.engine import Engine

VERSION: Final = "0.1.0"
RELEASE: Final = "yext"

_PATHS = ("sharedpath", "configpath", "usercfgpath", "modulepath", "workpath")


def engine_status(engine: Engine, message: Message) -> bool:
    """The handler of ``engine.status`` for the engine, its dispatcher and its objects."""
    wanted = message.get("module")
    details = message.get("details") != "false"
    if wanted in ("", "engine"):
        message.retvalue += status_line(engine, details) + EOL
        return bool(wanted)
    special = handlers.status(engine.dispatcher, wanted, details)
    if special is None:
        return False
    message.retvalue += special + EOL
    return True


def status_line(engine: Engine, details: bool) -> str:
    """The engine's line of `status`, without its end; fields and order are Yate's."""
    dispatcher, params = engine.dispatcher, engine.run_params
    first: dict[str, object] = {
        "name": "engine",
        "type": "system",
        "version": params["version"],
        "revision": params["revision"],
        "githash": params["revision"],
        "nodename": engine.node,
    }
    # One loop does all the work: there is one worker, and there are no hooks and no locks.
    second: dict[str, object] = {
        "plugins": len(engine.modules),
        "inuse": sum(module.busy() for module in engine.modules.values()),
        "handlers": len(dispatcher.handlers()),
        "hooks": 0,
        "messages": dispatcher.queue_length(),
        "maxqueue": dispatcher.max_queue,
        "messageage": 0,
        "messagerate": engine.ticker.rate,
        "maxmsgrate": engine.ticker.max_rate,
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
    groups = [first, second]
    if details:
        groups.append({name: params[name] for name in _PATHS})
    return ";".join(
        ",".join(f"{name}={value}" for name, value in group.items()) for group in groups
    )


def first_run_params(engine: Engine, node: str | None) -> dict[str, str]:
    """The run parameters that an engine starts with; yate.conf may still name the node."""
    config = str(engine.config_dir or os.getcwd())
    return {
        "version": VERSION,
        "release": RELEASE,
        "revision": "0",
        "nodename": node or socket.gethostname().partition(".")[0],
        "runid": str(int(engine.started_at)),
        "configname": "yate",
        "cfgsuffix": ".conf",
        "sharedpath": os.path.normpath(f"{config}/../share"),
        "configpath": config,
        "usercfgpath": config,
        "modulepath": os.path.dirname(os.path.dirname(__file__)),
        "workpath": os.getcwd(),
        "clientmode": "false",
        "supervised": "true" if engine.supervised else "false",
        "runattempt": "0",
        "lastsignal": "0",
        "maxworkers": "10",
    }
