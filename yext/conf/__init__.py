"""Reader of Yate's configuration files (``.conf``), compatible with Yate 6.4.1.

A file has sections ``[name]`` of ``key=value`` lines. A ``;`` at the start of a line begins a
comment, and a value that ends in ``\\`` continues on the next line. ``[$include FILE]`` and its
variants read further files, ``[$includesection NAME]`` and its variants copy sections, and
``[$enabled CONDITION]`` turns the lines that follow on or off.

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
    ReadingRules,
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
    "ReadingRules",
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
