"""Connections in other protocols: closed before anything that they send is carried out."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from remotes import SECONDS, Remote

CONF = """
    [general]
    port=PORT
    telnet=no
    header=
    [telnet]
    port=PORT_TELNET
"""

EXTMODULE = """
    [listener global]
    type=tcp
    port=PORT_GLOBAL
    role=global
    [listener none]
    type=tcp
    port=PORT_NONE
"""

REFUSAL = "nothing of it is carried out"

LISTENERS = ("PORT", "PORT_TELNET", "PORT_GLOBAL", "PORT_NONE")

OPENINGS = {
    "GET": b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "POST": b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\n\r\n",
    "another method": b"BREW /pot HTTP/1.1\r\n\r\n",
    "header": b"Host: localhost:5038\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n",
    "SSH": b"SSH-2.0-OpenSSH_9.6\r\n",
    "EHLO": b"EHLO mail.example\r\n",
    "HELO": b"HELO mail.example\r\n",
    "SIP": b"INVITE sip:a@b SIP/2.0\r\n",
}


@pytest.fixture(scope="module")
def remote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remote]:
    served = Remote(tmp_path_factory.mktemp("openings"), CONF, EXTMODULE)
    served.script("touch.sh", '#!/bin/sh\n: >"$1"\n')
    yield served
    served.close()


def orders(remote: Remote, file: Path, port: str) -> bytes:
    """Return what has a program run, at any of the listeners."""
    line = f"external execute {remote.scripts}/touch.sh {file}"
    message = f"%%>message:1:1:engine.command::line={line}"
    lines = ("%%>connect:global", message) if port == "PORT_NONE" else (line, message, line)
    return "".join(f"{one}\r\n" for one in lines).encode()


@pytest.mark.parametrize("port", LISTENERS)
@pytest.mark.parametrize("opening", [*OPENINGS, "none"])
@pytest.mark.parametrize("pieces", [False, True])
def test_nothing_is_done_for_a_connection_in_another_protocol(
    remote: Remote, tmp_path: Path, port: str, opening: str, pieces: bool
) -> None:
    file = tmp_path / "touched"
    data = OPENINGS.get(opening, b"") + orders(remote, file, port)
    client = remote.open(port)
    client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        for at in range(0, len(data), 1 if pieces else len(data)):
            client.send(data[at : at + 1] if pieces else data)
    except (BrokenPipeError, ConnectionResetError):
        pass
    if opening == "none":
        remote.until(file.exists, "the program: without an opening the orders are carried out")
        client.close()
        return
    client.rest()
    # Further ones of the same kind are counted.
    remote.until(lambda: remote.logged(REFUSAL), "a line")
    # Whatever would have been done has been done before this program.
    proof = tmp_path / "proof"
    remote.open().ask(f"external execute {remote.scripts}/touch.sh {proof}")
    remote.until(proof.exists, "the program of a session")
    assert not file.exists()


@pytest.mark.parametrize("line", ["helo", "sttaus", "get", "host", "GET status", "ehlo"])
def test_what_a_person_mistypes_first_is_only_not_understood(remote: Remote, line: str) -> None:
    client = remote.open()
    assert client.ask(line).startswith(f"Cannot understand: {line}\r\n")
    assert "Uptime" in client.ask("uptime")


def test_a_peer_that_mistypes_its_first_line_stays_connected(remote: Remote) -> None:
    with socket.create_connection(("127.0.0.1", remote.port("PORT_GLOBAL")), SECONDS) as peer:
        peer.sendall(b"hello\n%%>setlocal:id:\n")
        lines = peer.makefile()
        assert [lines.readline(), lines.readline()] == [
            "Error in: hello\n", "%%<setlocal:id::false\n",
        ]  # fmt: skip


def test_a_flood_of_them_is_a_line_and_a_count(tmp_path: Path) -> None:
    remote = Remote(tmp_path, CONF)
    for _ in range(50):
        client = remote.open()
        client.send("GET / HTTP/1.1\r\n\r\n")
        client.rest()
    assert len(remote.logged("it begins as HTTP")) == 1
    remote.process.terminate()
    remote.process.wait(20)
    remote.close()
    assert len(remote.logged("The same 49 times more; the last: .* it begins as HTTP")) == 1
