"""What a program's end tells of why it could not do its work.

Some mistakes show only after the start: a module that is not installed, a program that
``/usr/bin/env`` does not find. What the interpreters write on standard error then is known
well enough to say what to do about it.
"""

from __future__ import annotations

import os
import re
import signal as signals
from collections.abc import Callable, Sequence

from yext import log
from yext.extmodule.diagnosis.faults import find_early_end
from yext.extmodule.diagnosis.hints import env_hint, find_program, line_ends_hint, quoted
from yext.extmodule.diagnosis.program import ScriptHead, read_head
from yext.extmodule.script.stopping import Exit

_LINES = 50
"""Last lines on standard error that are looked at."""

_LINE_MAX = 1000
"""Characters of one line that are looked at."""

_Told = tuple[str, re.Match[str]]
"""A script's path, and what one of its lines on standard error was found to say."""


def explain_exit(
    code: int | None, signal: int | None, errors: Sequence[str], path: str
) -> str | None:
    """One thing to do about a program that ended by itself, None where nothing is known.

    `code` is its exit status, or `signal` the number of the signal that ended it; `errors` its
    last lines on standard error, `path` the program.
    """
    if signal is not None:
        return _signal_hint(signal)
    if code == 0:
        return None
    for line in reversed(errors[-_LINES:]):
        for pattern, hint in _ERRORS:
            if found := re.search(pattern, line[:_LINE_MAX]):
                return hint((path, found))
    fault = find_early_end(path)
    return fault.hint if fault else None


def end_story(
    label: str, exit: Exit, cause: str, stray: str, errors: Sequence[str], path: str
) -> tuple[str, ...]:
    """The end of the script `label` told in full: the headline, what it printed, what to do.

    `cause` is what made the engine end it, empty where it ended by itself; `stray` the line on
    standard output that was not of the protocol, `errors` its last lines on standard error,
    `path` the program.
    """
    lived = _span(exit.lived)
    headline = f"{label} ended {lived} after its start, {exit.words()}"
    if cause:
        headline = f"{label} was ended {lived} after its start because {cause}, {exit.words()}"
    if not exit.spoke:
        headline += ", never spoke the protocol"
    lines = [headline]
    if stray:
        lines.append(f"printed: {stray}")
    lines += errors
    # A signal that the engine sent explains nothing.
    number = None if cause else exit.signal
    hint = explain_exit(exit.code, number, errors, path)
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
    """What runs the script at `path`: by its ``#!`` line, found by env if it says so.

    The path itself for what is no script.
    """
    try:
        head = read_head(path)
    except OSError:
        return path
    if not isinstance(head, ScriptHead):
        return path
    program = head.env_program
    return (find_program(program) or program) if program else head.interpreter


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
    signals.SIGPIPE: "it wrote to what nobody reads any more",
}


# What interpreters say: one function per kind of mistake.


def _not_found_by_env(told: _Told) -> str:
    path, found = told
    program = found["name"]
    carriage_return = program.endswith(("\\r", "\r"))  # GNU's env shows it as the former.
    return line_ends_hint(path) if carriage_return else env_hint(program)


def _no_command(told: _Told) -> str:
    return f"install {told[1]['name']}, or correct line {told[1]['line']}"


def _no_module(told: _Told) -> str:
    return f"install it for {interpreter_of(told[0])}, or point the #! line at another"


def _no_perl_module(told: _Told) -> str:
    module = told[1]["name"].removesuffix(".pm").replace("/", "::")
    return f"install the Perl module {module}, or add where it is to PERL5LIB"


def _no_node_module(told: _Told) -> str:
    name = told[1]["name"]
    if name.startswith((".", "/")):
        return f"create {name}, or correct the require"
    directory = os.path.dirname(told[0]) or "."
    return f"cd {quoted(directory)} && npm install {name}"


def _no_file(told: _Told) -> str:
    return f"create {told[1]['name']}, or correct the include path"


def _no_php_function(told: _Told) -> str:
    return f"install the PHP extension that has {told[1]['name']}"


def _no_library(told: _Told) -> str:
    return f"install the package that has {told[1]['name']}"


def _old_system(told: _Told) -> str:
    return f"install a build for this system: it wants {told[1]['name']}"


def _syntax(_told: _Told) -> str:
    return "correct the line that it names"


def _unreadable(told: _Told) -> str:
    return f"chmod a+r {quoted(told[0])}"


_ERRORS: tuple[tuple[str, Callable[[_Told], str]], ...] = (
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
