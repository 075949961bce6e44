"""The scripts of a test: where they are, their start, and a handle on each."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from yext.commander import EMBEDDER
from yext.errors import StartError
from yext.extmodule.script.script import Script
from yext.extmodule.script.states import LIVE
from yext.testing.kit.running import EarlyEndError, RunningEngine
from yext.testing.kit.story import Storyteller, crash

__tracebackhide__ = True  # pytest shows no frame of this file.


class ScriptHandle:
    """A script that a test has started.

    Attributes:
        name: its name, as the test has given it.
    """

    def __init__(self, run: RunningEngine, teller: Storyteller, script: Script) -> None:
        self.name = script.name
        self.script = script
        self._run = run
        self._teller = teller

    def __repr__(self) -> str:
        return f"<{self.script.label} {self.state}>"

    @property
    def state(self) -> str:
        """Its state: ``running``, ``stopped``, ``failed`` … (docs/scripts.md)."""
        return self.script.state.value

    @property
    def pid(self) -> int | None:
        """Its process id, None while there is no process."""
        return self.script.pid

    @property
    def stderr(self) -> str:
        """What it has written on standard error, as far as the engine keeps it."""
        return "".join(f"{line.text}\n" for line in self.script.errors.lines)

    def stop(self, within: float | None = None) -> str:
        """Stop it and wait for its end; return how it ended: ``exit status 0``."""
        try:
            self._run.run(self.script.stop(), within)
        except EarlyEndError as error:
            stopped = error
        else:
            return self._ended()
        raise self._teller.failure(f"{self.name} to end", str(stopped), None, [self.script])

    def wait_end(self, within: float | None = None) -> str:
        """Wait until it ends by itself; return how: ``exit status 1``. It may fail then."""
        try:
            self._run.run(self._run.reached(self._is_over), within)
        except EarlyEndError as error:
            stopped = error
        else:
            return self._ended()
        raise self._teller.failure(f"{self.name} to end", str(stopped), None, [self.script])

    def _is_over(self) -> bool:
        over = self.script.state not in LIVE
        if over:
            self._run.seen(self.script)
        return over

    def _ended(self) -> str:
        self._run.seen(self.script)
        last = self.script.last_exit
        return last.status.describe() if last is not None else ""

    def assert_running(self) -> None:
        """Check that it runs, after it has done all that it has to do."""
        self._run.run(self._run.quiet())
        if self.script.state not in LIVE:
            self._run.seen(self.script)
            came = [f"{self.name} {self.state}", *crash(self.script)]
            raise self._teller.failure(f"{self.name} to run", came, None, [self.script])


class ScriptFiles:
    """Finds the files of scripts.

    Attributes:
        folders: where they are looked for, in this order.
    """

    def __init__(self, run: RunningEngine, folders: Sequence[Path]) -> None:
        self.folders = list(folders)
        self._located: dict[str, str] = {}
        self._run = run
        run.supervisor.find_program = self._find_program

    def locate(self, path: str | Path) -> str:
        """Make the script at `path` known to the engine by the name that the test gives it.

        One that is in none of the folders is left to the engine, which looks in scripts_dir. The
        name of an absolute path is its last part, if no other script has that name.

        Returns:
            The name.
        """
        name = str(path)
        found = self._find(name)
        if found and name.startswith("/"):
            last = Path(name).name
            name = last if self._located.get(last, found) == found else name
        if found:
            self._located[name] = found
        return name

    def _find(self, name: str) -> str:
        """Return the path of the script in the first folder that has it, empty for none."""
        found = ((folder / name).absolute() for folder in self.folders)
        return next((str(one) for one in found if one.exists() or one.is_symlink()), "")

    def _find_program(self, name: str) -> str:
        """Return the path of a script that the test has named, or that scripts_dir has not."""
        if name in self._located:
            return self._located[name]
        in_scripts_dir = Path(self._run.supervisor.options.scripts_dir) / name
        return "" if in_scripts_dir.exists() or in_scripts_dir.is_symlink() else self._find(name)

    async def start(self, name: str, parameter: str) -> Script:
        """Start a script.

        Raises:
            EarlyEndError: it could not be started; the text is the exact reason.
        """
        try:
            return self._run.supervisor.start_script(name, parameter, EMBEDDER)
        except StartError as error:
            lines = error.failure.lines()
        raise EarlyEndError("\n".join([*self.missing(name), *lines]))

    def missing(self, name: str) -> list[str]:
        """Return where a script was looked for that is nowhere; nothing for any other."""
        if name.startswith("/") or self._find(name):
            return []
        path = Path(self._run.supervisor.options.scripts_dir) / name
        if path.exists() or path.is_symlink():
            return []
        folders = ", ".join(os.path.normpath(folder) for folder in self.folders)
        return [f"there is no {name} in {folders}, nor in scripts_dir"]

    async def ready(self, script: Script) -> None:
        """Wait until a script has done what it does at first.

        Raises:
            EarlyEndError: it has ended badly, or before it spoke.
        """
        start = script.begun
        assert start is not None
        await start.settled(self._run.clock.sleep)
        if start.over and (start.reason or not (script.last_exit and script.last_exit.spoke)):
            self._run.seen(script)
            ended = script.last_exit.status.describe() if script.last_exit else ""
            raise EarlyEndError("\n".join(crash(script)) or f"{script.label} ended: {ended}")
