"""The module: reads extmodule.conf, keeps the peers and scripts, answers ``external …``."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from yext import log
from yext.conf import Conf, Problem
from yext.errors import ListenError, StartError
from yext.extmodule import commands, settings, spawn
from yext.extmodule.listener import Listener, ListenerSpec
from yext.extmodule.process import FAILED, RUNNING, Leftovers, Script
from yext.extmodule.receiver import Receiver
from yext.extmodule.settings import Program
from yext.extmodule.warden import Warden
from yext.message import Message
from yext.module import Module

if TYPE_CHECKING:
    from yext.engine import Engine

HELP_PRIORITY = 100


class ExtModule(Module):
    """Yate's External Module.

    Attributes:
        settings: what extmodule.conf said when it was read last.
        peers: all live peers in the order they came.
        scripts: all scripts that were started, and those that could not be.
        listeners: the open listeners by name.
    """

    name = "extmodule"
    title = "ExtModule"
    aliases = ("external",)

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.settings = settings.read(Conf("extmodule.conf", engine.conf.rules), engine.run_params)
        self.peers: dict[Receiver, None] = {}
        self.scripts: list[Script] = []
        self.listeners: dict[str, Listener] = {}
        self.failed_listeners: dict[str, ListenError] = {}
        self.warden = Warden()
        self.leftovers = Leftovers(self, self.warden.forget)
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

    # Configuration

    def read_conf(self) -> list[Problem]:
        self._planned = settings.read(self.engine.read_conf("extmodule"), self.engine.run_params)
        return list(self._planned.problems)

    async def apply_conf(self) -> list[str]:
        before, after = self.settings, self._planned
        self.settings = after
        lines = self._changed_options(before, after) if self._applied else []
        lines += await self._apply_listeners(after.listeners)
        lines += await self._apply_scripts(after.scripts)
        if not self._applied:
            for program in after.execute:
                self._execute_configured(program)
        self._applied = True
        return lines

    def _changed_options(self, before: settings.Settings, after: settings.Settings) -> list[str]:
        return [
            f"{option.name}: {getattr(before.options, option.name)}"
            f" -> {getattr(after.options, option.name)}"
            for option in settings.GENERAL
            if getattr(before.options, option.name) != getattr(after.options, option.name)
        ]

    async def _apply_listeners(self, wanted: Sequence[ListenerSpec]) -> list[str]:
        lines: list[str] = []
        specs = {spec.name: spec for spec in wanted}
        for name, listener in list(self.listeners.items()):
            if specs.get(name) != listener.spec:
                listener.close()
                del self.listeners[name]
                lines.append(f"listener '{name}' closed: {listener.spec.where()}")
        self.failed_listeners.clear()
        for spec in wanted:
            if spec.name not in self.listeners:
                lines.append(await self._open_listener(spec))
        return lines

    async def _open_listener(self, spec: ListenerSpec) -> str:
        listener = Listener(spec, self._make_receiver)
        try:
            await listener.open()
        except ListenError as error:
            self.failed_listeners[spec.name] = error
            self.debug(log.WARN, f"Could not bind {error}")
            return str(error)
        self.listeners[spec.name] = listener
        return f"listener '{spec.name}' opened: {spec.where()}"

    async def _apply_scripts(self, wanted: Sequence[Program]) -> list[str]:
        lines: list[str] = []
        missing = [(program.name, program.parameter or "") for program in wanted]
        stopping: list[Script] = []
        for script in [one for one in self.scripts if one.configured]:
            if (script.name, script.parameter) in missing:
                missing.remove((script.name, script.parameter))
            else:
                stopping.append(script)
                self.scripts.remove(script)
        await asyncio.gather(*(script.stop() for script in stopping))
        lines += [f"{script.label} stopped, no longer in [scripts]" for script in stopping]
        for program in wanted:
            key = (program.name, program.parameter or "")
            if key in missing:
                missing.remove(key)
                lines.append(self._start_configured(program))
        return lines

    def _start_configured(self, program: Program) -> str:
        try:
            script = self.start_script(
                program.name, program.parameter or "", program.source, "", configured=True
            )
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
        if name.startswith("/"):
            return ""
        return f"scripts_dir={self.options.scripts_dir}   {self.settings.scripts_dir_source}"

    # Peers

    def _make_receiver(self, name: str, where: str, role: str) -> Receiver:
        receiver = Receiver(self, name, where, role)
        receiver.label = f"{name} {where}".rstrip()
        return receiver

    def connect_role(self, receiver: Receiver, role: str, ident: str) -> bool:
        """A peer said ``%%>connect:ROLE``: whether it may have that role."""
        if role not in ("global", "channel"):
            return False
        receiver.role = role
        return True

    def add(self, receiver: Receiver) -> None:
        """A peer is there."""
        self.peers[receiver] = None

    def remove(self, receiver: Receiver, why: str) -> None:
        """A peer is gone."""
        self.peers.pop(receiver, None)

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
        running = [script for script in found if script.state == RUNNING]
        chosen = running or found[-1:]
        return chosen[0] if chosen else None

    def script_of(self, receiver: Receiver) -> Script | None:
        """The script that a peer is, None where it came through a listener."""
        return next((one for one in self.scripts if one.receiver is receiver), None)

    def start_script(
        self, name: str, parameter: str, source: str, session: str, *, configured: bool = False
    ) -> Script:
        """Starts a global script. Raises `StartError`; it stays listed as failed then."""
        idle = [
            one
            for one in self.scripts
            if (one.name, one.parameter) == (name, parameter) and one.pid is None
        ]
        if idle and not configured:
            script = idle[-1]
            script.session = session
        else:
            script = Script(self, name, parameter, source, session, configured)
            self.scripts.append(script)
        script.start()
        return script

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
        result = os.waitid(os.P_PIDFD, started.pidfd, os.WEXITED)
        self._forget_executed(started.pidfd)
        status = result.si_status if result is not None else "?"
        self.debug(log.INFO, f"Program '{name}', pid {started.pid}, ended: {status}")

    def _forget_executed(self, pidfd: int) -> None:
        asyncio.get_running_loop().remove_reader(pidfd)
        self._executed.discard(pidfd)
        os.close(pidfd)

    # Status and commands

    def status_params(self) -> str:
        return f"scripts={len(self.peers)},chans=0"

    async def command(self, line: str, message: Message) -> bool:
        return await commands.carry_out(self, line, message)

    def complete(self, line: str, word: str) -> Sequence[str]:
        return commands.complete(self, line, word)

    def _help(self, message: Message) -> bool:
        return commands.help(message)

    # End

    async def stop(self, deadline: float) -> None:
        for listener in self.listeners.values():
            listener.close()
        self.listeners.clear()
        for receiver in list(self.peers):
            if not receiver.script:
                receiver.end("stop")
        await asyncio.gather(*(script.stop(deadline) for script in self.scripts))
        self.leftovers.kill_all()
        for pidfd in list(self._executed):
            self._forget_executed(pidfd)
        self._write()
        await self.warden.close()

    def counts(self) -> tuple[int, int]:
        """How many scripts run, and how many failed."""
        running = sum(script.state == RUNNING for script in self.scripts)
        return running, sum(script.state == FAILED for script in self.scripts)
