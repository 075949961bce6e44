"""What became of a script that a Yate was asked to start: the exact reason, and how it is known."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from yates import FAILED, STAMP

from yext.console.client.outcome import Start, start_of

ROOT = Path(__file__).parents[3]

DYING = ("bad.py", "dies.sh", "gone.py", "locked.sh")


class Place:
    """A Yate on this host that was recorded, its configuration, its scripts and its log."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path, self.log = folder / "y", folder / "yate.log"
        self.log.touch()
        self.config = folder / "conf"
        self.scripts = folder / "scripts"
        self.config.mkdir()
        self.scripts.mkdir()
        self._process: subprocess.Popen[str] | None = None
        for name, text in (
            ("bad.py", "#!/usr/bin/pyhton3\n"),
            ("dies.sh", "#!/bin/sh\nexit 3\n"),
            ("ok.sh", "#!/bin/sh\ncat\n"),
        ):
            (self.scripts / name).write_text(text)
            (self.scripts / name).chmod(0o755)
        (self.scripts / "locked.sh").write_text("#!/bin/sh\n")
        (self.config / "extmodule.conf").write_text(f"[general]\nscripts_dir={self.scripts}\n")

    def serve(self, config: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, ROOT / "tests" / "yates.py", self.path, self.folder / "record", config,
             self.log, *DYING],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "console", "run", "--attach", self.path, *words],
            cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    def close(self) -> None:
        if self._process is not None and self._process.stdout is not None:
            self._process.kill()
            self._process.wait()
            self._process.stdout.close()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path)
    yield place
    place.close()


def test_a_missing_interpreter_is_found_by_looking_at_the_file(place: Place) -> None:
    place.serve(str(place.config))
    done = place.run("external start bad.py x")
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert lines[:3] == [
        "External command failed",
        "bad.py: interpreter /usr/bin/pyhton3 not found (ENOENT, 2)",
        f"tried: {place.scripts}/bad.py x",
    ]
    assert "found: by looking at the file on this host; Yate itself does not tell" in lines
    assert lines[-1] == "do: install pyhton3, or correct the #! line"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("external start gone.py", "No such file or directory"),
        ("external restart gone.py", "No such file or directory"),
        ("external gone.py", "No such file or directory"),
        ("external execute gone.py", "No such file or directory"),
        ("call external/nodata/gone.py dumb/", "No such file or directory"),
        ("external start locked.sh", "not executable"),
    ],
)
def test_each_way_to_start_has_its_reason(line: str, reason: str, place: Place) -> None:
    place.serve(str(place.config))
    done = place.run("--json", line)
    reply = json.loads(done.stdout)
    assert done.returncode == 1
    assert reason in reply["reason"] or reason in reply["text"]


def test_a_script_that_stays_was_started(place: Place) -> None:
    place.serve(str(place.config))
    done = place.run("--json", "external start ok.sh 9")
    assert done.returncode == 0
    assert json.loads(done.stdout)["data"]["pid"] == "4001"


def test_one_that_ends_by_itself_is_not_explained_by_its_file(place: Place) -> None:
    place.serve(str(place.config))
    done = place.run("external start dies.sh")
    assert done.returncode == 1
    assert "ended within 1 s of its start; the engine does not say why" in done.stdout
    assert "yext-exec" in done.stdout


def test_elsewhere_nothing_is_claimed(place: Place) -> None:
    """Its configuration is not here: the reason is not known, and not shown as if it were."""
    place.serve(f"{place.folder}/elsewhere")
    done = place.run("external start bad.py")
    assert done.returncode == 1
    assert "bad.py: ended at once; the engine does not say why" in done.stdout
    assert "do: run it by yext-exec" in done.stdout
    assert "pyhton3" not in done.stdout


