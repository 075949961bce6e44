"""The warden: no script outlives a killed engine, and nothing of the warden a stopped one."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from scratch import ROOT

from yext.extmodule.script import spawn, warden
from yext.extmodule.script.warden import Warden

KILLS = int(os.environ.get("YEXT_KILLS", "100"))
"""Engines that are killed in one test."""


SHELLS = [path for name in ("dash", "bash", "busybox") if (path := shutil.which(name))]
"""What /bin/sh may be, of all that this machine has."""


@pytest.fixture(params=SHELLS or ["/bin/sh"])
def shell(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A shell, under the name that makes it behave as /bin/sh does."""
    link = tmp_path / "sh"
    link.symlink_to(request.param)
    return str(link)


def played(test: Callable[[Warden], Awaitable[None]]) -> None:
    """Runs `test` on an event loop with a warden, and closes the warden."""

    async def play() -> None:
        watched = Warden()
        try:
            async with asyncio.timeout(30):
                await test(watched)
        finally:
            await watched.close()

    asyncio.run(play())


def start_sleeper() -> spawn.Started:
    """A script that would live for long, with a child, and ignores SIGTERM."""
    null = os.open(os.devnull, os.O_RDWR)
    try:
        return spawn.start(
            "/bin/sh",
            ["/bin/sh", "-c", "trap '' TERM; sleep 1000 & while :; do sleep 1000; done"],
            {0: null, 1: null, 2: null},
            script="sleeper",
            parameter=None,
            source="",
        )
    finally:
        os.close(null)


async def ended(pidfd: int) -> None:
    """Waits until the process of `pidfd` has ended."""
    loop = asyncio.get_running_loop()
    event = asyncio.Event()
    loop.add_reader(pidfd, event.set)
    try:
        await event.wait()
    finally:
        loop.remove_reader(pidfd)


async def reaped(started: spawn.Started) -> int:
    """The signal that ended the program."""
    await ended(started.pidfd)
    result = os.waitid(os.P_PIDFD, started.pidfd, os.WEXITED)
    os.close(started.pidfd)
    assert result is not None
    return result.si_status


async def replaced(watched: Warden, pid: int | None) -> None:
    """Waits until the warden is another process than `pid`."""
    while watched.pid in (pid, None):
        await asyncio.sleep(0)


async def read_all(watched: Warden) -> None:
    """Waits until the warden has read all lines."""
    while struct.unpack("i", fcntl.ioctl(watched._pipe, termios.FIONREAD, b"\0" * 4)) != (0,):
        await asyncio.sleep(0.001)


def test_no_script_outlives_a_killed_engine(shell: str) -> None:
    program = Path(__file__).with_name("killed_engines.py")
    done = subprocess.run(
        [sys.executable, str(program), str(KILLS), shell],
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"},
        stdout=subprocess.PIPE,
        check=True,
    )
    told = json.loads(done.stdout)
    assert told["survived"] == 0
    assert told["median"] < 1.0
    assert told["killed during a start"] > 0


def test_the_warden_holds_nothing_of_the_engine(
    shell: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warden, "_SHELL", shell)

    async def test(watched: Warden) -> None:
        watched.begin(1)
        await read_all(watched)
        folder = f"/proc/{watched.pid}/fd"
        links = {fd: os.readlink(f"{folder}/{fd}") for fd in os.listdir(folder)}
        assert links.pop("0").startswith("pipe:")
        assert links == {"1": os.devnull, "2": os.devnull}
        assert os.readlink(f"/proc/{watched.pid}/cwd") == "/"
        assert os.getpgid(watched.pid or 0) == watched.pid

    played(test)


def test_nothing_is_left_after_a_stop() -> None:
    async def test(watched: Warden) -> None:
        before = os.listdir("/proc/self/fd")
        watched.begin(1)
        pid = watched.pid
        script = start_sleeper()
        watched.watch(script.pid)
        os.killpg(script.pid, signal.SIGKILL)
        await reaped(script)
        watched.forget(script.pid)
        await watched.close()
        assert watched.pid is None
        assert not Path(f"/proc/{pid}").exists()
        assert os.listdir("/proc/self/fd") == before

    played(test)


def test_what_was_not_forgotten_ends_with_the_warden() -> None:
    async def test(watched: Warden) -> None:
        watched.begin(1)
        scripts = [start_sleeper() for _ in range(3)]
        for script in scripts:
            watched.watch(script.pid)
        watched.forget(scripts[1].pid)
        await watched.close()
        assert await reaped(scripts[0]) == signal.SIGKILL
        assert await reaped(scripts[2]) == signal.SIGKILL
        assert os.waitpid(scripts[1].pid, os.WNOHANG) == (0, 0)
        os.killpg(scripts[1].pid, signal.SIGKILL)
        await reaped(scripts[1])

    played(test)


