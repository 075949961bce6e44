"""A transcript: what a session shows, with times, in a file."""

from __future__ import annotations

import os
import re
import time

_COLORS = re.compile(r"\x1b\[[\d;]*m")


class Transcript:
    """A file to which lines are added as they are shown, each with its local time.

    Args:
        path: the file; one that exists is added to. A new one is readable for its owner only.

    Attributes:
        error: why it could not be written to; it ends with that.

    Raises:
        OSError: it cannot be opened.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.error = ""
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NONBLOCK
        self._descriptor = os.open(path, flags, 0o600)

    def add(self, text: str) -> None:
        """Add lines that have been made safe, without their colours."""
        if self._descriptor < 0:
            return
        now = time.time()
        when = f"{time.strftime('%H:%M:%S', time.localtime(now))}.{int(now * 1000) % 1000:03d}"
        lines = _COLORS.sub("", text).splitlines()
        data = "".join(f"{when}  {line.rstrip()}\n" for line in lines)
        try:
            os.write(self._descriptor, data.encode("utf-8", "surrogateescape"))
        except OSError as error:
            self.error = error.strerror or str(error)
            self.close()

    def close(self) -> None:
        """End it."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
