"""The line of a plain connection: typed text, a few keys, a short history. No I/O.

What is echoed is as recorded in tests/conformance/vectors/rmanager; a client that negotiates a
terminal gets prompt_toolkit's editor instead.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from console.session.secrets import Secrets
from console.telnet import ERASE_LINE
from yext.log import safe

_KEY = re.compile(
    r"\x1b\[[0-9;?]*[A-Za-z~]"  # cursor and function keys
    r"|\x1bO[A-Za-z]"
    r"|(?P<begun>\x1b(?:O|\[[0-9;?]*)?$)"
    r"|[\x00-\x1f\x7f]"
    r"|[^\x00-\x1f\x7f]+"
)
_PENDING_MAX = 16

BEEP = "\a"


class LineEditor:
    """One line being typed.

    The methods return what the client is to see of what it typed, empty without `echo`.

    Attributes:
        text, cursor: the line so far, and where in it the next character goes.
        echo: whether the client wants to see what it types.
        prompt: what stands before the line while `echo` is on.
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
        """`text` cut into keys: line ends, controls, whole escape sequences, runs of text."""
        if self._pending:
            text, self._pending = self._pending + text, ""
        for found in _KEY.finditer(text):
            key = found[0]
            if found["begun"] and len(key) < _PENDING_MAX:
                self._pending = key
                return
            yield key

    def press(self, key: str) -> str:
        """Takes in one key that is neither a line end nor TAB; others are ignored."""
        if key[0] >= " " and key[0] != "\x7f":
            return self._insert(key)
        action = _KEYS.get(key)
        return action(self) if action is not None else ""

    def enter(self) -> str:
        """Ends the line and returns it; all but a secret goes into the history."""
        line, self.text, self.cursor = self.text, "", 0
        if line.strip() and not self._secrets.holds(line) and self._history[-1:] != [line]:
            self._history.append(line)
            del self._history[: -self._history_max or len(self._history)]
        self._at, self._typed = len(self._history), ""
        return line

    def replace(self, text: str) -> str:
        """Puts `text` in the place of the line."""
        self.text, self.cursor = text, len(text)
        return self._redraw()

    def shown(self) -> str:
        """Prompt and line, with the cursor where it is; a password is not shown."""
        text = self._visible()
        behind = max(0, len(text) - self.cursor)
        return f"{self.prompt}{safe(text)}" + "\b" * behind

    def clear(self) -> str:
        """Empties the line; beeps when it is."""
        if not self.text:
            return BEEP
        return self.replace("")

    def back(self) -> str:
        """Deletes the character before the cursor; beeps when there is none."""
        if not self.cursor:
            return BEEP
        self.text = self.text[: self.cursor - 1] + self.text[self.cursor :]
        self.cursor -= 1
        return self._redraw()

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

    def _delete(self) -> str:
        if self.cursor == len(self.text):
            return BEEP
        self.text = self.text[: self.cursor] + self.text[self.cursor + 1 :]
        return self._redraw()

    def _move(self, to: int) -> str:
        to = max(0, min(len(self.text), to))
        left = self.cursor - to
        self.cursor = to
        if not self.echo:
            return ""
        return "\b" * left if left > 0 else self._redraw() if left else BEEP

    def _recall(self, step: int) -> str:
        to = self._at + step
        if not 0 <= to <= len(self._history):
            return BEEP if self.echo else ""
        if self._at == len(self._history):
            self._typed = self.text
        self._at = to
        return self.replace([*self._history, self._typed][to])


_KEYS: dict[str, Callable[[LineEditor], str]] = {
    "\b": LineEditor.back,
    "\x7f": LineEditor.back,
    "\x15": LineEditor.clear,
    "\x01": lambda line: line._move(0),
    "\x1b[H": lambda line: line._move(0),
    "\x1b[1~": lambda line: line._move(0),
    "\x1b[F": lambda line: line._move(len(line.text)),
    "\x1b[4~": lambda line: line._move(len(line.text)),
    "\x1b[D": lambda line: line._move(line.cursor - 1),
    "\x1b[C": lambda line: line._move(line.cursor + 1),
    "\x1b[3~": LineEditor._delete,
    "\x1b[A": lambda line: line._recall(-1),
    "\x1b[B": lambda line: line._recall(1),
}
"""What each key does; end of line and TAB are the connection's, and so is ^E."""