def test_signals_to_the_warden_change_nothing() -> None:
    async def test(watched: Warden) -> None:
        watched.begin(1)
        await read_all(watched)
        assert watched.pid is not None
        pid = watched.pid
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
            os.kill(pid, number)
        script = start_sleeper()
        watched.watch(script.pid)
        await read_all(watched)
        assert watched.pid == pid
        await watched.close()
        assert await reaped(script) == signal.SIGKILL

    played(test)


def test_a_killed_warden_is_replaced_and_knows_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warden, "_PAUSE", 0.0)

    async def test(watched: Warden) -> None:
        watched.begin(1)
        script = start_sleeper()
        watched.watch(script.pid)
        pid = watched.pid
        os.kill(pid or 0, signal.SIGKILL)
        await replaced(watched, pid)
        await watched.close()
        assert await reaped(script) == signal.SIGKILL

    played(test)


def test_a_warden_that_died_with_nothing_to_do_comes_back_with_the_next_script() -> None:
    async def test(watched: Warden) -> None:
        watched.begin(1)
        watched.abandon()
        pidfd = os.pidfd_open(watched.pid or 0)
        os.kill(watched.pid or 0, signal.SIGKILL)
        await ended(pidfd)
        os.close(pidfd)
        while watched.pid is not None:
            await asyncio.sleep(0)
        watched.begin(1)
        script = start_sleeper()
        watched.watch(script.pid)
        await watched.close()
        assert await reaped(script) == signal.SIGKILL

    played(test)


def test_a_warden_that_stands_still_is_replaced_and_does_not_stop_the_engine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(warden, "_PAUSE", 0.0)
    monkeypatch.setattr(warden, "_PATIENCE", 0.05)

    async def test(watched: Warden) -> None:
        watched.begin(1)
        script = start_sleeper()
        watched.watch(script.pid)
        pid = watched.pid
        os.kill(pid or 0, signal.SIGSTOP)
        for _ in range(10_000):  # More than the pipe takes.
            watched.begin(1)
            watched.abandon()
        await replaced(watched, pid)
        await read_all(watched)
        os.kill(watched.pid or 0, signal.SIGSTOP)
        await watched.close()
        assert watched.pid is None
        os.killpg(script.pid, signal.SIGKILL)
        await reaped(script)

    played(test)


def test_ten_thousand_scripts_do_not_make_it_grow(
    shell: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warden, "_SHELL", shell)

    def memory(pid: int | None) -> int:
        rows = Path(f"/proc/{pid}/status").read_text().splitlines()
        return next(int(row.split()[1]) for row in rows if row.startswith("VmRSS"))

    async def test(watched: Warden) -> None:
        sizes = []
        group = 4_194_304  # Greater than any process id: nothing is killed in the end.
        for _ in range(20):
            for _ in range(500):
                group += 1
                watched.begin(group)
                watched.watch(group)
                watched.forget(group - 10)
            await read_all(watched)
            sizes.append(memory(watched.pid))
        assert sizes[-1] - sizes[0] <= 64, sizes

    played(test)


def test_scripts_run_without_a_warden_where_there_is_no_shell(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(warden, "_SHELL", "/no/such/sh")

    async def test(watched: Warden) -> None:
        watched.begin(1)
        watched.watch(1 << 30)
        watched.forget(1 << 30)
        watched.abandon()
        assert watched.pid is None

    caplog.set_level("WARNING", logger="yext")
    played(test)
    assert "scripts run without a warden" in caplog.text
    assert "/no/such/sh" in caplog.text


def test_the_child_of_a_script_that_ended_untold_is_found_by_its_standard_error() -> None:
    """The engine dies between begin and +; the script has seen the end of its input and is gone."""

    async def test(watched: Warden) -> None:
        pipes = [os.pipe() for _ in range(2)]
        (stdin, told), (errors, stderr) = pipes
        os.close(told)
        watched.begin(os.fstat(stdin).st_ino, os.fstat(stderr).st_ino)
        null = os.open(os.devnull, os.O_RDWR)
        script = spawn.start(
            "/bin/sh",
            ["/bin/sh", "-c", "sleep 1000 < /dev/null > /dev/null & read -r line"],
            {0: stdin, 1: null, 2: stderr},
            script="x",
            parameter="",
            source="",
        )
        for descriptor in (stdin, stderr, null):
            os.close(descriptor)
        assert await reaped(script) == 1  # read found nothing, and the shell ended
        await watched.close()
        loop = asyncio.get_running_loop()
        assert await loop.run_in_executor(None, os.read, errors, 1) == b""
        os.close(errors)

    played(test)
