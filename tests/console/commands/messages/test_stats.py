"""flow stats: what is counted, live, of the record, and as an object."""

import asyncio
import json
from pathlib import Path
from typing import Any, cast

import pytest
from seen import Seen, session

from yext import Message
from yext.console.commands.interpreter import Interpreter
from yext.console.commands.messages.counting import COLUMNS, FlowStats
from yext.console.session.view import Draw
from yext.record.journey import UNKNOWN, Journey, Step, StepResult


def journey(
    number: int, *steps: tuple[str, StepResult, float], name: str = "call.route", when: float = 0.0
) -> Journey:
    return Journey(
        number, when, name, "engine", {}, took=0.5, ended=True,
        steps=[Step(owner, 50, took, result) for owner, result, took in steps],
    )  # fmt: skip


def test_each_handler_of_each_name_has_a_row() -> None:
    async def play() -> None:
        async with session() as found:
            stats = FlowStats(found.session)
            handled, passed = StepResult.HANDLED, StepResult.PASSED
            for at in range(100):
                stats.add(journey(
                    at + 1, ("a.py", passed, 0.001), ("b.py", handled, (at + 1) / 1000),
                    ("c.py", StepResult.NOT_ASKED, 0), when=float(at),
                ))  # fmt: skip
            stats.add(journey(101, name="user.auth"))
            stats.add(journey(102, ("a.py", StepResult.GONE, 2.0), name="user.auth"))
            rows = {(row["message"], row["handler"]): row for row in stats.records()}
            assert [*rows] == [
                ("call.route", "a.py"), ("call.route", "b.py"),
                ("user.auth", "nobody"), ("user.auth", "a.py"),
            ]  # fmt: skip
            assert rows["call.route", "b.py"] == {
                "message": "call.route", "handler": "b.py", "count": 100, "failed": 0,
                "rate": round(100 / 99, 3), "p50": 0.051, "p99": 0.1,
            }  # fmt: skip
            assert rows["user.auth", "a.py"]["failed"] == 1
            assert rows["user.auth", "nobody"]["p50"] == 0.5

    asyncio.run(play())


def test_a_message_that_comes_again_with_a_late_answer_is_counted_once() -> None:
    async def play() -> None:
        async with session() as found:
            stats = FlowStats(found.session)
            stats.add(journey(1, ("a.py", StepResult.TIMED_OUT, 1.0)))
            stats.add(journey(1, ("a.py", StepResult.LATE, 2.0)))
            (row,) = stats.records()
            assert (row["count"], row["failed"], row["p50"]) == (1, 1, 1.0)

    asyncio.run(play())


def test_what_was_not_measured_has_no_percentile() -> None:
    async def play() -> None:
        async with session() as found:
            stats = FlowStats(found.session)
            stats.add(journey(1, ("a.py", StepResult.ASKED, UNKNOWN)))
            assert (stats.records()[0]["p50"], stats.cells()[0][4]) == (None, "-")

    asyncio.run(play())


def test_peers_that_invent_names_do_not_fill_the_memory() -> None:
    async def play() -> None:
        async with session() as found:
            stats = FlowStats(found.session)
            for at in range(1500):
                stats.add(journey(at + 1, name=f"name.{at}"))
            assert (len(stats.records()), stats.left_out) == (1000, 500)

    asyncio.run(play())


async def _traffic(found: Interpreter) -> None:
    await found.run("flow on call.*")
    for called in ("99", "98", "1"):
        await found.engine.dispatch(Message("call.route", {"called": called}))
    await found.engine.dispatch(Message("my.route", {"called": "9"}))


def test_the_record_as_text_and_as_an_object() -> None:
    async def play() -> None:
        async with session() as found:
            await _traffic(found)
            reply = await found.run("flow stats")
            lines = [line.split("\t") for line in reply.text.splitlines()]
            assert lines[0] == [*COLUMNS]
            rows = {row[1]: row for row in lines[1:]}
            assert rows["_route"][:3] == ["call.route", "_route", "3"]
            assert "my.route" not in reply.text, "the filter of the flow holds"
            reply = await found.run("flow stats --json")
            told = json.loads(reply.text)
            assert told == reply.data
            assert told["filter"] == "call.*"
            assert {"call.route"} == {row["message"] for row in told["rows"]}
            cast(Seen, found.session.view).width = 80
            drawn = (await found.run("flow stats")).text
            assert "\t" not in drawn
            assert "p99 ms" in drawn

    asyncio.run(play())


