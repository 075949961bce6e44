"""Generate pages from the program; run as a script, write them to the files.

docs/configuration.md comes from the tables of options. The first tour in README.md is played: the
commands in each block with a prompt are given to a real shell on samples/, and its output replaces
the replies.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

from ports import free_port
from terminals import PROMPT, Place, Terminal

from yext.cluster import settings as cluster
from yext.conf.options import Option
from yext.console import manual
from yext.console.browse import browser, journeypage, ladderpage, listpage, textpage
from yext.console.server import listeners
from yext.extmodule import listeners as extmodule_listeners
from yext.extmodule import settings
from yext.metrics import module as metrics
from yext.record import recorder
from yext.regexroute import settings as rules

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
CONFIGURATION = ROOT / "docs" / "configuration.md"

SHOWN = "/home/me/yext"
"""The path that the README shows instead of the tour's temporary folder, of the same length."""

OPENS = "$ make run"
"""The line in a block that means: the shell opens here."""

PHP = os.access("/usr/bin/php", os.X_OK)

KEYS = {
    "everywhere": browser.KEYS,
    "in the list": listpage.KEYS,
    "in a journey": journeypage.KEYS,
    "in a ladder": ladderpage.KEYS,
    "in a text": textpage.KEYS,
}
"""The keys of the browser, by where they mean what."""

LATER = {
    "external start broken/module-missing.py": "never spoke",
    "message call.route caller=40 called=99": "calls.php: 40 calls 99" if PHP else "✓ route.py",
    "message call.route caller=40 called=12": "calls.php: 40 calls 12" if PHP else "· nobody",
}
"""Text that appears above the prompt some time after a command's reply."""

TAKES_PART = {"route.py": (1, 0), "count.sh": (0, 1), "greet.pl": (2, 0), "calls.php": (0, 1)}
"""The number of handlers and watches of each sample script, once it is ready."""

_BLOCK = re.compile(rf"(?<=^```text\n)((?:{re.escape(OPENS)}|{PROMPT} ).*?)(?=^```$)", re.M | re.S)


def tour() -> str:
    """Return README.md with the output that the program gives now."""
    text = README.read_text(encoding="utf-8")
    # The path is as long as SHOWN, so that panels have the same width.
    with tempfile.TemporaryDirectory(prefix="", dir="/tmp") as folder:
        samples = Path(folder) / "samples"
        shutil.copytree(ROOT / "samples", samples, symlinks=True)
        with (samples / "yate.conf").open("a") as file:
            file.write("[general]\nnodename=alder\n")
        port = free_port()
        conf = samples / "extmodule.conf"
        conf.write_text(conf.read_text().replace("port=5040", f"port={port}"))
        place = Place(Path(folder) / "place")
        place.environ["PATH"] = f"/usr/bin:{place.environ['PATH']}"
        argv = [sys.executable, "-m", "console", "-c", str(samples)]
        shell = Terminal(argv, place.environ, columns=100, rows=50)
        try:
            shell.prompt()
            banner = shell.text().partition(PROMPT)[0].rstrip()
            _wait_for_scripts(shell)
            played = _BLOCK.sub(lambda found: _played(shell, found[0], banner, samples), text)
        finally:
            shell.close()
    return played.replace(folder, SHOWN).replace(f"127.0.0.1:{port}", "127.0.0.1:5040")


def _wait_for_scripts(shell: Terminal) -> None:
    """Wait until the scripts have installed all their handlers and watches: some start slowly."""
    wanted = {name: TAKES_PART[name] for name in TAKES_PART if PHP or not name.endswith(".php")}

    def all_take_part(reply: str) -> bool:
        rows = [line.split() for line in reply.splitlines()]
        running = [row for row in rows if row[2:3] == ["running"]]
        return {row[0]: (int(row[-2]), int(row[-1])) for row in running} == wanted

    shell.command_until("external info", all_take_part)


def _played(shell: Terminal, block: str, banner: str, samples: Path) -> str:
    """Return one block of the README with the shell's output for its commands."""
    shown = []
    for line in block.splitlines():
        if line == OPENS:
            shown.append(f"{line}\n{banner}\n")
        elif line.startswith(f"{PROMPT} "):
            command = line.removeprefix(f"{PROMPT} ")
            if command == "reload":  # As the text before it says.
                with (samples / "extmodule.conf").open("a") as file:
                    file.write("count.sh=5\n")
            shown.append(f"{line}\n{_reply(shell, command)}")
    return "".join(shown)


