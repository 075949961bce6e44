"""Every sample on a real engine: working ones work, broken ones give the expected reason."""

import os
import shutil
import socket
from pathlib import Path

import pytest
from ports import free_port

from yext.testing.bench import TestBench

SAMPLES = Path(__file__).parents[1] / "samples"
BROKEN = SAMPLES / "scripts" / "broken"


@pytest.fixture
def port() -> int:
    return free_port()


def copied(tmp_path: Path, port: int) -> Path:
    """Copy the samples, with a port of the test's own."""
    directory = tmp_path / "samples"
    shutil.copytree(SAMPLES, directory, symlinks=True)
    conf = directory / "extmodule.conf"
    conf.write_text(conf.read_text().replace("port=5040", f"port={port}"))
    return directory


@pytest.fixture
def yext_config(tmp_path: Path, port: int) -> Path:
    """The samples, without scripts that start with the engine."""
    directory = copied(tmp_path, port)
    conf = directory / "extmodule.conf"
    text = conf.read_text()
    conf.write_text(text[: text.index("[scripts]")])
    return directory


PHP = os.access("/usr/bin/php", os.X_OK)


def test_the_configuration_starts_every_sample_without_a_complaint(
    tmp_path: Path, port: int
) -> None:
    directory = copied(tmp_path, port)
    bench = TestBench(directory)
    try:
        assert bench.engine.modules["extmodule"].read_conf() == []
        bench.wait_handler("call.route")
        bench.wait_handler("engine.help")
        bench.wait_watcher("engine.timer")
        if PHP:
            bench.wait_watcher("call.route")
        rows = bench.command("external show").text.splitlines()[1:]
        states = {row.split("\t")[0]: row.split("\t")[2] for row in rows}
        assert states == {
            "route.py": "running", "count.sh": "running", "greet.pl": "running",
            "calls.php": "running" if PHP else "failed",
        }  # fmt: skip
    finally:
        bench.close()


@pytest.mark.parametrize(
    ("called", "handled", "target"),
    [("99", True, "sip/99@10.0.0.2"), ("12", False, ""), ("9:%\n", True, "sip/9:%\n@10.0.0.2"),
     ("9\udcff", True, "sip/9\udcff@10.0.0.2")],
)  # fmt: skip
def test_route_answers_call_route(
    yext_engine: TestBench, called: str, handled: bool, target: str
) -> None:
    yext_engine.start("route.py", "9")
    yext_engine.wait_handler("call.route")
    answer = yext_engine.dispatch("call.route", called=called)
    assert (answer.handled, answer.retvalue) == (handled, target)
    asked = "route.py:50" if handled else "route.py:50,regexroute:100"
    assert answer.params == {"called": called, "handlers": asked}


def test_a_number_leads_to_the_mailbox_by_the_rules(yext_engine: TestBench) -> None:
    assert yext_engine.command("call phone/ 80").ok
    heard = yext_engine.command("phone wait tone dial")
    assert (heard.ok, heard.text) == (True, "Heard tone dial\r\n")
    shown = yext_engine.command("external show").text
    assert "ivr.py" in shown
    assert yext_engine.command("phone hangup").ok


def test_count_reports_how_many_seconds_have_gone_by(yext_engine: TestBench) -> None:
    yext_engine.start("count.sh", "3")
    yext_engine.wait_watcher("engine.timer")
    for _ in range(3):
        yext_engine.dispatch("engine.timer", time="0", broadcast=True)
    assert yext_engine.expect_log("count.sh: 3 seconds have gone by")


@pytest.mark.parametrize("parameter", ["0", "x", "-1", "1 2"])
def test_count_refuses_what_is_no_number(yext_engine: TestBench, parameter: str) -> None:
    yext_engine.start("count.sh", parameter)
    yext_engine.expect_log(f"{parameter} is not a number of seconds")


