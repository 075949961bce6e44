"""Write docs/screens/flow.md: the line, the browser, the journey and the ladder at four widths.

The real shell on a terminal emulator shows a record of a quiz, of routed calls and of a script that
does not answer (flow_screens.jsonl), so that the page is the same on each run.

Run as ``python tests/live/flow_screens.py``, from the root of the project; `make docs` does it.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from terminals import PROMPT, Place, Terminal  # noqa: E402

from yext.console.browse.journeypage import JourneyPage  # noqa: E402
from yext.console.browse.ladderpage import LadderPage  # noqa: E402
from yext.console.replies.trace import cut  # noqa: E402

PAGE = ROOT / "docs" / "screens" / "flow.md"

RECORD = Path(__file__).with_name("flow_screens.jsonl")

SIZES = ((60, 20), (80, 24), (100, 30), (140, 36))
"""Columns and rows of the terminals."""

HEAD = """# The flow, at four widths

Written by `tests/live/flow_screens.py` from a record: the shell on terminals of 60, 80, 100 and 140
columns. On the terminal failures are red, and what is under the cursor is in reverse video.
"""


def line(shell: Terminal) -> None:
    """The lines of the flow."""
    shell.type("flow last 12\r")
    shell.until(lambda: shell.waits() and _display(shell).count("lab.slow") > 1, "the last lines")


def browser(shell: Terminal) -> None:
    """The list of `flow browse`, with a filter being typed that has a mistake."""
    shell.type("flow browse\r")
    _sees(shell, "q back", "lab.slow")
    shell.type("/call.route or timedout )")
    _sees(shell, "^ nothing to close here", " 3 shown", "Enter journey")
    shell.until(lambda: sum(" #" in row for row in shell.screen.display) == 3, "three lines")


def journey(shell: Terminal) -> None:
    """The journey of a message that was routed."""
    shell.type("\x03")
    shell.until(
        lambda: " shown" not in _display(shell) and "#3 " in _display(shell), "all messages"
    )
    shell.type("g")
    shell.until(lambda: shell.screen.display[1].startswith(">"), "the first message")
    shell.type("\r")
    _sees(shell, "message #", "route.py")
    _ends(shell, JourneyPage.hint)


def ladder(shell: Terminal) -> None:
    """The ladder of a call to quiz.php."""
    shell.type("q/chan.dtmf\r")
    _sees(shell, " 2 shown   / chan.dtmf")
    shell.type("L")
    _sees(shell, "ladder of a call")
    _ends(shell, LadderPage.hint)


PARTS: tuple[Callable[[Terminal], None], ...] = (line, browser, journey, ladder)


def _display(shell: Terminal) -> str:
    return "\n".join(shell.screen.display)


def _sees(shell: Terminal, *texts: str) -> None:
    shell.until(lambda: all(text in _display(shell) for text in texts), str(texts))


def _ends(shell: Terminal, hint: str) -> None:
    """Wait for the last line: then all of the screen is drawn."""
    wanted = cut(f" {hint}", shell.screen.columns, "…")
    shell.until(lambda: shell.screen.display[-1].rstrip() == wanted, f"{hint} at the end")


def _screens(place: Place, record: Path, columns: int, rows: int) -> Iterator[tuple[str, str]]:
    """Each part on a terminal of one size: its title and its screen."""
    shell = place.open(columns=columns, rows=rows, TZ="UTC")
    shell.type(f"flow load {record}\r")
    shell.sees("Loaded 19 messages")
    shell.prompt()
    for part in PARTS:
        part(shell)
        yield (part.__doc__ or "").strip().rstrip("."), _shown(shell)


def _shown(shell: Terminal) -> str:
    """The screen; of one with a prompt, what the last command has printed."""
    lines = [one.rstrip() for one in shell.screen.display]
    prompts = [at for at, one in enumerate(lines) if one.startswith(PROMPT)]
    if prompts:
        lines = lines[prompts[-2] + 1 : prompts[-1]]
    return "\n".join(lines).rstrip("\n")


def page() -> str:
    """Return the page as the program shows it now."""
    found: dict[str, list[str]] = {}
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(folder))
        record = Path(shutil.copy(RECORD, folder))
        try:
            for columns, rows in SIZES:
                for title, screen in _screens(place, record, columns, rows):
                    block = f"{columns} columns:\n\n```text\n{screen}\n```\n"
                    found.setdefault(title, []).append(block)
        finally:
            place.close()
    parts = [f"## {title}\n\n" + "\n".join(blocks) for title, blocks in found.items()]
    return "\n".join([HEAD, *parts])


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
