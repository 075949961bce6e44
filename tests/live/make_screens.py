"""Make the pictures in docs/screens: the real shell on a terminal emulator, drawn by rich.

Run as ``python tests/live/make_screens.py [NAME ...]``, from the root of the project; without a
name, all are made.
"""

from __future__ import annotations

import itertools
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pyte
from rich.console import Console
from rich.style import Style
from rich.text import Text

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from terminals import ROUTER, Place, Terminal  # noqa: E402

DOCS = ROOT / "docs" / "screens"

PLACE = Path("/tmp/yext-screens")
"""The scripts' directory. It is fixed, because the pictures show it."""

COLORS = {"brown": "yellow", "brightbrown": "bright_yellow", "default": None}
"""pyte's names of colours that rich calls differently."""

DYING = """
    #!/usr/bin/env python3
    import yate
"""

CHECKER = """
    #!/bin/sh
    # Marks calls on their way, and lets others route them.
    echo '%%>install:20:call.route'
    while read -r line; do
        id=${line#*message:}
        case $line in '%%>message:'*) echo "%%<message:${id%%:*}:false:::checked=yes" ;; esac
    done
"""

CALLER = """
    #!/usr/bin/env python3
    # Sends a few messages a second, until its input ends.
    import select, sys
    number = 0
    while not select.select([0], [], [], 0.04)[0]:
        number += 1
        print(f"%%>message:::call.route::caller=4{number % 7}:called=99{number % 5}", flush=True)
        if number % 3 == 0:
            print("%%>message:::user.auth::username=bob", flush=True)
"""

SILENT = """
    #!/bin/sh
    # Does not answer in time.
    echo '%%>setlocal:timeout:400'
    echo '%%>install:50:call.execute'
    while read -r line; do :; done
"""

MIXED = """
    #!/usr/bin/env python3
    # Sends messages of several kinds: short and long, handled and not.
    import sys
    many = "".join(f":parameter{at}=value{at}" for at in range(12))
    for line in (
        "call.execute::callto=external/nodata/ivr.php:caller=40:called=12",
        "call.route::caller=40:called=99",
        "user.auth::username=bob",
        f"call.route::caller=40:called=98{many}",
        "chan.dtmf::id=phone/1:text=1:targetid=external/1",
        "call.route::caller=40:called=90040721234567;phone-context=example.org",
        "database::account=pbx:query=SELECT * FROM users WHERE username='bob' AND enabled=1",
    ):
        print(f"%%>message:x:0:{line}", flush=True)
    sys.stdin.read()
"""


def start(shell: Terminal) -> None:
    """Show the shell's first output."""


def failure(shell: Terminal) -> None:
    """Show a start that fails, a script that dies young, and a mistyped command."""
    shell.command("external start rout.sh 99")
    shell.command("external start ivr.py")
    shell.sees("do      install it for")
    shell.command("externl start route.sh")


def flow(shell: Terminal) -> None:
    """Show the flow with a filter, while a line is being typed."""
    shell.command("external start caller.py")
    shell.command("flow on call.* and caller=4*")
    shell.until(lambda: shell.text().count("call.route") > 12)
    shell.type("flow filter unhandled")
    shell.until(lambda: shell.cursor_line().endswith("> flow filter unhandled"))


def flow_show(shell: Terminal) -> None:
    """Show the journey of a message."""
    shell.command("external start caller.py")
    shell.command("flow on call.route")
    shell.until(lambda: "✓ route.sh" in shell.text())
    shell.command("flow off")
    shell.command("flow last 3")
    number = shell.text().rpartition("#")[2].partition(" ")[0]
    shell.command(f"flow show {number}")


def top(shell: Terminal) -> None:
    """Show the live table of scripts."""
    shell.command("external start caller.py")
    shell.type("top 0.5\r")
    seen = len(shell.transcript)
    shell.until(lambda: len(shell.transcript) > seen + 1500)


def external(shell: Terminal) -> None:
    """Show all scripts, and why one failed."""
    shell.command("external start caller.py")
    shell.command("external info")
    shell.command("external why mailer.php")


