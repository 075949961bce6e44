"""Files of commands: a command line each, ``#`` begins a comment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from yext import Reply
from yext.command import EOL
from yext.commander import check_file
from yext.console.commands.interpreter import Interpreter
from yext.console.commands.parameters import ArgumentError
from yext.console.replies.reply import put_together
from yext.log import safe, split_lines

if TYPE_CHECKING:
    from pathlib import Path

_LARGEST = 1024 * 1024
"""Bytes of a file of commands."""

_LONGEST_SHOWN = 200
"""Characters of a name that an error shows."""


async def run_file(interpreter: Interpreter, name: str, *, keep_going: bool) -> Reply:
    """Carry out the commands of a file; the reply has all of theirs.

    Args:
        name: the path as it was typed.
        keep_going: whether to go on after a command that fails.

    Raises:
        ArgumentError: the file cannot be read, or is being carried out already.
        FileNotAllowedError: the session may not have it read.
    """
    from pathlib import Path

    sources = interpreter.session.sources
    try:
        path = Path(name).expanduser()
        check_file(interpreter.session, str(path))
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise ArgumentError(f"{name} is no file", "a pipe would be waited for")
        if path.resolve() in sources:
            hint = "a file cannot source itself"
            raise ArgumentError(f"{name} is being carried out already", hint)
    except OSError as error:
        raise ArgumentError(f"{_shortened(name)}: {error.strerror}", "check the name") from None
    except RuntimeError:
        raise ArgumentError(f"{name}: there is no such user, or a loop of links") from None
    lines = _read(name, path)
    sources.append(path.resolve())
    try:
        return await _run_lines(interpreter, name, lines, keep_going)
    finally:
        sources.pop()


def _shortened(name: str) -> str:
    return name if len(name) <= _LONGEST_SHOWN else f"{name[:_LONGEST_SHOWN]}…"


def _read(name: str, path: Path) -> list[str]:
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
    except OSError as error:
        raise ArgumentError(f"{name}: {error.strerror}", "check the name") from None
    if len(data) > _LARGEST:
        raise ArgumentError(f"{name} has more than {_LARGEST} bytes", "cut it in pieces")
    return split_lines(data.decode("utf-8", "surrogateescape"))


async def _run_lines(
    interpreter: Interpreter, name: str, lines: Sequence[str], keep_going: bool
) -> Reply:
    parts: list[tuple[str, Reply]] = []
    params: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        command = line.strip()
        if not command or command.startswith("#"):
            continue
        reply = await interpreter.run(command)
        shown = interpreter.session.secrets.hide(command)
        parts.append((shown, reply))
        if not reply.ok and not params:
            why = reply.params.get("reason") or reply.text.strip()
            reason = f"{name}:{number}: {shown}: {why}"
            params = dict(reply.params) | {"reason": reason}
            parts.append(("", Reply(False, safe(reason) + EOL, {"reason": reason})))
        if interpreter.session.closing or (not reply.ok and not keep_going):
            break
    return put_together(parts, params)
