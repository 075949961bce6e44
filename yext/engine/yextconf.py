"""yext.conf: what only yext has. Its sections, and the modules that some of them load."""

from __future__ import annotations

from yext.conf import Conf, Problem
from yext.conf.options import unknown_section

MODULES: dict[str, tuple[str, ...]] = {
    "cluster": ("share", "link NAME", "nats"),
    "metrics": ("metrics",),
}
"""The modules that are loaded if the file has one of their sections, and not imported otherwise."""

OTHERS = ("console",)
"""The sections of other parts of yext."""

_KNOWN = (*OTHERS, *(section for sections in MODULES.values() for section in sections))


def wanted(file: Conf) -> list[str]:
    """Return the names of the modules that yext.conf has a section of."""
    return [
        module
        for module, sections in MODULES.items()
        if any(_is(section.name, known) for section in file.sections for known in sections)
    ]


def problems(file: Conf) -> list[Problem]:
    """Return the mistakes in yext.conf that belong to no module, unknown sections among them."""
    unknown = (
        section
        for section in file.sections
        if section.name and not any(_is(section.name, known) for known in _KNOWN)
    )
    return [*file.problems, *(unknown_section(section, _KNOWN) for section in unknown)]


def _is(section: str, known: str) -> bool:
    """Return True if `section` is called `known`, of which ``NAME`` is the operator's word."""
    first, blank, _ = known.partition(" ")
    return section.startswith(f"{first} ") if blank else section == first
