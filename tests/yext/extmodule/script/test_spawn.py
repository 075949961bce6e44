"""What a started program gets, and what the start does to the process that starts it.

Every test starts real programs from a Python process of its own, so that descriptors, signals and
threads are exactly those that the test wants.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scratch import ROOT, open_directory, put

from yext.errors import StartError, StartFailure
from yext.extmodule.diagnosis import diagnose
from yext.extmodule.script import spawn

PRELUDE = """
import fcntl, json, os, signal, sys, threading
from yext.errors import StartError
from yext.extmodule.script import spawn

REPORT = '''
import json, os, sys
links = {}
for fd in os.listdir("/proc/self/fd"):
    try:
        links[int(fd)] = os.readlink("/proc/self/fd/" + fd)
    except OSError:
        pass
with open(sys.argv[1], "w") as report:
    json.dump({"fds": links, "group": os.getpgrp() == os.getpid(), "cwd": os.getcwd(),
               "env": dict(os.environ)}, report)
'''

def start(program, *arguments, fds=None, script="x"):
    null = os.open("/dev/null", os.O_RDWR)
    fds = fds or {0: null, 1: null, 2: null}
    try:
        return spawn.start(program, [program, *arguments], fds, script=script, parameter=None,
                           source="")
    finally:
        os.close(null)

def report(**more):
    path = sys.argv[1]
    started = start(sys.executable, "-I", "-S", "-c", REPORT, path, **more)
    assert os.waitid(os.P_PIDFD, started.pidfd, os.WEXITED).si_status == 0
    os.close(started.pidfd)
    return json.load(open(path))

def signals():
    # Python ignores some by itself, so another program tells what it was given.
    with open(sys.argv[1], "w+b") as status:
        started = start("/bin/cat", "/proc/self/status", fds={0: 0, 1: status.fileno(), 2: 2})
        assert os.waitid(os.P_PIDFD, started.pidfd, os.WEXITED).si_status == 0
        os.close(started.pidfd)
        rows = dict(row.split(b":", 1) for row in open(sys.argv[1], "rb").read().splitlines())
    return [int(rows[b"SigIgn"], 16), int(rows[b"SigBlk"], 16)]

def no_child_is_left():
    try:
        return os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT) and False
    except ChildProcessError:
        return True
"""


def run(code: str, tmp_path: Path, **more: object) -> str:
    """What a new Python process that runs `code` prints."""
    done = subprocess.run(
        [sys.executable, "-c", PRELUDE + code, str(tmp_path / "report"), str(tmp_path)],
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"},
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
        check=True,
        **more,  # type: ignore[call-overload]
    )
    return str(done.stdout)


def bits(*signals: signal.Signals) -> int:
    return sum(1 << (number - 1) for number in signals)


SETTABLE = bits(*(signal.Signals(number) for number in range(1, 32)))
"""The signals that a process can set at all; the C library keeps two above them to itself."""


def test_a_program_gets_its_descriptors_and_no_other(tmp_path: Path) -> None:
    code = """
kept = os.open("/dev/null", os.O_RDWR)  # What the engine has open is its own.
files = {fd: os.open(f"{sys.argv[2]}/{fd}", os.O_RDWR | os.O_CREAT) for fd in (0, 1, 2, 3, 4)}
print(json.dumps(report(fds=files)["fds"]))
"""
    reading, writing = os.pipe()
    try:
        # The engine itself was started with one descriptor more than it knows of.
        links = json.loads(run(code, tmp_path, pass_fds=[writing]))
    finally:
        os.close(reading)
        os.close(writing)
    assert links == {str(fd): f"{tmp_path}/{fd}" for fd in (0, 1, 2, 3, 4)}


@pytest.mark.parametrize("thread", ["main thread", "another thread"])
@pytest.mark.parametrize(
    "wanted",
    [
        {0: 0, 1: 1, 2: 2},
        {0: 3, 1: 4, 2: 5, 3: 0, 4: 1},
        {0: 1, 1: 0, 2: 2},
        {0: 1, 1: 2, 2: 0},
        {0: 4, 1: 4, 2: 4, 3: 3, 4: 0},
        {0: 5},
        {0: 2, 3: 4, 4: 3},
    ],
    ids=str,
)
def test_descriptors_may_have_each_others_numbers(
    tmp_path: Path, wanted: dict[int, int], thread: str
) -> None:
    code = f"""
