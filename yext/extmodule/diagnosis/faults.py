"""Find why execve(2) would reject a file.

`find_fault` examines, in the kernel's order, each directory of the path, the file, its
permissions, its ``#!`` line, the interpreter and the dynamic loader, and reports the error that
the kernel would. It reads no more than a few hundred bytes of a file and some thousand names of a
directory.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from yext.extmodule.diagnosis.hints import (
    absent_hint,
    env_hint,
    find_program,
    line_ends_hint,
    near_misses,
    quoted,
)
from yext.extmodule.diagnosis.program import (
    HEAD,
    ElfHead,
    OtherHead,
    ScriptHead,
    own_head,
    read_head,
)

_SCRIPTS_DEEP = 5
"""How many scripts may be each other's interpreter before the kernel gives up."""

_LINKS_DEEP = 40
"""How many symbolic links the kernel follows in one path."""

_ALSO_RUNS = {62: (3,), 183: (40,)}
"""For an ELF machine number, those of the older processors whose programs it mostly runs."""

_KINDS: tuple[tuple[Callable[[int], bool], str, str], ...] = (
    (stat.S_ISDIR, "is a directory, not a program", "name a program in it"),
    (stat.S_ISFIFO, "is a named pipe, not a program", "name a program"),
    (stat.S_ISSOCK, "is a socket, not a program", "name a program"),
    (lambda mode: not stat.S_ISREG(mode), "is a device, not a program", "name a program"),
)
"""Files that are no programs: a test of the mode, the reason and a hint."""

_FORMATS = (
    (b"\xef\xbb\xbf#!", "has a byte order mark before its #! line", "save it without the mark"),
    (b"\xff\xfe", "is UTF-16 text, which no kernel starts", "save it as UTF-8"),
    (b"\xfe\xff", "is UTF-16 text, which no kernel starts", "save it as UTF-8"),
    (b"MZ", "is a program for Windows", "install a build for Linux"),
    (b"\xcf\xfa\xed\xfe", "is a program for macOS", "install a build for Linux"),
    (b"\xca\xfe\xba\xbe", "is a program for macOS or a Java class", "install a build for Linux"),
    (b"\x7fELF", "is a damaged ELF program", "install it again"),
)
"""Files in a format that the kernel rejects: their first bytes, the reason and a hint."""

_INTERPRETERS = {
    ".py": "python3",
    ".php": "php",
    ".pl": "perl",
    ".rb": "ruby",
    ".js": "node",
    ".lua": "lua",
    ".tcl": "tclsh",
    ".bash": "bash",
}
"""The usual interpreter of a script, by the ending of its name."""


@dataclass(frozen=True, slots=True)
class Fault:
    """The first reason why a program cannot be started.

    Attributes:
        errno: the error number of the kernel, None where the kernel would start the program
            and it would end at once.
        reason, hint, near, interpreter: as in `yext.errors.StartFailure`.
    """

    errno: int | None
    reason: str
    hint: str
    near: tuple[str, ...] = ()
    interpreter: str | None = None


def find_fault(path: str, script: str = "") -> Fault | None:
    """Find why the program at `path` cannot be started.

    Args:
        path: the path of the program.
        script: the program as it was asked for. Where that is relative, the rest of `path` is
            scripts_dir.

    Returns:
        None where no fault is found.

    Raises:
        OSError: the files change while they are examined.
        ValueError: no system call takes the path.
    """
    relative = script and not script.startswith("/") and path.endswith(script)
    scripts_dir = path.removesuffix(script) if relative else ""
    return _path_fault(path, scripts_dir) or _file_fault(path) or _content_fault(path, 1)


def find_early_end(path: str) -> Fault | None:
    """Find why the program at `path` would end at once although the kernel starts it."""
    try:
        head = read_head(path)
    except OSError:
        return None
    if not isinstance(head, ScriptHead) or not head.argument:
        return None
    if head.argument.endswith("\r"):
        return replace(_carriage_return(path), errno=None, interpreter=head.interpreter)
    program = head.env_program
    if not program or find_program(program):
        return None
    reason = f"{head.interpreter} does not find {program}"
    return Fault(None, reason, env_hint(program), interpreter=head.interpreter)


# The path: each of its directories.


def _path_fault(path: str, scripts_dir: str) -> Fault | None:
    try:
        os.stat(path)
    except OSError as error:
        number = error.errno or 0
        prefix = _first_failing(path, number)
        explain = _PATH_FAULTS.get(number)
        if explain is None:
            return Fault(number, os.strerror(number), f"look at {prefix}")
        return explain(prefix, prefix == path, scripts_dir)
    return None


def _prefixes(path: str) -> Iterator[str]:
    """Yield the path up to each of its names, from the shortest to the whole."""
    at = path.find("/", 1)
    while at != -1:
        if path[at - 1] != "/":
            yield path[:at]
        at = path.find("/", at + 1)
    yield path


