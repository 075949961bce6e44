"""What a reload would stop or close because something in extmodule.conf is missing or misspelt."""

from __future__ import annotations

from collections.abc import Iterable

from yext.conf import Conf, Problem
from yext.conf.options import lost_section, missing
from yext.extmodule.listeners import OPTION_NAMES, PeerListenerSpec
from yext.extmodule.peer.listener import PeerListener
from yext.extmodule.script import spawn
from yext.extmodule.script.script import Script
from yext.extmodule.script.states import IDLE
from yext.extmodule.settings import Settings


def losses(
    file: Conf,
    planned: Settings,
    before: Settings,
    scripts: Iterable[Script],
    listeners: Iterable[PeerListener],
) -> list[Problem]:
    """Return an error for each section or option without which something would end.

    Args:
        file: extmodule.conf as it is now.
        planned: the settings read from it.
        before: the settings in force.
        scripts: the scripts of the supervisor.
        listeners: the open listeners.
    """
    live = [one for one in scripts if one.configured and one.state not in IDLE]
    found = [_listener(file, one.spec, planned) for one in listeners]
    return [one for one in (_scripts(file, planned, before, live), *found) if one is not None]


def _scripts(file: Conf, planned: Settings, before: Settings, live: list[Script]) -> Problem | None:
    if not live:
        return None
    if not file.has_section("scripts"):
        return lost_section(file, "scripts", (), f"{_counted(live)} would be stopped")
    if planned.scripts_dir_source != "default" or before.scripts_dir_source == "default":
        return None
    # Programs that are looked up elsewhere are others: those that run would be stopped.
    directory = planned.options.scripts_dir
    moved = [one for one in live if one.path != spawn.resolve(one.name, directory)]
    if not moved:
        return None
    would = f"scripts_dir is not there any more, {_counted(moved)} would be stopped"
    return lost_section(file, "general", (), would) or missing(file, would)


def _counted(scripts: list[Script]) -> str:
    return scripts[0].label if len(scripts) == 1 else f"{len(scripts)} scripts"


def _listener(file: Conf, spec: PeerListenerSpec, planned: Settings) -> Problem | None:
    if any(one.where() == spec.where() for one in planned.listeners):
        return None  # It is another one's address at most.
    would = f"{spec.where()} would be closed"
    return lost_section(file, f"listener {spec.name}", OPTION_NAMES, would)
