"""The log: levels, safe text, captured events, subscribers, the file."""

import asyncio
import logging

import pytest

from yext import log


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("Zürich ✓", "Zürich ✓"),
        ("\x1b[31m", "\\x1b[31m"),
        ("a\tb\n", "a\\x09b\\x0a"),
        ("\x7f\x9b", "\\x7f\\x9b"),
        ("\udcff", "\\xff"),
        ("\ud800", "\\ud800"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("\u2066x\u2069", "\\u2066x\\u2069"),
        ("a\u200bb\u200d\u2060\ufeff", "a\\u200bb\\u200d\\u2060\\ufeff"),
        ("\u2028\u2029\x85\x0b\u061c\xad", "\\u2028\\u2029\\x85\\x0b\\u061c\\xad"),
        ("\U000e0041", "\\U000e0041"),
        ("日本 \u26a0\ufe0f", "日本 \u26a0\ufe0f"),
    ],
)
def test_what_a_terminal_would_obey_is_shown(text: str, shown: str) -> None:
    assert log.safe(text) == shown


def test_some_control_characters_may_be_kept() -> None:
    assert log.safe("a\tb\x1b", keep="\t") == "a\tb\\x1b"


@pytest.mark.parametrize(
    ("current", "asked", "level"),
    [
        (7, "5", 5),
        (7, "99", 10),
        (7, "0", log.LOWEST_SETTABLE),
        (7, "-3", log.LOWEST_SETTABLE),
        (7, "9+", 9),
        (7, "5+", 7),
        (7, "5-", 5),
        (7, "9-", 7),
        (7, "", 7),
        (7, "all", 7),
        (7, " 8 ", 8),
    ],
)
def test_a_level_is_set_raised_or_lowered(current: int, asked: str, level: int) -> None:
    assert log.changed_level(current, asked) == level


def test_debug_text_is_told_up_to_the_level() -> None:
    engine_log = log.Log()
    told: list[str] = []
    engine_log.subscribe(lambda event: told.append(event.line()))
    engine_log.level = log.WARN
    engine_log.debug(log.WARN, "one", "told")
    engine_log.debug(log.INFO, "one", "not told")
    assert told == ["<one:WARN> told"]


def test_events_read_as_lines_of_their_kind() -> None:
    engine_log = log.Log()
    engine_log.output("hello")
    engine_log.notice(("it failed", "do: mend it"), "console")
    engine_log.emit(log.Event(log.EventKind.STDERR, "oops", source="x.py[7]"))
    assert [event.line() for event in engine_log.captured] == [
        "hello",
        "it failed; do: mend it",
        "<x.py[7]:stderr> oops",
    ]
    assert [event.session for event in engine_log.captured] == ["", "console", ""]


def test_the_oldest_captured_events_go_first() -> None:
    engine_log = log.Log()
    for number in range(1200):
        engine_log.output(str(number))
    assert [engine_log.captured[0].text, engine_log.captured[-1].text] == ["200", "1199"]


def test_who_unsubscribed_is_told_no_more() -> None:
    engine_log = log.Log()
    told: list[log.Event] = []
    unsubscribe = engine_log.subscribe(told.append)
    unsubscribe()
    unsubscribe()
    engine_log.output("hello")
    assert told == []


def test_a_notice_for_who_waits_for_a_reply_comes_after_it() -> None:
    engine_log = log.Log()
    told: list[str] = []
    engine_log.subscribe(lambda event: told.append(event.text))

    async def command(name: str, go_on: asyncio.Event) -> None:
        with engine_log.replying("console"):
            engine_log.notice((f"{name} ended",), "console")
            engine_log.notice((f"{name} for all",), "")
            await go_on.wait()
        told.append(f"{name} replied")

    async def story() -> None:
        events = asyncio.Event(), asyncio.Event()
        tasks = [
            asyncio.create_task(command(name, event))
            for name, event in zip(("one", "two"), events, strict=True)
        ]
        await asyncio.sleep(0)
        assert told == ["one for all", "two for all"]
        assert [event.text for event in engine_log.captured if "ended" in event.text] == [
            "one ended",
            "two ended",
        ]
        for task, event in zip(tasks, events, strict=True):
            event.set()
            await task
        assert told[2:] == ["one replied", "one ended", "two replied", "two ended"]
        engine_log.notice(("at once",), "console")
        assert told[-1] == "at once"

    asyncio.run(story())


def test_a_subscriber_that_fails_is_logged_once_and_harms_no_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    engine_log = log.Log()
    told: list[str] = []

    def fails(event: log.Event) -> None:
        raise OSError("its terminal is gone")

    engine_log.subscribe(fails)
    engine_log.subscribe(lambda event: told.append(event.text))
    engine_log.output("one")
    engine_log.output("two")
    assert told == ["one", "two"]
    assert [one.message for one in caplog.records] == ["a subscriber of the log failed"]
    assert "OSError: its terminal is gone" in caplog.text


def test_levels_reach_the_standard_logging(caplog: pytest.LogCaptureFixture) -> None:
    engine_log = log.Log()
    engine_log.level = log.ALL
    with caplog.at_level(logging.DEBUG, "yext"):
        for level in (log.FAIL, log.CONF, log.WARN, log.NOTE, log.ALL):
            engine_log.debug(level, "x", "text")
    assert [record.levelname for record in caplog.records] == [
        "CRITICAL", "ERROR", "WARNING", "INFO", "DEBUG",
    ]  # fmt: skip
