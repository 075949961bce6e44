"""Completion of the line being typed."""

from yext.console.link import Word
from yext.console.shell.completer import fuzzy


def test_fuzzy_prefers_what_is_close_together() -> None:
    words = [Word("external"), Word("events"), Word("uptime")]
    assert [one.text for one in fuzzy("en", words)] == ["events", "external"]
    assert fuzzy("xyz", words) == []
