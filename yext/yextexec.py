"""The program ``yext-exec``: start a script in its place, and report why it failed.

Yate does not say why a script could not be executed. It can start this program instead,
``yext-exec=route.py 9`` in extmodule.conf, which starts the script and writes the reasons to the
engine as ``%%>output:`` lines, so that each console of the engine shows them.

The script gets Yate's own descriptors 0, 1, 3 and 4: no byte of the protocol passes through here.
Lines of ours are written only before it starts and after its end, since it could be in the middle
of a line of its own. Only its standard error passes: it is copied on, and its last lines are kept.

Nothing but the standard library's core is imported until there is something to explain.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time

USAGE = """usage: yext-exec [--stderr=output] [--restart] SCRIPT [PARAMETER]

Start SCRIPT with PARAMETER in the place of this program, and report to the engine why it did not
start, and how it ended. One argument "SCRIPT PARAMETER" is split at its first blank, as Yate passes
it. SCRIPT is looked for beside yext-exec as it was called, then in YEXT_SCRIPTS_DIR.

  --stderr=output  send standard error to the engine as it comes, for scripts that write only whole
                   lines of at most 4,096 bytes to standard output
  --restart        start the script again when it ends badly, after a growing delay
"""

NOT_EXECUTABLE = 126
NOT_FOUND = 127
"""Exit statuses where the script did not start, as a shell's."""

_KEPT = 20
"""Lines of standard error that are kept for the report of the end."""

_LONGEST = 4096
"""Bytes of one line of standard error that are kept, and sent to the engine at a time."""

_FIRST_DELAY = 0.5
_LONGEST_DELAY = 60.0
_RESTARTS = 5
_WINDOW = 60.0
"""Restarts: seconds before the first and at most before one, and how many within how long."""

_FORWARDED = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGUSR1,
              signal.SIGUSR2)  # fmt: skip