def _reply(shell: Terminal, command: str) -> str:
    if command == "quit":
        shell.type("quit\r")
        shell.end()
        return "Goodbye!\n"
    reply = shell.command(command)
    later = LATER.get(command)
    if later is not None and later not in reply:
        before = len(shell.lines())
        shell.until(lambda: later in "\n".join(shell.lines()[-before:]), later)
        shell.prompt()
        lines = shell.lines()
        start = len(lines) - lines[::-1].index(f"{PROMPT} {command}")
        end = len(lines) - len(shell.screen.display) + shell.screen.cursor.y
        reply = "\n".join(lines[start:end])
    return f"{reply.rstrip()}\n" if reply.strip() else ""


def normal(text: str) -> list[str]:
    """Return the lines of a tour without what differs between runs or machines.

    They are sorted, because output above the prompt may come a little sooner or later.
    """
    lines = []
    for line in text.splitlines():
        if "calls.php" in line or "near    " in line:  # depend on installed programs
            continue
        line = re.sub(r"scripts: [\d\w, ]*?  ", "scripts  ", line)
        line = re.sub(r"\S*/python3\S*", "python3", line)
        line = re.sub(r"caller=40\b.*…$", "caller=40 …", line)
        line = re.sub(r"\b\d[\d:.]*( (ms|µs|s)\b)?", "#", line)
        lines.append(re.sub(r"[ ─]+", " ", line).strip())
    return sorted(lines)


# Configuration

INTRODUCTION = """# Configuration

This page is generated by `make docs` from the tables of options that the program itself uses.

A configuration directory holds Yate's own files. Each is optional: without it the defaults apply.
They are read as Yate reads them (sections, comments, continued lines, `[$require FILE]`,
`[$include FILE]` and others, `${name}` from the run parameters), at most 1,000 files and 16 MB
for one file with all that it includes. If an option is given twice, the first value counts. A
number out of range is set to the limit, with a warning. An invalid value is a mistake, reported by
file and line. When the engine starts, mistakes are reported and skipped; a `reload` of files with a
mistake changes nothing at all.

A boolean is `yes`, `true`, `on`, `enable`, `t` or `no`, `false`, `off`, `disable`, `f`.
"""

LISTENER = {
    "type": "`tcp` or `unix`; required",
    "path": "path of the UNIX socket; a dead socket there is replaced, anything else is kept",
    "addr": "address or name to listen on; `127.0.0.1` by default",
    "port": "TCP port, 1 to 65535",
    "role": "`global` or `channel`; without it a peer must begin with `%%>connect:ROLE`",
}
"""The options of a ``[listener NAME]``, which have no table of options."""

_SECTIONS = (
    (
        "## yate.conf",
        "`[general]` has `nodename`, the name of this node (by default the host's name), and "
        "`modload`, whether modules are loaded that `[modules]` does not mention (yes). "
        "`[modules]` has a line `NAME.yate=yes` or `NAME.yate=no` for each exception.",
        None,
    ),
    ("### [sniffer]", "The record of messages, the source of the flow.", recorder.OPTIONS),
    ("## extmodule.conf", "", None),
    ("### [general]", "", settings.GENERAL),
    ("### [listener NAME]", "A section for each listener.", LISTENER),
    (
        "#### Who may connect",
        "Without a password only the system user who runs the engine gets in, on loopback and over "
        "a UNIX socket; [security.md](security.md) has the rules.",
        extmodule_listeners.ACCESS,
    ),
    (
        "### [scripts] and [execute]",
        "Both have lines `name=parameter`. `[scripts]` lists the global scripts to start, after "
        "the listeners and in this order; `[execute]` lists programs to start once and leave "
        "alone. The parameter is optional, and is the only argument. A name that is not an "
        "absolute path is looked up in `scripts_dir`.",
        None,
    ),
    (
        "## rmanager.conf",
        "The remote manager of `yext serve`. `[general]` is the first listener, each section "
        "`[listener NAME]` another one. A line `alias:NAME=COMMAND` adds an alias.",
        listeners.OPTIONS,
    ),
    (
        "## regexroute.conf",
        "Rules that route calls and other messages: [regexroute.md](regexroute.md) describes them. "
        "`[$once]` and `[$init]` have variables, `[extra]` handlers of further messages, any other "
        "section is a context of rules.",
        None,
    ),
    ("### [priorities]", "", rules.PRIORITIES),
    (
        "## yext.conf",
        "What only yext has. [cluster.md](cluster.md) is about the sections `[share]`, "
        "`[link NAME]` and `[nats]`; without one of them nothing of it is loaded. Relative names "
        "of files are looked up in the configuration directory.",
        None,
    ),
    ("### [share]", "What is shared with other nodes.", cluster.SHARE),
    ("### [link NAME]", "A section for each node to connect to.", cluster.LINK),
    (
        "### [metrics]",
        "Metrics of `yext serve` and the shell, at `/metrics`, with `/healthz` and `/readyz`: "
        "[operations.md](operations.md).",
        metrics.OPTIONS,
    ),
    ("### [nats]", "Other nodes by a NATS server; needs `yate-yext[nats]`.", cluster.NATS),
)