out = os.fdopen(fcntl.fcntl(1, fcntl.F_DUPFD_CLOEXEC, 20), "w")
for fd in range(6):
    opened = os.open(f"{{sys.argv[2]}}/file{{fd}}", os.O_RDWR | os.O_CREAT)
    os.dup2(opened, fd)
    if opened > 5:
        os.close(opened)
result = []
def body():
    result.append(report(fds={wanted})["fds"])
if {thread != "main thread"}:
    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
else:
    body()
left = [os.readlink(f"/proc/self/fd/{{fd}}") for fd in range(6)]
print(json.dumps([result[0], left]), file=out)
"""
    links, left = json.loads(run(code, tmp_path))
    assert links == {str(fd): f"{tmp_path}/file{own}" for fd, own in wanted.items()}
    assert left == [f"{tmp_path}/file{fd}" for fd in range(6)]


INTERRUPTIONS = {
    "handlers": "",
    "ignored already": "signal.signal(2, signal.SIG_IGN); signal.signal(3, signal.SIG_IGN)",
    "blocked": "signal.pthread_sigmask(signal.SIG_BLOCK, [2, 3, 15])",
    "all others ignored": """
for number in signal.valid_signals() - {2, 3, 9, 17, 19, 32, 33}:
    signal.signal(number, signal.SIG_IGN)
""",
}


@pytest.mark.parametrize("thread", ["main thread", "another thread"])
@pytest.mark.parametrize("state", INTERRUPTIONS)
def test_a_program_ignores_interrupts_and_nothing_else(
    tmp_path: Path, state: str, thread: str
) -> None:
    code = f"""
{INTERRUPTIONS[state]}
before = [signal.getsignal(number) for number in range(1, 32)]
mask = signal.pthread_sigmask(signal.SIG_BLOCK, [])
result = []
def body():
    result.append(signals())
if {thread != "main thread"}:
    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
else:
    body()
assert before == [signal.getsignal(number) for number in range(1, 32)]
assert mask == signal.pthread_sigmask(signal.SIG_BLOCK, [])
print(json.dumps(result[0]))
"""
    ignored, blocked = json.loads(run(code, tmp_path))
    assert ignored & SETTABLE == bits(signal.SIGINT, signal.SIGQUIT)
    assert blocked == 0


def test_a_program_has_the_engines_environment_and_directory_and_its_own_group(
    tmp_path: Path,
) -> None:
    code = """
os.environ["COLOUR"] = "blue"
os.environ["BYTES"] = "\\udcff"
print(json.dumps(report()))
"""
    told = json.loads(run(code, tmp_path, cwd=str(tmp_path)))
    assert told["cwd"] == str(tmp_path)
    assert told["group"], "it leads a process group"
    assert (told["env"]["COLOUR"], told["env"]["BYTES"]) == ("blue", "\udcff")


def test_a_start_does_not_disturb_the_signals_of_an_event_loop(tmp_path: Path) -> None:
    code = """
import asyncio

async def main():
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
        arrived = asyncio.Event()
        loop.add_signal_handler(number, arrived.set)
        os.waitpid(start("/bin/true").pid, 0)
        os.kill(os.getpid(), number)
        await asyncio.wait_for(arrived.wait(), 20)
    print("all arrived")

asyncio.run(main())
"""
    assert run(code, tmp_path) == "all arrived\n"


WATCHER = """
import os, signal, sys
pid = int(sys.argv[1])
for _ in sys.stdin:
    while True:
        with open(f"/proc/{pid}/status") as status:
            ignored = next(line for line in status if line.startswith("SigIgn"))
        if int(ignored.split()[1], 16) & 1 << (signal.SIGINT - 1):
            break
    os.kill(pid, signal.SIGINT)
    print("sent", flush=True)
