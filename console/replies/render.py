"""Replies as tables and panels of a given width; those of an unknown form as plain, safe text.

A picture is made from the reply alone, its text in Yate's words and its parameters, so that it is
the same whichever way the reply came.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from yext import Reply
from yext.console.replies import forms, helplist, parse
from yext.console.replies.draw import (
    Page,
    columns,
    drawn,
    folded,
    items,
    panel,
    state_text,
    table,
)
from yext.console.replies.reply import explanation
from yext.log import safe, safe_lines, split_lines

if TYPE_CHECKING:
    from rich.text import Text

LookUp = Callable[[str], Awaitable["Reply | None"]]
"""Runs a command whose reply a picture needs too; gives None where the engine may not have it."""

_SCRIPT_COLUMNS = (
    "script", "parameter", "state", "pid", "up", "in", "out", "pending", "timeouts", "restarts",
    "handlers", "watches", "last exit",
)  # fmt: skip

_SPARE = ("last exit", "watches", "handlers", "restarts", "up", "out", "in", "pid")
"""Columns of scripts that are left out, in this order, until the others fit."""

_PEER_COLUMNS = ("script", "parameter", "state", "pid", "role")
"""Columns of scripts that are known of any peer."""

_COLORED = ("flow", "message", "sniffer", "intercept", "resume", "answer", "drop")
"""Commands that make their text safe themselves, and draw it in colour."""

_COLORS = re.compile(r"(\x1b\[[\d;]*m)")

HELP = ("help", "?")
"""Command lines that list all commands."""

_NO_DESCRIPTIONS: Mapping[str, str] = {}


async def draw(
    reply: Reply,
    command: str,
    page: Page,
    look_up: LookUp,
    descriptions: Mapping[str, str] = _NO_DESCRIPTIONS,
) -> str:
    """Draw a reply; that of an alias or a file of commands, part for part.

    Args:
        command: the command line that it is the reply to.
        look_up: runs the commands whose replies a picture needs too.
        descriptions: what commands do, by the words that their usage lines begin with.
    """
    # Nobody knows by heart which command !5 stands for.
    texts = [f"{safe(reply.parts[0][0])}\n"] if command.startswith("!") and reply.parts else []
    for line, part in _parts(command, reply):
        parsed = parse.parse(line, part.text) if part.ok else None
        if isinstance(parsed, forms.Peers):
            texts.append(await _draw_peers(parsed, part, line, page, look_up))
        else:
            texts.append(render(part, line, page, descriptions))
    return "".join(texts)


def _parts(command: str, reply: Reply) -> Iterator[tuple[str, Reply]]:
    """Each command line that was carried out, with its own reply."""
    if not reply.parts:
        yield command, reply
    for line, part in reply.parts:
        yield from _parts(line, part)


def render(
    reply: Reply,
    command: str,
    page: Page,
    descriptions: Mapping[str, str] = _NO_DESCRIPTIONS,
) -> str:
    """Draw one reply without asking for others; arguments as of `draw`. Lines end in LF."""
    if not reply.ok:
        return _draw_failed(reply, page)
    if command.split(maxsplit=1)[:1] in ([word] for word in _COLORED):
        return with_colors(reply.text.replace("\r\n", "\n"), color=page.color)
    parsed = parse.parse(command, reply.text)
    drawer = _DRAWERS.get(type(parsed))
    picture = drawer(parsed, _Request(reply, command, page, descriptions)) if drawer else None
    return folded(plain(reply), page) if picture is None else picture


def plain(reply: Reply) -> str:
    """A reply in Yate's own words, safe for a terminal."""
    return safe_lines(reply.text) + "".join(f"{line}\n" for line in explanation(reply))


