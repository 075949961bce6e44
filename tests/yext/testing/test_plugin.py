"""The pytest plugin for authors of scripts, used as its documentation shows it."""

import subprocess
import sys
from pathlib import Path

import pytest

from yext.testing.bench import TestBench

SCRIPT = """#!/bin/sh
echo '%%>setlocal:trackparam:route'
echo '%%>install:50:call.route'
echo '%%>watch:user.notify'
while read -r line; do
    case $line in
    '%%>message:'*)
        rest=${line#%%>message:}
        echo "ready with $1" >&2
        echo "%%<message:${rest%%:*}:true::sip/99:line=$1" ;;
    '%%<message::'*) echo '%%>message::0:user.seen::by=route' ;;
    esac
done
"""


@pytest.fixture
def yext_config(tmp_path: Path) -> Path:
    (tmp_path / "extmodule.conf").write_text(f"[general]\nscripts_dir={tmp_path}/\n")
    script = tmp_path / "route.sh"
    script.write_text(SCRIPT)
    script.chmod(0o755)
    return tmp_path


def test_a_script_is_started_and_asked(yext_engine: TestBench) -> None:
    yext_engine.start("route.sh", "7")
    yext_engine.wait_handler("call.route")
    answer = yext_engine.dispatch("call.route", {"called": "99"}, caller="40")
    assert answer.handled
    assert answer.retvalue == "sip/99"
    assert answer.params == {
        "called": "99", "caller": "40", "handlers": "route:50", "line": "7",
    }  # fmt: skip
    assert yext_engine.expect_log("ready with").endswith("ready with 7")


def test_messages_of_a_script_are_expected_in_order(yext_engine: TestBench) -> None:
    yext_engine.start("route.sh")
    yext_engine.wait_watcher("user.notify")
    assert not yext_engine.dispatch("user.notify").handled
    assert yext_engine.expect("user.seen", by="route").params == {"by": "route"}
    assert not yext_engine.dispatch("user.notify").handled
    assert yext_engine.expect("user.seen") is yext_engine.messages[-1]


def test_a_script_that_cannot_start_fails_the_test_with_the_reason(
    yext_engine: TestBench,
) -> None:
    with pytest.raises(AssertionError, match=r"No such file or directory \(ENOENT, 2\)"):
        yext_engine.start("rute.sh")


def test_a_wait_in_vain_tells_what_came_instead(yext_engine: TestBench) -> None:
    yext_engine.dispatch("call.route", called="1")
    with pytest.raises(AssertionError, match=r"(?s)expected  user\.seen.*call\.route.*called"):
        yext_engine.expect("user.seen")


def test_the_end_of_a_test_ends_its_scripts(tmp_path: Path, yext_config: Path) -> None:
    bench = TestBench(yext_config)
    bench.start("route.sh")
    reply = bench.command("external show")
    pid = int(reply.text.splitlines()[1].split("\t")[3])
    bench.close()
    assert not Path(f"/proc/{pid}").exists()


def test_the_plugin_costs_no_start_and_leaves_the_engine_unimported() -> None:
    program = "import sys, yext.testing.plugin; print(*sys.modules)"
    shown = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    ours = {name for name in shown.stdout.split() if name.split(".")[0] == "yext"}
    assert ours == {"yext", "yext.testing", "yext.testing.plugin"}


def test_pytest_finds_the_plugin(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        "def test_it(yext_engine):\n    assert yext_engine.command('version').ok\n"
    )
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", str(tmp_path)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout
    assert "1 passed" in run.stdout
