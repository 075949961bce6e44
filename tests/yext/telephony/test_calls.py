"""Calls with real scripts: their beginning, their messages and their end."""

import asyncio
import os
import time
from pathlib import Path

import pytest
from calls import ANSWER, DISTRIBUTE, PYTHON, TAKE, WAIT, Watched, call, parting, phone
from workshop import Workshop

from yext import Message
from yext.message import SystemMessage


@pytest.fixture
def lab(tmp_path: Path) -> Workshop:
    made = Workshop(tmp_path)
    made.configure("stopwait=20\ntermwait=100")
    return made


def run(lab: Workshop, body: object) -> None:
    async def main() -> None:
        async with lab.running():
            await body()  # type: ignore[operator]

    asyncio.run(main())


async def operator_calls(lab: Workshop, to: str) -> tuple[bool, Message]:
    """Send the messages of ``call TO phone/``."""
    return await lab.send("call.execute", callto=to, direct="phone/", cmd_admin="true")


def test_failed_start_fails_the_call_with_its_reason(lab: Workshop) -> None:
    lab.script("mailer.php", "", head="#!/usr/bin/nosuch\n")

    async def body() -> None:
        notices = len(lab.find_events("", "notice"))
        handled, message = await lab.send("call.execute", callto="external/nodata/mailer.php x")
        assert not handled
        assert message["error"] == "failure"
        assert "/usr/bin/nosuch" in message["reason"]
        assert message["errno"] == "ENOENT"
        assert len(lab.find_events("", "notice")) == notices + 1
        assert not lab.module.supervisor.channels and not lab.module.supervisor.scripts

    run(lab, body)


def test_an_unknown_method_is_reported_with_the_known_ones(lab: Workshop) -> None:
    async def body() -> None:
        handled, _ = await operator_calls(lab, "external/dance/take.py")
        assert not handled
        assert lab.find_events("'dance' is none of nochan, nodata, play, record, playrec", "notice")

    run(lab, body)


def test_a_failed_call_is_made_once(lab: Workshop) -> None:
    lab.script("no.py", ANSWER + 'send("%%<message:" + call[1] + ":false::")\n', PYTHON)

    async def body() -> None:
        watched = Watched(lab, "call.execute")
        handled, _ = await operator_calls(lab, "external/nodata/no.py")
        assert not handled
        assert [one.get("callto") for one in watched.seen] == ["external/nodata/no.py", ""]

    run(lab, body)


def test_the_messages_of_a_call(lab: Workshop) -> None:
    lab.script("take.py", TAKE + WAIT, PYTHON)

    async def body() -> None:
        watched = Watched(lab, "")
        await call(lab, "external/nodata/take.py", caller="40", called="99")
        await parting(lab)
        names = [one.name for one in watched.seen]
        for name in ("chan.startup", "chan.connected", "call.execute", "chan.hangup"):
            assert names.count(name) == (2 if name == "call.execute" else 1), names
        startup = await watched.named("chan.startup")
        execute = await watched.named("call.execute", module="phone")
        hangup = await watched.named("chan.hangup")
        assert (execute["caller"], execute["called"], execute["id"]) == ("40", "99", "phone/1")
        assert startup["billid"] == execute["billid"] == hangup["billid"]
        assert (hangup["answered"], hangup["status"]) == ("true", "dropped")
        assert hangup["lastpeerid"] == "ExtModule"

    run(lab, body)


def test_a_second_channel_has_an_id_of_its_own(lab: Workshop) -> None:
    lab.script("take.py", TAKE + WAIT, PYTHON)

    async def body() -> None:
        await call(lab, "external/nodata/take.py")
        await call(lab, "external/nodata/take.py")
        assert [one.id for one in lab.module.supervisor.channels] == ["ExtModule", "ExtModule/2"]
        await lab.do("phone phone/1 hangup")
        await lab.do("phone phone/2 hangup")

    run(lab, body)


