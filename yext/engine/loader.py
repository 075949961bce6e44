"""The modules of one engine: which there are, how they are loaded and reloaded."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, cast

from yext import conf, log
from yext.bus import Bus
from yext.engine import mainconf, yextconf
from yext.engine.module import Module, Renewal
from yext.engine.unread import unread_files, unread_line
from yext.errors import ModuleError

BUILT_IN: dict[str, str] = {
    "tonegen": "yext.telephony.tone:ToneDriver",
    "dumbchan": "yext.telephony.dumb:DumbDriver",
    "wavefile": "yext.telephony.wave:WaveDriver",
    "tonedetect": "yext.telephony.tonedetect:ToneDetect",
    "phone": "yext.telephony.phone.driver:PhoneDriver",
    "cdrbuild": "yext.telephony.cdr:CdrBuilder",
    "pbx": "yext.telephony.pbx:Pbx",
    "cluster": "yext.cluster.module:Cluster",
    "extmodule": "yext.extmodule.module:ExtModule",
    "regexroute": "yext.regexroute.module:RegexRoute",
    "msgsniff": "yext.msgsniff.sniffer:MsgSniff",
}
"""The modules by Yate's names, and where they are: imported when they are loaded."""

FRONT = ("rmanager",)
"""Modules of front ends, which not each of them has."""

_ALL_PLUGINS = ("*", "all")
"""Names that stand for all modules in a reload, as in Yate."""

_LATER = (
    "difflib",
    "grp",
    "pwd",
    "random",
    "yext.access.handshakes",
    "yext.access.passwords",
    "yext.access.tls",
    "yext.extmodule.diagnosis.aftermath",
    "yext.extmodule.losses",
    "yext.extmodule.measures",
    "yext.extmodule.renewal",
    "yext.extmodule.script.reports",
    "yext.extmodule.calls",
    "yext.extmodule.peer.answertimes",
    "yext.extmodule.peer.data",
    "yext.extmodule.diagnosis.diagnose",
    "yext.extmodule.script.launch",
    "yext.extmodule.script.oneshot",
    "yext.extmodule.script.script",
    "yext.record.recording",
)


def _texts(problems: Sequence[conf.Problem], severity: conf.Severity) -> list[str]:
    return [str(problem) for problem in problems if problem.severity is severity]


def _nothing_changed(mistakes: Sequence[str]) -> tuple[str, ...]:
    last = mistakes[-1]
    return (*mistakes[:-1], f"{last}{'' if last.endswith('?') else '.'} Nothing was changed.")


Factory = Callable[[], Module]
"""Makes a module of the front end."""


def wanted_modules(main: conf.Conf, own: conf.Conf, front: Mapping[str, Factory]) -> list[str]:
    """Return the names of the modules that yate.conf wants loaded, in the order of loading.

    As in Yate: ``[general] modload`` says whether all are, and ``[modules] NAME.yate`` yes or
    no for one. Those of yext.conf need a section there as well.

    Args:
        main: yate.conf.
        own: yext.conf.
        front: the modules of the front end by their names.
    """
    every = conf.parse_bool(main.get("general", "modload", "")) is not False
    left_out = yextconf.MODULES.keys() - yextconf.wanted(own)
    wanted = []
    for name in (*front, *BUILT_IN):
        if name in left_out:
            continue
        chosen = conf.parse_bool(main.get("modules", f"{name}.yate", ""))
        if every if chosen is None else chosen:
            wanted.append(name)
    return wanted


def load_rest() -> None:
    """Import what scripts need and a start does not.

    Without a free descriptor nothing can be imported, and then the reason why a script did not
    start has to be found all the same.
    """
    for name in _LATER:
        importlib.import_module(name)


FORCE = "--force"
"""The word of ``reload`` that has it end what is missing in the files."""

RESTART_CHANGED = "--restart-changed"
"""The word of ``reload`` that starts the programs anew whose files have changed."""

UNCHANGED = "Nothing has changed."
"""The text of a reload that found nothing to change."""


