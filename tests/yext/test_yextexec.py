"""The program yext-exec: descriptors, reasons, the end of a script, restarts."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from scratch import ROOT, open_directory

from tests.yext.extmodule.diagnosis.start_failures import CASES, SHOWN_DIRECTORY, play
from yext import Engine
from yext.yextexec import find_script, parse_arguments

PROGRAM = str(Path(sys.executable).with_name("yext-exec"))


def write(path: Path, text: str, mode: int = 0o755) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


def run(*arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([PROGRAM, *arguments], input=given, capture_output=True, timeout=60)


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["route.py"], (set(), "route.py", None)),
        (["route.py 9"], (set(), "route.py", "9")),
        (["route.py  9 8 "], (set(), "route.py", " 9 8")),
        (["route.py", "9 8"], (set(), "route.py", "9 8")),
        (["--restart route.py 9"], ({"--restart"}, "route.py", "9")),
        (["--restart", "--stderr=output", "a", "b"], ({"--restart", "--stderr=output"}, "a", "b")),
    ],
)
def test_arguments_may_come_as_one(arguments: list[str], found: object) -> None:
    assert parse_arguments(arguments) == found


@pytest.mark.parametrize("arguments", [[], [""], ["--restart"], ["--what x"], ["a", "b", "c"]])
def test_wrong_arguments_are_reported_to_the_engine(arguments: list[str]) -> None:
    ended = run(*arguments)
    assert ended.returncode == 2
    assert ended.stdout.startswith(b"%%>output:yext-exec: ")


def test_a_script_is_found_beside_the_program_and_then_in_its_folder(tmp_path: Path) -> None:
    beside, other = tmp_path / "beside", tmp_path / "other"
    beside.mkdir()
    other.mkdir()
    environment = {"YEXT_SCRIPTS_DIR": str(other)}
    write(other / "one.py", "")
    assert find_script("one.py", f"{beside}/yext-exec", environment) == f"{other}/one.py"
    write(beside / "one.py", "")
    assert find_script("one.py", f"{beside}/yext-exec", environment) == f"{beside}/one.py"
    assert find_script("no.py", f"{beside}/yext-exec", environment) == f"{beside}/no.py"
    assert find_script("/x/y.py", f"{beside}/yext-exec", environment) == "/x/y.py"


def test_every_byte_of_the_protocol_is_the_scripts(tmp_path: Path) -> None:
    script = write(tmp_path / "echo.sh", '#!/bin/sh\nprintf "%s\\n" "$1"\nexec cat\n')
    data = bytes(range(256)) * 1000
    ended = run(str(script), "a  b", given=data)
    assert (ended.returncode, ended.stdout) == (0, b"a  b\n" + data)


def test_the_script_has_the_descriptors_of_the_engine(tmp_path: Path) -> None:
    script = write(tmp_path / "fds.sh", "#!/bin/sh\ncat <&3 >&4\n")
    read_end, write_end = os.pipe()
    audio_in, audio_out = os.pipe()
    os.write(write_end, b"sound")
    os.close(write_end)
    start = f"exec {PROGRAM} {script} 3<&{read_end} 4>&{audio_out}"
    subprocess.run(
        ["/bin/bash", "-c", start], pass_fds=(read_end, audio_out), check=True, timeout=60
    )
    for descriptor in (read_end, audio_out):
        os.close(descriptor)
    with open(audio_in, "rb") as sound:
        assert sound.read() == b"sound"


CHILD = """
import difflib, fcntl, json, os, resource, sys
from yext import yextexec
from yext.extmodule.diagnosis import diagnose; from yext.extmodule.script import spawn

