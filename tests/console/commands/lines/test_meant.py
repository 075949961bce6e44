"""What may have been meant by a command line that has failed."""

import asyncio

import pytest
from seen import session

from yext.console.commands.lines.meant import meant

MEANT = {
    "status extmodul": "status extmodule",
    "reload dumbchn": "reload dumbchan",
    "module lod dumbchan": "module load dumbchan",
    "flow shwo 3": "flow show 3",
    "debug extmodul on": "debug extmodule on",
    "dispatcher handlrs name=x": "dispatcher handlers name=x",
    "set bel on": "set bell on",
    "set theme plian": "set theme plain",
    "call phon/ tone/dial": "call phone/ tone/dial",
    "call phone/ tne/dial": "call phone/ tone/dial",
    "call phone/ tone/dail": "",
    "drop dum/1": "",
    "control phon/ x": "",
    "external shwo route.py": "external show",
    "external why nothing": "",
    "status": None,
}
"""Lines, and the hint that their failed replies have; None for a reply that does not fail."""


@pytest.mark.parametrize("line", MEANT)
def test_a_failed_reply_says_what_may_have_been_meant(line: str) -> None:
    async def play() -> None:
        async with session() as found:
            reply = await found.run(line)
            hint = reply.params.get("hint", "")
            if MEANT[line] is None:
                assert reply.ok and not hint
                return
            assert not reply.ok
            assert hint.removeprefix("Did you mean: ") == MEANT[line] or not MEANT[line]
            assert hint.startswith("Did you mean: ") is bool(MEANT[line])

    asyncio.run(play())


def test_a_reason_that_is_known_is_not_guessed_at() -> None:
    async def play() -> None:
        async with session() as found:
            reply = await found.run("external start vresion.py")
            assert "errno" in reply.params and "Did you mean" not in reply.params["hint"]
            reply = await found.run("auth of passwords is never repeated")
            assert "Did you mean" not in reply.params.get("hint", "")

    asyncio.run(play())


def test_numbers_and_what_follows_free_text_are_left_alone() -> None:
    offered = {"drop ": ["dumb/1", "dumb/12", "tone/1"], "a ": ["key=", "other"], "a other ": []}

    async def ask(line: str) -> list[str]:
        return offered.get(line, [])

    async def play() -> None:
        assert await meant("drop dumb/2", ask) == ""
        assert await meant("drop dmub/1 x  y", ask) == "drop dumb/1 x y"
        assert await meant("a key=1", ask) == ""
        assert await meant("a kye=1", ask) == "a key=1"
        assert await meant("a other otehr", ask) == ""
        assert await meant("a", ask) == ""

    asyncio.run(play())
