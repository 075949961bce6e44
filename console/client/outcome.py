"""What became of a script that a Yate was asked to start, and why it did not stay.

A Yate answers "External start attempt" whatever happens then. Whether the script is still there is
seen in its list of peers. Why not is in the engine's log, if that can be read, or seen by looking
at the file as `yext check` does, if the engine is on this host.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from yext import Reply, conf
from yext.command import EOL
from yext.conf import ReadingRules
from yext.console.client.enginelog import open_log
from yext.console.client.plain import PlainEngine
from yext.console.client.yate import EXTERNAL
from yext.errors import StartFailure
from yext.extmodule import settings
from yext.extmodule.commands import YATE_VERBS
from yext.extmodule.diagnosis import diagnose
from yext.extmodule.script import spawn
from yext.log import safe

SETTLE_SECONDS = 1.0
"""How long a script must have been there to count as started."""

_KNOWN_MAX = 1000
"""Scripts whose last failure is kept."""

_PRINTED_MAX = 6
"""Lines of the log, without a time of the engine's, that are shown as what a script printed."""

_FAILED = "External command failed"
_LOOKED = "by looking at the file on this host; Yate itself does not tell"
_IN_ORDER = "the file, its #! line and its rights are in order, as seen on this host"

_EXECUTED = re.compile(r"Failed to execute (?:script|program) '(.*?)'(?: args='(.*?)')?: (\d+) ")
_STAMPED = re.compile(r"\d{8}\d*\.\d+ |\d{4}-\d\d-\d\d_\d\d:\d\d:\d\d\.\d+ |<[^>]+:[A-Z]+> ")


class Start(NamedTuple):
    """A command line that starts a program.

    Attributes:
        script, parameter: the program and its parameter, which may be empty.
        listed: whether it is among the peers while it runs.
    """

    script: str
    parameter: str
    listed: bool


def start_of(line: str) -> Start | None:
    """Return what a command line starts; None for one that starts nothing."""
    word, _, rest = line.strip().partition(" ")
    if word == "call":
        return _called(rest.strip().partition(" ")[0])
    if word != EXTERNAL:
        return None
    verb, _, after = rest.strip().partition(" ")
    if verb in ("info", "stop", ""):
        return None
    program = after.strip() if verb in YATE_VERBS else rest.strip()
    script, _, parameter = program.partition(" ")
    return Start(script, parameter, verb != "execute") if script else None


def _called(source: str) -> Start | None:
    """The script of ``external/TYPE/SCRIPT``."""
    kind, _, rest = source.partition("/")
    script = rest.partition("/")[2]
    return Start(script, "", False) if kind == EXTERNAL and script else None


