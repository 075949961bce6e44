"""Replies as tables and panels, at a given width; anything unknown as plain, safe text.

What is drawn is made from the reply alone: its text in Yate's words and its parameters. So it
is the same whichever way the reply came.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from console.replies.draw import Page, drawn, labelled, mistakes, panel, state_text, table
from console.replies.reply import unsaid
from yext import Reply
from yext.log import safe, safe_lines

if TYPE_CHECKING:
    from rich.text import Text

_WIDE = 110
"""Columns from which on tables have more of them."""

_SCRIPT_COLUMNS = (
    "script", "parameter", "state", "pid", "up", "in", "out", "pending", "restarts", "handlers",
    "watches", "last exit",
)  # fmt: skip

_SPARE = ("last exit", "watches", "handlers", "restarts", "up", "out", "in", "pid")
"""The columns that are left out one after the other until the others fit."""


HELP = ("help", "?")
"""The command that lists all commands, as it may be given."""

_NOTHING_DESCRIBED: Mapping[str, str] = {}


def render(
    reply: Reply, command: str, page: Page, described: Mapping[str, str] = _NOTHING_DESCRIBED
) -> str:
    """A reply as it is shown on a terminal; lines end in LF.

    `described` tells what commands do, by the words that their usage begins with.
    """
    if not reply.ok:
        return _failed(reply, page)
    line = " ".join(command.split())
    if line in HELP and (text := _help(reply, page, described)) is not None:
        return text
    for pattern, draw in _DRAWN:
        if re.match(pattern, line) and (text := draw(reply, line, page)) is not None:
            return text
    return plain(reply)


def plain(reply: Reply) -> str:
    """A reply in Yate's own words, safe for a terminal."""
    return safe_lines(reply.text) + "".join(f"{line}\n" for line in unsaid(reply))


def notice(lines: Sequence[str], page: Page) -> str:
    """Something that an operator must see, as a panel; `lines` as in `yext.log.Event`."""
    head, *rest = [safe(line, keep="\t") for line in lines]
    if any(line.startswith("tried: ") for line in rest):
        name, _, reason = head.partition(": ")
        return panel(f"{name} did not start", [reason, *rest], page)
    title, comma, more = head, "", ""
    while len(title) > page.width - 6 and "," in title:
        title, comma, more = head[: title.rindex(",")], ", ", head[title.rindex(",") + 1 :].strip()
    return panel(title, [more, *rest] if comma else rest, page)


# Failures


def _failed(reply: Reply, page: Page) -> str:
    lines = _lines(reply)
    if len(lines) > 1 and any(line.startswith("tried: ") for line in lines):
        return notice(lines[1:], page)
    from rich.text import Text

    reasons = reply.params.get("reason", "").split("; ")
    marked = [line for line in lines if any(one and one in line for one in reasons)] or lines
    blocks = [drawn(Text(one, "red" if one in marked else ""), page) for one in lines]
    for one in unsaid(reply):
        label, colon, rest = one.partition(": ")
        if label == "do" and colon:
            blocks.append(drawn(labelled(label, rest), page))
        else:
            plainly = "" if lines else "red"
            indent = "  " if lines and label != "Did you mean" else ""
            blocks.append(drawn(Text(indent + one, plainly), page))
    return "".join(blocks)


# Replies that Yate words in a known way


def _started(reply: Reply, line: str, page: Page) -> str | None:
    """``External start attempt`` and its like, with the pid that the reply knows."""
    words = line.split()
    verb = words[1] if words[1] in ("restart", "execute") else "start"
    named = " ".join(words[2:] if words[1] in ("start", "restart", "execute") else words[1:])
    pid = reply.params.get("pid")
    return safe(f"{verb.removesuffix('e')}ed {named}, pid {pid}") + "\n" if pid else None


def _stopped(reply: Reply, line: str, page: Page) -> str | None:
    ended = reply.params.get("ended")
    named = line.partition("stop ")[2]
    return safe(f"stopped {named}" + (f", {ended}" if ended else "")) + "\n"


def _why(reply: Reply, line: str, page: Page) -> str | None:
    """The last failure, as the panel that told it, under the time it happened."""
    lines = _lines(reply)
    return f"{lines[0]}\n" + notice(lines[1:], page) if len(lines) > 1 else None