def test_greet_adds_a_command_with_help_and_completion(yext_engine: TestBench) -> None:
    yext_engine.start("greet.pl")
    for name in ("engine.command", "engine.help"):
        yext_engine.wait_handler(name)
    assert yext_engine.command("greet 100%: Bob").text == "Hello, 100%: Bob!\r\n"
    assert yext_engine.command("greet").text == "Hello, whoever you are!\r\n"
    assert "  greet {name|everybody}\r\n" in yext_engine.command("help").text
    assert "Says hello" in yext_engine.command("help greet").text
    complete = yext_engine.engine.complete
    assert yext_engine.wait(complete("", "gre")) == ["greet"]
    assert yext_engine.wait(complete("help", "gre")) == ["greet"]
    assert yext_engine.wait(complete("greet", "")) == ["everybody"]
    assert yext_engine.wait(complete("external", "sto")) == ["stop"]
    assert not yext_engine.command("greetings").known
    assert yext_engine.command("version").ok


def test_calls_logs_who_calls_whom_or_reports_that_php_is_missing(yext_engine: TestBench) -> None:
    if not PHP:
        with pytest.raises(AssertionError, match="/usr/bin/php"):
            yext_engine.start("calls.php")
        return
    yext_engine.start("calls.php")
    yext_engine.wait_watcher("call.route")
    yext_engine.dispatch("call.route", caller="a:b", called="9\n9")
    assert yext_engine.expect_log("calls.php: a:b calls 9?9, goes nowhere")
    yext_engine.engine.install("call.route", _route)
    yext_engine.dispatch("call.route", caller="40", called="99%")
    assert yext_engine.expect_log("calls.php: 40 calls 99%, goes to sip/99@10.0.0.2")
    yext_engine.dispatch("call.route")
    assert yext_engine.expect_log("calls.php: somebody calls nobody, goes to sip/99")


def _route(message: object) -> bool:
    message.retvalue = "sip/99@10.0.0.2"  # type: ignore[attr-defined]
    return True


def test_programs_may_connect_to_the_listener(yext_engine: TestBench, port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as peer:
        peer.sendall(b"%%>install:10:call.route\n")
        yext_engine.wait_handler("call.route")


# The reason reported for each broken sample, at its start or right after.
REFUSED = {
    "interpreter-missing.py": "interpreter /usr/bin/pyhton3 not found (ENOENT, 2)",
    "interpreter-is-a-directory.sh": "(EACCES, 13)",
    "not-executable.sh": "(EACCES, 13)",
    "no-interpreter-line.py": "(ENOEXEC, 8)",
    "empty.sh": "(ENOEXEC, 8)",
    "byte-order-mark.sh": "(ENOEXEC, 8)",
    "windows-line-ends.sh": "(ENOENT, 2)",
    "link-to-nothing.sh": "(ENOENT, 2)",
    "link-to-itself.sh": "(ELOOP, 40)",
    "directory.sh": "(EACCES, 13)",
}
ENDED = {
    "env-finds-nothing.py": "pyhton3",
    "module-missing.py": "No module named 'no_such_module'",
    "mistyped.py": "SyntaxError",
    "gives-up.sh": "the database is not there",
    "crashes.sh": "SIGSEGV",
    "not-a-protocol.sh": "Hello, world",
}


def test_every_broken_sample_has_its_way_of_failing_listed() -> None:
    names = {path.name for path in BROKEN.iterdir() if not path.name.startswith(".")}
    assert names == REFUSED.keys() | ENDED.keys()


@pytest.mark.parametrize(("name", "reason"), REFUSED.items())
def test_a_script_that_cannot_be_started_says_why(
    yext_engine: TestBench, name: str, reason: str
) -> None:
    reply = yext_engine.command(f"external start broken/{name}")
    lines = reply.text.splitlines()
    assert (reply.ok, lines[0]) == (False, "External command failed")
    assert reason in lines[1]
    assert reply.params["errno"] in reason
    assert lines[-1] == f"do: {reply.params['hint']}"


@pytest.mark.parametrize(("name", "report"), ENDED.items())
def test_a_script_that_ends_at_once_is_reported_with_its_last_words(
    yext_engine: TestBench, name: str, report: str
) -> None:
    yext_engine.start(f"broken/{name}")
    notice = yext_engine.expect_log(f"broken/{name} ended")
    assert "never spoke the protocol" in notice
    assert report in notice
