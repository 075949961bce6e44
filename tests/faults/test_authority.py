"""Who may do what: attempts to have done what the listener of a session, or of a peer, forbids.

Each attempt is made twice, on a listener that allows it, where it must work, and on one that does
not. So an attempt that fails for another reason is no proof.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from remotes import Client, Remote

CONF = """
    [general]
    port=PORT
    telnet=no
    header=
    [still]
    port=PORT_STILL
    telnet=no
    header=
    allow_execute=no
    [boxed]
    port=PORT_BOXED
    telnet=no
    header=
    files=FOLDER/box
    [guarded]
    port=PORT_GUARDED
    telnet=no
    header=
    password=p
"""

ACTS = """#!/usr/bin/env python3
import sys
print("%%>install:50:become.command")
print("%%>install:50:act.for")
print("%%>install:50:chan.disconnected")
print("%%>output:acts.py is ready", flush=True)
for line in sys.stdin:
    head, ident, *fields = line.rstrip("\\n").split(":", 5)
    if head == "%%>message" and fields[1] == "act.for":
        print(f"%%>message:{ident}:0:engine.command::{fields[-1]}", flush=True)
    elif head == "%%>message" and (fields[1] == "become.command" or "line=" in line):
        print(f"%%<message:{ident}:false:engine.command:", flush=True)
    elif head == "%%>message":
        print(f"%%<message:{ident}:false::", flush=True)
    elif head == "%%<message":
        print(f"%%<message:{ident}:true:", flush=True)
