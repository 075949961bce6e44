"""The words for the end of a process."""

import os
import subprocess

import pytest

from yext.extmodule.diagnosis.exitstatus import ExitStatus
from yext.extmodule.script.stopping import reap


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (ExitStatus(code=0), "exit status 0"),
        (ExitStatus(signal=9), "killed by SIGKILL"),
        (ExitStatus(signal=40), "killed by signal 40"),
        (ExitStatus(), "its exit status is not known"),
    ],
)
def test_an_exit_status_in_words(status: ExitStatus, text: str) -> None:
    assert status.describe() == text


@pytest.mark.parametrize(
    ("script", "status"),
    [("exit 3", ExitStatus(code=3)), ("kill -KILL $$", ExitStatus(signal=9))],
)
def test_a_child_is_reaped_once(script: str, status: ExitStatus) -> None:
    child = subprocess.Popen(["/bin/sh", "-c", script])
    pidfd = os.pidfd_open(child.pid)
    try:
        assert reap(pidfd) == status
        assert reap(pidfd) == ExitStatus()
    finally:
        os.close(pidfd)
        child.wait()
