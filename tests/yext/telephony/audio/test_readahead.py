"""Reading ahead: the same samples as without, in rounds, and no wait for a disk that is late."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from yext.telephony.audio import readahead
from yext.telephony.audio.readahead import ReadAhead
from yext.telephony.audio.soundfile import Reader

FRAME = 320


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "x.slin"


def frames(sound: ReadAhead, most: int) -> list[bytes]:
    found: list[bytes] = []
    while len(found) < most:
        data = sound.read(FRAME)
        if data is None:
            continue  # The thread has not been there yet.
        found.append(data)
        if not data:
            break
    return found


def content(length: int) -> bytes:
    return bytes(number * 7 % 251 for number in range(length))


@pytest.mark.parametrize("length", [0, 2, FRAME, FRAME + 2, 16000, 16002, 32000, 50 * FRAME + 100])
def test_the_samples_are_those_of_the_file(file: Path, length: int) -> None:
    file.write_bytes(content(length))
    sound = ReadAhead(Reader(str(file)), repeat=False)
    found = frames(sound, 10_000)
    assert b"".join(found) == content(length)
    assert all(len(one) == FRAME for one in found[:-2])
    assert sound.read(FRAME) == b""
    sound.close()


@pytest.mark.parametrize("length", [2, FRAME, FRAME + 2, 16000, 16002])
def test_each_round_begins_at_the_start(file: Path, length: int) -> None:
    file.write_bytes(content(length))
    sound = ReadAhead(Reader(str(file)), repeat=True)
    once = [content(length)[at : at + FRAME] for at in range(0, length, FRAME)]
    assert frames(sound, 3 * len(once)) == 3 * once
    sound.close()


def test_an_empty_file_ends_even_if_it_is_repeated(file: Path) -> None:
    file.write_bytes(b"")
    sound = ReadAhead(Reader(str(file)), repeat=True)
    assert frames(sound, 1) == [b""]
    sound.close()


def test_a_disk_that_is_late_is_not_waited_for(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_bytes(content(64000))
    reader = Reader(str(file))
    first, later, read = threading.Event(), threading.Event(), reader.read
    turns = iter([first, later])

    def slow(size: int) -> bytes:
        assert threading.current_thread() is not threading.main_thread()
        next(turns, later).wait()
        return read(size)

    monkeypatch.setattr(reader, "read", slow)
    monkeypatch.setattr(readahead, "_PATIENCE", 0.0)
    sound = ReadAhead(reader, repeat=False)
    assert sound.read(FRAME) is None
    first.set()
    assert b"".join(frames(sound, 50)) == content(16000)
    assert sound.read(FRAME) is None
    monkeypatch.setattr(readahead, "_PATIENCE", 30.0)
    later.set()
    assert b"".join(frames(sound, 10_000)) == content(64000)[16000:]
    sound.close()


def test_a_disk_error_is_raised(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_bytes(content(64000))
    reader = Reader(str(file))

    def broken(size: int) -> bytes:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(reader, "read", broken)
    sound = ReadAhead(reader, repeat=False)
    with pytest.raises(OSError, match="Input/output"):
        while sound.read(FRAME) is None:
            pass  # The thread has not been there yet.
    sound.close()
