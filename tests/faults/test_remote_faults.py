"""The remote manager under attack and with faulty clients: no delay for others, no leaks."""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from remotes import SECONDS, Client, Remote, certificate, trusting

from yext.access.places import PLACES_OF_SOURCE

CONF = """
    [general]
    port=PORT
    telnet=no
    header=
    [guarded]
    port=PORT_GUARDED
    header=
    telnet=no
    password=p
    timeout=0
    [local]
    path=FOLDER/manager
    header=
    telnet=no
    password=p
    [hasty]
    port=PORT_HASTY
    header=
    telnet=no
    password=p
    timeout=5000
    [impatient]
    port=PORT_IMPATIENT
    header=
    telnet=no
    stalled=1000
"""

MEDIAN, WORST = 0.2, 1.0
"""Seconds of processor time that the engine may take before it answers another session, far more
than it takes (tests/bench, row fairness, has figures). Elapsed time depends on the machine."""

COUNT = re.compile(r"([0-9,]+) more connections? could not be secured")

RESET = struct.pack("ii", 1, 0)


class Canary:
    """Ask on a separate session during the block; record the work before each answer."""

    def __init__(self, remote: Remote) -> None:
        self._remote = remote
        self._client = remote.open()
        self._stop = threading.Event()
        self._times: list[float] = []
        self._thread = threading.Thread(target=self._ask)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(SECONDS)
        times = sorted(self._times)
        assert times, "the canary got no answer"
        assert times[len(times) // 2] < MEDIAN and times[-1] < WORST, times[-10:]

    def _ask(self) -> None:
        while not self._stop.wait(0.01) or len(self._times) < 5:
            before = self._remote.worked()
            self._client.send("echo\r\n")
            self._client.until("\r\n")
            self._times.append(self._remote.worked() - before)


@pytest.fixture(scope="module")
def remote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remote]:
    served = Remote(tmp_path_factory.mktemp("r"), CONF)
    yield served
    served.close()


@pytest.fixture(autouse=True)
def nothing_left(remote: Remote) -> Iterator[None]:
    """Check descriptors, connections, memory (approximately), and a log without traceback."""
    asking = remote.open()
    asking.ask("echo")
    files, memory = remote.usage()
    yield
    for client in remote.clients():
        if client is not asking:
            client.close()
    remote.until(lambda: "conn=1\r\n" in asking.ask("status rmanager"), "the connections to end")
    remote.until(lambda: remote.usage()[0] <= files, "the descriptors to be closed")
    assert remote.usage()[1] < memory + 150_000_000
    assert not remote.logged("Traceback|Exception"), remote.story()
    asking.close()
    remote.until(lambda: True, "")


def test_a_flood_of_negotiation(remote: Remote) -> None:
    with Canary(remote):
        client = remote.open()
        flood = bytes([255, 253, 99, 255, 251, 98, 255, 250, 31, 0, 80, 0, 24, 255, 240]) * 20000
        sender = threading.Thread(target=_send_all, args=(client, flood))
        sender.start()
        wanted = bytes([255, 252, 99, 255, 254, 98]) * 20000
        got = b""
        while len(got) < len(wanted):
            got += client.socket.recv(65536)
        sender.join(SECONDS)
    assert got == wanted


def _send_all(client: Client, data: bytes) -> None:
    client.socket.sendall(data)


def test_a_client_that_negotiates_and_does_not_read(remote: Remote) -> None:
    with Canary(remote):
        client = small(remote)
        client.socket.settimeout(1)
        with pytest.raises(TimeoutError):
            while True:
                client.send(bytes([255, 253, 99]) * 20000)


def test_an_endless_sub_negotiation(remote: Remote) -> None:
    with Canary(remote):
        client = remote.open()
        client.send(b"\xff\xfa\x1f")
        with pytest.raises(OSError):
            for _ in range(10000):
                client.send(b"x" * 65536)


