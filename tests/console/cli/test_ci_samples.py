"""The samples for CI: the pexpect script, and each command of the workflow."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
WORKFLOW = ROOT / "samples" / "ci" / "workflow.yml"


def _steps() -> list[dict[str, Any]]:
    text = WORKFLOW.read_text(encoding="utf-8")
    steps: list[dict[str, Any]] = yaml.safe_load(text)["jobs"]["route"]["steps"]
    return steps


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder in which a workflow finds itself: the repository, and `yext` on the path."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("samples", "console", "yext"):
        (folder / name).symlink_to(ROOT / name)
    (folder / "bin").mkdir()
    for name, arguments in (("yext", " -m console"), ("python", "")):
        program = folder / "bin" / name
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}"{arguments} "$@"\n')
        program.chmod(0o755)
    return folder


def _run(folder: Path, command: str) -> subprocess.CompletedProcess[str]:
    path = f"{folder / 'bin'}:{os.environ['PATH']}"
    return subprocess.run(
        # As GitHub runs the commands of a step.
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", command],
        cwd=folder, env={**os.environ, "PATH": path, "CI": "true"},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_the_commands_of_the_workflow(checkout: Path) -> None:
    commands = {step["name"]: step["run"] for step in _steps() if "run" in step}
    assert commands.pop("Install") == "pip install . pexpect"
    assert len(commands) >= 4
    for name, command in commands.items():
        done = _run(checkout, command)
        assert done.returncode == 0, f"{name}\n{done.stdout}\n{done.stderr}"
    assert "call.route" in (checkout / "flow.jsonl").read_text()


def test_the_pexpect_script_tells_a_wrong_route(checkout: Path) -> None:
    source = (ROOT / "samples" / "ci" / "console.py").read_text(encoding="utf-8")
    wrong = source.replace("sip/99@10.0.0.2", "sip/99@10.0.0.3")
    assert wrong != source
    script = checkout / "wrong.py"
    script.write_text(wrong.replace("Path(__file__).parent", 'Path("samples/ci")'))
    done = _run(checkout, "python wrong.py")
    assert done.returncode == 1
    assert "call.route answered sip/99@10.0.0.2" in done.stderr


def test_a_broken_script_fails_the_workflow(checkout: Path) -> None:
    commands = {step["name"]: step["run"] for step in _steps() if "run" in step}
    broken = commands["Route a call"].replace("called=99", "called=1")
    done = _run(checkout, broken)
    assert done.returncode == 1
    assert "not handled" in done.stdout
