"""Lines of a remote engine's output."""

import pytest

from yext.console.client.events import event_of, is_stamped
from yext.log import NOTE, WARN, Event, EventKind

TIME = "2026-11-23_12:04:31.207000"


@pytest.mark.parametrize(
    ("text", "event"),
    [
        ("ready", Event(EventKind.OUTPUT, "ready")),
        ("<ExtModule:WARN> it is <x>", Event(EventKind.DEBUG, "it is <x>", WARN, "ExtModule")),
        ("<x.py[7]:stderr> oh", Event(EventKind.STDERR, "oh", NOTE, "x.py[7]")),
        ("<tag> oh", Event(EventKind.OUTPUT, "<tag> oh")),
        ("<a:ODD> oh", Event(EventKind.OUTPUT, "<a:ODD> oh")),
    ],
)
def test_a_stamped_line_is_an_event(text: str, event: Event) -> None:
    found = event_of(f"{TIME} {text}")
    assert found is not None
    event.when = found.when
    assert found == event


@pytest.mark.parametrize("line", ["ready", TIME, "", f" {TIME} x"])
def test_any_other_line_is_none(line: str) -> None:
    assert not is_stamped(line)
    assert event_of(line) is None
