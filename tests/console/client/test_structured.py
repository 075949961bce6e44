"""A yext at the other end: everything that the local shell shows, and what is not trusted."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from links import configured, play_attached
from remotes import Remote

from yext import Engine, Message, Reply
from yext.bus import Bus
from yext.console import interface
from yext.console.client.hosts import Host
from yext.console.client.link import AttachedLink
from yext.console.client.login import Password, log_in
from yext.console.client.plain import PlainEngine
from yext.console.commands.interpreter import Interpreter
from yext.console.interface import InterfaceError
from yext.console.link import Counts, Link
from yext.console.session.session import Session
from yext.console.session.view import Draw
from yext.engine.status import RELEASE
from yext.log import Event, EventKind
from yext.record.file import read_record

ROOT = Path(__file__).parents[3]


class View:
    """A view that keeps what it shows, and ends a live table when it has one."""

    width, height, color, unicode, interactive = 100, 30, False, True, True

    def __init__(self) -> None:
        self.shown: asyncio.Queue[str] = asyncio.Queue()

    def show(self, text: str) -> None:
        self.shown.put_nowait(text)

    def clear(self) -> None:
        """Nothing is kept."""

    async def live(self, draw: Draw, seconds: float) -> None:
        self.show(await draw(self.width, self.height))


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return configured(tmp_path)


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not holds():
            await asyncio.sleep(0)


def test_a_notice_comes_whole_and_after_the_reply(config: Path) -> None:
    async def story(link: Link, engine: Engine) -> None:
        seen: asyncio.Queue[Event] = asyncio.Queue()
        link.subscribe(seen.put_nowait)
        script = config / "scripts" / "dies.sh"
        script.write_text("#!/bin/sh\necho first >&2\necho second >&2\nexit 3\n")
        script.chmod(0o755)
        reply = await link.run("external start dies.sh")
        assert reply.params["pid"]
        notice = await seen.get()
        while notice.kind is not EventKind.NOTICE:
            notice = await seen.get()
        assert "exit status 3" in notice.lines[0] and len(notice.lines) > 2

    play_attached(config, story)


def test_the_flow_is_that_of_the_server(config: Path) -> None:
    async def story(link: Link, engine: Engine) -> None:
        view = View()
        link.show_on(view, ())
        await link.run("external start route.sh 99")
        assert (await link.run("flow on call.*")).ok
        await until(lambda: "flow on call.*" in link.flow())
        reply = await link.run("message --wait 20 call.route caller=40")
        number = reply.text.split()[0]
        assert number in await asyncio.wait_for(view.shown.get(), 20)
        shown = await link.run(f"flow show {number}")
        assert "route.sh" in shown.text and "50" in shown.text
        assert shown.data == json.loads(json.dumps(reply.data))["message"]

    play_attached(config, story)


def test_a_record_is_saved_and_loaded_on_this_side(config: Path, tmp_path: Path) -> None:
    async def story(link: Link, engine: Engine) -> None:
        await link.run("flow on call.*")
        for _ in range(3):
            await link.run("message call.route caller=40")
        path = tmp_path / "saved.jsonl"
        assert (await link.run(f"flow save {path}")).ok
        journeys, whole = read_record(str(path), 100, 10**9)
        assert whole and {one.name for one in journeys} == {"call.route"} and len(journeys) == 3
        assert (await link.run(f"flow load {path}")).ok
        assert "call.route" in (await link.run(f"flow show {journeys[0].number}")).text
        assert (await link.run("flow on")).ok
        await until(lambda: link.flow().endswith("flow on call.*"))

    play_attached(config, story)


def test_messages_are_counted(config: Path) -> None:
    async def story(link: Link, engine: Engine) -> None:
        before = link.counts().messages
        for _ in range(10):
            await engine.dispatch(Message("a.b"))
        await until(lambda: link.counts().messages >= before + 10)

    play_attached(config, story)


def test_a_live_table_is_drawn_until_a_key_ends_it(config: Path) -> None:
    async def story(link: Link, engine: Engine) -> None:
        view = View()
        link.show_on(view, ())
        await link.run("external start route.sh 99")
        assert (await link.run("top 0.1")).ok
        assert "route.sh 99" in view.shown.get_nowait()
        assert (await link.run("uptime")).ok, "the next command does not wait for it"

    play_attached(config, story)


def test_a_command_is_cancelled_where_it_runs(config: Path) -> None:
    async def story(link: Link, engine: Engine) -> None:
        waiting = asyncio.ensure_future(link.run("message --wait 3600 no.such"))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait({waiting})
        assert waiting.cancelled()
        assert (await asyncio.wait_for(link.run("uptime"), 20)).ok

    play_attached(config, story)


class Relay:
    """A connection's way to the manager, which can be cut."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._writers: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_unix_connection(self._path)
        self._writers += [writer, far_writer]
        await asyncio.gather(_copy(reader, far_writer), _copy(far_reader, writer))

    def cut(self) -> None:
        for writer in self._writers:
            writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
    writer.close()


