"""The module: reads extmodule.conf, keeps the peers and scripts, answers ``external …``."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from yext import log
from yext.conf import Conf, Problem
from yext.dispatcher import Handler, track
from yext.errors import ListenError, StartError
from yext.extmodule import commands, settings, spawn
from yext.extmodule.ending import Leftovers, reap, signal_name
from yext.extmodule.examine import examine_settings
from yext.extmodule.listener import Listener, ListenerSpec
from yext.extmodule.process import Script
from yext.extmodule.receiver import Receiver
from yext.extmodule.settings import Program
from yext.extmodule.states import FAILED, IDLE, LIVE
from yext.extmodule.warden import Warden
from yext.message import Message
from yext.module import Module

if TYPE_CHECKING:
    from yext.dispatcher import Dispatch, Handler, Pending
    from yext.engine import Engine
    from yext.extmodule.channel import ScriptChannel
    from yext.telephony.clock import Clock
    from yext.telephony.endpoint import Endpoint

HELP_PRIORITY = 100
HALT_PRIORITY = 1000

CHANNEL_ID = "ExtModule"
"""What a channel is called until its script says ``setlocal:id``."""


DATA_ROLES = ("play", "record", "playrec")
"""The roles of connections that carry audio instead of lines."""


class CallHandler(Handler):
    """The handler of ``call.execute``, which does nothing until a call is for a script."""

    __slots__ = ("module",)

    def __init__(self, module: ExtModule) -> None:
        super().__init__("call.execute", module.options.priority, module.name)
        self.module = module

    def handle(self, message: Message, dispatch: Dispatch) -> bool | Pending:
        if not message.get("callto").startswith("external/"):
            return False
        from yext.extmodule.channel import start_call

        # As if the dispatcher knew the pattern: calls to others do not go through the module.
        track(message, self.module.name, self.priority)
        return start_call(self.module, message, dispatch)


_PEER_OPTIONS = ("maxqueue", "timeout", "timebomb", "settime")
"""The options that a peer has a copy of, which setlocal changes."""

_MARGIN = 1.0
"""Seconds before the engine's deadline at which scripts that still live get SIGKILL."""


