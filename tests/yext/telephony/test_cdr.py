"""Call detail records of real calls, and channels that are connected by a message."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import timeless
from calls import PYTHON, TAKE, WAIT, Watched, call, parting, phone
from workshop import Workshop

from yext import Engine, Message
from yext.message import SystemMessage


@pytest.fixture
def lab(tmp_path: Path) -> Workshop:
    made = Workshop(tmp_path)
    made.configure("stopwait=20\ntermwait=100")
    made.script("take.py", TAKE + WAIT, PYTHON)
    return made


def run(lab: Workshop, body: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        async with lab.running():
            await body()

    asyncio.run(main())


def test_a_call_has_a_record_from_its_start_to_its_end(lab: Workshop) -> None:
    async def body() -> None:
        watched = Watched(lab, "call.cdr")
        await call(lab, "external/nodata/take.py", caller="40", called="99")
        assert "phone/1=" in (await lab.do("status cdrbuild")).text
        await parting(lab)
        last = await watched.named("call.cdr", operation="finalize")
        first = watched.seen[0]
        assert (first["operation"], first["direction"], first["chan"]) == (
            "initialize", "incoming", "phone/1",
        )  # fmt: skip
        assert first["billid"] == last["billid"]
        assert (last["caller"], last["called"], last["external"]) == ("40", "99", "40")
        assert last["status"] == "dropped"
        assert float(last["duration"]) >= float(last["billtime"]) >= 0
        assert {one["cdrid"] for one in watched.seen} == {"1"}
        assert "cdrs=0,hungup=1" in (await lab.do("status cdrbuild")).text

    run(lab, body)


def test_times_are_measured_by_the_engine_s_clock(lab: Workshop) -> None:
    """Scripts stamp whole seconds, which lie up to a second before the channel's start."""

    async def body() -> None:
        watched = Watched(lab, "call.cdr")
        started = time.time()
        startup = Message("chan.startup", {"id": "x/1"}, time=started)
        await lab.engine.dispatch(startup)
        for name in ("call.ringing", "call.answered", "call.update", "chan.hangup"):
            params = {"id": "x/1", "operation": "cdrbuild"}
            await lab.engine.dispatch(Message(name, params, time=int(started) - 1))
            await asyncio.sleep(0)
        last = await watched.named("call.cdr", operation="finalize")
        assert last["time"] == f"{started:.3f}"
        spent = time.time() - started
        for one in watched.seen:
            times = [one[key] for key in ("ringtime", "billtime", "duration")]
            assert not any(each.startswith("-") for each in times)
            assert float(times[0]) + float(times[1]) <= float(times[2]) + 0.002
            assert float(times[2]) <= spent + 0.001

    run(lab, body)


def test_a_call_that_goes_on_is_billed_in_its_updates() -> None:
    async def main() -> None:
        async with Engine() as engine:
            seen: list[Message] = []
            engine.install("call.cdr", lambda message: seen.append(message))
            await engine.dispatch(Message("chan.startup", {"id": "x/1"}))
            await engine.dispatch(Message("call.answered", {"id": "x/1"}))
            loop = asyncio.get_running_loop()
            assert isinstance(loop, timeless.TimelessLoop)
            loop.hold_up(1.5)
            params = {"id": "x/1", "operation": "cdrbuild"}
            await engine.dispatch(Message("call.update", params))
            while len(seen) < 3:
                await asyncio.sleep(0)
            last = seen[-1]
            assert (last["operation"], last["ringtime"]) == ("update", "0.000")
            assert float(last["duration"]) >= float(last["billtime"]) >= 1.5

    timeless.run(main())


def test_a_late_message_makes_no_new_record(lab: Workshop) -> None:
    async def body() -> None:
        watched = Watched(lab, "call.cdr")
        for name in ("chan.startup", "call.answered", "chan.hangup", "call.answered"):
            await lab.send(name, id="x/1", direction="outgoing", called="5")
        await watched.named("call.cdr", operation="finalize")
        await lab.send("nothing")
        operations = [one["operation"] for one in watched.seen]
        assert operations == ["initialize", "update", "finalize"]
        assert watched.seen[-1]["external"] == "5"

    run(lab, body)