def notice(lines: Sequence[str], page: Page) -> str:
    """Draw a notice as a panel; `lines` as in `yext.log.Event`."""
    head, *rest = [safe(line, keep="\t") for line in lines]
    if len(rest) == 1 and (brief := _brief(head, *parse.labelled(rest[0]), page)):
        return brief
    if not rest and len(head) <= page.width:
        return f"{head}\n"
    if _is_start_failure(rest):
        name, _, reason = head.partition(": ")
        return panel(f"{name} did not start", [reason, *rest], page)
    title, comma, more = head, "", ""
    while len(title) > page.width - 6 and "," in title:
        title, comma, more = head[: title.rindex(",")], ", ", head[title.rindex(",") + 1 :].strip()
    return panel(title, [more, *rest] if comma else rest, page)


_MARKS = {"see": "!", "why": "✗"}
"""The sign of a notice on one line, by the label of the commands in its second."""


def _brief(head: str, label: str, commands: str, page: Page) -> str:
    """A notice that has no more than commands to look further as one line, where it fits."""
    if label not in _MARKS:
        return ""
    mark = _MARKS[label] if page.unicode else "!x"[label == "why"]
    red, normal = ("\x1b[31m", "\x1b[m") if page.color else ("", "")
    if len(head) + len(commands) + 7 <= page.width:
        return f"{red}{mark}{normal} {head}     {commands}\n"
    import textwrap

    width = max(20, page.width - 2)
    # What is done about it goes below, if that is enough.
    fact, cut, done = head.partition("; ")
    parts = [f"{fact};", done] if cut and len(fact) < width else [head]
    folded = [line for part in parts for line in textwrap.wrap(part, width, break_on_hyphens=False)]
    if len(folded) > 1 and len(folded[-1]) + 5 + len(commands) <= width:
        folded[-1] += f"     {commands}"
    else:
        folded.append(commands)
    return f"{red}{mark}{normal} " + "\n  ".join(folded) + "\n"


def is_repeat(lines: Sequence[str]) -> bool:
    """Return True if a notice reports an end like the one before in a single line."""
    return len(lines) == 2 and parse.labelled(lines[1])[0] == "why"


def _is_start_failure(lines: Sequence[str]) -> bool:
    return any(parse.labelled(line)[0] == "tried" for line in lines)


def failures(rows: Sequence[tuple[str, str, str]], page: Page) -> str:
    """A line for each script that failed: its name, the reason, and the command that shows more."""
    return items(
        [f"{name}   {_unnamed(reason, name)}   {command}" for name, reason, command in rows],
        page,
    )


def _unnamed(reason: str, name: str) -> str:
    """A reason without the name that it begins with; a failed start names no parameter."""
    script = f"{name.partition(' ')[0]}:"
    prefix = name if reason.startswith(name) else script
    return reason.removeprefix(prefix).removeprefix(":").strip()


def duration(seconds: int) -> str:
    """Write a duration as ``00:12:04``, with the days before it where there are any."""
    days, rest = divmod(seconds, 86400)
    clock = f"{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}"
    return f"{days} d {clock}" if days else clock


# Failed replies


def _draw_failed(reply: Reply, page: Page) -> str:
    from rich.text import Text

    lines = _lines(reply)
    if len(lines) > 1 and _is_start_failure(lines):
        return notice(lines[1:], page)
    reasons = [part for part in reply.params.get("reason", "").split("; ") if part]
    marked = [line for line in lines if any(part in line for part in reasons)] or lines
    blocks = [drawn(Text(line, "red" if line in marked else ""), page) for line in lines]
    for line in explanation(reply):
        label, text = parse.labelled(line)
        if label == "do":
            blocks.append(drawn(columns(label, text), page))
        else:
            indent = "  " if lines and not line.startswith("Did you mean:") else ""
            blocks.append(drawn(Text(indent + line, "" if lines else "red"), page))
    return "".join(blocks)


def _lines(reply: Reply) -> list[str]:
    return [safe(line, keep="\t") for line in split_lines(reply.text)]


# Replies in a known form


class _Request(NamedTuple):
    """The arguments of `render`."""

    reply: Reply
    command: str
    page: Page
    descriptions: Mapping[str, str]