def configuration() -> str:
    """Return docs/configuration.md, made from the current tables of options."""
    parts = [INTRODUCTION]
    for heading, text, options in _SECTIONS:
        parts += [part for part in (heading, text) if part]
        if isinstance(options, dict):
            rows = [f"| `{name}` | {meaning} |" for name, meaning in options.items()]
            parts.append("\n".join(["| option | meaning |", "| --- | --- |", *rows]))
        elif options is not None:
            head = ["| option | default | values | meaning |", "| --- | --- | --- | --- |"]
            parts.append("\n".join([*head, *map(_row, options)]))
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def _row(option: Option) -> str:
    default = ("no", "yes")[bool(option.default)] if option.kind == "bool" else option.default
    escaped = str(default).replace("|", r"\|")
    shown = f"`{escaped}`" if default != "" else ""
    return f"| `{option.name}` | {shown} | {_values(option)} | {option.help} |"


def _values(option: Option) -> str:
    if option.kind == "choice":
        return ", ".join(f"`{choice}`" for choice in option.choices)
    if option.kind != "int":
        return {"bool": "boolean", "str": "text"}[option.kind]
    unit = f" {option.unit}" if option.unit else ""
    if option.low is None and option.high is None:
        return f"number{unit and ' of'}{unit}"
    if option.high is None:
        return f"{option.low} or more{unit}"
    return f"{option.low} to {option.high}{unit}"


# The inline manuals

_MANUAL = re.compile(r"^<!-- help (\w+) -->\n.*?^<!-- end -->\n", re.M | re.S)


def with_manuals(text: str) -> str:
    """Return a page with the inline manuals that it has places for, as `help` shows them now."""
    return _MANUAL.sub(lambda found: _manual(found[1]), text)


_KEYS = re.compile(r"^<!-- keys of the browser -->\n.*?^<!-- end -->\n", re.M | re.S)


def with_keys(text: str) -> str:
    """Return docs/flow.md with the keys of the browser, from their tables."""
    return _KEYS.sub(lambda _: _keys(), text)


def _keys() -> str:
    lines = ["<!-- keys of the browser -->"]
    for where, keys in KEYS.items():
        lines += [f"| {where} | |", "| --- | --- |"]
        lines += [f"| `{key.shown}` | {key.what} |" for key in keys]
        lines.append("")
    return "\n".join([*lines[:-1], "<!-- end -->"]) + "\n"


def _manual(topic: str) -> str:
    return f"<!-- help {topic} -->\n{manual.page(topic)}<!-- end -->\n"


if __name__ == "__main__":
    played = tour()
    # Times and process ids differ in every run: keep the page if nothing else has changed.
    if normal(played) != normal(README.read_text(encoding="utf-8")):
        README.write_text(played, encoding="utf-8")
    CONFIGURATION.write_text(configuration(), encoding="utf-8")
    for page in (ROOT / "docs").glob("*.md"):
        text = with_keys(with_manuals(page.read_text(encoding="utf-8")))
        page.write_text(text, encoding="utf-8")