def laid_out(command: str, reply: Reply) -> Iterator[tuple[str, Reply]]:
    """Each command line that was carried out, with its own reply."""
    if not reply.parts:
        yield command, reply
    for line, part in reply.parts:
        yield from laid_out(line, part)


async def shown(
    reply: Reply,
    command: str,
    page: Page,
    run: Callable[[str], Awaitable[Reply]],
    described: Mapping[str, str] = _NOTHING_DESCRIBED,
) -> str:
    """A reply as it is shown, that of an alias or a file of commands part for part; what else
    there is to ask is asked with `run`."""
    # Of !5, nobody knows by heart what it was.
    texts = [f"{safe(reply.parts[0][0])}\n"] if command.startswith("!") and reply.parts else []
    for line, part in laid_out(command, reply):
        part, line = await whole(part, line, run)
        texts.append(render(part, line, page, described))
    return "".join(texts)


_LISTS_PEERS = (["external"], ["external", "info"])
"""The commands whose replies are shown as one table of all peers."""


async def whole(
    reply: Reply, command: str, run: Callable[[str], Awaitable[Reply]]
) -> tuple[Reply, str]:
    """The reply that is drawn for `command`, and the command it is the reply to: the table of
    all peers takes more than Yate's list tells, which is asked with `run`."""
    if not reply.ok or command.split() not in _LISTS_PEERS:
        return reply, command
    info = await run("external info")
    return with_peers(await run("external show"), info), "external show"


def with_peers(show: Reply, info: Reply) -> Reply:
    """The reply to ``external show`` with the peers that only ``external info`` lists: those
    that came through a listener."""
    scripts = show.text.splitlines()
    known = {line.split("\t")[3] for line in scripts[1:] if line.count("\t") > 3}
    rows = []
    for peer, details in re.findall(r"^\d+\. (.*?)\r?\n\t(.*?)\r?$", info.text, re.MULTILINE):
        found = re.search(r"pid=(\d+)", details)
        pid = found[1] if found else "-"
        if pid not in known or not found:
            name, _, where = peer.partition(" ")
            rows.append("\t".join([name, where or "-", "connected", pid, details.split(",")[0]]))
    return show._replace(text="\n".join([*scripts, *rows]))


def _scripts(reply: Reply, line: str, page: Page) -> str | None:
    """``external show``: the table, and a line for each script that failed."""
    heading, *rows = [row.split("\t") for row in reply.text.splitlines()] or [[]]
    if "state" not in heading:
        return None
    if not rows:
        return "No scripts, and nobody is connected\n"
    columns = [name for name in _SCRIPT_COLUMNS if name in heading]
    cells_of: list[list[str | Text]] = []
    failures = []
    for row in rows:
        cells = dict(zip(heading, row + ["-"] * (len(heading) - len(row)), strict=False))
        cells_of.append([_script_cell(name, cells) for name in columns])
        if cells["state"].startswith("failed"):
            why = cells.get("last failure", "-")
            failures.append((cells["script"], re.sub(r", \d\d:\d\d:\d\d$", "", why)))
    return table(columns, cells_of, page, spare=_SPARE) + failed_scripts(failures, page)


def failed_scripts(failures: Sequence[tuple[str, str]], page: Page) -> str:
    """A line for each script and why it failed, and how to see more of it."""
    return mistakes(
        [
            f"{name}   {why.removeprefix(name).removeprefix(':').strip()}   external why {name}"
            for name, why in failures
        ],
        page,
    )


def _script_cell(name: str, cells: dict[str, str]) -> str | Text:
    value = safe(cells[name])
    if name == "state":
        return state_text(value)
    if name == "up" and value.isdigit():
        return duration(int(value))
    return "–" if value == "-" else value


def duration(seconds: int) -> str:
    """``00:12:04``, with the days before it where there are any."""
    days, rest = divmod(seconds, 86400)
    clock = f"{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}"
    return f"{days} d {clock}" if days else clock


def _status(reply: Reply, line: str, page: Page) -> str | None:
    """Status lines, ``name=…,type=…[,format=A|B];k=v,…[;row,…]``: a block for each module."""
    blocks = []
    for one in _lines(reply):
        if not one.startswith("name="):
            return None
        blocks.append(_status_block(one, page))
    return "".join(blocks) or None


