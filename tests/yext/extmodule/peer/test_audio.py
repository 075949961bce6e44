"""Audio through the pipes of scripts: exact, bounded, and played to its end."""

import asyncio
import os
from array import array
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import pytest
from calls import (
    ECHO,
    PYTHON,
    SAMPLES,
    TAKE,
    WAIT,
    Heard,
    call,
    recorded,
    sound,
)
from workshop import TIMEOUT, Workshop

from tests import timeless
from tests.timeless import HurriedLoop
from yext import Message
from yext.extmodule.peer.audio import PipeConsumer, PipeSource
from yext.telephony.audio.clock import BEAT, CATCH_UP, Clock
from yext.telephony.endpoint import Endpoint
from yext.telephony.shared import telephony

PLAY = TAKE + "os.write(4, bytes(range(256)) * 50)\n"
"""A script that plays 12800 bytes, 0.8 s of sound, and ends at once."""


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


def test_an_echoed_minute_comes_back_sample_for_sample(lab: Workshop) -> None:
    # The engine's clock runs fast and the script's does not, so the script may seem to read late.
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
        # Each frame is in the pipe, waits, or was dropped.
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
        # On a busy machine some late frames are played at once.
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
