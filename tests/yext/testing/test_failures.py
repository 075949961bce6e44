"""What pytest prints about a test that has failed: which parts, in which order, how long."""

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytest_plugins = "pytester"

ROUTE_JS = Path(__file__).parents[3] / "samples" / "scripts" / "route.js"

FIVE_LINES = """
def test_did(yext):
    db = yext.stub("database", retvalue="sip/alice@10.0.0.9")
    yext.script("route.js")
    yext.send("call.route", called="4711").assert_handled(
        by="route.js", retvalue="sip/alice@10.0.0.9"
    )
    db.assert_once(account="pbx")
"""

TWICE = """
    yext.send("call.route", called="4712").assert_handled(by="route.js")
"""

WITHOUT = [
    *("-p", "no:cacheprovider"), *("-p", "no:hypothesispytest"),
    *("-p", "no:asyncio"), *("-p", "no:anyio"),
]  # fmt: skip
"""Options without the plugins that the inner tests do not need."""

Report = Callable[[str], list[str]]


@pytest.fixture
def report(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Report:
    """Run a test in a folder of its own; return the lines that pytest prints."""
    monkeypatch.setenv("COLUMNS", "80")

    def reported(text: str) -> list[str]:
        pytester.makepyfile(text)
        return pytester.runpytest(*WITHOUT).outlines

    return reported


@pytest.fixture
def route(pytester: pytest.Pytester) -> Callable[[str, str], None]:
    """Write route.js, with one text in place of another."""

    def written(old: str = "", new: str = "") -> None:
        text = ROUTE_JS.read_text()
        assert old in text
        path = pytester.path / "route.js"
        path.write_text(text.replace(old, new) if old else text)
        path.chmod(0o755)

    return written


def parts(lines: list[str]) -> list[str]:
    """The headings of a failure, in order."""
    found = (re.match(r"(?:E +)?(?:AssertionError: )?(expected|came|journey|stderr|go on)  ", line)
             for line in lines)  # fmt: skip
    return [one[1] for one in found if one is not None]


def check(lines: list[str]) -> str:
    """Check what is the same for all failures; return their text."""
    text = "\n".join(lines)
    assert len(lines) < 40, text
    assert "1 failed" in lines[-1]
    assert "yext/testing" not in text
    assert "asyncio/" not in text
    return text


def test_five_lines_pass(report: Report, route: Callable[..., None]) -> None:
    route()
    assert "1 passed" in report(FIVE_LINES)[-1]


BROKEN = [
    ("route(id, parse(fields));", "throw new Error('no database');",
     r"came +not handled: route\.js ended before it answered\nE +route\.js ended .* exit status 1"
     r"(?s:.*)stderr(?s:.*)no database"),
    ("const asked = new Map()", "throw new Error('no database'); const asked = new Map()",
     r"came +route\.js ended .* never spoke the protocol(?s:.*)no database"),
    ("escape(retvalue)}`", "'sip/bob'}`",
     r"retvalue  - sip/alice@10\.0\.0\.9\nE +\+ sip/bob"),
    ("account: 'pbx'", "account: 'cdr'", r"account  - pbx\nE +\+ cdr"),
    ("route(id, parse(fields));", "if (parse(fields).called === '4711') route(id, parse(fields));",
     r"came +no answer: route\.js has read call\.route and waits for more input"),
    ("async function route(id, params) {", "async function route(id, params) {\n  return;",
     r"came +no answer: route\.js has read call\.route and waits for more input"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "expected"), BROKEN)
def test_a_broken_script_is_told(
    report: Report, route: Callable[..., None], old: str, new: str, expected: str
) -> None:
    route(old, new)
    text = check(report(FIVE_LINES + (TWICE if "4711" in new else "")))
    assert re.search(expected, text), text


def test_a_failure_has_its_parts_in_order(report: Report, route: Callable[..., None]) -> None:
    route("send('%%>setlocal", "console.error('route.js is up'); send('%%>setlocal")
    lines = report(FIVE_LINES.replace('alice@10.0.0.9"\n', 'bob"\n'))
    check(lines)
    assert parts(lines) == ["expected", "came", "journey", "stderr", "go on"]
    assert "route.js is up" in "\n".join(lines)


HANGS = """#!/bin/sh
{first}
while read -r line; do :; done
"""


@pytest.mark.parametrize(
    ("first", "expected"),
    [("while :; do :; done", r"nothing within 0\.3 s\nE +hangs\.sh: it is busy computing"),
     ("sleep 100", r"nothing within 0\.3 s\nE +hangs\.sh: it waits for something else"),
     ("", r"hangs\.sh waits for input and has said nothing\nE +\(a line that is not flushed")],
)  # fmt: skip
def test_a_script_that_hangs_is_described(
    pytester: pytest.Pytester, report: Report, first: str, expected: str
) -> None:
    path = pytester.path / "hangs.sh"
    path.write_text(HANGS.format(first=first))
    path.chmod(0o755)
    text = check(report("def test_it(yext):\n    yext.script('hangs.sh', within=0.3)\n"))
    assert re.search(expected, text), text


LOOPS = """#!/bin/sh
echo '%%>setlocal:timeout:50'
echo '%%>install:50:call.route'
while read -r line; do case $line in *message*) while :; do :; done;; esac; done
"""


def test_a_script_that_did_not_answer_in_time_is_described(
    pytester: pytest.Pytester, report: Report
) -> None:
    path = pytester.path / "loops.sh"
    path.write_text(LOOPS)
    path.chmod(0o755)
    text = check(report(
        "def test_it(yext):\n"
        "    yext.script('loops.sh')\n"
        "    yext.send('call.route', called='1').assert_handled()\n"
    ))  # fmt: skip
    assert re.search(r"did not answer in time\nE +loops\.sh: it is busy computing", text), text


STUB = """
def test_it(yext):
    def look_up(message):
        assert message["account"] == "pbx", "which account?"
    yext.stub("database", function=look_up)
    yext.{send}("database", account="cdr")
"""


@pytest.mark.parametrize("send", ["send", "send_nowait", "engine.enqueue"])
def test_an_error_in_a_stub_fails_the_test_with_its_line(report: Report, send: str) -> None:
    text = STUB.format(send=send)
    if send == "engine.enqueue":
        text = "from yext import Message\n" + text.replace(
            'yext.engine.enqueue("database", account="cdr")',
            'yext.wait(later(yext.engine))\nasync def later(engine):\n'
            '    engine.enqueue(Message("database", {"account": "cdr"}))',
        )  # fmt: skip
    shown = check(report(text))
    assert "which account?" in shown
    assert '>       assert message["account"] == "pbx"' in shown


def test_a_failed_assertion_of_the_test_has_the_journey(
    report: Report, route: Callable[..., None]
) -> None:
    route()
    lines = report(
        "def test_it(yext):\n"
        "    yext.stub('database', retvalue='sip/1')\n"
        "    yext.script('route.js')\n"
        "    assert yext.send('call.route', called='1').retvalue == 'sip/2'\n"
    )
    assert "- sip/2" in check(lines)
    assert parts(lines) == ["journey", "go on"]


LEAVES = """#!/usr/bin/env python3
import sys, time
print("%%>install:50:a", flush=True)
for line in sys.stdin:
    if sys.argv[1] == "crash" and line.startswith("%%>message"):
        print(f"%%<message:{line.split(':')[1]}:true::", flush=True)
        time.sleep(0.01)
        sys.exit("no more")
"""


@pytest.mark.parametrize(
    ("how", "send", "expected"),
    [("crash", "send", r"(?s)expected  every script to go on.*came .*exit status 1.*no more"),
     ("none", "send_nowait", r"expected  every message to be answered\ncame +\S+ none has not")],
)  # fmt: skip
def test_what_a_test_leaves_behind_fails_it_unless_it_says_so(
    pytester: pytest.Pytester, report: Report, how: str, send: str, expected: str
) -> None:
    path = pytester.path / "leaves.py"
    path.write_text(LEAVES)
    path.chmod(0o755)
    test = f"def test_it(yext):\n    yext.script('leaves.py', '{how}')\n    yext.{send}('a')\n"
    assert re.search(expected, check(report(test)))
    marked = "import pytest\n@pytest.mark.yext(crash=True, unanswered=True)\n"
    assert "1 passed" in report(marked + test)[-1]


def test_a_mistyped_handler_is_told_at_once(report: Report, route: Callable[..., None]) -> None:
    route()
    test = "def test_it(yext):\n    yext.script('route.js')\n    yext.wait_handler('call.rout')\n"
    assert "did you mean call.route?" in check(report(test))


def test_the_set_up_is_written_to_go_on_with(
    pytester: pytest.Pytester, report: Report, route: Callable[..., None]
) -> None:
    route("escape(retvalue)}`", "'sip/bob'}`")
    lines = report(FIVE_LINES)
    (command,) = (line.split("yext -c ")[1] for line in lines if "yext -c " in line)
    (message,) = (line.split("  ")[-1].strip() for line in lines if "message --wait" in line)
    found = pytester.run(sys.executable, "-m", "yext", "run", "-c", command.strip(), message)
    assert "sip/bob" in "\n".join(found.outlines)
    assert found.ret == 0
