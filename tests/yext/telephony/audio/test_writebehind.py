"""Writing behind: the same file as without, in order, and no wait for a disk that is late."""

import errno
import threading
from pathlib import Path

import pytest

from yext.telephony.audio import writebehind
from yext.telephony.audio.soundfile import Reader, Writer
from yext.telephony.audio.writebehind import WriteBehind

FRAME = 320


def frames(count: int) -> list[bytes]:
    return [bytes(number * 7 % 251 for number in range(at, at + FRAME)) for at in range(count)]


@pytest.mark.parametrize("name", ["x.slin", "x.au", "x.wav"])
@pytest.mark.parametrize("count", [0, 1, 500])
def test_the_file_has_the_sound_when_it_is_closed(tmp_path: Path, name: str, count: int) -> None:
    file = WriteBehind(Writer(str(tmp_path / name), None))
    for frame in frames(count):
        file.write(frame)
    file.close()
    file.close()
    if count or name == "x.slin":
        reader = Reader(str(tmp_path / name))
        assert reader.read(10**6) == b"".join(frames(count))
        reader.close()


class Hanging(Writer):
    """A file on a disk that takes nothing until it is `released`."""

    def __init__(self, path: Path) -> None:
        super().__init__(str(path), None)
        self.released = threading.Event()
        self.closed = threading.Event()

    def write(self, data: bytes) -> None:
        self.released.wait()
        super().write(data)

    def close(self) -> None:
        super().close()
        self.closed.set()


def test_a_disk_that_hangs_holds_nothing_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writebehind, "_PATIENCE", 0.0)
    disk = Hanging(tmp_path / "x.slin")
    file = WriteBehind(disk)
    for frame in frames(100):
        file.write(frame)
    file.close()
    assert (tmp_path / "x.slin").read_bytes() == b""
    disk.released.set()
    assert disk.closed.wait(20)
    assert (tmp_path / "x.slin").read_bytes() == b"".join(frames(100))


def test_more_than_ten_seconds_of_sound_do_not_wait(tmp_path: Path) -> None:
    disk = Hanging(tmp_path / "x.slin")
    file = WriteBehind(disk)
    second = bytes(16000)
    with pytest.raises(OSError, match="taken nothing for 10 s"):
        for _ in range(13):
            file.write(second)
    disk.released.set()
    file.close()


def test_an_error_of_the_disk_is_raised_by_the_next_write(tmp_path: Path) -> None:
    class Full(Writer):
        failed = threading.Event()

        def write(self, data: bytes) -> None:
            try:
                raise OSError(errno.ENOSPC, "No space left on device")
            finally:
                self.failed.set()

    file = WriteBehind(Full(str(tmp_path / "x.slin"), None))
    file.write(b"ab")
    assert Full.failed.wait(20)
    with pytest.raises(OSError, match="No space left on device"):
        file.close()
    file = WriteBehind(Full(str(tmp_path / "y.slin"), None))
    with pytest.raises(OSError, match="No space left on device"):
        for _ in range(10**6):
            file.write(b"ab")
    with pytest.raises(OSError, match="No space left on device"):
        file.close()
