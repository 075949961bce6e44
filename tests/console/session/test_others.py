"""Who is here, and what sessions are told of each other's commands."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from yext import Engine
from yext.console.commands import TABLE
from yext.console.commands.interpreter import Interpreter
from yext.console.replies.to_json import as_object
from yext.console.session.authority import Authority
from yext.console.session.session import Session
from yext.engine.module import modules_of, starts_of
from yext.log import Event, EventKind

SCRIPT = "#!/bin/sh\necho '%%>output:here'\ncat >/dev/null\n"


class Party:
    """An engine with two sessions, and the notices that each of them is shown."""

    def __init__(self, folder: Path) -> None:
        self.engine = Engine(folder)
        self.alice = Interpreter(Session(self.engine, "rmanager 10.0.0.7:1"), TABLE)
        self.bob = Interpreter(Session(self.engine, "console"), TABLE)
        self.seen: dict[str, list[str]] = {"rmanager 10.0.0.7:1": [], "console": []}
        self.changed = asyncio.Event()
        self.engine.log.subscribe(self._event)

    def _event(self, event: Event) -> None:
        if event.kind is EventKind.NOTICE:
            for label, lines in self.seen.items():
                if event.is_for(label):
                    lines.append(": ".join(event.lines))
        self.changed.set()

    async def until(self, label: str, start: str) -> None:
        """Wait until a session has been shown a notice that begins so."""
        while not any(line.startswith(start) for line in self.seen[label]):
            self.changed.clear()
            await asyncio.wait_for(self.changed.wait(), 20)


@asynccontextmanager
async def party(folder: Path) -> AsyncIterator[Party]:
    made = Party(folder)
    async with made.engine:
        yield made


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("reload", "reload: ok"),
        ("external start gone", "external start gone: failed: directory "),
        ("external gone", "external gone: failed: directory "),
        ("drop all", "drop all: ok"),
        ("runparam colour=blue", "runparam colour=blue: ok"),
        ("runparam password=blue", "runparam password=***: ok"),
        ("up", "external start gone: failed: directory "),
        ("uptime; reload", "reload: ok"),
        ("external show", ""),
        ("status", ""),
        ("message no.such", ""),
        ("runparam colour", ""),
    ],
)
def test_commands_that_change_something(tmp_path: Path, line: str, told: str) -> None:
    async def main() -> None:
        async with party(tmp_path) as two:
            two.alice.session.aliases["up"] = "external start gone"
            await two.alice.run(line)
            await asyncio.sleep(0)  # Notices of a command are shown after its reply.
            own, others = two.seen.values()
            others = [one for one in others if one.startswith("rmanager")]
            assert not [one for one in own if one.startswith("rmanager")]
            assert len(others) == bool(told)
            assert others == [] or others[0].startswith(f"rmanager 10.0.0.7:1: {told}")

    asyncio.run(main())


def test_who_is_refused_changes_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        async with party(tmp_path) as two:
            two.alice.session.authority = Authority.USER
            assert not (await two.alice.run("reload")).ok
            assert two.seen["console"] == []

    asyncio.run(main())


def test_all_are_told_of_a_configured_script_that_one_has_started_again(tmp_path: Path) -> None:
    script = tmp_path / "dies.sh"
    script.write_text(SCRIPT)
    script.chmod(0o755)
    (tmp_path / "extmodule.conf").write_text(
        f"[general]\nscripts_dir={tmp_path}/\n[scripts]\ndies.sh=\n"
    )

    async def main() -> None:
        async with party(tmp_path) as two:
            reply = await two.alice.run("external restart dies.sh")
            assert reply.ok, reply.text
            # It leaves; then the script dies.
            two.alice.session.close()
            (start,) = starts_of(two.engine)
            await start.settled()
            (program,) = (one for module in modules_of(two.engine) for one in module.programs())
            assert program.pid is not None
            os.kill(program.pid, signal.SIGSEGV)
            await two.until("console", "dies.sh ended")

    asyncio.run(main())


def test_who(tmp_path: Path) -> None:
    async def main() -> None:
        async with party(tmp_path) as two:
            await two.alice.run("auth secret")
            await two.alice.run("up; date")
            await two.bob.run("help yext-01234567-1")
            reply = await two.bob.run("who")
            heading, *rows = [line.split("\t") for line in reply.text.splitlines()]
            assert heading == ["session", "from", "authority", "since", "last"]
            assert [row[0] for row in rows] == ["rmanager 10.0.0.7:1", "console (you)"]
            assert [row[1] for row in rows] == ["-", "-"]
            found = as_object("who", reply)["data"]
            assert [abs(one["since"] - time.time()) < 100 for one in found] == [True, True]
            assert [row[4] for row in rows] == ["date", "who"]
            await two.alice.run("auth secret")
            two.alice.session.authority = Authority.USER
            assert "auth ***" in (await two.bob.run("who")).text
            assert "\tuser\t" in (await two.bob.run("who")).text
            for authority in (Authority.GUEST, Authority.USER):
                two.alice.session.authority = authority
                await two.alice.run("auht s3cret")
                assert "s3cret" not in (await two.bob.run("who")).text
            two.alice.session.close()
            assert (await two.bob.run("who")).text.count("\n") == 2

    asyncio.run(main())


def test_guests_do_not_see_who_is_there(tmp_path: Path) -> None:
    async def main() -> None:
        async with party(tmp_path) as two:
            two.alice.session.authority = Authority.GUEST
            assert not (await two.alice.run("who")).ok

    asyncio.run(main())
