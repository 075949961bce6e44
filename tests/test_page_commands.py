"""Each command line of the pages is carried out as printed, or is in a table that says why not.

Lines in blocks are run whole: those of a shell, and those after the prompt of a console. Commands
in the text must be understood, with something sensible in place of their placeholders. The inline
manuals and generated pages have tests of their own.
"""

import asyncio
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from ports import free_port
from remotes import Remote
from seen import Seen
from terminals import Place, Terminal

from yext import Engine, Message
from yext.console import gctuning
from yext.console.cli.main import main
from yext.console.commands import TABLE
from yext.console.commands.interpreter import Interpreter
from yext.console.session.session import Session
from yext.engine.commands import BUS_COMMANDS

ROOT = Path(__file__).parents[1]

PAGES = [
    *("README.md", "CONTRIBUTING.md", "SECURITY.md"),
    *sorted(f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md")),
]

NOT_RUN = {
    "pipx install ": "installs from an index: tests/test_wheel.py installs the wheel",
    "pip install ": "the same",
    "make run": "the tour of README.md plays it: tests/test_pages.py",
    "yext check -c /etc/yate": "played below, with all that it says",
    "yext -c samples": "played below, with what follows it",
}
"""The beginnings of lines of a shell that are not run, and why."""

DRY = "make"
"""Targets of the Makefile take minutes, or run these tests: make says only what it would do."""

PLAYED_ELSEWHERE = {
    "README.md": "tests/test_pages.py plays the tour",
    "docs/regexroute.md": "tests/yext/regexroute",
    "docs/cluster.md": "two nodes: tests/yext/cluster",
    "docs/yate.md": "attached to a Yate: tests/console/client/test_outcome.py",
    "docs/telephony.md": "the test of the tour of the telephone, below",
    "docs/flow.md": "the test of a filter that matches nothing, below",
}
"""Pages with a prompt of a console, and what plays their lines."""

_SHELL = re.compile(r"^(?:    )?(?:\$ )?((?:yext|make|pipx?|ln|python) (?!\d).*)$")
_PROMPT = re.compile(r"^(?:    )?[a-z]\w*> \S")
_MANUAL = re.compile(r"^<!-- help .*?^<!-- end -->$", re.M | re.S)
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)


def _page(name: str) -> str:
    return _MANUAL.sub("", (ROOT / name).read_text(encoding="utf-8"))


def _blocks(name: str) -> list[str]:
    """The lines of fenced and indented blocks, but for programs, which have tests of their own."""
    text, lines = _page(name), []
    for kind, block in _FENCE.findall(text):
        if kind in ("sh", "text", "") and name != "docs/ci.md":
            lines += block.splitlines()
    lines += [line for line in _FENCE.sub("", text).splitlines() if line.startswith("    ")]
    return lines


def _shell_lines(name: str) -> list[str]:
    """The command lines of a shell in the blocks of a page, without what explains them."""
    found = [_SHELL.match(line) for line in _blocks(name)]
    return [re.split(r" {2,}", one[1])[0].strip() for one in found if one is not None]