"""


def test_an_interrupt_during_a_start_is_not_lost(tmp_path: Path) -> None:
    """Another process waits until the interrupt is ignored, which a start does for the
    moment, and sends one just then."""
    code = f"""
import select, subprocess
arrived = 0

def count(*_):
    global arrived
    arrived += 1

signal.signal(signal.SIGINT, count)
watcher = subprocess.Popen(
    [sys.executable, "-I", "-c", {WATCHER!r}, str(os.getpid())],
    stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
)
for wanted in range(1, 21):
    watcher.stdin.write("go\\n")
    while not select.select([watcher.stdout], [], [], 0)[0]:
        started = start("/bin/true")
        os.close(started.pidfd)
        os.waitpid(started.pid, 0)
    watcher.stdout.readline()
    assert arrived == wanted, (arrived, wanted)
watcher.stdin.close()
watcher.wait()
print(arrived)
"""
    assert run(code, tmp_path) == "20\n"


def test_an_interrupt_that_waits_already_is_not_lost(tmp_path: Path) -> None:
    code = """
arrived = []
for number in (signal.SIGINT, signal.SIGQUIT):
    signal.signal(number, lambda number, _frame: arrived.append(number))
signal.pthread_sigmask(signal.SIG_BLOCK, [2, 3])
os.kill(os.getpid(), signal.SIGINT)
os.kill(os.getpid(), signal.SIGQUIT)
os.waitpid(start("/bin/true").pid, 0)
assert not arrived and signal.sigpending() == {2, 3}
signal.pthread_sigmask(signal.SIG_UNBLOCK, [2, 3])
print(sorted(arrived))
"""
    assert run(code, tmp_path) == "[2, 3]\n"


def test_a_handler_that_raises_leaves_no_program_behind(tmp_path: Path) -> None:
    """The watcher's interrupt may come a moment late: only one that strikes within the start
    raises, and until then it is sent again."""
    code = f"""
import subprocess
struck = False

def strike(_number, frame):
    global struck
    while frame is not None and frame.f_code.co_name != "_spawn_ignoring":
        frame = frame.f_back
    if frame is None:
        watcher.stdin.write("go\\n")
        return
    struck = True
    raise KeyboardInterrupt

signal.signal(signal.SIGINT, strike)
watcher = subprocess.Popen(
    [sys.executable, "-I", "-c", {WATCHER!r}, str(os.getpid())],
    stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, bufsize=1,
)
watcher.stdin.write("go\\n")
descriptors = len(os.listdir("/proc/self/fd"))
try:
    while True:
        started = start("/bin/cat", fds={{0: watcher.stdin.fileno(), 1: 1, 2: 2}})
        os.close(started.pidfd)
        os.kill(started.pid, 9)
        os.waitpid(started.pid, 0)
except KeyboardInterrupt:
    assert struck and len(os.listdir("/proc/self/fd")) == descriptors
watcher.stdin.close()
watcher.wait()
print(no_child_is_left())
"""
    assert run(code, tmp_path) == "True\n"


def test_a_failure_in_another_thread_is_as_exact(tmp_path: Path) -> None:
    code = """
def body():
    for path, argument in (
        ("/no/such", "x"), ("/tmp", "x"), ("/bin/true", "x" * 200000), ("/bin/true", "a\\0b"),
        ("/bin/true", "\\ud800"),
    ):
        try:
            start(path, argument)
        except StartError as error:
            print(error.failure.errno_name, error.failure.reason)

body()
descriptors = os.listdir("/proc/self/fd")
print("-")
thread = threading.Thread(target=body)
thread.start()
thread.join()
print("-")
assert descriptors == os.listdir("/proc/self/fd")
print(no_child_is_left())
"""
    main, other, left = run(code, tmp_path).split("-\n")
    assert main == other
    assert [line.split()[0] for line in main.splitlines()] == [
        "ENOENT",
        "EACCES",
        "E2BIG",
        "EINVAL",
        "EINVAL",
    ]
    assert left == "True\n"


def test_a_pipe_that_cannot_be_had_is_a_failed_start(tmp_path: Path) -> None:
    code = """
