"""Audio formats and the conversion between them.

Linear audio ("slin") has signed samples of 16 bits in the machine's byte order; A-law and mu-law
are those of ITU-T G.711. Formats have Yate's names: ``slin``, ``alaw``, ``mulaw``, with ``/RATE``
for a rate other than 8000 Hz, and ``2*`` at the start for two channels.
"""

from __future__ import annotations

import re
import sys
from array import array
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from yext.errors import SoundError

if TYPE_CHECKING:
    from collections.abc import Iterable

FRAMES_PER_SECOND: Final = 50

RATES: Final = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
"""The supported sampling rates, in Hz."""

_NAME: Final = re.compile(r"(?:([12])\*)?(slin|alaw|mulaw)(?:/([0-9]{1,6}))?")
_WIDTHS: Final = {"slin": 2, "alaw": 1, "mulaw": 1}


class Format(NamedTuple):
    """An audio format.

    Attributes:
        codec: ``slin``, ``alaw`` or ``mulaw``.
        rate: samples a second.
        channels: 1 or 2.
    """

    codec: str = "slin"
    rate: int = 8000
    channels: int = 1

    @property
    def sample_bytes(self) -> int:
        """The size of one sample of all channels, in bytes."""
        return _WIDTHS[self.codec] * self.channels

    @property
    def name(self) -> str:
        """The name of the format in Yate."""
        channels = f"{self.channels}*" if self.channels > 1 else ""
        rate = f"/{self.rate}" if self.rate != 8000 else ""
        return f"{channels}{self.codec}{rate}"

    def frame_bytes(self, number: int) -> int:
        """Return the size in bytes of frame `number`, counted from 0.

        If the rate is not a multiple of 50 (11025 Hz), the sizes differ by one sample.
        """
        samples = self.rate * (number + 1) // FRAMES_PER_SECOND
        samples -= self.rate * number // FRAMES_PER_SECOND
        return samples * self.sample_bytes

    def silence(self) -> bytes:
        """Return one silent sample of all channels."""
        return {"slin": b"\0\0", "alaw": b"\xd5", "mulaw": b"\xff"}[self.codec] * self.channels


SLIN: Final = Format()
"""The format of calls, unless another one is agreed."""


def parse_format(name: str) -> Format | None:
    """Return the format called `name`, None if there is none."""
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    rate = int(found[3] or 8000)
    return Format(found[2], rate, int(found[1] or 1)) if rate in RATES else None


# ITU-T G.711


def _alaw_sample(byte: int) -> int:
    byte ^= 0x55
    exponent, mantissa = byte >> 4 & 7, byte & 15
    size = mantissa * 16 + 8 if not exponent else (mantissa * 16 + 264) << (exponent - 1)
    return size if byte & 0x80 else -size


def _mulaw_sample(byte: int) -> int:
    byte ^= 0xFF
    exponent, mantissa = byte >> 4 & 7, byte & 15
    size = ((mantissa * 8 + 132) << exponent) - 132
    return -size if byte & 0x80 else size


_SAMPLES: Final = {"alaw": _alaw_sample, "mulaw": _mulaw_sample}


@cache
def decoding_table(codec: str) -> array[int]:
    """Return the linear samples of the 256 code words."""
    return array("h", map(_SAMPLES[codec], range(256)))