SHELL_LINES = sorted({(page, line) for page in PAGES for line in _shell_lines(page)})


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A record of what the samples do with a call."""
    path = tmp_path_factory.mktemp("record") / "calls.jsonl"
    conf = path.parent / "extmodule.conf"
    conf.write_text(f"[general]\nscripts_dir={ROOT}/samples/scripts/\n[scripts]\nroute.py=9\n")
    subprocess.run(
        [sys.executable, "-m", "console", "run", "-c", path.parent, "--record", path,
         "message --wait 20 call.route called=99"],
        cwd=ROOT, check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    return path


@pytest.fixture
def sandbox(tmp_path: Path, record: Path) -> Path:
    """A folder with the samples, a configuration ``conf``, and the transcripts of the pages."""
    shutil.copy(record, tmp_path)
    (tmp_path / "new").mkdir()
    shutil.copy(ROOT / "samples" / "scripts" / "route.py", tmp_path / "new")
    shutil.copytree(ROOT / "samples", tmp_path / "samples", symlinks=True)
    for name in ("conf", "tests", "bin", "usr/share/yate/scripts", ".config/fish/completions"):
        (tmp_path / name).mkdir(parents=True)
    scripts = tmp_path / "samples" / "scripts"
    (tmp_path / "conf" / "extmodule.conf").write_text(f"[general]\nscripts_dir={scripts}/\n")
    (tmp_path / "scripts").symlink_to(scripts)
    transcript = next(block for block in _indented("docs/transcripts.md") if "send " in block)
    for name in ("conf", "tests"):
        (tmp_path / name / "route.yext").write_text(transcript)
    for program in ("yext", "yext-exec"):
        (tmp_path / "bin" / program).symlink_to(Path(sys.executable).parent / program)
    return tmp_path


def _indented(name: str) -> list[str]:
    """The indented blocks of a page."""
    blocks = re.findall(r"^(?:    .*\n|\n(?=    ))+", _page(name), re.M)
    return [re.sub(r"^    ", "", block, flags=re.M).strip("\n") + "\n" for block in blocks]


@pytest.mark.parametrize(("page", "line"), SHELL_LINES)
def test_a_line_of_a_shell_works_as_printed(sandbox: Path, page: str, line: str) -> None:
    if line.startswith(tuple(NOT_RUN)):
        return
    command = line.replace("/usr/share", f"{sandbox}/usr/share")
    folder = sandbox
    if line.startswith(DRY):
        command, folder = command.replace(DRY, f"{DRY} --dry-run", 1), ROOT
    done = subprocess.run(
        ["sh", "-c", command], cwd=folder, capture_output=True, text=True, timeout=120,
        env={"PATH": f"{sandbox}/bin:/usr/bin:/bin", "HOME": str(sandbox), "LANG": "C.UTF-8"},
        stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{page}: {done.stdout}\n{done.stderr}"


def test_the_tables_have_nothing_that_no_page_has() -> None:
    assert all(any(line.startswith(one) for _, line in SHELL_LINES) for one in NOT_RUN)
    prompted = {page for page in PAGES if any(map(_PROMPT.match, _blocks(page)))}
    assert prompted == set(PLAYED_ELSEWHERE)


def test_the_findings_of_check_are_those_of_the_page(sandbox: Path, tmp_path: Path) -> None:
    conf = sandbox / "etc"
    (conf / "scripts").mkdir(parents=True)
    (conf / "scripts" / "mailer.php").write_text("#!/usr/bin/php-of-another-time\n")
    (conf / "scripts" / "mailer.php").chmod(0o755)
    served = Remote(tmp_path / "conf")
    text = (
        f"[general]\nscripts_dir={conf}/scripts/\nwaitflush=1000\n\n\n\n\n\n"
        "[listener calls]\ntype=tcp\nport=PORT\nrole=channel\n[scripts]\nmailer.php=\n"
    )
    try:
        (conf / "extmodule.conf").write_text(text.replace("PORT", str(served.port())))
        (conf / "yate.conf").write_text("[general]\nmodlaod=yes\n")
        (conf / "rmanager.conf").write_text(f"[general]\nport={free_port()}\n")
        done = subprocess.run(
            [sys.executable, "-m", "console", "check", "-c", conf],
            cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    finally:
        served.close()
    assert done.returncode == 1
    printed = next(one for one in _indented("docs/check.md") if "yext check" in one)
    said = done.stdout.replace(str(served.port()), "5040").replace("php-of-another-time", "php")
    for shown, line in zip(printed.splitlines()[1:], said.splitlines(), strict=True):
        assert line.startswith(shown.rstrip("…")), done.stdout


# The console


def test_the_tour_of_the_telephone_is_as_printed(sandbox: Path, tmp_path: Path) -> None:
    with (sandbox / "samples" / "yate.conf").open("a") as file:
        file.write("[general]\nnodename=alder\n")
    conf = sandbox / "samples" / "extmodule.conf"
    conf.write_text(re.sub(r"\[listener.*?(?=^\[)", "", conf.read_text(), flags=re.M | re.S))
    place = Place(tmp_path / "place")
    place.environ["PATH"] = f"/usr/bin:{place.environ['PATH']}"
    shell = Terminal(
        [sys.executable, "-m", "console", "-c", str(sandbox / "samples")], place.environ, 100, 50
    )
    printed = next(one for one in _indented("docs/telephony.md") if "phone hangup" in one)
    try:
        shell.prompt()
        for part in printed.split("alder> ")[1:]:
            command, _, reply = part.partition("\n")
            said = shell.command(command)
            assert reply.strip() in said.splitlines(), f"{command}: {said}"
    finally:
        shell.close()


def test_a_filter_that_matches_nothing_is_answered_as_printed() -> None:
    printed = next(one for one in _indented("docs/flow.md") if "alder> flow filter" in one)
    command, *reply = printed.removeprefix("alder> ").splitlines()

    async def play() -> None:
        async with Engine(node="alder") as engine:
            found = Interpreter(Session(engine, "console", view=Seen(80)), TABLE)
            await found.run("flow on")
            peer = Session(engine, "load.py")
            for _ in range(12):
                await engine.dispatch(Message("call.route"), peer)
            said = (await found.run(command)).text.splitlines()
            counted = re.compile(r"(shown|recorded): \d+")
            assert [counted.sub("", line) for line in said] == [
                counted.sub("", line) for line in reply
            ]

    asyncio.run(play())


# In the text

CONSOLE_WORDS = {row.name for row in TABLE} | {*BUS_COMMANDS, "external", "phone", "sniffer"}

PLACEHOLDERS = {
    "SCRIPT": "route.py", "PARAMETER": "9", "BILLID": "1", "ID": "1", "N": "1",
    "NUMBER": "99", "METHOD": "nodata", "ARGS": "1", "PASSWORD": "secret", "USERPASS": "secret",
    "COMMAND": "uptime", "'COMMAND'": "uptime", "DIR": "conf", "RECORD": "calls.jsonl",
    "HOST": "127.0.0.1",
    "SECONDS": "1", "LEVEL": "5", "REGEXP": "a", "WORD": "mark-12345", "DIGITS": "12",
    "WHAT": "answered", "REASON": "busy", "FILTER": "call.*", "NAME": "extmodule",
    "NAME=VALUE": "a=b", "key=value": "a=b", "FILE": "FOLDER/file", "FILE.html": "FOLDER/f.html",
    "FILE.py": "FOLDER/f.py", "FILE.yext": "FOLDER/f.yext",
}  # fmt: skip
"""What stands for each placeholder of a command."""

IN_TEXT_ONLY = {
    "debug level": "the name of a value",
    "set editing-mode vi": "a line of ~/.inputrc",
    "external shwo": "a mistake, on purpose",
    "external x": "what a Yate starts by mistake",
    "message NAME key=value …": "of an attached console: tests/console/client/test_yate.py",
    "help yext-…": "the marker of programs on plain connections",
    "external start": "the command in general",
    "events -f": "follows until a key: tests/console/commands/lines",
    "external log -f SCRIPT": "the same",
}
"""Commands in the text that are none of this console, and why."""

_SPAN = re.compile(r"`([^`\n]+)`")
_MISUNDERSTOOD = re.compile(
    r"Cannot understand|Usage:|Unknown |nothing to close|Not key=value|No help for|^no such"
)


class Span(NamedTuple):
    """A command in the text of a page."""

    page: str
    text: str


def _spans(words: set[str]) -> Iterator[Span]:
    seen = set()
    for page in PAGES:
        for text in _SPAN.findall(_FENCE.sub("", _page(page))):
            line = text.replace("\\|", "|")
            if line.split()[:1] and line.split()[0] in words and " " in line and line not in seen:
                seen.add(line)
                yield Span(page, line)


def _filled(text: str, folder: Path) -> str:
    """Return the command without optional words, and with something for each placeholder."""
    bare = re.sub(r"\[[^\[\]]*\]", "", re.sub(r"\[[^\[\]]*\]", "", text)).replace("…", "")
    words = [word.partition("|")[0] if word != "|" else word for word in bare.split()]
    filled = [
        "/".join(PLACEHOLDERS.get(part, part) for part in word.split("/"))
        if word not in PLACEHOLDERS
        else PLACEHOLDERS[word]
        for word in words
    ]
    return " ".join(filled).replace("FOLDER", str(folder))


def test_commands_in_the_text_are_understood(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "samples" / "scripts", tmp_path / "scripts", symlinks=True)
    (tmp_path / "extmodule.conf").write_text(f"[general]\nscripts_dir={tmp_path}/scripts/\n")
    wrong: list[str] = []

    async def play() -> None:
        async with Engine(tmp_path, node="alder") as engine:
            session = Session(engine, "test", view=Seen(80))
            found = Interpreter(session, TABLE)
            for span in sorted(_spans(CONSOLE_WORDS)):
                line = _filled(span.text, tmp_path)
                if span.text in IN_TEXT_ONLY:
                    continue
                (tmp_path / "file").write_text("")
                async with asyncio.timeout(30):
                    reply = await found.run(line)
                if not reply.known or _MISUNDERSTOOD.search(reply.text):
                    wrong.append(f"{span.page}: {span.text} ({line}): {reply.text.strip()[:120]}")
            session.close()

    asyncio.run(play())
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("text", sorted({span.text for span in _spans({"make"})}))
def test_a_target_of_make_in_the_text_exists(text: str) -> None:
    words = shlex.split(text.replace("DIR", "/nowhere").replace("=n", "=1"))
    done = subprocess.run(
        ["make", "--dry-run", *words[1:]], cwd=ROOT, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


STAYS = {
    "yext serve -": "until it is stopped: tests/console/cli/test_serve.py",
    "yext -c DIR --watch": "the same: tests/console/cli/test_filewatch.py",
    "yext VERSION": "what --version prints",
}
"""The beginnings of commands of a shell in the text that are not run, and why."""

USES = sorted({span.text for span in _spans({"yext"}) if not span.text.startswith(tuple(STAYS))})


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remote]:
    remote = Remote(tmp_path_factory.mktemp("served"))
    yield remote
    remote.close()


@pytest.mark.parametrize("text", USES)
def test_a_use_of_yext_in_the_text_is_understood(sandbox: Path, served: Remote, text: str) -> None:
    line = re.sub(r"HOST(\[:PORT\]|:PORT)", f"127.0.0.1:{served.port()}", text)
    line = _filled(line, sandbox).replace("/run/yate", str(sandbox))
    line = re.sub(r"--attach(?= --|$)", f"--attach 127.0.0.1:{served.port()}", line)
    if line.startswith("yext run -") and not line.endswith(("uptime", "--help", ".txt")):
        line += " uptime"  # The text leaves out the commands.
    line = line.replace(f"--script {sandbox}/file", "--script new/route.py")
    if len(line.split()) == 2 and "-" not in line:
        with pytest.raises(SystemExit) as ended:
            main([*line.split()[1:], "--help"])  # A sub-command in general.
        gctuning.resume()
        assert ended.value.code == 0
        return
    (sandbox / "file").write_text("uptime\n")
    done = subprocess.run(
        ["sh", "-c", line], cwd=sandbox, capture_output=True,
        env={"PATH": f"{sandbox}/bin:/usr/bin:/bin", "HOME": str(sandbox), "LANG": "C.UTF-8"},
        stdin=subprocess.DEVNULL, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode != 2 and "usage: yext [" not in done.stderr, done.stderr
