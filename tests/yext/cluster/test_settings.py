"""The sections of yext.conf about other nodes."""

from pathlib import Path

import pytest
from nodes import read

from yext.cluster.settings import never_leaves


@pytest.mark.parametrize(
    "pattern",
    ["chan.*", "chan.dtmf", "call.execute", "call.*", "*", "c*", "engine.command", "*.execute"],
)
def test_what_never_leaves_a_node_cannot_be_shared(pattern: str) -> None:
    for option in ("handle", "watch", "use"):
        found = read(f"[share]\n{option}=call.route,{pattern}\n")
        (problem,) = found.problems
        assert problem.line == 2
        assert problem.text.startswith(f"{option}={pattern}: ")
        assert "never leaves" in problem.text
    assert "call.route" in read(f"[share]\nhandle=call.route,{pattern}\n").share.handle


@pytest.mark.parametrize("name", ["chan.dtmf", "call.execute", "engine.timer", "module.update", ""])
def test_names_that_never_leave(name: str) -> None:
    assert never_leaves(name)
    assert not never_leaves("call.route")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[share]\nhandel=call.route\n", "unknown option 'handel' in [share]"),
        ("[share]\nretry=always\n", "retry=always is none of no, passed"),
        ("[share]\ncommands=root\n", "commands=root is none of none, user, admin"),
        ("[share]\ntimeout=soon\n", "timeout=soon is not a number of milliseconds"),
        ("[link b]\n", "[link b] has no address=HOST:PORT"),
        ("[link b]\naddress=beech\n", "address=beech is neither HOST:PORT nor an absolute path"),
        ("[link b]\naddress=beech:0\n", "address=beech:0 has no port"),
        ("[link b]\naddress=:5\n", "address=:5 has no port"),
        ("[link b]\naddress=a:5\nnode=x y\n", "node=x y cannot be the name of a node"),
        ("[link b]\naddress=a:5\npassword-file=/nonexistent\n", "No such file or directory"),
        ("[link b]\naddress=a:5\nca=/etc/passwd\n", "ca= counts for nothing without tls=yes"),
        ("[nats]\nservers=,\n", "servers= names no server"),
        ("[nats]\nprefix=a b\n", "prefix=a b is not words"),
        ("[nats]\nprefix=a.>\n", "prefix=a.> is not words"),
    ],
)
def test_a_mistake_is_told_with_its_line(text: str, problem: str) -> None:
    (found,) = read(text).problems
    assert problem in found.text
    assert found.line > 0


def test_a_node_needs_a_name_that_others_can_use() -> None:
    (found,) = read("[share]\n", "two words").problems
    assert "the node is called 'two words'" in found.text


def test_links(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("x\n")
    secret.chmod(0o600)
    found = read(
        f"[link b]\naddress=[::1]:5040\nnode=beech\npassword-file={secret}\n"
        "[link u]\naddress=/run/yext\n"
    )
    assert not found.problems
    one, other = found.links
    assert (one.host, one.port, one.node, one.password_file) == ("::1", 5040, "beech", str(secret))
    assert (other.path, other.where()) == ("/run/yext", "unix /run/yext")


def test_a_secret_that_others_can_read_is_told(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("x\n")
    secret.chmod(0o644)
    (found,) = read(f"[link b]\naddress=a:1\npassword-file={secret}\n").problems
    assert "can be read by other users; do: chmod 600 it" in found.text


def test_a_file_without_sections_shares_nothing() -> None:
    found = read("")
    assert found.share.leave is None
    assert not found.links
    assert found.nats is None
    assert "call.route" not in found.share.handle
