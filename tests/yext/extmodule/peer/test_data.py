"""Data connections: audio through sockets, and how they find their channel."""

import asyncio
from array import array
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from calls import ANSWER, PYTHON, SAMPLES, TAKE, WAIT, Heard, Watched, call, phone, recorded, sound
from workshop import TIMEOUT, Workshop

from yext import Message
from yext.extmodule.calls import ScriptChannel
from yext.telephony.audio import detect
from yext.telephony.endpoint import Endpoint
from yext.telephony.shared import telephony


@pytest.fixture
def lab(tmp_path: Path) -> Workshop:
    made = Workshop(tmp_path)
    made.configure("stopwait=20\ntermwait=100\nmaxaudio=100")
    return made


def run(lab: Workshop, body: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        async with lab.running():
            await body()

    asyncio.run(main())


async def connected(lab: Workshop, line: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_unix_connection(str(lab.folder / "data.sock"))
    writer.write(line.encode())
    return reader, writer


def called(lab: Workshop) -> Endpoint:
    """The other end of the call of the first script."""
    channel = next(iter(lab.module.supervisor.channels))
    assert isinstance(channel, ScriptChannel) and channel.peer is not None
    return channel.peer


def listener(lab: Workshop) -> None:
    lab.configure("maxaudio=100", f"[listener data]\ntype=unix\npath={lab.folder}/data.sock\n")
    lab.script("take.py", TAKE + WAIT, PYTHON)


def test_a_data_connection_plays_and_records(lab: Workshop) -> None:
    listener(lab)
    heard = lab.folder / "out.wav"

    async def body() -> None:
        await call(lab, "external/nodata/take.py")
        await phone(lab, f"record {heard}")
        reader, writer = await connected(lab, "%%>connect:playrec:ExtModule\n")
        writer.write(SAMPLES)
        writer.write_eof()
        assert await asyncio.wait_for(reader.readexactly(3200), TIMEOUT) == bytes(3200)
        spoken = sound(lab.folder)
        await phone(lab, f"say {spoken}")
        got = b""
        while SAMPLES not in got:
            got += await asyncio.wait_for(reader.read(4096), TIMEOUT)
        await phone(lab, "wait silence")
        await phone(lab, "hangup")
        async with asyncio.timeout(TIMEOUT):
            while await reader.read(4096):
                pass
        writer.close()

    run(lab, body)
    assert SAMPLES in recorded(heard)


def test_a_data_connection_to_a_channel_of_a_driver(lab: Workshop) -> None:
    listener(lab)

    async def body() -> None:
        await call(lab, "external/nodata/take.py")
        (channel,) = lab.module.supervisor.channels
        attach = Message("chan.attach", {"source": "tone/milliwatt"}, userdata=channel)
        await lab.engine.dispatch(attach)
        reader, writer = await connected(lab, "%%>connect:record:phone/1:audio\n")
        data = await asyncio.wait_for(reader.readexactly(3200), TIMEOUT)
        assert detect.sound(array("h", data[320:640])) == "1000 Hz"
        writer.close()

    run(lab, body)


def test_a_data_connection_finds_a_channel_by_the_id_that_its_script_chose(lab: Workshop) -> None:
    listener(lab)
    choose = 'send("%%>setlocal:id:mine", "%%<message:" + call[1] + ":true::")\n'
    lab.script("take.py", ANSWER + choose + WAIT, PYTHON)

    async def body() -> None:
        await call(lab, "external/nodata/take.py")
        heard = Heard(5)
        called(lab).set_consumer(heard, "text")
        reader, former = await connected(lab, "%%>connect:play:ExtModule:text\nhello")
        assert await asyncio.wait_for(reader.read(), TIMEOUT) == b""
        _, writer = await connected(lab, "%%>connect:play:mine:text\nhello")
        await asyncio.wait_for(heard.full.wait(), TIMEOUT)
        former.close()
        writer.close()
        await phone(lab, "hangup")
        assert telephony(lab.engine).endpoints == {}

    run(lab, body)


@pytest.mark.parametrize(
    "line", ["%%>connect:play:nobody\n", "%%>connect:play\n", "%%>connect:dance:ExtModule\n"]
)
def test_a_data_connection_to_nobody_is_closed(lab: Workshop, line: str) -> None:
    listener(lab)

    async def body() -> None:
        reader, writer = await connected(lab, line)
        assert await asyncio.wait_for(reader.read(), TIMEOUT) == b""
        writer.close()
        await lab.event("did not connect properly")

    run(lab, body)


def test_the_first_line_may_come_in_pieces_with_audio_behind_it(lab: Workshop) -> None:
    listener(lab)

    async def body() -> None:
        await call(lab, "external/nodata/take.py")
        heard = Heard(640)
        called(lab).set_consumer(heard)
        _, writer = await connected(lab, "%%>connect:pl")
        await writer.drain()
        await lab.send("nothing")
        audio = b"\n\r\0" * 200 + bytes(40)
        writer.write(b"ay:ExtModule\n" + audio)
        await asyncio.wait_for(heard.full.wait(), TIMEOUT)
        assert heard.data == audio
        writer.close()

    run(lab, body)


def test_other_data_is_passed_on_as_it_comes(lab: Workshop) -> None:
    listener(lab)

    async def body() -> None:
        await call(lab, "external/nodata/take.py")
        heard = Heard(5)
        called(lab).set_consumer(heard, "text")
        _, writer = await connected(lab, "%%>connect:play:ExtModule:text\nhello")
        await asyncio.wait_for(heard.full.wait(), TIMEOUT)
        assert heard.data == b"hello"
        watched = Watched(lab, "chan.hangup")
        await phone(lab, "hangup")
        await watched.named("chan.hangup")
        writer.close()

    run(lab, body)