class Reloaded(NamedTuple):
    """The result of a reload.

    Attributes:
        ok: whether it was carried out.
        lines: a line for each change, or for each mistake that kept it from being carried out.
        warnings: a line for each mistake that did not keep it from being carried out.
        refused: why it was not carried out where that is no mistake in a file.
        stuck: why a program with changed files could not be started anew, a line each.
        forcible: whether it would be carried out by force.
    """

    ok: bool
    lines: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    refused: str = ""
    forcible: bool = False
    stuck: tuple[str, ...] = ()

    def with_renewals(self, renewals: Sequence[Renewal]) -> Reloaded:
        """Return the result with the programs that were started anew, or could not be."""
        told = [line for one in renewals for line in one.lines]
        stuck = [one.lines[0] for one in renewals if not one.ok]
        return self._replace(ok=not stuck, lines=(*self.lines, *told), stuck=tuple(stuck))

    @property
    def report(self) -> tuple[str, ...]:
        """The lines, and what else an operator is to know about it."""
        if self.ok and not self.lines:
            return (UNCHANGED, *self.warnings)
        return (*self.lines, *self.warnings)

    @property
    def reason(self) -> str:
        """Why it was not carried out, in one line."""
        return "" if self.ok else self.refused or "; ".join(self.stuck or self.lines)

    @property
    def hint(self) -> str:
        """What to do about that."""
        if self.refused:
            return "module list"
        if self.stuck:
            return f"mend it, reload {RESTART_CHANGED} again"
        return f"mend it, or reload {FORCE}" if self.forcible else "mend it, reload again"


