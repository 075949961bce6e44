"""Start a program on exact file descriptors, or report the exact reason why not.

`os.posix_spawn` reports the error of execve(2), for which a fork would need a pipe, and costs the
same however large the engine is. A program gets the descriptors it is given and no others, its own
process group, and the engine's environment and working directory. SIGINT and SIGQUIT are ignored,
all other signals have their default action, and none is blocked.
"""

from __future__ import annotations

# The C module below `signal`: the public one makes an enum of each handler, which takes longer
# than the rest of a start.
import _signal  # type: ignore[import-not-found]
import errno
import fcntl
import os
import signal
import threading
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from typing import Any, NamedTuple, NoReturn

from yext.errors import StartError
from yext.sockets import descriptors

_STANDARD = range(3)

_IGNORED = (signal.SIGINT, signal.SIGQUIT)

_DEFAULT = signal.valid_signals() - {*_IGNORED, signal.SIGKILL, signal.SIGSTOP}

_FileActions = list[tuple[int, int] | tuple[int, int, int]]


class Started(NamedTuple):
    """A running program.

    Attributes:
        pid: its process id.
        pidfd: a pidfd of it, which the caller must close.
    """

    pid: int
    pidfd: int


def resolve(script: str, scripts_dir: str) -> str:
    """Return the path of `script`; a relative one begins with `scripts_dir`, which ends in ``/``.

    Nothing is normalised: the program sees the path, as it does with Yate.
    """
    return script if script.startswith("/") else scripts_dir + script


def make_pipe(script: str, path: str, parameter: str | None, source: str = "") -> tuple[int, int]:
    """Make a pipe for the program at `path`; return its reading and its writing end.

    Both are closed on exec. `script`, `parameter` and `source` are as in `StartFailure`.

    Raises:
        StartError: the limit of descriptors is reached.
    """
    try:
        return os.pipe()
    except OSError as error:
        raise _not_started(path, (path,), error, (script, parameter, source)) from error


def start(
    path: str,
    argv: Sequence[str],
    fds: Mapping[int, int],
    *,
    script: str,
    parameter: str | None,
    source: str,
) -> Started:
    """Start a program.

    Args:
        path: the path of the program.
        argv: its arguments, with its own name.
        fds: for each descriptor that the program gets, the engine's own that becomes it. The
            engine's stay open.
        script, parameter, source: for the text of a failure, as in `StartFailure`.

    Raises:
        StartError: the program does not run.
    """
    spare: list[int] = []
    pid = 0
    try:
        _close_inherited_on_exec()
        actions = _file_actions(fds, spare)
        pid = _spawn(path, argv, actions)
        descriptors.lower_for(pid)
        return Started(pid, os.pidfd_open(pid))
    except (OSError, ValueError) as error:
        if pid:
            _kill(pid)
        raise _not_started(path, argv, error, (script, parameter, source)) from error
    finally:
        for descriptor in spare:
            os.close(descriptor)


def _not_started(
    path: str,
    argv: Sequence[str],
    error: OSError | ValueError,
    asked: tuple[str, str | None, str],
) -> StartError:
    """Make the error of a start; `asked` has script, parameter and source."""
    from yext.extmodule.diagnosis.diagnose import diagnose

    script, parameter, source = asked
    return StartError(
        diagnose(path, argv, error, script=script, parameter=parameter, source=source)
    )


@cache
def _close_inherited_on_exec() -> None:
    """Mark the descriptors that the engine was started with, beyond standard error.

    Python opens nothing that a child inherits, so this is needed once.
    """
    for name in os.listdir("/proc/self/fd"):
        if int(name) not in _STANDARD:
            with suppress(OSError):  # The directory's own descriptor is closed by now.
                os.set_inheritable(int(name), False)


def _file_actions(fds: Mapping[int, int], spare: list[int]) -> _FileActions:
    """Return the actions that turn the engine's descriptors into those of the program.

    A descriptor that another one is about to replace is copied first; the copies are added to
    `spare`.
    """
    beyond = max((*fds, *_STANDARD)) + 1
    actions: _FileActions = []
    for target, own in fds.items():
        if own in fds and own != target:
            own = fcntl.fcntl(own, fcntl.F_DUPFD_CLOEXEC, beyond)
            spare.append(own)
        actions.append((os.POSIX_SPAWN_DUP2, own, target))
    actions += [(os.POSIX_SPAWN_CLOSE, fd) for fd in _STANDARD if fd not in fds]
    return actions


