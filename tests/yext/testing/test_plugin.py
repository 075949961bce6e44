"""The pytest plugin for authors of scripts, used as its documentation shows it."""

import subprocess
import sys
from pathlib import Path

import pytest

from yext.testing.bench import TestBench

pytest_plugins = "pytester"

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


WITHOUT = ("-p", "no:cacheprovider", "-p", "no:asyncio", "-p", "no:anyio")
"""Options without the plugins that the inner tests do not need."""

SPEEDS = """
import pytest

def test_option(yext):
    assert yext.clock.speed == 5

@pytest.mark.yext(speed=20)
class TestMarked:
    def test_class(self, yext):
        assert yext.clock.speed == 20

    @pytest.mark.yext(speed=0)
    def test_method(self, yext_engine, yext):
        assert yext_engine is yext
        assert yext.clock.speed == 0

@pytest.mark.yext(speed=7)
def test_shared(yext_module, yext_session):
    assert yext_module.clock.speed == yext_session.clock.speed == 7

def test_shared_again(yext_module):
    assert yext_module.clock.speed == 5

@pytest.mark.yext(config="conf")
def test_config(yext):
    assert yext.engine.node == "configured"
"""

SHARED = """
import pytest

@pytest.fixture(scope="module")
def engine(yext_module):
    yext_module.stub("kept", retvalue="yes")
    return yext_module

@pytest.mark.parametrize("number", [1, 2])
def test_what_a_test_has_started_ends_with_it(engine, number):
    assert engine.messages == [] and (number == 1 or engine.log == [])
    engine.send("kept").assert_handled(retvalue="yes")
    engine.send("dropped").assert_not_handled()
    engine.stub("dropped")
    engine.watch("dropped")
    engine.call("tone/dial")
    engine.send("dropped").assert_handled()
    assert engine.command("status phone").text.count("phone/") == 1

def test_another_engine(yext_factory, tmp_path):
    with yext_factory(folders=[tmp_path]) as other:
        other.send("kept").assert_not_handled()
"""


LEFT = """
import pytest

@pytest.fixture(scope="module")
def engine(yext_module, tmp_path_factory):
    script = tmp_path_factory.mktemp("scripts") / "silent.sh"
    script.write_text("#!/bin/sh\\necho '%%>install:50:ask'\\ncat > /dev/null\\n")
    script.chmod(0o755)
    yext_module.script(script)
    return yext_module

def test_leaves(engine):
    engine.send_nowait("ask")

def test_does_not(engine):
    engine.send("other").assert_not_handled()
"""


def test_only_the_test_that_leaves_a_message_fails(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(LEFT)
    found = pytester.runpytest(*WITHOUT)
    found.assert_outcomes(passed=1, failed=1)
    found.stdout.fnmatch_lines(["*silent.sh has not answered ask*", "FAILED *::test_leaves*"])


def test_the_marker_and_the_option_set_the_speed(pytester: pytest.Pytester) -> None:
    (pytester.mkdir("conf") / "yate.conf").write_text("[general]\nnodename=configured\n")
    pytester.makepyfile(SPEEDS)
    found = pytester.runpytest(*WITHOUT, "--strict-markers", "--yext-speed=5")
    found.assert_outcomes(passed=6)


def test_an_engine_may_be_shared(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(SHARED)
    pytester.runpytest(*WITHOUT).assert_outcomes(passed=3)


def test_a_call_is_made_by_the_command_of_a_session(yext: TestBench) -> None:
    assert yext.command("call tone/dial phone/").ok
    assert yext.command("phone wait tone dial").text.startswith("Heard")
    assert yext.command("phone hangup").ok