def test_the_log_has_the_reason(place: Place) -> None:
    place.serve(f"{place.folder}/elsewhere")
    done = place.run("--log", str(place.log), "external start bad.py")
    assert done.returncode == 1
    assert f"found: in the log of the engine, {place.log}" in done.stdout.splitlines()
    assert "(ENOENT, 2)" in done.stdout


@pytest.fixture
def journal() -> Iterator[str]:
    """The name of a program that may write to the journal; one is started where none runs."""
    own = None
    if not Path("/run/systemd/journal/stdout").is_socket() or not written("yext-test-first"):
        Path("/run/systemd/journal").mkdir(parents=True, exist_ok=True)
        Path("/run/log/journal").mkdir(parents=True, exist_ok=True)
        own = subprocess.Popen(["/lib/systemd/systemd-journald"], stderr=subprocess.DEVNULL)
        while not written("yext-test-first"):
            assert own.poll() is None
    yield f"yext-test-{os.getpid()}"
    if own is not None:
        own.terminate()
        own.wait()


def written(name: str) -> bool:
    """Write a line to the journal; return whether it takes any."""
    command = ["systemd-cat", "--identifier", name, "echo", "first"]
    return subprocess.run(command, capture_output=True, timeout=60).returncode == 0


def test_the_journal_has_the_reason(place: Place, journal: str) -> None:
    place.log.unlink()
    os.mkfifo(place.log)
    command = ["systemd-cat", "--identifier", journal, "cat", str(place.log)]
    with subprocess.Popen(command) as copying, place.log.open("w"):
        place.serve(f"{place.folder}/elsewhere")
        done = place.run("--log", f"journal:{journal}", "external start bad.py")
        copying.kill()
    assert done.returncode == 1
    assert f"found: in the log of the engine, journal:{journal}" in done.stdout.splitlines()
    assert "(ENOENT, 2)" in done.stdout


def test_a_journal_that_cannot_be_read_is_no_reason(place: Place) -> None:
    place.serve(f"{place.folder}/elsewhere")
    done = place.run("--log", "journal:yext-test-nobody", "external start bad.py")
    assert done.returncode == 1
    assert "the engine does not say why" in done.stdout


def test_what_a_script_printed_is_in_the_log(place: Place) -> None:
    place.serve(f"{place.folder}/elsewhere")
    done = place.run("--log", str(place.log), "external start dies.sh")
    assert "printed: NameError: name 'yate' is not defined" in done.stdout.splitlines()


def test_what_the_log_had_before_is_no_reason(place: Place) -> None:
    place.serve(f"{place.folder}/elsewhere")
    place.log.write_text(f"{STAMP} <extmodule:WARN> {FAILED.format('gone.py', '')}\nold line\n")
    done = place.run("--log", str(place.log), "external start gone.py")
    assert "does not say why" in done.stdout
    assert "old line" not in done.stdout


@pytest.mark.parametrize(
    ("line", "start"),
    [
        ("external start a.py 1 2", Start("a.py", "1 2", True)),
        ("external restart a.py", Start("a.py", "", True)),
        ("external a.py 1", Start("a.py", "1", True)),
        ("external execute /bin/x", Start("/bin/x", "", False)),
        ("call external/nodata/ivr.py dumb/", Start("ivr.py", "", False)),
        ("call tone/dial dumb/", None),
        ("external", None),
        ("external info", None),
        ("external stop a.py", None),
        ("uptime", None),
    ],
)
def test_what_a_line_starts(line: str, start: Start | None) -> None:
    assert start_of(line) == start


def test_why_is_answered_from_what_was_found(place: Place) -> None:
    place.serve(str(place.config))
    done = place.run("external start bad.py", "external why bad.py", "external why gone.py")
    lines = done.stdout.splitlines()
    title = next(at for at, line in enumerate(lines) if line.startswith("bad.py, "))
    assert lines[title + 1].startswith("bad.py: interpreter /usr/bin/pyhton3 not found")
    assert "external why: a Yate does not keep why a script failed" in lines
