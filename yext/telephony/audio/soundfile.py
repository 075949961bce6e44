"""Reading and writing sound files.

Files without a header are at 8000 Hz: ``.slin`` and ``.raw`` are linear, ``.alaw`` (``.A``) and
``.mulaw`` (``.u``) are G.711, and ``.2slin``, ``.2alaw`` and ``.2mulaw`` have two channels. The
headers of ``.au`` and ``.wav`` name the format (Sun's audio file format; Microsoft's RIFF WAVE with
PCM of 16 bits, A-law or mu-law).

`yext.telephony.audio.readahead` and `yext.telephony.audio.writebehind` read and write in threads.
Files are opened in the engine's own thread: the reply has to say whether that worked.
"""

from __future__ import annotations

import errno
import os
import stat
import struct
from typing import Final, NamedTuple

from yext.errors import SoundError
from yext.telephony.audio.formats import SLIN, Format, big_endian, little_endian, parse_format

FORMATS: Final = {
    ".slin": "slin",
    ".raw": "slin",
    ".alaw": "alaw",
    ".A": "alaw",
    ".mulaw": "mulaw",
    ".u": "mulaw",
    ".2slin": "2*slin",
    ".2alaw": "2*alaw",
    ".2mulaw": "2*mulaw",
}
"""The formats of files without a header, by the end of the file name."""

_AU: Final = struct.Struct(">4s5I")
_AU_CODES: Final = {1: "mulaw", 3: "slin", 27: "alaw"}
_WAV: Final = struct.Struct("<HHIIHH")
_WAV_CODES: Final = {1: "slin", 6: "alaw", 7: "mulaw"}
_WAV_EXTENSIBLE: Final = 0xFFFE
_WAV_HEADER: Final = 44
_MOST_CHUNKS: Final = 64
_UNKNOWN: Final = 0xFFFFFFFF


class Header(NamedTuple):
    """The format of a file, and the places where its sound begins and ends, in bytes."""

    format: Format
    start: int
    end: int


def _ending(path: str) -> str:
    return "." + path.rpartition(".")[2]


def _open(path: str, flags: int) -> int:
    """Open a plain file.

    Raises:
        SoundError: it cannot be opened or is not a plain file.
    """
    try:
        # Without O_NONBLOCK, opening a pipe would block the engine. What is recorded is private,
        # as in Yate.
        descriptor = os.open(path, flags | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)
    except OSError as error:
        # ENXIO: a pipe that nobody reads, or a socket.
        why = "not a plain file" if error.errno == errno.ENXIO else error.strerror
        raise SoundError(f"{path}: {why}") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise SoundError(f"{path}: not a plain file")
    return descriptor


