"""The module: reads extmodule.conf, keeps the peers and scripts, answers ``external …``."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from yext.conf import Conf, Problem
from yext.dispatcher import Handler, track
from yext.engine.module import Listening, Module, Program
from yext.errors import ListenError, StartError
from yext.extmodule import commands, reload, settings
from yext.extmodule.peer.listener import Listener
from yext.extmodule.peer.peer import Receiver
from yext.extmodule.script.oneshot import Executed
from yext.extmodule.script.script import Script
from yext.extmodule.script.states import IDLE, LIVE, ScriptState
from yext.extmodule.script.stopping import Leftovers
from yext.extmodule.script.warden import Warden
from yext.message import Message

if TYPE_CHECKING:
    from yext.bus import Bus
    from yext.dispatcher import Dispatch, Handler, Pending
    from yext.extmodule.calls import ScriptChannel
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
        from yext.extmodule.calls import start_call

        # As if the dispatcher knew the pattern: calls to others do not go through the module.
        track(message, self.module.name, self.priority)
        return start_call(self.module, message, dispatch)


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

    def __init__(self, bus: Bus) -> None:
        super().__init__(bus)
        self.settings = settings.read(Conf("extmodule.conf", bus.conf.rules), bus.run_params)
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
        self._executed = Executed(self)

    @property
    def options(self) -> settings.ModuleOptions:
        """The options in force."""
        return self.settings.options

    def load(self) -> None:
        super().load()
        self.handle("engine.help", self._help, HELP_PRIORITY)
        self.handle("engine.halt", self._halt, HALT_PRIORITY)
        self._calls = CallHandler(self)

    # Configuration

    def read_conf(self) -> list[Problem]:
        self._planned = settings.read(self.bus.read_conf("extmodule"), self.bus.run_params)
        return list(self._planned.problems)

    def examine(self) -> list[Problem]:
        from yext.extmodule.check import examine_settings

        return examine_settings(self._planned)

    async def apply_conf(self) -> list[str]:
        before, after = self.settings, self._planned
        self.settings = after
        self._place_call_handler()
        lines: list[str] = []
        if self._applied:
            lines += reload.options(self, before.options, after.options)
        lines += await reload.listeners(self, after.listeners)
        lines += await reload.scripts(self, after.scripts)
        if not self._applied:
            reload.execute(self, after.execute)
        self._applied = True
        return lines

    def scripts_dir_source(self, name: str) -> str:
        """Where a script of that name is looked for, and what says so; empty if absolute."""
        return self.settings.look_up(name)

    # Calls

    def _place_call_handler(self) -> None:
        """Installs the handler of ``call.execute`` at the priority that is configured."""
        dispatcher = self.bus.dispatcher
        dispatcher.uninstall(self._calls)
        self._calls = CallHandler(self)
        self._calls.built_in = True
        dispatcher.install(self._calls)

    def unload(self) -> None:
        super().unload()
        self.bus.dispatcher.uninstall(self._calls)

    def clock(self) -> Clock:
        """What audio is paced by."""
        from yext.telephony.shared import telephony

        return telephony(self.bus).clock

    def take_along(self, receiver: Receiver, ident: str, message: Message) -> Endpoint | None:
        """The call that goes with a message of `receiver` as its user data, None for none."""
        from yext.extmodule.calls import take_along

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

    def make_receiver(self, name: str, where: str, role: str) -> Receiver:
        """The receiver of a peer that came `where` from, through the listener `name`."""
        receiver = Receiver(self, name, where, role)
        receiver.label = f"{name} {where}".rstrip()
        return receiver

    def connect_role(self, receiver: Receiver, role: str, ident: str) -> bool:
        """A peer said ``%%>connect:ROLE``: whether it may have that role."""
        if role in DATA_ROLES:
            from yext.extmodule.peer.data import begin

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
                if configured and script.configured and script.state is not ScriptState.FAILED:
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
        return self._executed.start(name, parameter)

    # Status and commands

    def busy(self) -> bool:
        return bool(self.peers)

    def status_params(self) -> str:
        return f"scripts={len(self.peers)},chans={len(self.channels)}"

    def counts(self) -> tuple[int, int]:
        running = sum(script.state in LIVE for script in self.scripts)
        return running, sum(script.state is ScriptState.FAILED for script in self.scripts)

    def programs(self) -> Sequence[Program]:
        return [_program(script) for script in self.scripts]

    def listening(self) -> Listening:
        return Listening(
            [listener.spec.where() for listener in self.listeners.values()],
            [str(error) for error in self.failed_listeners.values()],
        )

    async def command(self, line: str, message: Message) -> bool:
        return await commands.carry_out(self, line, message)

    def complete(self, line: str, word: str) -> Mapping[str, str]:
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
        self._executed.close()
        self._write()
        await self.warden.close()


def _program(script: Script) -> Program:
    failed, peer = script.state is ScriptState.FAILED, script.receiver
    program = Program(
        script.name,
        script.parameter,
        script.state_text(),
        restarts=script.restarts_text(),
        reason=script.last_text() if failed else "",
        explain=f"external why {script.label}" if failed else "",
    )
    if peer is None:
        return program
    return program._replace(
        pid=peer.pid, received=peer.received, sent=peer.sent, pending=len(peer.pending)
    )