def test_an_endless_line_before_login(remote: Remote) -> None:
    client = remote.open("PORT_GUARDED")
    client.send("x" * 1000)
    assert client.quiet()
    client.send("x" * 100)
    assert client.rest() == b""
    assert remote.logged("line too long")


def test_an_endless_line_of_a_session(remote: Remote) -> None:
    with Canary(remote):
        client = remote.open()
        with pytest.raises(OSError):
            for _ in range(1000):
                client.send("x" * 65536)


def test_guests_may_stay_only_so_long_whatever_they_do(remote: Remote) -> None:
    client = remote.open("PORT_HASTY")
    before = time.monotonic()
    client.socket.settimeout(0.05)
    while time.monotonic() < before + SECONDS:
        try:
            client.send("x")
            if not client.socket.recv(1000):
                break
        except TimeoutError:
            continue
        except ConnectionError:
            break
    assert 4 < time.monotonic() - before < 15


def test_the_guest_idle_for_longest_goes(remote: Remote) -> None:
    first = remote.open("PORT_GUARDED")
    second = remote.open("PORT_GUARDED")
    others = [remote.open("PORT_GUARDED") for _ in range(PLACES_OF_SOURCE - 2)]
    # Later connections have been accepted, so the second one has been before them.
    for other in others:
        other.ask("echo")
    first.ask("echo")
    remote.open("PORT_GUARDED").ask("echo")
    assert second.rest() == b""
    assert first.ask("echo") == "Remote echo: off\r\n"


def test_a_churn_of_connections_does_not_cut_off_who_types_slowly(remote: Remote) -> None:
    """Even from the same source: those on which nothing was typed go first."""
    typing = remote.open("PORT_GUARDED")
    typing.ask("echo")
    typing.send("auth ")
    for _ in range(10):
        for silent in [remote.open("PORT_GUARDED") for _ in range(PLACES_OF_SOURCE)]:
            silent.close()
    silent = [remote.open("PORT_GUARDED") for _ in range(2 * PLACES_OF_SOURCE)]
    silent[-1].ask("echo")  # All of them have arrived.
    assert "as admin" in typing.ask("p")


def test_a_thousand_wrong_passwords_from_sixteen_connections(remote: Remote) -> None:
    source = "127.0.0.2"
    guessing = [remote.open("PORT_GUARDED", source=source) for _ in range(16)]
    with Canary(remote):
        for client in guessing:
            client.send("auth wrong\r\n" * 63)
        assert "as admin" in local(remote).ask("auth p")
        looked_at = len(remote.logged(f"Failed authentication from {source}"))
        assert looked_at < 5, "another source does not wait until all is looked at"
        answers = [client.ask("echo") for client in guessing]
    wrong = sum(text.count("Bad authentication password!") for text in answers)
    refused = sum(text.count("Too many wrong passwords") for text in answers)
    assert wrong == 5 and wrong + refused == 16 * 63
    assert len(remote.logged(f"Failed authentication from {source}")) == 5
    assert "Too many" in remote.open("PORT_GUARDED", source=source).ask("auth p")


def local(remote: Remote) -> Client:
    """A client of another source: all loopback addresses are one."""
    made = socket.socket(socket.AF_UNIX)
    made.settimeout(SECONDS)
    made.connect(str(remote.folder / "manager"))
    return remote.client(made)