call = json.loads(sys.argv[1])
words = dict(script=call["script"], parameter=call["parameter"], source="")
path = spawn.resolve(call["script"], call["scripts_dir"])
null = os.open("/dev/null", os.O_RDWR)
exec(call["before"])
os.environ["YEXT_SCRIPTS_DIR"] = call["scripts_dir"]
os._exit(yextexec.main(["yext-exec", call["script"], call["parameter"]]))
"""
"""yext-exec in a process that was brought into a special state."""

NOT_THE_CALLERS = {"relative_scripts_dir", "outside"}
"""Failures whose ``do`` names the settings of the engine."""


@pytest.mark.parametrize("name", CASES)
def test_a_failed_start_has_the_reason_of_external_start(name: str) -> None:
    """Every failure of docs/start-failures.md."""
    expected = [line for line in play(name).lines if not line.startswith("from: ")]
    with open_directory() as directory:
        attempt = CASES[name].prepare(directory)
        call = dataclasses.asdict(attempt)
        ended = subprocess.run(
            [*attempt.wrapper, sys.executable, "-c", CHILD, json.dumps(call)],
            cwd=attempt.cwd,
            env={**os.environ, "PYTHONPATH": str(ROOT), "LC_ALL": "C"},
            capture_output=True,
            text=True,
            timeout=60,
        )
        text = ended.stdout.replace(str(directory), SHOWN_DIRECTORY)
    shown = [line.removeprefix("%%>output:") for line in text.splitlines()]
    assert shown, ended.stderr
    first, *rest = expected
    reason = first.split(": ", 1)[1]
    if name not in NOT_THE_CALLERS:
        assert shown == [first.replace(f": {reason}", f" did not start: {reason}"), *rest]
    assert f" did not start: {reason}" in shown[0]
    assert ended.returncode == (127 if "(ENOENT, 2)" in first else 126)


def test_a_bad_end_is_reported_with_the_last_lines(tmp_path: Path) -> None:
    script = write(tmp_path / "dies.sh", "#!/bin/sh\necho one\necho no such thing >&2\nexit 3\n")
    ended = run(str(script))
    first, second, third = ended.stdout.decode().splitlines()[:3]
    assert first == "one"
    assert second.startswith(f"%%>output:{script} ended 0.")
    assert second.endswith("exit status 3")
    assert third == "%%>output:no such thing"
    assert ended.stderr == b"no such thing\n"
    assert ended.returncode == 3


def test_standard_error_may_go_to_the_engine(tmp_path: Path) -> None:
    script = write(tmp_path / "warns.sh", "#!/bin/sh\nprintf 'a\\033b\\nc' >&2\n")
    ended = run("--stderr=output", str(script))
    assert ended.stdout.splitlines() == [rb"%%>output:a\x1bb", b"%%>output:c"]
    assert (ended.stderr, ended.returncode) == (b"", 0)


def test_a_good_end_is_silent(tmp_path: Path) -> None:
    assert run(str(write(tmp_path / "ok.sh", "#!/bin/sh\ncat\n"))).stdout == b""


def start(*arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [PROGRAM, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
    )


def line(process: subprocess.Popen[bytes]) -> bytes:
    assert process.stdout is not None
    found = b""
    while not found.endswith(b"\n"):
        byte = process.stdout.read(1)
        assert byte, found
        found += byte
    return found


TRAPS = """#!{}
import os, signal, sys
def got(number, frame):
    print("got", number, flush=True)
    sys.exit(0)
signal.signal(int(sys.argv[1]), got)
print(os.getpid(), flush=True)
while True:
    signal.pause()
"""


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2]
)
def test_signals_reach_the_script(tmp_path: Path, number: int) -> None:
    script = write(tmp_path / "traps.py", TRAPS.format(sys.executable))
    process = start(str(script), str(int(number)))
    pid = int(line(process))
    process.send_signal(number)
    assert line(process) == f"got {int(number)}\n".encode()
    assert process.wait(30) == 0
    assert not Path(f"/proc/{pid}").exists()


def test_the_end_of_input_reaches_the_script(tmp_path: Path) -> None:
    process = start(str(write(tmp_path / "waits.sh", "#!/bin/sh\necho on\ncat\necho over\n")))
    assert line(process) == b"on\n"
    assert process.stdin is not None
    process.stdin.close()
    assert line(process) == b"over\n"
    assert process.wait(30) == 0


def test_a_script_is_started_again_until_input_ends(tmp_path: Path) -> None:
    count = tmp_path / "count"
    text = f"#!/bin/sh\necho x >> {count}\nexit 1\n"
    process = start("--restart", str(write(tmp_path / "crash.sh", text)))
    assert b"exit status 1" in line(process)
    assert b"is started again in 0.5 s" in line(process)
    assert b"exit status 1" in line(process)
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(30) == 1
    assert count.read_text().split() == ["x", "x"]


def test_a_signal_ends_the_delay_of_a_restart(tmp_path: Path) -> None:
    process = start("--restart", str(write(tmp_path / "crash.sh", "#!/bin/sh\nexit 1\n")))
    for _ in range(6):
        line(process)
    began = time.monotonic()
    process.terminate()
    process.wait(30)
    assert time.monotonic() - began < 2  # The delay that was begun lasts 2 s.


def test_yext_runs_it_as_a_script_like_any_other(tmp_path: Path) -> None:
    (tmp_path / "extmodule.conf").write_text(f"[general]\nscripts_dir={tmp_path}/\n")
    (tmp_path / "yext-exec").symlink_to(PROGRAM)
    write(
        tmp_path / "route.sh",
        "#!/bin/sh\nprintf '%%%%>install:50:call.route\\n'\nexec cat >/dev/null\n",
    )
    write(tmp_path / "bad.py", "#!/usr/bin/pyhton3\n")

    async def main() -> None:
        async with Engine(tmp_path) as engine:
            reported: asyncio.Queue[str] = asyncio.Queue()
            engine.log.subscribe(lambda event: reported.put_nowait(event.text))
            assert (await engine.command("external start yext-exec route.sh")).ok
            await engine.dispatcher.installed("call.route")
            await engine.command("external start yext-exec bad.py")
            while "did not start" not in (text := await reported.get()):
                pass
            assert (
                text == "bad.py did not start: interpreter /usr/bin/pyhton3 not found (ENOENT, 2)"
            )

    asyncio.run(asyncio.wait_for(main(), 60))
