"""One connection of the remote manager: Yate's plain conversation, and who is behind it.

A client that negotiates a terminal leaves the plain conversation for the operator's console
(`console.remoteshell`). Source: tests/conformance/vectors/rmanager.
"""

from __future__ import annotations

import asyncio
import codecs
import importlib
import re
import socket
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from console import machine, peer
from console.access import TooMany, starts_program
from console.commands.table import Authority
from console.lineedit import ERASE_LINE, LineEditor
from console.outlet import Outlet
from console.session import Rules, Session
from console.telnet import (
    AYT,
    BRK,
    EC,
    ECHO,
    EL,
    IP,
    NOP,
    Command,
    Endless,
    Item,
    Negotiation,
    Parser,
    Request,
    State,
    Stray,
    Sub,
)
from yext import Reply, conf, log
from yext.commands import EOL

if TYPE_CHECKING:
    from console.listeners import Listener
    from console.remoteshell import RemoteShell
    from console.rmanager import RManager
    from console.view import Draw

QUEUE_MAX = 256 * 1024
"""Bytes of typed text that may wait for their turn; more are read when these are done."""

SLICE = 4096
"""Bytes of what was received that are looked at in one turn of the loop."""

TURN_SECONDS = 0.002
"""How long commands are carried out in one turn of the loop before others get theirs."""

GUEST_COMMANDS = 100
"""Command lines that a guest may give: each of them is written to the log."""

_PADDING = "\r" + " " * 9 + "\b" * 9
"""What Yate sends after its offer, to wipe out what a client without telnet shows of it."""

_FRAME = re.compile(r"(?m)^(?=%%[-+<>=])")
_LONE_CONTROL = re.compile(r"\r(?!\n)")

_LEVEL_COLORS = ("41;33", "41;33", "40;31;1", "40;31;1", "40;31", "40;33;1", "40;33")
_COLOR = "40;37"


_KEYS_OF = {IP: "\x03", BRK: "\x03", EC: "\x7f", EL: "\x15"}
"""The keys that telnet commands stand for at a terminal."""


