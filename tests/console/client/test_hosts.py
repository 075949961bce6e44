"""Hosts as an operator writes them, and hosts.toml."""

from __future__ import annotations

from pathlib import Path

import pytest

from yext.console.client.hosts import Host, HostError, find, read_password


@pytest.fixture(autouse=True)
def hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    file = tmp_path / "yext" / "hosts.toml"
    file.parent.mkdir()
    file.write_text("[alder]\nhost = 'a.example'\nport = 99\ntls = true\nca = 'ca.pem'\n")
    return file


@pytest.mark.parametrize(
    ("asked", "where"),
    [
        ("", "127.0.0.1:5038"),
        ("10.0.0.1", "10.0.0.1:5038"),
        ("10.0.0.1:7", "10.0.0.1:7"),
        (":7", "127.0.0.1:7"),
        ("::1", "[::1]:5038"),
        ("[::1]:7", "[::1]:7"),
        ("[::1]", "[::1]:5038"),
        ("alder", "a.example:99"),
        ("alder:7", "a.example:7"),
        ("/run/x.sock", "/run/x.sock"),
    ],
)
def test_where_attach_goes(asked: str, where: str) -> None:
    assert find(asked).where == where


def test_files_of_a_host_are_beside_hosts_toml(hosts: Path) -> None:
    assert find("alder").ca == str(hosts.parent / "ca.pem")


@pytest.mark.parametrize("asked", ["a:x", "a:", "a:0", "a:65536", "[::1]:x"])
def test_a_wrong_port_is_an_error(asked: str) -> None:
    with pytest.raises(HostError, match="is not a port"):
        find(asked)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[x]\nprot = 1\n", r"\[x\] prot: unknown"),
        ("[x]\nport = 'a'\n", r"\[x\] port: not a number"),
        ("x = 1\n", "x is not a table"),
        ("[x\n", "hosts.toml"),
    ],
)
def test_mistakes_in_hosts_toml_are_errors(hosts: Path, text: str, reason: str) -> None:
    hosts.write_text(text)
    with pytest.raises(HostError, match=reason):
        find("x")


def test_a_password_file_is_its_owners_alone(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("secret\nrest\n")
    file.chmod(0o600)
    assert read_password(str(file)) == "secret"
    file.chmod(0o640)
    with pytest.raises(HostError, match="others may read it"):
        read_password(str(file))
    file.chmod(0o600)
    file.write_text("\n")
    with pytest.raises(HostError, match="blank"):
        read_password(str(file))


def test_missing_certificates_are_errors() -> None:
    with pytest.raises(HostError, match="No such file"):
        Host(tls=True, ca="/no/such.pem").context()