def with_colors(text: str, *, color: bool) -> str:
    """Make a text safe that is drawn in colour, which is left out or ends with the text."""
    parts = _COLORS.split(text)
    kept = [part if at % 2 else safe(part, keep="\t\n") for at, part in enumerate(parts)]
    end = "\x1b[m" if color and len(parts) > 1 and parts[-2] != "\x1b[m" else ""
    return "".join(kept if color else kept[::2]) + end


def _draw_started(parsed: forms.Started, request: _Request) -> str | None:
    pid = request.reply.params.get("pid")
    return safe(f"{parsed.verb} {parsed.program}, pid {pid}") + "\n" if pid else None


def _draw_stopped(parsed: forms.Stopped, request: _Request) -> str:
    ended = request.reply.params.get("ended")
    return safe(f"stopped {parsed.program}" + (f", {ended}" if ended else "")) + "\n"


def _draw_failure(parsed: forms.Failure, request: _Request) -> str:
    """The last failure of a script as the panel that reported it, below the time it happened."""
    return f"{safe(parsed.title, keep=chr(9))}\n" + notice(parsed.lines, request.page)


async def _draw_peers(
    parsed: forms.Peers, reply: Reply, command: str, page: Page, look_up: LookUp
) -> str:
    """All peers as one table: the scripts, and the peers that came through a listener."""
    word = _first(command)
    shown = await look_up(f"{word} show")
    scripts = parse.parse(f"{word} show", shown.text) if shown is not None and shown.ok else None
    if all(peer.role is None for peer in parsed.peers):
        info = await look_up(f"{word} info")
        with_roles = parse.parse(f"{word} info", info.text) if info is not None else None
        parsed = with_roles if isinstance(with_roles, forms.Peers) else parsed
    known = scripts.table if isinstance(scripts, forms.Scripts) else forms.Table((), ())
    everything = with_peers(known, parsed)
    if everything.rows:
        return _table_of_scripts(everything, word, page)
    return plain(reply if shown is None else shown)


def with_peers(scripts: forms.Table, peers: forms.Peers) -> forms.Table:
    """Add the peers that came through a listener to a table of scripts."""
    if "pid" not in scripts.heading:
        scripts = forms.Table(_PEER_COLUMNS, ())
    running = {record.get("pid") for record in scripts.records()}
    rows = list(scripts.rows)
    for peer in peers.peers:
        pid = str(dict(peer.details).get("pid", "-"))
        if pid == "-" or pid not in running:
            record = {
                "script": peer.name,
                "parameter": peer.parameter or "-",
                "state": "connected",
                "pid": pid,
                "role": peer.role or "-",
            }
            rows.append([record.get(name, "-") for name in scripts.heading])
    return forms.Table(scripts.heading, rows)


def _draw_scripts(parsed: forms.Scripts, request: _Request) -> str | None:
    if "state" not in parsed.table.heading or not parsed.table.rows:
        return None
    return _table_of_scripts(parsed.table, _first(request.command), request.page)


def _first(command: str) -> str:
    """The first word of a command line, behind the node that it is for if it names one."""
    words = command.split()
    return " ".join(words[: 3 if words[0] == "node" else 1])


def _table_of_scripts(scripts: forms.Table, word: str, page: Page) -> str:
    """The table, and a line for each script that failed; `word` is the command's first."""
    names = [name for name in _SCRIPT_COLUMNS if name in scripts.heading]
    if all(record.get("timeouts", "-") in "-0" for record in scripts.records()):
        names = [name for name in names if name != "timeouts"]  # The line is short of room.
    rows: list[list[str | Text]] = []
    failed: list[tuple[str, str, str]] = []
    for record in scripts.records():
        rows.append([_script_cell(name, record.get(name, "-")) for name in names])
        if record.get("state", "").startswith("failed"):
            parameter = record.get("parameter", "-")
            script = record["script"] + (f" {parameter}" if parameter != "-" else "")
            reason = re.sub(rf", {parse.DATED}$", "", record.get("last failure", "-"))
            failed.append((script, reason, f"{word} why {script}"))
    return table(names, rows, page, spare=_SPARE) + failures(failed, page)