def test_an_id_may_come_again_after_the_guard_time(lab: Workshop) -> None:
    async def body() -> None:
        watched = Watched(lab, "call.cdr")
        await lab.send("chan.startup", id="x/1")
        await lab.send("chan.hangup", id="x/1")
        assert "cdrs=0,hungup=1" in (await lab.do("status cdrbuild")).text
        later = SystemMessage("engine.timer", {}, time=time.time() + 6)
        await lab.engine.dispatch(later)
        assert "cdrs=0,hungup=0" in (await lab.do("status cdrbuild")).text
        await lab.send("chan.startup", id="x/1")
        await watched.named("call.cdr", operation="initialize", cdrid="2")

    run(lab, body)


def test_the_record_of_a_script_ends_with_its_call(lab: Workshop) -> None:
    answering = TAKE + 'send("%%>message::0:call.answered::id=me/1:targetid=phone/1")\n' + WAIT
    lab.script("answer.py", answering, PYTHON)

    async def body() -> None:
        watched = Watched(lab, "call.cdr", "chan.hangup")
        await call(lab, "external/nodata/answer.py")
        await watched.named("call.cdr", chan="me/1", operation="initialize")
        await phone(lab, "hangup")
        await watched.named("chan.hangup")
        last = await watched.named("call.cdr", chan="me/1", operation="finalize")
        assert float(last["billtime"]) >= 0
        assert "cdrs=0" in (await lab.do("status cdrbuild")).text

    run(lab, body)


def test_untracked_channels_have_no_record(lab: Workshop) -> None:
    async def body() -> None:
        watched = Watched(lab, "call.cdr")
        await lab.send("chan.startup", id="x/1", cdrtrack="no")
        await lab.send("call.answered", id="x/2", cdrcreate="no")
        await lab.send("call.ringing", id="x/3")
        await lab.send("chan.startup", id="x/4")
        only = await watched.named("call.cdr")
        assert only["chan"] == "x/4"

    run(lab, body)


def test_the_answer_of_the_other_side_counts_for_both(lab: Workshop) -> None:
    async def body() -> None:
        watched = Watched(lab, "call.cdr")
        await lab.send("chan.startup", id="x/1", status="incoming")
        await lab.send("call.answered", id="x/2", targetid="x/1", status="answered")
        answered = await watched.named("call.cdr", chan="x/1", operation="update")
        assert (answered["status"], answered["direction"]) == ("answered", "incoming")

    run(lab, body)


def test_a_lost_record_is_closed_by_hand_and_at_the_end(lab: Workshop) -> None:
    kept: list[tuple[str, str]] = []

    async def main() -> None:
        async with lab.running():
            watched = Watched(lab, "call.cdr")
            lab.engine.install(
                "call.cdr", lambda one: kept.append((one["chan"], one.get("reason"))), 1
            )
            await lab.send("chan.startup", id="x/1")
            await lab.send("chan.startup", id="x/2")
            handled, _ = await lab.send("call.drop", id="cdrbuild/x/1")
            assert handled
            closed = await watched.named("call.cdr", operation="finalize")
            assert (closed["chan"], closed["reason"]) == ("x/1", "CDR dropped")

    asyncio.run(main())
    assert kept[-1] == ("x/2", "CDR shutdown")


def test_two_channels_are_connected_by_a_message(lab: Workshop) -> None:
    async def body() -> None:
        await call(lab, "external/nodata/take.py")
        await call(lab, "external/nodata/take.py")
        assert not (await lab.send("chan.connect", id="phone/1", targetid="phone/9"))[0]
        handled, _ = await lab.send("chan.connect", id="phone/1", targetid="phone/2")
        assert handled
        assert "with      phone/2" in await phone(lab, "phone/1 show")
        await phone(lab, "phone/1 say tone/milliwatt")
        await phone(lab, "phone/2 wait tone milliwatt")

    run(lab, body)