def test_a_dropped_call_ends_the_script_and_its_descriptors(lab: Workshop) -> None:
    lab.script("take.py", TAKE + WAIT, PYTHON)

    async def body() -> None:
        before = sorted(os.listdir("/proc/self/fd"))
        await call(lab, "external/playrec/take.py")
        (script,) = lab.module.supervisor.scripts
        watched = Watched(lab, "chan.hangup")
        handled, _ = await lab.send("call.drop", id="phone/1", reason="bye")
        assert handled
        hangup = await watched.named("chan.hangup", id="phone/1")
        assert hangup["status"] == "bye"
        await script.stop()
        assert (
            not lab.module.supervisor.channels
            and not lab.module.supervisor.scripts
            and not lab.module.supervisor.peers
        )
        # The warden keeps one pipe and one pidfd of its own.
        assert len(os.listdir("/proc/self/fd")) <= len(before) + 2

    run(lab, body)


def test_the_end_of_a_script_ends_the_call_with_the_reason_it_set(lab: Workshop) -> None:
    lab.script("busy.py", TAKE + 'send("%%>setlocal:reason:gone fishing", "%%>quit")\n', PYTHON)

    async def body() -> None:
        watched = Watched(lab, "chan.disconnected", "chan.hangup")
        await call(lab, "external/nodata/busy.py")
        parted = await watched.named("chan.disconnected", id="phone/1")
        assert parted["reason"] == "gone fishing"
        await watched.named("chan.hangup", id="phone/1")
        shown = (await lab.do("phone")).text
        assert "over gone fishing" in shown and "hears" not in shown

    run(lab, body)


def test_a_script_may_take_and_answer_a_call_at_once(lab: Workshop) -> None:
    answering = 'send("%%<message:" + call[1] + ":true:::targetid=me/1", '
    answering += '"%%>message:a:0:call.answered::id=me/1:targetid=phone/1")\n'
    lab.script("answer.py", ANSWER + answering + WAIT, PYTHON)

    async def body() -> None:
        watched = Watched(lab, "call.answered")
        await call(lab, "external/nodata/answer.py")
        await watched.named("call.answered")
        assert (await phone(lab, "show")).startswith("call      phone/1 answered")

    run(lab, body)


def test_a_phone_that_is_called_answers(lab: Workshop) -> None:
    lab.script(
        "dial.py", TAKE + 'send("%%>message:c:0:call.execute::callto=phone/desk")\n' + WAIT, PYTHON
    )

    async def body() -> None:
        watched = Watched(lab, "call.answered")
        await lab.send(
            "call.execute", callto="dumb/x", target="1", direct="external/nodata/dial.py"
        )
        answered = await watched.named("call.answered")
        assert answered["id"] == "phone/1"
        assert answered["peerid"] == "ExtModule"
        assert "with      ExtModule" in await phone(lab, "show")

    run(lab, body)


def test_a_script_gets_a_call_with_direct_itself(lab: Workshop) -> None:
    lab.script("take.py", TAKE + WAIT, PYTHON)
    lab.script("distribute.py", DISTRIBUTE, PYTHON)

    async def body() -> None:
        await call(lab, "external/nodata/take.py")
        watched = Watched(lab, "call.answered", "chan.connected", "chan.locate")
        handled, _ = await lab.send(
            "call.execute",
            callto="external/nodata/distribute.py",
            direct="phone/operator",
            notify="phone/1",
        )
        assert handled
        assert (await watched.named("call.answered"))["targetid"] == "desk"
        first = await watched.named("chan.connected", id="phone/2")
        assert (first["peerid"], first.get("lastpeerid")) == ("desk", "")
        again = await watched.named("chan.connected", id="phone/2", peerid="phone/1")
        assert again["lastpeerid"] == "desk"
        await phone(lab, "phone/1 say tone/dtmfstr/12")
        await phone(lab, "phone/2 wait dtmf 12")
        assert not lab.module.supervisor.channels, "both scripts have had their call taken away"

    run(lab, body)


def test_a_call_is_routed_by_a_handler_of_call_route(lab: Workshop) -> None:
    lab.script("take.py", TAKE + WAIT, PYTHON)

    def route(message: Message) -> bool:
        message.retvalue = "external/nodata/take.py"
        return message["called"] == "99"

    async def body() -> None:
        lab.engine.install("call.route", route)
        handled, message = await lab.send("call.execute", callto="phone/", target="99")
        assert handled and message["id"] == "phone/1"
        handled, message = await lab.send("call.execute", callto="phone/", target="98")
        assert not handled and message["reason"] == "nobody routes a call to 98"

    run(lab, body)


