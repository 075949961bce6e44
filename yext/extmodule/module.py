"""The module: reads extmodule.conf, and wires its parts to the engine and to each other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from yext.conf import Conf, Problem
from yext.conf.options import describe_changes
from yext.dispatcher import Dispatch, Handler, Pending, track
from yext.engine.module import Counts, Listening, Module, Program, Renewal, Start, unopened
from yext.extmodule import commands, completion, reload, settings
from yext.extmodule.peer.listener import Listeners
from yext.extmodule.script.states import ScriptState
from yext.extmodule.supervisor import Supervisor
from yext.message import Message

if TYPE_CHECKING:
    from yext.bus import Bus
    from yext.extmodule.peer.peer import Peer
    from yext.extmodule.script.script import Script
    from yext.measures.family import Family

HELP_PRIORITY = 100
HALT_PRIORITY = 1000

DATA_ROLES = ("play", "record", "playrec")
"""The roles of connections that carry audio instead of lines."""


class CallHandler(Handler):
    """The handler of ``call.execute``, which leaves all calls alone but those to scripts."""

    __slots__ = ("_supervisor",)

    def __init__(self, supervisor: Supervisor) -> None:
        super().__init__("call.execute", supervisor.options.priority, supervisor.name)
        self.built_in = True
        self._supervisor = supervisor

    def handle(self, message: Message, dispatch: Dispatch) -> bool | Pending:
        if not message.get("callto").startswith("external/"):
            return False
        from yext.extmodule.calls import start_call

        # As if the dispatcher knew the pattern: calls to others do not go through the module.
        track(message, self.owner, self.priority)
        return start_call(self._supervisor, message, dispatch)


class ExtModule(Module):
    """Yate's External Module.

    Attributes:
        supervisor: the peers and scripts, with the settings in force.
        listeners: the listeners for peers.
    """

    name = "extmodule"
    title = "ExtModule"
    aliases = ("external",)

    def __init__(self, bus: Bus) -> None:
        super().__init__(bus)
        defaults_file = Conf("extmodule.conf", bus.conf.rules)
        defaults = settings.read(defaults_file, bus.run_params)
        self.supervisor = Supervisor(self, defaults)
        self.supervisor.attach_call = self._attach_call
        self.supervisor.roles |= dict.fromkeys(DATA_ROLES, self._connect_data)
        self.listeners = Listeners(self.supervisor)
        self._file = defaults_file
        self._planned = defaults
        self._applied = False
        self._call_handler: CallHandler | None = None

    def _attach_call(self, peer: Peer, ident: str, message: Message) -> Callable[[], None] | None:
        from yext.extmodule.calls import attach_call

        return attach_call(self.supervisor, peer, ident, message)

    def _connect_data(self, peer: Peer, role: str, ident: str) -> bool:
        from yext.extmodule.peer.data import begin

        return begin(peer, role, ident, self.supervisor.options.maxaudio)

    def load(self) -> None:
        super().load()
        self.handle("engine.help", commands.help, HELP_PRIORITY)
        self.handle("engine.halt", self._halt, HALT_PRIORITY)

    def unload(self) -> None:
        super().unload()
        self._remove_call_handler()

    # Configuration

    def read_conf(self) -> list[Problem]:
        self._file = self.bus.read_conf("extmodule")
        self._planned = settings.read(self._file, self.bus.run_params)
        return list(self._planned.problems)

    def losses(self) -> list[Problem]:
        from yext.extmodule.losses import losses

        supervisor = self.supervisor
        listeners = self.listeners.open.values()
        return losses(self._file, self._planned, supervisor.settings, supervisor.scripts, listeners)

    def examine(self) -> list[Problem]:
        from yext.extmodule.check import examine_settings

        return examine_settings(self._planned)

    async def apply_conf(self) -> list[str]:
        supervisor, after = self.supervisor, self._planned
        before = supervisor.options
        supervisor.use(after)
        self._install_call_handler()
        lines: list[str] = []
        if self._applied:
            changed = describe_changes(settings.GENERAL, vars(before), vars(after.options))
            lines += [f"{name}: {change}" for name, change in changed.items()]
        lines += await self.listeners.apply(after.listeners)
        if not self._applied and self.bus.must_listen and unopened(self.bus):
            # The engine ends at once, and another one may run the same scripts.
            return lines
        lines += await reload.scripts(supervisor, after.scripts)
        if not self._applied:
            reload.execute(supervisor, after.execute)
        self._applied = True
        return lines

    def _install_call_handler(self) -> None:
        """Install the handler of ``call.execute`` at the priority that is configured."""
        self._remove_call_handler()
        self._call_handler = CallHandler(self.supervisor)
        self.bus.dispatcher.install(self._call_handler)

    def _remove_call_handler(self) -> None:
        if self._call_handler is not None:
            self.bus.dispatcher.uninstall(self._call_handler)

    # Status and commands

    def busy(self) -> bool:
        return bool(self.supervisor.peers)

    def status_params(self) -> str:
        supervisor = self.supervisor
        return f"scripts={len(supervisor.peers)},chans={len(supervisor.channels)}"

    def counts(self) -> Counts:
        return self.supervisor.count_scripts()

    def programs(self) -> Sequence[Program]:
        return [_program(script) for script in self.supervisor.scripts]

    def program_folder(self) -> str:
        return self.supervisor.options.scripts_dir

    def starts(self) -> Sequence[Start]:
        return [script.begun for script in self.supervisor.scripts if script.begun is not None]

    async def restart_changed(self, *, again: bool) -> Sequence[Renewal]:
        return await self.supervisor.renewals.restart_changed(again=again)

    def watched_folders(self) -> Sequence[str]:
        return self.supervisor.renewals.folders()

    async def program_started(self) -> None:
        await self.supervisor.renewals.program_started()

    def listening(self) -> Listening:
        return Listening(
            [listener.spec.where() for listener in self.listeners.open.values()],
            [str(error) for error in self.listeners.failed.values()],
        )

    def unopened(self) -> Sequence[str]:
        refused = [str(problem) for problem in self.supervisor.settings.unusable]
        return refused + [str(error) for error in self.listeners.failed.values()]

    def measures(self) -> Iterable[Family]:
        from yext.extmodule.measures import measures

        return measures(self)

    def measure(self, on: bool) -> None:
        self.supervisor.measure(on)

    async def command(self, line: str, message: Message) -> bool:
        return await commands.carry_out(self.supervisor, line, message)

    def complete(self, line: str, word: str) -> Mapping[str, str]:
        return completion.complete(self.supervisor, line, word)

    def complete_described(self, line: str, word: str) -> Mapping[str, str]:
        return completion.complete(self.supervisor, line, word, described=True)

    # The end

    def _halt(self, message: Message) -> None:
        """Let nobody else connect once the engine is about to end."""
        self.listeners.close()

    async def stop(self, deadline: float) -> None:
        await self.listeners.stop()
        await self.supervisor.stop(deadline)


def _program(script: Script) -> Program:
    """Describe a script for the status of the engine."""
    failed, peer = script.state is ScriptState.FAILED, script.peer
    program = Program(
        script.name,
        script.parameter,
        script.describe_state(),
        restarts=script.describe_restarts(),
        reason=script.describe_last() if failed else "",
        explain=f"external why {script.label}" if failed else "",
        path=script.path,
    )
    if peer is None:
        return program
    return program._replace(
        pid=peer.pid, received=peer.received, sent=peer.sent, pending=len(peer.pending.waiting)
    )
