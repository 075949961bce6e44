"""What extmodule.conf says: options, listeners, scripts and programs to execute.

Source: Yate's docs/extmodule.html and conf.d/extmodule.conf, and the recordings.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from yext import conf
from yext.conf import Conf, Problem
from yext.conf.options import Option, nearest, read_options, unknown_problems
from yext.extmodule.peer.listener import ROLES, ListenerSpec

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

LISTENER_OPTIONS = ("type", "path", "addr", "port", "role")

_SECTIONS = ("general", "scripts", "execute")


class Options:
    """The values of ``[general]``; see `GENERAL` for ranges and units."""

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
    """A line of ``[scripts]`` or ``[execute]``; `parameter` is None where there is none."""

    name: str
    parameter: str | None
    file: str
    line: int


class Settings(NamedTuple):
    """All of extmodule.conf.

    Attributes:
        scripts_dir_source: where scripts_dir was set: ``extmodule.conf:3`` or ``default``.
        problems: mistakes found; what is in error is left out of the rest.
    """

    options: Options
    scripts_dir_source: str
    listeners: tuple[ListenerSpec, ...]
    scripts: tuple[Program, ...]
    execute: tuple[Program, ...]
    problems: tuple[Problem, ...]

    def look_up(self, name: str) -> str:
        """Where a program of that name is looked for, and what says so; empty if absolute."""
        if name.startswith("/"):
            return ""
        return f"scripts_dir={self.options.scripts_dir} ({self.scripts_dir_source})"


def read(file: Conf, params: Mapping[str, str]) -> Settings:
    """Reads `file`; ``${…}`` is replaced from the run parameters `params`."""
    problems = list(file.problems)
    values, found = read_options(file, "general", GENERAL)
    problems += found
    problems += unknown_problems(file, "general", [option.name for option in GENERAL])
    problems += _unknown_sections(file)
    values["scripts_dir"] = _directory(str(values["scripts_dir"]), params)
    entry = file.entry("general", "scripts_dir")
    listeners, listener_problems = _listeners(file)
    return Settings(
        Options(values),
        f"{entry.file}:{entry.line}" if entry is not None else "default",
        listeners,
        _programs(file, "scripts", params),
        _programs(file, "execute", params),
        tuple(problems + listener_problems),
    )


def _directory(path: str, params: Mapping[str, str]) -> str:
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
        near = nearest(name, [*_SECTIONS, "listener NAME"])
        hint = f", did you mean [{near[0]}]?" if near else ""
        problems.append(
            Problem(section.file, section.line, "warning", f"unknown section [{name}]{hint}")
        )
    return problems


def _listeners(file: Conf) -> tuple[tuple[ListenerSpec, ...], list[Problem]]:
    specs: list[ListenerSpec] = []
    problems: list[Problem] = []
    for section in file.section_names():
        if not section.startswith("listener "):
            continue
        problems += unknown_problems(file, section, LISTENER_OPTIONS)
        found = _listener(file, section)
        if isinstance(found, Problem):
            problems.append(found)
        else:
            specs.append(found)
    return tuple(specs), problems


def _listener(file: Conf, section: str) -> ListenerSpec | Problem:
    name = section.removeprefix("listener ").strip()
    place = file.section(section)
    assert place is not None

    def wrong(key: str, text: str) -> Problem:
        where = place.entry(key) or place
        return Problem(where.file, where.line, "error", text)

    role = file.get(section, "role", "") or ""
    kind = file.get(section, "type", "") or ""
    if role not in ROLES:
        return wrong("role", f"Unknown role '{role}' of listener '{name}'")
    if not kind:
        return wrong("type", f"Could not start listener '{name}': it has no type, tcp or unix")
    if kind not in ("tcp", "unix"):
        return wrong("type", f"Unknown type '{kind}' of listener '{name}'")
    if kind == "unix":
        path = file.get(section, "path", "") or ""
        if not path:
            return wrong("path", f"Could not start listener '{name}': it has no path")
        return ListenerSpec(name, kind, path=path, role=role, file=place.file, line=place.line)
    text = file.get(section, "port", "") or ""
    port = conf.parse_int(text)
    if port is None or not 0 < port < 65536:
        return wrong(
            "port", f"Could not start listener '{name}': port={text} is not a port, 1 to 65535"
        )
    addr = file.get(section, "addr", "") or "127.0.0.1"
    return ListenerSpec(
        name, kind, addr=addr, port=port, role=role, file=place.file, line=place.line
    )
