"""IVRs through the console, as an operator or CI tries them: the samples, and python-yate's."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from calls import sound

ROOT = Path(__file__).parents[3]
SAMPLES = ROOT / "samples"
CLIENTS = ROOT / "tests" / "clients"


def console(folder: Path, commands: Sequence[str], given: str = "") -> tuple[int, str]:
    """Run ``yext run`` on the configuration in `folder`; return the exit code and the output."""
    done = subprocess.run(
        [sys.executable, "-m", "console", "run", "-c", str(folder), *commands],
        input=given,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(folder)},
        timeout=60,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "extmodule.conf").write_text(f"[general]\nscripts_dir={tmp_path}/\n")
    return tmp_path


SESSIONS = {"ivr.txt": "ivr.py", "quiz.txt": "quiz.php"}


@pytest.mark.parametrize("session", SESSIONS)
def test_the_sessions_of_the_samples_succeed(folder: Path, session: str) -> None:
    script = SAMPLES / "scripts" / SESSIONS[session]
    shutil.copy(script, folder)
    code, said = console(folder, ["-"], (SAMPLES / "sessions" / session).read_text())
    interpreter = script.read_text().splitlines()[0].removeprefix("#!").split()[0]
    if not os.access(interpreter, os.X_OK):
        assert code == 1 and interpreter in said
        return
    assert code == 0, said


def test_every_sample_session_is_tested() -> None:
    assert {path.name for path in (SAMPLES / "sessions").iterdir()} == set(SESSIONS)


def test_a_session_fails_if_it_hears_something_else(folder: Path) -> None:
    shutil.copy(SAMPLES / "scripts" / "ivr.py", folder)
    call = "call external/nodata/ivr.py phone/"
    code, said = console(
        folder, [call, "phone wait playing dial", "phone wait tone busy 0.2", "phone hangup"]
    )
    assert code == 1
    assert "no tone busy after 0.2 s; it hears tone/dial" in said


def test_the_ivr_class_of_python_yate_works(folder: Path) -> None:
    """Plays, records, reads digits, and runs its hang-up handler: the package is unmodified."""
    script = folder / "python_ivr.py"
    text = (CLIENTS / "ivr_client.py").read_text()
    script.write_text(f"#!{sys.executable}\n{text}")
    script.chmod(0o755)
    prompt = sound(folder, "prompt.slin")
    spoken = sound(folder, "spoken.slin", prompt.read_bytes()[:3200] * 4)
    code, said = console(
        folder,
        [
            f"call phone/ external/nodata/python_ivr.py {folder}",
            "phone wait playing prompt.slin",
            "phone wait playing dial",
            "phone dtmf 12#",
            "phone wait playing busy",
            f"phone say {spoken}",
            "phone wait said",
            "phone wait playing congestion",
            "phone hangup",
        ],
    )
    assert code == 0, said
    told = (folder / "actions").read_text().split()
    assert told == ["played", "digits", "12#", "recorded", "hangup"]
    recorded = (folder / "recorded.slin").read_bytes()
    assert spoken.read_bytes()[640:3200] in recorded
