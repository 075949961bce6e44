"""Transcripts carried out on a real engine."""

from collections.abc import Callable
from pathlib import Path

import pytest

from yext import Reply
from yext.console.testrun import report
from yext.console.testrun.result import FileResult
from yext.console.testrun.runner import run_file

SAMPLES = Path(__file__).parents[3] / "samples"

ROUTE = """#!/bin/sh
echo '%%>install:50:call.route'
echo "loaded $1" >&2
while IFS=: read -r head id rest; do
    case $head in
    '%%>message') asked=$id; echo 'asking' >&2; echo '%%>message:q:0:database::account=pbx' ;;
    '%%<message') IFS=: read -r handled name retvalue more <<end
$rest
end
        echo "%%<message:$asked:true::$retvalue:via=db:caller" ;;
    esac
done
"""
"""Asks the database."""

TIMED = """#!/bin/sh
echo '%%>watch:engine.timer'
while IFS=: read -r head id rest; do
    case $head in '%%<message') echo '%%>message::0:ticked::' ;; esac
done
"""

Run = Callable[[str], FileResult]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Carry out a transcript beside two scripts."""
    for name, text in (("route.sh", ROUTE), ("timed.sh", TIMED), ("bad.sh", "#!/bin/sh\nexit 3\n")):
        path = tmp_path / name
        path.write_text(text)
        path.chmod(0o755)

    def carry_out(text: str) -> FileResult:
        path = tmp_path / "x.yext"
        path.write_text(text)
        return run_file(str(path), _code)

    return carry_out


def _code(reply: Reply) -> int:
    return int(not reply.ok)


def shown(result: FileResult) -> str:
    return "\n".join(report.text_lines(result))


STUBBED = """script route.sh 1
stub database account=other
  return wrong
stub database account=pbx
  return sip/alice
