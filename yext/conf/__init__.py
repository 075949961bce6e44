"""Reader of Yate's configuration files (``.conf``), compatible with Yate 6.4.1.

A file holds sections ``[name]`` of ``key=value`` lines; ``;`` at the start of a line begins
a comment, a ``\\`` at the end of a value goes on with the next line. ``[$include FILE]`` and
its kind read further files, ``[$includesection NAME]`` and its kind copy sections,
``[$enabled CONDITION]`` switches what follows on and off.

    conf = load("/etc/yate/extmodule.conf", params={"sharedpath": "/usr/share/yate"})
    conf.get("general", "timeout", "10000")
    for problem in conf.problems: ...

Source: the recorded readings in tests/conformance/vectors/config.
"""

from __future__ import annotations

from yext.conf.directives import Loaded
from yext.conf.model import (
    RULE_NAMES,
    Conf,
    Entry,
    LogLine,
    Problem,
    Rules,
    Section,
    Severity,
)
from yext.conf.reader import load, load_main
from yext.conf.values import clamp, is_number, parse_bool, parse_int, replace_params

__all__ = [
    "RULE_NAMES",
    "Conf",
    "Entry",
    "Loaded",
    "LogLine",
    "Problem",
    "Rules",
    "Section",
    "Severity",
    "clamp",
    "is_number",
    "load",
    "load_main",
    "parse_bool",
    "parse_int",
    "replace_params",
]
