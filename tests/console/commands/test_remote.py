"""Commands of other nodes' operators, carried out as in a session."""

import asyncio
import logging
from pathlib import Path

import pytest

from yext import Engine, Reply
from yext.console.commands.lines.remote import carry_out


def run(folder: Path, level: str, *lines: str) -> list[Reply]:
    """Carry out command lines on an engine, for an operator of another node."""

    async def main() -> list[Reply]:
        async with Engine(folder, node="beech") as engine:
            return [await carry_out(engine, "console@alder", level, line) for line in lines]

    return asyncio.run(main())


@pytest.mark.parametrize(
    "line", ["status engine", "uptime", "external", "external info", "external show x", "date"]
)
def test_a_user_may_look(tmp_path: Path, line: str) -> None:
    (reply,) = run(tmp_path, "user", line)
    assert reply.params.get("error") != "noauth"
    assert reply.known


@pytest.mark.parametrize(
    "line",
    [
        "external start x", "external x", "external infox", "debug level 9", "stop", "reload",
        "restart now", "message call.route", "flow last", "module list", "external show; stop",
        "external | stop",
    ],
)  # fmt: skip
def test_a_user_may_not_do_more(tmp_path: Path, line: str) -> None:
    (reply,) = run(tmp_path, "user", line)
    assert not reply.ok
    assert "Not authenticated!" in reply.text or "filter" in reply.text


def test_an_admin_may(tmp_path: Path) -> None:
    module, started = run(tmp_path, "admin", "module list", "external start /nonexistent")
    assert module.ok
    assert "No such file" in started.params["reason"]


@pytest.mark.parametrize(
    "line", ["source /etc/passwd", "status > /tmp/never", "flow save /tmp/never", "flow on"]
)
def test_nobody_gets_at_files_or_a_view(tmp_path: Path, line: str) -> None:
    (reply,) = run(tmp_path, "admin", line)
    assert not reply.ok
    assert not Path("/tmp/never").exists()


def test_each_command_is_in_the_audit(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "yext.audit"):
        run(tmp_path, "user", "uptime", "auth secret", "stop")
    lines = [one.getMessage() for one in caplog.records if one.name == "yext.audit"]
    assert lines[0] == "audit user console@alder: uptime: ok"
    assert lines[-1].startswith("audit user console@alder: stop: failed: not authenticated")
    assert not any("secret" in line for line in lines)
