"""Completion in real shells."""

import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

YEXT = Path(sys.executable).parent / "yext"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the completions of all shells, and a folder of a configuration."""
    made = tmp_path_factory.mktemp("completion")
    for shell in ("bash", "zsh", "fish"):
        done = subprocess.run(
            [YEXT, "completion", shell], capture_output=True, text=True, timeout=60
        )
        assert (done.returncode, done.stderr) == (0, "")
        (made / shell).write_text(done.stdout)
    (made / "alder.d").mkdir()
    (made / "alder.log").write_text("")
    return made


def bash(folder: Path, *words: str) -> set[str]:
    script = f"""
        source {folder}/bash
        COMP_WORDS=({" ".join(repr(word) for word in ("yext", *words))})
        COMP_CWORD={len(words)}
        _shtab_yext yext {words[-1]!r} {("yext", *words)[-2]!r}
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    return _lines(folder, "bash", "--norc", "-c", textwrap.dedent(script))


def fish(folder: Path, *words: str) -> set[str]:
    line = " ".join(("yext", *words))
    script = f"source {folder}/fish; complete -C '{line}'"
    found = _lines(folder, "fish", "--no-config", "-c", script)
    return {one.partition("\t")[0] for one in found}


def _lines(folder: Path, *command: str) -> set[str]:
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "TERM": "dumb"}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return {line.strip() for line in done.stdout.splitlines() if line.strip()}


@pytest.mark.parametrize("complete", [bash, fish])
def test_sub_commands_options_and_files(folder: Path, complete: object) -> None:
    assert callable(complete)
    assert {"serve", "run", "attach", "check", "completion"} <= complete(folder, "")
    assert complete(folder, "ser") == {"serve"}
    options = complete(folder, "serve", "--")
    assert {"--keep-going", "--log-json"} <= options and "--json" not in options
    assert {"bash", "zsh", "fish"} <= complete(folder, "completion", "")
    folders = {one.rstrip("/") for one in complete(folder, "serve", "-c", "al")}
    assert folders == {"alder.d"}
    assert {one.rstrip("/") for one in complete(folder, "serve", "-l", "al")} == {
        "alder.d", "alder.log",
    }  # fmt: skip


def test_zsh_accepts_it(folder: Path) -> None:
    zsh = shutil.which("zsh")
    assert zsh is not None
    script = (
        f"autoload -Uz compinit && compinit -u -d {folder}/dump"
        f' && eval "$(<{folder}/zsh)"'
        " && print ${_comps[yext]} && whence -w _shtab_yext"
    )
    shown = _lines(folder, zsh, "-f", "-c", script)
    assert "_shtab_yext: function" in shown and "_shtab_yext" in shown


def test_an_unknown_shell_is_wrong_usage() -> None:
    done = subprocess.run([YEXT, "completion", "tcsh"], capture_output=True, text=True)
    assert done.returncode == 2
    assert "invalid choice: 'tcsh'" in done.stderr
