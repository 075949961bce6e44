"""A console that a test or a program drives: a child of pexpect that knows its prompt.

    from yext.testing import Console

    with Console("/srv/yate/conf") as console:
        console.run("external start route.py")
        reply = console.run("message call.route called=99")
        assert reply.ok and "sip/99@10.0.0.2" in reply

The console runs on a terminal of the kind ``dumb``: no colours, no pager, no editing of lines. It
is asked by the command ``frame WORD`` to mark replies and notices with a word that nobody can
guess (docs/ci.md). It needs pexpect, which is in the extra ``testing``.
"""

from __future__ import annotations

import os
import re
import secrets
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from yext.errors import YextError

if TYPE_CHECKING:
    from types import TracebackType

SECONDS = 20.0
"""How long a reply may take unless another limit is given."""

LINE_MAX = 4094
"""Bytes of a line that a terminal takes (termios(3), canonical mode), without its end."""

_YEXT = "import sys; from yext.console.cli.main import main; sys.exit(main())"
"""Runs the program of this Python, whether it is installed or in a checkout."""

_NO_VARIABLES: Mapping[str, str] = MappingProxyType({})

_TRANSCRIPT_MAX = 20_000
"""Characters of the transcript in the message of an error."""


class ConsoleError(YextError):
    """The console did not do what was asked of it; the message ends with the transcript."""


class ConsoleReply(str):
    """The text of a reply, with lines that end in LF.

    Attributes:
        ok: whether the command succeeded.
        notices: the notices that came since the reply before.
    """

    ok: bool
    notices: list[str]

    def __new__(cls, text: str, ok: bool, notices: Sequence[str] = ()) -> ConsoleReply:
        reply = super().__new__(cls, text)
        reply.ok = ok
        reply.notices = list(notices)
        return reply

    @property
    def text(self) -> str:
        """The text as a plain string."""
        return str(self)


