"""A call that fails for want of its script says why, in the session that asked."""

import asyncio
from pathlib import Path

import pytest
from workshop import Workshop

from yext.console.commands import TABLE
from yext.console.commands.interpreter import Interpreter
from yext.console.link import LocalLink
from yext.console.session.session import Session

FAILURES = {
    "call external/nodata/missing.sh 99": "missing.sh: No such file or directory (ENOENT, 2)",
    "call external/nodata/dies.sh 99": "exit status 3, never spoke the protocol",
    "call external/nochan/dies.sh 99": "exit status 3, never spoke the protocol",
    "call external/playrec/dies.sh 99": "exit status 3, never spoke the protocol",
    "call external/nodata/hangs-up.sh 99": "hangs-up.sh ended ",
    "call tone/dial external/nodata/dies.sh": "exit status 3, never spoke the protocol",
    "call tone/dial external/nodata/missing.sh": "missing.sh: No such file or directory",
    "call external/playre/dies.sh 99": "'playre' is none of nochan, nodata, play",
}
"""Calls, and a part of the reason why each fails."""


@pytest.mark.parametrize("line", FAILURES)
def test_the_reply_has_the_reason(tmp_path: Path, line: str) -> None:
    lab = Workshop(tmp_path)
    lab.script("dies.sh", "exit 3\n")
    lab.script("hangs-up.sh", "read -r call\necho '%%>output:no'\nexit 4\n")

    async def story() -> None:
        async with lab.running():
            found = Interpreter(Session(lab.engine, "console"), TABLE)
            reply = await asyncio.wait_for(found.run(line), 20)
            assert not reply.ok
            first, reason, do = reply.text.splitlines()
            assert first == f"Could not {line}"
            assert FAILURES[line] in reason == reply.params["reason"]
            assert do == f"do: {reply.params['hint']}"

    asyncio.run(story())


def test_a_script_that_stays_after_it_has_left_its_call_does_not_hold_up_the_answer(
    tmp_path: Path,
) -> None:
    lab = Workshop(tmp_path)
    lab.configure("stopwait=60000")
    lab.script("stays.sh", "read -r call\nexec >&-\ntrap '' TERM\nwhile :; do sleep 0.1; done\n")

    async def story() -> None:
        async with lab.running():
            found = Interpreter(Session(lab.engine, "console"), TABLE)
            reply = await asyncio.wait_for(found.run("call external/nodata/stays.sh 99"), 20)
            assert not reply.ok
            assert reply.params["reason"] == "nobody took the call"
            assert lab.of("stays.sh").process is not None
            lab.configure("termwait=10\nstopwait=10")
            await lab.do("reload")

    asyncio.run(story())


OFFERED = {
    "call ": {"dumb/", "external/nodata/", "phone/", "tone/", "wave/play/", "wave/record/"},
    "call phone/ ": {"dumb/", "external/nodata/", "phone/", "tone/", "wave/play/", "wave/record/"},
    "call phone/ tone/bu": {"tone/busy"},
    "call external/nodata/": {"external/nodata/ivr.sh", "external/nodata/sub/"},
    "call external/nodata/sub/": {"external/nodata/sub/deep.sh"},
    "call external/nodata/../": set(),
    "call phone/ tone/busy ": set(),
}
"""Lines, and the words that TAB offers at their end."""


@pytest.mark.parametrize("line", OFFERED)
def test_tab_offers_drivers_tones_and_scripts(tmp_path: Path, line: str) -> None:
    lab = Workshop(tmp_path)
    folder = lab.script("ivr.sh", "exit 0\n").parent
    (folder / "sub").mkdir()
    lab.script("sub/deep.sh", "exit 0\n")

    async def play() -> None:
        async with lab.running():
            link = LocalLink(Interpreter(Session(lab.engine, "console"), TABLE))
            assert {word.text for word in await link.complete(line)} == OFFERED[line]
            # A plain connection gets what Yate gives.
            assert await lab.engine.complete(*line.strip().rpartition(" ")[::2]) == []

    asyncio.run(play())


def test_a_call_without_a_target_names_the_telephone(tmp_path: Path) -> None:
    async def story() -> None:
        lab = Workshop(tmp_path)
        async with lab.running():
            found = Interpreter(Session(lab.engine, "console"), TABLE)
            reply = await found.run("call external/nodata/ivr.py")
            assert reply.text == "You must specify source and target!\r\n"
            assert reply.params["hint"] == "call external/nodata/SCRIPT phone/"

    asyncio.run(story())
