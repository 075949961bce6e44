"""Start a script anew beside the one that runs, and let it take over once it is ready.

A new process is started while the old one goes on. The handlers that it installs are kept off the
bus until it is ready; then they take the places of the old one's, between two messages. The old
one answers what it was given before, and is stopped. So every message is handled by one of the
two. If the new one does not start, the old one keeps its place.
"""

from __future__ import annotations

import asyncio
from typing import Final, Protocol

from yext.engine.module import Renewal
from yext.errors import StartError
from yext.extmodule.script import files
from yext.extmodule.script.script import Script, ScriptHost
from yext.extmodule.script.states import ScriptState
from yext.extmodule.scripts import Scripts

READY_SECONDS: Final = 10.0
"""How long a new process may take until it is ready."""

LACK_SECONDS: Final = 1.0
"""How much longer a new process is waited for that has not installed all handlers that the old one
has: it may have dropped them, or may not have come to them yet."""

DRAIN_SECONDS: Final = 60.0
"""How long an old process may take to answer what it was given before it is stopped."""

_RENEWABLE: Final = frozenset(
    {ScriptState.STARTING, ScriptState.RUNNING, ScriptState.BACKING_OFF, ScriptState.FAILED}
)
"""The states in which a changed script is started anew. One that was stopped, or ended by itself,
is left alone, as by a reload."""


class ScriptOwner(ScriptHost, Protocol):
    """What renewals need from the owner of the scripts.

    Attributes:
        scripts: the scripts that were started, or could not be.
        beside: the scripts that run beside those.
    """

    scripts: Scripts
    beside: dict[Script, None]

    def replace_script(self, before: Script, script: Script) -> None:
        """Put `script` in the place of `before`, which goes on beside it for now."""


class Renewals:
    """Starts scripts anew beside themselves, each one at a time.

    Args:
        owner: the owner of the scripts.

    Attributes:
        started: set whenever a script was started.
    """

    def __init__(self, owner: ScriptOwner) -> None:
        self.started = asyncio.Event()
        self._owner = owner
        self._locks: dict[tuple[str, str], asyncio.Lock] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def close(self) -> None:
        """Wait for no old process any more; the supervisor stops them."""
        for task in self._tasks:
            task.cancel()

    def folders(self) -> list[str]:
        """Return the folders in which a file of a script may change."""
        paths = [script.path for script in self._owner.scripts if script.begun is not None]
        return list(dict.fromkeys(folder for path in paths for folder in files.folders(path)))

    async def program_started(self) -> None:
        """Wait until a script is started."""
        self.started.clear()
        await self.started.wait()

    async def restart_changed(self, *, again: bool) -> list[Renewal]:
        """Start the scripts anew whose files have changed since they were started, all at once.

        Args:
            again: whether to try a change again that has failed before.
        """
        started = [script for script in self._owner.scripts if script.begun is not None]
        known = [
            (script.path, (script.stamp,) if again else (script.stamp, script.tried))
            for script in started
        ]
        # A script may name many files, which may be on a slow disk.
        changed = await asyncio.to_thread(lambda: [files.has_changed(*one) for one in known])
        renewals = [
            self.renew(script)
            for script, differs in zip(started, changed, strict=True)
            if differs and script.state in _RENEWABLE
        ]
        return list(await asyncio.gather(*renewals))

    async def renew(self, script: Script) -> Renewal:
        """Start `script` anew, and let the new process take over once it is ready."""
        key = script.name, script.parameter
        async with self._locks.setdefault(key, asyncio.Lock()):
            # Another renewal may have put a new one in its place meanwhile.
            if script not in self._owner.scripts.named(*key):
                return Renewal(True, (f"{script.label} was started anew meanwhile",))
            if self._owner.bus.halting:
                return Renewal(False, _kept(script, ("the engine stops",)))
            return await self._renew(script)

    async def _renew(self, script: Script) -> Renewal:
        loop = asyncio.get_running_loop()
        began, owner = loop.time(), self._owner
        successor = Script(owner, script.name, script.parameter)
        successor.beside = True
        owner.beside[successor] = None
        try:
            reason = await self._try(successor, script)
            script.tried = successor.stamp
            if not reason and script.state in (ScriptState.STOPPING, ScriptState.STOPPED):
                reason = ("it was stopped meanwhile",)
            if reason:
                return Renewal(False, _kept(script, reason))
            old = f" in place of pid {script.pid}" if script.pid is not None else ""
            self._take_over(script, successor)
        finally:
            if successor.beside:
                await successor.stop()
                owner.beside.pop(successor, None)
        took = loop.time() - began
        headline = f"{successor.label} has changed: pid {successor.pid} took over{old}"
        return Renewal(True, (f"{headline} after {took:.2f} s",))

    async def _try(self, successor: Script, script: Script) -> tuple[str, ...]:
        """Start `successor` and wait until it is ready; return why it is not, empty if it is."""
        try:
            successor.begin()
        except StartError as error:
            return error.failure.lines()
        assert successor.begun is not None
        try:
            async with asyncio.timeout(READY_SECONDS):
                await successor.begun.settled()
        except TimeoutError:
            return (f"it was not ready within {READY_SECONDS:.0f} s", "do: external log shows more")
        try:
            async with asyncio.timeout(LACK_SECONDS):
                while not successor.begun.over and _lacks(successor, script):
                    await successor.begun.changed()
        except TimeoutError:
            pass
        if not successor.begun.over:
            return ()
        return successor.begun.reason or (f"it ended, {successor.describe_last()}",)

    def _take_over(self, script: Script, successor: Script) -> None:
        """Put `successor` in the place of `script`; nothing else happens meanwhile."""
        assert successor.peer is not None
        before = script.peer.subscriptions if script.peer is not None else None
        successor.peer.subscriptions.take_over(before)
        successor.beside, successor.configured = False, script.configured
        successor.session, script.configured = script.session, False
        successor.errors.follow(script.errors)
        script.beside = True
        self._owner.replace_script(script, successor)
        task = asyncio.get_running_loop().create_task(self._retire(script))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _retire(self, script: Script) -> None:
        """Stop an old script once it has answered what it was given."""
        peer = script.peer
        if peer is not None and peer.pending.waiting:
            drained = asyncio.Event()
            peer.pending.when_empty(drained.set)
            try:
                async with asyncio.timeout(DRAIN_SECONDS):
                    await drained.wait()
            except TimeoutError:
                pass
        await script.stop()
        self._owner.beside.pop(script, None)


def _lacks(successor: Script, script: Script) -> bool:
    """Return True if the successor has not installed all handlers that the script has."""
    if script.peer is None or successor.peer is None:
        return False
    return bool(script.peer.subscriptions.relays.keys() - successor.peer.subscriptions.relays)


def _kept(script: Script, reason: tuple[str, ...]) -> tuple[str, ...]:
    """Return the lines about a change that has led to nothing."""
    stays = f"pid {script.pid} goes on" if script.pid is not None else f"it is {script.state}"
    return (f"{script.label} has changed, and the new one did not start: {stays}", *reason)
