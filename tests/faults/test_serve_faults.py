"""`yext serve` on a full disk, with few descriptors, and under signals meant for others."""

from __future__ import annotations

import contextlib
import os
import re
import resource
import select
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from yext.console import DEFAULT_PORT
from yext.sockets.descriptors import MANAGER_RESERVE

SECONDS = 20.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "rmanager.conf").write_text(
        f"[general]\nport=0\npath={tmp_path}/manager\ntelnet=no\nheader=\n"
    )
    return tmp_path


class Serving:
    """A `yext serve`, and a session of its manager."""

    def __init__(self, folder: Path, *options: str, limits: tuple[int, int] | None = None) -> None:
        def limit() -> None:
            if limits is not None:
                resource.setrlimit(resource.RLIMIT_NOFILE, limits)

        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-m", "console", "serve", "-c", str(folder), *options],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=limit,
        )
        self.said: list[str] = []
        self._rest = b""
        self.until("ready")

    def until(self, wanted: str) -> None:
        """Read standard error until a line contains `wanted`."""
        while not self.said or wanted not in self.said[-1]:
            self.said.append(self._line())

    def _line(self) -> str:
        # Read from the descriptor: select(2) does not see the lines that a file object has read.
        assert self.process.stderr is not None
        descriptor = self.process.stderr.fileno()
        while b"\n" not in self._rest:
            assert select.select([descriptor], [], [], SECONDS)[0], self.said
            piece = os.read(descriptor, 65536)
            assert piece, self.said
            self._rest += piece
        line, _, self._rest = self._rest.partition(b"\n")
        return line.decode()

    def connect(self) -> socket.socket:
        return connected(self.folder / "manager")

    def ask(self, line: str) -> str:
        """Give one command on a connection of its own, and return its reply."""
        with self.connect() as connected:
            connected.sendall(f"{line}\r\n".encode())
            connected.shutdown(socket.SHUT_WR)
            reply = b""
            while piece := connected.recv(65536):
                reply += piece
        return reply.decode()


@contextmanager
def serving(folder: Path, *options: str, **more: tuple[int, int]) -> Iterator[Serving]:
    engine = Serving(folder, *options, **more)
    try:
        yield engine
    finally:
        engine.process.kill()
        engine.process.communicate()


def until(holds: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < deadline, f"waited for {what}"
        time.sleep(0.01)


def test_a_restart_with_the_log_on_a_full_disk(folder: Path) -> None:
    with serving(folder, "-s", "-l", "/dev/full") as engine:
        before = [line for line in engine.said if "ready" not in line]
        assert len(before) == 1 and "/dev/full: No space left on device (ENOSPC)" in before[0]
        engine.said.clear()
        assert "restarting" in engine.ask("restart now")
        engine.until("ready")
        assert engine.process.poll() is None
        engine.ask("stop 7")
        assert engine.process.wait(SECONDS) == 7
        assert not any("Traceback" in line for line in engine.said)


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGUSR2, signal.SIGHUP])
def test_a_signal_does_not_end_the_engine(folder: Path, number: signal.Signals) -> None:
    """SIGHUP and SIGUSR1 reopen the log."""
    log = folder / "yext.log"
    with serving(folder, "-l", str(log)) as engine:
        assert stat.S_IMODE(log.stat().st_mode) == 0o600
        log.rename(folder / "old.log")
        engine.process.send_signal(number)
        if number is signal.SIGUSR2:
            until(lambda: "SIGUSR2 has no effect" in (folder / "old.log").read_text(), "a line")
        else:
            until(log.exists, "the log to be opened again")
            engine.ask("external start nothing-by-this-name")
            assert "nothing-by-this-name" in log.read_text()
        assert "Uptime" in engine.ask("uptime")


def test_a_log_that_cannot_be_opened_again_goes_on_in_its_file(folder: Path) -> None:
    logs = folder / "logs"
    logs.mkdir()
    with serving(folder, "-l", str(logs / "yext.log")) as engine:
        logs.rename(folder / "gone")
        engine.process.send_signal(signal.SIGUSR1)
        log = folder / "gone" / "yext.log"
        until(lambda: "stays in the file" in log.read_text(), "the line")
        assert "Uptime" in engine.ask("uptime")


