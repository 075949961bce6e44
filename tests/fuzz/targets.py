"""What is fuzzed: for each parser a function of bytes, which raises where a promise is broken.

The errors that a parser documents are no findings; any other exception is one, and so is an answer
that differs from what the same bytes give in pieces, or written and read again.
"""

from __future__ import annotations

import asyncio
import atexit
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from unittest import mock

from yext import Engine, Message, YextError, conf, wire
from yext.conf.merge import merged_text
from yext.console import interface, telnet
from yext.console.client import hosts
from yext.console.client.connection import ManagerClient, completions
from yext.console.client.events import event_of
from yext.console.commands import TABLE
from yext.console.commands.interpreter import alias_line
from yext.console.commands.lines import follow, pipeline
from yext.console.commands.parameters import ArgumentError
from yext.console.commands.signature import signature_of
from yext.console.replies import parse
from yext.console.server.lineedit import LineEditor
from yext.console.session.secrets import Secrets
from yext.extmodule.module import ExtModule
from yext.extmodule.peer.connection import Connection
from yext.extmodule.peer.peer import Peer
from yext.linebuffer import LineBuffer
from yext.log import safe
from yext.record import file as record_file
from yext.record.filters import FilterError, compile_filter
from yext.record.journey import Journey, from_json, to_json
from yext.telephony.audio import soundfile
from yext.telephony.audio.soundfile import SoundError

LONGEST = 4096
"""Bytes of an input; the lengths that matter are bounds of their own, with tests of their own."""

Target = Callable[[bytes], None]

_folder = Path(tempfile.mkdtemp(prefix="yext-fuzz-"))
atexit.register(shutil.rmtree, _folder, ignore_errors=True)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _in_two(data: bytes) -> tuple[bytes, bytes]:
    """Cut an input where its first byte says."""
    at = data[0] * len(data) // 256 if data else 0
    return data[:at], data[at:]


def _written(name: str, data: bytes) -> Path:
    path = _folder / name
    path.write_bytes(data)
    return path


# The protocol


def _lines(*pieces: bytes) -> tuple[list[str], str]:
    """Return the lines in pieces of input, and the error that ended them."""
    buffer, found = LineBuffer(256), []
    try:
        for piece in pieces:
            buffer.feed(piece)
            while (line := buffer.next_line()) is not None:
                found.append(line)
    except YextError as error:
        return found, str(error)
    return found, ""


def read_wire(data: bytes) -> None:
    """Lines in pieces as in whole; a message is the same when it is written and read again."""
    whole, error = _lines(data)
    if not error:
        assert _lines(*_in_two(data)) == (whole, error)
    for line in whole:
        # A NUL cannot be escaped: Yate ends a line there.
        assert wire.unescape(wire.escape(line)) == line or "\0" in line
        with suppress(YextError):
            _, message = wire.decode_message(line)
            for kept in (message, Message(message.name, dict(message.params))):
                written = wire.encode_message("1", kept).removeprefix("%%>message:")
                _, again = wire.decode_message(written)
                assert (again.name, again.retvalue) == (kept.name, kept.retvalue)
                assert again.params == message.params
        with suppress(YextError):
            wire.apply_answer(line, Message("name", {"a": "1"}))
        with suppress(YextError):
            wire.decode_changes(line)


class _Line:
    """A transport that takes everything."""

    def __init__(self) -> None:
        self.closed = False

    def write(self, data: bytes, /) -> None:
        pass

    def close(self) -> None:
        self.closed = True

    abort = close

    def is_closing(self) -> bool:
        return self.closed

    def get_write_buffer_size(self) -> int:
        return 0

    def pause_reading(self) -> None:
        pass

    resume_reading = pause_reading

    def get_extra_info(self, name: str) -> None:
        return None