class Outcome:
    """Finds what became of the programs that one Yate was asked to start.

    Args:
        engine: the Yate.
        log: its log, as `open_log` takes it.
    """

    def __init__(self, engine: PlainEngine, log: str) -> None:
        self._engine = engine
        self._log = open_log(log)
        self._known: dict[str, tuple[float, Reply]] = {}

    async def run(self, line: str) -> Reply:
        """Run a command line; if it starts a program that does not stay, the reply has failed.

        Raises:
            ConnectError: the connection was lost.
        """
        known = self._why(line)
        if known is not None:
            return known
        start = start_of(line)
        if start is None:
            return await self._engine.run(line)
        reply = await self._start(line, start)
        self._known.pop(start.script, None)
        if not reply.ok and len(self._known) < _KNOWN_MAX:
            self._known[start.script] = time.time(), reply
        return reply

    def _why(self, line: str) -> Reply | None:
        """The reply to ``external why SCRIPT``, from what this console has found."""
        words = line.split()
        if words[:2] != [EXTERNAL, "why"] or words[2:3] == [] or words[2] not in self._known:
            return None
        when, reply = self._known[words[2]]
        _, _, lines = reply.text.partition(EOL)
        title = f"{words[2]}, {time.strftime('%H:%M:%S', time.localtime(when))}"
        return Reply(True, f"{title}{EOL}{lines}", reply.params)

    async def _start(self, line: str, start: Start) -> Reply:
        """Run a command line that starts a program, and see what becomes of that."""
        read_from = self._log.now()
        before = await self._engine.peers() if start.listed else {}
        reply = await self._engine.run(line)
        if not reply.ok:
            return self._explained(start, reply, read_from) if line.startswith("call ") else reply
        if not start.listed:
            failure = self._failure(start, read_from)
            return reply if failure is None else _failed(failure)
        pid = await self._settled(start)
        if pid is None or pid == before.get((start.script, start.parameter)):
            return self._gone(start, read_from)
        return reply._replace(params={**reply.params, "pid": str(pid)})

    async def _settled(self, start: Start) -> int | None:
        """The process of a script that was started, None if it is not there when it has settled."""
        await self._engine.unloaded(start.script, SETTLE_SECONDS)
        return (await self._engine.peers()).get((start.script, start.parameter))

    def _gone(self, start: Start, read_from: float) -> Reply:
        failure = self._failure(start, read_from)
        if failure is not None:
            return _failed(failure)
        printed = self._printed(read_from)
        what = (
            f"ended within {SETTLE_SECONDS:g} s of its start" if self._here() else "ended at once"
        )
        lines = [
            f"{start.script}: {what}; the engine does not say why",
            *(f"printed: {line}" for line in printed),
            *([f"found: {_IN_ORDER}"] if self._here() and not printed else []),
            f"do: run it by yext-exec, which says why: {EXTERNAL} start yext-exec {start.script}",
        ]
        return _reply(lines, {"reason": lines[0].partition(": ")[2], "hint": lines[-1][4:]})

    def _explained(self, start: Start, reply: Reply, read_from: float) -> Reply:
        """A failed call to a script, with the reason why the script cannot be started."""
        failure = self._failure(start, read_from)
        if failure is None:
            return reply
        lines = _lines(failure)
        text = reply.text + "".join(line + EOL for line in lines)
        return Reply(False, text, failure.params())

    # Where the reason may be

    def _failure(self, start: Start, read_from: float) -> _Found | None:
        """Why the program could not be executed, from the log or from its file."""
        number = self._logged(start, read_from)
        here = self._here()
        if number is None and not here:
            return None
        directory, source = self._directory() if here else ("", "")
        path = spawn.resolve(start.script, directory)
        if number is not None:
            error = OSError(number, os.strerror(number))
            argv = [path, start.parameter]
            with _as_user(self._engine.owner()):
                found = diagnose.diagnose(
                    path, argv, error, script=start.script, parameter=start.parameter, source=source
                )
            return _Found(found, f"in the log of the engine, {self._log.name}")
        user = self._engine.owner()
        with _as_user(user) as same:
            looked = diagnose.check(
                path, script=start.script, parameter=start.parameter, source=source
            )
        how = _LOOKED if same else f"{_LOOKED}; as your user, not as that of the engine"
        return None if looked is None else _Found(looked, how)

    def _here(self) -> bool:
        """Whether the engine is on this host, and its configuration can be read."""
        path, owner = self._engine.places.get("configpath", ""), self._engine.owner()
        return owner is not None and _runs_here(owner) and os.access(path, os.R_OK | os.X_OK)

    def _directory(self) -> tuple[str, str]:
        """The directory of the engine's scripts, and where that is set."""
        places = self._engine.places
        path = os.path.join(places["configpath"], "extmodule.conf")
        file = conf.load(path, params=places, loaded={}, rules=ReadingRules())
        found = settings.read(file, places)
        if file.entry("general", "scripts_dir") is None:
            return f"{places.get('sharedpath', '')}/scripts/", ""
        return found.options.scripts_dir, found.look_up("script")

    # The log

    def _logged(self, start: Start, read_from: float) -> int | None:
        """The error number with which the engine could not execute the program."""
        for line in self._log.since(read_from):
            found = _EXECUTED.search(line)
            if found is not None and start.script in (found[1], os.path.basename(found[1])):
                return int(found[3])
        return None

    def _printed(self, read_from: float) -> Sequence[str]:
        """What stands in the log without a time: the standard error of scripts."""
        lines = (line.rstrip() for line in self._log.since(read_from))
        printed = [safe(line) for line in lines if line and _STAMPED.match(line) is None]
        return printed[-_PRINTED_MAX:]


class _Found(NamedTuple):
    """A reason, and how it was found."""

    failure: StartFailure
    how: str

    def params(self) -> dict[str, str]:
        """The parameters of a reply."""
        return self.failure.params() | {"found": self.how}


def _lines(found: _Found) -> list[str]:
    """The lines that explain a failure; how it was found comes before what to do."""
    lines = list(found.failure.lines())
    at = len(lines) - (1 if lines[-1].startswith("do: ") else 0)
    return [*lines[:at], f"found: {found.how}", *lines[at:]]


def _failed(found: _Found) -> Reply:
    return _reply(_lines(found), found.params())


def _reply(lines: Sequence[str], params: dict[str, str]) -> Reply:
    return Reply(False, "".join(line + EOL for line in (_FAILED, *lines)), params)


def _runs_here(user: int) -> bool:
    """Whether a Yate of that user runs on this host: the other end of the connection may only be a
    tunnel to another one."""
    for entry in os.scandir("/proc"):
        with contextlib.suppress(OSError), open(f"{entry.path}/comm", encoding="utf-8") as file:
            if file.read().startswith("yate") and entry.stat().st_uid == user:
                return True
    return False


@contextlib.contextmanager
def _as_user(user: int | None) -> Iterator[bool]:
    """Look at files with the rights of a user; False if this process may only use its own."""
    own = os.geteuid()
    if user is None or user == own or own != 0:
        yield user == own
        return
    groups, group = os.getgroups(), os.getegid()
    import pwd

    try:
        entry = pwd.getpwuid(user)
    except KeyError:
        yield False
        return
    os.setgroups(os.getgrouplist(entry.pw_name, entry.pw_gid))
    os.setegid(entry.pw_gid)
    os.seteuid(user)
    try:
        yield True
    finally:
        os.seteuid(own)
        os.setegid(group)
        os.setgroups(groups)