class ExtModule(Module):
    """Yate's External Module.

    Attributes:
        settings: what extmodule.conf said when it was read last.
        peers: all live peers in the order they came, each with the script that it is, None
            where it came through a listener.
        scripts: all scripts that were started, and those that could not be.
        listeners: the open listeners by name.
    """

    name = "extmodule"
    title = "ExtModule"
    aliases = ("external",)

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.settings = settings.read(Conf("extmodule.conf", engine.conf.rules), engine.run_params)
        self.peers: dict[Receiver, Script | None] = {}
        self.scripts: list[Script] = []
        self.listeners: dict[str, Listener] = {}
        self.failed_listeners: dict[str, ListenError] = {}
        self.warden = Warden()
        self.channels: dict[ScriptChannel, None] = {}
        self.leftovers = Leftovers(self.warden.forget)
        self._planned = self.settings
        self._applied = False
        self._to_write: list[Receiver] = []
        self._executed: set[int] = set()

    @property
    def options(self) -> settings.Options:
        """The options in force."""
        return self.settings.options

    def load(self) -> None:
        super().load()
        self.handle("engine.help", self._help, HELP_PRIORITY)
        self.handle("engine.halt", self._halt, HALT_PRIORITY)
        self._calls = CallHandler(self)

    # Configuration

    def read_conf(self) -> list[Problem]:
        self._planned = settings.read(self.engine.read_conf("extmodule"), self.engine.run_params)
        return list(self._planned.problems)

    def examine(self) -> list[Problem]:
        return examine_settings(self._planned)

    async def apply_conf(self) -> list[str]:
        before, after = self.settings, self._planned
        self.settings = after
        self._place_call_handler()
        lines = self._apply_options(before.options, after.options) if self._applied else []
        lines += await self._apply_listeners(after.listeners)
        lines += await self._apply_scripts(after.scripts)
        if not self._applied:
            for program in after.execute:
                self._execute_configured(program)
        self._applied = True
        return lines

    def _apply_options(self, before: settings.Options, after: settings.Options) -> list[str]:
        """Has changed options hold for live peers too, but where a peer has set its own."""
        changed = [
            (option.name, getattr(before, option.name), getattr(after, option.name))
            for option in settings.GENERAL
            if getattr(before, option.name) != getattr(after, option.name)
        ]
        for name, old, new in changed:
            for peer in self.peers if name in _PEER_OPTIONS else ():
                if getattr(peer, name) == old:
                    setattr(peer, name, new)
        for script in self.scripts:
            script.keep_lines(after.loglines)
        return [f"{name}: {_shown(old)} -> {_shown(new)}" for name, old, new in changed]

    async def _apply_listeners(self, wanted: Sequence[ListenerSpec]) -> list[str]:
        """Closes what is not wanted, then opens what is: addresses may have been exchanged.

        One that cannot move to its new address stays at the old one.
        """
        lines: list[str] = []
        specs = {spec.name: spec for spec in wanted}
        moved: dict[str, ListenerSpec] = {}
        for name, listener in list(self.listeners.items()):
            if specs.get(name) == listener.spec:
                continue
            listener.close()
            del self.listeners[name]
            if name in specs:
                moved[name] = listener.spec
            else:
                lines.append(f"listener '{name}' closed: {listener.spec.where()}")
        self.failed_listeners.clear()
        for spec in wanted:
            if spec.name not in self.listeners:
                lines += await self._open_listener(spec, moved.get(spec.name))
        return lines

    async def _open_listener(self, spec: ListenerSpec, before: ListenerSpec | None) -> list[str]:
        line = await self._try_listener(spec)
        if before is None:
            return [line or f"listener '{spec.name}' opened: {spec.where()}"]
        if not line:
            return [f"listener '{spec.name}' moved: {before.where()} -> {spec.where()}"]
        again = await self._try_listener(before)
        return [line, again or f"listener '{spec.name}' stays: {before.where()}"]

    async def _try_listener(self, spec: ListenerSpec) -> str:
        """Opens a listener; returns why it could not be, or an empty text."""
        listener = Listener(spec, self._make_receiver)
        try:
            await listener.open()
        except ListenError as error:
            self.failed_listeners[spec.name] = error
            self.debug(log.WARN, f"Could not bind {error}")
            return str(error)
        self.listeners[spec.name] = listener
        return ""

    async def _apply_scripts(self, wanted: Sequence[Program]) -> list[str]:
        """Stops what is no longer in ``[scripts]``, then starts what is not running.

        One that runs already stays, whoever started it; one that failed gets another try; one
        that was stopped, or ended by itself, is left alone.
        """
        kept: dict[Program, Script] = {}
        dropped: list[Script] = []
        for script in [one for one in self.scripts if one.configured]:
            program = next(
                (one for one in wanted if one not in kept and self._is(one, script)), None
            )
            if program is None:
                dropped.append(script)
                self.scripts.remove(script)
            else:
                kept[program] = script
        lines = [
            f"{script.label} {'dropped' if script.state in IDLE else 'stopped'},"
            " no longer in [scripts]"
            for script in dropped
        ]
        await asyncio.gather(*(script.stop() for script in dropped))
        for program in wanted:
            lines += self._apply_script(program, kept.get(program))
        return lines

    def _is(self, program: Program, script: Script) -> bool:
        """Whether `script` is what a line of ``[scripts]`` asks for."""
        path = spawn.resolve(program.name, self.options.scripts_dir)
        same = (script.name, script.parameter) == (program.name, program.parameter or "")
        return same and script.path == path

    def _apply_script(self, program: Program, script: Script | None) -> list[str]:
        if script is not None:
            return [self._start_configured(program)] if script.state == FAILED else []
        by_hand = (
            one
            for one in self.scripts
            if not one.configured and one.state not in IDLE and self._is(program, one)
        )
        found = next(by_hand, None)
        if found is None:
            return [self._start_configured(program)]
        found.configured = True
        return [f"{found.label} is there already: {found.state_text()}"]

    def _start_configured(self, program: Program) -> str:
        try:
            script = self.start_script(program.name, program.parameter or "", "", configured=True)
        except StartError as error:
            self.engine.log.notice(error.failure.lines(), "", logged=False)
            return error.failure.one_line()
        return f"{script.label} started, pid {script.pid}"

    def _execute_configured(self, program: Program) -> None:
        try:
            self.execute(program.name, program.parameter)
        except StartError as error:
            self.engine.log.notice(error.failure.lines(), "", logged=False)

    def scripts_dir_source(self, name: str) -> str:
        """Where a script of that name is looked for, and what says so; empty if absolute."""
        return self.settings.look_up(name)

    # Calls

    def _place_call_handler(self) -> None:
        """Installs the handler of ``call.execute`` at the priority that is configured."""
        dispatcher = self.engine.dispatcher
        dispatcher.uninstall(self._calls)
        self._calls = CallHandler(self)
        dispatcher.install(self._calls)

    def unload(self) -> None:
        super().unload()
        self.engine.dispatcher.uninstall(self._calls)

    def clock(self) -> Clock:
        """What audio is paced by."""
        from yext.telephony.shared import telephony

        return telephony(self.engine).clock

    def take_along(self, receiver: Receiver, ident: str, message: Message) -> Endpoint | None:
        """The call that goes with a message of `receiver` as its user data, None for none."""
        from yext.extmodule.channel import take_along

        return take_along(receiver, ident, message)

    def free_channel_id(self) -> str:
        """What a new channel is called: Yate's constant, and a number after it if that is taken."""
        taken = {channel.id for channel in self.channels}
        return next(
            name
            for name in itertools.chain(
                (CHANNEL_ID,), (f"{CHANNEL_ID}/{n}" for n in itertools.count(2))
            )
            if name not in taken
        )

    # Peers

    def _make_receiver(self, name: str, where: str, role: str) -> Receiver:
        receiver = Receiver(self, name, where, role)
        receiver.label = f"{name} {where}".rstrip()
        return receiver

    def connect_role(self, receiver: Receiver, role: str, ident: str) -> bool:
        """A peer said ``%%>connect:ROLE``: whether it may have that role."""
        if role in DATA_ROLES:
            from yext.extmodule.dataconn import begin

            return begin(self, receiver, role, ident)
        if role not in ("global", "channel"):
            return False
        receiver.role = role
        return True

    def add(self, receiver: Receiver) -> None:
        """A peer is there."""
        self.peers[receiver] = None

    def remove(self, receiver: Receiver, why: str) -> None:
        """A peer is gone."""
        script = self.peers.pop(receiver, None)
        if script is not None:
            script.peer_left(why)

    def write_soon(self, receiver: Receiver) -> None:
        """Has `receiver` written at the end of this turn of the loop, with all the others."""
        if not self._to_write:
            asyncio.get_running_loop().call_soon(self._write)
        self._to_write.append(receiver)

    def _write(self) -> None:
        waiting, self._to_write = self._to_write, []
        for receiver in waiting:
            receiver.flush()

    # Scripts

    def find_peer(self, name: str, parameter: str | None) -> Receiver | None:
        """The first live peer called `name`, and with that parameter unless it is None."""
        for receiver in self.peers:
            if receiver.name == name and parameter in (None, receiver.parameter):
                return receiver
        return None

    def find_script(self, name: str, parameter: str | None) -> Script | None:
        """The script of that name, and with that parameter unless it is None: a running one
        if there is one, else the one that was started last."""
        found = [
            script
            for script in self.scripts
            if script.name == name and parameter in (None, script.parameter)
        ]
        running = [script for script in found if script.state in LIVE]
        chosen = running or found[-1:]
        return chosen[0] if chosen else None

    def script_of(self, receiver: Receiver) -> Script | None:
        """The script that a peer is, None where it came through a listener."""
        return self.peers.get(receiver)

    def start_script(
        self, name: str, parameter: str, session: str, *, configured: bool = False
    ) -> Script:
        """Starts a global script for `session` (empty: for all that listen).

        Raises `StartError`; the script stays listed as failed then.
        """
        script = self._idle_script(name, parameter, configured)
        if script is None:
            script = Script(self, name, parameter, session, configured)
            self.scripts.append(script)
        script.session = session
        script.configured |= configured
        try:
            script.start()
        except StartError:
            self.forget_old_scripts()
            raise
        return script

    def _idle_script(self, name: str, parameter: str, configured: bool) -> Script | None:
        """The script of that name that does not run: starting it again keeps its story.

        A line of ``[scripts]`` has its own where the same script stands there twice.
        """
        for script in reversed(self.scripts):
            same = (script.name, script.parameter) == (name, parameter)
            if same and script.state not in LIVE:
                if configured and script.configured and script.state != FAILED:
                    continue
                return script
        return None

    def forget_old_scripts(self) -> None:
        """Keeps no more than `keepended` of the scripts that were started by hand and ended."""
        excess = len(self.scripts) - self.options.keepended
        if excess <= 0:
            return
        ended = [one for one in self.scripts if not one.configured and one.state in IDLE]
        gone = set(ended[: max(0, len(ended) - self.options.keepended)])
        if gone:
            self.scripts = [one for one in self.scripts if one not in gone]

    def execute(self, name: str, parameter: str | None) -> int:
        """Starts a program and leaves it alone; returns its pid. Raises `StartError`."""
        path = spawn.resolve(name, self.options.scripts_dir)
        nowhere = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        output = self.engine.program_output
        try:
            started = spawn.start(
                path,
                [path] if parameter is None else [path, parameter],
                {
                    0: nowhere,
                    1: nowhere if output is None else output,
                    2: nowhere if output is None else output,
                },
                script=name,
                parameter=parameter,
                source=self.scripts_dir_source(name),
            )
        except StartError as error:
            self.debug(
                log.WARN,
                f"Failed to execute program '{path}' args='{parameter or ''}': "
                f"{error.failure.errno} {error.failure.one_line()}",
            )
            raise
        finally:
            os.close(nowhere)
        asyncio.get_running_loop().add_reader(started.pidfd, self._reap, started, name)
        self._executed.add(started.pidfd)
        return started.pid

    def _reap(self, started: spawn.Started, name: str) -> None:
        """Takes the exit of an executed program, so that no zombie is left."""
        code, number = reap(started.pidfd)
        self._forget_executed(started.pidfd)
        words = f"killed by {signal_name(number)}" if number else f"exit status {code}"
        self.debug(log.INFO, f"Program '{name}', pid {started.pid}, ended: {words}")

    def _forget_executed(self, pidfd: int) -> None:
        asyncio.get_running_loop().remove_reader(pidfd)
        self._executed.discard(pidfd)
        os.close(pidfd)

    # Status and commands

    def busy(self) -> bool:
        return bool(self.peers)

    def status_params(self) -> str:
        return f"scripts={len(self.peers)},chans={len(self.channels)}"

    async def command(self, line: str, message: Message) -> bool:
        return await commands.carry_out(self, line, message)

    def complete(self, line: str, word: str) -> Sequence[str]:
        return commands.complete(self, line, word)

    def _help(self, message: Message) -> bool:
        return commands.help(message)

    # End

    def _halt(self, message: Message) -> None:
        """The engine ends: nobody new gets in while it does."""
        for listener in self.listeners.values():
            listener.close()
        self.listeners.clear()

    async def stop(self, deadline: float) -> None:
        for receiver in list(self.peers):
            if not receiver.script:
                receiver.end("stop")
        kill_at = deadline - _MARGIN
        await asyncio.gather(*(script.stop(kill_at) for script in list(self.scripts)))
        self.leftovers.kill_all()
        for pidfd in list(self._executed):
            self._forget_executed(pidfd)
        self._write()
        await self.warden.close()

    def counts(self) -> tuple[int, int]:
        """How many scripts run, and how many failed."""
        running = sum(script.state in LIVE for script in self.scripts)
        return running, sum(script.state == FAILED for script in self.scripts)


def _shown(value: object) -> str:
    """An option's value as it is written in the file."""
    return ("no", "yes")[value] if isinstance(value, bool) else str(value)
