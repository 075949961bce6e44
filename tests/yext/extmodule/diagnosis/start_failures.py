"""Every way in which a start can fail, each provoked for real, and the page about them in docs.

Run as a program, this writes docs/start-failures.md. Each case prepares files in a directory, and a
child process, in a special state if the case needs one, starts the script there.
"""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scratch import ROOT, open_directory, put

from yext.extmodule.diagnosis.program import ElfHead, read_head

TABLE = ROOT / "docs" / "start-failures.md"

SHOWN_DIRECTORY = "/srv/scripts"
"""The path that the page shows instead of the scripts' temporary directory."""

PYTHON = sys.executable

TRUE = "/bin/true"
"""A dynamically linked program that every machine has."""

_CHILD = """
import difflib, fcntl, json, os, resource, sys
from yext.errors import StartError
from yext.extmodule.diagnosis import diagnose; from yext.extmodule.script import spawn

call = json.loads(sys.argv[1])
path = spawn.resolve(call["script"], call["scripts_dir"])
words = dict(script=call["script"], parameter=call["parameter"], source=call["source"])
out = os.dup(1)
null = os.open("/dev/null", os.O_RDWR)

def opened():
    found = []
    for fd in range(64):
        try:
            found.append((fd, fcntl.fcntl(fd, fcntl.F_GETFD)))
        except OSError:
            pass
    return found

exec(call["before"])
seen = diagnose.check(path, **words)
before = opened()
try:
    spawn.start(path, [path, call["parameter"]], {0: null, 1: null, 2: null}, **words)
    failure = None
except StartError as error:
    failure = error.failure
after = opened()
try:
    left = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
except ChildProcessError:
    left = False
report = {
    "lines": failure.lines() if failure else None,
    "seen": seen.lines() if seen else None,
    "params": failure.params() if failure else None,
    "near": failure.near if failure else None,
    "interpreter": failure.interpreter if failure else None,
    "transient": failure.transient if failure else None,
    "leaked": before != after or left,
}
os.write(out, json.dumps(report).encode())
os._exit(0)
"""


@dataclass(frozen=True)
class Attempt:
    """A start that should fail, and the state of the process that makes it.

    Attributes:
        script, parameter: as in `external start`.
        scripts_dir: the directory in which relative names are looked up.
        before: Python code that the child runs first.
        wrapper: the command that runs the child.
        cwd: the child's working directory.
    """

    script: str
    scripts_dir: str
    parameter: str = "x"
    before: str = ""
    wrapper: tuple[str, ...] = ()
    cwd: str = "/"


@dataclass(frozen=True)
class Case:
    """A section of the page."""

    failure: str
    how: str
    prepare: Callable[[Path], Attempt]
    seen_before: bool = True
    """True if `check` finds it without a start."""


@dataclass(frozen=True)
class Outcome:
    """The child's report, with the scripts' directory named as on the page."""

    lines: tuple[str, ...]
    seen: tuple[str, ...]
    params: dict[str, str]
    near: tuple[str, ...]
    interpreter: str | None
    transient: bool
    leaked: bool


CASES: dict[str, Case] = {}

Prepare = Callable[[Path], Attempt]


def case(failure: str, how: str, seen_before: bool = True) -> Callable[[Prepare], Prepare]:
    """Register a function that prepares the files of a case in a directory."""

    def add(prepare: Prepare) -> Prepare:
        CASES[prepare.__name__] = Case(failure, how, prepare, seen_before)
        return prepare

    return add


def play(name: str) -> Outcome:
    """Provoke the failure `name` and return the report."""
    with open_directory() as directory:
        attempt = CASES[name].prepare(directory)
        call = {
            "script": attempt.script,
            "parameter": attempt.parameter,
            "scripts_dir": attempt.scripts_dir,
            "source": f"scripts_dir={attempt.scripts_dir} (extmodule.conf:3)",
            "before": attempt.before,
        }
        if attempt.script.startswith("/"):
            call["source"] = "extmodule.conf:12"
        report = _run_child(_CHILD, call, directory, attempt.wrapper, attempt.cwd)
    if report["lines"] is None:
        raise AssertionError(f"{name}: the script was started")
    return Outcome(
        tuple(report["lines"]),
        tuple(report["seen"] or ()),
        report["params"],
        tuple(report["near"]),
        report["interpreter"],
        report["transient"],
        report["leaked"],
    )


