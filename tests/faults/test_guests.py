"""Guests of the manager who flood it, and clients that close at once."""

from __future__ import annotations

import asyncio
import re
import socket
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from ports import free_port
from remotes import SECONDS, Client, Remote

from yext import Engine
from yext.console.server.rmanager import RManager
from yext.console.telnet import DO, ECHO, IAC, NAWS, SB, SE, SGA, TTYPE, WILL

CONF = """
    [general]
    port=PORT
    telnet=yes
    password=sesame
    timeout=0
    [local]
    path=FOLDER/manager
    telnet=no
    header=
    password=sesame
"""

PEERS = "[listener p]\ntype=unix\npath=FOLDER/peers\n"

TERMINAL = (
    bytes([IAC, DO, ECHO, IAC, DO, SGA, IAC, WILL, NAWS, IAC, SB, NAWS, 0, 80, 0, 24, IAC, SE])
    + bytes([IAC, WILL, TTYPE, IAC, SB, TTYPE, 0])
    + b"xterm"
    + bytes([IAC, SE])
)
"""What a telnet client with a terminal answers."""

GUESTS = 20
"""Places that the guests of one source have."""

P90, WORST = 0.06, 0.2
"""Seconds of the engine's processor time that may pass before a message of a peer is answered.

The busiest flood takes 0.02 and 0.05 on a quiet machine; a guest who holds others up, over 0.5.
"""

FLOODS = {
    "text": b"x" * 900 + b"\x15",
    "arrows": b"abc\x1b[D\x1b[C" * 300,
    "tabs": b"h\t\x15" * 1000,
    "negotiation": bytes([IAC, DO, ECHO]) * 1300,
    "sizes": bytes([IAC, SB, NAWS, 0, 80, 0, 24, IAC, SE]) * 400,
}


@pytest.fixture
def remote(tmp_path: Path) -> Iterator[Remote]:
    served = Remote(tmp_path, CONF, PEERS.replace("FOLDER", str(tmp_path)))
    yield served
    served.close()


class Peer:
    """A peer whose own messages come back, and the engine's work until each did."""

    def __init__(self, remote: Remote) -> None:
        self._remote = remote
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(SECONDS)
        self._socket.connect(str(remote.folder / "peers"))
        self._socket.sendall(b"%%>connect:global\n%%>install:50:canary\n")
        self._lines = self._socket.makefile("rb")
        assert self._lines.readline().startswith(b"%%<install")

    def round_trip(self) -> float:
        """Send a message that this peer itself handles; return the engine's work meanwhile."""
        before = self._remote.worked()
        self._socket.sendall(b"%%>message:own:1:canary:\n")
        while not (line := self._lines.readline()).startswith(b"%%<message:own:"):
            assert line
            if line.startswith(b"%%>message:"):
                ident = line.split(b":")[1]
                self._socket.sendall(b"%%<message:" + ident + b":true::\n")
        return self._remote.worked() - before

    def close(self) -> None:
        self._lines.close()
        self._socket.close()


@pytest.mark.parametrize("flood", FLOODS)
def test_a_guest_on_a_terminal_holds_nobody_up(remote: Remote, flood: str) -> None:
    """Bursts of 4 kB on ten connections; a peer's messages go on as if there were none."""
    peer = Peer(remote)
    guests = [remote.open() for _ in range(10)]
    for guest in guests:
        guest.send(TERMINAL)
        guest.until("auth PASSWORD lets you in.")
    over = threading.Event()

    def send(client: Client) -> None:
        client.socket.settimeout(0.05)
        while not over.is_set():
            try:
                client.socket.sendall((FLOODS[flood] * 5)[:4096])
                client.socket.recv(1 << 20)
            except TimeoutError:
                continue
            except OSError:
                return

    threads = [threading.Thread(target=send, args=(guest,)) for guest in guests]
    for thread in threads:
        thread.start()
    try:
        work = sorted(peer.round_trip() for _ in range(300))
    finally:
        over.set()
        for thread in threads:
            thread.join(SECONDS)
    assert work[270] <= P90 and work[-1] <= WORST, work[-20:]
    peer.close()


def test_a_guest_on_a_terminal_gives_a_hundred_commands(remote: Remote) -> None:
    guest = remote.open()
    guest.send(TERMINAL)
    guest.until("auth PASSWORD lets you in.")
    guest.send("help\r\n" * 300)
    assert guest.rest().count(b"Available commands:") == 100


def test_the_terminal_comes_after_the_login_with_what_was_typed_meanwhile(remote: Remote) -> None:
    """Keys that came with `auth`, in one piece or a few, are typed at the shell or before it."""
    client = remote.open()
    client.send(TERMINAL)
    client.until("auth PASSWORD lets you in.")
    client.send("auth sesame\r\n")
    client.until("Type help, or press TAB.")
    client.send("uptime\r")
    client.until("Uptime:")
    # The keys of one session are worked off in slices.
    client.send("x" * 3000 + "\x15" + "version\r")
    client.until("release:")


@pytest.mark.parametrize("kind", ["tcp", "unix"])
def test_clients_that_write_and_close_at_once_are_heard(remote: Remote, kind: str) -> None:
    """`exec 3<>/dev/tcp/…; printf …; exec 3>&-` in a shell; and without a pause in Python."""
    for at in range(20):
        commands = f"auth sesame\\r\\nexternal log once-{at}\\r\\n"
        if kind == "tcp" and at < 5:
            address = f"/dev/tcp/127.0.0.1/{remote.port()}"
            script = f"exec 3<>{address}; printf '{commands}' >&3; exec 3>&-"
            subprocess.run(["bash", "-c", script], check=True, timeout=SECONDS)
        else:
            family = socket.AF_INET if kind == "tcp" else socket.AF_UNIX
            place = ("127.0.0.1", remote.port()) if kind == "tcp" else f"{remote.folder}/manager"
            with socket.socket(family) as made:
                made.connect(place)
                made.sendall(commands.replace("\\r\\n", "\r\n").encode())
        given = f"audit admin .* external log once-{at}:"
        remote.until(partial(remote.logged, given), given)


def test_the_greeting_is_one_write(remote: Remote) -> None:
    """A client that reads once has all of it: offer, header and prompt."""
    for _ in range(20):
        client = remote.open()
        assert re.search(rb"^\xff.*ready on alder\.\r\n$", client.socket.recv(65536), re.DOTALL)
        client.close()


def test_the_guess_of_a_guest_who_has_left_waits_no_more(tmp_path: Path) -> None:
    """Guesses of one source take turns, each after a delay that doubles: they would pile up."""
    port = free_port()
    (tmp_path / "rmanager.conf").write_text(f"[general]\nport={port}\npassword=sesame\n")

    async def tasks_of_guests() -> int:
        async with Engine(tmp_path, modules={"rmanager": RManager}):
            for _ in range(3 * GUESTS):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                await reader.readline()
                writer.write(b"auth wrong\r\n" * 5)
                await writer.drain()
                writer.transport.abort()
            await asyncio.sleep(0)
            return len(asyncio.all_tasks()) - 1

    assert asyncio.run(tasks_of_guests()) <= GUESTS
