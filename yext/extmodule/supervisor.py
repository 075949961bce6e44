"""The owner of the peers, the scripts and the executed programs of one engine."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from yext import log
from yext.commander import Commander, check_execute
from yext.engine.module import Counts, Module
from yext.errors import StartError
from yext.extmodule.peer.connection import Connection
from yext.extmodule.peer.ends import PeerEnd
from yext.extmodule.peer.peer import Peer
from yext.extmodule.peer.setlocal import PeerChannel, PeerSettings
from yext.extmodule.script.spawn import resolve
from yext.extmodule.script.states import LIVE, ScriptState
from yext.extmodule.scripts import Index, Scripts
from yext.extmodule.settings import ModuleOptions, Program, Settings
from yext.message import Message

if TYPE_CHECKING:
    from yext.extmodule.diagnosis.tallies import Tallies
    from yext.extmodule.peer.answertimes import AnswerTimes
    from yext.extmodule.peer.silence import Silence
    from yext.extmodule.renewal import Renewals
    from yext.extmodule.script.launch import Launcher
    from yext.extmodule.script.oneshot import OneShots
    from yext.extmodule.script.script import Script
    from yext.measures.counts import ByName

_MARGIN = 1.0
"""Seconds before the engine's deadline at which scripts that still live get SIGKILL."""

ConnectRole = Callable[[Peer, str, str], bool]
"""Gives a peer the role of ``%%>connect:ROLE:IDENT``; returns False if it may not have it."""

AttachCall = Callable[[Peer, str, Message], "Callable[[], None] | None"]
"""Attaches the call that goes with a peer's message: see `PeerHost.attach_call`."""


BeginLink = Callable[[Peer, str], str]
"""Makes a link between nodes of a peer's connection; returns why not, empty if it is done."""


def _connect_peer(peer: Peer, role: str, ident: str) -> bool:
    """Give a peer a role in which it goes on with lines of the protocol."""
    peer.role = role
    return True


def _no_call(peer: Peer, ident: str, message: Message) -> None:
    """Attach nothing."""


def _in_scripts_dir(name: str) -> str:
    """Return nothing: each script is looked up in scripts_dir."""
    return ""


_SILENCE_SECONDS = 60.0
"""Seconds between two reports that a peer does not answer."""