def _spawn(path: str, argv: Sequence[str], actions: _FileActions) -> int:
    """Start the program in the way that this thread allows; return its process id."""
    handlers = [_signal.getsignal(number) for number in _IGNORED]
    if all(handler == _signal.SIG_IGN for handler in handlers):
        return _posix_spawn(path, argv, actions)
    if threading.current_thread() is threading.main_thread() and None not in handlers:
        return _spawn_ignoring(path, argv, actions)
    return _fork(path, argv, actions)


def _posix_spawn(path: str, argv: Sequence[str], actions: _FileActions) -> int:
    return os.posix_spawn(
        path,
        list(argv),
        os.environ,
        file_actions=actions,
        setpgroup=0,
        setsigmask=(),
        setsigdef=_DEFAULT,
    )


def _spawn_ignoring(path: str, argv: Sequence[str], actions: _FileActions) -> int:
    """Start the program while this process ignores the signals that the program must ignore.

    posix_spawn(3) passes ignored signals on but cannot ignore one. Signals that arrive meanwhile
    are blocked, and so kept: Linux keeps a blocked signal even if it is ignored. But to ignore a
    signal drops a pending one, so that is sent again. A signal between these two calls, less than
    a microsecond, is lost: the kernel has no call for both. So is a signal that the kernel gives
    to another thread meanwhile, unless that thread blocks SIGINT and SIGQUIT itself.
    """
    pid = 0
    handlers: list[tuple[int, Any]] = []
    pending: set[int] = set()
    mask = _signal.pthread_sigmask(signal.SIG_BLOCK, _IGNORED)
    try:
        try:
            for number in _IGNORED:
                pending |= _signal.sigpending() & {number}
                handlers.append((number, _signal.signal(number, _signal.SIG_IGN)))
            pid = _posix_spawn(path, argv, actions)
        finally:
            try:
                _restore(handlers)
            finally:
                for dropped in pending:
                    os.kill(os.getpid(), dropped)
                _signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    except BaseException:
        # SIGINT is unblocked by then, and its handler may raise.
        if pid:
            _kill(pid)
        raise
    return pid


def _restore(handlers: list[tuple[int, Any]]) -> None:
    """Restore all handlers, even if the handler of a signal for another thread raises."""
    try:
        while handlers:
            _signal.signal(*handlers[-1])
            handlers.pop()
    finally:
        if handlers:
            _restore(handlers)


def _fork(path: str, argv: Sequence[str], actions: _FileActions) -> int:
    """Start the program without changing the signal handlers of this process.

    They cannot be changed outside the main thread, or where one was not set from Python. The
    larger the engine, the slower this is.
    """
    reading, writing = os.pipe()
    with open(reading, "rb") as report:
        try:
            with warnings.catch_warnings():
                # It warns of a fork with threads, but the child runs only `_become`.
                warnings.simplefilter("ignore", DeprecationWarning)
                pid = os.fork()
            if pid == 0:
                _become(path, argv, actions, writing)
        finally:
            os.close(writing)
        number = report.read()
    if number:
        os.waitpid(pid, 0)
        raise OSError(int(number), os.strerror(int(number)))
    return pid


def _become(path: str, argv: Sequence[str], actions: _FileActions, report: int) -> NoReturn:
    """Become the program, in the child; write the error number to `report` if that fails."""
    act: dict[int, Callable[..., None]] = {
        os.POSIX_SPAWN_DUP2: _inherit,
        os.POSIX_SPAWN_CLOSE: os.close,
    }
    try:
        beyond = max(action[-1] for action in actions) + 1
        report = fcntl.fcntl(report, fcntl.F_DUPFD_CLOEXEC, beyond)
        os.setpgid(0, 0)
        for action, *descriptors in actions:
            act[action](*descriptors)
        for number in _DEFAULT:
            signal.signal(number, signal.SIG_DFL)
        for number in _IGNORED:
            signal.signal(number, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        os.execve(path, list(argv), os.environ)
    except Exception as error:
        os.write(report, b"%d" % (getattr(error, "errno", None) or errno.EINVAL))
    finally:
        os._exit(127)


def _inherit(own: int, target: int) -> None:
    os.dup2(own, target)
    os.set_inheritable(target, True)  # dup2 does nothing where the two are the same.


def _kill(pid: int) -> None:
    """Kill and reap a program that was started in vain."""
    with suppress(ProcessLookupError, ChildProcessError):
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
