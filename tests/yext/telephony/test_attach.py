"""chan.attach, chan.record and the files and tones they name, on channels of a real call."""

import asyncio
import errno
import os
from array import array
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from calls import PYTHON, SAMPLES, TAKE, WAIT, Watched, call, phone, sound
from workshop import TIMEOUT, Workshop

from yext import Message
from yext.telephony.audio.detect import Listener
from yext.telephony.audio.formats import decode
from yext.telephony.endpoint import Consumer, Endpoint
from yext.telephony.shared import telephony


@pytest.fixture
def lab(tmp_path: Path) -> Workshop:
    made = Workshop(tmp_path)
    made.configure("stopwait=20\ntermwait=100")
    made.script("take.py", TAKE + WAIT, PYTHON)
    return made


def in_a_call(lab: Workshop, body: Callable[[Endpoint], Awaitable[None]]) -> None:
    """Run `body` with the channel of a script in a call with the phone."""

    async def main() -> None:
        async with lab.running():
            await call(lab, "external/nodata/take.py")
            (channel,) = lab.module.supervisor.channels
            await body(channel)

    asyncio.run(main())


async def attach(lab: Workshop, channel: Endpoint, **params: str) -> tuple[bool, Message]:
    message = Message("chan.attach", params, userdata=channel)
    handled = await asyncio.wait_for(lab.engine.dispatch(message), TIMEOUT)
    return handled, message


class Kept(Consumer):
    """Keeps the audio that it hears, and the kind of sound of each frame."""

    def __init__(self) -> None:
        super().__init__("test")
        self.data = b""
        self.listener = Listener()
        self._sounds: list[str] = []
        self._heard = asyncio.Event()

    def consume(self, data: bytes) -> None:
        self.data += data
        self.listener.hear(decode("slin", data))
        self._sounds.append(self.listener.now)
        self._heard.set()

    async def until(self, wanted: str) -> None:
        """Wait for a sound, after those waited for before."""
        async with asyncio.timeout(TIMEOUT):
            while wanted not in self._sounds:
                self._heard.clear()
                await self._heard.wait()
        del self._sounds[: self._sounds.index(wanted) + 1]


def test_a_file_is_played_to_its_end_with_a_notification(lab: Workshop) -> None:
    path = sound(lab.folder)

    async def body(channel: Endpoint) -> None:
        watched = Watched(lab, "chan.notify")
        kept = Kept()
        channel.peer.set_consumer(kept)  # type: ignore[union-attr]
        handled, message = await attach(
            lab, channel, source=f"wave/play/{path}", notify="me", single="true"
        )
        assert handled and "source" not in message
        notice = await watched.named("chan.notify")
        assert (notice["id"], notice["targetid"], notice["reason"]) == (
            "ExtModule",
            "me",
            "eof",
        )
        assert kept.data == SAMPLES
        assert channel.media().source is None

    in_a_call(lab, body)


def test_without_single_the_message_is_not_handled(lab: Workshop) -> None:
    async def body(channel: Endpoint) -> None:
        handled, message = await attach(lab, channel, source="tone/busy", lang="x")
        assert not handled and "source" not in message
        assert channel.media().source is not None

    in_a_call(lab, body)


def test_a_replaced_source_sends_a_notification(lab: Workshop) -> None:
    path = sound(lab.folder, data=SAMPLES * 20)

    async def body(channel: Endpoint) -> None:
        watched = Watched(lab, "chan.notify")
        await attach(lab, channel, source=f"wave/play/{path}", notify_source="one", notify="two")
        await attach(lab, channel, source="wave/play/-")
        notice = await watched.named("chan.notify")
        assert (notice["targetid"], notice["reason"], notice.get("id")) == (
            "one",
            "replaced",
            "",
        )

    in_a_call(lab, body)


