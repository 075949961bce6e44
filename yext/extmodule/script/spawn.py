"""Starts a program on exact file descriptors, or tells the exact reason why not.

`os.posix_spawn` reports what execve(2) said, which a fork and a pipe would have to carry back,
and costs the same however large the engine is. A program gets the descriptors it is given and no
other, its own process group, the engine's environment and working directory, SIGINT
and SIGQUIT ignored, every other signal at its default, and none blocked.
"""

from __future__ import annotations

# What `signal` is made of: the public module makes an enum of each handler, which would take
# longer than the rest of a start.
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

_STANDARD = range(3)

_IGNORED = (signal.SIGINT, signal.SIGQUIT)

_DEFAULT = signal.valid_signals() - {*_IGNORED, signal.SIGKILL, signal.SIGSTOP}

_FileActions = list[tuple[int, int] | tuple[int, int, int]]


class Started(NamedTuple):
    """A program that runs: its process id, and a pidfd that the caller closes."""

    pid: int
    pidfd: int


def resolve(script: str, scripts_dir: str) -> str:
    """The path of `script` as it is started: a relative name is put after `scripts_dir`.

    `scripts_dir` ends in ``/``. Nothing is normalised: the program sees the path, as Yate's do.
    """
    return script if script.startswith("/") else scripts_dir + script


def make_pipe(script: str, path: str, parameter: str | None, source: str = "") -> tuple[int, int]:
    """A pipe for the program at `path`: its reading and its writing end, closed on exec.

    Raises `StartError`, about `script` as in `StartFailure`, where the system has none left.
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
    """Starts the program at `path` with the arguments `argv`, its own name included.

    `fds` has, for each descriptor that the program shall find open, the engine's own
    that it is made from; those stay open here. `script`, `parameter` and `source` are for the
    words of a failure, as in `StartFailure`. Raises `StartError`: then nothing runs.
    """
    spare: list[int] = []
    pid = 0
    try:
        _keep_inherited_back()
        actions = _file_actions(fds, spare)
        pid = _spawn(path, argv, actions)
        return Started(pid, os.pidfd_open(pid))
    except (OSError, ValueError) as error:
        if pid:
            _end(pid)
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
    """The reason, for what was `asked` for: script, parameter and source."""
    from yext.extmodule.diagnosis.diagnose import diagnose

    script, parameter, source = asked
    return StartError(
        diagnose(path, argv, error, script=script, parameter=parameter, source=source)
    )


@cache
def _keep_inherited_back() -> None:
    """Closes on exec what the engine itself was started with, past standard error.

    Python opens nothing that a child would inherit, so this is needed once.
    """
    for name in os.listdir("/proc/self/fd"):
        if int(name) not in _STANDARD:
            with suppress(OSError):  # The directory's own descriptor is closed by now.
                os.set_inheritable(int(name), False)


def _file_actions(fds: Mapping[int, int], spare: list[int]) -> _FileActions:
    """What makes of the engine's descriptors those of the program.

    A descriptor that another one is about to replace is used from a copy; the copies are
    added to `spare`.
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
    """The process id of the program, started in the way that this thread allows."""
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
    """Starts the program while this process ignores what the program shall ignore.

    posix_spawn(3) hands ignored signals on but cannot ignore one. What arrives meanwhile
    is blocked, and so kept: Linux keeps what is blocked even if it is ignored. But to ignore a
    signal drops one that waits, so that is sent again. What comes between these two calls,
    less than a microsecond, is lost: the kernel has no call for both. So is what the kernel
    hands to another thread meanwhile, unless that thread blocks SIGINT and SIGQUIT itself.
    """
    pid = 0
    handlers: list[tuple[int, Any]] = []
    waiting: set[int] = set()
    mask = _signal.pthread_sigmask(signal.SIG_BLOCK, _IGNORED)
    try:
        try:
            for number in _IGNORED:
                waiting |= _signal.sigpending() & {number}
                handlers.append((number, _signal.signal(number, _signal.SIG_IGN)))
            pid = _posix_spawn(path, argv, actions)
        finally:
            try:
                _restore(handlers)
            finally:
                for waited in waiting:
                    os.kill(os.getpid(), waited)
                _signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    except BaseException:
        # A ^C is let in by then, and its handler may raise.
        if pid:
            _end(pid)
        raise
    return pid


def _restore(handlers: list[tuple[int, Any]]) -> None:
    """Sets the handlers again, all of them even if one of another thread's signal raises."""
    try:
        while handlers:
            _signal.signal(*handlers[-1])
            handlers.pop()
    finally:
        if handlers:
            _restore(handlers)


def _fork(path: str, argv: Sequence[str], actions: _FileActions) -> int:
    """Starts the program without touching this process's signals.

    For where they cannot be touched: outside the main thread, or where a handler was not set
    from Python. Slower the larger the engine is.
    """
    reading, writing = os.pipe()
    with open(reading, "rb") as told:
        try:
            with warnings.catch_warnings():
                # Of a fork with threads: the child runs only what is in `_become`.
                warnings.simplefilter("ignore", DeprecationWarning)
                pid = os.fork()
            if pid == 0:
                _become(path, argv, actions, writing)
        finally:
            os.close(writing)
        number = told.read()
    if number:
        os.waitpid(pid, 0)
        raise OSError(int(number), os.strerror(int(number)))
    return pid


def _become(path: str, argv: Sequence[str], actions: _FileActions, tell: int) -> NoReturn:
    """In the child: turns into the program, or writes the error number to `tell`."""
    act: dict[int, Callable[..., None]] = {
        os.POSIX_SPAWN_DUP2: _inherit,
        os.POSIX_SPAWN_CLOSE: os.close,
    }
    try:
        tell = fcntl.fcntl(tell, fcntl.F_DUPFD_CLOEXEC, max(action[-1] for action in actions) + 1)
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
        os.write(tell, b"%d" % (getattr(error, "errno", None) or errno.EINVAL))
    finally:
        os._exit(127)


def _inherit(own: int, target: int) -> None:
    os.dup2(own, target)
    os.set_inheritable(target, True)  # Nothing was done where the two are one.


def _end(pid: int) -> None:
    """Kills and reaps a program that nobody will look after."""
    with suppress(ProcessLookupError, ChildProcessError):
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
