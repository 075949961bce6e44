"""The exact reason why a program did not start, or could not be started.

The kernel reports one error number, which several causes share. `diagnose` examines the files as
the kernel did (`yext.extmodule.diagnosis.faults`) and reports the fault found if it explains the
number. What no file shows, a limit or a lack of memory, is explained by the number alone. `check`
examines the files without a start.
"""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Callable, Sequence

from yext.errors import StartFailure
from yext.extmodule.diagnosis.faults import Fault, find_early_end, find_fault
from yext.extmodule.diagnosis.hints import quoted

_LONGEST_ARGUMENT = 131_071
"""The longest argument that Linux takes, in bytes (MAX_ARG_STRLEN: 32 pages, with the NUL)."""

_PASSING = frozenset({errno.EAGAIN, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ETXTBSY})
"""The errors that may pass by themselves."""


def shown(path: str) -> str:
    """Return `path` as operators see it: absolute, and resolved where it contains ``..``."""
    try:
        if ".." in path.split("/"):
            return os.path.realpath(path)
        return path if path.startswith("/") else f"{os.getcwd()}/{path}"
    except (OSError, ValueError):  # The working directory is gone, or the path has a NUL.
        return path


def diagnose(
    path: str,
    argv: Sequence[str],
    error: OSError | ValueError,
    *,
    script: str,
    parameter: str | None,
    source: str,
) -> StartFailure:
    """Explain why starting a program failed.

    Args:
        path: the path of the program.
        argv: its arguments, with its own name.
        error: the error; Python raises ValueError for text that no system call takes.
        script, parameter, source: as in `StartFailure`.
    """
    number = (error.errno or 0) if isinstance(error, OSError) else errno.EINVAL
    fault = _find_fault(path, script)
    if fault is None or fault.errno != number:
        fault = _BY_NUMBER.get(number, _unexplained)(number, path, argv)
    return _failure(fault, path, script, parameter, source)


def check(
    path: str, *, script: str, parameter: str | None = None, source: str = ""
) -> StartFailure | None:
    """Explain why the program at `path` could not be started now, without starting it.

    Args:
        path: the path of the program.
        script, parameter, source: as in `StartFailure`.

    Returns:
        None where no fault is found. A failure without an error number is one that the kernel
        does not notice: the program would be started and end at once.
    """
    fault = _find_fault(path, script) or find_early_end(path)
    return _failure(fault, path, script, parameter, source) if fault else None


def _find_fault(path: str, script: str) -> Fault | None:
    try:
        return find_fault(path, script)
    except ValueError:
        return _NOT_TEXT
    except OSError:  # The files change while they are examined.
        return None


def _failure(
    fault: Fault, path: str, script: str, parameter: str | None, source: str
) -> StartFailure:
    return StartFailure(
        script=script,
        path=shown(path),
        parameter=parameter,
        reason=fault.reason,
        errno=fault.errno,
        source=source,
        near=fault.near,
        interpreter=fault.interpreter,
        hint=fault.hint,
        transient=fault.errno in _PASSING,
    )


# Causes that no file shows: one function for each error number.

_NOT_TEXT = Fault(
    errno.EINVAL,
    "the name or the parameter holds a character that no system call takes",
    "remove it",
)


def _invalid(number: int, path: str, argv: Sequence[str]) -> Fault:
    try:
        words = [os.fsencode(word) for word in (path, *argv)]
    except UnicodeEncodeError:
        return _NOT_TEXT
    return _NOT_TEXT if b"\0" in b"".join(words) else _unexplained(number, path, argv)


def _unexplained(number: int, _path: str, _argv: Sequence[str]) -> Fault:
    name = errno.errorcode.get(number, str(number))
    return Fault(number, os.strerror(number), f"see {name} in the manual page execve(2)")


def _confined(number: int, path: str, _argv: Sequence[str]) -> Fault:
    try:
        os.getxattr(path, "security.capability")
    except OSError:
        hint = "look for what confines the engine: seccomp, SELinux, AppArmor, its container"
        return Fault(number, os.strerror(number), hint)
    reason = f"{os.strerror(number)}: the file has capabilities that the engine may not pass on"
    return Fault(number, reason, f"setcap -r {quoted(path)}, or give them to the engine")


def _too_much(number: int, _path: str, argv: Sequence[str]) -> Fault:
    longest = max(len(os.fsencode(argument)) for argument in argv)
    if longest > _LONGEST_ARGUMENT:
        detail = f"the parameter has {longest} bytes, at most {_LONGEST_ARGUMENT}"
    else:
        total = sum(len(os.fsencode(word)) + 1 for word in argv)
        total += sum(len(name) + len(value) + 2 for name, value in os.environb.items())
        detail = f"parameter and environment have {total} bytes together"
    hint = "pass the name of a file, or send the data in a message"
    return Fault(number, f"{os.strerror(number)}: {detail}", hint)


def _busy(number: int, _path: str, _argv: Sequence[str]) -> Fault:
    reason = f"{os.strerror(number)}: something has it open for writing"
    return Fault(number, reason, "try again when it has been written")


def _descriptors(number: int, _path: str, _argv: Sequence[str]) -> Fault:
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    reason = f"{os.strerror(number)}: the engine may have {limit}"
    return Fault(number, reason, "raise the engine's limit (ulimit -n)")


def _all_descriptors(number: int, _path: str, _argv: Sequence[str]) -> Fault:
    return Fault(number, os.strerror(number), "raise the system's limit (sysctl fs.file-max)")


def _processes(number: int, _path: str, _argv: Sequence[str]) -> Fault:
    limit = resource.getrlimit(resource.RLIMIT_NPROC)[0]
    words = "unlimited" if limit == resource.RLIM_INFINITY else str(limit)
    reason = f"{os.strerror(number)}: no more processes (the user's limit is {words})"
    hint = "end some, or raise the limit (ulimit -u, or pids.max of the control group)"
    return Fault(number, reason, hint)


def _memory(number: int, _path: str, _argv: Sequence[str]) -> Fault:
    hint = "free some memory, or raise the engine's limit (ulimit -v, or its control group)"
    return Fault(number, os.strerror(number), hint)


_BY_NUMBER: dict[int, Callable[[int, str, Sequence[str]], Fault]] = {
    errno.EINVAL: _invalid,
    errno.E2BIG: _too_much,
    errno.ETXTBSY: _busy,
    errno.EMFILE: _descriptors,
    errno.ENFILE: _all_descriptors,
    errno.EAGAIN: _processes,
    errno.ENOMEM: _memory,
    errno.EPERM: _confined,
    errno.EACCES: _confined,
}
"""The function that explains an error number, given the number, the path and the arguments."""
