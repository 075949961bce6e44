"""The fixture for tests that are coroutines: the same steps, each to be awaited."""

from __future__ import annotations

import asyncio
import inspect
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from yext.testing.bench import TestBench
from yext.testing.kit.answer import Sent
from yext.testing.kit.callers import Caller
from yext.testing.kit.scripts import ScriptHandle

_STEPS = (TestBench, ScriptHandle, Caller, Sent)
"""The classes whose methods run the engine."""


class AsyncTwin:
    """An object whose methods are coroutines: those of a `TestBench`, a script, a call.

    A step runs in a thread, so that the loop of the test goes on, whichever plugin runs it. One
    step runs at a time: others wait for it. An answer is what it is in other tests.

        answer = await yext_async.send("call.route", called="99")
    """

    def __init__(self, target: object) -> None:
        self._target = target

    def __repr__(self) -> str:
        return repr(self._target)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._target, name)
        return partial(self._step, found) if inspect.ismethod(found) else found

    async def _step(self, method: Callable[..., object], *args: object, **kwargs: object) -> object:
        plain = [one._target if isinstance(one, AsyncTwin) else one for one in args]
        found = await _in_thread(partial(method, *plain, **kwargs))
        return AsyncTwin(found) if isinstance(found, _STEPS) else found


def _in_thread(function: Callable[[], object]) -> Awaitable[object]:
    """Run `function` in a thread; under trio, too, which anyio's plugin may run tests with."""
    if "anyio" in sys.modules:
        to_thread: Any = sys.modules["anyio"].to_thread
        found: Awaitable[object] = to_thread.run_sync(function)
        return found
    return asyncio.to_thread(function)
