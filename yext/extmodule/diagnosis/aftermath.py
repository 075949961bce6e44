"""Why a script ended, found from its exit status and its last lines on standard error.

Some mistakes show only after the start: a module that is not installed, a program that
``/usr/bin/env`` does not find. Interpreters report them in a known form, from which a hint can
be given.
"""

from __future__ import annotations

import os
import re
import signal as signals
from collections.abc import Callable, Sequence

from yext import log
from yext.extmodule.diagnosis.exitstatus import ExitStatus, ScriptExit
from yext.extmodule.diagnosis.faults import find_early_end
from yext.extmodule.diagnosis.hints import env_hint, find_program, line_ends_hint, quoted
from yext.extmodule.diagnosis.program import ScriptHead, read_head

_LINES = 50
"""How many of the last lines on standard error are searched."""

_LINE_MAX = 1000
"""How much of one line is searched, in characters."""


def explain_exit(status: ExitStatus, errors: Sequence[str], path: str) -> str | None:
    """Return one thing to do about a program that ended by itself, None for nothing.

    Args:
        status: how it ended.
        errors: its last lines on standard error, in order.
        path: the path of the program.
    """
    if status.signal is not None:
        return _signal_hint(status.signal)
    if status.code == 0:
        return None
    for line in reversed(errors[-_LINES:]):
        for pattern, hint in _ERRORS:
            if found := re.search(pattern, line[:_LINE_MAX]):
                return hint(path, found)
    fault = find_early_end(path)
    return fault.hint if fault else None


def end_story(
    label: str, exit: ScriptExit, cause: str, stray: str, errors: Sequence[str], path: str
) -> tuple[str, ...]:
    """Return the report of a script's end: a headline, what the script printed, what to do.

    Args:
        label: the script's label.
        exit: how it ended.
        cause: the reason why the engine ended it, empty where it ended by itself.
        stray: its line on standard output that was not of the protocol, empty for none.
        errors: its last lines on standard error, in order.
        path: the path of the program.

    Returns:
        One line each, safe for a terminal.
    """
    lived, status = _span(exit.lived), exit.status
    headline = f"{label} ended {lived} after its start, {status.describe()}"
    if cause:
        headline = f"{label} was ended {lived} after its start because {cause}, {status.describe()}"
    if not exit.spoke:
        headline += ", never spoke the protocol"
    lines = [headline]
    if stray:
        lines.append(f"printed: {stray}")
    lines += errors
    # A signal that the engine sent explains nothing.
    own = status._replace(signal=None) if cause else status
    hint = explain_exit(own, errors, path)
    if hint:
        lines.append(f"do: {hint}")
    return tuple(log.safe(line, keep="\t") for line in lines)


def _span(seconds: float) -> str:
    """A time span: ``0.14 s``, ``1:02:05``."""
    if seconds < 60:
        return f"{seconds:.2f} s"
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


def interpreter_of(path: str) -> str:
    """Return the interpreter of the script at `path`, from its ``#!`` line and env.

    Returns:
        `path` itself for what is not a script.
    """
    try:
        head = read_head(path)
    except OSError:
        return path
    if not isinstance(head, ScriptHead):
        return path
    program = head.env_program
    return (find_program(program) or program) if program else head.interpreter


# Signals


def _signal_hint(number: int) -> str | None:
    try:
        return _SIGNALS.get(signals.Signals(number))
    except ValueError:
        return None


_CRASHED = "it crashed by itself: run it by hand, or look at its core dump"

_SIGNALS = {
    signals.SIGSEGV: _CRASHED,
    signals.SIGBUS: _CRASHED,
    signals.SIGILL: "it has instructions that this processor does not know: install another build",
    signals.SIGFPE: _CRASHED,
    signals.SIGABRT: _CRASHED,
    signals.SIGTRAP: _CRASHED,
    signals.SIGKILL: "something killed it: look for the out-of-memory killer in dmesg",
    signals.SIGSYS: "a seccomp filter forbids what it does: look at the engine's container",
    signals.SIGXCPU: "it used up its processor time: raise the limit (ulimit -t)",
    signals.SIGXFSZ: "it wrote too large a file: raise the limit (ulimit -f)",
    signals.SIGPIPE: "it wrote to a pipe or socket that nobody reads any more",
}
"""What to do about a script that a signal ended."""


# Messages of interpreters: one function for each kind of mistake. `path` is the script's.


def _not_found_by_env(path: str, found: re.Match[str]) -> str:
    program = found["name"]
    carriage_return = program.endswith(("\\r", "\r"))  # GNU env prints a backslash and an r.
    return line_ends_hint(path) if carriage_return else env_hint(program)


def _no_command(_path: str, found: re.Match[str]) -> str:
    return f"install {found['name']}, or correct line {found['line']}"


def _no_module(path: str, _found: re.Match[str]) -> str:
    return f"install it for {interpreter_of(path)}, or point the #! line at another"


def _no_perl_module(_path: str, found: re.Match[str]) -> str:
    module = found["name"].removesuffix(".pm").replace("/", "::")
    return f"install the Perl module {module}, or add where it is to PERL5LIB"


def _no_node_module(path: str, found: re.Match[str]) -> str:
    name = found["name"]
    if name.startswith((".", "/")):
        return f"create {name}, or correct the require"
    directory = os.path.dirname(path) or "."
    return f"cd {quoted(directory)} && npm install {name}"


def _no_file(path: str, found: re.Match[str]) -> str:
    return f"create {found['name']}, or correct the include path"


def _no_php_function(_path: str, found: re.Match[str]) -> str:
    return f"install the PHP extension that has {found['name']}"


def _no_library(_path: str, found: re.Match[str]) -> str:
    return f"install the package that has {found['name']}"


def _old_system(_path: str, found: re.Match[str]) -> str:
    return f"install a build for this system: it wants {found['name']}"


def _syntax(_path: str, _found: re.Match[str]) -> str:
    return "correct the line that it names"


def _unreadable(path: str, _found: re.Match[str]) -> str:
    return f"chmod a+r {quoted(path)}"


_ERRORS: tuple[tuple[str, Callable[[str, re.Match[str]], str]], ...] = (
    (
        r"env: (?:can't execute )?[‘'\"](?P<name>[^’'\"]+)[’'\"]: No such file",
        _not_found_by_env,
    ),
    (r"env: (?P<name>[^:'‘]+): No such file", _not_found_by_env),
    (r"^ModuleNotFoundError: No module named '(?P<name>[^']+)'", _no_module),
    (r"^ImportError: No module named (?P<name>\S+)", _no_module),
    (r"Can't locate (?P<name>\S+) in @INC", _no_perl_module),
    (r"^Error(?: \[\w+\])?: Cannot find (?:module|package) '(?P<name>[^']+)'", _no_node_module),
    (r"Failed opening required '(?P<name>[^']+)'", _no_file),
    (r"Call to undefined function (?P<name>\w+\(\))", _no_php_function),
    (r"error while loading shared libraries: (?P<name>[^:]+):", _no_library),
    (r"version [`'](?P<name>\S+)' not found", _old_system),
    (r"^(?:SyntaxError|IndentationError|TabError): ", _syntax),
    (r"(?:[Ss]yntax error|Parse error)\b", _syntax),
    (
        r"(?:can't open file|[Cc]annot open|Can't open perl script) .*Permission denied",
        _unreadable,
    ),
    (r":(?: line)? (?P<line>\d+): (?P<name>[^\s:]+): (?:command )?not found", _no_command),
)
"""The messages that are known, and the function that makes a hint of a match and the path."""
