"""The real program on a real pseudo-terminal of fixed size, with a terminal emulator.

Nothing here sleeps: `Terminal.until` reads the program's output until the screen is as expected,
and fails with the whole transcript after a timeout.
"""

from __future__ import annotations

import os
import signal
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pexpect
import pyte

SECONDS = 20.0
"""Timeout of every wait, in seconds; far more than any takes."""

PROMPT = "alder>"

ROOT = Path(__file__).parents[1]


class Terminal:
    """A program on a pseudo-terminal, and the screen that it draws.

    Attributes:
        child: the program, as a pexpect child.
        screen: the emulated terminal.
        transcript: everything the program wrote, as text.
    """

    def __init__(self, argv: list[str], environ: dict[str, str], columns: int, rows: int) -> None:
        self.screen = pyte.HistoryScreen(columns, rows, history=200_000, ratio=0.5)
        self.transcript = ""
        self._hung_up = False
        self._stream = pyte.Stream(self.screen)
        self.child = pexpect.spawn(
            argv[0], argv[1:], env=environ, dimensions=(rows, columns), encoding="utf-8",
            codec_errors="replace", timeout=SECONDS, cwd=str(ROOT),
            # A run of the tests in the background ignores SIGINT, and its children would, too.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )  # fmt: skip
        self.child.delaybeforesend = None
        self.child.ptyproc.delayafterclose = 0.01
        self.child.ptyproc.delayafterterminate = 0.01

    # The screen

    def lines(self) -> list[str]:
        """All lines, beginning with those scrolled away, without trailing blanks."""
        width = self.screen.columns
        top = ["".join(line[x].data for x in range(width)) for line in self.screen.history.top]
        return [line.rstrip() for line in [*top, *self.screen.display]]

    def text(self) -> str:
        """All lines as one string."""
        return "\n".join(self.lines())

    def cursor_line(self) -> str:
        """The line with the cursor."""
        row = self.screen.buffer[self.screen.cursor.y]
        return "".join(row[x].data for x in range(self.screen.columns)).rstrip()

    def waits(self) -> bool:
        """True if the prompt is shown, with nothing typed."""
        return self.cursor_line() == PROMPT

    # Actions

    def read(self, timeout: float = SECONDS) -> None:
        """Read the program's output; wait if there is none."""
        data = self.child.read_nonblocking(1 << 16, timeout)
        self.transcript += data
        self._stream.feed(data)

    def until(self, holds: Callable[[], object], what: str = "") -> None:
        """Read until `holds` returns true; fail with the whole transcript after a timeout."""
        deadline = time.monotonic() + SECONDS
        while not holds():
            try:
                self.read(max(0.01, deadline - time.monotonic()))
            except (pexpect.TIMEOUT, pexpect.EOF) as error:
                if holds():
                    return
                raise AssertionError(
                    self.report(f"{what or holds}: {type(error).__name__}")
                ) from None

    def sees(self, text: str) -> None:
        """Wait until `text` is on the screen or has scrolled off it."""
        self.until(lambda: text in self.text(), f"waited for {text!r}")

    def prompt(self) -> None:
        """Wait for the prompt."""
        self.until(self.waits, "waited for the prompt")

    def type(self, text: str) -> None:
        """Type keys."""
        self.child.send(text)

    def command(self, line: str) -> str:
        """Give a command, wait for the next prompt, and return the text between."""
        echoed = f"{PROMPT} {line}"
        before = self.lines().count(echoed)
        self.type(f"{line}\r")
        self.until(
            lambda: self.waits() and self.lines().count(echoed) > before, f"reply to {line!r}"
        )
        lines = self.lines()
        start = len(lines) - lines[::-1].index(echoed)
        end = len(lines) - len(self.screen.display) + self.screen.cursor.y
        return "\n".join(lines[start:end])

    def command_until(self, line: str, holds: Callable[[str], object]) -> str:
        """Repeat a command until `holds` returns true for its reply."""
        deadline = time.monotonic() + SECONDS
        while not holds(reply := self.command(line)):
            assert time.monotonic() < deadline, self.report(f"{line!r} never satisfied the test")
        return reply

    def end(self, check: Callable[[int], bool] | None = None) -> int:
        """Wait for the program's end; return its exit status. `check` gets the terminal."""
        try:
            while True:
                self.read()
        except pexpect.EOF:
            pass
        except pexpect.TIMEOUT:
            raise AssertionError(self.report("waited for the end")) from None
        kept = check(self.child.child_fd) if check is not None else True
        assert kept, self.report("the terminal was not left as it was")
        self.child.wait()  # close() alone gives it a tenth of a second
        self.child.close()
        if self.child.exitstatus is None:
            raise AssertionError(self.report(f"killed by signal {self.child.signalstatus}"))
        return int(self.child.exitstatus)

    def report(self, what: str) -> str:
        """The whole transcript, for the message of a failure."""
        screen = "\n".join(f"|{line}|" for line in self.screen.display)
        return f"{what}\n\nscreen:\n{screen}\n\ntranscript:\n{self.transcript[-20000:]!r}"

    def hang_up(self) -> int:
        """Close the terminal; return the program's wait status."""
        os.close(self.child.child_fd)
        _, status = os.waitpid(self.child.pid, 0)
        self._hung_up = True
        return status

    def close(self) -> None:
        """End the program if it still runs."""
        if self._hung_up:
            return
        if self.child.isalive():
            self.child.kill(signal.SIGKILL)
            self.child.wait()
        self.child.close()


class Place:
    """A configuration directory with scripts, and shells on it.

    Attributes:
        config: the directory; the scripts are in its ``scripts``.
        environ: the environment of started programs.
    """

    def __init__(self, path: Path) -> None:
        self.config = path / "config"
        self.scripts = self.config / "scripts"
        self.scripts.mkdir(parents=True)
        self.environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(path),
            "XDG_STATE_HOME": str(path / "state"),
            "TERM": "xterm-256color",
            "LANG": "C.UTF-8",
            "PAGER": "cat",
            "PYTHONPATH": str(ROOT),
        }
        self.history = path / "state" / "yext" / "history"
        self._terminals: list[Terminal] = []
        self.write("yate.conf", "[general]\nnodename=alder\n")
        self.extmodule()

    def write(self, name: str, text: str) -> None:
        """Write a configuration file."""
        (self.config / name).write_text(textwrap.dedent(text))

    def extmodule(self, rest: str = "") -> None:
        """Write extmodule.conf: the directory of the scripts, then `rest`."""
        general = f"[general]\nscripts_dir={self.scripts}/\n"
        self.write("extmodule.conf", general + textwrap.dedent(rest))

    def script(self, name: str, text: str, mode: int = 0o755) -> Path:
        """Write a script."""
        path = self.scripts / name
        path.write_text(textwrap.dedent(text).lstrip())
        path.chmod(mode)
        return path

    def argv(self, *words: str) -> list[str]:
        """The command line of ``yext`` on this configuration."""
        return [sys.executable, "-m", "console", "-c", str(self.config), *words]

    def run(self, argv: list[str], columns: int = 100, rows: int = 30, **environ: str) -> Terminal:
        """Start a program on a terminal."""
        terminal = Terminal(argv, self.environ | environ, columns, rows)
        self._terminals.append(terminal)
        return terminal

    def shell(self, *words: str, columns: int = 100, rows: int = 30, **environ: str) -> Terminal:
        """Start a shell; the caller must wait for its prompt."""
        return self.run(self.argv(*words), columns, rows, **environ)

    def open(self, *words: str, columns: int = 100, rows: int = 30, **environ: str) -> Terminal:
        """Start a shell and wait for its prompt."""
        terminal = self.shell(*words, columns=columns, rows=rows, **environ)
        terminal.prompt()
        return terminal

    def close(self) -> None:
        """End all programs that still run."""
        for terminal in self._terminals:
            terminal.close()


ROUTER = """
    #!/bin/sh
    # Answers call.route, until its input ends.
    echo '%%>install:50:call.route'
    while read -r line; do
        case $line in
            '%%>message:'*)
                id=${line#*message:}
                echo "%%<message:${id%%:*}:true::sip/$1" ;;
        esac
    done
"""