class Connection(asyncio.Protocol):
    """One plain connection: a command a line, its reply, and what is told meanwhile."""

    def __init__(self, module: RManager, listener: Listener) -> None:
        self._module = module
        self.listener = listener
        self._transport: asyncio.Transport | None = None
        self._outlet: Outlet
        self._parser = Parser()
        self._telnet = Negotiation()
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._editor = LineEditor(listener.maxhistory)
        self._waiting: deque[Item] = deque()
        self._waiting_bytes = 0
        self._worker: asyncio.Task[None] | None = None
        self._command: str | None = None
        self._interrupted = False
        self._after_end = ""
        self._given = 0
        self._ended = False
        self._shell: RemoteShell | None = None
        self._starting: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._source = ""
        self._received = b""
        self._turn_ends = 0.0
        self.last_heard = 0.0
        self.session = self._make_session()

    def _make_session(self) -> Session:
        listener = self.listener
        rules = Rules(
            users_may=listener.users_may,
            user_flow=listener.user_flow,
            starts_program=_nothing_starts if listener.allow_execute else starts_program,
        )
        return Session(
            self._module.engine,
            "rmanager",
            authority=Authority.ADMIN if listener.credentials.none else Authority.GUEST,
            as_yate=True,
            framed=True,
            echo=listener.echoing,
            output=listener.output,
            debug=listener.debug,
            color=listener.color,
            aliases=dict(listener.aliases),
            rules=rules,
            early=self._say,
            view=_Lines(self),
            admit=None if listener.credentials.none else self._admit,
            audit=self._audit,
        )

    # Coming and going

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        module, listener = self._module, self.listener
        found = cast(socket.socket, self._transport.get_extra_info("socket"))
        peername = self._transport.get_extra_info("peername")
        address = peer.address(found, peername, listener.spec.path)
        self._source = peer.source(found, peername)
        self.session.address = address
        self.session.label = f"rmanager {address}"
        self.last_heard = asyncio.get_running_loop().time()
        self._outlet = Outlet(
            self._transport,
            most=listener.maxqueue,
            stalled=listener.stalled,
            telnet=listener.telnet,
            tell=self._lost_text,
        )
        if listener.logged:
            where = self._own_address(found)
            self._told(f"Remote connection from {address} to {where}")
        module.add(self)
        if self.session.authority is Authority.GUEST and listener.timeout:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(listener.timeout, self._overstayed)
        self._greet()
        module.follow(self)
        if self._received:
            self._take_slice()

    def _own_address(self, found: socket.socket) -> str:
        if self.listener.spec.kind == "unix":
            return self.listener.spec.path
        return peer.address(found, found.getsockname(), "")

    def _greet(self) -> None:
        listener = self.listener
        if listener.telnet:
            self._outlet.write_bytes(self._telnet.offer())
            self._outlet.write(_PADDING)
        header = self._filled(listener.header)
        if header:
            self._outlet.write(f"\r{header}{EOL}")
        # A prompt's parameters are those of the time of the connection, as in Yate.
        self._prompts = [self._filled(prompt) for prompt in listener.prompts]
        self._editor.echo = self.session.echo
        self._show_prompt()

    def _filled(self, text: str) -> str:
        return conf.replace_params(text, self._module.engine.run_params)

    def _overstayed(self) -> None:
        self._module.debug(log.NOTE, f"{self.session.address} did not authenticate in time")
        self.close()

    def eof_received(self) -> bool:
        """The client sends no more: what it sent is carried out, and answered if it listens."""
        self._ended = True
        if self._worker is None:
            self.close()
        return self._transport is not None and not self._is_tls()

    def _is_tls(self) -> bool:
        return self._transport is not None and (
            self._transport.get_extra_info("ssl_object") is not None
        )

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        self._outlet.close()
        self.close()

    @property
    def in_shell(self) -> bool:
        """Whether the plain conversation was left for the operator's console."""
        return self._shell is not None

    async def ended(self) -> None:
        """Waits until nothing of a closed connection runs any more."""
        tasks = [task for task in (self._worker, self._starting) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._shell is not None:
            await self._shell.wait()

    def close(self) -> None:
        """Ends the connection after what was written to it."""
        if self._timer is not None:
            self._timer.cancel()
        if self._module.remove(self):
            self.session.close()
            if self.listener.logged:
                self._told(f"Closing connection to {self.session.address}")
        if self._shell is not None:
            self._shell.leave()
        if self._transport is not None:
            self._transport.close()

    def _told(self, text: str) -> None:
        self._module.engine.log.emit(log.Event("output", text, source="engine"))

    # What comes in

    def data_received(self, data: bytes) -> None:
        waits = bool(self._received)
        self._received += data
        # The first data can come together with the end of the TLS handshake.
        if self._transport is not None and not waits:
            self._take_slice()

    def _take_slice(self) -> None:
        """Takes in a little of what was received, and the rest in later turns of the loop."""
        piece, self._received = self._received[:SLICE], self._received[SLICE:]
        loop = asyncio.get_running_loop()
        self.last_heard = loop.time()
        try:
            items = self._parser.feed(piece)
        except Endless:
            self._module.debug(log.WARN, f"{self.session.address}: endless telnet option, closed")
            self._received = b""
            self.close()
            return
        if self._received:
            loop.call_soon(self._take_slice)
        self._limit_reading()
        for item in items:
            if _is_interrupt(item) and self._shell is None and self._command is not None:
                self._interrupt()
                item = _after_interrupt(item)
            self._take(item)
        self._work_on()

    def _take(self, item: Item) -> None:
        """Queues what is typed; what is negotiated is answered at once."""
        if isinstance(item, Request):
            self._outlet.telnet = True
            self._outlet.write_bytes(self._telnet.request(item))
            if item.option == ECHO:
                self._waiting.append(item)
            self._see_terminal()
        elif isinstance(item, Sub):
            if not self._telnet.sub(item):
                self._unsupported("Invalid content for telnet suboption", item.option)
            self._see_terminal()
        elif isinstance(item, Stray):
            self._unsupported("Unsupported telnet octet", item.code, " after IAC in SB")
        elif self._shell is not None:
            self._to_shell(item)
        else:
            self._waiting.append(item)
            self._waiting_bytes += len(item) if isinstance(item, bytes) else 1
            self._limit_reading()

    def _unsupported(self, what: str, code: int, where: str = "") -> None:
        self._module.debug(log.MILD, f"{what} {code} (0x{code:02X}){where}")

    def _limit_reading(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            full = self._waiting_bytes > QUEUE_MAX or bool(self._received)
            if full or not self._outlet.drained.is_set():
                self._transport.pause_reading()
            else:
                self._transport.resume_reading()

    def _interrupt(self) -> None:
        """^C while a command runs: its answer is not waited for, what was typed is forgotten."""
        self._waiting.clear()
        self._waiting_bytes = 0
        if self._worker is not None:
            self._worker.cancel()

    # The work

    def _work_on(self) -> None:
        if self._waiting and self._worker is None and self._transport is not None:
            self._worker = asyncio.get_running_loop().create_task(self._work())

    async def _work(self) -> None:
        """Carries out what was typed, in its order and at the speed the client reads."""
        try:
            while self._waiting and not self._over() and self._shell is None:
                await self._outlet.drained.wait()
                item = self._waiting.popleft()
                if isinstance(item, bytes):
                    self._waiting_bytes -= len(item)
                    await self._typed(self._decoder.decode(item))
                elif isinstance(item, Request):
                    self._echo_changed()
                elif isinstance(item, Command):
                    self._waiting_bytes -= 1
                    self._command_received(item.code)
                self._limit_reading()
        except Exception as error:
            self._module.debug(log.WARN, f"{self.session.label}: {error!r}")
            log.logger.exception("a command of %s failed", self.session.label)
        finally:
            self._worker = None
        if self.session.closing or (self._ended and not self._waiting):
            self.close()
        elif not self._over():
            self._work_on()

    def _over(self) -> bool:
        """Whether nothing more is carried out; while the engine stops, it still tells of that."""
        return self.session.closing or self._module.engine.halting

    async def _typed(self, text: str) -> None:
        editor = self._editor
        keys = deque(editor.keys(text))
        while keys and not self.session.closing:
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
                    self._outlet.write(editor.press(" "))
                else:
                    await self._complete()
            elif key == "\x03":
                self._control_c()
            elif key == "\x05":
                editor.echo = self.session.echo = not editor.echo
            else:
                self._outlet.write(editor.press(key))
            if len(editor.text) > self._longest():
                self._module.debug(log.WARN, f"{self.session.address}: line too long, closed")
                self.session.closing = True

    def _longest(self) -> int:
        guest = self.session.authority is Authority.GUEST
        return self.listener.guestline if guest else self.listener.maxline

    async def _enter(self) -> None:
        echo = self._editor.echo
        line = self._editor.enter()
        if echo:
            self._outlet.write(EOL)
        if line.strip():
            await self._let_others()
            self._given += 1
            if self.session.authority is Authority.GUEST and self._given > GUEST_COMMANDS:
                self.session.closing = True
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
        session = self.session
        session.framed = not (self._editor.echo and self._prompt())
        await self._outlet.drained.wait()
        self._command = line
        try:
            reply = await session.run(line)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or self._transport is None:
                raise
            task.uncancel()
            self._interrupted = True
            reply = Reply(False, f"^C{EOL}")
        finally:
            self._command = None
        if line.split(maxsplit=1)[:1] == ["quit"] and not session.machine:
            goodbye = self._filled(self.listener.goodbye)
            reply = Reply(True, f"{goodbye}{EOL}" if goodbye else "")
        self._say(reply.text)
        self._editor.echo = session.echo
        self._module.follow(self)

    def _say(self, text: str) -> None:
        """Sends what a reply begins with, before the rest of it is known."""
        self._outlet.write(self._made_safe(text))

    def _made_safe(self, text: str) -> str:
        """A reply as it is sent: control characters are shown, and nothing that a handler
        wrote can stand for a frame; what yext itself frames is let through."""
        if text.isascii() and text.replace(EOL, "").isprintable() and "%%" not in text:
            return text
        lines = _LONE_CONTROL.sub("\\\\x0d", text)
        head, body, tail = "", log.safe(lines, keep="\r\n\t"), ""
        if body.startswith("%%+status"):
            head, _, rest = body.partition(EOL)
            body = rest.removesuffix(f"%%-status{EOL}")
            head, tail = head + EOL, f"%%-status{EOL}"
        elif self.session.machine and body.startswith("%%=") and body.count("\n") == 1:
            return body
        return head + _FRAME.sub(" ", body) + tail

    async def _complete(self) -> None:
        """TAB: as recorded, the whole line again with the one word, or all that fit; on an
        empty line, help."""
        editor = self._editor
        line = editor.text
        if not line.strip():
            reply = await self.session.run("help")
            self._outlet.write((EOL if editor.text else "") + self._made_safe(reply.text))
            self._show_prompt()
            return
        words = await self.session.complete(line)
        head, blank, word = line.rpartition(" ")
        if len(words) == 1:
            editor.replace(f"{head}{blank}{words[0]} ")
            self._outlet.write(f"{ERASE_LINE}{self._shown_line()}")
        elif words:
            common = _common_start(words)
            if len(common) > len(word):
                editor.replace(f"{head}{blank}{common}")
            listed = self._made_safe("\t".join(words))
            self._outlet.write(f"{EOL}{listed}{EOL}{self._shown_line()}")

    def _shown_line(self) -> str:
        return self._editor.shown() if self._editor.echo else self._editor.text

    # Keys and telnet commands

    def _control_c(self) -> None:
        """^C with nothing running: forgets the line, or ends the session where there is none."""
        self._outlet.write(f"^C{EOL}")
        if self._editor.text:
            self._editor.replace("")
            self._show_prompt()
        else:
            self.session.closing = True

    def _command_received(self, code: int) -> None:
        if code == IP:
            self._control_c()
        elif code == EC:
            self._outlet.write(self._editor.back())
        elif code == EL:
            self._outlet.write(self._editor.clear())
        elif code == AYT:
            self._outlet.write(f"{EOL}[yes]{EOL}")
        elif code not in (NOP, BRK):
            self._unsupported("Unsupported telnet command", code)

    def _echo_changed(self) -> None:
        echo = self._telnet.ours[ECHO] is State.YES
        self._editor.echo = self.session.echo = echo
        self._show_prompt()
        if self._telnet.logout:
            self.session.closing = True

    def _see_terminal(self) -> None:
        """Turns to the operator's console when the client has agreed to all a terminal needs."""
        telnet = self._telnet
        if telnet.logout:
            self.close()
            return
        if self._shell is not None:
            self._shell.resize(telnet.columns, telnet.rows)
            return
        if telnet.ours[ECHO] is not State.YES or not telnet.columns:
            return
        self._outlet.write_bytes(telnet.ask_terminal())
        if self._starting is None and (telnet.terminal is not None or telnet.no_terminal):
            starting = self._start_shell(telnet.terminal or "vt100")
            self._starting = asyncio.get_running_loop().create_task(starting)

    async def _start_shell(self, terminal: str) -> None:
        """Leaves the plain conversation, unless the terminal is too dumb for more."""
        # The import takes a quarter of a second the first time, in which others go on.
        module = await asyncio.to_thread(importlib.import_module, "console.remoteshell")
        if self._transport is None or not module.abilities(terminal).editing:
            return
        shell: RemoteShell = module.RemoteShell(
            self._module.engine,
            self.session,
            self._outlet,
            terminal,
            longest=self._longest,
            ended=self.close,
        )
        self._outlet.write(ERASE_LINE)
        self._shell = shell
        self._module.follow(self)
        shell.start(self._telnet.columns, self._telnet.rows)
        for item in self._waiting:
            self._to_shell(item)
        self._waiting.clear()
        self._waiting_bytes = 0

    def _to_shell(self, item: Item) -> None:
        if self._shell is None:
            return
        if isinstance(item, bytes):
            self._shell.feed(self._decoder.decode(item))
        elif isinstance(item, Command) and item.code in _KEYS_OF:
            self._shell.feed(_KEYS_OF[item.code])

    # What goes out

    def _prompt(self) -> str:
        return self._prompts[self.session.authority]

    def _show_prompt(self) -> None:
        self._editor.prompt = self._prompt()
        if self._editor.echo and not self.session.closing:
            self._outlet.write(self._editor.shown())

    def tell(self, event: log.Event) -> None:
        """Tells an event of the log, if the session's switches have it shown."""
        session = self.session
        if event.kind == "debug":
            shown = session.debug and event.level <= session.threshold
        else:
            shown = session.output
        if not shown or session.authority is Authority.GUEST:
            return
        when = f"{log.stamp(event.when)} " if event.when else ""
        # Yate cuts control characters off the end of an event; the rest of them is shown.
        told = event.line().rstrip("".join(map(chr, range(32))))
        self.show_line(when + log.safe(told, keep="\t"), event)

    def notice(self, event: log.Event) -> None:
        """Tells something that the session must see, whatever its switches."""
        for line in event.lines:
            self.show_line(log.safe(line, keep="\t"))

    def message(self, line: str) -> None:
        """Tells a machine session of a message; `line` is escaped as on the wire."""
        self._show(f"{line}{EOL}")

    def show_line(self, text: str, event: log.Event | None = None) -> None:
        """Shows one line above the one being typed; it cannot be taken for a frame."""
        text = f"{_FRAME.sub(' ', text)}{EOL}"
        if event is not None and self.session.color:
            level = event.level if event.kind == "debug" else len(_LEVEL_COLORS)
            color = _LEVEL_COLORS[level] if level < len(_LEVEL_COLORS) else _COLOR
            text = f"\x1b[0;{color}m\x1b[K{text}\x1b[0m\x1b[K"
        self._show(text)

    def _show(self, text: str) -> None:
        if self._editor.echo and self._command is None and self._shell is None:
            text = f"{ERASE_LINE}{text}{self._editor.shown()}"
        self._outlet.line(text)

    def _lost_text(self, lines: int) -> str:
        if self.session.machine:
            return machine.lost(lines) + EOL
        return f"... {lines:,} lines left out, this connection did not read them{EOL}"

    def pause_writing(self) -> None:
        self._outlet.pause()
        self._limit_reading()

    def resume_writing(self) -> None:
        self._outlet.resume()
        if self._shell is not None:
            self._shell.drained()
        self._limit_reading()

    # Authority

    async def _admit(self, password: str) -> Reply:
        """Takes the password of `auth`."""
        session, module = self.session, self._module
        credentials = self.listener.credentials
        try:
            found = None
            if password:
                found = await module.guard.check(
                    self._source, lambda: credentials.authority_of(password)
                )
        except TooMany as error:
            return self._refused(error)
        if found is None:
            if password:
                module.debug(log.WARN, f"Failed authentication from {session.address}")
            text = "Bad authentication password!"
            return Reply(False, text + EOL, {"reason": text, "error": "badpass"})
        name = found.name.lower()
        if found <= session.authority:
            return Reply(True, f"You are already authenticated as {name}!{EOL}")
        session.authority = found
        if self._timer is not None:
            self._timer.cancel()
        module.follow(self)
        self._told(f"Authenticated {name} connection {session.address}")
        return Reply(True, f"Authenticated successfully as {name}!{EOL}")

    def _refused(self, error: TooMany) -> Reply:
        text = f"Too many wrong passwords from this address: {error}"
        return Reply(False, text + EOL, {"reason": text, "error": "toomany"})

    def _audit(self, line: str, reply: Reply) -> None:
        # A source past its limit is no longer looked at, so it must not fill the log either.
        if reply.params.get("error") != "toomany":
            self._module.audit(self.session, line, reply)


class _Lines:
    """The `console.view.View` of a plain conversation: whole lines, and nothing else."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        # What is no terminal has no width, and nothing is cut.
        self.width = self.height = 0
        self.color = self.interactive = False
        self.unicode = True

    def show(self, text: str) -> None:
        for line in text.splitlines():
            self._connection.show_line(line)

    def clear(self) -> None:
        """What was sent stays."""

    async def live(self, draw: Draw, seconds: float) -> None:
        self.show(await draw(self.width, self.height))


def _nothing_starts(line: str) -> bool:
    return False


def _is_interrupt(item: Item) -> bool:
    return item == Command(IP) or (isinstance(item, bytes) and b"\x03" in item)


def _after_interrupt(item: Item) -> Item:
    return item.rpartition(b"\x03")[2] if isinstance(item, bytes) else b""


def _common_start(words: Sequence[str]) -> str:
    first, last = min(words), max(words)
    length = next((at for at, one in enumerate(first) if last[at : at + 1] != one), len(first))
    return first[:length]
