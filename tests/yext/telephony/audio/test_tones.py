"""Tones as they are made and recognized."""

from array import array

import pytest

from yext.telephony.audio import tones
from yext.telephony.audio.detect import Listener, level, sound
from yext.telephony.audio.formats import decode


def frames(name: str, count: int) -> list["array[int]"]:
    tone = tones.find(name)
    assert tone is not None
    data = tone.first
    while tone.again and len(data) < 320 * count:
        data += tone.again
    return [
        decode("slin", data[at : at + 320]) for at in range(0, min(len(data), 320 * count), 320)
    ]


def heard(name: str, seconds: float) -> Listener:
    listener = Listener()
    for frame in frames(name, int(seconds * 50)):
        listener.hear(frame)
    return listener


@pytest.mark.parametrize(
    ("name", "seconds"),
    [
        ("dial", 2), ("busy", 3), ("congestion", 3), ("ring", 12), ("specdial", 4),
        ("outoforder", 4), ("info", 6), ("milliwatt", 2),
    ],
)  # fmt: skip
def test_a_tone_is_known_by_its_cadence(name: str, seconds: float) -> None:
    assert heard(name, seconds).tone() == name


def test_silence_and_noise_are_no_tones() -> None:
    assert heard("silence", 2).now == "silence"
    assert heard("noise", 2).tone() == ""
    assert level(array("h", bytes(320))) == -100.0


@pytest.mark.parametrize("digit", tones.DTMF)
def test_every_digit_is_heard(digit: str) -> None:
    assert heard(f"dtmf/{digit}", 1).digits == digit


def test_a_row_of_digits_is_heard_in_order() -> None:
    assert heard("dtmfstr/112233*#0d", 5).digits == "112233*#0d"


@pytest.mark.parametrize("alias", tones.ALIASES)
def test_an_alias_is_its_tone(alias: str) -> None:
    tone = tones.find(alias)
    assert tone is not None and tone.name == tones.ALIASES[alias]


def test_described_tones() -> None:
    busy = tones.find("350+440/500,0/500")
    assert busy is not None
    assert (len(busy.first), len(busy.again)) == (16000, 16000)
    once = tones.find("!425/100,0/20")
    assert once is not None
    assert (len(once.first), len(once.again)) == (2 * 960, 2 * 160)
    short, rounded = tones.find("425/30"), tones.find("425/40")
    assert short is not None and rounded is not None
    assert short.first == rounded.first, "in whole frames"


@pytest.mark.parametrize("name", ["", "nothing", "425+", "99999", "dtmf/x", "dtmfstr/", "1,,2"])
def test_an_unknown_tone(name: str) -> None:
    assert tones.find(name) is None


def test_a_digit_is_played_once_and_repeated_with_a_star() -> None:
    once, again = tones.find("dtmf/5"), tones.find("*dtmf/5")
    assert once is not None and again is not None
    assert (once.again, again.again) == (b"", once.first)


def test_a_tone_asked_for_once_repeats_with_a_star() -> None:
    once, again = tones.find("busy", once=True), tones.find("*busy", once=True)
    always = tones.find("busy")
    assert once is not None and again is not None and always is not None
    assert (once.first, once.again) == (always.first, b"")
    assert again.again == always.again != b""


def test_speech_is_a_sound() -> None:
    mixed = array("h", [((n * n * 37) % 20011) - 10005 for n in range(160)])
    assert sound(mixed) == "sound"
