"""Formats: G.711 against the values of the standard, and conversion."""

from array import array
from math import pi, sin

import pytest

from yext.telephony.audio.formats import (
    SLIN,
    Format,
    big_endian,
    conversion,
    decode,
    decoding_table,
    encode,
    little_endian,
    parse_format,
)

KNOWN = {
    "alaw": {0xD5: 8, 0x55: -8, 0xAA: 32256, 0x2A: -32256, 0xC5: 264, 0x80: 5504, 0x00: -5504},
    "mulaw": {0xFF: 0, 0x7F: 0, 0x80: 32124, 0x00: -32124, 0xF0: 120, 0xEF: 132, 0x8F: 16764},
}
"""Code words of ITU-T G.711 and their values in 16 bits."""


@pytest.mark.parametrize("codec", KNOWN)
def test_code_words_have_the_values_of_the_standard(codec: str) -> None:
    table = decoding_table(codec)
    assert {word: table[word] for word in KNOWN[codec]} == KNOWN[codec]


@pytest.mark.parametrize("codec", KNOWN)
def test_every_value_of_the_standard_survives(codec: str) -> None:
    samples = decoding_table(codec)
    assert decode(codec, encode(codec, samples)) == samples


@pytest.mark.parametrize("codec", KNOWN)
def test_every_sample_gets_the_nearest_word(codec: str) -> None:
    values = sorted(set(decoding_table(codec)))
    samples = array("h", range(-32768, 32768))
    at = 0
    for sample, got in zip(samples, decode(codec, encode(codec, samples)), strict=True):
        while at + 1 < len(values) and abs(values[at + 1] - sample) < abs(values[at] - sample):
            at += 1
        assert abs(got - sample) == abs(values[at] - sample), sample


@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("slin", SLIN), ("alaw", Format("alaw")), ("2*slin/16000", Format("slin", 16000, 2)),
        ("mulaw/48000", Format("mulaw", 48000)), ("slin/8000", SLIN), ("g729", None),
        ("slin/7999", None), ("3*slin", None), ("", None),
    ],
)  # fmt: skip
def test_names(name: str, format: Format | None) -> None:
    assert parse_format(name) == format
    if format is not None:
        assert parse_format(format.name) == format


@pytest.mark.parametrize("rate", [8000, 11025, 44100, 48000])
def test_a_second_of_frames_is_a_second_of_samples(rate: int) -> None:
    format = Format("slin", rate, 2)
    assert sum(format.frame_bytes(number) for number in range(50)) == 4 * rate


def test_byte_orders() -> None:
    samples = array("h", [0x0102, -2])
    assert big_endian(samples.tobytes()) == b"\x01\x02\xff\xfe"
    assert little_endian(samples.tobytes()) == b"\x02\x01\xfe\xff"


def test_equal_formats_need_no_conversion() -> None:
    assert conversion(SLIN, Format("slin", 8000, 1)) is None


def tone(rate: int, frequency: int, frames: int) -> list[bytes]:
    made = []
    for frame in range(frames):
        start = rate * frame // 50
        samples = range(start, rate * (frame + 1) // 50)
        wave = (round(8000 * sin(2 * pi * frequency * one / rate)) for one in samples)
        made.append(array("h", wave).tobytes())
    return made


@pytest.mark.parametrize(
    ("given", "wanted"), [(16000, 8000), (8000, 16000), (48000, 8000), (11025, 8000), (8000, 44100)]
)
def test_a_changed_rate_keeps_frames_and_sound(given: int, wanted: int) -> None:
    change = conversion(Format("slin", given), Format("slin", wanted))
    assert change is not None
    frames = [change.convert(frame) for frame in tone(given, 440, 100)]
    late = [frame for frame in frames if not frame]
    assert len(late) <= 4, "only the first frames may be missing"
    expected = [Format("slin", wanted).frame_bytes(number) for number in range(100 - len(late))]
    assert [len(frame) for frame in frames if frame] == expected
    whole = decode("slin", b"".join(frames) + change.rest())
    assert abs(len(whole) - 2 * wanted) <= wanted // 500
    original = decode("slin", b"".join(tone(wanted, 440, 100)))
    # The ends are where the filter begins and stops.
    middle = slice(wanted // 5, wanted)
    assert max(abs(a - b) for a, b in zip(whole[middle], original[middle], strict=True)) < 120


def test_two_channels_become_one_and_one_two() -> None:
    both = array("h", [100, 300, -7, -9]).tobytes()
    mono = conversion(Format("slin", 8000, 2), SLIN)
    stereo = conversion(SLIN, Format("slin", 8000, 2))
    assert mono is not None and stereo is not None
    assert decode("slin", mono.convert(both)) == array("h", [200, -8])
    assert decode("slin", stereo.convert(array("h", [5, 6]).tobytes())) == array("h", [5, 5, 6, 6])
