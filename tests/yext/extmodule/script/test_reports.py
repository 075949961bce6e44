"""A script that ends again and again: the first and the last report are whole."""

import asyncio
import re
from pathlib import Path

import pytest
from workshop import Workshop

from yext.extmodule.script.reports import next_end

CRASH = """echo '%%>setlocal:restart:true'
read -r line
echo 'the database has gone away' >&2
exit 3
"""


@pytest.fixture
def lab(tmp_path: Path) -> Workshop:
    made = Workshop(tmp_path)
    made.configure("restart_delay=1\nrestart_max=4")
    return made


def test_repeats_are_one_line_with_count_and_time(lab: Workshop) -> None:
    lab.script("crash.sh", CRASH)

    async def story() -> None:
        async with lab.running():
            await lab.start("crash.sh 1")
            await lab.event("is given up", "notice")
            first, *between, last = [event.lines for event in lab.find_events("crash", "notice")]
            assert re.match(r"crash.sh 1 ended \d\.\d\d s after its start, exit status 3", first[0])
            assert "the database has gone away" in first
            assert re.fullmatch(
                r"when: \d\d:\d\d:\d\d, started again in 0\.0 s, 1 of 4",
                next(line for line in first if line.startswith("when: ")),
            )
            assert len(between) == 3
            for count, ordinal, (line, why) in zip(
                (2, 3, 4), ("2nd", "3rd", "4th"), between, strict=True
            ):
                assert re.fullmatch(
                    r"crash\.sh 1 ended again at \d\d:\d\d:\d\d, exit status 3,"
                    rf" {ordinal} time in \d s; started again in 0\.0 s, {count} of 4",
                    line,
                )
                assert why == "why: external why crash.sh 1"
            assert "started again 4 times in 60 s and is given up" in last[0]
            assert "the database has gone away" in last
            assert last[-1].startswith("do: ")
            assert any(re.fullmatch(r"when: \d\d:\d\d:\d\d", line) for line in last)

    asyncio.run(story())


def test_an_end_of_another_kind_is_whole(lab: Workshop) -> None:
    lab.script(
        "crash.sh",
        f"echo '%%>setlocal:restart:true'\nread -r line\n[ -e {lab.folder}/x ] && exit 4\n"
        f"touch {lab.folder}/x\nexit 3\n",
    )

    async def story() -> None:
        async with lab.running():
            await lab.start("crash.sh")
            await lab.event("is given up", "notice")
            first, second, third, *_ = lab.find_events("crash", "notice")
            assert "exit status 3" in first.lines[0] and "exit status 4" in second.lines[0]
            assert "ended again" not in second.lines[0]
            assert "ended again" in third.lines[0]

    asyncio.run(story())


@pytest.mark.parametrize(
    ("count", "shown"), [(2, "2nd"), (3, "3rd"), (11, "11th"), (21, "21st"), (112, "112th")]
)
def test_ordinals(count: int, shown: str) -> None:
    line, _ = next_end("x", "exit status 1", 0.0, "soon", count, 9)
    assert line.endswith(f", exit status 1, {shown} time in 9 s; soon")
