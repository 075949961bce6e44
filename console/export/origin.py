"""Where recorded messages come from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from yext.bus import Bus
from yext.engine.module import Program, modules_of


class Origin(NamedTuple):
    """Where messages come from, for the formats that say so.

    Attributes:
        node: the name of the engine's node.
        filter: the filter that chose them, empty for none.
        programs: the scripts of the engine, as far as it is known.
        modules: the names of the handlers that are built into the engine.
        folder: the folder in which the engine looks for scripts, empty if that is not known.
    """

    node: str = ""
    filter: str = ""
    programs: Sequence[Program] = ()
    modules: Sequence[str] = ()
    folder: str = ""


def origin_of(engine: Bus, filter: str) -> Origin:
    """Return where the messages of an engine come from that a filter lets through."""
    programs = [one for module in modules_of(engine) for one in module.programs()]
    modules = {handler.owner for handler in engine.dispatcher.handlers() if handler.built_in}
    folders = [folder for module in modules_of(engine) if (folder := module.program_folder())]
    node, folder = engine.run_params.get("nodename", ""), next(iter(folders), "")
    return Origin(node, filter, programs, sorted(modules), folder)
