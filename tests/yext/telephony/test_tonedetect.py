"""Detection of digits and fax tones: the messages of a Yate 6.4.1 for the same sounds."""

import asyncio
from array import array
from math import pi, sin
from pathlib import Path

import pytest
from calls import Watched, sound
from workshop import Workshop

from yext import Message
from yext.bus import Bus
from yext.telephony.tonedetect import ToneDetector

ONE, STAR, HASH = (697, 1209), (941, 1209), (941, 1477)
CNG, CED, COT = (1100,), (2100,), (2010,)
"""The call of a fax, its answer, and the tone of a continuity test."""


def played(*tones: tuple[int, ...], seconds: float = 0.1) -> bytes:
    """Sounds of these frequencies, with as much silence after each."""
    count = round(8000 * seconds / 160) * 160
    samples: list[int] = []
    for tone in tones:
        at = [2 * pi * number / 8000 for number in range(count)]
        samples += [round(sum(6000 * sin(one * hertz) for hertz in tone)) for one in at]
        samples += [0] * count
    return array("h", samples).tobytes()


def heard(name: str, data: bytes, **order: str) -> list[Message]:
    """The messages that a detector sends for a sound."""

    async def play() -> list[Message]:
        bus, sent = Bus(), []
        for kind in ("chan.masquerade", "chan.notify"):
            bus.install(kind, lambda message: bool(sent.append(message)) or True)
        detector = ToneDetector(bus, "wave/1", name, Message("chan.attach", order))
        for start in range(0, len(data), 320):
            detector.consume(data[start : start + 320])
        await asyncio.sleep(0)
        await bus.dispatch(Message("chan.notify", {"id": "last"}))
        return sent[:-1]

    return asyncio.run(play())


DIGIT = {"message": "chan.dtmf", "detected": "inband"}
FAX = {"message": "call.fax", "detected": "inband"}

SOUNDS: list[tuple[str, bytes, dict[str, str], list[dict[str, str]]]] = [
    ("tone/*", played(ONE, HASH, CNG), {}, [DIGIT | {"text": "1"}, DIGIT | {"text": "#"}, FAX]),
    ("tone/mono/*", played(ONE), {}, [DIGIT | {"text": "1"}]),
    ("tone/", played(ONE, CNG), {}, [DIGIT | {"text": "1"}, FAX]),
    ("tone/dtmf", played(ONE, CNG, ONE), {}, [DIGIT | {"text": "1"}] * 2),
    ("tone/fax", played(ONE, CNG, CNG), {}, [FAX]),
    ("tone/rfax", played(CNG, CED), {}, [FAX]),
    ("tone/cotv,fax", played(COT, CNG), {}, [DIGIT | {"text": "O"}, FAX]),
    ("tone/*", played(COT, CED), {}, []),
    (
        "tone/dtmf", played(CNG), {"fax_divert": "dumb/fax", "fax_caller": "12", "called": "34"},
        [{"message": "call.execute", "callto": "dumb/fax", "reason": "fax", "caller": "12",
          "called": "34"}],
    ),
    ("tone/fax", played(CNG), {"fax_divert": "no", "caller": "12"}, [FAX]),
    (
        "tone/callsetup", played(STAR, ONE, STAR, HASH, STAR), {"notify": "app"},
        [{"targetid": "app", "operation": "setup", "caller": "1", "called": "#"}],
    ),
]  # fmt: skip
"""What is asked for, a sound, the other parameters of the order, and what is sent."""


@pytest.mark.parametrize(("name", "data", "order", "sent"), SOUNDS, ids=range(len(SOUNDS)))
def test_what_is_heard_is_sent(
    name: str, data: bytes, order: dict[str, str], sent: list[dict[str, str]]
) -> None:
    messages = heard(name, data, **order)
    assert [dict(message.params) for message in messages] == [
        {"id": "wave/1", **params} for params in sent
    ]


@pytest.fixture
def lab(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path)


async def dial(lab: Workshop, path: Path, **params: str) -> tuple[bool, Message]:
    return await lab.send(
        "call.execute", callto="dumb/x", target="x", direct=f"wave/play/{path}",
        copyparams="tonedetect_out", **params,
    )  # fmt: skip


def test_tonedetect_out_of_a_call_reports_the_digits_of_the_called(lab: Workshop) -> None:
    path = sound(lab.folder, data=played(ONE, HASH))

    async def story() -> None:
        async with lab.running():
            watched = Watched(lab, "chan.attach", "chan.dtmf", "chan.hangup")
            assert (await dial(lab, path, tonedetect_out="yes"))[0]
            attach = await watched.named("chan.attach", id="wave/1", sniffer="tone/*")
            assert (attach["module"], attach["single"]) == ("wave", "yes")
            assert "tonedetect,type=misc;count=1" in (await lab.do("status tonedetect")).text
            first = await watched.named("chan.dtmf", text="1")
            assert (first["id"], first["detected"], first["sequence"]) == ("wave/1", "inband", "1")
            await watched.named("chan.dtmf", text="#")
            await watched.named("chan.hangup")
            assert "count=0" in (await lab.do("status tonedetect")).text

    asyncio.run(story())


@pytest.mark.parametrize("wanted", ["no", ""])
def test_without_it_nothing_is_attached(lab: Workshop, wanted: str) -> None:
    path = sound(lab.folder, data=played(ONE))

    async def story() -> None:
        async with lab.running():
            watched = Watched(lab, "chan.attach", "chan.dtmf", "chan.hangup")
            await dial(lab, path, tonedetect_out=wanted)
            await lab.send("call.drop", id="dumb/1")
            await watched.named("chan.hangup")
            assert {message.name for message in watched.seen} == {"chan.hangup"}

    asyncio.run(story())


ORDERS = {
    "chan.attach consumer": ("dumb/1", {"message": "chan.attach", "consumer": "tone/*"}),
    "chan.attach sniffer": ("wave/1", {"message": "chan.attach", "sniffer": "tone/dtmf"}),
    "chan.record": ("wave/1", {"message": "chan.record", "call": "tone/*"}),
}
"""Ways to attach a detector, each with the channel whose id its messages have."""


@pytest.mark.parametrize("way", ORDERS)
def test_a_detector_is_attached_to_a_call(lab: Workshop, way: str) -> None:
    path = sound(lab.folder, data=bytes(16000) + played(ONE))
    ident, order = ORDERS[way]

    async def story() -> None:
        async with lab.running():
            watched = Watched(lab, "chan.dtmf")
            await dial(lab, path)
            handled, left = await lab.send("chan.masquerade", id=ident, single="yes", **order)
            assert handled
            assert all(left[key] == value for key, value in order.items() if key != "message")
            await watched.named("chan.dtmf", id=ident, text="1", detected="inband")

    asyncio.run(story())


def test_a_sniffer_that_is_asked_for_again_begins_anew(lab: Workshop) -> None:
    path = sound(lab.folder, data=bytes(160000))

    async def story() -> None:
        async with lab.running():
            await dial(lab, path)
            for _ in range(2):
                await lab.send(
                    "chan.masquerade", id="wave/1", message="chan.attach", sniffer="tone/*"
                )
            assert "count=1" in (await lab.do("status tonedetect")).text

    asyncio.run(story())