class Supervisor:
    """All peers, scripts and executed programs; it implements `ConnectionHost` and `ScriptHost`.

    Args:
        module: the module in whose name the supervisor logs.
        settings: the settings in force.

    Attributes:
        settings: the settings in force.
        peer_settings: the settings of a new peer.
        peers: the peers connected now, in order of arrival, each with its script; None for a
            peer that came through a listener.
        scripts: the scripts that were started, or could not be.
        beside: the scripts that run beside those of `scripts`: successors that are not ready,
            and predecessors that have messages to answer.
        find_program: returns the path of a script that is not looked up in scripts_dir, empty for
            all others.
        channels: the ends of calls that scripts and peers are, in order of arrival.
        roles: what gives a peer a role, by the name of the role.
        attach_call: what attaches the call that goes with a peer's message.
        links: what makes links between nodes, None for nothing.
        times: how long peers take to answer, by script or listener; None while nobody measures it.
    """

    def __init__(self, module: Module, settings: Settings) -> None:
        self.bus = module.bus
        self.settings = settings
        self.peer_settings = PeerSettings.from_options(settings.options, module.name)
        self.peers: dict[Peer, Script | None] = {}
        self.scripts = Scripts()
        self.beside: dict[Script, None] = {}
        self.find_program: Callable[[str], str] = _in_scripts_dir
        self.channels: dict[PeerChannel, None] = {}
        self.roles: dict[str, ConnectRole] = {"global": _connect_peer, "channel": _connect_peer}
        self.attach_call: AttachCall = _no_call
        self.links: BeginLink | None = None
        self._module = module
        self._peer_index: Index[Peer] = Index()
        self._to_flush: list[Connection] = []
        self.times: ByName[AnswerTimes] | None = None

    # What starts programs is imported with the first: most batches start none.

    @cached_property
    def launcher(self) -> Launcher:
        """Starts the scripts' programs."""
        from yext.extmodule.script.launch import Launcher

        return Launcher()

    @cached_property
    def tallies(self) -> Tallies:
        """Counts what happens to scripts."""
        from yext.extmodule.diagnosis.tallies import Tallies

        return Tallies()

    @cached_property
    def _one_shots(self) -> OneShots:
        from yext.extmodule.script.oneshot import OneShots

        return OneShots(self)

    @cached_property
    def renewals(self) -> Renewals:
        """Starts scripts anew beside themselves."""
        from yext.extmodule.renewal import Renewals

        return Renewals(self)

    @property
    def name(self) -> str:
        """The name of the module."""
        return self._module.name

    @property
    def options(self) -> ModuleOptions:
        """The options in force."""
        return self.settings.options

    def use(self, settings: Settings) -> None:
        """Put `settings` in force, also for connected peers that have not overridden them."""
        before, self.settings = self.peer_settings, settings
        after = self.peer_settings = PeerSettings.from_options(settings.options, self.name)
        for peer in self.peers:
            peer.use_defaults(before, after)
        for script in self.scripts:
            script.errors.keep(settings.options.loglines)

    def resolve(self, name: str) -> str:
        """Return the path of a script: that of `find_program`, or in scripts_dir."""
        return self.find_program(name) or resolve(name, self.options.scripts_dir)

    def source(self, name: str) -> str:
        """Return where a program is looked for, and the setting that says so; empty if `name`
        is an absolute path, or `find_program` knows it."""
        return "" if self.find_program(name) else self.settings.look_up(name)

    # Log

    def debug(self, level: int, text: str) -> None:
        """Log `text` as the module's debug text if `level` is low enough."""
        self._module.debug(level, text)

    def shows_debug(self, level: int, limit: int | None) -> bool:
        """Return True if debug text of a peer at `level` is to be logged.

        `limit` is the highest level that the peer has set for itself, None for none; then the
        module's own counts, if that was set.
        """
        module = self._module
        if limit is None:
            limit = module.debug_level
        return module.debug_on and (limit is None or level <= limit)

    # Peers

    def make_connection(self, name: str, address: str, role: str, pid: int | None) -> Connection:
        """Make the connection of a peer that has connected to the listener `name`."""
        peer = Peer(self, name, address, role)
        if address:
            peer.label = f"{name} {address}"
        peer.pid = pid
        return Connection(self, peer)

    def add_peer(self, peer: Peer) -> None:
        """Register a peer that has connected."""
        self.peers[peer] = None
        self._peer_index.add(peer)
        if self.times is not None:
            peer.times = self.times.of(peer.name)

    def add_script_peer(self, peer: Peer, script: Script) -> None:
        """Register the script that a peer is."""
        self.peers[peer] = script
        if script.beside:
            self._peer_index.remove(peer)  # Commands mean the one that it is beside.

    def replace_script(self, before: Script, script: Script) -> None:
        """Put `script` in the place of `before`, which goes on beside it for now."""
        self.scripts.replace(before, script)
        if before.peer is not None:
            self._peer_index.remove(before.peer)
        if script.peer is not None:
            self._peer_index.add(script.peer)
        self.beside.pop(script, None)
        self.beside[before] = None

    def remove_peer(self, peer: Peer, end: PeerEnd) -> None:
        """Forget a peer that has ended."""
        script = self.peers.pop(peer, None)
        if peer.silence is not None:
            self.tallies.timeouts.add(peer.name, peer.silence.total)
        self._peer_index.remove(peer)
        if script is not None:
            script.peer_ended(end)

    def report_silence(self, peer: Peer, silence: Silence) -> None:
        """Report that a peer has not answered messages: at once, then once a minute."""
        now, script = time.time(), self.peers.get(peer)
        if silence.reported and now < silence.reported + _SILENCE_SECONDS:
            return
        silence.reported = now
        label = script.label if script is not None else peer.label
        see = "external info"
        if script is not None:
            see = f"external log {label}, external restart {label}"
        lines = (f"{label} {silence.describe()}", f"see: {see}")
        safe = tuple(log.safe(line) for line in lines)
        session, to_all = (script.session, script.configured) if script is not None else ("", True)
        self.bus.log.notice(safe, session, to_all=to_all)

    def connect_role(self, peer: Peer, role: str, ident: str) -> bool:
        """Give the peer the role of ``%%>connect:ROLE:IDENT``; return False if it may not."""
        connect = self.roles.get(role)
        return connect is not None and connect(peer, role, ident)

    def begin_link(self, peer: Peer, greeting: str) -> str | None:
        """Make a link between nodes of the peer's connection; return why not, empty if it is done,
        None where there are no links."""
        return None if self.links is None else self.links(peer, greeting)

    def find_peer(self, name: str, parameter: str | None) -> Peer | None:
        """Return the first peer called `name`, with that parameter unless it is None."""
        return self._peer_index.first(name, parameter)

    def write_soon(self, connection: Connection) -> float:
        """Flush `connection` at the end of this turn of the loop; return the loop's time."""
        loop = asyncio.get_running_loop()
        if not self._to_flush:
            loop.call_soon(self._flush)
        self._to_flush.append(connection)
        return loop.time()

    def _flush(self) -> None:
        connections, self._to_flush = self._to_flush, []
        for connection in connections:
            connection.flush()

    def measure(self, on: bool) -> None:
        """Measure how long peers take to answer from now on, or no longer."""
        if on and self.times is None:
            from yext.extmodule.peer.answertimes import AnswerTimes
            from yext.measures.counts import ByName

            self.times = ByName(AnswerTimes)
        elif not on:
            self.times = None
        for peer in self.peers:
            peer.times = self.times.of(peer.name) if self.times is not None else None

    # Scripts and programs

    def start_script(
        self, name: str, parameter: str, commander: Commander, *, untimed: bool = False
    ) -> Script:
        """Start a global script on a command; `commander` gets the notices about it.

        Args:
            name, parameter: the script.
            commander: who asks for it.
            untimed: whether its answers may take any time.

        Raises:
            ExecuteNotAllowedError: the commander may not start programs.
            StartError: the script could not be started; it stays listed as failed.
        """
        check_execute(commander)
        script = self._idle_script(name, parameter, configured=False)
        script.session = commander.label
        script.untimed = untimed
        self._start(script)
        return script

    def start_configured_script(self, program: Program) -> Script:
        """Start a script of ``[scripts]``; all sessions get the notices about it.

        Raises:
            StartError: the script could not be started; it stays listed as failed.
        """
        script = self._idle_script(program.name, program.parameter or "", configured=True)
        script.session = ""
        script.configured = True
        self._start(script)
        return script

    def _start(self, script: Script) -> None:
        self.scripts.started(script)
        if "renewals" in vars(self):
            self.renewals.started.set()
        try:
            script.begin()
        except StartError:
            self.script_over(script)
            raise

    def _idle_script(self, name: str, parameter: str, *, configured: bool) -> Script:
        """Return the script of that name that does not run, or a new one.

        One that is started again keeps its story. Where the same line stands twice in
        ``[scripts]`` each has a script of its own.
        """
        for script in reversed(self.scripts.named(name, parameter)):
            if script.state in LIVE:
                continue
            if configured and script.configured and script.state is not ScriptState.FAILED:
                continue
            return script
        from yext.extmodule.script.script import Script

        script = Script(self, name, parameter)
        self.scripts.add(script)
        return script

    def find_script(self, name: str, parameter: str | None) -> Script | None:
        """Return the script called `name`, with that parameter unless it is None.

        Of several, the first that runs; if none does, the one that was started last.
        """
        found = self.scripts.named(name, parameter)
        running = next((script for script in found if script.state in LIVE), None)
        return running or (found[-1] if found else None)

    def script_over(self, script: Script) -> None:
        """Note that a script has ended, or was not started, and is not started again by itself.

        No more than ``keepended`` of those that are not configured are kept.
        """
        self.scripts.ended(script, self.options.keepended)

    def forget_script(self, script: Script) -> None:
        """Forget a script that has ended."""
        self.scripts.remove(script)

    def count_scripts(self) -> Counts:
        """Count the scripts that run, those of them that do not answer, and those that failed."""
        live = [script for script in self.scripts if script.state in LIVE]
        silent = sum(script.silence() is not None for script in live)
        failed = sum(script.state is ScriptState.FAILED for script in self.scripts)
        return Counts(len(live) - silent, silent, failed)

    def execute(self, name: str, parameter: str | None, commander: Commander) -> int:
        """Start a program without the protocol on a command; return its pid.

        Raises:
            ExecuteNotAllowedError: the commander may not start programs.
            StartError: the program could not be started.
        """
        check_execute(commander)
        return self._one_shots.start(name, parameter)

    def execute_configured(self, program: Program) -> int:
        """Start a program of ``[execute]``; return its pid.

        Raises:
            StartError: the program could not be started.
        """
        return self._one_shots.start(program.name, program.parameter)

    # The end

    async def stop(self, deadline: float) -> None:
        """End all peers and scripts, by `deadline` on the loop's clock."""
        for peer in list(self.peers):
            if not peer.is_script:
                peer.end(PeerEnd.STOP)
        self.bus.dispatcher.slices.finish()
        kill_at = deadline - _MARGIN
        if "renewals" in vars(self):
            self.renewals.close()
        scripts = [*self.scripts, *self.beside]
        await asyncio.gather(*(script.stop(kill_at) for script in scripts))
        if "_one_shots" in vars(self):
            self._one_shots.close()
        self._flush()
        if "launcher" in vars(self):
            await self.launcher.close()
