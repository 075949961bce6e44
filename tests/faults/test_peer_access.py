"""Who gets in at a listener for peers, and what is logged of what peers do."""

from __future__ import annotations

import os
import re
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from remotes import SECONDS, Client, Remote, as_other_user, certificate, trusting
from scratch import open_directory

from yext.access.passwords import hash_password

LISTENERS = """
    [listener own]
    type=tcp
    port=PORT_OWN
    role=global
    [listener sock]
    type=unix
    path=FOLDER/own.sock
    role=global
    [listener users]
    type=tcp
    port=PORT_USERS
    role=global
    users=nobody
    [listener shared]
    type=unix
    path=FOLDER/shared.sock
    role=global
    users=nobody
    [listener group]
    type=unix
    path=FOLDER/group.sock
    mode=640
    group=nogroup
    [listener guarded]
    type=tcp
    port=PORT_GUARDED
    role=global
    password=open: sesame
    [listener hashed]
    type=unix
    path=FOLDER/hashed.sock
    role=global
    password=HASH
    [listener both]
    type=tcp
    port=PORT_BOTH
    role=global
    password=p
    users=nobody
    [listener secured]
    type=tcp
    port=PORT_SECURED
    role=global
    password=p
    certificate=own.pem
    key=own.key
    [listener wide]
    type=tcp
    addr=0.0.0.0
    port=PORT_WIDE
    [listener open]
    type=tcp
    addr=0.0.0.0
    port=PORT_OPEN
    role=global
    open=yes
"""


@pytest.fixture(scope="module")
def remote() -> Iterator[Remote]:
    """An engine that was started with umask 0, in a folder that other users may enter."""
    with open_directory() as folder:
        certificate(folder, "own")
        conf = LISTENERS.replace("HASH", hash_password("hashed one"))
        before = os.umask(0)
        try:
            served = Remote(folder, extmodule=conf)
        finally:
            os.umask(before)
        served.script("touch.sh", '#!/bin/sh\n: >"$1"\n')
        yield served
        served.close()


def connect(remote: Remote, place: str) -> socket.socket:
    """Connect to a port or to a UNIX socket, by its name."""
    # Not by create_connection, which imports a module that the user nobody may not read.
    is_unix = place.endswith(".sock")
    connected = socket.socket(socket.AF_UNIX if is_unix else socket.AF_INET)
    connected.settimeout(SECONDS)
    address = str(remote.folder / place) if is_unix else ("127.0.0.1", remote.port(place))
    connected.connect(address)
    return connected


def is_in(client: Client) -> bool:
    """Ask for a value; return whether the answer comes."""
    try:
        client.send("%%>setlocal:engine.nodename:\n")
        client.until("%%<setlocal:engine.nodename:alder:true\n")
    except (AssertionError, ConnectionError):
        return False
    return True


def by_other_user(remote: Remote, place: str, *lines: str) -> bool:
    """Return whether the user nobody is let in."""
    remote.port(place)

    def work() -> None:
        client = Client(connect(remote, place))
        for line in lines:
            client.send(f"{line}\n")
        assert is_in(client)

    return as_other_user(work) == 0


@pytest.mark.parametrize("place", ["PORT_OWN", "own.sock", "PORT_USERS", "shared.sock"])
def test_the_user_who_runs_the_engine_gets_in(remote: Remote, place: str) -> None:
    assert is_in(remote.client(connect(remote, place)))


@pytest.mark.parametrize(
    ("place", "let_in"),
    [
        ("PORT_OWN", False), ("own.sock", False), ("group.sock", False),
        ("PORT_USERS", True), ("shared.sock", True), ("PORT_OPEN", True), ("PORT_BOTH", True),
        ("PORT_GUARDED", False),
    ],
)  # fmt: skip
def test_another_user_gets_in_only_where_it_is_named(
    remote: Remote, place: str, let_in: bool
) -> None:
    assert by_other_user(remote, place) is let_in, remote.story()
    if place == "PORT_OWN":
        assert remote.logged(r"to listener 'own' refused: no password is set.*this is nobody")


def test_a_user_who_is_refused_has_nothing_carried_out(remote: Remote, tmp_path: Path) -> None:
    order = "%%>message:1:1:engine.command::line=external execute {}/touch.sh {}"
    file, proof = tmp_path / "touched", tmp_path / "proof"
    assert not by_other_user(remote, "PORT_OWN", order.format(remote.scripts, file))
    client = remote.client(connect(remote, "PORT_OWN"))
    client.send(order.format(remote.scripts, proof) + "\n")
    remote.until(proof.exists, "the program of the user who runs the engine")
    assert not file.exists()


def test_sockets_have_the_permissions_that_are_asked_for(remote: Remote) -> None:
    """Whatever the umask is: the engine was started with 0."""
    modes = {
        name: stat.S_IMODE((remote.folder / f"{name}.sock").stat().st_mode)
        for name in ("own", "shared", "group", "hashed")
    }
    assert modes == {"own": 0o600, "shared": 0o666, "group": 0o640, "hashed": 0o666}
    assert (remote.folder / "group.sock").group() == "nogroup"


def test_an_address_for_others_is_not_opened_without_a_password(remote: Remote) -> None:
    with pytest.raises(ConnectionRefusedError):
        connect(remote, "PORT_WIDE")
    assert remote.logged(r"addr=0\.0\.0\.0: not opened to other machines while no password is set")


# Passwords