def _first_failing(path: str, number: int) -> str:
    """The shortest prefix of `path` that fails with the same error `number` as the whole."""
    return next((prefix for prefix in _prefixes(path) if _error(prefix) == number), path)


def _error(path: str) -> int | None:
    try:
        os.stat(path)
    except OSError as error:
        return error.errno
    return None


def _missing(prefix: str, whole: bool, scripts_dir: str) -> Fault:
    """Explain ENOENT of `prefix`; `whole` if that is all of the path."""
    if os.path.islink(prefix):
        target = os.readlink(prefix)
        reason = f"the symbolic link {prefix} leads to {target}, which does not exist"
        return Fault(errno.ENOENT, reason, "correct the link, or create what it leads to")
    absolute = os.path.abspath(prefix)
    reason = os.strerror(errno.ENOENT) if whole else f"directory {absolute} does not exist"
    if scripts_dir.startswith(("'", '"')):
        hint = "write scripts_dir without quotes: Yate's files have none around values"
    elif scripts_dir and not scripts_dir.startswith("/"):
        hint = f"make scripts_dir absolute: {scripts_dir} is looked for in {os.getcwd()}"
    elif scripts_dir.rstrip("/").startswith(prefix):
        hint = "create the directory, or correct scripts_dir"
    elif scripts_dir and ".." in prefix[len(scripts_dir) :].split("/"):
        hint = f"check the name: it is looked for in {os.path.dirname(os.path.realpath(prefix))}"
    elif scripts_dir:
        hint = "check the name, or give an absolute path"
    else:
        hint = "check the name"
    return Fault(errno.ENOENT, reason, hint, near_misses(prefix))


def _not_a_directory(prefix: str, _whole: bool, _scripts_dir: str) -> Fault:
    name = prefix.rstrip("/")
    file = os.path.dirname(name) if _error(name) else name
    reason = f"{file} is not a directory"
    return Fault(errno.ENOTDIR, reason, "check the path")


def _not_searchable(prefix: str, _whole: bool, _scripts_dir: str) -> Fault:
    for _ in range(_LINKS_DEEP):
        if not os.path.islink(prefix):
            break
        target = os.path.join(os.path.dirname(prefix), os.readlink(prefix))
        prefix = _first_failing(target, errno.EACCES)
    directory = os.path.dirname(prefix) or "."
    user = os.geteuid()
    return Fault(
        errno.EACCES,
        f"directory {directory} may not be searched by user id {user}",
        f"chmod a+x {quoted(directory)}, or start the engine as a user who may enter it",
    )


def _link_circle(prefix: str, _whole: bool, _scripts_dir: str) -> Fault:
    reason = f"the symbolic link {prefix} leads in a circle"
    return Fault(errno.ELOOP, reason, f"correct the link: ls -l {quoted(prefix)}")


def _name_too_long(prefix: str, _whole: bool, _scripts_dir: str) -> Fault:
    name = len(os.fsencode(os.path.basename(prefix)))
    most = os.pathconf("/", "PC_NAME_MAX")
    detail, what = f"the name has {name} bytes, at most {most}", "name"
    if name <= most:
        most = os.pathconf("/", "PC_PATH_MAX") - 1
        detail, what = f"the path has more than {most} bytes", "path"
    reason = f"{os.strerror(errno.ENAMETOOLONG)}: {detail}"
    return Fault(errno.ENAMETOOLONG, reason, f"use a shorter {what}")


_PATH_FAULTS: dict[int, Callable[[str, bool, str], Fault]] = {
    errno.ENOENT: _missing,
    errno.ENOTDIR: _not_a_directory,
    errno.EACCES: _not_searchable,
    errno.ELOOP: _link_circle,
    errno.ENAMETOOLONG: _name_too_long,
}
"""The function that explains an error of the path, given the shortest prefix that has it, whether
that is all of the path, and scripts_dir (empty for an absolute name)."""


# The file: kind, mount and permissions.


def _file_fault(path: str) -> Fault | None:
    status = os.stat(path)
    mode = status.st_mode
    for is_kind, reason, hint in _KINDS:
        if is_kind(mode):
            return Fault(errno.EACCES, reason, hint)
    permissions = f"mode {stat.S_IMODE(mode):04o}"
    if not mode & 0o111:
        return Fault(errno.EACCES, f"not executable: {permissions}", f"chmod +x {quoted(path)}")
    if os.statvfs(path).f_flag & os.ST_NOEXEC:
        mount = _mount_point(path)
        hint = f"move it to another file system, or mount -o remount,exec {quoted(mount)}"
        return Fault(errno.EACCES, f"on a file system mounted noexec ({mount})", hint)
    if not os.access(path, os.X_OK, effective_ids=True):
        reason = f"not executable for user id {os.geteuid()}: {permissions}, owner {status.st_uid}"
        return Fault(errno.EACCES, reason, f"chmod a+x {quoted(path)}")
    return None