def small(remote: Remote, port: str = "PORT") -> Client:
    """A client with small socket buffers for unread data."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    made.connect(("127.0.0.1", remote.port(port)))
    return remote.client(made)


def test_a_slow_reader_of_messages_loses_lines_and_gets_the_number(remote: Remote) -> None:
    slow = small(remote)
    slow.send("machine on\r\n")
    slow.until("Machine mode: on\r\n")
    with Canary(remote):
        busy = remote.open()
        count = 8000
        many = "".join(f"control x y n={n} p={'z' * 2000}\r\n" for n in range(count))
        sender = threading.Thread(target=_send_all, args=(busy, f"{many}echo\r\n".encode()))
        sender.start()
        busy.until("Remote echo: off\r\n")
        sender.join(SECONDS)
    text = slow.until("%%=lost:") + slow.until("\r\n")
    notices = re.findall(rb"%%<message::false:chan.control:", text)
    lost = int(text.rpartition(b":")[2])
    assert lost > 0
    # A few messages are from the engine's timer.
    assert count <= len(notices) + lost < count + 500
    assert slow.ask("uptime").startswith("%%=uptime:")


def test_a_client_that_does_not_read_at_all_is_closed(remote: Remote) -> None:
    deaf = small(remote, "PORT_IMPATIENT")
    deaf.send("alias big " + "z" * 60000 + "\r\n" + "alias\r\n" * 300)
    watching = remote.open()
    assert "conn=3" in watching.ask("status rmanager")
    remote.until(lambda: "conn=2" in watching.ask("status rmanager"), "the deaf one to be closed")


def test_a_reply_of_twenty_megabytes_arrives_whole(remote: Remote) -> None:
    with Canary(remote):
        for client in (remote.open(), small(remote)):
            for number in range(340):
                client.send(f"alias a{number} {'z' * 60000}\r\n")
                client.until("\r\n")
            text = client.ask("alias")
            said = [line for line in text.splitlines() if line.startswith("a")]
            assert len(said) == 340 and all(len(line) > 60000 for line in said)
            assert client.ask("echo") == "Remote echo: off\r\n"


def test_a_thousand_connects_at_once(remote: Remote) -> None:
    with Canary(remote):
        clients = [remote.open() for _ in range(900)]
        for client in clients:
            client.send("echo\r\n")
        for client in clients:
            client.until("Remote echo: off\r\n")
        more = [remote.open() for _ in range(150)]
        answers = [client.rest() for client in more[100:]]
        assert all(b"Too many sessions" in text for text in answers)


def test_a_thousand_resets_while_answering(remote: Remote) -> None:
    with Canary(remote):
        for _ in range(1000):
            with socket.create_connection(("127.0.0.1", remote.port())) as client:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                client.sendall(b"status\r\nhelp\r\n" * 20)


@pytest.fixture
def secured(tmp_path: Path) -> Iterator[Remote]:
    certificate(tmp_path, "own")
    certificate(tmp_path, "client")
    served = Remote(
        tmp_path,
        """
        [general]
        port=PORT
        certificate=FOLDER/own.pem
        key=FOLDER/own.key
        telnet=no
        header=
        [must]
        port=PORT_MUST
        certificate=own.pem
        key=own.key
        ca=client.pem
        verify=must
        telnet=no
        header=
        [local]
        path=FOLDER/manager
        certificate=own.pem
        key=own.key
        password=p
        telnet=no
        header=
        [guarded]
        port=PORT_GUARDED
        certificate=FOLDER/own.pem
        key=FOLDER/own.key
        password=p
        telnet=no
        header=
        [broken]
        port=PORT_BROKEN
        certificate=FOLDER/none.pem
        """,
    )
    yield served
    served.close()


def secure(remote: Remote, context: ssl.SSLContext, port: str = "PORT") -> Client:
    plain = socket.create_connection(("127.0.0.1", remote.port(port)), SECONDS)
    return remote.client(context.wrap_socket(plain, server_hostname="localhost"))


def test_tls(secured: Remote) -> None:
    folder = secured.folder
    trusted = trusting(folder / "own.pem")
    assert secure(secured, trusted).ask("version").startswith("version:")
    with pytest.raises(ssl.SSLCertVerificationError):
        secure(secured, trusting(folder / "client.pem"))
    with pytest.raises(ConnectionRefusedError):
        secure(secured, trusted, "PORT_BROKEN")
    assert secured.logged(r"rmanager.conf:\d+: certificate=\S*none.pem: No such file")
    # Without its own certificate the client is refused when it first reads.
    with pytest.raises((OSError, AssertionError)):
        secure(secured, trusted, "PORT_MUST").ask("version")
    trusted.load_cert_chain(folder / "client.pem", folder / "client.key")
    assert secure(secured, trusted, "PORT_MUST").ask("version").startswith("version:")
    # A client without TLS and a silent client delay no others.
    silent, wrong = secured.open(), secured.open()
    wrong.send("version\r\n" * 100)
    assert b"version:" not in wrong.rest()
    assert secure(secured, trusted).ask("version").startswith("version:")
    silent.close()
    assert not secured.logged("Traceback")


LAST_WORDS = {
    "nothing": b"",
    "a command": b"uptime\r\n",
    "quit": b"uptime\r\nquit\r\n",
    "another protocol": b"GET / HTTP/1.1\r\n\r\n",
    "too much of it": b"GET / HTTP/1.1\r\n\r\n" + b"x" * 9000,
    "an endless telnet option": b"\xff\xfa\x18" + b"x" * 9000,
}
"""What a client sends in one packet with the end of its TLS connection."""


@pytest.mark.parametrize("words", LAST_WORDS)
def test_the_end_of_tls_may_come_with_what_closes_the_connection(
    secured: Remote, words: str
) -> None:
    received, sent = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = trusting(secured.folder / "own.pem")
    inner = context.wrap_bio(received, sent, server_hostname="localhost")
    client = secured.open()
    while True:
        try:
            inner.do_handshake()
            break
        except ssl.SSLWantReadError:
            client.send(sent.read())
            received.write(client.socket.recv(65536))
    client.send(sent.read())
    greeted = len(secured.logged("Remote connection from"))
    secured.until(lambda: len(secured.logged("Remote connection")) >= max(1, greeted), "greeting")
    if LAST_WORDS[words]:
        inner.write(LAST_WORDS[words])
    with contextlib.suppress(ssl.SSLWantReadError):
        inner.unwrap()
    client.send(sent.read())
    client.rest()
    secured.until(lambda: secured.logged("Closing connection"), "the end")
    assert not secured.logged("Traceback|eof_received|AttributeError")
    if b"uptime" in LAST_WORDS[words]:
        assert secured.logged("uptime: ok")


def test_silent_connections_do_not_stop_the_login_of_another_source(secured: Remote) -> None:
    """They hold handshakes, not the places of others; some of their source's go."""
    trusted = trusting(secured.folder / "own.pem")
    silent = [secured.open("PORT_GUARDED") for _ in range(60)]
    assert secured.until(lambda: secured.logged("there was no place"), "one to go") is None
    plain = local(secured).socket
    other = secured.client(trusted.wrap_socket(plain, server_hostname="localhost"))
    assert "as admin" in other.ask("auth p")
    # A new connection of the same source has its turn too.
    assert "as admin" in secure(secured, trusted, "PORT_GUARDED").ask("auth p")
    for client in silent:
        client.close()


def test_thousands_of_broken_handshakes_are_a_line_and_a_count(secured: Remote) -> None:
    trusted = trusting(secured.folder / "own.pem")
    broken = [b"GET / HTTP/1.0\r\n\r\n", b"\x16\x03\x01\x00\x05hello", b"", b"\x16\x03\x01"]
    for at in range(2000):
        client = secured.open("PORT_GUARDED")
        client.send(broken[at % 4])
        if at % 3 == 0:
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        client.close()
    assert secure(secured, trusted, "PORT_GUARDED").ask("auth p").startswith("Auth")
    secured.process.terminate()
    secured.process.wait(SECONDS)
    assert not secured.logged("Traceback|asyncio")
    lines = secured.logged("could not be secured")
    assert 2 <= len(lines) <= 4
    counted = sum(int(found[1].replace(",", "")) for line in lines if (found := COUNT.search(line)))
    assert counted > 1500