"""
"""A script that gives a message another name, or sends one with the id of a pending one."""


@pytest.fixture(scope="module")
def remote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remote]:
    folder = tmp_path_factory.mktemp("authority")
    (folder / "box").mkdir()
    peers = "[listener peers]\ntype=tcp\nport=PORT_PEERS\nrole=global\n"
    served = Remote(folder, CONF, peers)
    try:
        served.script("touch.sh", '#!/bin/sh\n: >"$1"\n')
        served.script("acts.py", ACTS)
        served.open().ask("external start acts.py")
        served.until(lambda: served.logged("acts.py is ready"), "the script's handlers")
        yield served
    finally:
        served.close()


def channel(client: Client) -> str:
    """Make a call and return the id of a channel of it."""
    found = re.search(r"Calling '(\S+)'", client.ask("call tone/dial dumb/"))
    assert found is not None
    return found[1]


# Programs

PROGRAMS = {
    "execute": ["external execute {touch} {file}"],
    "start": ["external start {touch} {file}"],
    "start, the word left out": ["external {touch} {file}"],
    "restart": ["external restart {touch} {file}"],
    "message": ["message engine.command 'line=external execute {touch} {file}'"],
    "enqueued": ["message --enqueue engine.command 'line=external execute {touch} {file}'"],
    "alias": ["alias x external execute {touch} {file}", "x", "alias x"],
    "watch": ["watch 1 external execute {touch} {file}"],
    "source": ["source {commands}"],
    "masquerade": [
        "message chan.masquerade id={channel} message=engine.command"
        " 'line=external execute {touch} {file}'"
    ],
    "drop": ["message call.drop id={channel} 'line=external execute {touch} {file}'"],
    "masqueraded call": [
        "message chan.masquerade id={channel} message=call.execute"
        " 'callto=external/nochan/touch.sh {file}'"
    ],
    "call": ["call tone/dial external/nodata/touch.sh {file}"],
    "call from a file": ["call wave/play/- external/nodata/touch.sh {file}"],
    "call from the phone": ["call phone/ external/nodata/touch.sh {file}"],
    "call by a message": ["message call.execute 'callto=external/nochan/touch.sh {file}'"],
    "call that dumb makes": [
        "message call.execute callto=dumb/ target=1 'direct=external/nodata/touch.sh {file}'"
    ],
    "call that tone makes": [
        "message call.execute callto=tone/dial 'direct=external/nodata/touch.sh {file}'"
    ],
    "answer of a script": ["message become.command 'line=external execute {touch} {file}'"],
    "script, in the name of a message": ["message act.for 'line=external execute {touch} {file}'"],
}  # fmt: skip
"""Attempts to have a program started, as command lines."""


@pytest.mark.parametrize("attempt", PROGRAMS)
def test_a_listener_that_starts_no_programs_starts_none(
    remote: Remote, tmp_path: Path, attempt: str
) -> None:
    touch = remote.scripts / "touch.sh"
    commands = tmp_path / "commands"
    for port, allowed in (("PORT_STILL", False), ("PORT", True)):
        client = remote.open(port)
        file = tmp_path / f"touched-on-{port}"
        commands.write_text(f"external execute {touch} {file}\n")
        for line in PROGRAMS[attempt]:
            channel_id = channel(remote.open()) if "{channel}" in line else ""
            client.ask(line.format(touch=touch, file=file, commands=commands, channel=channel_id))
        if allowed:
            remote.until(file.exists, f"the program of {attempt!r}")
    # The program that was allowed has run, so the other one would have run before.
    assert not (tmp_path / "touched-on-PORT_STILL").exists()


AGAIN = """#!/bin/sh
: >"{file}"
echo '%%>setlocal:timeout:'
while read -r line; do :; done
"""


def test_a_listener_that_starts_no_programs_starts_none_anew(
    remote: Remote, tmp_path: Path
) -> None:
    remote.script("again.sh", AGAIN.format(file=tmp_path / "first"))
    remote.open().ask("external start again.sh")
    # A shell reads its script only once it runs.
    remote.until((tmp_path / "first").exists, "the script to run")
    line = "message engine.command 'line=reload --restart-changed'"
    for port, command in (("PORT_STILL", "reload --restart-changed"), ("PORT_STILL", line)):
        remote.script("again.sh", AGAIN.format(file=tmp_path / "refused"))
        assert "turned off for this listener" in remote.open(port).ask(command)
    for command in (line, "reload --restart-changed"):
        remote.script("again.sh", AGAIN.format(file=tmp_path / "PORT"))
        reply = remote.open().ask(command)
    assert "again.sh has changed: pid" in reply
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["PORT", "first"]


# What another has sent

CHANGES = {
    "command of another session": (
        "message --enqueue engine.command line=uptime",
        "intercept engine.command and line=uptime",
        "resume line='external execute {touch} {file}'",
    ),
    "call of another session": (
        "message --enqueue call.execute callto=dumb/ target=1",
        "intercept call.route",
        "answer {number} true 'external/nodata/touch.sh {file}'",
    ),
    "call that dumb makes of a route": (
        "message --enqueue call.execute callto=tone/dial target=1",
        "intercept call.route",
        "answer {number} true 'external/nodata/touch.sh {file}'",
    ),
    "message of a peer": (
        "%%>message:1:1:call.execute::callto=dumb/",
        "intercept call.execute",
        "resume 'callto=external/nochan/touch.sh {file}'",
    ),
}  # fmt: skip
"""Attempts by a change of a message that others have sent: their command, which messages are held,
the change."""


@pytest.mark.parametrize("attempt", CHANGES)
def test_who_changes_a_message_of_others_must_be_allowed_what_comes_of_it(
    remote: Remote, tmp_path: Path, attempt: str
) -> None:
    sent, held, change = CHANGES[attempt]
    touch = remote.scripts / "touch.sh"
    for port, allowed in (("PORT_STILL", False), ("PORT", True)):
        client = remote.open(port)
        client.ask("output on")
        client.ask(held)
        sender = remote.open("PORT_PEERS" if sent.startswith("%") else "PORT")
        sender.send(f"{sent}\r\n")
        client.until("#")
        number = client.until(" ").decode().strip()
        file = tmp_path / f"touched-on-{port}"
        client.ask(change.format(touch=touch, file=file, number=number))
        client.ask("intercept off")
        if allowed:
            remote.until(file.exists, f"the program of {attempt!r}")
    assert not (tmp_path / "touched-on-PORT_STILL").exists()


# Files

WRITES = {
    "flow": ["flow save {file}"],
    "call": ["call wave/record/{file} tone/dial"],
    "call by a message": ["message call.execute callto=wave/record/{file} direct=tone/dial"],
    "callee": ["call tone/dial wave/record/{file}"],
    "attach": [
        "message chan.masquerade id={channel} message=chan.attach consumer=wave/record/{file}"
    ],
    "record": ["message chan.masquerade id={channel} message=chan.record call=wave/record/{file}"],
    "consumer": ["message call.execute callto=tone/dial direct=dumb/ consumer=wave/record/{file}"],
    "phone": ["call tone/dial phone/", "phone record {file}"],
    "answer of a script": [
        "call tone/dial phone/", "message become.command 'line=phone record {file}'",
    ],
}  # fmt: skip
"""Attempts to have a file written."""

READS = {
    "source": "source {file}",
    "flow": "flow load {file}",
    "call": "call wave/play/{file} dumb/",
    "callee": "call tone/dial wave/play/{file}",
    "phone": "phone say {file}",
}
"""Attempts to have a file read."""

REFUSED = "not in a folder that this listener allows"


@pytest.mark.parametrize("attempt", WRITES)
@pytest.mark.parametrize("where", ["elsewhere", "above", "link", "neighbour", "guarded"])
def test_a_session_writes_only_in_folders_that_its_listener_allows(
    remote: Remote, tmp_path: Path, attempt: str, where: str
) -> None:
    box = remote.folder / "box"
    (box / "link").unlink(missing_ok=True)
    (box / "link").symlink_to(tmp_path)
    name = f"{attempt.replace(' ', '-')}-{where}.slin"
    outside = {
        "elsewhere": str(tmp_path / name),
        "above": f"{box}/../{name}",
        "link": f"{box}/link/{name}",
        "neighbour": f"{box}{name}",
        "guarded": str(tmp_path / name),
    }[where]
    allowed, denied = remote.open("PORT_BOXED"), remote.open("PORT_BOXED")
    if where == "guarded":
        denied = remote.open("PORT_GUARDED")
        denied.ask("auth p")
    for client, file in ((denied, outside), (allowed, str(box / name))):
        for line in WRITES[attempt]:
            channel_id = channel(remote.open()) if "{channel}" in line else ""
            client.ask(line.format(file=file, channel=channel_id))
        client.ask("drop all")
    assert (box / name).exists()
    assert not Path(outside).exists()


@pytest.mark.parametrize("attempt", READS)
def test_a_session_reads_only_in_folders_that_its_listener_allows(
    remote: Remote, tmp_path: Path, attempt: str
) -> None:
    inside, outside = remote.folder / "box" / "read.slin", tmp_path / "read.slin"
    for file in (inside, outside):
        file.write_bytes(b"uptime\n")
    client = remote.open("PORT_BOXED")
    client.ask("call tone/dial phone/")
    assert REFUSED in client.ask(READS[attempt].format(file=outside)) + said(remote, outside)
    assert REFUSED not in client.ask(READS[attempt].format(file=inside)) + said(remote, inside)
    client.ask("drop all")


def said(remote: Remote, file: Path) -> str:
    """Return what the log has of a file."""
    return "\n".join(remote.logged(re.escape(f"{file}: ")))


def test_cfgmerge_stays_in_the_folder_of_the_configuration(remote: Remote, tmp_path: Path) -> None:
    (remote.folder / "mine.conf").write_text("[a]\nb=1\n")
    (remote.folder.parent / "theirs.conf").write_text("[a]\nb=1\n")
    client = remote.open("PORT_STILL")
    assert "Saved merged" in client.ask("cfgmerge mine")
    assert REFUSED in client.ask("cfgmerge ../theirs")
    assert not (remote.folder.parent / "theirs.conf.merged").exists()


def test_completion_shows_no_files_that_may_not_be_used(remote: Remote, tmp_path: Path) -> None:
    (tmp_path / "secret-name").write_text("")
    (remote.folder / "box" / "shown-name").write_text("")
    client = remote.open("PORT_BOXED")
    client.send(f"source {tmp_path}/\t\r\n")
    assert "secret-name" not in client.ask("uptime")
    client.send(f"source {remote.folder}/box/shown\t\r\n")
    client.until("shown-name")


# Ids


def test_ids_of_messages_to_a_peer_are_none_that_it_sends_itself(remote: Remote) -> None:
    """A peer that counts its messages, as most do, never uses the id of one that it was sent."""
    ids = []
    for _ in range(2):
        client = remote.client(socket.create_connection(("127.0.0.1", remote.port("PORT_PEERS"))))
        client.send("%%>install:50:wait.for.it\n")
        client.until("%%<install:50:wait.for.it:true\n")
        session = remote.open()
        session.send("message --enqueue wait.for.it\r\n")
        client.until("%%>message:")
        ids.append(client.until(":").decode().removesuffix(":"))
        client.send("%%>uninstall:wait.for.it\n")
    for ident in ids:
        prefix, _, number = ident.partition(".")
        assert number == "1" and re.fullmatch("[0-9a-f]{8}", prefix)


# The engine's own messages

FORGED = (
    "engine.halt", "engine.stop", "engine.start", "engine.init", "engine.timer", "module.unloaded",
)  # fmt: skip


def test_only_the_engine_itself_sends_its_own_messages(remote: Remote) -> None:
    ports = [remote.open(), remote.open("PORT_STILL")]
    listening = ports[0].ask("status rmanager")
    channel_id = channel(ports[0])
    for client in ports:
        for name in FORGED:
            client.ask(f"message {name} time=9999999999")
            client.ask(f"message chan.masquerade id={channel_id} message={name} time=9999999999")
    assert ports[0].ask("status rmanager") == listening
    assert channel_id in ports[0].ask("status tone")
    remote.open().ask("uptime")
