"""Yate's own sample scripts, unmodified: ``make test-yate-samples YATE_SCRIPTS=DIR``.

DIR is the folder share/scripts of a Yate. Nothing of it is kept in this project, so this file
is no part of ``make test``. Scripts that a given Yate does not have are not asked for.
"""

import os
import shutil
import subprocess
import sys
from array import array
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GIVEN = Path(os.environ.get("YATE_SCRIPTS", "")).absolute()

SOUND = array("h", [(n * 7919) % 20000 - 10000 for n in range(4000)]).tobytes()


class Trial:
    """A folder in which a Yate might have been installed, with the scripts in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(GIVEN, folder / "scripts")
        (folder / "conf").mkdir()
        conf = f"[general]\nscripts_dir={folder}/scripts/\n"
        (folder / "conf" / "extmodule.conf").write_text(conf)
        self.heard = folder / "heard.slin"
        self.spoken = self.sound("spoken.slin")

    def sound(self, name: str) -> Path:
        """Half a second of sound in a file of that name."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(SOUND)
        return path

    def run(self, *commands: str) -> str:
        """Runs console commands, which must all succeed; returns all that was said."""
        done = subprocess.run(
            [sys.executable, "-m", "console", "run", "-c", str(self.folder / "conf"), *commands],
            capture_output=True,
            text=True,
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            timeout=120,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr


def noise(trial: Trial) -> None:
    trial.run(
        "call external/play/noise.sh phone/",
        f"phone record {trial.heard}",
        "phone wait sound",
        "phone wait hangup",
    )
    assert trial.heard.stat().st_size >= 31000, "two seconds of it, less what came first"


def echo(trial: Trial) -> None:
    trial.run(
        "call external/playrec/echo.sh phone/",
        f"phone record {trial.heard}",
        f"phone say {trial.spoken}",
        "phone wait said",
        "phone wait sound",
        "phone wait silence",
        "phone hangup",
    )
    assert SOUND in trial.heard.read_bytes()


def playrec(trial: Trial) -> None:
    menu = trial.sound("scripts/playrec_menu.au")
    menu.write_bytes(b".snd" + b"".join(n.to_bytes(4, "big") for n in (24, 0, 3, 8000, 1)) + SOUND)
    trial.run(
        "call external/nodata/playrec.php phone/",
        "phone wait answered",
        "phone wait playing playrec_menu.au",
        "phone dtmf 1",
        "phone say tone/dtmfstr/4711",
        "phone wait said",
        "phone dtmf #",
        "phone wait playing playrec_menu.au",
        "phone dtmf 2",
        "phone wait dtmf 4711",
        "phone dtmf 3",
        "phone wait hangup",
    )


def leavemail(trial: Trial) -> None:
    """To a number without a mailbox: the mailboxes are where only root may write."""
    said = trial.run(
        "call external/nodata/leavemail.php phone/", "phone wait playing congestion", "phone hangup"
    )
    assert "PHP error" not in said


def queue_in(trial: Trial) -> None:
    """Rings, with its own id as the target."""
    said = trial.run(
        "call external/nodata/queue_in.php phone/", *_WATCH, "status phone/1", "phone hangup"
    )
    assert "status=ringing" in said and "targetid=q-in/" in said


def php(trial: Trial) -> None:
    said = trial.run("external start test.php", *_WATCH, "external log test.php")
    assert "PHP Answered: test" in said
    assert "PHP Message: engine.timer" in said
    assert "PHP Parameter: engine.nosuch= (error)" in said


def python(trial: Trial) -> None:
    trial.run("external start test.py", *_WATCH, "external info")


def shell(trial: Trial) -> None:
    """Where /bin/sh is no bash it does not understand the script, and says so."""
    said = trial.run("external start test.sh x", *_WATCH, "external log test.sh")
    assert "reporter" in said or "Syntax error" in said or "oop variable" in said


def dtmf(trial: Trial) -> None:
    shutil.copy(trial.folder / "scripts" / "noise.sh", trial.folder / "scripts" / "hear.sh")
    said = trial.run(
        "external start dtmf1.pl",
        *_WATCH,
        "call external/play/hear.sh phone/",
        "phone dtmf 5",
        *_WATCH,
        "external log dtmf1.pl",
    )
    assert "GOT DTMF 5" in said


_WATCH = ("call tone/milliwatt phone/", "phone wait tone milliwatt", "phone hangup")
"""A call that takes a second and a half, in which the script can do its work."""

TRIALS: dict[str, Callable[[Trial], None]] = {
    "noise.sh": noise,
    "echo.sh": echo,
    "playrec.php": playrec,
    "leavemail.php": leavemail,
    "queue_in.php": queue_in,
    "test.php": php,
    "test.sh": shell,
    "test.py": python,
    "dtmf1.pl": dtmf,
}


@pytest.mark.parametrize("script", [name for name in TRIALS if (GIVEN / name).exists()])
def test_sample(script: str, tmp_path: Path) -> None:
    TRIALS[script](Trial(tmp_path / "share"))
