"""Every input path takes linear time in the length of what it reads.

Each row of `PATHS` is a function of a length, which reads an input of about that length. Twice the
length may take three times the processor time: quadratic work takes four.
"""

from __future__ import annotations

import asyncio
import gc
import json
import struct
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from journeys import overlapping

from tests.yext.extmodule.peer.peers import DrivenPeer
from yext import Engine, Message, YextError, conf, wire
from yext.console.client import hosts
from yext.console.client.connection import completions
from yext.console.client.events import event_of
from yext.console.commands import TABLE
from yext.console.commands.interpreter import Interpreter, alias_line
from yext.console.replies import parse
from yext.console.server.auth import UserCommands
from yext.console.server.lineedit import LineEditor
from yext.console.session.secrets import Secrets
from yext.console.session.session import Session
from yext.console.telnet import Parser
from yext.extmodule.peer import requests
from yext.ladder.calls import calls_of
from yext.linebuffer import LineBuffer
from yext.log import safe
from yext.message import Message as BusMessage
from yext.patterns.graph import Expression
from yext.patterns.groups import find_groups
from yext.patterns.posix import yate_matcher
from yext.patterns.several import Several
from yext.patterns.wildcards import wildcard
from yext.record import file as record_file
from yext.record.filters import compile_filter
from yext.record.journey import Journey
from yext.telephony.audio import soundfile, tones

LENGTH = 20_000

GROWTH = 3.0
"""How much longer twice the input may take."""

NOTHING = 0.002
"""Seconds that are too few to be judged."""

Work = Callable[[], object]
"""Reads one input."""

WIRE = {
    "parameters": "a=1:",
    "the same parameter": "a:",
    "escapes": "%z",
    "bad escapes": "%\x01",
    "colons": ":",
    "controls": "\x01",
    "blanks": " ",
}

LINES = {
    "blanks": " ",
    "words": "a ",
    "assignments": "a=b ",
    "lines in lines": "line=",
    "equal signs": "=",
    "quotes": '"',
    "open quotes": "\"a ' ",
    "backslashes": "\\",
    "line ends": "\\r",
    "help": "help ",
    "history": "! ",
    "alias": "alias ",
    "aliases": "$()auth ",
    "auth": "auth ",
    "watch": "watch 1 ",
    "controls": "\x1b",
    "surrogates": "\udcff",
}


def ignoring(work: Work) -> Work:
    """Read an input that has a mistake."""

    def read() -> None:
        with suppress(YextError, ValueError):
            work()

    return read


def decoded(piece: str, length: int) -> Work:
    fields = f"1:0:name::{piece * (length // len(piece))}"
    return ignoring(lambda: wire.decode_message(fields))


def answered(piece: str, length: int) -> Work:
    fields = f"true:name:x:{piece * (length // len(piece))}"
    return ignoring(lambda: wire.apply_answer(fields, BusMessage("name")))


def buffered(step: int, length: int) -> Work:
    data = b"a" * length + b"\n"

    def feed() -> None:
        buffer = LineBuffer()
        buffer.size = 2 * length
        for at in range(0, len(data), step):
            buffer.feed(data[at : at + step])
            while buffer.next_line() is not None:
                pass

    return feed


