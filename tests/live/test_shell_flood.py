"""Typing while thousands of lines a second arrive.

The line stays intact, and no line of the flood is lost without being counted."""

from __future__ import annotations

import random
import re
import string

import pytest
from terminals import PROMPT, Place, Terminal

INTERLEAVINGS = 250
"""Number of lines that each of the four tests below types: a thousand in all."""

FLOOD = """
    #!/usr/bin/env python3
    # Writes 5,000 numbered lines a second until a file appears; leaves their number in another.
    import os, sys, time
    number, start, name = 0, time.monotonic(), sys.argv[0]
    while not os.path.exists(name + ".stop"):
        time.sleep(0.02)
        due = int((time.monotonic() - start) * 5000)
        sys.stdout.write("".join(LINE for one in range(number + 1, due + 1)))
        sys.stdout.flush()
        number = due
    with open(name + ".new", "w") as file:
        file.write(str(number))
    os.rename(name + ".new", name + ".count")
    sys.stdin.read()
"""

OUTPUT = """f"%%>output:flood {one} " + "x" * 30 + "\\n" """

MESSAGES = """f"%%>message:::flood.message::number={one}\\n" """

LETTERS = string.ascii_letters + string.digits + " =.*/_-"

ERASE = "\x7f"


def _type_something(shell: Terminal, dice: random.Random) -> None:
    """Type a line in pieces, with corrected mistakes, and check that it is intact."""
    # No line in the history begins like this, so no suggestion follows it.
    text = "z" + "".join(dice.choice(LETTERS) for _ in range(dice.randint(0, 40))).rstrip()
    keys = list(text)
    for _ in range(dice.randint(0, 3)):
        at = dice.randint(0, len(keys))
        keys[at:at] = [dice.choice(string.ascii_letters) + ERASE]
    while keys:
        count = dice.randint(1, 10)
        shell.type("".join(keys[:count]))
        del keys[:count]
        if dice.random() < 0.3:
            shell.read()
    whole = f"{PROMPT} {text}".rstrip()
    shell.until(lambda: shell.cursor_line() == whole, f"the line {text!r}")
    shell.type("\x15")
    shell.prompt()


FLOODS = {
    "output": (OUTPUT, "output on", "output off", r"^flood \d+ x+$"),
    "flow": (MESSAGES, "flow on flood.message", "flow off", r"^\S+ +#\d+ +flood.message "),
}


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("kind", FLOODS)
def test_typing_through_a_flood(place: Place, kind: str, seed: int) -> None:
    line, on, off, pattern = FLOODS[kind]
    path = place.script("flood.py", FLOOD.replace("LINE", line.strip()))
    dice = random.Random(seed)
    shell = place.open(columns=72, rows=10)
    shell.command(on)
    shell.command("external start flood.py")
    for _ in range(INTERLEAVINGS):
        _type_something(shell, dice)
    path.with_name("flood.py.stop").touch()
    count = path.with_name("flood.py.count")
    # The number left out is reported every second, so there is always more to read.
    shell.until(count.exists, "the end of the flood")
    total = int(count.read_text())
    assert total > 5000
    shell.until(lambda: _counted(shell, pattern) >= total, f"{total} lines shown or counted")
    shell.command(off)
    assert _counted(shell, pattern) == total


def _counted(shell: Terminal, pattern: str) -> int:
    """Return the number of lines of the flood that were shown, or counted as left out."""
    text = shell.text()
    declared = re.findall(r"^ *… ([\d,]+) lines left out", text, re.MULTILINE)
    shown = len(re.findall(pattern, text, re.MULTILINE))
    return shown + sum(int(count.replace(",", "")) for count in declared)
