"""A family of measures, as modules give it to the metrics."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from yext.measures.counts import label
from yext.measures.histogram import Histogram

if TYPE_CHECKING:
    from yext.conf import Problem


class Kind(StrEnum):
    """The type of a family, by its word in OpenMetrics."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Sample(NamedTuple):
    """One measure of a family: its labels, as pairs of name and value, and its value."""

    labels: Sequence[tuple[str, str]]
    value: float | Histogram


class Family(NamedTuple):
    """Measures of one name.

    Attributes:
        name: the name, with the unit at its end, and without ``_total``.
        kind: the type.
        help: what is measured, in one line.
        samples: the measures, each with other labels.
    """

    name: str
    kind: Kind
    help: str
    samples: Sequence[Sample]


def by_label(name: str, values: Mapping[str, float | Histogram]) -> list[Sample]:
    """Return a sample for each value, whose key is the value of the label `name`."""
    return [Sample(((name, key),), value) for key, value in values.items()]


def listeners_up(module: str, up: Mapping[str, bool], unusable: Sequence[Problem]) -> Family:
    """Return whether the listeners of a module are open.

    Args:
        module: its name.
        up: whether each listener is open, by its name.
        unusable: the mistakes that keep others from being opened, which the place stands for.
    """
    names = dict(up) | {f"{one.file}:{one.line}": False for one in unusable}
    samples = [
        Sample((("module", module), ("listener", label(name))), int(is_up))
        for name, is_up in names.items()
    ]
    text = "Whether a listener of the files is open"
    return Family("yext_listener_up", Kind.GAUGE, text, samples)


def failed_logins(module: str, number: int) -> Family:
    """Return how many passwords were wrong, or refused unseen, at a module's listeners."""
    sample = Sample((("module", module),), number)
    return Family("yext_logins_failed", Kind.COUNTER, "Passwords that were refused", [sample])


def merged(families: Iterable[Family]) -> list[Family]:
    """Return the families, those of one name as one: modules may add to the same."""
    found: dict[str, Family] = {}
    for family in families:
        before = found.get(family.name)
        samples = [*before.samples, *family.samples] if before else family.samples
        found[family.name] = family._replace(samples=samples)
    return list(found.values())
