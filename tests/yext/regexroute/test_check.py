"""What `yext check` finds in the rules, and what it does not complain about."""

from pathlib import Path

import pytest

from yext.conf import Severity
from yext.engine.engine import Engine

ERROR, WARNING = Severity.ERROR, Severity.WARNING
SCRIPT = "#!/bin/sh\ncat\n"

FINDINGS = [
    # contexts
    ("^1=goto nosuch", 2, ERROR, "there is no context [nosuch]"),
    ("^1=call defalt", 2, ERROR, "there is no context [defalt]; did you mean default?"),
    ("^1=if ^2=jump nosuch", 2, ERROR, "there is no context [nosuch]"),
    ("^1=include", 2, ERROR, "'include' names no context"),
    (
        "[contexts]\n^1=nosuch",
        3,
        WARNING,
        "there is no context [nosuch]: no rule",
    ),
    # what never matches
    ("^9=a\n^99$=b", 3, WARNING, "regexroute.conf:2 takes all that ^99$ matches"),
    ("^99$=a\n^99$=b", 3, WARNING, "regexroute.conf:2 takes all that ^99$ matches"),
    (".*=a\n^00\\(.*\\)$=sip/\\1", 3, WARNING, "regexroute.conf:2 takes all"),
    (".*[0-9]=a\n^1[0-9]*$=b", 3, WARNING, "regexroute.conf:2 takes all"),
    ("^0=goto default\n^01=b", 3, WARNING, "regexroute.conf:2 takes all"),
    # blocks
    ("^1={\n^1=a", 2, WARNING, "this block is not closed"),
    ("}\n^1=a", 2, WARNING, "'}' closes nothing"),
    ("^1={\n" * 11, 12, WARNING, "more than 10 blocks in each other"),
    # functions
    ("^1=a;b=$(lenght,x)", 2, WARNING, "there is no function 'lenght'; did you mean length?"),
    # scripts
    ("^1=external/nodata/gone.sh", 2, ERROR, "gone.sh: No such file or directory"),
    ("^1=external/nodata/gone.sh \\1", 2, ERROR, "gone.sh: No such file or directory"),
    ("^1=if ^2=external/nodata/plain.sh", 2, ERROR, "plain.sh: "),
    ("^1=dispatch call.execute;callto=external/nodata/gone.sh", 2, ERROR, "gone.sh: No such file"),
    ("^1=external/nodat/here.sh", 2, ERROR, "'nodat' is none of nochan, nodata,"),
]

FINE = [
    "[contexts]\n^1=default\n^2=-\n^3=error\n^4=\\1\n^5=;a=1\n^6=return",
    "^1=@goto nosuch", "^1=goto \\1", "^1=goto ${a}", "^1=jump c2\n[c2]\n.*=t",
    "^99$=a\n^9=b", "^9=;x=1\n^99$=b", "^9=call c2\n^99$=b\n[c2]\n^1=t", "^9=if ${a}=x\n^99$=b",
    "${a}^9=x\n^99$=b", ".*=match 1\n.*=b", ".*=\\1\n.*=b", ".*=ret${a}\n.*=b", "^9^=a\n^99$=b",
    "^9={\n.*=a\n}\n^99$=b", "^1={\n^2=a\n} ^3={\n^4=b\n} ={\n^5=c\n}", "^1=a;b=$(length,x)$(v)",
    "^1=external/nodata/here.sh", "^1=external/nodata/\\1", "^1=external/nodata/${script}",
    "^1=a\n[$once]\nb=1\n[$init]\nc=2", "^1=external/play/here.sh a b",
    "^1=;a=$(++$n)", "^1=msleep 5\n^1=b", "^9=noop\n^99$=b",
]  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "yate.conf").write_text(
        "[general]\nmodload=no\n[modules]\nregexroute.yate=yes\nextmodule.yate=yes\n"
    )
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    (scripts / "here.sh").write_text(SCRIPT)
    (scripts / "here.sh").chmod(0o755)
    (scripts / "plain.sh").write_text(SCRIPT)
    (scripts / "plain.sh").chmod(0o644)
    (tmp_path / "extmodule.conf").write_text(f"[general]\nscripts_dir={scripts}/\n")
    return tmp_path


@pytest.mark.parametrize(("rules", "line", "severity", "text"), FINDINGS)
def test_a_finding_has_its_line(
    folder: Path, rules: str, line: int, severity: Severity, text: str
) -> None:
    (folder / "regexroute.conf").write_text(f"[default]\n{rules}\n")
    found = [one for one in Engine(folder).rehearse() if one.file == "regexroute.conf"]
    assert any(
        (one.line, one.severity) == (line, severity) and text in one.text for one in found
    ), found


@pytest.mark.parametrize("rules", FINE)
def test_what_may_be_right_is_not_reported(folder: Path, rules: str) -> None:
    (folder / "regexroute.conf").write_text(f"[default]\n{rules}\n")
    assert Engine(folder).rehearse() == []


def test_a_script_without_the_module_that_starts_it_is_reported(folder: Path) -> None:
    (folder / "yate.conf").write_text("[general]\nmodload=no\n[modules]\nregexroute.yate=yes\n")
    (folder / "extmodule.conf").unlink()
    (folder / "regexroute.conf").write_text("[default]\n^1=external/nodata/here.sh\n")
    (found,) = Engine(folder).rehearse()
    assert "the module extmodule is not loaded" in found.text
