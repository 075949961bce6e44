"""Families of measures as text.

Source: OpenMetrics 1.0, sections "Text format" and "Histogram".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate

from yext.measures.family import Family, Kind, Sample
from yext.measures.histogram import BOUNDS, Histogram

CONTENT_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"

_LES = tuple(f'le="{bound}"' for bound in (*BOUNDS, "+Inf"))


def render(families: Iterable[Family]) -> str:
    """Return the families as a text with its end."""
    lines: list[str] = []
    for family in families:
        lines.append(f"# TYPE {family.name} {family.kind}")
        lines.append(f"# HELP {family.name} {_escaped(family.help)}")
        lines += _SAMPLES[family.kind](family.name, family.samples)
    return "\n".join([*lines, "# EOF\n"])


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _labels(sample: Sample) -> str:
    return ",".join(f'{name}="{_escaped(value)}"' for name, value in sample.labels)


def _numbers(name: str, samples: Sequence[Sample]) -> Iterator[str]:
    for sample in samples:
        labels = _labels(sample)
        yield f"{name}{{{labels}}} {sample.value}" if labels else f"{name} {sample.value}"


def _counters(name: str, samples: Sequence[Sample]) -> Iterator[str]:
    return _numbers(f"{name}_total", samples)


def _histograms(name: str, samples: Sequence[Sample]) -> Iterator[str]:
    for sample in samples:
        assert isinstance(sample.value, Histogram)
        labels = _labels(sample)
        before = f"{labels}," if labels else ""
        for le, number in zip(_LES, accumulate(sample.value.counts), strict=True):
            yield f"{name}_bucket{{{before}{le}}} {number}"
        after = f"{{{labels}}}" if labels else ""
        yield f"{name}_sum{after} {sample.value.total}"
        yield f"{name}_count{after} {sum(sample.value.counts)}"


_SAMPLES: dict[Kind, Callable[[str, Sequence[Sample]], Iterator[str]]] = {
    Kind.COUNTER: _counters,
    Kind.GAUGE: _numbers,
    Kind.HISTOGRAM: _histograms,
}
