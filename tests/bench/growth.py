"""The row on growth: the cost of one more of what is installed, connected, pending or recorded.

Each case is measured at several sizes, in this process and on processor time.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable
from time import process_time

from tests.bench.result import Line
from tests.yext.extmodule.peer.peers import DrivenPeer
from yext import Engine, Message
from yext.dispatcher import Dispatch, Handler
from yext.extmodule.module import ExtModule
from yext.extmodule.script.script import Script
from yext.log import LOWEST_SETTABLE

SIZES = (10, 100, 1000, 10_000)

MOST = 4.0
"""How many times as much one of ten thousand may cost as one of a hundred.

Linear work costs the same; the processor's caches and the moving of pointers in a list of ten
thousand cost up to three times as much. Quadratic work would cost a hundred times as much.
"""

LONGEST = 0.010
"""Seconds of processor time for which one turn of the loop may hold others up."""


class Measured:
    """The processor time of a piece of work, and of its longest turn of the loop, in seconds."""

    def __init__(self, seconds: float, longest: float = 0.0) -> None:
        self.seconds = seconds
        self.longest = longest


Case = Callable[[Engine, int], Awaitable[Measured]]
"""Does something with so many of a kind, and measures it."""


async def _turns(done: Callable[[], bool]) -> Measured:
    """Let the loop go on until `done`; measure all turns and the longest."""
    began, longest = process_time(), 0.0
    while not done():
        turn = process_time()
        await asyncio.sleep(0)
        longest = max(longest, process_time() - turn)
    return Measured(process_time() - began, longest)


def _timed(work: Callable[[], object]) -> Measured:
    began = process_time()
    work()
    return Measured(process_time() - began)


def _handlers(count: int) -> list[Handler]:
    return [Handler("growth", number % 100, f"handler {number}") for number in range(count)]


async def install(engine: Engine, count: int) -> Measured:
    """Install handlers of one name."""
    handlers = _handlers(count)

    def work() -> None:
        for handler in handlers:
            engine.dispatcher.install(handler)

    measured = _timed(work)
    for handler in handlers:
        engine.dispatcher.uninstall(handler)
    return measured


async def uninstall(engine: Engine, count: int) -> Measured:
    """Remove handlers of one name."""
    handlers = _handlers(count)
    for handler in handlers:
        engine.dispatcher.install(handler)

    def work() -> None:
        for handler in handlers:
            engine.dispatcher.uninstall(handler)

    return _timed(work)


async def leave(engine: Engine, count: int) -> Measured:
    """Let peers leave together, each with 20 handlers."""
    peers = [DrivenPeer(engine, name=f"peer {number}") for number in range(count)]
    for driven in peers:
        driven.say("\n".join(f"%%>install:50:growth {number}" for number in range(20)))
    await asyncio.sleep(0)
    loop = asyncio.get_running_loop()
    for driven in peers:  # As when the loop finds all connections lost in one turn.
        loop.call_soon(driven.connection.connection_lost, None)
    last = peers[-1].peer
    return await _turns(lambda: last.ended and not engine.dispatcher.slices.working)


async def _pending(engine: Engine, count: int) -> DrivenPeer:
    driven = DrivenPeer(engine)
    driven.say("%%>setlocal:maxqueue:10000\n%%>install:50:growth")
    for _ in range(count):
        driven.send(Message("growth"))
    await asyncio.sleep(0)
    return driven


async def answer(engine: Engine, count: int) -> Measured:
    """Answer messages of a peer that has many pending."""
    driven = await _pending(engine, count)
    lines = [f"%%<message:{ident}:true::" for ident in driven.peer.pending.waiting]
    text = "\n".join(lines)
    measured = _timed(lambda: driven.say(text))
    driven.connection.connection_lost(None)
    engine.dispatcher.slices.finish()
    return measured


async def overdue(engine: Engine, count: int) -> Measured:
    """Let messages of a peer become overdue at once."""
    driven = DrivenPeer(engine)
    driven.say("%%>setlocal:maxqueue:10000\n%%>setlocal:timeout:1\n%%>install:50:growth")
    for _ in range(count):
        driven.send(Message("growth"))
    measured = await _turns(lambda: not driven.peer.pending.waiting)
    driven.connection.connection_lost(None)
    engine.dispatcher.slices.finish()
    return measured


async def scripts(engine: Engine, count: int) -> Measured:
    """Find scripts by name and parameter, and forget those that have ended."""
    module = engine.modules["extmodule"]
    assert isinstance(module, ExtModule)
    supervisor = module.supervisor
    made = [Script(supervisor, "growth.py", str(number)) for number in range(count)]
    for script in made:
        supervisor.scripts.add(script)

    def work() -> None:
        for script in made:
            assert supervisor.find_script(script.name, script.parameter) is script
            supervisor.script_over(script)

    measured = _timed(work)
    for script in made:
        supervisor.forget_script(script)
    return measured


async def record(engine: Engine, count: int) -> Measured:
    """Record messages."""
    unfollow = engine.recorder.follow(lambda journey: None)
    dispatcher = engine.dispatcher

    def work() -> None:
        for _ in range(count):
            dispatcher.start(Dispatch(dispatcher, Message("growth", {"a": "1"}), None))

    measured = _timed(work)
    unfollow()
    engine.recorder.clear()
    return measured


class _Watcher:
    label = "watcher"

    def notice(self, dispatch: Dispatch) -> None:
        """Take no notice."""


async def watch(engine: Engine, count: int) -> Measured:
    """Let watchers of one name come, hear of a message, and go."""
    watchers = [_Watcher() for _ in range(count)]
    dispatcher = engine.dispatcher

    def work() -> None:
        for watcher in watchers:
            dispatcher.watch("growth", watcher)
        dispatcher.start(Dispatch(dispatcher, Message("growth"), None))
        for watcher in watchers:
            dispatcher.unwatch("growth", watcher)

    return _timed(work)


CASES: dict[str, Case] = {
    "handlers of a name, installed": install,
    "handlers of a name, removed": uninstall,
    "peers that leave together": leave,
    "pending, answered": answer,
    "pending, overdue at once": overdue,
    "scripts, found and forgotten": scripts,
    "messages, recorded": record,
    "watchers, come and gone": watch,
}


async def growth(scale: float) -> list[Line]:
    """Measure all cases."""
    sizes = SIZES if scale >= 0.1 else SIZES[:2]
    return [await _line(name, case, sizes) for name, case in CASES.items()]


async def _line(name: str, case: Case, sizes: tuple[int, ...]) -> Line:
    each: list[float] = []
    longest = 0.0
    async with Engine() as engine:
        engine.log.level = LOWEST_SETTABLE
        for count in sizes:
            rounds = [await _measured(case, engine, count) for _ in range(3)]
            each.append(min(one.seconds for one in rounds) / count)
            longest = max(longest, min(one.longest for one in rounds))
    ratio = each[-1] / each[1]
    figures = ", ".join(
        f"{count:,}: {seconds * 1e6:.1f}" for count, seconds in zip(sizes, each, strict=True)
    )
    if longest:
        figures += f"; longest turn {longest * 1e3:.1f} ms"
    return Line(
        "growth", name, ratio, f"one of {sizes[1]}", f"<= {MOST:.0f}; a turn <= 10 ms",
        ratio <= MOST and longest <= LONGEST, f"us each of {figures}",
    )  # fmt: skip


async def _measured(case: Case, engine: Engine, count: int) -> Measured:
    gc.collect()
    return await case(engine, count)
