"""The line editor of a plain connection: text, a few keys, a short history. No I/O.

The echo is as recorded in tests/conformance/vectors/rmanager. A client that negotiates a terminal
gets prompt_toolkit's editor instead.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from yext.console.session.secrets import Secrets
from yext.console.telnet import ERASE_LINE
from yext.log import safe

_KEY = re.compile(
    r"\x1b\[[0-9;?]*[A-Za-z~]"  # cursor and function keys
    r"|\x1bO[A-Za-z]"
    r"|(?P<begun>\x1b(?:O|\[[0-9;?]*)?$)"
    r"|[\x00-\x1f\x7f]"
    r"|[^\x00-\x1f\x7f]+"
)
_PENDING_MAX = 16
"""Characters of an incomplete escape sequence that are kept for the rest to come."""

BEEP = "\a"


class LineEditor:
    """A line that is being typed.

    The methods for keys return what is to be echoed to the client, empty without `echo`.

    Args:
        history: how many lines the history keeps.
        secrets: finds the passwords of a line.

    Attributes:
        text: the line so far.
        cursor: the position in it where the next character goes.
        echo: whether the client wants to see what it types.
        prompt: the text before the line while `echo` is on.
    """

    def __init__(self, history: int, secrets: Secrets) -> None:
        self.text = ""
        self.cursor = 0
        self.echo = False
        self.prompt = ""
        self._history: list[str] = []
        self._history_max = history
        self._secrets = secrets
        self._at = 0
        self._typed = ""
        self._pending = ""

    def keys(self, text: str) -> Iterator[str]:
        """Split input into line ends, control characters, escape sequences and runs of text."""
        if self._pending:
            text, self._pending = self._pending + text, ""
        for found in _KEY.finditer(text):
            key = found[0]
            if found["begun"] and len(key) < _PENDING_MAX:
                self._pending = key
                return
            yield key

    def press(self, key: str) -> str:
        """Handle a key other than a line end and TAB; keys without a meaning are ignored."""
        if key[0] >= " " and key[0] != "\x7f":
            return self._insert(key)
        action = _KEYS.get(key)
        return action(self) if action is not None else ""

    def enter(self) -> str:
        """End the line and return it; the history keeps it unless it holds a password."""
        line, self.text, self.cursor = self.text, "", 0
        if line.strip() and not self._secrets.holds(line) and self._history[-1:] != [line]:
            self._history.append(line)
            del self._history[: -self._history_max or len(self._history)]
        self._at, self._typed = len(self._history), ""
        return line

    def replace(self, text: str) -> str:
        """Replace the line."""
        self.text, self.cursor = text, len(text)
        return self._redraw()

    def shown(self) -> str:
        """Return prompt and line, with the cursor in its place and without a password."""
        text = self._visible()
        behind = max(0, len(text) - self.cursor)
        # Without a prompt, a line that a script has completed could pass for a frame.
        prompt = self.prompt or (" " if text.startswith("%%") else "")
        return f"{prompt}{safe(text)}" + "\b" * behind

    def clear(self) -> str:
        """Clear the line; beep if it is empty."""
        if not self.text:
            return BEEP
        return self.replace("")

    def back(self) -> str:
        """Delete the character before the cursor; beep if there is none."""
        if not self.cursor:
            return BEEP
        self.text = self.text[: self.cursor - 1] + self.text[self.cursor :]
        self.cursor -= 1
        return self._redraw()

    def delete(self) -> str:
        """Delete the character at the cursor; beep if there is none."""
        if self.cursor == len(self.text):
            return BEEP
        self.text = self.text[: self.cursor] + self.text[self.cursor + 1 :]
        return self._redraw()

    def move_to(self, position: int) -> str:
        """Move the cursor to `position`, or as near as there is text; beep if it stays."""
        position = max(0, min(len(self.text), position))
        left = self.cursor - position
        self.cursor = position
        if not self.echo:
            return ""
        return "\b" * left if left > 0 else self._redraw() if left else BEEP

    def recall(self, step: int) -> str:
        """Replace the line by one of the history, `step` lines further; beep at its ends."""
        at = self._at + step
        if not 0 <= at <= len(self._history):
            return BEEP if self.echo else ""
        if self._at == len(self._history):
            self._typed = self.text
        self._at = at
        return self.replace([*self._history, self._typed][at])

    def _visible(self) -> str:
        return self.text[: self._secrets.start(self.text)]

    def _redraw(self) -> str:
        return f"{ERASE_LINE}{self.shown()}" if self.echo else ""

    def _insert(self, text: str) -> str:
        before = self._visible() if self.echo else ""
        at_end = self.cursor == len(self.text)
        self.text = self.text[: self.cursor] + text + self.text[self.cursor :]
        self.cursor += len(text)
        if not self.echo:
            return ""
        return safe(self._visible()[len(before) :]) if at_end else self._redraw()


_KEYS: dict[str, Callable[[LineEditor], str]] = {
    "\b": LineEditor.back,
    "\x7f": LineEditor.back,
    "\x15": LineEditor.clear,
    "\x01": lambda line: line.move_to(0),
    "\x1b[H": lambda line: line.move_to(0),
    "\x1b[1~": lambda line: line.move_to(0),
    "\x1b[F": lambda line: line.move_to(len(line.text)),
    "\x1b[4~": lambda line: line.move_to(len(line.text)),
    "\x1b[D": lambda line: line.move_to(line.cursor - 1),
    "\x1b[C": lambda line: line.move_to(line.cursor + 1),
    "\x1b[3~": LineEditor.delete,
    "\x1b[A": lambda line: line.recall(-1),
    "\x1b[B": lambda line: line.recall(1),
}
"""The actions of keys; line ends, TAB, ^C and ^E are the conversation's."""