def _mount_point(path: str) -> str:
    """The mount point of the noexec file system that holds `path`."""
    here = os.path.realpath(path)
    device = os.stat(here).st_dev
    while here != "/":
        above = os.path.dirname(here)
        if os.stat(above).st_dev != device or not os.statvfs(above).f_flag & os.ST_NOEXEC:
            break
        here = above
    return here


# The content: #! line, interpreter, format, dynamic loader.


def _content_fault(path: str, depth: int) -> Fault | None:
    """Find the fault in a file's content; `depth` counts the interpreters that are scripts."""
    try:
        head = read_head(path)
    except OSError:
        return None
    if isinstance(head, ScriptHead):
        return _script_fault(path, head, depth)
    return _elf_fault(head) if isinstance(head, ElfHead) else _format_fault(path, head)


def _script_fault(path: str, head: ScriptHead, depth: int) -> Fault | None:
    interpreter = head.interpreter
    if head.cut:
        reason = f"the #! line is longer than the {HEAD} bytes that the kernel reads"
        return Fault(errno.ENOEXEC, reason, "link to the interpreter by a shorter path")
    if not interpreter:
        hint = f"write it in full: {_first_line(path)}"
        number = errno.ENOEXEC if head.blank else errno.EACCES
        return Fault(number, "the #! line names no interpreter", hint)
    fault = _path_fault(interpreter, "") or _file_fault(interpreter)
    if fault is not None and fault.errno == errno.ENOENT and not os.path.islink(interpreter):
        fault = _interpreter_missing(path, interpreter)
    elif fault is not None:
        fault = replace(fault, reason=f"interpreter {interpreter}: {fault.reason}")
    elif depth > _SCRIPTS_DEEP:
        reason = f"#! lines lead from script to script, more than {_SCRIPTS_DEEP} deep"
        fault = Fault(errno.ELOOP, reason, "point the #! line at the last interpreter itself")
    elif (inner := _content_fault(interpreter, depth + 1)) is not None:
        deep = inner.errno == errno.ELOOP
        reason = inner.reason if deep else f"interpreter {interpreter}: {inner.reason}"
        fault = replace(inner, reason=reason)
    return fault and replace(fault, interpreter=interpreter)


def _interpreter_missing(path: str, interpreter: str) -> Fault:
    if interpreter.endswith("\r"):
        return _carriage_return(path)
    directory = os.path.dirname(interpreter)
    near = tuple(f"{directory}/{name}" for name in near_misses(interpreter) if directory)
    hint = absent_hint(interpreter)
    return Fault(errno.ENOENT, f"interpreter {interpreter} not found", hint, near)


def _carriage_return(path: str) -> Fault:
    reason = "the #! line ends in a carriage return, as on Windows"
    return Fault(errno.ENOENT, reason, line_ends_hint(path))


def _elf_fault(head: ElfHead) -> Fault | None:
    own = own_head()
    if own is not None and head.machine not in (own.machine, *_ALSO_RUNS.get(own.machine, ())):
        reason = f"a program for {head.machine_name}, but this machine is {own.machine_name}"
        return Fault(errno.ENOEXEC, reason, f"install a build for {own.machine_name}")
    if not head.loader:
        return None
    fault = _path_fault(head.loader, "") or _file_fault(head.loader)
    if fault is None:
        return None
    reason = f"dynamic loader {head.loader}: {fault.reason}"
    if fault.errno == errno.ENOENT:
        reason = f"dynamic loader {head.loader} not found"
    hint = "install the C library that the program was built with, or a build for this system"
    return Fault(fault.errno, reason, hint, fault.near)


def _format_fault(path: str, head: OtherHead) -> Fault:
    start = head.start
    for magic, reason, hint in _FORMATS:
        if start.startswith(magic):
            return Fault(errno.ENOEXEC, reason, hint)
    hint = f"begin it with {_first_line(path)}"
    if not start:
        return Fault(errno.ENOEXEC, "is empty", hint)
    if start.lstrip().startswith(b"#!"):
        hint = "remove what is before the #!"
        return Fault(errno.ENOEXEC, "its #! is not at the very start", hint)
    if b"\0" in start:
        return Fault(errno.ENOEXEC, "unknown binary format", "install a build for this machine")
    return Fault(errno.ENOEXEC, "no #! line", hint)


def _first_line(path: str) -> str:
    """The likely ``#!`` line for a script of this name."""
    name = _INTERPRETERS.get(os.path.splitext(path)[1].lower(), "sh")
    return "#!/bin/sh" if name == "sh" else f"#!/usr/bin/env {name}"
