"""What an operator has set for the console, kept in a file between sessions."""

from __future__ import annotations

import contextlib
import os

COLUMNS_MAX = 1000
"""The largest width that may be set."""

NAMES = {
    "bell": "on|off: rings the terminal's bell when a command fails",
    "columns": "the width that replies are drawn for; 0 for that of the terminal",
    "theme": "calm|contrast|plain: dim where it matters less, not dim, or without colour",
}
"""What can be set, and what it does."""

VALUES = {"bell": ("on", "off"), "columns": ("0", "80"), "theme": ("calm", "contrast", "plain")}
"""Values that completion offers; all there are, except for `columns`."""


def preferences_path() -> str:
    """Return the path of the file: ``yext/console`` in the user's configuration directory.

    Source: XDG Base Directory Specification, ``XDG_CONFIG_HOME``.
    """
    config = os.environ.get("XDG_CONFIG_HOME", "")
    base = config if config.startswith("/") else os.path.expanduser("~/.config")
    return os.path.join(base, "yext", "console")


class Preferences:
    """The settings of one session.

    Args:
        path: the file that keeps them; empty keeps them for the session only. A line of it that is
            not understood is ignored.

    Attributes:
        bell: whether a command that fails rings the bell.
        columns: the width that replies are drawn for, 0 for that of the terminal.
        theme: the colours, a word of `VALUES`.
    """

    def __init__(self, path: str) -> None:
        self.bell = False
        self.columns = 0
        self.theme = "calm"
        self._path = path
        if path:
            with contextlib.suppress(OSError):
                self._load(path)

    def _load(self, path: str) -> None:
        with open(path, encoding="utf-8", errors="replace") as file:
            for line in file:
                name, _, value = line.partition("=")
                self.change(name.strip(), value.strip())

    def change(self, name: str, value: str) -> bool:
        """Change a setting for this session; return False if the value does not fit it."""
        if name == "bell" and value in VALUES[name]:
            self.bell = value == "on"
        elif name == "theme" and value in VALUES[name]:
            self.theme = value
        elif name == "columns" and value.isascii() and value.isdigit() and len(value) < 6:
            if not (value == "0" or 20 <= int(value) <= COLUMNS_MAX):
                return False
            self.columns = int(value)
        else:
            return False
        return True

    def values(self) -> dict[str, str]:
        """Return the settings as they are typed."""
        return {
            "bell": "on" if self.bell else "off",
            "columns": str(self.columns),
            "theme": self.theme,
        }

    def save(self) -> None:
        """Keep the settings. Raises `OSError`."""
        if not self._path:
            return
        os.makedirs(os.path.dirname(self._path), mode=0o700, exist_ok=True)
        with open(self._path, "w", encoding="utf-8") as file:
            file.writelines(f"{key}={value}\n" for key, value in self.values().items())
