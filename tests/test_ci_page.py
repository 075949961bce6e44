"""Each recipe of docs/ci.md is run as printed, on its own configuration and a served engine."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from remotes import Remote

ROOT = Path(__file__).parents[1]

BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", (ROOT / "docs" / "ci.md").read_text(), re.M | re.S)

SECONDS = 120
"""Timeout of a recipe, in seconds; far more than any takes."""


@pytest.fixture(scope="module")
def remote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remote]:
    folder = tmp_path_factory.mktemp("remote")
    served = Remote(folder, "[general]\nport=PORT\n")
    yield served
    served.close()


def test_the_page_has_a_recipe_for_each_program() -> None:
    assert [kind for kind, _ in BLOCKS] == ["python", "python", "expect", "sh", "expect"]


@pytest.mark.parametrize(("kind", "text"), BLOCKS, ids=[kind for kind, _ in BLOCKS])
def test_a_recipe_works(remote: Remote, tmp_path: Path, kind: str, text: str) -> None:
    conf = tmp_path / "conf"
    scripts = conf / "scripts"
    scripts.mkdir(parents=True)
    (conf / "yate.conf").write_text("[general]\nnodename=vm\n")
    (conf / "extmodule.conf").write_text(f"[general]\nscripts_dir={scripts}/\n")
    for folder in (scripts, remote.scripts):
        shutil.copy(ROOT / "samples" / "scripts" / "route.py", folder)
        dies = folder / "dies.py"
        dies.write_text("#!/bin/sh\nexit 3\n")
        dies.chmod(0o755)
    text = text.replace("5038", str(remote.port())).replace("ready on vm.", "ready on alder.")
    file = tmp_path / "recipe_test"
    file.write_text(text)
    run = {"python": [sys.executable], "expect": ["expect", "-f"], "sh": ["bash", "-e"]}[kind]
    if "def test_" in text:
        file = file.rename(tmp_path / "test_recipe.py")
        run = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environ = {**os.environ, "PATH": path, "HOME": str(tmp_path), "TERM": "xterm"}
    environ["PYTHONPATH"] = str(ROOT)
    done = subprocess.run(
        [*run, file], cwd=tmp_path, env=environ, timeout=SECONDS, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    if kind == "sh":
        assert "Uptime" in (tmp_path / "replies.txt").read_text(errors="replace")