def test_what_was_missed_is_counted(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("yext.console.client.link.FIRST_WAIT", 0.05)

    async def story(_: Link, engine: Engine) -> None:
        relay = Relay(str(config / "rmanager.sock"))
        path = str(config / "relay.sock")
        async with await asyncio.start_unix_server(relay.serve, path):
            link = AttachedLink(Host(path=path), Password())
            await link.connect()
            await link.introduce()
            await link.run("flow on call.*")
            await until(lambda: "flow on" in link.flow())
            seen: asyncio.Queue[Event] = asyncio.Queue()
            link.subscribe(seen.put_nowait)
            relay.cut()
            for _ in range(5):
                await engine.dispatch(Message("a.b"))
            event = await asyncio.wait_for(seen.get(), 20)
            while not (event.lines and event.lines[0].endswith("again")):
                event = await asyncio.wait_for(seen.get(), 20)
            assert event.lines[1].startswith("not seen meanwhile: ")
            await until(lambda: "flow on call.*" in link.flow())
            await link.close()

    play_attached(config, story)


COMMANDS = [
    "uptime", "nosuch", "message no.such", "external why nosuch.py", "external log nosuch.py",
    "external dismiss nosuch.py", "external start gone.sh", "external stop gone.sh",
    "status nothing", "reload nothing", "sniffer filter (", "flow show 7", "flow filter (",
    "drop nosuch/1",
    "call nowhere/1 2", "help nosuch", "debug nosuch x", "top x", "watch 0 uptime",
]  # fmt: skip


def test_exit_codes_are_those_of_the_local_engine(config: Path, tmp_path: Path) -> None:
    (tmp_path / "remote").mkdir()
    remote = Remote(tmp_path / "remote")
    try:
        for line in COMMANDS:
            where = ["--attach", f"127.0.0.1:{remote.port()}"]
            codes = [_code("-c", str(config), line), _code(*where, line)]
            assert codes[0] == codes[1], (line, codes)
    finally:
        remote.close()


HANG = """#!/bin/sh
echo '%%>setlocal:timeout:50'
echo '%%>install:50:user.auth'
while read -r line; do :; done
"""


def test_a_plain_conversation_with_a_yext_counts_what_does_not_answer(tmp_path: Path) -> None:
    """As with one that does not know the interface."""
    remote = Remote(tmp_path)
    remote.script("hang.sh", HANG)
    remote.script("fine.sh", "#!/bin/sh\nexec cat\n")
    remote.script("bad.sh", "#!/bin/sh\nexit 3\n")
    host = Host("127.0.0.1", remote.port())

    async def story() -> None:
        client = await log_in(host, Password(), lambda line: None, lambda reason: None)
        plain = PlainEngine(client, Interpreter(Session(Bus(), "x"), ()), print, host.where)
        await plain.introduce(RELEASE)
        assert plain.is_yext and plain.counts() == Counts()
        for name in ("hang.sh", "fine.sh", "bad.sh"):
            await client.command(f"external start {name}")
        await client.command("message --wait 10 user.auth")
        counted = Counts(running=1, failed=1, silent=1)
        async with asyncio.timeout(20):
            while plain.counts() != counted:
                await plain.count()
        client.close()

    try:
        asyncio.run(story())
    finally:
        remote.close()


def test_a_batch_waits_for_what_it_starts(tmp_path: Path) -> None:
    """A script that dies young fails the batch, as it does locally, and its reason is printed."""
    remote = Remote(tmp_path)
    try:
        remote.script("dies.sh", "#!/bin/sh\nexit 3\n")
        remote.script("stays.sh", "#!/bin/sh\necho '%%>output:here'\ncat\n")
        done = subprocess.run(
            [sys.executable, "-m", "console", "run", "--attach", f"127.0.0.1:{remote.port()}",
             "external start stays.sh", "external start dies.sh", "uptime"],
            cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 1
        assert "dies.sh" in done.stderr and "exit status 3" in done.stderr
        assert _code("--attach", f"127.0.0.1:{remote.port()}", "external restart stays.sh") == 0
        assert _code("--attach", f"127.0.0.1:{remote.port()}", "--no-settle", "uptime") == 0
    finally:
        remote.close()


def _code(*words: str) -> int:
    return subprocess.run(
        [sys.executable, "-m", "console", "run", *words], cwd=ROOT, capture_output=True, timeout=60,
        check=False,
    ).returncode  # fmt: skip


GUARDED = """
    [general]
    port=PORT
    telnet=no
    header=
    password=p
    userpass=u
"""


@pytest.fixture
def guarded(tmp_path: Path) -> Remote:
    return Remote(tmp_path, GUARDED)


def test_a_guest_gets_nothing_by_the_interface(guarded: Remote) -> None:
    try:
        client = guarded.open()
        assert client.ask("attach") == "Not authenticated!\r\n"
        assert client.ask("attach 1") == "Not authenticated!\r\n"
        client.send('{"id":1,"do":"run","line":"uptime"}\r\n')
        assert "reply" not in client.ask("")
    finally:
        guarded.close()


def test_a_user_stays_a_user(guarded: Remote) -> None:
    try:
        client = guarded.open()
        client.ask("auth u")
        client.send("attach 1\r\n")
        client.until("%%=attach:1\r\n")
        for number, line in enumerate(
            ("external start x", "flow on", "stop", "source /etc/passwd"), 1
        ):
            client.send(json.dumps({"id": number, "do": "run", "line": line}) + "\r\n")
            answer = json.loads(client.until('"parts":[]}}\r\n').splitlines()[-1])
            assert answer["reply"]["params"]["error"] == "noauth"
        client.send('{"id":9,"do":"record"}\r\n{"id":10,"do":"follow","on":true}\r\n')
        assert b'"error"' in client.until('"id":9,"error":"not authenticated for this"}\r\n')
        client.send('{"id":11,"do":"overview"}\r\n')
        answer = json.loads(client.until('"mistakes":[]}}\r\n').splitlines()[-1])
        assert answer["overview"]["listeners"] is None
    finally:
        guarded.close()


@pytest.mark.parametrize(
    "line",
    ["[" * 60000, "1" * 60000, "x", "[]", '{"do":"run"}', '{"id":-1}', '{"id":1,"do":7}', "{" * 9,
     '{"id":1e999,"do":"run"}', '{"id":true}', '{"id":1,"do":"view","width":"x"}'],
)  # fmt: skip
def test_a_console_that_breaks_the_interface_is_cut_off(line: str, tmp_path: Path) -> None:
    remote = Remote(tmp_path)
    try:
        client = remote.open()
        client.send("attach 1\r\n")
        client.until("%%=attach:1\r\n")
        client.send(f"{line}\r\n")
        client.rest()
        assert remote.open().ask("uptime").startswith("Uptime")
        assert "Traceback" not in remote.story()
    finally:
        remote.close()


@pytest.mark.parametrize(
    ("read", "found"),
    [
        (interface.to_reply, {"ok": 1}),
        (interface.to_reply, interface.from_reply(Reply(True)) | {"params": {"a": 1}}),
        (interface.to_reply, []),
        (interface.shallow, json.loads("[" * 100 + "]" * 100)),
        (interface.to_words, [["a"]]),
        (interface.to_words, [["a" * 10_000, ""]]),
        (interface.to_words, "words"),
        (interface.to_event, {"kind": "nothing"}),
        (interface.to_state, {"running": -1}),
        (interface.to_state, {"running": 1.5, "failed": 0, "messages": 0}),
        (interface.to_overview, {"version": "x" * 1000}),
        (interface.items, ["x"] * 30_000),
        (interface.mapping, {"a": []}),
        (interface.decode, '{"a": NaN}'),
        (interface.decode, "[" * 100_000),
    ],
)  # fmt: skip
def test_what_the_other_end_sends_is_checked(
    read: Callable[[object], object], found: object
) -> None:
    with pytest.raises(InterfaceError):
        read(found)


def test_replies_of_replies_are_bounded() -> None:
    reply: dict[str, object] = interface.from_reply(Reply(True, "x"))
    assert interface.to_reply(reply) == Reply(True, "x")
    for _ in range(20):
        reply = {**interface.from_reply(Reply(True)), "parts": [["a", reply]]}
    with pytest.raises(InterfaceError):
        interface.to_reply(reply)
