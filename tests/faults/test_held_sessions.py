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


def test_the_operator_answers_a_script_in_place_of_another(remote: Remote) -> None:
    operator, peer, handler = remote.open(), remote.open("PORTP"), remote.open("PORTP")
    handler.send("%%>install:50:lab.job\n")
    handler.until("%%<install:50:lab.job:true\n")
    assert "held: 0" in operator.ask("intercept lab.job")
    peer.send("%%>message:a:0:lab.job::n=1\n%%>message:b:0:lab.job::n=2\n")
    peer.send("%%>message:c:0:lab.job::n=3\n")
    remote.until(lambda: held(operator).count("held,") == 3, "three to be held")
    assert handler.quiet()
    operator.ask("answer 1 true sip/1@h x=y")
    assert peer.until("\n") == b"%%<message:a:true:lab.job:sip/1@h:n=1:x=y\n"
    operator.ask("drop 3")
    assert peer.until("\n") == b"%%<message:c:false:lab.job::n=3\n"
    operator.ask("resume 2 n=4")
    line = handler.until("\n").decode()
    assert line.endswith(":lab.job::n=4\n")
    handler.send(f"%%<message:{line.split(':')[1]}:true:lab.job:done\n")
    assert peer.until("\n") == b"%%<message:b:true:lab.job:done:n=4\n"


def test_a_sender_in_a_hurry_is_let_go_in_time(remote: Remote) -> None:
    operator, sender, busy = remote.open(), remote.open("PORTP"), remote.open("PORTP")
    busy.send("%%>setlocal:timeout:2000\n%%>install:50:outer\n")
    busy.until("%%<install:50:outer:true\n")
    operator.ask("intercept inner")
    sender.send("%%>message:o:0:outer::\n")
    assert b":outer:" in busy.until("\n")
    busy.send("%%>message:i:0:inner::\n")
    told = operator.until(" s left").decode()
    assert 0 < float(told.rpartition("held, ")[2].split()[0]) < 2
    assert busy.until("\n") == b"%%<message:i:false:inner:\n", "it has gone on by itself"