@cache
def encoding_table(codec: str) -> bytes:
    """Return the code words of all linear samples, indexed by a sample as an unsigned number.

    A sample gets the word whose own sample is nearest. The word of mu-law for minus zero is decoded
    but never made.
    """
    words = {sample: word for word, sample in enumerate(decoding_table(codec))}
    if codec == "mulaw":
        words[0] = 0xFF
    samples = sorted(words)
    table = bytearray(65536)
    low = -32768
    for sample, following in zip(samples, [*samples[1:], 32767 * 2 + 1], strict=True):
        # A sample half way between two gets the word of the one farther from zero, as in G.711.
        middle = sample + following
        high = min(32767, middle // 2 if sample < 0 else (middle - 1) // 2)
        for value in range(low, high + 1):
            table[value & 0xFFFF] = words[sample]
        low = high + 1
    return bytes(table)


def decode(codec: str, data: bytes) -> array[int]:
    """Return the linear samples of `data`."""
    if codec == "slin":
        samples = array("h")
        samples.frombytes(data[: len(data) & ~1])
        return samples
    return array("h", map(decoding_table(codec).__getitem__, data))


def encode(codec: str, samples: Iterable[int]) -> bytes:
    """Return `samples` as bytes of that codec."""
    if codec == "slin":
        return array("h", samples).tobytes()
    table = encoding_table(codec)
    return bytes([table[sample & 0xFFFF] for sample in samples])


def swapped(data: bytes) -> bytes:
    """Exchange the two bytes of each sample of linear audio."""
    samples = decode("slin", data)
    samples.byteswap()
    return samples.tobytes()


def big_endian(data: bytes) -> bytes:
    """Convert linear audio between the machine's byte order and big-endian, either way."""
    return swapped(data) if sys.byteorder == "little" else data


def little_endian(data: bytes) -> bytes:
    """Convert linear audio between the machine's byte order and little-endian, either way."""
    return data if sys.byteorder == "little" else swapped(data)


# Conversion


class Conversion:
    """Converts a stream of frames from one format to another.

    Rates are changed by libsoxr, whose filter returns nothing at first and then more than a frame
    at a time. Its output is kept until it fills whole frames, for at most `_DELAY` frames.

    Args:
        given: the format of the frames.
        wanted: the format to convert them to.

    Raises:
        SoundError: the rates differ and soxr is not installed.
    """

    def __init__(self, given: Format, wanted: Format) -> None:
        self._given = given
        self._wanted = wanted
        self._resample = _resampler(given.rate, wanted.rate)
        self._waiting = b""
        self._taken = 0

    def convert(self, data: bytes) -> bytes:
        """Return a frame that lasts as long as `data`; it is empty while the filter fills."""
        samples = decode(self._given.codec, data)
        if self._given.channels == 2:
            samples = _mono(samples)
        if self._resample is None:
            return self._encode(samples)
        self._waiting += self._encode(self._resample(samples, False))
        self._taken += 1
        if self._taken <= _DELAY:
            return b""
        size = self._wanted.frame_bytes(self._taken - _DELAY - 1)
        made, self._waiting = self._waiting[:size], self._waiting[size:]
        return made

    def rest(self) -> bytes:
        """Return the audio that the filter still holds at the end of the stream."""
        if self._resample is None:
            return b""
        made = self._waiting + self._encode(self._resample(array("h"), True))
        self._waiting = b""
        return made

    def _encode(self, samples: array[int]) -> bytes:
        return encode(
            self._wanted.codec, _stereo(samples) if self._wanted.channels == 2 else samples
        )


_DELAY: Final = 4
"""The delay of a changed rate in frames: as much as the filter of quality LQ returns at once."""


def conversion(given: Format, wanted: Format) -> Conversion | None:
    """Return a conversion from `given` to `wanted`, None if they are the same."""
    return None if given == wanted else Conversion(given, wanted)


def _mono(samples: array[int]) -> array[int]:
    left, right = samples[0::2], samples[1::2]
    return array("h", [(a + b) >> 1 for a, b in zip(left, right, strict=True)])


def _stereo(samples: array[int]) -> array[int]:
    both = array("h", bytes(4 * len(samples)))
    both[0::2] = both[1::2] = samples
    return both


def _resampler(given: int, wanted: int) -> Callable[[array[int], bool], array[int]] | None:
    if given == wanted:
        return None
    # Loaded with the first call that needs it: numpy costs a tenth of a second.
    try:
        import numpy
        import soxr
    except ImportError as error:
        raise SoundError(
            f"changing audio from {given} to {wanted} Hz needs the package soxr:"
            " pip install 'yate-yext[audio]'"
        ) from error

    stream: Any = soxr.ResampleStream(given, wanted, 1, dtype="int16", quality="LQ")

    def resample(samples: array[int], last: bool) -> array[int]:
        chunk = numpy.frombuffer(samples.tobytes(), dtype=numpy.int16)
        return array("h", stream.resample_chunk(chunk, last=last).tobytes())

    return resample
