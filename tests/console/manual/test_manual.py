"""The inline manuals: their form, and that every example in them is carried out."""

import asyncio
import re
from pathlib import Path

import pytest

from yext import Engine
from yext.console import manual
from yext.console.commands import TABLE
from yext.console.commands.interpreter import Interpreter
from yext.console.session.session import Session

TOPICS = manual.topics()

_FAILS = re.compile(
    r"Cannot understand|Usage:|Unknown |Not authenticated|nothing to close|\^ |Not key=value"
)
"""What a command line that is not understood is answered with; others fail for want of a call."""


def _examples(topic: str) -> list[str]:
    rows = [line for line in manual.page(topic).splitlines() if line.startswith("    ")]
    return [re.sub(r"\[.*?\]", "", re.split(r" {3,}", line.strip())[0]).strip() for line in rows]


@pytest.mark.parametrize("topic", TOPICS)
def test_a_page_fits_a_small_screen(topic: str) -> None:
    lines = manual.page(topic).splitlines()
    assert max(map(len, lines)) <= 79
    assert len(lines) <= 17, "usage and help come before it"
    assert len(_examples(topic)) >= 5


def test_an_unknown_topic_has_no_page() -> None:
    assert manual.page("nothing") == ""
    assert manual.page("../manual/flow") == ""


@pytest.mark.parametrize("topic", TOPICS)
def test_every_example_is_understood(
    topic: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("route.py", "ivr.php", "clean.sh", "a.py"):
        (tmp_path / name).write_text("#!/bin/sh\nexec cat\n")
        (tmp_path / name).chmod(0o755)
    (tmp_path / "extmodule.conf").write_text(f"[general]\nscripts_dir={tmp_path}/\n")
    (tmp_path / "yext.conf").write_text("[share]\n")

    async def play() -> None:
        async with Engine(tmp_path) as engine:
            session = Session(engine, "test")
            session.view = _View()
            found = Interpreter(session, TABLE)
            for line in _examples(topic):
                given = f"flow filter {line}" if topic == "filter" else line
                if "log -f" in line or "--wait" in line or "phone wait" in line:
                    continue  # They wait, for what does not come here.
                reply = await found.run(given)
                assert reply.known, given
                assert not _FAILS.search(reply.text), (given, reply.text)

    asyncio.run(play())


class _View:
    """A view that shows nothing."""

    width = height = 80
    color = unicode = interactive = False

    def show(self, text: str) -> None: ...

    def clear(self) -> None: ...

    async def live(self, draw: object, seconds: float) -> None: ...