def test_signals_do_not_end_a_batch(folder: Path) -> None:
    """Nor an engine that `yext run` has for its commands."""
    run = subprocess.Popen(
        [sys.executable, "-m", "console", "run", "-c", str(folder), "version", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert run.stdout is not None
    assert run.stdout.readline()
    run.send_signal(signal.SIGUSR1)
    run.send_signal(signal.SIGUSR2)
    out, _ = run.communicate("uptime\n", timeout=SECONDS)
    assert run.returncode == 0
    assert "Uptime" in out


# Descriptors


def test_the_limit_is_raised_and_scripts_keep_theirs(folder: Path) -> None:
    log = folder / "yext.log"
    script = folder / "limit.sh"
    script.write_text(
        "#!/bin/sh\necho '%%>setlocal:id:x'\nread answer\n"
        'echo "%%>output:limits $(ulimit -Sn) $(ulimit -Hn)"\ncat\n'
    )
    script.chmod(0o755)
    (folder / "extmodule.conf").write_text(f"[general]\nscripts_dir={folder}/\n")
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    hard = min(hard, 4096)
    with serving(folder, "-l", str(log), limits=(256, hard)) as engine:
        assert f"At most {hard:,} descriptors may be open, raised from 256" in log.read_text()
        with open(f"/proc/{engine.process.pid}/limits") as limits:
            found = re.search(r"Max open files +(\d+) +(\d+)", limits.read())
        assert found is not None and found.groups() == (str(hard), str(hard))
        engine.ask("external start limit.sh")
        until(lambda: "limits " in log.read_text(), "the script to speak")
        assert f"limits 256 {hard}" in log.read_text()


def test_connections_that_use_up_the_descriptors(folder: Path) -> None:
    """Peers, then managers: one line each, no work, and it goes on when they have left."""
    log = folder / "yext.log"
    script = folder / "ok.sh"
    script.write_text("#!/bin/sh\necho '%%>output:started'\ncat\n")
    script.chmod(0o755)
    (folder / "extmodule.conf").write_text(
        f"[general]\nscripts_dir={folder}/\n[listener p]\ntype=unix\npath={folder}/peers\n"
    )
    (folder / "rmanager.conf").write_text(
        f"[general]\nport=0\npath={folder}/manager\ntelnet=no\nheader=\ntimeout=0\n"
    )
    with serving(folder, "-l", str(log), limits=(64, 64)) as engine:
        process = psutil.Process(engine.process.pid)
        peers = [connected(folder / "peers") for _ in range(80)]
        until(lambda: "accepts nobody" in log.read_text(), "the peers to use them up")
        # What the peers have left is for managers, and for what they start.
        engine.ask("external start ok.sh")
        until(lambda: "started" in log.read_text(), "the script to start")
        managers = [engine.connect() for _ in range(30)]
        until(lambda: log.read_text().count("accepts nobody") == 2, "managers to use them up")
        assert process.num_fds() <= 64 - MANAGER_RESERVE + 2
        work = sum(process.cpu_times()[:2])
        time.sleep(1)
        assert sum(process.cpu_times()[:2]) - work < 0.2
        for one in [*peers, *managers]:
            one.close()
        until(lambda: log.read_text().count("accepts connections again") == 2, "to go on")
        lines = [line for line in log.read_text().splitlines() if "accepts nobody" in line]
        assert len(lines) == 2
        assert all("of 64 descriptors are left (EMFILE); do: " in line for line in lines)
        assert "Traceback" not in log.read_text()
        with connected(folder / "peers") as peer:
            peer.sendall(b"%%>connect:global\n%%>watch:x\n")
            assert peer.recv(100) == b"%%<watch:x:true\n"
        assert "Uptime" in engine.ask("uptime")


def connected(path: Path) -> socket.socket:
    made = socket.socket(socket.AF_UNIX)
    made.settimeout(SECONDS)
    made.connect(str(path))
    return made


@pytest.mark.parametrize("path", ["/nonexistent/x", "/", "/dev/full"])
def test_a_pid_file_that_cannot_be_written(folder: Path, path: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "console", "serve", "-c", str(folder), "-p", path],
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert done.returncode == 2
    assert done.stderr.startswith(f"yext: {path}: ") and "; do: " in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_pid_file_of_an_engine_that_runs_stays(folder: Path) -> None:
    pid = folder / "pid"
    with serving(folder, "-p", str(pid)) as engine:
        assert pid.read_text() == f"{engine.process.pid}\n"
        done = subprocess.run(
            [sys.executable, "-m", "console", "serve", "-c", str(folder), "-p", str(pid)],
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
        assert done.returncode == 2
        assert f"process {engine.process.pid}" in done.stderr
        assert pid.read_text() == f"{engine.process.pid}\n"
        # A file of the same name that another one has put there stays, too.
        pid.unlink()
        pid.write_text("another\n")
        engine.ask("stop")
        engine.process.wait(SECONDS)
        assert pid.read_text() == "another\n"


def served(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """A `yext serve` that ends by itself."""
    return subprocess.run(
        [sys.executable, "-m", "console", "serve", "-c", str(folder), *options],
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )


def test_a_script_asks_for_paths(folder: Path) -> None:
    log = folder / "yext.log"
    (folder / "extmodule.conf").write_text(f"[listener p]\ntype=unix\npath={folder}/peers\n")
    with serving(folder, "-e", str(folder), "-l", str(log)), connected(folder / "peers") as peer:
        peer.sendall(b"%%>connect:global\n%%>setlocal:engine.logfile:\n")
        assert peer.recv(1000) == f"%%<setlocal:engine.logfile:{log}:true\n".encode()
        peer.sendall(b"%%>setlocal:engine.sharedpath:\n")
        assert peer.recv(1000) == f"%%<setlocal:engine.sharedpath:{folder}:true\n".encode()


# Listeners that cannot listen


def test_a_second_engine_on_the_same_files_starts_nothing(folder: Path) -> None:
    """It ends with the reasons, and none of the scripts or programs has run twice."""
    log = folder / "yext.log"
    for name in ("script.sh", "program.sh"):
        (folder / name).write_text(f"#!/bin/sh\necho {name} >> {folder}/ran\n")
        (folder / name).chmod(0o755)
    (folder / "extmodule.conf").write_text(
        f"[general]\nscripts_dir={folder}/\n[listener p]\ntype=unix\npath={folder}/peers\n"
        "[scripts]\nscript.sh=\n[execute]\nprogram.sh=\n"
    )
    with serving(folder) as first:
        until(lambda: (folder / "ran").exists(), "the first to start them")
        until(lambda: len((folder / "ran").read_text().split()) == 2, "both")
        done = served(folder, "-l", str(log))
        assert done.returncode == 1
        reasons = [line for line in done.stderr.splitlines() if line.startswith("yext: ")]
        assert [line.split(": ")[1] for line in reasons] == ["listener 'general'", "listener 'p'"]
        assert all("another program listens there; do: stop it" in line for line in reasons)
        assert "ready" not in done.stderr
        assert sorted((folder / "ran").read_text().split()) == ["program.sh", "script.sh"]
        assert "Uptime" in first.ask("uptime")


def test_keep_going(folder: Path) -> None:
    """Ready, without the listener that cannot listen: the reason stands before."""
    (folder / "extmodule.conf").write_text("[listener p]\ntype=unix\npath=/nonexistent/x\n")
    with serving(folder, "--keep-going", "-l", os.devnull) as engine:
        assert "ready" in engine.said[-1]
        assert engine.said[:-1] == [
            "yext: listener 'p': unix /nonexistent/x: No such file or directory (ENOENT, 2); "
            "do: mkdir -p /nonexistent"
        ]
        assert "Uptime" in engine.ask("uptime")


@pytest.mark.parametrize(
    ("file", "text", "reason"),
    [
        ("extmodule", "[listener p]\ntype=tcp\nport=70000\n", "port=70000 is not a port"),
        ("extmodule", "[listener p]\ntype=tcp\nport=1\nrole=x\n", "Unknown role 'x'"),
        ("extmodule", "[listener p]\ntype=tcp\nport=1\nssl=yes\n", "ssl=yes needs certificate="),
        ("extmodule", "[listener p]\ntype=tcp\nport=1\naddr=::\n", "not opened to other machines"),
        ("rmanager", "[general]\nport=70000\n", "port=70000 is not a port"),
        ("rmanager", "[general]\nport=1\ncertificate=/nonexistent\n", "No such file"),
        ("rmanager", "[general]\nport=1\naddr=0.0.0.0\n", "not opened to other machines"),
    ],
)  # fmt: skip
def test_a_listener_that_its_section_keeps_from_listening(
    tmp_path: Path, file: str, text: str, reason: str
) -> None:
    (tmp_path / "rmanager.conf").write_text(f"[general]\nport=0\npath={tmp_path}/manager\n")
    (tmp_path / f"{file}.conf").write_text(text)
    done = served(tmp_path, "-l", os.devnull)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("yext: ") and reason in done.stderr


def test_the_listener_that_no_file_asks_for(tmp_path: Path) -> None:
    """Without rmanager.conf there is one on the port of Yate's; the engine can do without it."""
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):  # Another program has it: as good.
            taken.bind(("127.0.0.1", DEFAULT_PORT))
            taken.listen()
        with serving(tmp_path, "-l", os.devnull) as engine:
            assert "ready" in engine.said[0]


def test_an_engine_that_ends_leaves_the_sockets_of_a_newer_one(folder: Path) -> None:
    (folder / "extmodule.conf").write_text(f"[listener p]\ntype=unix\npath={folder}/peers\n")
    with serving(folder) as old:
        for name in ("manager", "peers"):
            (folder / name).unlink()
        with serving(folder) as new:
            old.process.terminate()
            assert old.process.wait(SECONDS) == 0
            assert "Uptime" in new.ask("uptime")
            with connected(folder / "peers") as peer:
                peer.sendall(b"%%>connect:global\n%%>watch:x\n")
                assert peer.recv(100) == b"%%<watch:x:true\n"
            new.process.terminate()
            new.process.wait(SECONDS)
        assert not (folder / "manager").exists() and not (folder / "peers").exists()