def _run_child(
    program: str, call: object, directory: Path, wrapper: tuple[str, ...] = (), cwd: str = "/"
) -> dict[str, Any]:
    """Run the Python `program` with `call` as its argument; return the JSON it prints."""
    done = subprocess.run(
        [*wrapper, PYTHON, "-c", program, json.dumps(call)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), "LC_ALL": "C"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode or not done.stdout:
        raise AssertionError(done.stderr)
    report: dict[str, Any] = json.loads(done.stdout.replace(str(directory), SHOWN_DIRECTORY))
    return report


def in_(directory: Path, script: str, **more: Any) -> Attempt:
    """Return a start of `script` with `directory` as scripts_dir."""
    return Attempt(script, f"{directory}/", **more)


_AS_NOBODY = """
os.setgroups([])
os.setresgid(65534, 65534, 65534)
os.setresuid(65534, 65534, 65534)
"""


# Files


@case("a missing file", "a name that is not in scripts_dir, where one.py is")
def missing(directory: Path) -> Attempt:
    put(directory / "one.py", "#!/bin/sh\n")
    return in_(directory, "gone.py")


@case("a missing file, by absolute path", "an absolute name that does not exist")
def missing_absolute(directory: Path) -> Attempt:
    put(directory / "route.py", "#!/bin/sh\n")
    return in_(directory, f"{directory}/ruote.py")


@case("a missing directory in the path", "sub/one.py without a directory sub")
def missing_subdirectory(directory: Path) -> Attempt:
    (directory / "subs").mkdir()
    return in_(directory, "sub/one.py")


@case("a missing scripts_dir", "a scripts_dir that does not exist")
def missing_scripts_dir(directory: Path) -> Attempt:
    return in_(directory / "scripts", "one.py")


@case("a relative scripts_dir", "scripts_dir=scripts/, with the engine started elsewhere")
def relative_scripts_dir(directory: Path) -> Attempt:
    (directory / "scripts").mkdir()
    put(directory / "scripts/one.py", "#!/bin/sh\n")
    (directory / "elsewhere").mkdir()
    return Attempt("one.py", "scripts/", cwd=str(directory / "elsewhere"))


@case("a script outside scripts_dir", "../gone.py, which is allowed but does not exist")
def outside(directory: Path) -> Attempt:
    (directory / "scripts").mkdir()
    return in_(directory / "scripts", "../gone.py")


@case("a link to nothing", "a symbolic link to a missing file")
def dangling(directory: Path) -> Attempt:
    (directory / "one.py").symlink_to("two.py")
    return in_(directory, "one.py")


@case("a circle of symbolic links", "two links that lead to each other")
def link_circle(directory: Path) -> Attempt:
    (directory / "one.py").symlink_to("two.py")
    (directory / "two.py").symlink_to("one.py")
    return in_(directory, "one.py")


@case("a file where a directory should be", "one.py/two.py, where one.py is a file")
def not_a_directory(directory: Path) -> Attempt:
    put(directory / "one.py", "#!/bin/sh\n")
    return in_(directory, "one.py/two.py")


@case("a name that is too long", "a name of 300 characters")
def name_too_long(directory: Path) -> Attempt:
    return in_(directory, "x" * 297 + ".py")


@case("a path that is too long", "a path of more than 4,095 characters")
def path_too_long(directory: Path) -> Attempt:
    return in_(directory, "directory/" * 450 + "one.py")


@case("a directory", "the name of a directory")
def a_directory(directory: Path) -> Attempt:
    (directory / "lib").mkdir()
    return in_(directory, "lib")


@case("not a program at all", "a named pipe")
def a_pipe(directory: Path) -> Attempt:
    os.mkfifo(directory / "queue")
    (directory / "queue").chmod(0o755)
    return in_(directory, "queue")


# Permissions


@case("not executable", "a file of mode 0644")
def not_executable(directory: Path) -> Attempt:
    put(directory / "one.py", "#!/bin/sh\n", 0o644)
    return in_(directory, "one.py")


@case("not executable for the engine's user", "a file of mode 0744, started by another user")
def not_executable_for_user(directory: Path) -> Attempt:
    put(directory / "one.py", "#!/bin/sh\n", 0o744)
    return in_(directory, "one.py", before=_AS_NOBODY)


@case("an unsearchable directory in the path", "a directory of mode 0700, started by another user")
def not_searchable(directory: Path) -> Attempt:
    (directory / "private").mkdir(mode=0o700)
    put(directory / "private/one.py", "#!/bin/sh\n")
    return in_(directory, "private/one.py", before=_AS_NOBODY)


@case("a file system mounted noexec", "a tmpfs mounted noexec, in a separate mount namespace")
def noexec(directory: Path) -> Attempt:
    mount = directory / "media"
    mount.mkdir()
    script = (
        'mount -t tmpfs -o noexec,mode=755 none "$0" && printf "#!/bin/sh\\n" > "$0/one.py" && '
        'chmod 755 "$0/one.py" && exec "$@"'
    )
    namespace = ["--mount"] if os.geteuid() == 0 else ["--mount", "--map-root-user"]
    wrapper = ("unshare", *namespace, "sh", "-c", script, str(mount))
    return Attempt("media/one.py", f"{directory}/", wrapper=wrapper)


@case(
    "not permitted",
    "a program with file capabilities, started without them in the bounding set",
    seen_before=False,
)
def not_permitted(directory: Path) -> Attempt:
    program = put(directory / "probe", Path(TRUE).read_bytes())
    net_raw = 13
    effective = 0x02000000 | 1
    capability = struct.pack("<5I", effective, 1 << net_raw, 0, 0, 0)
    os.setxattr(program, "security.capability", capability)
    drop = f"""
import ctypes
PR_CAPBSET_DROP = 24
assert ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, {net_raw}, 0, 0, 0) == 0
"""
    return in_(directory, "probe", before=drop)


# The #! line and the formats


@case("no #! line", "a Python script that begins with an import")
def no_first_line(directory: Path) -> Attempt:
    put(directory / "one.py", "import sys\n")
    return in_(directory, "one.py")


@case("an empty file", "an executable file of 0 bytes")
def empty(directory: Path) -> Attempt:
    put(directory / "one.sh", "")
    return in_(directory, "one.sh")


@case("a #! line that names nothing", "a file with nothing after #!")
def no_interpreter_named(directory: Path) -> Attempt:
    put(directory / "one.php", "#! \n<?php\n")
    return in_(directory, "one.php")


@case("a byte order mark before #!", "a script saved by some editors")
def byte_order_mark(directory: Path) -> Attempt:
    put(directory / "one.py", b"\xef\xbb\xbf#!/usr/bin/env python3\n")
    return in_(directory, "one.py")


@case("an unknown binary format", "a file of zeros")
def unknown_format(directory: Path) -> Attempt:
    put(directory / "one.bin", bytes(64))
    return in_(directory, "one.bin")


@case("a binary for another architecture", "an ELF program marked as LoongArch")
def other_architecture(directory: Path) -> Attempt:
    content = bytearray(Path(TRUE).read_bytes())
    content[18:20] = struct.pack("<H", 258)
    put(directory / "probe", bytes(content))
    return in_(directory, "probe")


@case("a missing interpreter", "#!/usr/bin/frob")
def interpreter_missing(directory: Path) -> Attempt:
    put(directory / "mailer.php", "#!/usr/bin/frob\n")
    return in_(directory, "mailer.php")


@case("an interpreter at another path", "#!/usr/local/lib/sh")
def interpreter_elsewhere(directory: Path) -> Attempt:
    put(directory / "one.sh", "#!/usr/local/lib/sh\n")
    return in_(directory, "one.sh", before="os.environ['PATH'] = '/bin'")


@case("an interpreter that is not executable", "#! naming a file of mode 0644")
def interpreter_not_executable(directory: Path) -> Attempt:
    interpreter = put(directory / "lua", "#!/bin/sh\n", 0o644)
    put(directory / "one.lua", f"#!{interpreter}\n")
    return in_(directory, "one.lua")


@case("an interpreter that is a directory", "#!/usr")
def interpreter_directory(directory: Path) -> Attempt:
    put(directory / "one.sh", "#!/usr\n")
    return in_(directory, "one.sh")


@case("a #! line ending in CR", "a script with Windows line ends")
def carriage_return(directory: Path) -> Attempt:
    put(directory / "one.sh", "#!/bin/sh\r\necho\r\n")
    return in_(directory, "one.sh")


@case("a #! line that is too long", "an interpreter path of 300 characters")
def first_line_too_long(directory: Path) -> Attempt:
    put(directory / "one.py", f"#!/{'x' * 300}\n")
    return in_(directory, "one.py")


@case("#! lines nested too deeply", "six scripts, each the interpreter of the next")
def nested(directory: Path) -> Attempt:
    interpreter = "/bin/sh"
    for depth in range(6):
        interpreter = str(put(directory / f"depth{depth}", f"#!{interpreter}\n"))
    return in_(directory, "depth5")


@case("a missing dynamic loader", "a program whose loader has another name")
def loader_missing(directory: Path) -> Attempt:
    head = read_head(TRUE)
    assert isinstance(head, ElfHead) and head.loader is not None
    loader = head.loader.encode()
    other = b"/lib/ld-gone.so.1".ljust(len(loader), b"\0")
    put(directory / "probe", Path(TRUE).read_bytes().replace(loader, other, 1))
    return in_(directory, "probe")


# Limits and resources


@case("an argument that is too long", "a parameter of 200,000 characters", seen_before=False)
def argument_too_long(directory: Path) -> Attempt:
    put(directory / "one.sh", "#!/bin/sh\n")
    return in_(directory, "one.sh", before='call["parameter"] = words["parameter"] = "x" * 200000')


@case("text file busy", "a script that is open for writing", seen_before=False)
def busy(directory: Path) -> Attempt:
    script = put(directory / "one.sh", "#!/bin/sh\n")
    return in_(directory, "one.sh", before=f"writer = open({str(script)!r}, 'a')")


@case("the descriptor limit (EMFILE)", "RLIMIT_NOFILE of 16, all in use", seen_before=False)
def descriptor_limit(directory: Path) -> Attempt:
    put(directory / "one.sh", "#!/bin/sh\n")
    fill = """
import contextlib
spawn._close_inherited_on_exec()
resource.setrlimit(resource.RLIMIT_NOFILE, (16, 16))
with contextlib.suppress(OSError):
    while True:
        os.dup(null)
"""
    return in_(directory, "one.sh", before=fill)


@case("the system's descriptor limit (ENFILE)", "the errno, set by the test", seen_before=False)
def system_descriptor_limit(directory: Path) -> Attempt:
    put(directory / "one.sh", "#!/bin/sh\n")
    inject = """
import errno
def refuse(*_args, **_options):
    raise OSError(errno.ENFILE, os.strerror(errno.ENFILE))
os.posix_spawn = refuse
"""
    return in_(directory, "one.sh", before=inject)


@case("the process limit (EAGAIN)", "RLIMIT_NPROC of 0, another user", seen_before=False)
def process_limit(directory: Path) -> Attempt:
    put(directory / "one.sh", "#!/bin/sh\n")
    limit = _AS_NOBODY + "\nresource.setrlimit(resource.RLIMIT_NPROC, (0, 0))\n"
    return in_(directory, "one.sh", before=limit)


@case("out of memory", "RLIMIT_AS of the process's current size", seen_before=False)
def no_memory(directory: Path) -> Attempt:
    put(directory / "one.sh", "#!/bin/sh\n")
    limit = """
diagnose.check(path, **words)
size = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (size, size))
"""
    return in_(directory, "one.sh", before=limit)


# Arguments that no system call accepts


@case("a name with a NUL", "a parameter that holds a NUL character", seen_before=False)
def nul(directory: Path) -> Attempt:
    put(directory / "one.sh", "#!/bin/sh\n")
    return in_(directory, "one.sh", parameter="a\0b")


# Scripts that start and end at once

_ENDING_CHILD = """
import json, os, subprocess, sys
from yext import log
from yext.extmodule.diagnosis import aftermath, diagnose
from yext.extmodule.script import spawn, stopping

path, before = json.loads(sys.argv[1])
exec(before)
reading, writing = os.pipe()
null = os.open("/dev/null", os.O_RDWR)
seen = diagnose.check(path, script=os.path.basename(path))
started = spawn.start(
    path, [path], {0: null, 1: null, 2: writing}, script=path, parameter=None, source=""
)
os.close(writing)
errors = open(reading, errors="surrogateescape").read().splitlines()
status = stopping.reap(started.pidfd)
hint = aftermath.explain_exit(status, errors, path)
report = {
    "lines": [status.describe()]
    + [log.safe(line) for line in errors if any(map(str.isalnum, line))][-2:]
    + ([f"do: {log.safe(hint)}"] if hint else []),
    "seen": seen.lines() if seen else None,
}
print(json.dumps(report))
"""


@dataclass(frozen=True)
class Ending:
    """A script that starts and ends at once."""

    failure: str
    name: str
    content: str
    mode: int = 0o755
    before: str = ""
    seen_before: bool = False


ENDINGS = {
    ending.name: ending
    for ending in (
        Ending(
            "env does not find the program", "env.py", "#!/usr/bin/env frob\n", seen_before=True
        ),
        Ending(
            "env is given a name ending in CR",
            "env-cr.py",
            "#!/usr/bin/env python3\r\n",
            seen_before=True,
        ),
        Ending("env is given two words", "env-two.py", "#!/usr/bin/env sh -e\n", seen_before=True),
        Ending("an option ending in CR", "option-cr.sh", "#!/bin/sh -e\r\n", seen_before=True),
        Ending("a Python module is missing", "module.py", f"#!{PYTHON}\nimport no_such_module\n"),
        Ending("a mistake in a Python script", "syntax.py", f"#!{PYTHON}\nx = = 1\n"),
        Ending("a Perl module is missing", "module.pl", "#!/usr/bin/perl\nuse No::Such;\n"),
        Ending("a command is missing", "command.sh", "#!/bin/sh\nfrobnicate\n"),
        Ending("a mistake in a shell script", "syntax.sh", "#!/bin/sh\nif then\n"),
        Ending(
            "the interpreter may not read the script",
            "unreadable.sh",
            "#!/bin/sh\n",
            0o711,
            _AS_NOBODY,
        ),
        Ending("a signal ends the script", "signal.sh", "#!/bin/sh\nkill -SEGV $$\n"),
    )
}


@dataclass(frozen=True)
class EndReport:
    """The report of an ending; `seen` is that of `check` before the start."""

    lines: tuple[str, ...]
    seen: tuple[str, ...]


def play_ending(name: str) -> EndReport:
    """Start the script of the ending `name` and return the report of its end."""
    ending = ENDINGS[name]
    with open_directory() as directory:
        script = put(directory / name, ending.content, ending.mode)
        report = _run_child(_ENDING_CHILD, [str(script), ending.before], directory)
    return EndReport(tuple(report["lines"]), tuple(report["seen"] or ()))


def section(failure: str, how: str, lines: Sequence[str]) -> str:
    """Return the section of the page about a failure."""
    # The rest of Perl's message depends on the machine.
    shown = (line.split(" (@INC contains")[0].replace(PYTHON, "/usr/bin/python3") for line in lines)
    block = "\n".join(f"    {line}" for line in shown)
    return f"## {failure[0].upper()}{failure[1:]}\n\nProvoked by {how}.\n\n{block}\n"


def case_section(name: str, lines: Sequence[str]) -> str:
    """Return the section about the case `name` with the report `lines`."""
    return section(CASES[name].failure, CASES[name].how, lines)


def ending_section(name: str, lines: Sequence[str]) -> str:
    """Return the section about the ending `name` with the report `lines`."""
    text = ENDINGS[name].content.replace("\r", "\\r").replace(PYTHON, "/usr/bin/python3")
    how = f"`{name}`: " + " ".join(f"`{line}`" for line in text.splitlines())
    return section(ENDINGS[name].failure, how, lines)


HEAD = f"""# Why a script did not start

This page is generated by `make docs`. Each failure below was provoked, and the text is what a plain
connection shows. The scripts are in `{SHOWN_DIRECTORY}/`.
"""

ENDINGS_HEAD = """# Scripts that start and end at once

Here the kernel starts a program, so the start succeeds. The exit status, the last lines on standard
error and one thing to do are reported as soon as the script ends.
"""


def page() -> str:
    """Return the page: each failure, how it was provoked, and the console's report."""
    failures = [case_section(name, play(name).lines) for name in CASES]
    endings = [ending_section(name, play_ending(name).lines) for name in ENDINGS]
    return "\n".join([HEAD, *failures, ENDINGS_HEAD, *endings])


if __name__ == "__main__":
    TABLE.write_text(page(), encoding="utf-8")
