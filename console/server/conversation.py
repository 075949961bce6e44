"""Yate's plain conversation: command lines as they are typed, their replies, and lines of events.

Source: tests/conformance/vectors/rmanager, rm_1_telnet, rm_3_commands and rm_7_output_debug.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from yext import Reply, conf, log
from yext.command import EOL
from yext.console.replies.reply import framed_notice, framed_reply
from yext.console.server import dialect
from yext.console.server.lineedit import LineEditor
from yext.console.session.authority import Authority
from yext.console.telnet import AYT, BRK, EC, EL, ERASE_LINE, IP, NOP

if TYPE_CHECKING:
    from yext.console.server.listeners import Listener
    from yext.console.server.turns import Turns
    from yext.console.server.writer import Writer
    from yext.console.session.session import Session
    from yext.console.session.view import Draw

TURN_SECONDS = 0.001
"""How long keys and commands are worked off in one turn of the event loop, in seconds."""

GUEST_COMMANDS = 100
"""Command lines that a guest may give; each of them is written to the log."""


class Conversation:
    """The plain conversation of one session, until it ends or goes on in the shell.

    Args:
        session: the session, which gets its view here.
        listener: prompts and limits.
        writer: the output side of the connection.
        turns: the turns of the event loop for guests.
        debug: writes to the log; called with a level and a text.
        changed: called after each command, which may have changed the session's switches.
        attach: called when the client goes over to the interface of attached consoles.

    Attributes:
        left: whether the client has gone on to the shell, here or of its own.
    """

    def __init__(
        self,
        session: Session,
        listener: Listener,
        writer: Writer,
        *,
        turns: Turns,
        debug: Callable[[int, str], None],
        changed: Callable[[], None],
        attach: Callable[[], None],
    ) -> None:
        self.left = False
        self._session = session
        self._listener = listener
        self._writer = writer
        self._turns = turns
        self._debug = debug
        self._changed = changed
        self._attach = attach
        self._editor = LineEditor(listener.maxhistory, session.secrets)
        self._command: str | None = None
        self._interrupted = False
        self._after_end = ""
        self._given = 0
        self._turn_ends = 0.0
        # As in Yate, parameters in prompts keep the values they had when the client connected.
        self._prompts = [self._filled(prompt) for prompt in listener.prompts]
        self._interpreter = dialect.PlainInterpreter(session, writer.write)
        session.view = _Lines(self)

    def greet(self) -> None:
        """Send header and prompt."""
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
        """Whether no more commands are carried out. Events of the engine's stop are still shown."""
        return self._session.closing or self._session.engine.halting

    def longest(self) -> int:
        """Return the greatest length of a line at the session's authority, in characters."""
        guest = self._session.authority is Authority.GUEST
        return self._listener.guestline if guest else self._listener.maxline

    # Typed text

    async def type(self, text: str) -> str:
        """Edit the line with typed text, and carry out the commands in it.

        Returns:
            What was not typed any more, because the client has gone on to the shell.
        """
        keys = deque(self._editor.keys(text))
        while keys and not self.over:
            await self._let_others()
            if self.left:
                if self._is_second_half(keys[0]):
                    keys.popleft()
                return "".join(keys)
            key = keys.popleft()
            if key == "\0":
                # As in Yate: in CR NUL it says nothing, and within a line it is dropped.
                continue
            if key in "\r\n":
                if not self._is_second_half(key):
                    await self._enter()
                if self._interrupted:
                    self._interrupted = False
                    keys.clear()
            else:
                self._after_end = ""
                # Before further text a TAB was pasted or piped, and asks for no completion.
                await self._press(key, pasted=bool(keys) and keys[0][0] >= " ")
            if len(self._editor.text) > self.longest():
                self._debug(log.WARN, f"{self._session.address}: line too long, closed")
                self._session.closing = True
        return ""

    def take_line(self) -> str:
        """Return the line as far as it was typed, and forget it."""
        line = self._editor.text
        self._editor.replace("")
        return line

    def _is_second_half(self, key: str) -> bool:
        """Whether a character ends the line together with the one before: CR LF, LF CR."""
        before, self._after_end = self._after_end, key
        return before + key in ("\r\n", "\n\r")

    async def _press(self, key: str, *, pasted: bool) -> None:
        editor = self._editor
        if key == "\t" and not pasted:
            await self._complete()
        elif key == "\x03":
            self._control_c()
        elif key == "\x05":
            editor.echo = self._session.echo = not editor.echo
        else:
            self._writer.write(editor.press(" " if key == "\t" else key))

    async def _enter(self) -> None:
        echo = self._editor.echo
        line = self._editor.enter()
        if echo:
            self._writer.write(EOL)
        if line.strip():
            self._given += 1
            if self._session.authority is Authority.GUEST and self._given > GUEST_COMMANDS:
                self._session.closing = True
                return
            await self._run(line)
        self._show_prompt()

    async def _let_others(self) -> None:
        """Let other tasks run now and then: most keys and commands do not wait for anything."""
        loop = asyncio.get_running_loop()
        if loop.time() <= self._turn_ends:
            return
        if self._session.authority is Authority.GUEST:
            await self._turns.next()
        else:
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
        if self._interpreter.attached and not self.left:
            self.left = True
            self._attach()
            return
        if line.split(maxsplit=1)[:1] == ["quit"] and not session.machine:
            goodbye = self._filled(self._listener.goodbye)
            reply = Reply(True, dialect.encode(f"{goodbye}{EOL}") if goodbye else "")
        self._writer.write(framed_reply(session.frame, reply.text, ok=reply.ok, eol=EOL))
        self._editor.echo = session.echo
        self._changed()

    async def _complete(self) -> None:
        """Show completions as recorded: the whole line with the one word, or all words that fit;
        for an empty line, help."""
        editor = self._editor
        line = editor.text
        if not line.strip():
            reply = await self._interpreter.run("help")
            self._writer.write((EOL if editor.text else "") + reply.text)
            self._show_prompt()
            return
        # A script may have sent any of them; what is typed is then what is shown.
        words = [log.safe(word) for word in await self._interpreter.complete(line)]
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
        editor = self._editor
        if editor.echo:
            return editor.shown()
        return dialect.encode(log.safe(self._session.secrets.hide(editor.text)))

    # Keys and telnet commands

    def _control_c(self) -> None:
        """Clear the line, or end the session if it is empty."""
        self._writer.write(f"^C{EOL}")
        if self._editor.text:
            self._editor.replace("")
            self._show_prompt()
        else:
            self._session.closing = True

    def key(self, code: int) -> None:
        """Carry out a telnet command, given by its code."""
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
        """Turn the echo of typed text on or off, as the client asks."""
        self._editor.echo = self._session.echo = on
        self._show_prompt()

    # Output

    def _filled(self, text: str) -> str:
        return conf.replace_params(text, self._session.engine.run_params)

    def _prompt(self) -> str:
        return self._prompts[self._session.authority]

    def _show_prompt(self) -> None:
        self._editor.prompt = self._prompt()
        if self._editor.echo and not self._session.closing and not self.left:
            self._writer.write(self._editor.shown())

    def show_event(self, event: log.Event) -> None:
        """Show an event of the log, if the session's switches let it through."""
        session = self._session
        if event.kind is log.EventKind.DEBUG:
            shown = session.debug and event.level <= session.threshold
        else:
            shown = session.output
        if not shown or session.authority is Authority.GUEST:
            return
        self.show_line(dialect.event_text(event), event)

    def show_notice(self, event: log.Event) -> None:
        """Show a notice, whatever the session's switches."""
        lines = [log.safe(line, keep="\t") for line in event.lines]
        if self._session.frame:
            text = "".join(map(dialect.encode_line, lines))
            self._show(framed_notice(self._session.frame, text, eol=EOL))
            return
        for line in lines:
            self.show_line(line)

    def show_message(self, line: str) -> None:
        """Show a message to a program; `line` is escaped as on the wire."""
        self._show(f"{line}{EOL}")

    def show_line(self, text: str, event: log.Event | None = None) -> None:
        """Show one line above the one being typed; it cannot pass for a frame."""
        self._show(dialect.encode_line(text, event, color=self._session.color))

    def _show(self, text: str) -> None:
        if self._editor.echo and self._command is None and not self.left:
            text = f"{ERASE_LINE}{text}{self._editor.shown()}"
        self._writer.write_unrequested(text)


class _Lines:
    """The view of a plain conversation: whole lines, and nothing else."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        # Without a terminal there is no width, and nothing is cut.
        self.width = self.height = 0
        self.color = self.interactive = False
        self.unicode = True

    def show(self, text: str) -> None:
        for line in log.split_lines(text):
            self._conversation.show_line(line)

    def clear(self) -> None:
        """Do nothing: what was sent stays."""

    async def live(self, draw: Draw, seconds: float) -> None:
        self.show(await draw(self.width, self.height))


def _common_start(words: Sequence[str]) -> str:
    first, last = min(words), max(words)
    length = next((at for at, one in enumerate(first) if last[at : at + 1] != one), len(first))
    return first[:length]