"""


def test_a_message_and_what_it_led_to(run: Run) -> None:
    result = run(
        STUBBED + "send call.route called=99 caller=1\n  handled by route.sh\n  return sip/alice\n"
        "  via=db\n  no caller\nsent database account=pbx\n  handled by stub\n  ...\n"
    )
    assert result.ok, shown(result)
    assert len(result.steps) == 3


def test_a_difference_is_shown_with_the_journey_and_standard_error(run: Run) -> None:
    result = run(
        STUBBED + "send call.route called=99\n  handled by route.sh\n  return sip/bob\n  via=db\n"
    )
    (failure,) = result.failures
    assert failure.lines == [
        "  handled by route.sh", "- return sip/bob", "+ return sip/alice", "  via=db"
    ]  # fmt: skip
    lines = shown(result).splitlines()
    assert lines[0].startswith("FAIL  ")
    assert lines[2].endswith("x.yext:6: send call.route called=99")
    context = "\n".join(lines[7:])
    assert "prio  handler" in context
    assert "asking" in context and "loaded" not in context, "of that step only"


def test_the_last_stub_that_fits_answers(run: Run) -> None:
    result = run(
        "stub a\n  return 1\nstub a x=2\n  not handled\n  y=3\n  no x\n"
        "stub a\n  priority 200\n  return last\n"
        "send a\n  handled by stub\n  return 1\n"
        "send a x=2\n  handled by stub\n  return last\n  y=3\n  no x\n"
    )
    assert result.ok, shown(result)


def test_a_broadcast_and_a_return_value_at_the_start(run: Run) -> None:
    result = run(
        "stub a\n  priority 10\n  x=1\nstub a\n  priority 20\n  y=1\n"
        "broadcast a retvalue=-\n  handled\n  x=1\n  y=1\nsend a retvalue=-\n  handled\n  x=1\n"
    )
    assert result.ok, shown(result)


def test_seconds_pass_only_by_tick(run: Run) -> None:
    result = run("script timed.sh\nstub ticked\ntick 2\nsent ticked\nsent ticked\n")
    assert result.ok, shown(result)


def test_a_message_that_does_not_come(run: Run) -> None:
    result = run(STUBBED + "send call.route\n  ...\nsent database account=x\n")
    (failure,) = result.failures
    assert failure.lines == ["- sent database account=x", "+ sent database account=pbx"]
    assert failure.context[0] == "nothing, and every script waits for input"
    assert failure.kept is None, "no lines below it would mend that"


def test_commands_are_compared_with_their_exit_code(run: Run) -> None:
    result = run(
        "command external start bad.sh\n  External start attempt\n"
        "command external stop nobody.sh\n  External not running\n  ...\n  [1]\n"
        "script route.sh\ncommand external stop route.sh\n  External command *ped (glob)\n"
    )
    assert [one.step.word for one in result.failures] == []
    assert "bad.sh ended" in result.error, "a script that nobody expected to end"


def test_a_script_that_must_not_start(run: Run) -> None:
    result = run(
        "script bad.sh\n  bad.sh ended * exit status 3* (glob)\n  ...\nsend a\n  not handled\n"
    )
    assert result.ok, shown(result)


def test_one_that_does_not_start_ends_the_transcript(run: Run) -> None:
    result = run("script gone.sh\nsend a\n  handled\n")
    assert result.steps == []
    assert "x.yext:1: script gone.sh: it did not start" in result.error
    assert "No such file or directory (ENOENT, 2)" in result.error
    assert result.error.count("ENOENT") == 1


def test_one_that_ends_badly_later_fails_the_transcript(run: Run, tmp_path: Path) -> None:
    dies = "#!/bin/sh\necho '%%>install:50:a'\nread -r line\nread -r line\nexit 4\n"
    (tmp_path / "dies.sh").write_text(dies)
    (tmp_path / "dies.sh").chmod(0o755)
    result = run("script dies.sh\nsend a\n  dies.sh went away\n")
    assert result.failures == []
    assert "a script ended badly" in result.error
    assert "exit status 4" in result.error


def test_a_configuration_directory(run: Run, tmp_path: Path) -> None:
    (tmp_path / "conf").mkdir()
    conf = f"[general]\nscripts_dir={tmp_path}/\n[scripts]\ntimed.sh=\n"
    (tmp_path / "conf/extmodule.conf").write_text(conf)
    result = run("config conf\ncommand external\n  1. timed.sh (re)\n")
    assert shown(result).count("+ ") == 1, "a name alone is no match: the reply ends in a blank"
    result = run("config conf\ncommand external\n  1. timed.sh * (glob)\n")
    assert result.ok, shown(result)


def test_a_script_of_the_configuration_that_does_not_start(run: Run, tmp_path: Path) -> None:
    (tmp_path / "conf").mkdir()
    conf = f"[general]\nscripts_dir={tmp_path}/\n[scripts]\nbad.sh=\n"
    (tmp_path / "conf/extmodule.conf").write_text(conf)
    result = run("config conf\nsend a\n  not handled\n")
    assert "x.yext: a script of the configuration did not start\nbad.sh ended" in result.error


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("config nowhere\nsend a\n", "x.yext: config nowhere is not a directory"),
        ("scripts nowhere\nsend a\n", "nowhere is not a directory"),
        ("stub a\n  maybe\n", "x.yext:1: stub a: maybe is no answer of a stub"),
        ("stub a\n  priority x\n", "x.yext:1: stub a: invalid literal"),
        ("sned a\n", "x.yext:1: sned is no step"),
    ],
)
def test_mistakes(run: Run, text: str, error: str) -> None:
    result = run(text)
    assert not result.ok
    assert error in result.error


@pytest.mark.parametrize(
    "path", sorted((SAMPLES / "tests").glob("*.yext")), ids=lambda one: one.name
)
def test_the_samples_pass(path: Path) -> None:
    result = run_file(str(path), _code)
    assert result.ok, shown(result)