def line(shell: Terminal) -> None:
    """Show lines of the flow, of which docs/flow.md has the rules."""
    shell.command("flow on call.* or chan.* or user.* or database")
    shell.command("external start mixed.py")
    shell.until(lambda: "timed out" in shell.text() and "database" in shell.text())
    shell.command("flow off")
    shell.command("clear")
    shell.command("flow last 7")


def intercept(shell: Terminal) -> None:
    """Show a message that is held, answered by hand."""
    shell.command("intercept call.route and called=99")
    shell.command("message call.route caller=40 called=99")
    shell.command("answer 1 true sip/1@10.0.0.9")
    shell.command("message call.route caller=40 called=99")
    shell.until(lambda: "| held #2" in shell.text())
    shell.type("resume 2 called=98")


def flow_stats(shell: Terminal) -> None:
    """Show the live table of messages."""
    shell.command("external start caller.py")
    shell.type("flow stats 0.5\r")
    seen = len(shell.transcript)
    shell.until(lambda: len(shell.transcript) > seen + 1500)


LINE_WIDTHS = (60, 80, 100, 140)
"""The columns that the line of the flow is judged at."""

SCREENS: tuple[tuple[Callable[[Terminal], None], tuple[int, ...]], ...] = (
    *((show, (100,)) for show in (start, failure, flow, flow_show, top, external)),
    *((show, (80,)) for show in (intercept, flow_stats)),
    (line, LINE_WIDTHS),
)
"""What is shown, and on terminals of how many columns."""


def picture(shell: Terminal, title: str) -> str:
    """Draw the screen as an SVG."""
    screen, columns = shell.screen, shell.screen.columns
    console = Console(record=True, width=columns, file=open("/dev/null", "w"))  # noqa: SIM115
    used = max(at for at, line in enumerate(screen.display) if line.strip()) + 1
    for row in range(used):
        text = Text()
        cells = [(_style(screen, row, at), screen.buffer[row][at].data) for at in range(columns)]
        # Runs of blanks are separate: some SVG viewers drop blanks at the beginning of a text.
        for (style, _), run in itertools.groupby(cells, key=lambda cell: (cell[0], cell[1] == " ")):
            text.append("".join(data for _, data in run), style)
        console.print(text, soft_wrap=True)
    return console.export_svg(title=title)


def _style(screen: pyte.Screen, row: int, column: int) -> Style:
    char = screen.buffer[row][column]
    cursor = (row, column) == (screen.cursor.y, screen.cursor.x)
    return Style(color=_color(char.fg), bold=char.bold, reverse=char.reverse != cursor)


def _color(name: str) -> str | None:
    return COLORS.get(name, name.replace("bright", "bright_"))


def main() -> None:
    """Draw all screens."""
    DOCS.mkdir(parents=True, exist_ok=True)
    wanted = sys.argv[1:]
    for show, widths in SCREENS:
        if wanted and show.__name__ not in wanted:
            continue
        for columns in widths:
            PLACE.mkdir()
            try:
                draw(show, columns, f"-{columns}" if widths[1:] else "")
            finally:
                shutil.rmtree(PLACE)


def draw(show: Callable[[Terminal], None], columns: int, suffix: str) -> None:
    """Draw one screen; `suffix` comes after its name."""
    place = Place(PLACE)
    place.script("route.sh", ROUTER)
    place.script("ivr.py", DYING)
    place.script("caller.py", CALLER)
    place.script("checker.sh", CHECKER)
    place.script("silent.sh", SILENT)
    place.script("mixed.py", MIXED)
    place.script("mailer.php", "#!/usr/bin/php9\n")
    place.extmodule("[scripts]\nroute.sh=99\nchecker.sh=\nmailer.php=\nsilent.sh=\n")
    try:
        shell = place.open(columns=columns, rows=28)
        show(shell)
        name = show.__name__.replace("_", "-") + suffix
        (DOCS / f"{name}.svg").write_text(picture(shell, f"yext: {name}"))
        print("\n".join(shell.screen.display).rstrip())
    finally:
        place.close()


if __name__ == "__main__":
    main()
