"""`yext run`: exit codes, JSON as documented, the record, and what it must not import or write."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from yext import Reply
from yext.console.cli.exitcodes import exit_code
from yext.record.journey import from_json

ROOT = Path(__file__).parents[3]

ROUTE = """#!/bin/sh
echo '%%>install:50:call.route'
while IFS=: read -r head id rest; do
    case $head in '%%>message') echo "%%<message:$id:true::sip/99:targetid=r/1" ;; esac
done
"""


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    """A configuration with one script."""
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    (scripts / "route.sh").write_text(ROUTE)
    (scripts / "route.sh").chmod(0o755)
    (tmp_path / "extmodule.conf").write_text(f"[general]\nscripts_dir={scripts}/\n")
    return tmp_path


def run(
    *arguments: str, given: str = "", environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """``yext run`` with these arguments and that standard input."""
    return subprocess.run(
        [sys.executable, "-m", "console", "run", *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})},
        input=given, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def objects(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize(
    ("commands", "code"),
    [
        (["version", "uptime"], 0),
        (["version", "drop", "version"], 1),
        (["message no.such"], 1),
        (["no.such.command"], 2),
        (["drop", "no.such.command"], 1),
        (["no.such.command", "drop"], 2),
        (["message --wait 1 no.such"], 5),
        (["stop 7"], 7),
    ],
)
def test_exit_codes(commands: list[str], code: int) -> None:
    for options in ((), ("--json",)):
        assert run(*options, *commands).returncode == code


def test_an_exit_code_for_each_kind_of_reply() -> None:
    assert exit_code(Reply(True)) == 0
    assert exit_code(Reply(False, params={"error": "noauth"})) == 4


def test_wrong_usage() -> None:
    assert run().returncode == 2
    assert run("-c", "/no/such/folder", "version").returncode == 2
    done = run("--record", "/no/such/folder/x", "version")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "yext: /no/such/folder/x: No such file or directory\n"


@pytest.mark.parametrize("before", [True, False])
def test_a_shared_path(tmp_path: Path, before: bool) -> None:
    """``-e`` stands before the sub-command or after it, and names the folder of `scripts`."""
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    (scripts / "hello.sh").write_text("#!/bin/sh\necho '%%>output:hello'\ncat\n")
    (scripts / "hello.sh").chmod(0o755)
    options = ("-e", str(tmp_path))
    command = ["run", "external start hello.sh"]
    line = [*options, *command] if before else [command[0], *options, *command[1:]]
    done = subprocess.run(
        [sys.executable, "-m", "console", *line], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    done = run("-e", str(tmp_path / "scripts"), "external start hello.sh")
    assert done.returncode == 1
    assert f"{scripts}/scripts/hello.sh" in done.stdout


def _schema() -> dict[str, Any]:
    page = (ROOT / "docs" / "json.md").read_text(encoding="utf-8")
    found = re.search(r"```json\n(.*?)```", page, re.DOTALL)
    assert found is not None
    schema: dict[str, Any] = json.loads(found[1])
    return schema


def test_replies_are_as_the_schema_says(conf: Path) -> None:
    done = run(
        "--json", "-c", str(conf), "external start route.sh 99", "external start gone.sh",
        "message --wait 10 --time --repeat 2 call.route called=99", "external info",
        "external show", "status engine", "flow filter (", "no.such", "module list", "status",
        "debug", "help", "help uptime", "dispatcher handlers name=call.route", "alias a b",
        "alias", "external stop route.sh",
    )  # fmt: skip
    replies = objects(done)
    validator = jsonschema.Draft202012Validator(_schema())
    for reply in replies:
        validator.validate(reply)
    by_command = {reply["command"]: reply for reply in replies}
    assert by_command["external start route.sh 99"]["data"]["pid"].isdigit()
    gone = by_command["external start gone.sh"]
    assert (gone["ok"], gone["errno"]) == (False, "ENOENT")
    assert "No such file" in gone["reason"]
    assert gone["hint"]
    message = by_command["message --wait 10 --time --repeat 2 call.route called=99"]["data"]
    assert (message["sent"], message["handled"]) == (2, 2)
    assert message["message"]["reply"]["retvalue"] == "sip/99"
    assert set(message["seconds"]) == {"total", "min", "p50", "p99", "max"}
    [peer] = by_command["external info"]["data"]
    assert (peer["name"], peer["parameter"], peer["role"]) == ("route.sh", "99", "Global")
    assert peer["pid"] == int(by_command["external start route.sh 99"]["data"]["pid"])
    assert by_command["external show"]["data"][0]["state"] == "running"
    [engine] = by_command["status engine"]["data"]
    assert (engine["name"], engine["params"]["supervised"]) == ("engine", "false")
    assert engine["details"]["configpath"] == str(conf)
    assert "extmodule" in {one["name"] for one in by_command["status"]["data"]}
    assert by_command["flow filter ("]["reason"] == "something is missing here"
    assert by_command["no.such"]["reason"] == "unknown command"
    assert "extmodule" in by_command["module list"]["data"]
    assert by_command["debug"]["data"]["threshold"] == 10
    assert "uptime" in by_command["help"]["data"]
    assert by_command["help uptime"]["data"]["usage"] == "uptime"
    assert (
        by_command["dispatcher handlers name=call.route"]["data"]
        == [{"name": "call.route", "priority": 50, "trackname": "", "filter": {}}]
        or by_command["dispatcher handlers name=call.route"]["data"][0]["priority"] == 50
    )
    assert by_command["alias"]["data"] == {"a": "b"}


def test_a_script_is_started_asked_and_recorded(conf: Path, tmp_path: Path) -> None:
    record = tmp_path / "flow.jsonl"
    done = run(
        "-c", str(conf), "--record", str(record), "--plain", "external start route.sh",
        "message --wait 10 call.route caller=40",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "reply handled   return sip/99" in done.stdout
    journeys = [from_json(json.loads(line)) for line in record.read_text().splitlines()]
    assert sorted(one.number for one in journeys) == list(range(1, len(journeys) + 1))
    by_name = {one.name: one for one in journeys}
    assert by_name["call.route"].by == "route.sh"
    assert by_name["call.route"].params == {"caller": "40"}
    assert {"engine.start", "engine.command", "engine.halt"} <= set(by_name)


def test_a_record_that_cannot_be_written_is_told() -> None:
    done = run("--record", "/dev/full", "version")
    assert done.returncode == 1
    assert done.stderr == ("yext: /dev/full: No space left on device, the record is not whole\n")


def test_commands_from_standard_input() -> None:
    done = run("date", "-", given="# a comment\n\n  version  \nuptime")
    assert done.returncode == 0
    assert [line.split()[0] for line in done.stdout.splitlines()[1:]] == [
        "version:", "release:", "revision:", "githash:", "Uptime:",
    ]  # fmt: skip
    assert run("-", given="nonsense\nversion\n").returncode == 2


def test_a_batch_waits_for_the_command_of_a_script_as_the_page_says(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "scripts.md").read_text(encoding="utf-8")
    wait = "message --wait 5 engine.help line=greet"
    assert wait in page.replace("\n", " ")
    scripts = ROOT / "samples" / "scripts"
    (tmp_path / "extmodule.conf").write_text(f"[general]\nscripts_dir={scripts}/\n")
    # The page's five seconds are for a machine that does nothing else.
    wait = wait.replace("5", "50")
    done = run("-c", str(tmp_path), "external start greet.pl", wait, "greet Bob")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "Hello, Bob!")


def test_a_file_on_standard_input(tmp_path: Path) -> None:
    (tmp_path / "commands").write_text("version\n")
    with (tmp_path / "commands").open() as file:
        done = subprocess.run(
            [sys.executable, "-m", "console", "run", "-"], cwd=ROOT, stdin=file,
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert "release:" in done.stdout


def test_the_flow_in_a_batch_is_shown_and_does_not_keep_it_going() -> None:
    lines = run("flow on", "message no.such a=1").stdout.splitlines()
    assert lines[0].startswith("Flow: on")
    shown = r"\d\d:\d\d:\d\d\.\d{3} #\d+ +no\.such +yext run +\S nobody .* a=1"
    assert re.fullmatch(shown, lines[1])
    done = run("--json", "flow on", "message no.such a=1")
    assert [one["command"] for one in objects(done)] == ["flow on", "message no.such a=1"]
    assert "nobody" in done.stderr


@pytest.mark.parametrize("locale", [{"LC_ALL": "C"}, {"LC_ALL": "", "LC_CTYPE": "", "LANG": ""}])
def test_the_flow_is_ascii_where_the_locale_is_not_utf8(locale: dict[str, str]) -> None:
    assert run("flow on", "message no.such", environment=locale).stdout.isascii()
    utf8 = run("flow on", "message no.such", environment={"LC_ALL": "C.UTF-8"})
    assert " · nobody" in utf8.stdout


def test_an_unknown_command_has_a_hint() -> None:
    done = run("statu")
    assert done.stdout == "Cannot understand: statu\n"
    assert done.stderr.startswith("Did you mean: status")


@pytest.mark.parametrize(
    "environment", [{"TERM": "dumb"}, {"TERM": "xterm-256color"}, {"NO_COLOR": "1"}]
)
def test_not_one_escape_byte(environment: dict[str, str]) -> None:
    done = run(
        "help",
        "flow on",
        "message a b=\x1b[31m",
        "nonsense\x1b[31m",
        "top",
        "clear",
        "watch 1 date",
        environment=environment,
    )
    assert "\x1b" not in done.stdout + done.stderr
    assert r"\x1b" in done.stdout


def test_what_a_batch_must_not_import() -> None:
    """In a real process, from sys.modules after a batch of all kinds of commands."""
    program = (
        "import sys\n"
        "from yext.console.cli.main import main\n"
        "code = main(sys.argv[1:])\n"
        "roots = {name.partition('.')[0] for name in sys.modules}\n"
        "print('FOUND', sorted(roots & {'prompt_toolkit', 'rich', 'pygments', 'wcwidth'}))\n"
        "sys.exit(code)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "run", "version", "flow on", "message x", "flow show 1",
         "help", "external show", "top", "watch 1 date", "history", "nonsense"],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == "FOUND []", done.stdout + done.stderr


@pytest.mark.parametrize(("arguments", "allowed"), [(["run", "version"], ""), ([], "shutil")])
def test_what_a_start_must_not_import(arguments: list[str], allowed: str) -> None:
    """What a start can do without, and what that costs: docs/performance.md."""
    program = (
        "import sys\n"
        "from yext.console.cli.main import main\n"
        f"code = main({arguments})\n"
        "print('FOUND', sorted(set(sys.modules) & set(sys.argv[1:])))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *(name for name in TOO_HEAVY if name != allowed)],
        cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == "FOUND []", done.stdout + done.stderr


TOO_HEAVY = (
    "pathlib", "shutil", "datetime", "json", "shlex", "random", "numpy", "soxr",
    "yext.record.filters", "yext.conf.merge", "yext.extmodule.diagnosis.diagnose",
    "yext.extmodule.diagnosis.aftermath", "yext.extmodule.calls",
    "yext.console.replies.trace", "yext.console.session.flow", "yext.console.server.rmanager",
    "yext.console.browse.browser", "yext.console.shell.fullscreen", "yext.ladder.ladder",
    "yext.console.export.formats",
)  # fmt: skip


def test_sigterm_stops_the_engine_and_its_scripts(conf: Path) -> None:
    batch = subprocess.Popen(
        [sys.executable, "-m", "console", "run", "-c", str(conf), "--json",
         "external start route.sh", "-"],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert batch.stdout is not None
    pid = int(json.loads(batch.stdout.readline())["data"]["pid"])
    assert Path(f"/proc/{pid}").exists()
    batch.send_signal(signal.SIGTERM)
    assert batch.wait(20) == 128 + signal.SIGTERM
    batch.communicate()
    assert not Path(f"/proc/{pid}").exists()


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_batch_that_is_started_without_standard_streams_does_its_work(
    conf: Path, closed: str
) -> None:
    start = f"{sys.executable} -m console run -c {conf} 'external start route.sh'"
    done = subprocess.run(
        ["sh", "-c", f"{start} 'message --wait 20 call.route' - </dev/null {closed}"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert ("handled in" in done.stdout) is (not closed.startswith((">", "<&- >")))


def test_a_full_disk_is_told_in_one_line() -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "console", "run", "version"], cwd=ROOT,
            stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == "yext: standard output: No space left on device\n"


def test_what_failed_is_told_where_the_words_of_yate_say_nothing(conf: Path) -> None:
    reasons = {
        "status nobody": "no module answers to 'nobody'\ndo: module list\n",
        "reload nobody": "no module is called 'nobody'\ndo: module list\n",
        "external start": "do: help external\n",
        "message ''": "",
        "externl": "Did you mean: external\n",
    }
    for command, why in reasons.items():
        done = run("-c", str(conf), command)
        assert done.returncode in (1, 2), command
        assert done.stderr.startswith(why), command


def test_a_file_of_commands_may_have_a_blank_in_its_name(tmp_path: Path) -> None:
    (tmp_path / "two words").write_text("version\n")
    done = run(f"source '{tmp_path}/two words'")
    assert (done.returncode, done.stdout.partition(":")[0]) == (0, "version")
