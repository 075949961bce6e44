"""Messages that a session holds go on when that session is killed, whatever kind it is."""

from __future__ import annotations

import os
import signal
import socket
import struct
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pexpect
import pytest
from remotes import ROOT, SECONDS, Client, Remote

PEERS = "[listener p]\ntype=tcp\nport=PORTP\nrole=global\n"

HOLD = "intercept lab.job and id=held"


@pytest.fixture
def remote(tmp_path: Path) -> Iterator[Remote]:
    served = Remote(tmp_path, extmodule=PEERS)
    yield served
    served.close()


def plain(remote: Remote) -> Callable[[], None]:
    """A plain connection that holds messages; returns what kills it."""
    client = remote.open()
    assert "before their handlers" in client.ask(HOLD)

    def kill() -> None:
        linger = struct.pack("ii", 1, 0)  # The connection is reset, not closed in order.
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        client.close()

    return kill


def attached(remote: Remote) -> Callable[[], None]:
    """An attached console that holds messages; returns what kills it."""
    argv = ["-m", "console", "attach", f"127.0.0.1:{remote.port()}"]
    environ = os.environ | {"TERM": "xterm", "HOME": str(remote.folder)}
    child = pexpect.spawn(
        sys.executable, argv, cwd=str(ROOT), env=environ, timeout=SECONDS, encoding="utf-8"
    )
    child.expect("alder>")
    child.send(f"{HOLD}\r")
    child.expect("before their handlers")
    return lambda: child.kill(signal.SIGKILL)


def held(client: Client) -> str:
    return client.ask("intercept")


@pytest.mark.parametrize("begin", [plain, attached])
def test_four_go_on_when_the_session_is_killed(
    remote: Remote, begin: Callable[[Remote], Callable[[], None]]
) -> None:
    kill = begin(remote)
    peer, other = remote.open("PORTP"), remote.open()
    for number in range(4):
        peer.send(f"%%>message:h{number}:0:lab.job::id=held\n")
    remote.until(lambda: held(other).count("held,") == 4, "four to be held")
    peer.send("%%>message:free:0:lab.job::id=other\n")
    assert peer.until("\n").startswith(b"%%<message:free:false:"), "nothing else is held"
    kill()
    answers = {peer.until("\n").split(b":")[1] for _ in range(4)}
    assert answers == {b"h0", b"h1", b"h2", b"h3"}
    assert "Intercept: off" in held(other)
