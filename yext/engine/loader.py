"""Which modules there are, which the configuration wants, and how one is made."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, cast

from yext import conf
from yext.engine.module import Module

if TYPE_CHECKING:
    from yext.engine.engine import Engine

BUILT_IN: dict[str, str] = {
    "tonegen": "yext.telephony.tone:ToneDriver",
    "dumbchan": "yext.telephony.dumb:DumbDriver",
    "wavefile": "yext.telephony.wave:WaveDriver",
    "phone": "yext.telephony.phone.channel:PhoneDriver",
    "cdrbuild": "yext.telephony.cdr:CdrBuilder",
    "pbx": "yext.telephony.pbx:Pbx",
    "extmodule": "yext.extmodule.module:ExtModule",
    "msgsniff": "yext.msgsniff:MsgSniff",
}
"""The modules by Yate's names, and where they are: imported when they are loaded."""

PRESENT_ONLY = ("regexroute",)
"""Modules that count as loaded and do nothing."""


_LATER = (
    "difflib",
    "random",
    "yext.extmodule.diagnosis.aftermath",
    "yext.extmodule.calls",
    "yext.extmodule.peer.data",
    "yext.extmodule.diagnosis.diagnose",
)

ModuleFactory = Callable[["Engine"], Module]


def wanted_modules(main: conf.Conf, front: Mapping[str, ModuleFactory]) -> list[str]:
    """The names of the modules that yate.conf wants loaded, in the order of loading.

    As in Yate: ``[general] modload`` says whether all are, and ``[modules] NAME.yate`` yes or
    no for one. `front` are those of the front end.
    """
    every = conf.parse_bool(main.get("general", "modload", "")) is not False
    wanted = []
    for name in (*front, *BUILT_IN, *PRESENT_ONLY):
        said = conf.parse_bool(main.get("modules", f"{name}.yate", ""))
        default = every and name not in PRESENT_ONLY
        if default if said is None else said:
            wanted.append(name)
    return wanted


def load_rest() -> None:
    """Imports what scripts need and a start does not, before the engine may run out of descriptors:
    then nothing can be imported, and why a script did not start has to be told all the same."""
    for name in _LATER:
        importlib.import_module(name)


def make_module(engine: Engine, name: str, front: Mapping[str, ModuleFactory]) -> Module | None:
    """The module of that name, not loaded yet; None where there is none."""
    if name in front:
        return front[name](engine)
    if name in PRESENT_ONLY:
        module = Module(engine)
        module.name = name
        return module
    if name not in BUILT_IN:
        return None
    path, _, attribute = BUILT_IN[name].partition(":")
    factory = cast(Any, getattr(importlib.import_module(path), attribute))
    return cast(Module, factory(engine))
