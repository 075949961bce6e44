"""What an operator expects of a console: watch, top, history, !N, clear, source."""

from __future__ import annotations

from typing import TYPE_CHECKING

from console.commands.command import SessionCommand, natural
from console.replies.reply import failed, put_together
from console.session.authority import Authority
from yext import Reply
from yext.command import EOL
from yext.log import safe

if TYPE_CHECKING:
    from console.commands.interpreter import Interpreter
    from console.session.session import Session

_HISTORY = 20
"""How many lines `history` shows unless asked for more."""

_SECONDS_MIN, _SECONDS_MAX = 0.1, 3600.0
"""How often a command may be repeated."""

_SOURCE_MAX = 1024 * 1024
"""Bytes of a file of commands."""

_KEEP_GOING = "--keep-going"


async def _watch(interpreter: Interpreter, rest: str) -> Reply:
    interval, _, command = rest.strip().partition(" ")
    command = command.strip()
    seconds = _seconds(interval)
    if seconds is None or not command:
        return failed("Usage: watch SECONDS COMMAND", "watch 2 external show")
    shown = interpreter.session.secrets.hide(command)
    if command.partition(" ")[0] in ("watch", "top"):
        return failed(f"Cannot watch: {shown}", "it draws itself again already")
    view = interpreter.session.view
    if view is None or not view.interactive:
        reply = await interpreter.run(command)
        return reply._replace(parts=((shown, reply),))
    from console.commands.watch import Watching

    watching = Watching(interpreter, view, command)
    await view.live(watching.draw, seconds)
    return Reply(watching.last.ok, "", watching.last.params, watching.last.known)


def _seconds(text: str) -> float | None:
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if _SECONDS_MIN <= seconds <= _SECONDS_MAX else None


async def _top(session: Session, rest: str) -> Reply:
    seconds = _seconds(rest.strip() or "1")
    if seconds is None:
        return failed("Usage: top [SECONDS]", "top 2")
    from console.commands.top import Top

    view = session.view
    with Top(session) as top:
        if view is not None and view.interactive:
            await view.live(top.draw, seconds)
            return Reply(True)
        return Reply(True, await top.text())


def _history(session: Session, rest: str) -> Reply:
    wanted = natural(rest.strip() or str(_HISTORY))
    if wanted is None:
        return failed("Usage: history [LINES]", "history 50")
    numbered = list(enumerate(session.history, 1))[-wanted:] if wanted else []
    return Reply(True, "".join(f"{number:5}  {safe(line)}{EOL}" for number, line in numbered))


async def _again(interpreter: Interpreter, rest: str) -> Reply:
    """``!N``: the line of that number in the history, ``!!`` the one before."""
    session = interpreter.session
    text = rest.strip()
    if not text:
        # As recorded: a lone ! is no command.
        return Reply(False, f"Cannot understand: !{EOL}", {"reason": "no line given"}, known=False)
    number = len(session.history) if text == "!" else natural(text)
    if not number or number > len(session.history):
        return failed(f"No line {session.secrets.hide(text)} in the history", "history")
    line = session.history[number - 1]
    if line.startswith("!"):
        return failed(f"Line {number} is {line} itself", "history")
    session.remember(line)
    reply = await interpreter.run(line)
    return reply._replace(parts=((line, reply),))


def _clear(session: Session, rest: str) -> Reply:
    if session.view is not None:
        session.view.clear()
    return Reply(True)


async def _source(interpreter: Interpreter, rest: str) -> Reply:
    """Carries out the commands of a file; its reply has all of theirs."""
    import shlex
    from pathlib import Path

    try:
        words = shlex.split(rest)
    except ValueError as error:
        return failed(f"Cannot read this: {str(error).lower()}", "close the quotes")
    keep_going = _KEEP_GOING in words
    names = [word for word in words if word != _KEEP_GOING]
    if len(names) != 1:
        return failed(f"Usage: source FILE [{_KEEP_GOING}]", "a command a line, # for comments")
    path = Path(names[0]).expanduser()
    if path.exists() and not (path.is_file() or path.is_dir()):
        return failed(f"{names[0]} is no file", "a pipe would be waited for")
    if path.resolve() in interpreter.session.sources:
        return failed(f"{names[0]} is being carried out already", "a file cannot source itself")
    try:
        with path.open("rb") as file:
            data = file.read(_SOURCE_MAX + 1)
    except OSError as error:
        return failed(f"{names[0]}: {error.strerror}", "check the name")
    if len(data) > _SOURCE_MAX:
        return failed(f"{names[0]} has more than {_SOURCE_MAX} bytes", "cut it in pieces")
    interpreter.session.sources.append(path.resolve())
    try:
        lines = data.decode("utf-8", "surrogateescape").splitlines()
        return await _run_lines(interpreter, names[0], lines, keep_going)
    finally:
        interpreter.session.sources.pop()


async def _run_lines(
    interpreter: Interpreter, name: str, lines: list[str], keep_going: bool
) -> Reply:
    parts: list[tuple[str, Reply]] = []
    params: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        command = line.strip()
        if not command or command.startswith("#"):
            continue
        reply = await interpreter.run(command)
        command = interpreter.session.secrets.hide(command)
        parts.append((command, reply))
        if not reply.ok and not params:
            why = reply.params.get("reason") or reply.text.strip()
            told = f"{name}:{number}: {command}: {why}"
            params = dict(reply.params) | {"reason": told}
            parts.append(("", Reply(False, safe(told) + EOL, {"reason": told})))
        if interpreter.session.closing or (not reply.ok and not keep_going):
            break
    return put_together(parts, params)


def _complete_file(session: Session, rest: str, word: str) -> dict[str, str]:
    from pathlib import Path

    directory, slash, _ = word.rpartition("/")
    try:
        found = list((Path(directory + slash) if slash else Path()).iterdir())
    except OSError:
        return {}
    names = sorted(f"{directory}{slash}{one.name}{'/' if one.is_dir() else ''}" for one in found)
    return dict.fromkeys(names, "")


OPERATOR: tuple[SessionCommand, ...] = (
    SessionCommand(
        "watch", "watch SECONDS COMMAND",
        "Repeats a command and marks what has changed; any key ends it", _watch,
        {"1": "every second", "2": "every 2 seconds", "5": "every 5 seconds"}, Authority.USER,
        listed=False, takes_line=True,
    ),
    SessionCommand(
        "top", "top [SECONDS]",
        "Shows which scripts are busy, slow, failing or large; any key ends it", _top,
        {}, Authority.ADMIN, listed=False,
    ),
    SessionCommand(
        "history", "history [LINES]", "Shows the lines that were given", _history,
        {}, Authority.USER, listed=False,
    ),
    SessionCommand(
        "!", "!N", "Gives line N of the history again, !! the last one", _again,
        {}, Authority.USER, listed=False,
    ),
    SessionCommand(
        "clear", "clear", "Clears the screen", _clear, {}, Authority.GUEST, listed=False
    ),
    SessionCommand(
        "source", f"source FILE [{_KEEP_GOING}]",
        "Carries out the commands of a file, up to the first that fails", _source,
        {}, Authority.ADMIN, listed=False, completer=_complete_file,
    ),
)  # fmt: skip
