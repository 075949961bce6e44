"""The files of packaging/, as systemd and logrotate read them."""

import grp
import os
import pwd
import re
import subprocess
import sys
import time
from pathlib import Path

import manpage

FOLDER = Path(__file__).parents[1] / "packaging"
UNIT = FOLDER / "yext.service"


def test_systemd_has_nothing_to_say_about_the_unit() -> None:
    done = subprocess.run(
        ["systemd-analyze", "verify", str(UNIT)], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_unit_exposes_little() -> None:
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", str(UNIT)],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    found = re.search(r"Overall exposure level for yext.service: ([0-9.]+)", done.stdout)
    assert found is not None, done.stderr
    assert float(found[1]) <= 4


def test_systemd_makes_the_user_of_the_unit(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    command = ["systemd-sysusers", f"--root={tmp_path}", str(FOLDER / "yext.sysusers")]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    (line,) = (tmp_path / "etc" / "passwd").read_text().splitlines()
    name, *_, home, shell = line.split(":")
    assert (name, home, shell) == ("yext", "/var/lib/yext", "/usr/sbin/nologin")
    unit = UNIT.read_text()
    assert "User=yext\n" in unit and "StateDirectory=yext\n" in unit


def test_logrotate_rotates_the_log_of_an_engine(tmp_path: Path) -> None:
    """By the file itself, but for the path, the user, and that systemd signals the engine."""
    unit_log = re.search(r"-l (\S+)", UNIT.read_text())
    assert unit_log is not None
    log = tmp_path / "yext.log"
    (tmp_path / "rmanager.conf").write_text("[general]\nport=0\n")
    serve = subprocess.Popen(
        [sys.executable, "-m", "console", "serve", "-c", tmp_path, "-l", log],
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert serve.stderr is not None and "ready" in serve.stderr.readline()
        user = f"{pwd.getpwuid(os.getuid()).pw_name} {grp.getgrgid(os.getgid()).gr_name}"
        text = (FOLDER / "yext.logrotate").read_text()
        for written, here in (
            (unit_log[1], str(log)),
            ("su yext yext", f"su {user}"),
            (
                "systemctl kill --kill-who=main --signal=USR1 yext.service",
                f"kill -USR1 {serve.pid}",
            ),
        ):
            assert text.count(written) == 1
            text = text.replace(written, here)
        file = tmp_path / "logrotate"
        file.write_text(text)
        tmp_path.chmod(0o755)  # It refuses folders that others may write to.
        command = ["logrotate", "--force", "--state", str(tmp_path / "state"), str(file)]
        path = f"{os.environ['PATH']}:/usr/sbin"
        done = subprocess.run(command, env={"PATH": path}, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")
        deadline = time.monotonic() + 20
        while not log.exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        serve.terminate()
        assert serve.wait(20) == 0
        assert "is starting" in (tmp_path / "yext.log.1").read_text()
        assert "is shutting down" in log.read_text()
    finally:
        serve.kill()
        serve.communicate()


def test_the_man_page_is_current() -> None:
    """Versions of Python fold its lines at other places."""
    assert manpage.PAGE.read_text(encoding="utf-8").split() == manpage.page().split()


def test_man_shows_its_page() -> None:
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "MANWIDTH": "80"}
    done = subprocess.run(
        ["man", "--warnings", "--local-file", str(manpage.PAGE)],
        env=environment, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    for text in ("yext - run Yate", "EXIT STATUS", "--keep-going", "could not connect"):
        assert text in done.stdout