def test_a_file_that_was_loaded(tmp_path: Path) -> None:
    async def play() -> None:
        async with session() as found:
            await _traffic(found)
            await found.run(f"flow save {tmp_path}/calls.jsonl")
            await found.run("flow clear")
            await found.run(f"flow load {tmp_path}/calls.jsonl")
            await found.engine.dispatch(Message("call.route", {"called": "99"}))
            cast(Seen, found.session.view).interactive = True
            reply = await found.run("flow stats --json")
            rows = cast(dict[str, Any], reply.data)["rows"]
            assert {row["count"] for row in rows} == {3}
            assert (await found.run("flow stats")).text, "nothing of it changes any more"

    asyncio.run(play())


def test_without_a_record_messages_are_counted_for_some_time() -> None:
    async def play() -> None:
        async with session() as found:
            task = asyncio.create_task(found.run("flow stats 0.1 --json"))
            while not found.engine.recorder.active:
                await asyncio.sleep(0)
            await found.engine.dispatch(Message("my.route", {"called": "9"}))
            reply = await task
            rows = cast(dict[str, Any], reply.data)["rows"]
            assert "my.route" in {row["message"] for row in rows}
            assert not found.engine.recorder.active
            await found.run("flow clear")
            await found.run("flow filter no.such")
            assert (await found.run("flow stats 0.1")).text == "No messages\r\n"

    asyncio.run(play())


class Live(Seen):
    """A view on which a table is shown until it is told to end."""

    interactive = True

    def __init__(self) -> None:
        super().__init__(80)
        self.drawn = asyncio.Event()
        self.ended = asyncio.Event()

    async def live(self, draw: Draw, seconds: float) -> None:
        self.show(await draw(self.width, self.height))
        self.drawn.set()
        await self.ended.wait()
        self.show(await draw(self.width, self.height))


@pytest.mark.parametrize("command", ["flow stats", "top"])
def test_a_filter_gets_one_picture_of_a_live_table(command: str) -> None:
    async def play() -> None:
        view = Live()
        view.ended.set()
        async with session(view=view) as found:
            await _traffic(found)
            reply = await found.run(f"{command} | grep p50")
            assert reply.ok and "p50" in reply.text
            assert not view.drawn.is_set(), "nothing is shown live"
            assert (await found.run("flow stats")).ok
            assert view.drawn.is_set(), "a filter holds for its own line alone"

    asyncio.run(play())


@pytest.mark.parametrize(
    ("names", "last"), [(23, "name22"), (24, "2 rows more: flow stats | less")]
)
def test_a_live_table_says_how_many_rows_have_no_room(names: int, last: str) -> None:
    async def play() -> None:
        view = Live()
        view.ended.set()
        async with session(view=view) as found:
            await found.run("flow on")
            for at in range(names):
                await found.engine.dispatch(Message(f"name{at:02}", {}))
            view.clear()
            assert (await found.run("flow stats")).ok
            drawn = [line for line in view.lines if line]
            assert len(drawn) == 2 * view.height
            assert drawn[-1].startswith(last)

    asyncio.run(play())


def test_a_live_table_counts_what_comes_while_it_is_shown() -> None:
    async def play() -> None:
        view = Live()
        async with session(view=view) as found:
            task = asyncio.create_task(found.run("flow stats 1"))
            await view.drawn.wait()
            assert view.lines[0] == "No messages yet"
            for _ in range(5):
                await found.engine.dispatch(Message("call.route", {"called": "99"}))
            view.ended.set()
            assert (await task).ok
            shown = [line.split() for line in view.lines if "_route" in line]
            assert shown[0][:3] == ["call.route", "_route", "5"]
            assert float(shown[0][3]) > 0
            assert not found.engine.recorder.active, "nobody follows any more"

    asyncio.run(play())


def test_observers_may_look_where_they_may_follow() -> None:
    async def play() -> None:
        from yext.console.session.authority import Authority
        from yext.console.session.session import Policy

        for user_flow in (True, False):
            policy = Policy(user_flow=user_flow)
            async with session(authority=Authority.USER, policy=policy) as found:
                assert (await found.run("flow stats 0.1")).ok is user_flow

    asyncio.run(play())


@pytest.mark.parametrize(
    "line", ["flow stats x", "flow stats 0", "flow stats 1 2", "flow stats --x"]
)
def test_mistakes(line: str) -> None:
    async def play() -> None:
        async with session() as found:
            assert not (await found.run(line)).ok

    asyncio.run(play())
