"""Audio through real scripts and sockets: exact, bounded, and played to its end."""

import asyncio
import os
import wave
from array import array
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import pytest
from calls import ANSWER, ECHO, PYTHON, SAMPLES, TAKE, WAIT, Watched, call, phone, sound
from workshop import TIMEOUT, Workshop

from tests import timeless
from tests.timeless import HurriedLoop
from yext import Message
from yext.extmodule.calls import ScriptChannel
from yext.extmodule.peer.audio import PipeConsumer, PipeSource
from yext.telephony.audio import detect
from yext.telephony.audio.clock import BEAT, CATCH_UP, Clock
from yext.telephony.endpoint import Consumer, Endpoint
from yext.telephony.shared import telephony

PLAY = TAKE + "os.write(4, bytes(range(256)) * 50)\n"
"""Writes 12800 bytes, 0.8 s of sound, and ends at once."""


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


def recorded(path: Path) -> bytes:
    with wave.open(str(path)) as opened:
        frames = array("h", opened.readframes(opened.getnframes()))
    return frames.tobytes()


class Heard(Consumer):
    """Keeps its audio, and sets an event at a given amount."""

    def __init__(self, enough: int) -> None:
        super().__init__("test")
        self.data = b""
        self.full = asyncio.Event()
        self._enough = enough

    def consume(self, data: bytes) -> None:
        self.data += data
        if len(self.data) >= self._enough:
            self.full.set()


def test_an_echoed_minute_comes_back_sample_for_sample(lab: Workshop) -> None:
    # Time is in a hurry for the engine, not for the script, which may seem to read late.
    lab.configure("maxaudio=60000")
    lab.script("echo.py", ECHO, PYTHON)
    minute = array("h", [(n * 7919 + n // 977) % 40000 - 20000 for n in range(480_000)]).tobytes()
    spoken, heard = sound(lab.folder, data=minute), lab.folder / "out.wav"

    lines = (
        f"record {heard}", f"say {spoken}", "wait said 600", "wait silence 60", "record -",
        "hangup",
    )  # fmt: skip

    async def body() -> None:
        async with lab.running():
            await call(lab, "external/playrec/echo.py")
            for line in lines:
                reply = await lab.engine.command(f"phone {line}")
                assert reply.ok, reply

    with asyncio.Runner(loop_factory=lambda: HurriedLoop(10)) as runner:
        runner.run(body())
    assert minute in recorded(heard)


class Caller(Endpoint):
    """A caller with an event for the end of the call."""

    def __init__(self, lab: Workshop) -> None:
        super().__init__(lab.engine, "test")
        self.parted = asyncio.Event()

    def disconnected(self, reason: str, params: Mapping[str, str]) -> None:
        self.parted.set()


def test_the_audio_of_an_ended_script_is_played_to_its_end(lab: Workshop) -> None:
    lab.script("play.py", PLAY, PYTHON)

    async def body() -> None:
        caller, heard = Caller(lab), Heard(0)
        caller.set_consumer(heard)
        message = Message("call.execute", {"callto": "external/play/play.py"}, userdata=caller)
        assert await lab.engine.dispatch(message)
        await asyncio.wait_for(caller.parted.wait(), TIMEOUT)
        assert heard.data == bytes(range(256)) * 50

    run(lab, body)


def test_a_script_that_does_not_read_loses_the_oldest_audio(
    lab: Workshop,
) -> None:
    lab.script("deaf.py", TAKE + WAIT, PYTHON)

    async def body() -> None:
        await call(lab, "external/record/deaf.py")
        (channel,) = lab.module.supervisor.channels
        consumer = channel.media().consumer
        assert isinstance(consumer, PipeConsumer)
        for _ in range(400):
            consumer.consume(SAMPLES[:320])
        kept = 100 // 20
        # What the pipe took, what waits, what was dropped: every frame is one of them.
        assert consumer.dropped > 0
        assert 400 <= consumer.frames + kept + consumer.dropped <= 404
        await lab.event("deaf.py' does not read its audio")
        row = (await lab.do("external audio")).text.splitlines()[1].split("\t")
        assert row[:3] == ["ExtModule", "deaf.py", "phone/1"]
        assert 0 < int(row[4]) <= consumer.dropped

    run(lab, body)


def test_a_script_that_catches_up_hears_the_latest_audio(lab: Workshop) -> None:
    reading, writing = os.pipe()

    async def body() -> None:
        consumer = PipeConsumer("test", writing, 100)
        frames = [bytes([number]) * 320 for number in range(256)]
        for frame in frames:
            consumer.consume(frame)
        assert consumer.dropped
        data = b""
        loop = asyncio.get_running_loop()
        done = asyncio.Event()

        def readable() -> None:
            nonlocal data
            data += os.read(reading, 65536)
            if len(data) == 320 * (256 - consumer.dropped):
                done.set()

        loop.add_reader(reading, readable)
        await asyncio.wait_for(done.wait(), TIMEOUT)
        loop.remove_reader(reading)
        kept = [data[at : at + 320] for at in range(0, len(data), 320)]
        dropped = consumer.dropped
        assert kept == frames[: 251 - dropped] + frames[251:]
        consumer.close()
        os.close(reading)

    run(lab, body)


def test_a_script_that_floods_is_paced_and_loses_nothing(lab: Workshop) -> None:
    reading, writing = os.pipe()

    async def body() -> None:
        clock = telephony(lab.engine).clock
        source, heard = PipeSource("test", reading, clock), Heard(3200)
        source.attach(heard)
        begun = asyncio.get_running_loop().time()
        os.write(writing, bytes(64000))
        await asyncio.wait_for(heard.full.wait(), TIMEOUT)
        assert asyncio.get_running_loop().time() - begun > 0.17
        # A machine that is held up makes up for some frames at once.
        assert len(heard.data) <= 3200 + 320 * CATCH_UP
        source.close()
        os.close(writing)
        assert not len(clock)

    run(lab, body)


def test_a_short_last_frame_is_played_without_its_odd_byte(lab: Workshop) -> None:
    reading, writing = os.pipe()

    async def body() -> None:
        source, heard = PipeSource("test", reading, telephony(lab.engine).clock), Heard(1)
        ended = asyncio.Event()
        source.on_end = ended.set
        source.attach(heard)
        os.write(writing, bytes(range(101)))
        os.close(writing)
        await asyncio.wait_for(ended.wait(), TIMEOUT)
        assert heard.data == bytes(range(100))

    run(lab, body)


# Data connections


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


@pytest.mark.parametrize(("gap", "at_once"), [(5, 6), (20, 1)])
def test_a_short_gap_is_made_up_for_and_a_long_one_is_a_pause(gap: int, at_once: int) -> None:
    async def main() -> int:
        reading, writing = os.pipe()
        clock = Clock()
        source, heard = PipeSource("test", reading, clock), Heard(1)
        source.attach(heard)
        await asyncio.sleep((gap + 0.5) * BEAT)
        os.write(writing, bytes(320 * 40))
        await asyncio.sleep(BEAT)
        source.close()
        os.close(writing)
        return len(heard.data) // 320

    assert timeless.run(main()) == at_once