class Run:
    """One run of the script.

    Args:
        path: the program.
        argv: its arguments, with its own name.
        to_engine: whether standard error goes to the engine.
    """

    def __init__(self, path: str, argv: list[str], to_engine: bool) -> None:
        self.lines: list[str] = []
        self._to_engine = to_engine
        self._rest = b""
        self._errors, theirs = os.pipe()
        try:
            # Yate's children start with no signal ignored; Python has SIGPIPE ignored.
            self.pid = os.posix_spawn(
                path, argv, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, theirs, 2)],
                setsigdef=[signal.SIGPIPE, signal.SIGXFSZ, *_FORWARDED],
            )  # fmt: skip
        except BaseException:
            os.close(self._errors)
            raise
        finally:
            os.close(theirs)

    def wait(self) -> int:
        """Wait for the end of the script; return its wait status (waitpid(2))."""
        end = os.pidfd_open(self.pid)
        try:
            poll = select.poll()
            poll.register(end, select.POLLIN)
            poll.register(self._errors, select.POLLIN)
            while True:
                ready = dict(poll.poll())
                if self._errors in ready and not self._read():
                    poll.unregister(self._errors)
                if end in ready:
                    break
            # What it left in the pipe; a child of its own may hold it open for ever.
            os.set_blocking(self._errors, False)
            while self._read():
                pass
            self._keep(self._rest)
            return os.waitpid(self.pid, 0)[1]
        finally:
            os.close(end)
            os.close(self._errors)

    def _read(self) -> bool:
        """Pass on what there is on standard error; return False at its end."""
        try:
            data = os.read(self._errors, 65536)
        except BlockingIOError:
            return False
        if not data:
            return False
        if not self._to_engine:
            _write(2, data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > _LONGEST:
            lines.append(self._rest)
            self._rest = b""
        for line in lines:
            self._keep(line)
        return True

    def _keep(self, line: bytes) -> None:
        if not line:
            return
        text = line[:_LONGEST].decode("utf-8", "surrogateescape")
        if self._to_engine:
            report([text])
        self.lines.append(text)
        del self.lines[:-_KEPT]


def _write(descriptor: int, data: bytes) -> None:
    """Write all of `data`; a descriptor that nobody reads any more takes none."""
    try:
        while data:
            data = data[os.write(descriptor, data) :]
    except OSError:
        pass


def report(lines: list[str]) -> None:
    """Write lines for the engine's consoles, each as one ``%%>output:`` line."""
    from yext.log import safe

    for line in lines:
        shown = safe(line, keep="\t").encode("utf-8", "surrogateescape")[: _LONGEST - 32]
        _write(1, b"%%>output:" + shown + b"\n")


def find_script(name: str, called_as: str, environment: dict[str, str]) -> str:
    """Return the path of the script `name`.

    Args:
        name: the script as it was asked for.
        called_as: the path that this program was started by.
        environment: has YEXT_SCRIPTS_DIR.

    Returns:
        Its path beside `called_as`, or in YEXT_SCRIPTS_DIR where only that exists.
    """
    if name.startswith("/"):
        return name
    folders = [os.path.dirname(called_as)] if "/" in called_as else []
    folders += [folder for folder in (environment.get("YEXT_SCRIPTS_DIR", ""),) if folder]
    paths = [os.path.abspath(os.path.join(folder, name)) for folder in folders]
    there = [path for path in paths if os.path.lexists(path)]
    return (there or paths or [os.path.abspath(name)])[0]


def _not_started(error: OSError | ValueError, path: str, argv: list[str], name: str) -> int:
    """Report why the script did not start; return the exit status."""
    from yext.extmodule.diagnosis.diagnose import diagnose
    from yext.log import safe

    parameter = argv[1] if len(argv) > 1 else None
    failure = diagnose(path, argv, error, script=name, parameter=parameter, source="")
    first, *rest = failure.lines()
    reason = safe(failure.reason)
    report([first.replace(f": {reason}", f" did not start: {reason}", 1), *rest])
    return NOT_FOUND if isinstance(error, FileNotFoundError) else NOT_EXECUTABLE


def _ended(code: int, lived: float, run: Run, path: str, name: str) -> None:
    """Report how the script ended, unless it ended well.

    Args:
        code: its exit status, or the number of the signal that ended it as a negative one.
        lived: seconds from its start to its end.
    """
    if not code:
        return
    from yext.extmodule.diagnosis.aftermath import end_story
    from yext.extmodule.diagnosis.exitstatus import ExitStatus, ScriptExit

    status = ExitStatus(None, -code) if code < 0 else ExitStatus(code)
    # Whether it spoke the protocol is not known here: its bytes do not pass.
    exit = ScriptExit(status, lived, time.time(), spoke=True)
    report(list(end_story(name, exit, "", "", run.lines, path)))


_OPTIONS = {"--stderr=output", "--restart"}


def parse_arguments(arguments: list[str]) -> tuple[set[str], str, str | None]:
    """Split the command line into options, the script and its parameter.

    Yate passes everything as one argument, a shell as several.

    Raises:
        ValueError: there is no script, or an option is unknown.
    """
    options: set[str] = set()
    rest = [argument for argument in arguments if argument.strip()]
    while rest and rest[0].lstrip().startswith("--"):
        option, _, more = rest[0].lstrip().partition(" ")
        if option not in _OPTIONS:
            raise ValueError(f"unknown option {option}")
        options.add(option)
        rest[:1] = [more] if more.strip() else []
    if not rest:
        raise ValueError("no script is named")
    if len(rest) > 2:
        raise ValueError("more than a script and one parameter")
    if len(rest) == 2:
        return options, rest[0], rest[1]
    name, blank, parameter = rest[0].strip().partition(" ")
    return options, name, parameter if blank else None


class Keeper:
    """Runs the script, once or again and again, and passes signals on to it."""

    def __init__(self, path: str, argv: list[str], name: str, options: set[str]) -> None:
        self._path = path
        self._argv = argv
        self._name = name
        self._to_engine = "--stderr=output" in options
        self._restart = "--restart" in options
        self._pid = 0
        self._asked_to_end = False
        self._ends: list[float] = []
        # A signal ends the delay before a restart, which poll(2) alone would go on with.
        self._woken, wake = os.pipe()
        for end in (self._woken, wake):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)

    def run(self) -> int:
        """Run the script to its last end; return the exit status."""
        for number in _FORWARDED:
            signal.signal(number, self._forward)
        while True:
            begun = time.monotonic()
            try:
                run = Run(self._path, self._argv, self._to_engine)
            except (OSError, ValueError) as error:
                return _not_started(error, self._path, self._argv, self._name)
            self._pid = run.pid
            if self._asked_to_end:  # While it was being started.
                os.kill(run.pid, signal.SIGTERM)
            status = run.wait()
            self._pid = 0
            code = os.waitstatus_to_exitcode(status)
            _ended(code, time.monotonic() - begun, run, self._path, self._name)
            delay = self._delay(code)
            if delay is None:
                return code if code >= 0 else 128 - code
            report([f"{self._name} is started again in {delay:.1f} s"])
            self._sleep(delay)
            if self._asked_to_end or self._abandoned():
                return code if code >= 0 else 128 - code

    def _forward(self, number: int, frame: object) -> None:
        if number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
            self._asked_to_end = True
        if self._pid:
            os.kill(self._pid, number)

    def _delay(self, code: int) -> float | None:
        """The delay before the next start, None where there is none."""
        if not self._restart or self._asked_to_end or code == 0 or self._abandoned():
            return None
        now = time.monotonic()
        self._ends = [end for end in self._ends if end > now - _WINDOW] + [now]
        if len(self._ends) > _RESTARTS:
            report([f"{self._name} ended {len(self._ends)} times within {_WINDOW:.0f} s: given up"])
            return None
        return float(min(_LONGEST_DELAY, _FIRST_DELAY * 2 ** (len(self._ends) - 1)))

    def _abandoned(self) -> bool:
        """True if the engine has closed standard input."""
        poll = select.poll()
        poll.register(0, 0)
        return any(event & (select.POLLHUP | select.POLLERR) for _, event in poll.poll(0))

    def _sleep(self, seconds: float) -> None:
        """Wait until the delay is over, a signal ends it, or the engine closes standard input."""
        until = time.monotonic() + seconds
        poll = select.poll()
        poll.register(0, 0)
        poll.register(self._woken, select.POLLIN)
        while not self._asked_to_end and (left := until - time.monotonic()) > 0:
            ready = dict(poll.poll(left * 1000))
            if 0 in ready:
                return
            if self._woken in ready:
                os.read(self._woken, 64)


def main(argv: list[str] | None = None) -> int:
    """Run ``yext-exec``; return the exit status of the script, or that of a failed start."""
    argv = sys.argv if argv is None else argv
    if argv[1:] in (["--help"], ["-h"]):
        print(USAGE, end="")
        return 0
    try:
        options, name, parameter = parse_arguments(argv[1:])
    except ValueError as error:
        report([f"yext-exec: {error}", *USAGE.splitlines()[:1]])
        return 2
    path = find_script(name, argv[0], dict(os.environ))
    program = [path] if parameter is None else [path, parameter]
    try:
        keeper = Keeper(path, program, name, options)
    except OSError as error:  # There are no more descriptors.
        return _not_started(error, path, program, name)
    return keeper.run()


if __name__ == "__main__":
    raise SystemExit(main())