def test_a_file_that_cannot_be_read_on_ends_alone(
    lab: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = sound(lab.folder)

    def broken(*_: object) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    async def body(channel: Endpoint) -> None:
        watched = Watched(lab, "chan.notify")
        await attach(lab, channel, source="tone/milliwatt")
        monkeypatch.setattr(os, "pread", broken)
        await attach(lab, channel, source=f"wave/play/{path}", notify="me")
        notice = await watched.named("chan.notify", targetid="me")
        assert notice["reason"] == "error"
        assert lab.find_events("Input/output error")
        await phone(lab, f"say {path}")
        await phone(lab, "wait said")
        assert lab.find_events("phone/1 stopped before the end of", "notice")
        await attach(lab, channel, source="tone/milliwatt")
        await phone(lab, "wait sound")

    in_a_call(lab, body)


def test_a_file_is_repeated(lab: Workshop) -> None:
    path = sound(lab.folder, data=SAMPLES[:1000])

    async def body(channel: Endpoint) -> None:
        kept = Kept()
        channel.peer.set_consumer(kept)  # type: ignore[union-attr]
        await attach(lab, channel, source=f"wave/play/{path}", autorepeat="true")
        while len(kept.data) < 3000:
            await kept.until("sound")
        assert kept.data.startswith(SAMPLES[:1000] * 3)

    in_a_call(lab, body)


@pytest.mark.parametrize(
    ("path", "then"),
    [("-", ["replaced"]), ("long.slin", ["replaced"]), ("gone.slin", ["error"])],
)
def test_what_loses_its_place_says_so(lab: Workshop, path: str, then: list[str]) -> None:
    (lab.folder / "long.slin").write_bytes(bytes(160000))
    path = path if path == "-" else f"{lab.folder}/{path}"

    async def body(channel: Endpoint) -> None:
        watched = Watched(lab, "chan.notify")
        handled, message = await attach(
            lab, channel, source=f"wave/play/{path}", notify="me", single="true"
        )
        assert handled and "source" not in message
        await attach(lab, channel, source="tone/busy", notify="other")
        await watched.named("chan.notify", targetid="me")
        await lab.send("nothing")
        assert [one["reason"] for one in watched.seen] == then

    in_a_call(lab, body)


def test_a_failed_attachment_has_a_reason(lab: Workshop) -> None:
    async def body(channel: Endpoint) -> None:
        watched = Watched(lab, "chan.notify")
        handled, message = await attach(
            lab, channel, source="wave/play/gone.slin", notify="me", single="true"
        )
        assert handled and message["reason"] == "gone.slin: No such file or directory"
        assert "source" not in message, "as in Yate, which gives the channel silence"
        assert (await watched.named("chan.notify"))["reason"] == "error"
        for params in (
            {"source": "tone/nothing"}, {"override": "tone/busy"}, {"replace": "tone/busy"},
            {"consumer": "wave/record/no/such/folder.slin"}, {"source": "wave/dance/x"},
            {"source": "wave/play/"}, {"source": "tone/"}, {"replace": "wave/play/gone.slin"},
            {"source": "tone/dtmfstr/12"}, {"source": "tone/5"}, {"source": "tone/dtmf/5"},
            {"source": "tone/425/500,0/500"}, {"source": "tone/*dial"}, {"source": "tone/cw"},
        ):  # fmt: skip
            handled, message = await attach(lab, channel, single="true", **params)
            assert not handled and set(params) <= set(message), params
        message = Message("chan.attach", {"source": "tone/busy", "single": "true"})
        assert not await lab.engine.dispatch(message), "a message without a channel"

    in_a_call(lab, body)


def test_a_recording_ends_at_its_greatest_length(lab: Workshop) -> None:
    spoken, heard = sound(lab.folder), lab.folder / "out.slin"

    async def body(channel: Endpoint) -> None:
        watched = Watched(lab, "chan.notify")
        await attach(lab, channel, consumer=f"wave/record/{heard}", maxlen="6400", notify="me")
        await phone(lab, f"say {spoken}")
        notice = await watched.named("chan.notify")
        assert (notice["id"], notice["targetid"], notice["reason"]) == (
            "ExtModule",
            "me",
            "maxlen",
        )
        assert channel.media().consumer is None
        assert heard.stat().st_size == 6400

    in_a_call(lab, body)


def test_a_recording_to_no_file_is_a_timer(lab: Workshop) -> None:
    async def body(channel: Endpoint) -> None:
        watched = Watched(lab, "chan.notify")
        await attach(lab, channel, consumer="wave/record/-", maxlen="1600", notify="me")
        assert (await watched.named("chan.notify"))["reason"] == "maxlen"
        assert not (lab.folder / "-").exists() and not os.path.exists("-")

    in_a_call(lab, body)


def test_both_sides_of_a_call_are_recorded(lab: Workshop) -> None:
    spoken = sound(lab.folder)
    call_side, peer_side = lab.folder / "call.au", lab.folder / "peer.alaw"

    async def body(channel: Endpoint) -> None:
        message = Message(
            "chan.record",
            {"call": f"wave/record/{call_side}", "peer": f"wave/record/{peer_side}"},
            userdata=channel,
        )
        assert await lab.engine.dispatch(message)
        await attach(lab, channel, source="tone/milliwatt")
        await phone(lab, f"say {spoken}")
        await phone(lab, "wait said")
        await phone(lab, "hangup")

    in_a_call(lab, body)
    ours = array("h", call_side.read_bytes()[24:])
    ours.byteswap()
    listener = Listener()
    for at in range(0, 1600, 160):
        listener.hear(ours[at : at + 160])
    assert listener.now == "1000 Hz"
    theirs = decode("alaw", peer_side.read_bytes())
    assert max(theirs) > 9000, "the phone's sound is there, from linear to A-law"


def test_the_source_is_heard_again_after_an_override(lab: Workshop) -> None:
    async def body(channel: Endpoint) -> None:
        peer = channel.peer
        assert peer is not None
        kept = Kept()
        peer.set_consumer(kept)
        await attach(lab, channel, source="tone/milliwatt")
        await kept.until("1000 Hz")
        handled, _ = await attach(lab, peer, override="tone/dtmfstr/42", single="true")
        assert handled
        await kept.until("dtmf 4")
        await kept.until("1000 Hz")
        assert kept.listener.digits == "42"
        await attach(lab, peer, replace="tone/dtmf/7")
        await kept.until("dtmf 7")
        assert kept.source is not channel.media().source

    in_a_call(lab, body)


def test_a_tone_in_the_place_of_another_plays_once_without_a_star(lab: Workshop) -> None:
    async def body(channel: Endpoint) -> None:
        peer = channel.peer
        assert peer is not None
        kept = Kept()
        peer.set_consumer(kept)
        await attach(lab, channel, source="tone/milliwatt")
        await kept.until("1000 Hz")
        await attach(lab, peer, override="tone/2010/100")
        await kept.until("2010 Hz")
        await kept.until("1000 Hz")
        await attach(lab, peer, replace="tone/*dtmfstr/42")
        for digit in "424":
            await kept.until(f"dtmf {digit}")

    in_a_call(lab, body)


def test_a_file_of_another_rate_is_heard_at_its_pitch(lab: Workshop) -> None:
    from math import pi, sin

    from yext.telephony.audio.formats import Format
    from yext.telephony.audio.soundfile import Writer

    path = lab.folder / "x.wav"
    writer = Writer(str(path), Format("slin", 48000, 2))
    wave = (round(9000 * sin(2 * pi * 1000 * (n // 2) / 48000)) for n in range(2 * 24000))
    writer.write(array("h", wave).tobytes())
    writer.close()

    async def body(channel: Endpoint) -> None:
        kept = Kept()
        assert channel.peer is not None
        channel.peer.set_consumer(kept)
        await attach(lab, channel, source=f"wave/play/{path}", notify="me")
        await kept.until("1000 Hz")

    in_a_call(lab, body)


# Channels of files and tones


def test_a_file_as_a_channel_ends_with_its_file(lab: Workshop) -> None:
    path = sound(lab.folder)

    async def body(channel: Endpoint) -> None:
        watched = Watched(lab, "chan.disconnected")
        channel.set_consumer(Kept())
        message = Message("call.execute", {"callto": f"wave/play/{path}"}, userdata=channel)
        assert await lab.engine.dispatch(message)
        assert message["peerid"] == "wave/1"
        assert channel.peer is not None and channel.peer.id == "wave/1"
        channel.reports_disconnect = True
        notice = await watched.named("chan.disconnected", id="ExtModule")
        assert notice["reason"] == "eof"

    in_a_call(lab, body)


@pytest.mark.parametrize(
    ("callto", "reason"),
    [
        ("wave/play/no.wav", "no.wav: No such file or directory"),
        ("wave/record/no/such.au", "no/such.au: No such file or directory"),
        ("tone/nothing", "there is no tone/nothing"),
    ],
)
def test_a_file_that_cannot_be_opened_makes_no_channel(
    lab: Workshop, callto: str, reason: str
) -> None:
    async def body(channel: Endpoint) -> None:
        message = Message("call.execute", {"callto": callto}, userdata=channel)
        assert not await lab.engine.dispatch(message)
        assert (message["error"], message["reason"]) == ("failure", reason)
        handled, message = await lab.send("call.execute", callto=callto, direct="phone/")
        assert not handled and message["reason"] == reason
        assert channel.peer is not None and channel.peer.id == "phone/1", "the call goes on"

    in_a_call(lab, body)


def test_a_file_called_minus_is_a_channel_that_plays_nothing(lab: Workshop) -> None:
    async def body(channel: Endpoint) -> None:
        message = Message("call.execute", {"callto": "wave/play/-"}, userdata=channel)
        assert await lab.engine.dispatch(message)

    in_a_call(lab, body)


def test_a_tone_as_a_channel(lab: Workshop) -> None:
    async def body(channel: Endpoint) -> None:
        message = Message("call.execute", {"callto": "tone/busy"}, userdata=channel)
        assert await lab.engine.dispatch(message)
        assert (await lab.do("status tone")).text.startswith("name=tone,type=misc;tones=1,chans=1;")
        assert "address=busy" in (await lab.do("status tone/1")).text

    in_a_call(lab, body)


def test_audio_costs_nothing_when_the_call_is_over(lab: Workshop) -> None:
    path = sound(lab.folder)

    async def body(channel: Endpoint) -> None:
        peer = channel.peer
        assert peer is not None
        await attach(lab, channel, source=f"wave/play/{path}", autorepeat="yes")
        await attach(lab, peer, override="tone/busy")
        await attach(lab, peer, replace=f"wave/play/{path}", autorepeat="yes")
        watched = Watched(lab, "chan.hangup")
        await phone(lab, "hangup")
        await watched.named("chan.hangup")
        await lab.send("nothing")
        assert len(telephony(lab.engine).clock) == 0

    in_a_call(lab, body)