def _shorter(dated: str) -> str:
    """A time by ISO 8601 as the local time of day, with the date if it is not today's."""
    from datetime import datetime

    try:
        when = datetime.fromisoformat(dated).astimezone()
    except (ValueError, OverflowError):
        return dated
    today = when.date() == datetime.now().astimezone().date()
    return f"{when:%H:%M:%S}" if today else f"{when:%Y-%m-%d %H:%M}"


def _script_cell(name: str, value: str) -> str | Text:
    value = re.sub(parse.DATED, lambda found: _shorter(found[0]), safe(value))
    if name == "state":
        return state_text(value)
    if name == "up" and isinstance(seconds := parse.number(value), int):
        return duration(seconds)
    return "–" if value == "-" else value


def _draw_sessions(parsed: forms.Sessions, request: _Request) -> str | None:
    rows = [
        [_shorter(cell) if name == "since" else safe(cell) for name, cell in record.items()]
        for record in parsed.table.records()
    ]
    heading = parsed.table.heading
    return table(heading, rows, request.page, spare=("from", "since")) if rows else None


def _draw_statuses(parsed: forms.Statuses, request: _Request) -> str | None:
    """A block for each module."""
    if not parsed.complete:
        return None
    return "".join(_status(module, request.page) for module in parsed.modules) or None


def _status(module: forms.ModuleStatus, page: Page) -> str:
    from rich.padding import Padding
    from rich.text import Text

    head = dict(module.head)
    text = Text(safe(str(head.pop("name"))), "bold")
    text.append(f"  {safe(str(head.pop('type', '')))}", "not bold")
    pairs = [*head.items(), *module.params, *module.details]
    flowing = Text("  ").join(_pair(name, str(value)) for name, value in pairs)
    block = drawn(text, page) + (drawn(Padding(flowing, (0, 0, 0, 2)), page) if flowing else "")
    if module.rows:
        rows = [[safe(cell) for cell in (row, *cells)] for row, cells in module.rows]
        block += table(["id", *map(safe, module.columns)], rows, page)
    return block


def _pair(name: str, value: str) -> Text:
    """One value, dim if it is zero, false or empty."""
    from rich.text import Text

    text = Text(f"{safe(name)}=", "dim")
    return text.append(safe(value), "dim" if value in ("0", "false", "") else "not dim")


def _draw_commands(parsed: forms.Commands, request: _Request) -> str | None:
    """All commands in groups, on one screen."""
    if not parsed.usages or not parsed.complete:
        return None
    return helplist.draw(parsed.usages, request.descriptions, request.page)


def _draw_names(parsed: forms.Names, request: _Request) -> str:
    return "".join(f"{safe(name)}\n" for name in parsed.names)


def _draw_handlers(parsed: forms.Handlers, request: _Request) -> str | None:
    if not parsed.handlers or not parsed.complete:
        return None
    rows = [
        [str(handler.priority), safe(handler.name), safe(handler.track), safe(handler.filter)]
        for handler in parsed.handlers
    ]
    return table(["priority", "message", "track name", "filter"], rows, request.page)


_DRAWERS: dict[type, Callable[[Any, _Request], str | None]] = {
    forms.Statuses: _draw_statuses,
    forms.Scripts: _draw_scripts,
    forms.Sessions: _draw_sessions,
    forms.Handlers: _draw_handlers,
    forms.Commands: _draw_commands,
    forms.Names: _draw_names,
    forms.Failure: _draw_failure,
    forms.Started: _draw_started,
    forms.Stopped: _draw_stopped,
}
"""The function that draws each kind of reply; it returns None where plain text says it better."""