import resource
from yext.engine.loader import load_rest
load_rest()  # As an engine does, while it can.
resource.setrlimit(resource.RLIMIT_NOFILE, (4, 4))
os.dup(0)
try:
    spawn.make_pipe("one.py", "/srv/one.py", "x", "extmodule.conf:12")
except StartError as error:
    print(*error.failure.lines(), sep="\\n")
"""
    assert run(code, tmp_path).splitlines() == [
        "one.py: Too many open files: the engine may have 4 (EMFILE, 24)",
        "tried: /srv/one.py x",
        "from: extmodule.conf:12",
        "do: raise the engine's limit (ulimit -n)",
    ]


def test_names_are_looked_up_in_scripts_dir_as_they_are() -> None:
    assert spawn.resolve("one.py", "/srv/scripts/") == "/srv/scripts/one.py"
    assert spawn.resolve("../one.py", "/srv/scripts/") == "/srv/scripts/../one.py"
    assert spawn.resolve("/opt/one.py", "/srv/scripts/") == "/opt/one.py"


def test_control_characters_are_shown_never_sent() -> None:
    with open_directory() as directory:
        name = "one\x1b[31m\n\u202e\udcff.py"
        put(directory / name, "#!/no/su\x07ch\n")
        put(directory / (name + "x"), "")
        failure = diagnose.check(f"{directory}/{name}", script=name, parameter="a\rb")
        missing = diagnose.check(f"{directory}/{name[:-1]}", script=name[:-1])
    assert failure is not None and missing is not None
    assert failure.lines()[0] == (
        "one\\x1b[31m\\x0a\\u202e\\xff.py: interpreter /no/su\\x07ch not found (ENOENT, 2)"
    )
    for line in (*failure.lines(), *missing.lines(), failure.one_line()):
        assert line.isprintable(), line
    assert len(missing.near) == 2
    assert failure.params()["interpreter"] == "/no/su\x07ch"
    assert failure.params()["path"] == f"{directory}/{name}"


def test_what_is_not_known_is_left_out() -> None:
    failure = StartFailure("one.py", "/srv/one.py", None, "it does not want to")
    assert failure.lines() == ("one.py: it does not want to", "tried: /srv/one.py")
    assert failure.one_line() == "one.py: it does not want to; tried: /srv/one.py"
    assert failure.params() == {"reason": "it does not want to", "path": "/srv/one.py"}


PIECES = [
    b"/bin/true",
    b"/usr",
    b"/no/such",
    b" ",
    b"\t",
    b"\r",
    b"\0",
    b"\n",
    b"-e",
    b"x" * 100,
    b"/" * 120,
    b"#!",
]


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(pieces=st.lists(st.sampled_from(PIECES), max_size=6).map(b"".join))
def test_check_and_kernel_agree_on_every_first_line(pieces: bytes) -> None:
    with open_directory() as directory:
        script = str(put(directory / "one", b"#!" + pieces))
        expected = diagnose.check(script, script=script)
        try:
            started = spawn.start(
                script, [script], {0: 0, 1: 1, 2: 2}, script=script, parameter=None, source=""
            )
        except StartError as error:
            assert expected is not None
            assert error.failure == expected
        else:
            os.waitpid(started.pid, 0)
            os.close(started.pidfd)
            assert expected is None or expected.errno is None


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    at=st.integers(0, 400),
    change=st.binary(min_size=1, max_size=16),
    length=st.integers(0, 1000),
)
def test_no_damaged_program_upsets_the_check(at: int, change: bytes, length: int) -> None:
    content = bytearray(Path("/bin/true").read_bytes()[:length])
    content[at : at + len(change)] = change
    with open_directory() as directory:
        program = str(put(directory / "one", bytes(content)))
        found = diagnose.check(program, script="one")
        assert found is None or found.lines()[0].isprintable()
