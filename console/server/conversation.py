"""Yate's plain conversation: what is typed, a command a line, its reply, and what is told
meanwhile. Source: tests/conformance/vectors/rmanager.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from console.server import dialect
from console.server.lineedit import LineEditor
from console.session.authority import Authority
from console.telnet import AYT, BRK, EC, EL, ERASE_LINE, IP, NOP
from yext import Reply, conf, log
from yext.command import EOL

if TYPE_CHECKING:
    from console.server.listeners import Listener
    from console.server.writer import Writer
    from console.session.session import Session
    from console.session.view import Draw

TURN_SECONDS = 0.002
"""How long commands are carried out in one turn of the loop before others get theirs."""

GUEST_COMMANDS = 100
"""Command lines that a guest may give: each of them is written to the log."""


class Conversation:
    """What one session says and is told, until it ends or leaves for the operator's console.

    Args:
        session: who talks; gets its view here.
        listener: prompts and limits.
        writer: the output side of the connection.
        debug: takes a level and a text for the log.
        changed: called when a command may have changed what the session wants to be told.

    Attributes:
        left: whether the client is at the operator's console now.
    """

    def __init__(
        self,
        session: Session,
        listener: Listener,
        writer: Writer,
        *,
        debug: Callable[[int, str], None],
        changed: Callable[[], None],
    ) -> None:
        self.left = False
        self._session = session
        self._listener = listener
        self._writer = writer
        self._debug = debug
        self._changed = changed
        self._editor = LineEditor(listener.maxhistory, session.secrets)
        self._command: str | None = None
        self._interrupted = False
        self._after_end = ""
        self._given = 0
        self._turn_ends = 0.0
        # A prompt's parameters are those of the time of the connection, as in Yate.
        self._prompts = [self._filled(prompt) for prompt in listener.prompts]
        self._interpreter = dialect.PlainInterpreter(session, writer.write)
        session.view = _Lines(self)

    def greet(self) -> None:
        """Begins with header and prompt."""
        header = self._filled(self._listener.header)
        if header:
            self._writer.write(f"\r{header}{EOL}")
        self._editor.echo = self._session.echo
        self._show_prompt()

    @property
    def running(self) -> bool:
        """Whether a command is being carried out."""
        return self._command is not None

    @property
    def over(self) -> bool:
        """Whether nothing more is carried out; while the engine stops, it still tells of that."""
        return self._session.closing or self._session.engine.halting

    def longest(self) -> int:
        """How many characters a line may have, at the moment."""
        guest = self._session.authority is Authority.GUEST
        return self._listener.guestline if guest else self._listener.maxline

    # What is typed

    async def typed(self, text: str) -> None:
        """Takes in what was typed, and carries out the commands in it."""
        editor = self._editor
        keys = deque(editor.keys(text))
        while keys and not self.over:
            key = keys.popleft()
            after, self._after_end = self._after_end, key if key in "\r\n\0" else ""
            if key in ("\n", "\0") and after in ("\r", "\n") and after != key:
                continue
            if key == "\r" and after == "\n":
                continue
            if key in "\r\n\0":
                await self._enter()
                if self._interrupted:
                    self._interrupted = False
                    keys.clear()
            elif key == "\t":
                if keys and keys[0][0] >= " ":
                    # Pasted or piped text: nobody waits for a completion.
                    self._writer.write(editor.press(" "))
                else:
                    await self._complete()
            elif key == "\x03":
                self._control_c()
            elif key == "\x05":
                editor.echo = self._session.echo = not editor.echo
            else:
                self._writer.write(editor.press(key))
            if len(editor.text) > self.longest():
                self._debug(log.WARN, f"{self._session.address}: line too long, closed")
                self._session.closing = True

    async def _enter(self) -> None:
        echo = self._editor.echo
        line = self._editor.enter()
        if echo:
            self._writer.write(EOL)
        if line.strip():
            await self._let_others()
            self._given += 1
            if self._session.authority is Authority.GUEST and self._given > GUEST_COMMANDS:
                self._session.closing = True
                return
            await self._run(line)
        self._show_prompt()

    async def _let_others(self) -> None:
        """Gives the loop back now and then: most commands are carried out without waiting."""
        loop = asyncio.get_running_loop()
        if loop.time() > self._turn_ends:
            await asyncio.sleep(0)
            self._turn_ends = loop.time() + TURN_SECONDS

    async def _run(self, line: str) -> None:
        session = self._session
        self._interpreter.framed = not (self._editor.echo and self._prompt())
        await self._writer.drained.wait()
        self._command = line
        try:
            reply = await self._interpreter.run(line)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or self._writer.closed:
                raise
            task.uncancel()
            self._interrupted = True
            reply = Reply(False, f"^C{EOL}")
        finally:
            self._command = None
        if line.split(maxsplit=1)[:1] == ["quit"] and not session.machine:
            goodbye = self._filled(self._listener.goodbye)
            reply = Reply(True, dialect.encode(f"{goodbye}{EOL}") if goodbye else "")
        self._writer.write(reply.text)
        self._editor.echo = session.echo
        self._changed()

    async def _complete(self) -> None:
        """TAB: as recorded, the whole line again with the one word, or all that fit; on an
        empty line, help."""
        editor = self._editor
        line = editor.text
        if not line.strip():
            reply = await self._interpreter.run("help")
            self._writer.write((EOL if editor.text else "") + reply.text)
            self._show_prompt()
            return
        words = await self._interpreter.complete(line)
        head, blank, word = line.rpartition(" ")
        if len(words) == 1:
            editor.replace(f"{head}{blank}{words[0]} ")
            self._writer.write(f"{ERASE_LINE}{self._shown_line()}")
        elif words:
            common = _common_start(words)
            if len(common) > len(word):
                editor.replace(f"{head}{blank}{common}")
            listed = dialect.encode("\t".join(words))
            self._writer.write(f"{EOL}{listed}{EOL}{self._shown_line()}")

    def _shown_line(self) -> str:
        return self._editor.shown() if self._editor.echo else self._editor.text

    # Keys and telnet commands

    def _control_c(self) -> None:
        """^C with nothing running: forgets the line, or ends the session where there is none."""
        self._writer.write(f"^C{EOL}")
        if self._editor.text:
            self._editor.replace("")
            self._show_prompt()
        else:
            self._session.closing = True

    def key(self, code: int) -> None:
        """Takes in a telnet command."""
        if code == IP:
            self._control_c()
        elif code == EC:
            self._writer.write(self._editor.back())
        elif code == EL:
            self._writer.write(self._editor.clear())
        elif code == AYT:
            self._writer.write(f"{EOL}[yes]{EOL}")
        elif code not in (NOP, BRK):
            self._debug(log.MILD, f"Unsupported telnet command {code} (0x{code:02X})")

    def echo(self, on: bool) -> None:
        """The client has asked for what it types to be echoed, or no longer to be."""
        self._editor.echo = self._session.echo = on
        self._show_prompt()

    # What is told

    def _filled(self, text: str) -> str:
        return conf.replace_params(text, self._session.engine.run_params)

    def _prompt(self) -> str:
        return self._prompts[self._session.authority]

    def _show_prompt(self) -> None:
        self._editor.prompt = self._prompt()
        if self._editor.echo and not self._session.closing:
            self._writer.write(self._editor.shown())

    def tell(self, event: log.Event) -> None:
        """Tells an event of the log, if the session's switches have it shown."""
        session = self._session
        if event.kind is log.EventKind.DEBUG:
            shown = session.debug and event.level <= session.threshold
        else:
            shown = session.output
        if not shown or session.authority is Authority.GUEST:
            return
        self.show_line(dialect.event_text(event), event)

    def notice(self, event: log.Event) -> None:
        """Tells something that the session must see, whatever its switches."""
        for line in event.lines:
            self.show_line(log.safe(line, keep="\t"))

    def message(self, line: str) -> None:
        """Tells a machine session of a message; `line` is escaped as on the wire."""
        self._show(f"{line}{EOL}")

    def show_line(self, text: str, event: log.Event | None = None) -> None:
        """Shows one line above the one being typed; it cannot be taken for a frame."""
        self._show(dialect.encode_line(text, event, color=self._session.color))

    def _show(self, text: str) -> None:
        if self._editor.echo and self._command is None and not self.left:
            text = f"{ERASE_LINE}{text}{self._editor.shown()}"
        self._writer.write_unrequested(text)


class _Lines:
    """The `console.session.view.View` of a plain conversation: whole lines, and nothing else."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        # What is no terminal has no width, and nothing is cut.
        self.width = self.height = 0
        self.color = self.interactive = False
        self.unicode = True

    def show(self, text: str) -> None:
        for line in text.splitlines():
            self._conversation.show_line(line)

    def clear(self) -> None:
        """What was sent stays."""

    async def live(self, draw: Draw, seconds: float) -> None:
        self.show(await draw(self.width, self.height))


def _common_start(words: Sequence[str]) -> str:
    first, last = min(words), max(words)
    length = next((at for at, one in enumerate(first) if last[at : at + 1] != one), len(first))
    return first[:length]
