"""The text of the metrics, as prometheus-client reads it."""

from prometheus_client.openmetrics.parser import text_string_to_metric_families

from yext.measures.family import Family, Kind, Sample, by_label, merged
from yext.measures.histogram import BOUNDS, Histogram
from yext.metrics.exposition import render


def samples(*families: Family) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Return what the parser finds, by name and labels."""
    found = text_string_to_metric_families(render(families))
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in found
        for sample in family.samples
    }


def test_counters_and_gauges() -> None:
    counter = Family("x_ends", Kind.COUNTER, "Ends.", by_label("cause", {"exit 1": 3}))
    gauge = Family("x_queue", Kind.GAUGE, "Queue.", [Sample((), 1.5)])
    assert samples(counter, gauge) == {
        ("x_ends_total", (("cause", "exit 1"),)): 3,
        ("x_queue", ()): 1.5,
    }


def test_what_a_label_may_hold() -> None:
    """Names are chosen by scripts and peers, and may not look like another line."""
    hostile = 'a"} 1\nforged{x="\\n\\'
    family = Family("x", Kind.GAUGE, 'A "b"\n\\', by_label("name", {hostile: 1, "ü…": 2}))
    assert samples(family) == {("x", (("name", hostile),)): 1, ("x", (("name", "ü…"),)): 2}


def test_a_histogram() -> None:
    histogram = Histogram()
    for seconds in (0.0001, 0.0005, 0.02, 99.0, -1.0):
        histogram.add(seconds)
    histogram.add(0.3, 10)
    found = samples(
        Family("x_seconds", Kind.HISTOGRAM, "Times.", [Sample((("s", "a"),), histogram)])
    )

    def bucket(le: str) -> float:
        return found["x_seconds_bucket", (("le", le), ("s", "a"))]

    assert [bucket(le) for le in ("0.0005", "0.01", "0.025", "0.25", "0.5", "10.0", "+Inf")] == [
        3, 3, 4, 4, 14, 14, 15,
    ]  # fmt: skip
    assert found["x_seconds_count", (("s", "a"),)] == 15
    assert abs(found["x_seconds_sum", (("s", "a"),)] - 102.0206) < 1e-9
    assert len(found) == len(BOUNDS) + 3


def test_families_of_one_name_are_one() -> None:
    first = Family("x", Kind.GAUGE, "X.", by_label("module", {"a": 1}))
    second = Family("x", Kind.GAUGE, "X.", by_label("module", {"b": 2}))
    assert len(merged([first, second])) == 1
    assert len(samples(*merged([first, second]))) == 2
