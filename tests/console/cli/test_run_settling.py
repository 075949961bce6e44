"""A batch waits until the scripts that it has started, or the configuration has, are settled."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

SLOW_ROUTE = """#!/bin/sh
sleep 0.3
echo '%%>setlocal:timeout:5000'
sleep 0.005
echo '%%>install:50:call.route'
while IFS=: read -r head id rest; do
    case $head in '%%>message') echo "%%<message:$id:true::sip/99:" ;; esac
done
"""
"""Installs its handler only after a while, and in two steps."""

BAD = {
    "traceback.py": f"#!{sys.executable}\nimport no_such_module_at_all\n",
    "signal.sh": "#!/bin/sh\nkill -SEGV $$\n",
    "three.sh": "#!/bin/sh\nsleep 0.1\nexit 3\n",
    "env.py": "#!/usr/bin/env no-such-interpreter\n",
    "speaks.sh": "#!/bin/sh\necho '%%>install:50:call.route'\nsleep 0.005\nexit 4\n",
}
"""Scripts that start and then fail, each in its own way."""


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    """A configuration directory with these scripts."""
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    good = {"route.sh": SLOW_ROUTE, "mute.sh": "#!/bin/sh\ncat >/dev/null\n"}
    for name, text in (BAD | good).items():
        (scripts / name).write_text(text)
        (scripts / name).chmod(0o755)
    configure(tmp_path)
    return tmp_path


def configure(folder: Path, *scripts: str) -> None:
    lines = "".join(f"{name}=\n" for name in scripts)
    text = f"[general]\nscripts_dir={folder}/scripts/\n[scripts]\n{lines}"
    (folder / "extmodule.conf").write_text(text)


def run(*arguments: str, given: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """``yext`` with these arguments and that standard input."""
    return subprocess.run(
        [sys.executable, "-m", "console", *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        input=given, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("json_lines", [False, True])
def test_a_script_that_ends_badly_fails_the_batch_and_its_reason_is_printed(
    conf: Path, name: str, json_lines: bool
) -> None:
    options = ["--json"] if json_lines else []
    done = run("run", *options, "-c", str(conf), f"external start {name}")
    assert done.returncode == 1
    assert f"{name} ended " in done.stderr
    if json_lines:
        assert json.loads(done.stdout)["ok"] is True
    else:
        assert done.stdout == "External start attempt\n"


@pytest.mark.parametrize("name", BAD)
def test_the_same_in_a_piped_and_in_a_dumb_session(conf: Path, name: str) -> None:
    for environment in ({}, {"TERM": "dumb"}):
        done = run("-c", str(conf), given=f"external start {name}\nuptime\n", **environment)
        assert done.returncode == 1
        reason, _, after = done.stdout.partition("Uptime: ")
        assert f"{name} ended " in reason, done.stdout
        assert after


def test_a_message_finds_the_script_that_the_command_before_has_started(conf: Path) -> None:
    message = "message call.route called=99"
    done = run("run", "-c", str(conf), "external start route.sh", message)
    assert (done.returncode, done.stderr) == (0, "")
    assert "handled in" in done.stdout
    done = run("-c", str(conf), given=f"external start route.sh\n{message}\n")
    assert "handled in" in done.stdout


def test_a_message_finds_the_scripts_of_the_configuration(conf: Path) -> None:
    configure(conf, "route.sh")
    message = "message call.route called=99"
    done = run("run", "-c", str(conf), message)
    assert (done.returncode, done.stderr) == (0, "")
    for environment in ({}, {"TERM": "dumb"}):
        done = run("-c", str(conf), given=f"{message}\n", **environment)
        assert "handled in" in done.stdout


def test_without_the_wait_the_hint_says_what_is_still_starting(conf: Path) -> None:
    for scripts, commands in (((), ["external start route.sh"]), (("route.sh",), [])):
        configure(conf, *scripts)
        done = run("run", "-c", str(conf), "--no-settle", *commands, "message call.route")
        assert done.returncode == 1
        assert "do: message --wait 10 call.route: route.sh is still starting\n" in done.stderr


def test_how_long_the_wait_is_can_be_set(conf: Path) -> None:
    (conf / "scripts" / "route.sh").write_text(SLOW_ROUTE.replace("0.3", "1.3"))
    commands = ["external start route.sh", "message call.route"]
    assert run("run", "-c", str(conf), *commands).returncode == 1
    assert run("run", "-c", str(conf), "--settle", "30", *commands).returncode == 0
    done = run("-c", str(conf), "--settle", "30", given="\n".join(commands))
    assert "handled in" in done.stdout
    for wrong in ("-1", "nan", "soon", "1e99"):
        done = run("run", "--settle", wrong, "version")
        assert done.returncode == 2
        assert f"{wrong} is not a number of seconds, 0 to 3600" in done.stderr


@pytest.mark.parametrize("name", [*BAD, "gone.sh"])
def test_a_script_of_the_configuration_fails_the_batch_only_if_it_is_strict(
    conf: Path, name: str
) -> None:
    configure(conf, name)
    done = run("run", "-c", str(conf), "version")
    assert done.returncode == 0
    assert done.stderr.startswith(f"{name}: " if name == "gone.sh" else f"{name} ended ")
    assert run("run", "-c", str(conf), "--strict", "version").returncode == 1
    done = run("-c", str(conf), "--strict", given="version\n")
    assert done.returncode == 1
    assert done.stderr.startswith(f"{name}: " if name == "gone.sh" else f"{name} ended ")
    assert run("-c", str(conf), given="version\n").returncode == 0


def test_a_script_that_says_nothing_is_waited_for_and_is_no_failure(conf: Path) -> None:
    done = run("run", "-c", str(conf), "--strict", "external start mute.sh", "external show")
    assert (done.returncode, done.stderr) == (0, "")
    assert "mute.sh\t-\trunning\t" in done.stdout


@pytest.mark.parametrize("name", [*BAD, "gone.sh"])
def test_a_message_does_not_wait_for_the_dead(conf: Path, name: str) -> None:
    wait = "message --wait 3600 call.route"  # Longer than the test may take.
    done = run("run", "-c", str(conf), f"external start {name}", wait)
    assert done.returncode == 1
    assert f"Nobody handles call.route: {name}" in done.stdout
    assert f"do: external why {name}" in done.stderr
    done = run("run", "-c", str(conf), "--no-settle", f"external start {name}", wait)
    assert done.returncode == 1
    configure(conf, name)
    done = run("run", "-c", str(conf), wait)
    assert f"Nobody handles call.route: {name}" in done.stdout


def test_a_message_that_nobody_takes_hints_at_the_script_that_has_failed(conf: Path) -> None:
    done = run("run", "-c", str(conf), "external start three.sh 9", "message call.route")
    assert "do: external why three.sh 9: three.sh 9 has failed" in done.stderr
    done = run("run", "-c", str(conf), "external start three.sh", "message call.rout")
    assert "Did you mean: call.route" in done.stderr


def test_a_message_waits_for_the_living_though_another_script_is_dead(conf: Path) -> None:
    (conf / "scripts" / "route.sh").write_text(SLOW_ROUTE.replace("0.3", "1.3"))
    done = run(
        "run", "-c", str(conf), "external start three.sh", "external start route.sh",
        "message --wait 50 call.route",
    )  # fmt: skip
    assert done.returncode == 1, "three.sh"
    assert "handled in" in done.stdout


def test_a_script_that_ends_later_in_the_batch_fails_it_too(conf: Path) -> None:
    (conf / "scripts" / "late.sh").write_text(
        "#!/bin/sh\necho '%%>watch:x'\nread -r a\nread -r b\nexit 5\n"
    )
    (conf / "scripts" / "late.sh").chmod(0o755)
    done = run(
        "run", "-c", str(conf), "external start late.sh", "message --enqueue x",
        "message --wait 3600 never.comes",
    )  # fmt: skip
    assert done.returncode == 1
    assert "late.sh ended " in done.stderr


def test_mistakes_in_the_configuration_are_printed(conf: Path) -> None:
    (conf / "extmodule.conf").write_text("[general]\ntimout=1\n[script]\n")
    for done in (run("run", "-c", str(conf), "version"), run("-c", str(conf), given="version\n")):
        assert done.returncode == 0
        assert done.stderr.splitlines() == [
            "yext: extmodule.conf:2: unknown option 'timout' in [general]; did you mean timeout?",
            "yext: extmodule.conf:3: unknown section [script], did you mean [scripts]?",
        ]


def test_the_commands_of_a_file_wait_too(conf: Path) -> None:
    start, message = "external start route.sh", "message call.route called=99"
    (conf / "commands").write_text(f"{start}\n{message}\n")
    done = run("run", "-c", str(conf), f"source {conf}/commands")
    assert (done.returncode, done.stderr) == (0, "")
    assert "handled in" in done.stdout
    done = run("-c", str(conf), given=f"source {conf}/commands\n")
    assert "handled in" in done.stdout