class Console:
    """A console with an engine of its own, or one of `attach` or `telnet`.

    Args:
        config_dir: the configuration directory; None for the defaults.
        timeout: seconds that a reply may take.
        environ: variables to set beside those of this process.

    Attributes:
        child: the pexpect child, for what this class does not do.
        prompt: the prompt, without the blank at its end.
        banner: what the console wrote before its first reply.
        notices: all notices so far.
        ok: whether the last command succeeded.

    Raises:
        ConsoleError: the console did not start, or pexpect is not installed.
    """

    def __init__(
        self,
        config_dir: str | os.PathLike[str] | None = None,
        *,
        timeout: float = SECONDS,
        environ: Mapping[str, str] = _NO_VARIABLES,
    ) -> None:
        config = [] if config_dir is None else ["-c", os.fspath(config_dir)]
        self._start([sys.executable, "-c", _YEXT, *config], timeout, environ)

    @classmethod
    def attach(
        cls,
        host: str,
        *,
        password_file: str | os.PathLike[str] = "",
        timeout: float = SECONDS,
        environ: Mapping[str, str] = _NO_VARIABLES,
    ) -> Console:
        """Start a console on the engine behind a remote manager, that of yext or of Yate.

        Args:
            host: as for ``yext attach``: HOST[:PORT], a name of hosts.toml, or a socket's path.
            password_file: a file with the password, readable only by its owner.
            timeout, environ: as of the class.
        """
        given = ["--password-file", os.fspath(password_file)] if password_file else []
        console = cls.__new__(cls)
        console._start([sys.executable, "-c", _YEXT, "attach", host, *given], timeout, environ)
        return console

    @classmethod
    def telnet(
        cls,
        host: str,
        port: int,
        *,
        password: str = "",
        timeout: float = SECONDS,
        environ: Mapping[str, str] = _NO_VARIABLES,
    ) -> Console:
        """Connect to the remote manager of a yext by the program telnet.

        Args:
            password: given with ``auth``, empty for none.
            host, port: the address.
            timeout, environ: as of the class.
        """
        console = cls.__new__(cls)
        console._start(["telnet", host, str(port)], timeout, environ)
        if password and not console.run(f"auth {password}").ok:
            raise console._error("the password was refused")
        return console

    def _start(self, argv: list[str], timeout: float, environ: Mapping[str, str]) -> None:
        try:
            import pexpect
        except ImportError:
            raise ConsoleError(
                "pexpect is not installed: pip install 'yate-yext[testing]'"
            ) from None
        self.notices: list[str] = []
        self.ok = True
        self.prompt = self.banner = ""
        self._taken = ""
        self._timeout = timeout
        self._word = f"yext-{secrets.token_hex(8)}"
        self._marked = re.compile(
            rf"{self._word} (reply|notice)\r*\n(.*?)"
            rf"{self._word} (ok|failed|end)\r*\n",
            re.DOTALL,
        )
        # A checkout is not installed: the child must find the packages that this process has.
        paths = [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]
        variables = {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
        self.child: Any
        try:
            self.child = pexpect.spawn(
                argv[0], argv[1:], echo=False, timeout=timeout, encoding="utf-8",
                codec_errors="surrogateescape", dimensions=(24, 80),
                env={**os.environ, **variables, **environ, "TERM": "dumb", "NO_COLOR": "1"},
            )  # fmt: skip
        except pexpect.ExceptionPexpect as error:
            raise ConsoleError(str(error)) from None
        self.child.delaybeforesend = None
        self.child.ptyproc.delayafterclose = self.child.ptyproc.delayafterterminate = 0.01
        try:
            self._introduce()
        except ConsoleError:
            self.close()
            raise

    def _introduce(self) -> None:
        reply = self.run(f"frame {self._word}")
        if not reply.ok:
            raise self._error("the other end cannot mark its replies")
        lines = self.banner.replace("\r", "").split("\n")
        self.prompt = lines[-1].rpartition("> ")[0].rpartition("\n")[2]
        self.prompt = f"{self.prompt}>" if self.prompt else ""
        self.banner = "".join(f"{line}\n" for line in lines[:-1])

    # Commands

    def run(self, line: str, timeout: float | None = None) -> ConsoleReply:
        """Give a command and wait for its reply.

        Args:
            line: one command line.
            timeout: seconds that the reply may take; None for the console's limit.

        Raises:
            ConsoleError: there was no reply in time, or the console has ended.
        """
        if "\n" in line or "\r" in line or len(line.encode("utf-8", "surrogateescape")) > LINE_MAX:
            raise ConsoleError(f"one line of at most {LINE_MAX} bytes is wanted: {line[:80]!r}")
        self.child.sendline(line)
        notices: list[str] = []
        while True:
            kind, text, outcome = self._next(line, timeout)
            if kind == "notice":
                notices.append(text)
            else:
                self.ok = outcome == "ok"
                return ConsoleReply(text, self.ok, notices)

    def wait_notice(self, text: str, timeout: float | None = None) -> str:
        """Wait for a notice that contains `text`, unless there was one; return it.

        Args:
            text: what the notice contains.
            timeout: seconds to wait; None for the console's limit.

        Raises:
            ConsoleError: there was none in time, or the console has ended.
        """
        for notice in self.notices:
            if text in notice:
                return notice
        while True:
            kind, found, _ = self._next(f"a notice with {text!r}", timeout)
            if kind == "notice" and text in found:
                return found

    def _next(self, wanted: str, timeout: float | None) -> tuple[str, str, str]:
        """Wait for the next reply or notice; return its kind, text and outcome."""
        import pexpect

        seconds = self._timeout if timeout is None else timeout
        try:
            self.child.expect(self._marked, timeout=seconds)
        except pexpect.TIMEOUT:
            raise self._error(f"{wanted}: no answer in {seconds:g} s") from None
        except (pexpect.EOF, OSError):
            raise self._error(f"{wanted}: the console has ended") from None
        found = self.child.match
        if not self._taken:
            self.banner = self.child.before
        self._taken += self.child.before + found[0]
        kind, text, outcome = found[1], found[2].replace("\r", ""), found[3]
        if kind == "notice":
            self.notices.append(text)
        return kind, text, outcome

    # The end

    @property
    def transcript(self) -> str:
        """All that the console has written so far."""
        return (self._taken + (self.child.buffer or "")).replace("\r", "")

    def _error(self, what: str) -> ConsoleError:
        # What was not understood may be in either, by how the wait has ended.
        left = self.child.before if isinstance(self.child.before, str) else ""
        shown = (self._taken + left).replace("\r", "")[-_TRANSCRIPT_MAX:]
        shown = shown.replace(self._word, "frame")
        return ConsoleError(f"{what}\n----- transcript -----\n{shown}")

    def quit(self) -> int | None:
        """Give ``quit``, wait for the end, and return the exit code; None if it was killed."""
        import pexpect

        if self.child.isalive():
            self.child.sendline("quit")
            try:
                self.child.expect(pexpect.EOF, timeout=self._timeout)
            except pexpect.TIMEOUT:
                raise self._error("quit: the console did not end") from None
        self.child.wait()
        self.child.close()
        code: int | None = self.child.exitstatus
        return code

    def close(self) -> None:
        """End the console, with the engine and the scripts that it has started."""
        if self.child.closed:
            return
        if self.child.isalive():
            # An engine that is killed could not say goodbye to its scripts.
            try:
                self.quit()
            except ConsoleError:
                self.child.close(force=True)
        self.child.close()

    def __enter__(self) -> Console:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
