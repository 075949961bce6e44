"""The operator's telephone: an IVR tried by hand."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from calls import PYTHON, TAKE, Watched, call, phone, sound
from workshop import Workshop

IVR = (
    TAKE
    + """send("%%>setlocal:id:ivr/1", "%%>install:100:chan.dtmf",
     "%%>message:a:0:chan.attach::source=tone/dial")
while (line := receive()) is not None:
    if line[0] == "%%>message":
        params = dict(one.split("=", 1) for one in line[5:])
        send("%%<message:" + line[1] + ":true::")
        if params["text"] == "1":
            send("%%>message:b:0:chan.attach::source=tone/busy")
        elif params["text"] == "9":
            send("%%>setlocal:reason:thank you", "%%>quit")
        else:
            send("%%>message:c:0:chan.dtmf::targetid=phone/1:text=" + params["text"])
"""
)


@pytest.fixture
def lab(tmp_path: Path) -> Workshop:
    made = Workshop(tmp_path)
    made.configure("stopwait=20\ntermwait=100")
    made.script("ivr.py", IVR, PYTHON)
    return made


def run(lab: Workshop, body: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        async with lab.running():
            await body()

    asyncio.run(main())


def test_an_ivr_is_tried_by_hand(lab: Workshop) -> None:
    async def body() -> None:
        await call(lab, "external/nodata/ivr.py")
        await phone(lab, "wait playing tone/dial")
        await phone(lab, "wait sound")
        assert "425 Hz" in await phone(lab, "show")
        assert await phone(lab, "dtmf 1") == "Dialled 1\r\n"
        await phone(lab, "wait playing busy")
        await phone(lab, "wait tone busy")
        shown = await phone(lab, "")
        assert "tone      busy" in shown and "playing   tone/busy" in shown
        await phone(lab, "dtmf 23")
        await phone(lab, "wait dtmf 23")
        await phone(lab, "dtmf 9")
        await phone(lab, "wait hangup")
        assert "over thank you" in await phone(lab, "show")

    run(lab, body)


def test_digits_are_sent_one_by_one_as_yate_sends_them(lab: Workshop) -> None:
    async def body() -> None:
        watched = Watched(lab, "chan.dtmf")
        await call(lab, "external/nodata/ivr.py")
        await phone(lab, "dtmf 4*#")
        last = await watched.named("chan.dtmf", text="#", id="phone/1")
        sent = [one["text"] for one in watched.seen if one.get("id") == "phone/1"]
        assert sent == ["4", "*", "#"]
        assert (last["sequence"], last["duplicate"], last["peerid"]) == ("3", "false", "ExtModule")

    run(lab, body)


def test_a_failed_command_has_a_reason(lab: Workshop) -> None:
    async def body() -> None:
        reply = await lab.do("phone show")
        assert not reply.ok and reply.params["reason"] == "there is no call"
        assert reply.params["hint"] == "call external/nodata/SCRIPT phone/"
        await call(lab, "external/nodata/ivr.py")
        await phone(lab, "wait playing tone/dial")
        for line, reason in (
            ("say", "there is nothing to say"),
            ("say /no/such.slin", "/no/such.slin: No such file or directory"),
            ("say tone/nothing", "there is no tone/nothing"),
            ("dtmf 12x", "'12x' are no digits to dial"),
            ("record /no/such/x.slin", "/no/such/x.slin: No such file or directory"),
            ("wait", "'' is nothing to wait for"),
            ("wait rain", "'rain' is nothing to wait for"),
            ("wait tone busy -1", "'tone busy -1' is nothing to wait for"),
            ("wait tone busy 0.05", "no tone busy after 0.05 s; it hears tone/dial"),
        ):
            reply = await lab.do(f"phone {line}")
            assert not reply.ok and reply.params["reason"] == reason, reply
        reply = await lab.do("phone dance")
        assert not reply.known
        await phone(lab, "hangup")
        reply = await lab.do("phone dtmf 1")
        assert reply.params["reason"] == "the call of phone/1 is over"
        reply = await lab.do("phone wait sound")
        assert not reply.ok

    run(lab, body)


def test_waiting_without_a_name_takes_any(lab: Workshop) -> None:
    async def body() -> None:
        await call(lab, "external/nodata/ivr.py")
        await phone(lab, "wait playing 20")
        reply = await lab.do("phone wait tone 0.05")
        assert reply.params["reason"] == "no tone after 0.05 s; it hears tone/dial"
        await phone(lab, "wait tone 20")
        assert "tone      dial" in await phone(lab, "show")
        await phone(lab, "dtmf 2")
        await phone(lab, "wait dtmf")
        assert "digits    2" in await phone(lab, "show")

    run(lab, body)


def test_what_was_heard_is_named_without_the_seconds(lab: Workshop) -> None:
    async def body() -> None:
        await call(lab, "external/nodata/ivr.py")
        reply = await lab.do("phone wait playing tone/dial 20")
        assert reply.ok and reply.text == "Heard playing tone/dial\r\n"

    run(lab, body)


def test_the_end_of_a_call_ends_waiting(lab: Workshop) -> None:
    async def body() -> None:
        await call(lab, "external/nodata/ivr.py")
        await phone(lab, "wait playing tone/dial")
        waiting = asyncio.create_task(lab.do("phone wait tone ring 60"))
        await phone(lab, "dtmf 9")
        reply = await waiting
        assert not reply.ok and "to the end of the call" in reply.params["reason"]

    run(lab, body)


def test_the_phone_says_a_tone_and_a_file(lab: Workshop) -> None:
    path = sound(lab.folder)

    async def body() -> None:
        await call(lab, "external/nodata/ivr.py")
        assert "Saying" in await phone(lab, "say tone/dtmfstr/55555555")
        assert "saying    tone/dtmfstr/55555555" in await phone(lab, "show")
        await phone(lab, "wait said")
        await phone(lab, f"say {path}")
        await phone(lab, "wait said")
        assert "saying" not in await phone(lab, "show")

    run(lab, body)


def test_help_and_completion(lab: Workshop) -> None:
    async def body() -> None:
        assert "phone" in await lab.engine.complete("", "pho")
        assert set(await lab.engine.complete("phone", "h")) == {"hangup"}
        await call(lab, "external/nodata/ivr.py")
        assert await lab.engine.complete("phone", "ph") == ["phone/1"]
        assert "dtmf" in await lab.engine.complete("phone phone/1", "")
        assert await lab.engine.complete("phone wait", "pl") == ["playing"]
        assert "dials" in (await lab.do("help phone")).text

    run(lab, body)