class _Peers:
    """Peers of an engine of its own; nothing that they send starts a program."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        (_folder / "engine").mkdir(exist_ok=True)
        (_folder / "engine" / "yate.conf").write_text("[modules]\nextmodule.yate=yes\n")
        self._engine = Engine(str(_folder / "engine"))
        self.loop.run_until_complete(self._engine.start())
        for name in ("engine.command", "call.execute", "engine.halt", "chan.attach"):
            self._engine.install(name, lambda message: True, priority=0)
        module = self._engine.modules["extmodule"]
        assert isinstance(module, ExtModule)
        self._module = module

    async def talk(self, data: bytes) -> None:
        """Have a peer send an input in two pieces, with a message to it between them, and end."""
        peer = Peer(self._module.supervisor, "peer", "", "global")
        connection, line = Connection(self._module.supervisor, peer), _Line()
        connection.connection_made(line)
        first, second = _in_two(data)
        connection.data_received(first + b"\n%%>install:1:fuzz\n")
        self._engine.enqueue(Message("fuzz", {"a": "1"}))
        await asyncio.sleep(0)
        if not line.closed:
            connection.data_received(second)
        await asyncio.sleep(0)
        connection.connection_lost(None)
        await asyncio.sleep(0)


_peers: list[_Peers] = []


def read_peer(data: bytes) -> None:
    """A peer may send anything, in any order."""
    if not _peers:
        _peers.append(_Peers())
    peers = _peers[0]
    failures: list[dict[str, Any]] = []
    peers.loop.set_exception_handler(lambda loop, context: failures.append(context))
    peers.loop.run_until_complete(peers.talk(data))
    assert not failures, failures


# The console


def _items(*pieces: bytes) -> list[object]:
    """Return the telnet items in pieces of input, text joined."""
    parser, found = telnet.Parser(), list[Any]()
    for piece in pieces:
        for item in parser.feed(piece):
            if isinstance(item, bytes) and found and isinstance(found[-1], bytes):
                found[-1] += item
            else:
                found.append(item)
    return found


def read_telnet(data: bytes) -> None:
    """Telnet in pieces as in whole; a negotiation that answers; keys for the line editor."""
    negotiation, editor = telnet.Negotiation(), LineEditor(4, Secrets({"auth": "auth"}))
    with suppress(telnet.SubnegotiationError):
        found = _items(data)
        assert _items(*_in_two(data)) == found
        for item in found:
            if isinstance(item, telnet.Request):
                assert len(negotiation.request(item)) < 64
            elif isinstance(item, telnet.Subnegotiation):
                negotiation.subnegotiate(item)
            elif isinstance(item, bytes):
                for key in editor.keys(_text(item)):
                    if key in ("\r", "\n"):
                        editor.enter()
                    elif key != "\t":
                        editor.press(key)
                    assert 0 <= editor.cursor <= len(editor.text)


_COMMANDS = {command.name: command for command in TABLE}


def read_command_line(data: bytes) -> None:
    """A line, its parts, and the arguments of each command."""
    line = _text(data)
    for one in pipeline.parse(line):
        for words in one.filters:
            with suppress(YextError):
                pipeline.grep(words, line)
    pipeline.writes(line), pipeline.pages(line), pipeline.last(line), pipeline.expected(line)
    follow.parse(line)
    secrets = Secrets({"auth": "auth", "login": "login"}, lambda name: name == "password")
    at = 0
    for start, end in secrets.spans(line):
        assert at <= start < end <= len(line)
        at = end
    secrets.hide(line)
    alias_line("x \\1 \\9", line)
    word, _, rest = line.partition(" ")
    command = _COMMANDS.get(word)
    if command is not None:
        for strict in (False, True):
            with suppress(ArgumentError, YextError):
                signature_of(command.function).bind(rest, "missing", strict=strict)


class _Client:
    """A loop for the client of a remote manager."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()

    async def listen(self, data: bytes) -> None:
        """Receive an input in two pieces while a command and an upgrade wait."""
        shown: list[str] = []
        client = ManagerClient(shown.append, shown.append)
        client.connection_made(_Line())  # type: ignore[arg-type]
        asked = asyncio.ensure_future(client.command("status"))
        await asyncio.sleep(0)
        first, second = _in_two(data)
        client.data_received(first)
        client.data_received(second)
        client.connection_lost(None)
        with suppress(YextError):
            parse.reply_of(await asked)


_client: list[_Client] = []


def read_manager(data: bytes) -> None:
    """Whatever the other end of an attached console sends."""
    if not _client:
        _client.append(_Client())
    _client[0].loop.run_until_complete(_client[0].listen(data))
    text = _text(data)
    for line in text.split("\n"):
        event_of(line)
        completions(line[:8], [line])
        shown = safe(line)
        assert safe(shown) == shown and not any(ord(one) < 32 for one in shown)
        with suppress(YextError):
            interface.decode(line)
    command, _, reply = text.partition("\n")
    parse.parse(command, reply)


# Files


def read_conf(data: bytes) -> None:
    """A configuration file; what is written of it reads as the same."""
    path = _written("a.conf", data)
    found = conf.load(str(path), params={"a": "1"})
    lines = sum(map(data.count, (b"\n", b"\r", b"\0"))) + 1  # A NUL ends a line, as in Yate.
    for problem in found.problems:
        # An input may include any file of the machine.
        assert problem.line >= 0 and (problem.line <= lines or problem.file != "a.conf")
    if b"$" in data or b"\\" in data or found.problems:
        return
    text = merged_text(found)
    again = conf.load(str(_written("b.conf", text.encode("utf-8", "surrogateescape"))), params={})
    assert merged_text(again) == text


_JOURNEY = Journey(1, 0.0, "call.route", "peer", {"called": "99", "caller": "ab\udcff"}, ended=True)


def read_filter(data: bytes) -> None:
    """A filter of the message flow: it decides, or its mistake is shown where it is."""
    text = _text(data)
    try:
        found = compile_filter(text)
    except FilterError as error:
        assert 0 <= error.column <= len(text)
        return
    assert found.matches(_JOURNEY) in (True, False)


def read_record(data: bytes) -> None:
    """A file of recorded messages: what is read is the same when it is written and read again."""
    with suppress(YextError):
        journeys, _ = record_file.read_record(str(_written("a.json", data)), 10, 10**6)
        for journey in journeys:
            found = to_json(journey)
            assert to_json(from_json(found)) == found


def read_wave(data: bytes) -> None:
    """A sound file; the first byte chooses its kind."""
    ending = ("wav", "au", "slin", "mulaw", "gsm")[data[0] % 5 if data else 0]
    with suppress(SoundError):
        reader = soundfile.Reader(str(_written(f"a.{ending}", data[1:])))
        try:
            for _ in range(3):
                reader.read(320)
        finally:
            reader.close()


def read_hosts(data: bytes) -> None:
    """The file of remote hosts, and a host on a command line."""
    path = _written("hosts.toml", data)
    with mock.patch.object(hosts, "hosts_path", lambda: path), suppress(hosts.HostError):
        for host in hosts.read_hosts().values():
            assert 0 < host.port < 65536 or host.path
    with mock.patch.object(hosts, "hosts_path", lambda: _folder / "none"):
        for line in _text(data[:512]).splitlines()[:2]:
            with suppress(hosts.HostError):
                hosts.find(line)


TARGETS: dict[str, Target] = {
    "wire": read_wire,
    "peer": read_peer,
    "telnet": read_telnet,
    "command-line": read_command_line,
    "manager-client": read_manager,
    "conf": read_conf,
    "filter": read_filter,
    "record": read_record,
    "wave": read_wave,
    "hosts": read_hosts,
}