def test_status_locate_drop_and_completion_of_channels(lab: Workshop) -> None:
    lab.script("take.py", TAKE + WAIT, PYTHON)

    async def body() -> None:
        await call(lab, "external/nodata/take.py")
        status = (await lab.do("status phone/1")).text
        assert status.startswith("name=phone/1,type=channel;module=phone,peerid=ExtModule,status=")
        assert "answered=true" in status
        message = Message("chan.locate", {"id": "phone/1"})
        assert await lab.engine.dispatch(message)
        assert getattr(message.userdata, "id", "") == "phone/1"
        assert "phone/" in await lab.engine.complete("status", "ph")
        assert await lab.engine.complete("status", "phone/") == ["phone/1"]
        assert not (await lab.send("call.drop", id="phone/9"))[0]
        assert (await lab.send("call.drop", id="phone"))[0]

    run(lab, body)


def test_a_driver_reports_a_change_of_its_channels_once(lab: Workshop) -> None:
    async def body() -> None:
        watched = Watched(lab, "module.update")
        await lab.send("call.execute", callto="tone/dial", direct="dumb/x")
        now = time.time()
        for later in (4, 6, 7, 8):
            await lab.engine.dispatch(SystemMessage("engine.timer", {}, time=now + later))
            if later == 4:
                await lab.send("nothing")
                assert not watched.seen
        for name in ("tone", "dumb"):
            found = await watched.named("module.update", module=name)
            assert list(found.params.items())[1:5] == [
                ("routed", "0"), ("routing", "0"), ("total", "1"), ("chans", "1"),
            ]  # fmt: skip
        await lab.send("nothing")
        assert len(watched.seen) == 2

    run(lab, body)


def test_masquerade_sends_in_the_name_of_a_channel(lab: Workshop) -> None:
    lab.script("take.py", TAKE + WAIT, PYTHON)

    async def body() -> None:
        await call(lab, "external/nodata/take.py", autoanswer="no")
        watched = Watched(lab, "")
        await lab.send("chan.masquerade", id="phone/1", message="call.answered", mark="m")
        answered = await watched.named("call.answered", mark="m")
        assert (answered["id"], answered["module"]) == ("phone/1", "phone")
        assert "status=answered" in (await lab.do("status phone/1")).text
        for detected, duplicate in (("rfc2833", "false"), ("inband", "true")):
            await lab.send(
                "chan.masquerade", id="phone/1", message="chan.dtmf", text="5", detected=detected
            )
            digit = await watched.named("chan.dtmf", detected=detected)
            assert (digit["sequence"], digit["duplicate"]) == ("1", duplicate)

    run(lab, body)


def test_an_answer_in_the_name_of_a_channel_leaves_its_time_limit(lab: Workshop) -> None:
    lab.script("take.py", TAKE + WAIT, PYTHON)

    async def body() -> None:
        await call(lab, "external/nodata/take.py", copyparams="autoanswer", autoanswer="no")
        await lab.send("chan.control", targetid="phone/1", timeout="600000", maxpdd="600000")
        assert "maxpdd=" in (await lab.do("status phone/1")).text
        await lab.send("chan.masquerade", id="phone/1", message="call.answered")
        status = (await lab.do("status phone/1")).text
        assert "timeout=" in status and "maxpdd=" not in status

    run(lab, body)


def test_a_call_that_is_not_answered_in_time_is_dropped(lab: Workshop) -> None:
    lab.script("take.py", TAKE + WAIT, PYTHON)

    async def body() -> None:
        await call(lab, "external/nodata/take.py")
        for mistake in ({"timeout": "soon"}, {"maxcall": "-1"}, {"operation": "hold"}):
            assert not (await lab.send("chan.control", targetid="phone/1", **mistake))[0]
        assert (await lab.send("chan.control", targetid="phone/1", timeout="1"))[0]
        watched = Watched(lab, "chan.hangup")
        hangup = await watched.named("chan.hangup", id="phone/1")
        assert hangup["status"] == "timeout"

    run(lab, body)


def test_stop_ends_each_channel_with_its_message(lab: Workshop) -> None:
    lab.script("take.py", TAKE + WAIT, PYTHON)
    hangups: list[str] = []

    async def main() -> None:
        async with lab.running():
            lab.engine.install("chan.hangup", lambda one: hangups.append(one["id"]))
            await call(lab, "external/playrec/take.py")
            await call(lab, "external/nodata/take.py")

    asyncio.run(main())
    assert sorted(hangups) == ["phone/1", "phone/2"]