def test_a_password_lets_in_and_what_follows_it_is_carried_out(remote: Remote) -> None:
    client = remote.client(connect(remote, "PORT_GUARDED"))
    client.send("%%>auth:open%z sesame\n%%>setlocal:engine.nodename:\n")
    client.until("%%<auth:true\n%%<setlocal:engine.nodename:alder:true\n")


def test_a_hashed_password_lets_in(remote: Remote) -> None:
    client = remote.client(connect(remote, "hashed.sock"))
    for byte in b"%%>auth:hashed one\r\n":
        client.send(bytes([byte]))
    client.until("%%<auth:true\n")
    assert is_in(client)


def test_a_password_that_is_not_needed_is_right(remote: Remote) -> None:
    client = remote.client(connect(remote, "PORT_OWN"))
    client.send("%%>auth:whatever\n")
    client.until("%%<auth:true\n")
    assert is_in(client)
    assert not remote.logged("whatever")


def test_a_password_is_secured_by_tls(remote: Remote) -> None:
    context = trusting(remote.folder / "own.pem")
    secured = context.wrap_socket(connect(remote, "PORT_SECURED"), server_hostname="localhost")
    client = remote.client(secured)
    client.send("%%>auth:p\n")
    client.until("%%<auth:true\n")
    assert is_in(client)
    plain = remote.client(connect(remote, "PORT_SECURED"))
    plain.send("%%>auth:p\n")
    assert b"auth:true" not in plain.rest()


LONG = "%%>auth:" + 2000 * "x"


@pytest.mark.parametrize("line", ["%%>connect:global", "%%>output:x", "%%>auth", "auth p", LONG])
def test_nothing_but_a_password_may_come_first(remote: Remote, line: str) -> None:
    client = remote.client(connect(remote, "PORT_GUARDED"))
    client.send(f"{line}\n")
    assert client.rest().startswith(b"%%<auth:false:")


def test_guesses_are_slowed_down_and_limited(remote: Remote) -> None:
    """The source is the machine, whatever loopback address a guess comes from."""
    answers = []
    for number in range(6):
        connected = socket.create_connection(
            ("127.0.0.1", remote.port("PORT_GUARDED")), 60, (f"127.0.0.{number + 2}", 0)
        )
        client = remote.client(connected)
        client.socket.settimeout(60)
        client.send("%%>auth:guess\n")
        answers.append(client.rest())
    assert answers[0] == b"%%<auth:false:wrong password\n"
    assert answers[-1].startswith(b"%%<auth:false:too many wrong passwords")
    assert not remote.logged("guess$")
    assert remote.logged("to listener 'guarded' refused: wrong password")


# The audit

COMMANDS = {
    "external execute {touch} {file}": "ok",
    "external execute /nowhere": "failed: .*",
    "external start {touch} {file} password=hush": "ok",
    "external stop nothing": "failed: nothing does not run",
    "reload": "failed: unknown command",
    "module unload nothing": "failed: .*",
}


@pytest.mark.parametrize("line", COMMANDS)
def test_what_a_peer_starts_and_stops_is_audited(remote: Remote, tmp_path: Path, line: str) -> None:
    client = remote.client(connect(remote, "PORT_OPEN"))
    port = client.socket.getsockname()[1]
    order = line.format(touch=f"{remote.scripts}/touch.sh", file=tmp_path / "file")
    client.send(f"%%>message:1:1:engine.command::line={order.replace(':', '%z')}\n")
    client.until("%%<message:1:")
    shown = re.escape(order).replace("hush", r"\*\*\*")
    pattern = rf"audit peer open 127\.0\.0\.1:{port}: {shown}: {COMMANDS[line]}$"
    remote.until(lambda: remote.logged(pattern), pattern)
    assert not remote.logged("audit .*hush")


def test_what_a_peer_only_looks_at_is_not_audited(remote: Remote) -> None:
    client = remote.client(connect(remote, "PORT_OPEN"))
    for line in ("external", "external info", "status", "uptime"):
        client.send(f"%%>message:{line}:1:engine.command::line={line}\n")
        client.until(f"%%<message:{line}:")
    assert not remote.logged(f"audit peer .*:{client.socket.getsockname()[1]}:")


# Reload


def test_a_reload_changes_who_gets_in_and_drops_nobody(tmp_path: Path) -> None:
    section = "[listener own]\ntype=tcp\nport=PORT_OWN\nrole=global\n"
    remote = Remote(tmp_path, extmodule=section)
    try:
        before = remote.client(connect(remote, "PORT_OWN"))
        assert is_in(before)
        file = tmp_path / "extmodule.conf"
        file.write_text(file.read_text() + "password=p\n")
        reply = remote.open().ask("reload")
        assert "listener" not in reply, "it is still the same one"
        assert is_in(before)
        after = remote.client(connect(remote, "PORT_OWN"))
        assert not is_in(after)
        file.write_text(file.read_text() + "users=no-such-user\n")
        assert "Nothing was changed" in remote.open().ask("reload")
    finally:
        remote.close()


# Places


def test_silent_connections_keep_nobody_out(remote: Remote) -> None:
    silent = [remote.client(connect(remote, "PORT_GUARDED")) for _ in range(60)]
    client = remote.client(connect(remote, "hashed.sock"))
    client.send("%%>auth:hashed one\n")
    client.until("%%<auth:true\n")
    assert is_in(client)
    assert silent[0].rest().startswith(b"%%<auth:false:")
    for one in silent:
        one.close()
