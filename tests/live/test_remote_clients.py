"""Real clients of the remote manager: telnet, nc, openssl, expect, and ``yext attach``."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from remotes import ROOT, SECONDS, Remote, certificate
from terminals import Terminal

CONF = """
    [general]
    port=PORT
    password=sesame
    userpass=look
    [plain]
    port=PORT_PLAIN
    telnet=no
    header=
    [tls]
    port=PORT_TLS
    certificate=FOLDER/own.pem
    key=FOLDER/own.key
    header=
    telnet=no
"""


@pytest.fixture(scope="module")
def remote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remote]:
    folder = tmp_path_factory.mktemp("r")
    certificate(folder, "own")
    served = Remote(folder, CONF)
    yield served
    served.close()


@pytest.fixture
def environ(remote: Remote) -> dict[str, str]:
    password = remote.folder / "password"
    password.write_text("sesame\n")
    password.chmod(0o600)
    hosts = remote.folder / "yext" / "hosts.toml"
    hosts.parent.mkdir(exist_ok=True)
    hosts.write_text(
        f"[alder]\nport = {remote.port()}\npassword_file = '{password}'\n"
        f"[secured]\nhost = 'localhost'\nport = {remote.port('PORT_TLS')}\ntls = true\n"
        f"ca = '{remote.folder}/own.pem'\n"
    )
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(remote.folder),
        "XDG_CONFIG_HOME": str(remote.folder),
        "XDG_STATE_HOME": str(remote.folder / "state"),
        "TERM": "xterm-256color",
        "LANG": "C.UTF-8",
        "PAGER": "cat",
        "PYTHONPATH": str(ROOT),
    }


def sees(terminal: Terminal, text: str) -> None:
    terminal.until(lambda: text in terminal.text(), text)


def telnet(remote: Remote, environ: dict[str, str], columns: int = 90) -> Terminal:
    terminal = Terminal(["telnet", "127.0.0.1", str(remote.port())], environ, columns, 24)
    sees(terminal, "Not authenticated: auth PASSWORD lets you in.")
    return terminal


def test_log_in_complete_resize_and_quit(remote: Remote, environ: dict[str, str]) -> None:
    terminal = telnet(remote, environ)
    for word in ("scripts", "listeners", "running"):
        assert word not in terminal.text(), "a guest sees nothing, and nothing wrong"
    terminal.type("version\r")
    sees(terminal, "Not authenticated!")
    terminal.type("auth sesame\r")
    sees(terminal, "Authenticated successfully as admin!")
    sees(terminal, "no scripts   listeners: none")
    sees(terminal, "Type help, or press TAB.")
    assert "sesame" not in terminal.text()
    terminal.type("upt\t")
    terminal.until(lambda: terminal.cursor_line().endswith("> uptime"), "the completion")
    terminal.type("\r")
    sees(terminal, "Uptime:")
    terminal.type("external start gone.py\r")
    sees(terminal, "No such file or directory")
    terminal.child.setwinsize(24, 60)
    terminal.type("version\r")
    sees(terminal, "release:")
    terminal.type("\x1b[A\x1b[A\x1b[A")
    terminal.until(lambda: terminal.cursor_line().endswith("> uptime"), "the history")
    terminal.type("\x03")
    terminal.type("quit\r")
    sees(terminal, "Connection closed by foreign host")
    terminal.close()


def test_two_operators_follow_messages_at_once(remote: Remote, environ: dict[str, str]) -> None:
    both = [telnet(remote, environ) for _ in range(2)]
    for terminal in both:
        terminal.type("auth sesame\r")
        sees(terminal, "Type help, or press TAB.")
        terminal.type("flow on chan.control\r")
        sees(terminal, "Flow: on")
    both[0].type("control here there\r")
    for terminal in both:
        sees(terminal, "targetid=here")
        terminal.close()


def test_nc(remote: Remote) -> None:
    done = subprocess.run(
        ["nc", "-N", "127.0.0.1", str(remote.port("PORT_PLAIN"))],
        input=b"version\nstatus rmanager\n",
        capture_output=True,
        timeout=SECONDS,
        check=True,
    )
    assert done.stdout.startswith(b"version:") and done.stdout.endswith(b"%%-status\r\n")
    assert b"\x1b" not in done.stdout


def test_openssl(remote: Remote) -> None:
    done = subprocess.run(
        [
            *("openssl", "s_client", "-quiet", "-verify_return_error"),
            *("-CAfile", remote.folder / "own.pem"),
            *("-connect", f"127.0.0.1:{remote.port('PORT_TLS')}"),
        ],
        input=b"version\nquit\n",
        capture_output=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.stdout.startswith(b"version:") and done.stdout.endswith(b"Goodbye!\r\n")


def test_expect(remote: Remote, tmp_path: Path) -> None:
    script = tmp_path / "log_in.exp"
    script.write_text(
        f"""
        set timeout 20
        spawn nc 127.0.0.1 {remote.port()}
        send "auth sesame\\r"
        expect "Authenticated successfully as admin!"
        send "status rmanager\\r"
        expect "%%-status"
        send "quit\\r"
        expect "Goodbye!" {{ exit 7 }}
        """
    )
    assert subprocess.run(["expect", script], timeout=60, capture_output=True).returncode == 7


def test_attach(remote: Remote, environ: dict[str, str]) -> None:
    attach = [sys.executable, "-m", "console", "attach"]
    terminal = Terminal([*attach, "alder"], environ, 100, 30)
    sees(terminal, f"attached to 127.0.0.1:{remote.port()}")
    terminal.type("upt\t")
    terminal.until(lambda: terminal.cursor_line().endswith("> uptime"), "the completion")
    terminal.type("\r")
    sees(terminal, "Uptime:")
    terminal.type("flow on chan.control\r")
    sees(terminal, "Flow: on")
    terminal.type("control here there\r")
    sees(terminal, "targetid=here")
    terminal.type("quit\r")
    assert terminal.end() == 0


def test_run_attached(remote: Remote, environ: dict[str, str]) -> None:
    def run(*words: str) -> tuple[int, str]:
        command = [sys.executable, "-m", "console", "run", *words]
        done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout

    code, text = run("--attach", "alder", "version", "status rmanager")
    assert code == 0 and "version:" in text and "name=rmanager" in text and "%%" not in text
    assert run("--attach", "secured", "version")[0] == 0
    assert run("--attach", "alder", "nosuch")[0] == 2
    assert run("--attach", "alder", "drop nobody")[0] == 1
    assert run("--attach", "127.0.0.1:1", "version")[0] == 3
    assert run("--attach", f"127.0.0.1:{remote.port()}", "version")[0] == 4
    assert run("--attach", "alder:x", "version")[0] == 2
