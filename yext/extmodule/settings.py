"""The settings of extmodule.conf: options, listeners, scripts and programs to execute.

Source: Yate's docs/extmodule.html and conf.d/extmodule.conf, and the recordings.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from yext import conf
from yext.conf import Conf, Problem
from yext.conf.options import Option, read_options, unknown_problems, unknown_section
from yext.extmodule.listeners import PeerListenerSpec, read_listeners

GENERAL = (
    Option(
        "scripts_dir",
        "str",
        "${sharedpath}/scripts/",
        help="Directory in which a script without an absolute path is looked up",
    ),
    Option("priority", "int", 100, 0, 2147483647, "", "Priority of the call.execute handler"),
    Option(
        "maxqueue",
        "int",
        1000,
        0,
        10000,
        "messages",
        "Messages that may wait for one peer's answer, 0 for no limit",
    ),
    Option(
        "timeout",
        "int",
        10000,
        None,
        None,
        "milliseconds",
        "How long a message waits for a peer's answer, 0 or less for no limit",
    ),
    Option("timebomb", "bool", False, help="End a peer that did not answer in time"),
    Option("settime", "bool", False, help="Stamp messages from peers with the current time"),
    Option(
        "waitflush",
        "int",
        5,
        1,
        100,
        "milliseconds",
        "How long a stop waits after releasing pending messages",
    ),
    Option("trackparam", "bool", False, help="Name the module in the parameter 'handlers'"),
    Option(
        "maxoutput",
        "int",
        1048576,
        65536,
        1073741824,
        "bytes",
        "Output that may wait for a peer that does not read; beyond that, messages skip it",
    ),
    Option(
        "maxaudio",
        "int",
        1000,
        20,
        60000,
        "milliseconds",
        "Audio that may wait for a script that does not read it; then the oldest is dropped",
    ),
    Option(
        "stopwait",
        "int",
        200,
        0,
        60000,
        "milliseconds",
        "How long a script may take to end once its input is closed, before SIGTERM",
    ),
    Option(
        "termwait",
        "int",
        5000,
        0,
        60000,
        "milliseconds",
        "How long a script may take to end after SIGTERM, before SIGKILL",
    ),
    Option(
        "restart_delay",
        "int",
        100,
        1,
        60000,
        "milliseconds",
        "First delay before a script with restart on starts again; doubled each time",
    ),
    Option(
        "restart_max",
        "int",
        5,
        1,
        1000,
        "restarts",
        "Restarts within restart_window before a script is given up",
    ),
    Option("restart_window", "int", 60, 1, 86400, "seconds", "Period for restart_max"),
    Option(
        "loglines",
        "int",
        200,
        1,
        10000,
        "lines",
        "Last lines on standard error kept for each script",
    ),
    Option(
        "lograte",
        "int",
        500,
        1,
        100000,
        "lines a second",
        "Lines on standard error of each script to log; of more, only the number",
    ),
    Option(
        "keepended",
        "int",
        1000,
        0,
        100000,
        "scripts",
        "Ended scripts that were started by hand and stay listed",
    ),
)

_SECTIONS = ("general", "scripts", "execute")


class ModuleOptions:
    """The values of ``[general]``; `GENERAL` has their ranges and units."""

    scripts_dir: str
    priority: int
    maxqueue: int
    timeout: int
    timebomb: bool
    settime: bool
    waitflush: int
    trackparam: bool
    maxoutput: int
    maxaudio: int
    stopwait: int
    termwait: int
    restart_delay: int
    restart_max: int
    restart_window: int
    loglines: int
    lograte: int
    keepended: int

    def __init__(self, values: Mapping[str, object]) -> None:
        vars(self).update(values)


class Program(NamedTuple):
    """A line of ``[scripts]`` or ``[execute]``.

    Attributes:
        name: the program.
        parameter: its argument, None for none.
        file: the configuration file.
        line: the line there, from 1.
    """

    name: str
    parameter: str | None
    file: str
    line: int


class Settings(NamedTuple):
    """The settings of extmodule.conf.

    Attributes:
        options: the values of ``[general]``.
        scripts_dir_source: where scripts_dir was set: ``extmodule.conf:3`` or ``default``.
        listeners: the sections ``[listener NAME]``.
        scripts: the lines of ``[scripts]``.
        execute: the lines of ``[execute]``.
        problems: the mistakes; what has an error is not among the settings.
        unusable: those of them that keep a listener from being opened.
    """

    options: ModuleOptions
    scripts_dir_source: str
    listeners: tuple[PeerListenerSpec, ...]
    scripts: tuple[Program, ...]
    execute: tuple[Program, ...]
    problems: tuple[Problem, ...]
    unusable: tuple[Problem, ...]

    def look_up(self, name: str) -> str:
        """Return the directory that a program is looked up in, and where that was set.

        Returns:
            ``scripts_dir=/srv/scripts/ (extmodule.conf:3)``; empty for an absolute `name`.
        """
        if name.startswith("/"):
            return ""
        return f"scripts_dir={self.options.scripts_dir} ({self.scripts_dir_source})"


def read(file: Conf, params: Mapping[str, str]) -> Settings:
    """Read the settings from `file`, with ``${NAME}`` replaced by run parameters.

    Args:
        file: extmodule.conf.
        params: the run parameters.
    """
    problems = list(file.problems)
    values, found = read_options(file, "general", GENERAL)
    problems += found
    problems += unknown_problems(file, "general", [option.name for option in GENERAL])
    problems += _unknown_sections(file)
    values["scripts_dir"] = _directory(str(values["scripts_dir"]), params)
    entry = file.entry("general", "scripts_dir")
    listeners, listener_problems, unusable = read_listeners(file)
    return Settings(
        ModuleOptions(values),
        f"{entry.file}:{entry.line}" if entry is not None else "default",
        listeners,
        _programs(file, "scripts", params),
        _programs(file, "execute", params),
        tuple(problems + listener_problems),
        unusable,
    )


def _directory(path: str, params: Mapping[str, str]) -> str:
    """The directory `path` with run parameters in place, ending in ``/``."""
    replaced = conf.replace_params(path, params) or "."
    return replaced if replaced.endswith("/") else replaced + "/"


def _programs(file: Conf, section: str, params: Mapping[str, str]) -> tuple[Program, ...]:
    return tuple(
        Program(
            name,
            conf.replace_params(entry.value, params) if entry.value else None,
            entry.file,
            entry.line,
        )
        for name, entry in file.items(section)
    )


def _unknown_sections(file: Conf) -> list[Problem]:
    problems = []
    for section in file.sections:
        name = section.name
        if not name or name in _SECTIONS or name.startswith("listener "):
            continue
        problems.append(unknown_section(section, (*_SECTIONS, "listener NAME")))
    return problems
