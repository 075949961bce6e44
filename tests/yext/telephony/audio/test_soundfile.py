"""Sound files against the standard library's reader, the formats' own headers and bad input."""

import os
import struct
import wave
from array import array
from pathlib import Path

import pytest

from yext.errors import SoundError
from yext.telephony.audio.formats import Format, decode, encode, parse_format
from yext.telephony.audio.soundfile import Reader, Writer

SAMPLES = array("h", [(n * 7919) % 65536 - 32768 for n in range(2000)])


def read_all(path: Path) -> bytes:
    reader = Reader(str(path))
    try:
        parts = []
        while data := reader.read(330):
            parts.append(data)
        return b"".join(parts)
    finally:
        reader.close()


@pytest.mark.parametrize("ending", ["slin", "raw", "2slin", "wav", "au", "sound"])
@pytest.mark.parametrize("rate", [8000, 48000])
def test_linear_sound_comes_back_sample_for_sample(tmp_path: Path, ending: str, rate: int) -> None:
    path = tmp_path / f"x.{ending}"
    writer = Writer(str(path), Format("slin", rate))
    for start in range(0, len(SAMPLES), 160):
        writer.write(SAMPLES[start : start + 160].tobytes())
    writer.close()
    writer.close()
    assert read_all(path) == SAMPLES.tobytes()
    if ending in ("wav", "au"):
        reader = Reader(str(path))
        assert reader.format == Format("slin", rate)
        reader.close()


@pytest.mark.parametrize("codec", ["alaw", "mulaw"])
@pytest.mark.parametrize("ending", ["", "wav", "au"])
def test_companded_sound_is_kept_as_it_is(tmp_path: Path, codec: str, ending: str) -> None:
    path = tmp_path / f"x.{ending or codec}"
    data = encode(codec, SAMPLES)
    writer = Writer(str(path), Format(codec))
    writer.write(data)
    writer.close()
    assert read_all(path) == data
    reader = Reader(str(path))
    assert reader.format == Format(codec)
    reader.close()


def test_another_library_opens_the_wav_and_finds_the_samples(tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    writer = Writer(str(path), Format("slin", 16000))
    writer.write(SAMPLES.tobytes())
    writer.close()
    with wave.open(str(path)) as opened:
        assert (opened.getframerate(), opened.getnchannels(), opened.getsampwidth()) == (
            16000,
            1,
            2,
        )
        frames = array("h", struct.unpack("<2000h", opened.readframes(5000)))
    assert frames == SAMPLES


def test_a_wav_of_another_library_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    with wave.open(str(path), "wb") as made:
        made.setparams((2, 2, 44100, 0, "NONE", ""))
        made.writeframes(struct.pack("<2000h", *SAMPLES))
    reader = Reader(str(path))
    assert reader.format == Format("slin", 44100, 2)
    reader.close()
    assert decode("slin", read_all(path)) == SAMPLES


def test_a_wav_whose_writer_was_killed_is_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    writer = Writer(str(path), Format())
    writer.write(SAMPLES.tobytes())
    assert read_all(path) == SAMPLES.tobytes()
    writer.close()


def test_sound_is_appended_and_replaced(tmp_path: Path) -> None:
    path = tmp_path / "x.slin"
    for append, expected in ((False, b"ab"), (True, b"abab"), (False, b"ab")):
        writer = Writer(str(path), None, append)
        writer.write(b"ab")
        writer.close()
        assert path.read_bytes() == expected


def test_rewound_it_begins_again(tmp_path: Path) -> None:
    path = tmp_path / "x.au"
    writer = Writer(str(path), Format())
    writer.write(SAMPLES.tobytes())
    writer.close()
    reader = Reader(str(path))
    first = reader.read(600)
    reader.rewind()
    assert reader.read(600) == first
    reader.close()


AU = struct.pack(">4s5I", b".snd", 24, 0, 3, 8000, 1)


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("x.au", b"", "no .au header"),
        ("x.au", b"RIFF" + AU[4:], "no .au header"),
        ("x.au", AU[:12] + struct.pack(">I", 5) + AU[16:], "encoding 5"),
        ("x.au", AU[:16] + struct.pack(">I", 7) + AU[20:], "at 7 Hz"),
        ("x.au", AU[:20] + struct.pack(">I", 9), "9 channels"),
        ("x.wav", b"RIFF", "no .wav header"),
        ("x.wav", b"RIFF\0\0\0\0WAVE", "without sound"),
        ("x.wav", b"RIFF\0\0\0\0WAVEfmt \4\0\0\0abcd", "cut short"),
        ("x.wav", b"RIFF\0\0\0\0WAVE" + b"junk\0\0\0\0" * 200, "without sound"),
        (
            "x.wav",
            b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0" + struct.pack("<HHIIHH", 1, 1, 8000, 8000, 1, 24),
            "24 bits",
        ),
        (
            "x.wav",
            b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0" + struct.pack("<HHIIHH", 85, 1, 8000, 0, 1, 8),
            "encoding 85",
        ),
    ],
)
def test_an_unusable_file_is_refused_with_the_reason(
    tmp_path: Path, name: str, content: bytes, why: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(SoundError, match=why):
        Reader(str(path))


@pytest.mark.parametrize(
    ("name", "asked", "got"),
    [
        ("x.slin", "slin/16000", "slin/16000"), ("x.raw", "", "slin"), ("x.rec", "", "slin"),
        ("x.rec", "mulaw", "mulaw"), ("x.alaw", "slin/16000", "alaw"),
    ],
)  # fmt: skip
def test_the_format_of_a_file_without_a_header(
    tmp_path: Path, name: str, asked: str, got: str
) -> None:
    writer = Writer(str(tmp_path / name), parse_format(asked))
    writer.close()
    assert writer.fixed and writer.format == parse_format(got)


def test_only_plain_files_are_opened(tmp_path: Path) -> None:
    pipe = tmp_path / "x.slin"
    os.mkfifo(pipe)
    with pytest.raises(SoundError, match="not a plain file"):
        Reader(str(pipe))
    with pytest.raises(SoundError, match="not a plain file"):
        Writer(str(pipe), None)
    with pytest.raises(SoundError, match="No such file"):
        Reader(str(tmp_path / "none.slin"))
    with pytest.raises(SoundError, match="not a plain file"):
        Reader(str(tmp_path))


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    (tmp_path / "x.au").write_bytes(b"nothing")
    before = os.listdir("/proc/self/fd")
    with pytest.raises(SoundError):
        Reader(str(tmp_path / "x.au"))
    Writer(str(tmp_path / "y.wav"), None).close()
    assert os.listdir("/proc/self/fd") == before