class Reader:
    """A sound file that is read.

    Args:
        path: the file, which is opened.

    Attributes:
        format: the format of its sound.

    Raises:
        SoundError: the file cannot be read, or its format is not supported.
    """

    def __init__(self, path: str) -> None:
        self._descriptor = _open(path, os.O_RDONLY)
        try:
            header = _header(self._descriptor, path)
        except SoundError:
            os.close(self._descriptor)
            raise
        except OSError as error:
            os.close(self._descriptor)
            raise SoundError(f"{path}: {error.strerror}") from error
        self.format, self._start, self._end = header
        self._at = self._start
        self._ready = b""
        self._big = _ending(path) == ".au" and self.format.codec == "slin"
        self._little = _ending(path) == ".wav" and self.format.codec == "slin"

    def read(self, size: int) -> bytes:
        """Return the next `size` bytes of sound, fewer at the end.

        Linear sound is in the machine's byte order.
        """
        if len(self._ready) < size:
            second = self.format.rate * self.format.sample_bytes
            more = os.pread(self._descriptor, min(second + size, self._end - self._at), self._at)
            self._at += len(more)
            if self._big:
                more = big_endian(more)
            elif self._little:
                more = little_endian(more)
            self._ready += more
        data, self._ready = self._ready[:size], self._ready[size:]
        return data

    def rewind(self) -> None:
        """Return to the start of the sound."""
        self._at, self._ready = self._start, b""

    def close(self) -> None:
        """Close the file, unless it is closed already."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _header(descriptor: int, path: str) -> Header:
    size = os.fstat(descriptor).st_size
    ending = _ending(path)
    if ending == ".au":
        return _au_header(descriptor, path, size)
    if ending == ".wav":
        return _wav_header(descriptor, path, size)
    # As in Yate, a file without a known ending is linear.
    return Header(parse_format(FORMATS.get(ending, "slin")) or SLIN, 0, size)


def _carried(path: str, codec: str | None, code: int, rate: int, channels: int) -> Format:
    found = parse_format(f"{channels}*{codec}/{rate}") if codec else None
    if found is None:
        raise SoundError(f"{path}: encoding {code} at {rate} Hz, {channels} channels: not known")
    return found


def _au_header(descriptor: int, path: str, size: int) -> Header:
    head = os.pread(descriptor, _AU.size, 0)
    if len(head) < _AU.size or not head.startswith(b".snd"):
        raise SoundError(f"{path}: no .au header")
    _, start, length, code, rate, channels = _AU.unpack(head)
    format = _carried(path, _AU_CODES.get(code), code, rate, channels)
    end = size if length in (0, _UNKNOWN) else min(size, start + length)
    return Header(format, start, max(start, end))  # The sound may begin after the file's end.


def _wav_header(descriptor: int, path: str, size: int) -> Header:
    head = os.pread(descriptor, 12, 0)
    if head[:4] != b"RIFF" or head[8:] != b"WAVE":
        raise SoundError(f"{path}: no .wav header")
    format: Format | None = None
    at = 12
    for _ in range(_MOST_CHUNKS):
        chunk = os.pread(descriptor, 8, at)
        if len(chunk) < 8:
            break
        length = int.from_bytes(chunk[4:], "little")
        if chunk[:4] == b"fmt ":
            format = _wav_format(os.pread(descriptor, min(length, 64), at + 8), path)
        elif chunk[:4] == b"data" and format is not None:
            # A writer that was killed leaves a length of 0 or of all ones.
            end = size if length in (0, _UNKNOWN) else min(size, at + 8 + length)
            return Header(format, at + 8, end)
        at += 8 + length + (length & 1)
    raise SoundError(f"{path}: a .wav file without sound")


def _wav_format(chunk: bytes, path: str) -> Format:
    if len(chunk) < _WAV.size:
        raise SoundError(f"{path}: a .wav header that is cut short")
    code, channels, rate, _, _, bits = _WAV.unpack_from(chunk)
    if code == _WAV_EXTENSIBLE and len(chunk) >= 26:
        (code,) = struct.unpack_from("<H", chunk, 24)
    if bits != (16 if code == 1 else 8):
        raise SoundError(f"{path}: {bits} bits a sample: 16 are known, 8 for A-law and mu-law")
    return _carried(path, _WAV_CODES.get(code), code, rate, channels)


class Writer:
    """A sound file that is written.

    Args:
        path: the file, which is opened.
        format: the format of the sound, if the file's name does not determine it.
        append: whether the sound is added to a file without a header.

    Attributes:
        format: the format of the sound that is written.
        fixed: whether the format is determined; otherwise the first sound determines it.
        written: the number of bytes of sound written.

    Raises:
        SoundError: the file cannot be written.
    """

    def __init__(self, path: str, format: Format | None, append: bool = False) -> None:
        self._ending = _ending(path)
        named = FORMATS.get(self._ending, "slin")
        self._headed = self._ending not in (".au", ".wav")
        self.fixed = self._headed or format is not None
        # A linear file may have any rate, which only the message names.
        self.format = (format if named == "slin" else parse_format(named)) or SLIN
        self.written = 0
        append = append and self._headed
        flags = os.O_WRONLY | os.O_CREAT | (os.O_APPEND if append else os.O_TRUNC)
        self._descriptor = _open(path, flags)

    def write(self, data: bytes) -> None:
        """Write sound; linear sound is in the machine's byte order.

        Raises:
            OSError: the system refused, for example on a full disk.
        """
        if not self._headed:
            self._headed = True
            os.write(self._descriptor, self._header(0))
        if self.format.codec == "slin" and self._ending == ".au":
            data = big_endian(data)
        elif self.format.codec == "slin" and self._ending == ".wav":
            data = little_endian(data)
        os.write(self._descriptor, data)
        self.written += len(data)

    def _header(self, length: int) -> bytes:
        codec, rate, channels = self.format
        if self._ending == ".au":
            code = next(key for key, name in _AU_CODES.items() if name == codec)
            return _AU.pack(b".snd", _AU.size, length or _UNKNOWN, code, rate, channels)
        code = next(key for key, name in _WAV_CODES.items() if name == codec)
        moment = self.format.sample_bytes
        bits = 8 * moment // channels
        chunk = _WAV.pack(code, channels, rate, rate * moment, moment, bits)
        return (
            b"RIFF" + struct.pack("<I", _WAV_HEADER - 8 + length) + b"WAVEfmt "
            + struct.pack("<I", _WAV.size) + chunk + b"data" + struct.pack("<I", length)
        )  # fmt: skip

    def close(self) -> None:
        """Complete the header and close the file, unless it is closed already."""
        if self._descriptor < 0:
            return
        try:
            if self._ending in (".au", ".wav"):
                length = min(self.written, _UNKNOWN - _WAV_HEADER)
                os.pwrite(self._descriptor, self._header(length), 0)
        finally:
            os.close(self._descriptor)
            self._descriptor = -1