class Loader:
    """Loads, reloads and stops the modules of one engine.

    Args:
        bus: the engine's bus.
        front: the modules of the front end by their names.
        named: whether the node has a name already, so that yate.conf does not give it one.

    Attributes:
        modules: the loaded modules by name, in the order they were loaded.
    """

    def __init__(self, bus: Bus, front: Mapping[str, Factory], *, named: bool) -> None:
        self.modules: dict[str, Module] = {}
        self._bus = bus
        self._front = front
        self._named = named
        self._reloading = asyncio.Lock()
        self._reloads: set[asyncio.Task[Reloaded]] = set()
        self._next_reload: dict[tuple[str, bool, bool], asyncio.Task[Reloaded]] = {}

    # Loading

    def read_main(self) -> None:
        """Read yate.conf, which chooses the modules, and log its mistakes."""
        bus = self._bus
        path = bus.conf_path("yate")
        if path is None:
            return
        bus.conf = conf.load_main(str(path), bus.run_params)
        for line in bus.conf.log:
            bus.log.emit(log.Event(log.EventKind.CONFIG, str(line)))
        for problem in (*bus.conf.problems, *self._read_main_options(bus.conf)):
            self._report("engine", problem)
        bus.recorder.apply_conf()
        name = bus.conf.get("general", "nodename")
        if name and not self._named:
            bus.run_params["nodename"] = name

    async def load_all(self) -> None:
        """Load and initialize the modules that yate.conf wants."""
        for problem in self._read_own():
            self._report("engine", problem)
        for name in wanted_modules(self._bus.conf, self._bus.own_conf, self._front):
            self._load(name)
        self._bus.announce("Initializing plugins")
        for module in self.modules.values():
            await self._initialize(module)
        unread = unread_line(self._bus)
        if unread:
            self._bus.log.debug(log.NOTE, "engine", unread)
        self._bus.announce("Initialization complete")

    async def load(self, name: str) -> None:
        """Load and initialize one module.

        Raises:
            ModuleError: it is loaded already, or there is none of that name.
        """
        await self._initialize(self._load(name))

    def _load(self, name: str) -> Module:
        if name in self.modules:
            raise ModuleError(f"Module is already loaded: {name}")
        module = self._make(name)
        if module is None:
            raise ModuleError(f"Module operation failed: load {name}.yate")
        self.modules[name] = module
        module.load()
        if module.title:
            self._bus.announce(f"Loaded module {module.title}")
        return module

    def _make(self, name: str) -> Module | None:
        """Make the module of that name, None where there is none."""
        if name in self._front:
            return self._front[name]()
        if name not in BUILT_IN:
            return None
        path, _, attribute = BUILT_IN[name].partition(":")
        factory = cast(Any, getattr(importlib.import_module(path), attribute))
        return cast(Module, factory(self._bus))

    async def _initialize(self, module: Module) -> None:
        if module.title:
            self._bus.announce(f"Initializing module {module.title}")
        for problem in module.read_conf():
            self._report(module.name, problem)
        await module.apply_conf()

    def _report(self, source: str, problem: conf.Problem) -> None:
        """Log a mistake that was found at a start: banners show those of level CONF."""
        level = log.NOTE if problem.severity is conf.Severity.NOTE else log.CONF
        self._bus.log.debug(level, source, str(problem))

    def unload(self, name: str) -> None:
        """Refuse to unload a module, as Yate's refuse while the engine runs.

        Raises:
            ModuleError: always.
        """
        raise ModuleError(
            f"Could not unload module: {name}"
            if name in self.modules
            else f"Module not loaded: {name}"
        )

    async def stop(self, deadline: float) -> None:
        """Stop the modules, the last one loaded first, by `deadline` on the loop's clock."""
        for reload in self._reloads:
            reload.cancel()
        for module in reversed(list(self.modules.values())):
            await module.stop(deadline)
            module.unload()

    # Reloading

    async def reload(
        self, plugin: str = "", *, force: bool = False, restart_changed: bool = False
    ) -> Reloaded:
        """Read the configuration again and make the modules agree with it; see `Engine.reload`.

        One reload is carried out at a time. All that are asked for before the next one begins are
        that one.
        """
        key = plugin, force, restart_changed
        reload = self._next_reload.get(key)
        if reload is None:
            reload = asyncio.create_task(self._reload(*key))
            self._next_reload[key] = reload
            self._reloads.add(reload)
            reload.add_done_callback(self._reloads.discard)
        return await asyncio.shield(reload)

    async def _reload(self, plugin: str, force: bool, restart_changed: bool) -> Reloaded:
        async with self._reloading:
            del self._next_reload[plugin, force, restart_changed]
            plugin = "" if plugin in _ALL_PLUGINS else plugin
            try:
                result = await self._read_and_apply(plugin, force=force)
            finally:
                self._bus.forget_read_ahead()
            if not (result.ok and restart_changed):
                return result
            modules = self._chosen(plugin)
            return result.with_renewals(
                [one for module in modules for one in await module.restart_changed(again=True)]
            )

    async def _read_and_apply(self, plugin: str, *, force: bool) -> Reloaded:
        await self._bus.read_confs_ahead()
        problems = self._read_own()
        self._load_new()
        modules = self._chosen(plugin)
        problems += [] if plugin else await self._read_main_again()
        problems += [problem for module in modules for problem in module.read_conf()]
        errors = _texts(problems, conf.Severity.ERROR)
        warnings = _texts(problems, conf.Severity.WARNING)
        missing = [] if force else [one for module in modules for one in module.losses()]
        for text in (*errors, *warnings, *map(str, missing)):
            self._bus.log.debug(log.CONF, "engine", text)
        if errors:
            return Reloaded(False, _nothing_changed([*warnings, *errors]))
        if missing:
            lines = _nothing_changed([*warnings, *map(str, missing)])
            return Reloaded(False, lines, forcible=True)
        return await self._apply(plugin, modules, warnings)

    def _read_own(self) -> list[conf.Problem]:
        """Read yext.conf, once for all who have sections there; return the mistakes of nobody's."""
        self._bus.own_conf = self._bus.read_conf("yext")
        return yextconf.problems(self._bus.own_conf)

    def _load_new(self) -> None:
        """Load the modules whose first section has come into yext.conf since the start."""
        for name in wanted_modules(self._bus.conf, self._bus.own_conf, self._front):
            if name in yextconf.MODULES and name not in self.modules:
                self._load(name)

    def _chosen(self, plugin: str) -> list[Module]:
        """Return the modules of a name, which may be that of their file; all for an empty one."""
        return [
            module
            for file, module in self.modules.items()
            if plugin in ("", module.name, file, f"{file}.yate")
        ]

    async def _apply(self, plugin: str, modules: list[Module], warnings: list[str]) -> Reloaded:
        """Carry out what the modules have read; the result has the `warnings` too."""
        bus = self._bus
        bus.announce(f"Initializing plugin '{plugin}'" if plugin else "Initializing plugins")
        params = {"plugin": plugin} if plugin else {}
        answered = await bus.dispatch(bus.system_message("engine.init", **params))
        if not modules and not answered:
            return Reloaded(False, refused=f"no module is called '{plugin}'")
        lines = [] if plugin else bus.recorder.apply_conf()
        for module in modules:
            if module.title and module.announces_reload:
                bus.announce(f"Initializing module {module.title}")
            lines += await module.apply_conf()
        if not plugin:
            bus.announce("Initialization complete")
        return Reloaded(True, tuple(lines), tuple(warnings))

    async def _read_main_again(self) -> list[conf.Problem]:
        """Read yate.conf, of which only the record's section changes while the engine runs."""
        path = self._bus.conf_path("yate")
        if path is None:
            return []
        main = await asyncio.to_thread(conf.load_main, str(path), self._bus.run_params)
        return [*main.problems, *self._read_main_options(main)]

    def _read_main_options(self, main: conf.Conf) -> list[conf.Problem]:
        """Read the section of the record, and return all mistakes in yate.conf."""
        known = {*self._front, *BUILT_IN, *FRONT}
        return [*self._bus.recorder.read_conf(main), *mainconf.problems(main, known)]

    def rehearse(self) -> list[conf.Problem]:
        """Read all configuration and start nothing; see `Engine.rehearse`."""
        self.read_main()
        main = self._bus.conf
        problems = [*main.problems, *self._read_main_options(main), *self._read_own()]
        for name in wanted_modules(self._bus.conf, self._bus.own_conf, self._front):
            module = self._make(name)
            if module is not None:
                self.modules[name] = module
        for module in self.modules.values():
            problems += module.read_conf()
            problems += module.examine()
        return problems + unread_files(self._bus)