def _status_block(line: str, page: Page) -> str:
    from rich.padding import Padding
    from rich.text import Text

    head, _, rest = line.partition(";")
    values, _, detail = rest.partition(";")
    known = dict(part.partition("=")[::2] for part in head.split(","))
    text = Text(known.pop("name"), "bold")
    text.append(f"  {known.pop('type', '')}", "not bold")
    formatted = known.pop("format", "")
    pairs = [f"{key}={value}" for key, value in known.items()] + values.split(",")
    if not formatted:
        pairs += detail.split(",")
    flowing = Text("  ").join(_pair(pair) for pair in pairs if pair)
    block = drawn(text, page) + (drawn(Padding(flowing, (0, 0, 0, 2)), page) if flowing else "")
    if formatted and detail:
        rows = [re.split(r"[=|]", row) for row in detail.split(",")]
        block += table(["id", *formatted.split("|")], rows, page)
    return block


def _pair(pair: str) -> Text:
    """One value; what is nought stands back."""
    from rich.text import Text

    name, _, value = pair.partition("=")
    # A blank inside would let the pair be torn apart at the end of a line.
    text = Text(f"{name}=", "dim")
    return text.append(value, "dim" if value in ("0", "false", "") else "not dim")


def _help(reply: Reply, page: Page, described: Mapping[str, str]) -> str | None:
    """All commands, a line each: what it does, and how it is used where there is room."""
    heading, *usages = _lines(reply)
    if not usages or not all(usage.startswith("  ") for usage in usages):
        return None
    from rich.text import Text

    rows: list[list[str | Text]] = []
    for usage in usages:
        first, second, rest = [*usage.split(maxsplit=2), "", ""][:3]
        name = f"{first} {second}"
        if name not in described:
            name, rest = first, f"{second} {rest}".strip()
        row: list[str | Text] = [Text(name, "bold"), described.get(name, rest)]
        if page.width >= _WIDE and name in described:
            row.append(rest)
        rows.append(row)
    more = "help NAME tells how a command is used.\n"
    return f"{heading}\n" + table([], rows, page, fold=True) + more


def _modules(reply: Reply, line: str, page: Page) -> str | None:
    return "".join(f"{safe(name)}\n" for name in reply.text.split())


def _handlers(reply: Reply, line: str, page: Page) -> str | None:
    """``dispatcher handlers``, a row each."""
    rows: list[list[str]] = []
    for one in _lines(reply):
        found = _HANDLER.fullmatch(one)
        if found is None:
            return None
        rows.append([found["priority"], found["name"], found["track"], found["filter"] or ""])
    return table(["priority", "message", "track name", "filter"], rows, page) if rows else None


_COLORS = re.compile(r"(\x1b\[[\d;]*m)")


def _colored(reply: Reply, line: str, page: Page) -> str | None:
    """Replies that were drawn, and made safe, by the commands that know the message flow."""
    parts = _COLORS.split(reply.text.replace("\r\n", "\n"))
    kept = [one if at % 2 else safe(one, keep="\t\n") for at, one in enumerate(parts)]
    return "".join(kept if page.color else kept[::2])


_HANDLER = re.compile(
    r"(?P<name>.*) priority=(?P<priority>\d+) trackname='(?P<track>.*?)'"
    r"(?: filter='(?P<filter>.*)')?"
)

_Draw = Callable[[Reply, str, Page], "str | None"]

_DRAWN: tuple[tuple[str, _Draw], ...] = (
    (r"external (show)\b", _scripts),
    (r"external (stop) ", _stopped),
    (r"external why\b", _why),
    (r"external (info|log|dismiss)\b", lambda reply, line, page: None),
    (r"external \S", _started),
    (r"status\b", _status),
    (r"module list$", _modules),
    (r"dispatcher handlers\b", _handlers),
    (r"(flow|message|sniffer)\b", _colored),
)
"""How a command begins, and what draws its reply; that gives None for words it does not know."""


def _lines(reply: Reply) -> list[str]:
    return [safe(line, keep="\t") for line in reply.text.splitlines()]