def telnet(piece: bytes, length: int) -> Work:
    data = piece * (length // len(piece))
    return ignoring(lambda: Parser().feed(data))


def edited(piece: str, length: int) -> Work:
    text = piece * (length // len(piece))

    def press() -> None:
        editor = LineEditor(10, Secrets())
        for key in editor.keys(text):
            if key in ("\r", "\n"):
                editor.enter()
            elif key != "\t":
                editor.press(key)

    return press


def hidden(piece: str, length: int) -> Work:
    secrets = Secrets({"login": "auth"}, lambda name: name == "a")
    line = f"x {piece * (length // len(piece))}"
    return lambda: (secrets.hide(line), secrets.hide(line[2:]), secrets.holds(line))


def compiled(expression: Callable[[int], str], length: int) -> Work:
    text = expression(length)
    return ignoring(lambda: compile_filter(text))


def filtered(expression: str, piece: str, length: int) -> Work:
    journey = Journey(1, 0.0, "a", "x", {"called": piece * (length // len(piece))})
    found = compile_filter(expression)
    return lambda: found.matches(journey)


def users_may(expression: str, piece: str, length: int) -> Work:
    commands = UserCommands((), yate_matcher(expression))
    line = piece * (length // len(piece))
    return lambda: commands(line)


def expressed(reader: Callable[[str], object], piece: str, length: int) -> Work:
    return ignoring(lambda: reader(piece * (length // len(piece))))


def matched(pattern: str, piece: str, length: int) -> Work:
    fits = wildcard(pattern)
    text = piece * (length // len(piece))
    return lambda: fits(text)


def configured(text: Callable[[int], str], folder: Path, length: int) -> Work:
    path = folder / "a.conf"

    def read() -> None:
        path.write_text(text(length), "utf-8", "surrogateescape")
        conf.load(str(path), params={"a": "1"})

    return read


def hosts_file(text: Callable[[int], str], folder: Path, length: int) -> Work:
    path = folder / "hosts.toml"

    def read() -> None:
        path.write_text(text(length))
        with suppress(YextError):
            hosts.read_hosts()

    return read


def wave(head: Callable[[int], bytes], folder: Path, length: int) -> Work:
    path = folder / "a.wav"

    def read() -> None:
        path.write_bytes(head(length))
        with suppress(YextError):
            soundfile.Reader(str(path)).close()

    return read


def recorded(text: Callable[[int], str], folder: Path, length: int) -> Work:
    path = folder / "a.json"

    def read() -> None:
        path.write_text(text(length))
        with suppress(YextError):
            record_file.read_record(str(path), 10, 10**9)

    return read


def _journeys(length: int) -> str:
    journey = Journey(1, 0.0, "a", "x", {"a": "1" * 50}, ended=True)
    line = record_file.record_line(journey)
    return line * (length // len(line))


def _long_journey(length: int) -> str:
    params = {f"a{number}": "1" for number in range(length // 6)}
    return record_file.record_line(Journey(1, 0.0, "a", "x", params, ended=True))


def routed(pattern: str, piece: str, length: int) -> Work:
    """Test a rule, and find its groups; that is a twentieth as long, as nodes are followed."""
    text = piece * (length // 20 // len(piece))
    expression = Expression(pattern)

    def read() -> None:
        Several({0: expression})(text)
        find_groups(expression, text)

    return read


PATHS: dict[str, Callable[[Path, int], Work]] = {
    **{
        f"{what} {name}": lambda _, length, piece=piece, make=make: make(piece, length)
        for name, piece in WIRE.items()
        for what, make in (("message", decoded), ("answer", answered))
    },
    **{
        f"bytes by {step}": lambda _, length, step=step: buffered(step, length)
        for step in (1, 100, 5000)
    },
    **{
        f"telnet {name}": lambda _, length, piece=piece: telnet(piece, length)
        for name, piece in {
            "IAC": b"\xff",
            "subnegotiations": b"\xff\xfa\x18\x00x\xff\xf0",
            "an open one": b"\xff\xfaaaaa",
            "requests": b"\xff\xfd\x01",
            "text": b"a",
        }.items()
    },
    **{
        f"{what} {name}": lambda _, length, piece=piece, make=make: make(piece, length)
        for name, piece in LINES.items()
        for what, make in (("typed", edited), ("hidden", hidden))
    },
    **{
        f"{what} {name}": lambda _, length, piece=piece, read=read: expressed(read, piece, length)
        for name, piece in LINES.items()
        for what, read in (
            ("install", requests.parse_install),
            ("safe text", safe),
            ("log line", lambda text: event_of(f"<a:NOTE> {text}")),
            ("log source", lambda text: event_of(f"<{text}")),
            ("reply", lambda text: parse.parse("status", text + "\r\n")),
            ("peers", lambda text: parse.parse("external", text + "\r\n")),
            ("failure", lambda text: parse.reply_of([text])),
            ("completions", lambda text: completions(text, [text])),
            ("alias", lambda text: alias_line("x \\1 \\9", text)),
            ("tone", tones.find),
        )
    },
    **{
        f"digits {what}": lambda _, length, read=read: expressed(read, "9", length)
        for what, read in (
            ("install", requests.parse_install),
            ("message", lambda text: wire.decode_message(f"1:{text}:a:")),
        )
    },
    **{
        f"filter {name}": lambda _, length, text=text: compiled(text, length)
        for name, text in {
            "words": lambda length: "a " * (length // 2),
            "or": lambda length: "a or " * (length // 5),
            "not": lambda length: "not " * (length // 4),
            "parentheses": lambda length: "(" * length,
            "quotes": lambda length: '"' * length,
            "values": lambda length: "a=b " * (length // 4),
            "names": lambda length: "*a" * (length // 2),
        }.items()
    },
    **{
        f"filter ~{expression} on {piece!r}": lambda _, length, e=expression, piece=piece: filtered(
            f"called~{e}", piece, length
        )
        for expression in ("^(a+)+$", "(a|a)*b", "a.*b.*c", ".*.*x", r"\s*x")
        for piece in ("a", " ", "ab")
    },
    **{
        f"user_regexp {expression} on {piece!r}": lambda _, length, e=expression, piece=piece: (
            users_may(e, piece, length)
        )
        for expression in ("^ *x", r" *\(a*\)*x", ".*.*x$", "a*a*a*b")
        for piece in (" ", "a")
    },
    **{
        f"rule {pattern} on {piece!r}": lambda _, length, pattern=pattern, piece=piece: routed(
            pattern, piece, length
        )
        for pattern in (
            r"\(a*\)*b",
            r"\(a\|a\)*\(b\)",
            r"^\(.*\)a\(.*\)a\(.*\)b",
            r"^a*\(a*\)$",
            r"\(.*\)x\{3\}",
        )
        for piece in ("a", "ab")
    },
    **{
        f"wildcard {pattern} on {piece!r}": lambda _, length, pattern=pattern, piece=piece: matched(
            pattern, piece, length
        )
        for pattern in ("*a*b", "*a*a*a*a*b", "a*b*c", "*?a")
        for piece in ("a", "b")
    },
    **{
        f"conf {name}": lambda folder, length, text=text: configured(text, folder, length)
        for name, text in {
            "lines": lambda length: "a=b\n" * (length // 4),
            "keys": lambda length: "".join(f"a{n}=b\n" for n in range(length // 8)),
            "sections": lambda length: "".join(f"[s{n}]\n" for n in range(length // 8)),
            "the same section": lambda length: "[s]\na=b\n" * (length // 8),
            "a long line": lambda length: "a" * length,
            "brackets": lambda length: "[" * length,
            "blanks": lambda length: f"[$require{' ' * length}",
            "parameters": lambda length: "a=" + "${a}" * (length // 4),
            "open parameters": lambda length: "a=" + "${" * (length // 2),
            "continued": lambda length: "a=b\\\n" * (length // 5),
            "conditions": lambda length: "[$enabled not]\n" * (length // 15),
            "NUL": lambda length: "a\0" * (length // 2),
            "includes": lambda length: "[$include b]\n" * (length // 13),
            "slashes": lambda length: f"[$include {'/' * length}]",
        }.items()
    },
    **{
        f"hosts {name}": lambda folder, length, text=text: hosts_file(text, folder, length)
        for name, text in {
            "tables": lambda length: "".join(f"[h{n}]\nhost='a'\n" for n in range(length // 20)),
            "blanks": lambda length: " " * length,
            "a name": lambda length: f"[{'a' * length}]",
            "parts": lambda length: f"[{'a.' * (length // 2)}a]",
            "a value": lambda length: f"[a]\nhost='{'a' * length}'",
        }.items()
    },
    **{
        f"wave {name}": lambda folder, length, head=head: wave(head, folder, length)
        for name, head in {
            "chunks": lambda length: b"RIFF0000WAVE" + b"abcd\0\0\0\0" * (length // 8),
            "a chunk": lambda length: b"RIFF0000WAVEfmt " + struct.pack("<I", length),
            "zeros": lambda length: b"\0" * length,
        }.items()
    },
    **{
        f"record {name}": lambda folder, length, text=text: recorded(text, folder, length)
        for name, text in {
            "lines": _journeys,
            "a long line": _long_journey,
            "brackets": lambda length: "[" * length,
            "blanks": lambda length: " " * length,
            "a text": lambda length: json.dumps("a" * length),
        }.items()
    },
}


def sorted_into_calls(length: int) -> Work:
    journeys = overlapping(length // 10)
    return lambda: calls_of(journeys)


PATHS["calls of one script that do not end"] = lambda _, length: sorted_into_calls(length)


def seconds(work: Work) -> float:
    """The least processor time of a few rounds: others on the machine only add to it."""
    taken = []
    for _ in range(3):
        before = time.thread_time()
        work()
        taken.append(time.thread_time() - before)
    return min(taken)


def growth(make: Callable[[int], Work]) -> float:
    """How many times as long twice the length takes; 0 where that is nothing."""
    gc.collect()
    double = seconds(make(2 * LENGTH))
    return double / seconds(make(LENGTH)) if double > NOTHING else 0.0


@pytest.mark.parametrize("path", PATHS)
def test_twice_the_length_takes_twice_the_time(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosts, "hosts_path", lambda: tmp_path / "hosts.toml")
    found = []
    while len(found) < 5 and (not found or min(found) > GROWTH):
        found.append(growth(partial(PATHS[path], tmp_path)))
    assert min(found) <= GROWTH


def test_quadratic_work_is_found() -> None:
    def quadratic(length: int) -> Work:
        text = "a" * length
        return lambda: [text[at:].count("b") for at in range(length // 2)]

    assert sorted(growth(quadratic) for _ in range(5))[2] > GROWTH


COMMANDS = {
    "control blanks": lambda length: f"control x{' ' * length}y",
    "control blanks between": lambda length: f"control x y{' ' * length}z=1",
    "control parameters": lambda length: f"control x {'a=b ' * (length // 4)}",
    "control equal signs": lambda length: f"control x {'=' * length}",
    "control a name": lambda length: f"control x {'a' * length}=1",
    "message parameters": lambda length: f"message a {'a=b ' * (length // 4)}",
    "message options": lambda length: f"message {'--time ' * (length // 7)}a",
    "message quotes": lambda length: "message a '" + '"' * length,
    "call": lambda length: f"call {' ' * length}x",
    "drop": lambda length: f"drop x {' ' * length}",
    "debug": lambda length: f"debug {'a ' * (length // 2)}",
    "status": lambda length: f"status {'a ' * (length // 2)}",
    "unknown": lambda length: "x " * (length // 2),
    "alias": lambda length: f"alias x {'$()' * (length // 3)}",
    "help": lambda length: f"help {'help ' * (length // 5)}",
    "blanks": lambda length: " " * length,
    "external": lambda length: f"external start {' ' * length}",
    "sniffer": lambda length: f"sniffer {'params a=b ' * (length // 11)}",
    "dispatcher": lambda length: f"dispatcher handlers {'name=a ' * (length // 7)}",
    "flow": lambda length: f"flow filter {'a ' * (length // 2)}",
}

COMPLETIONS = {
    "blanks": " ",
    "words": "a ",
    "watch": "watch 1 ",
    "help": "help ",
    "message": "message a=b ",
    "external": "external start ",
    "control": "control x a=b ",
    "flow": "flow filter a ",
    "auth": "auth ",
}


@pytest.mark.parametrize("path", [*COMMANDS, *(f"TAB {name}" for name in COMPLETIONS)])
def test_twice_the_command_line_takes_twice_the_time(path: str) -> None:
    async def main() -> None:
        async with Engine() as engine:
            engine.install("a", lambda message: True)
            interpreter = Interpreter(Session(engine, "test"), TABLE)

            def made(length: int) -> Coroutine[Any, Any, object]:
                if path in COMMANDS:
                    return interpreter.run(COMMANDS[path](length))
                piece = COMPLETIONS[path.removeprefix("TAB ")]
                return interpreter.complete(piece * (length // len(piece)))

            async def least(length: int) -> float:
                taken = []
                for _ in range(3):
                    before = time.thread_time()
                    await made(length)
                    taken.append(time.thread_time() - before)
                return min(taken)

            found: list[float] = []
            while len(found) < 5 and (not found or min(found) > GROWTH):
                double = await least(2 * LENGTH)
                found.append(double / await least(LENGTH) if double > NOTHING else 0.0)
            assert min(found) <= GROWTH

    asyncio.run(main())


REQUESTS = {
    "nonsense": "a",
    "setlocal timeout": "%%>setlocal:timeout:9",
    "setlocal id": "%%>setlocal:id:a",
    "setlocal reason": "%%>setlocal:reason:%z",
    "setlocal blanks": "%%>setlocal:timeout: ",
    "setlocal unknown": "%%>setlocal:a",
    "setlocal in sections": "%%>setlocal:config.a.b.",
    "install": "%%>install:9",
    "install blanks": "%%>install: ",
    "install filter": "%%>install:1:a:b:%",
    "watch": "%%>watch:a",
    "output": "%%>output:\x1b",
    "debug": "%%>debug:9",
    "debug text": "%%>debug:1:%z",
    "message": "%%>message:1:9",
    "connect": "%%>connect:a",
}


@pytest.mark.parametrize("request_line", REQUESTS)
def test_twice_the_request_of_a_peer_takes_twice_the_time(request_line: str) -> None:
    start = REQUESTS[request_line]

    def made(peer: DrivenPeer, length: int) -> Work:
        line = start + start[-2:] * (length // 2)

        def say() -> None:
            peer.connection.bufsize = 4 * length
            peer.say(line)

        return say

    async def main() -> None:
        async with Engine() as engine:
            found: list[float] = []
            while len(found) < 5 and (not found or min(found) > GROWTH):
                found.append(growth(partial(made, DrivenPeer(engine))))
            assert min(found) <= GROWTH

    asyncio.run(main())


def test_an_alias_cannot_multiply_a_long_line() -> None:
    async def main() -> None:
        async with Engine() as engine:
            session = Session(engine, "test")
            interpreter = Interpreter(session, TABLE)
            session.aliases["many"] = "output " + r"\0" * 20_000
            reply = await interpreter.run("many " + "a" * 20_000)
            assert not reply.ok
            assert "longer than 65536" in reply.text
            session.aliases["few"] = r"no.such \0 \0"
            assert "longer" not in (await interpreter.run("few " + "a" * 2000)).text

    asyncio.run(main())


def test_the_parameters_of_control_are_read_from_the_right() -> None:
    asked: list[dict[str, str]] = []

    async def main(line: str) -> dict[str, str]:
        async with Engine() as engine:

            def controlled(message: Message) -> bool:
                asked.append(dict(message.params))
                return True

            engine.install("chan.control", controlled, priority=1)
            await Interpreter(Session(engine, "test"), TABLE).run(line)
        skipped = ("targetid", "component", "module", "cmd_machine", "cmd_admin")
        return {name: value for name, value in asked[-1].items() if name not in skipped}

    for line, params in {
        "a b": {"operation": "a b"},
        "do it x=1 y=2 3  z=": {"z": "", "y": "2 3", "x": "1", "operation": "do it"},
        "x=1 x=2": {"x": "1"},
        "a=b=c": {"operation": "a=b=c"},
        "a =b": {"operation": "a =b"},
        "a b=c=d e=f": {"e": "f", "operation": "a b=c=d"},
        "=1 a=2": {"a": "2", "operation": "=1"},
    }.items():
        assert asyncio.run(main(f"control x {line}")) == params, line
