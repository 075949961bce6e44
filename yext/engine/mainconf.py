"""The sections and options of yate.conf, and the mistakes in it.

Source: Yate's conf.d/yate.conf.
"""

from __future__ import annotations

from collections.abc import Collection

from yext.conf import RULE_NAMES, Conf, Problem, Section, Severity, parse_bool
from yext.conf.options import unknown_problems, unknown_section
from yext.record.recorder import OPTIONS, SECTION

FREE_SECTIONS = (
    "modules", "localsym", "nounload", "preload", "postload", "debug", "run_params", "variables",
)  # fmt: skip
"""Sections whose keys an operator chooses."""

SECTIONS: dict[str, tuple[str, ...]] = {
    "general": (
        "modload", "modpath", "extrapath", "nodename", "nodeid", "nodebits", "minworkers",
        "maxworkers", "addworkers", "semworkers", "maxmsgrate", "maxqueued", "maxmsgage",
        "maxevents", "startevents", "restarts", "timejump", "warntime", "idlemsec", "wintimer",
        "trackparam", "abortinfo", "msgsniff", "filtersniff", "agesniff", "filtersniffparams",
        "trace_msg_time", "trace_msg_handler_time", "uri_parse_tel_rfc",
    ),
    "telephony": ("timeout", "maxroute", "maxchans", "dtmfdups"),
    "configuration": RULE_NAMES,
    SECTION: tuple(option.name for option in OPTIONS),
}  # fmt: skip
"""The sections whose keys are options, with their options."""


_RULE = "msgsniff:"
"""The beginning of options whose names go on with the operator's word."""


def problems(conf: Conf, modules: Collection[str]) -> list[Problem]:
    """Return the names in yate.conf that mean nothing; `modules` are those of the modules."""
    found: list[Problem] = []
    known = (*SECTIONS, *FREE_SECTIONS)
    for section in conf.sections:
        if section.name in SECTIONS:
            rules = [entry.key for entry in section.entries if entry.key.startswith(_RULE)]
            found += unknown_problems(conf, section.name, (*SECTIONS[section.name], *rules))
        elif section.name and section.name not in known:
            found.append(_not_ours(section, known))
    return found + _module_problems(conf, modules)


def _not_ours(section: Section, known: Collection[str]) -> Problem:
    """Return a warning for a misspelt section. Any other may be there for scripts, which read
    yate.conf with ``%%>setlocal:config.SECTION.KEY``: a note."""
    problem = unknown_section(section, known)
    if "did you mean" in problem.text:
        return problem
    text = f"[{section.name}] is for scripts alone, which read it by %%>setlocal:config"
    return problem._replace(severity=Severity.NOTE, text=text)


def _module_problems(conf: Conf, modules: Collection[str]) -> list[Problem]:
    found: list[Problem] = []
    for key, entry in conf.items("modules"):
        wanted = parse_bool(entry.value)
        if wanted is None:
            text = f"{key}={entry.value} is not a boolean"
            found.append(Problem(entry.file, entry.line, Severity.WARNING, text))
        elif wanted and key.removesuffix(".yate") not in modules:
            text = f"{key} is no module of yext: it is left out"
            found.append(Problem(entry.file, entry.line, Severity.NOTE, text))
    return found
