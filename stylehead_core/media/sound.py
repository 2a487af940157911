"""Sound as tensors: read from files, mixed down, resampled.

Axes: C channels, N samples.
"""

import logging
import math
import mmap
import tempfile
import weakref
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError, MediaError
from .decoding import Source, StreamDecoder, find_stream, is_cover, name_source, open_media

__all__ = ["BLOCK_SAMPLES", "ChannelSamples", "MonoSamples", "Sound", "read_sound"]

AV_SECOND = 1_000_000  # of PyAV, in which a container tells its length
JITTER = 0.03  # seconds: times that wander less are rounded, not a gap
LONGEST_GAP = 60  # seconds of silence that are believed where a file does not say how long it is
EMPTY = np.zeros((1, 0), np.float32)
CANCELLED = 0.3  # mean of the channels, in parts of what unrelated channels would give: below it they are in anti-phase
REACH = 0.25  # seconds beyond a slice that is resampled: more than the filter hears
BLOCK_SAMPLES = 1 << 18  # samples of a channel that are held at once
MOST_IN_MEMORY = 1 << 24  # bytes of decoded sound, 44 s of 48 kHz stereo; what is longer lies in a temporary file

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Sound:
    """Samples of any rate and number of channels.

    Raises:
        InputError: no samples, or a rate that is not positive.
    """

    samples: Tensor  # (C N) float, full scale is 1; those of a long file are mapped from a temporary file
    rate: int  # samples a second
    mapping: mmap.mmap | None = field(default=None, repr=False, compare=False)  # of that file

    def __post_init__(self) -> None:
        if self.samples.ndim != 2 or 0 in self.samples.shape:
            raise InputError(f"A sound needs samples (channels, N); found {tuple(self.samples.shape)}.")
        if self.rate <= 0:
            raise InputError(f"A sound's rate must be above 0 samples a second; found {self.rate}.")

    @property
    def seconds(self) -> float:
        return self.samples.shape[1] / self.rate

    def cleaned(self) -> "Sound":
        """The same sound as float32 on the CPU: NaN becomes silence, and what is beyond full scale is clipped."""
        samples = self.samples.detach().cpu().float()
        return Sound(samples=torch.nan_to_num(samples, 0.0, 1.0, -1.0).clamp_(-1, 1), rate=self.rate)

    def cut(self, first: int, last: int) -> "Sound":
        """The samples ``first`` to ``last``, without copying them.

        Raises:
            InputError: there are none.
        """
        return replace(self, samples=self.samples[:, first:last])

    def read(self, first: int, last: int) -> Tensor:
        """(C n) float32: a cleaned copy of the samples ``first`` to ``last``.

        Pages of a mapped file are let go, so that a long sound that is read in slices takes no memory.
        """
        if last <= first:
            return torch.zeros(len(self.samples), 0)
        samples = replace(self.cut(first, last), samples=self.samples[:, first:last].contiguous()).cleaned().samples
        if self.mapping is not None and hasattr(mmap, "MADV_DONTNEED"):  # Windows lets go what it needs by itself
            self.mapping.madvise(mmap.MADV_DONTNEED)
        return samples

    def mono(self, rate: int) -> np.ndarray:
        """(n) float32 at ``rate``: the channels mixed, resampled (band-limited) where it has another rate."""
        return MonoSamples(self, rate)[:]

    def resampled(self, rate: int) -> "Sound":
        """The same sound at another rate."""
        import librosa

        if rate == self.rate:
            return self
        samples = librosa.resample(self.cleaned().samples.numpy(), orig_sr=self.rate, target_sr=rate)
        return Sound(samples=torch.from_numpy(samples), rate=rate)


class ChannelSamples:
    """The channels of a sound at another rate, computed where a slice of it is read: the whole is never held.

    A slice is, to 1e-5, that of the whole sound resampled at once: what is resampled reaches ``REACH`` seconds beyond
    it.
    """

    def __init__(self, sound: Sound, rate: int) -> None:
        self.sound, self.rate = sound, rate
        self._ratio = Fraction(rate, sound.rate)

    def __len__(self) -> int:
        return math.ceil(self.sound.samples.shape[1] * self._ratio)

    def __getitem__(self, part: slice) -> np.ndarray:
        """(C n) float32; the slice is as of an array of one dimension, without a step."""
        import librosa

        first, last, _ = part.indices(len(self))
        if self._ratio == 1 or last <= first:
            return self._source(first, max(first, last))
        # A slice of the source begins where a sample of the result does, so that all are at the same phase.
        step = self._ratio.numerator
        begin = max(first - math.ceil(REACH * self.rate), 0) // step * step
        end = math.ceil((last + REACH * self.rate) / self._ratio)
        source = self._source(int(begin / self._ratio), min(end, self.sound.samples.shape[1]))
        resampled = librosa.resample(source, orig_sr=self.sound.rate, target_sr=self.rate)
        return resampled[..., first - begin : last - begin]

    def _source(self, first: int, last: int) -> np.ndarray:
        """(C n) float32 at the sound's own rate."""
        return self.sound.read(first, last).numpy()


class MonoSamples(ChannelSamples):
    """One channel of a sound at another rate: its slices are (n).

    The channels are mixed to their mean; where they cancel out (anti-phase stereo) the strongest one of the whole sound
    is taken.
    """

    def __init__(self, sound: Sound, rate: int) -> None:
        super().__init__(sound, rate)
        self._channel = _strongest_of_cancelled(sound)

    def _source(self, first: int, last: int) -> np.ndarray:
        """(n) float32 at the sound's own rate."""
        part = self.sound.read(first, last)
        return (part.mean(0) if self._channel is None else part[self._channel]).numpy()


def _strongest_of_cancelled(sound: Sound) -> int | None:
    """The channel with most power, where their mean has far less than unrelated channels would give; else None."""
    channels, count = sound.samples.shape
    if channels == 1:
        return None
    power, mixed = torch.zeros(channels, dtype=torch.float64), torch.zeros((), dtype=torch.float64)
    for first in range(0, count, BLOCK_SAMPLES):
        part = sound.read(first, min(first + BLOCK_SAMPLES, count))
        power += part.square().sum(1, dtype=torch.float64)
        mixed += part.mean(0).square().sum(dtype=torch.float64)
    unrelated = power.sum().sqrt() / channels
    return int(power.argmax()) if mixed.sqrt() < CANCELLED * unrelated else None


def read_sound(source: Source) -> Sound | None:
    """The first sound track that has a decoder, on the clock of the picture; None where there is none.

    Its first sample is heard together with the first video frame that can be decoded, or is the first one of a file
    without video. What is missing in between (lost or damaged packets) is silent, so that all that follows stays in
    step. Its length is what the file's packets say, to one sample: a decoder gives whole blocks, the last filled up.
    Beyond ``MOST_IN_MEMORY`` the samples lie in an anonymous temporary file, and ``Sound.read`` gives slices of them.

    Raises:
        MediaError: the file cannot be read, or the temporary one not be written.
    """
    origin = _first_frame_time(source)
    with open_media(source) as container:
        stream = find_stream(container, "audio")
        if stream is None:
            if container.streams.audio:
                log.warning(
                    "%s: its sound is in a format that has no decoder here, and is left out.", name_source(source)
                )
            return None
        duration = None if container.duration is None else Fraction(container.duration, AV_SECOND)
        decoder = StreamDecoder(container, stream, source)
        line = None
        try:
            for frame in decoder:
                if line is None:
                    line = _TimeLine(frame.sample_rate, frame.layout.name, origin, duration)
                line.add(frame)
        except ValueError as error:
            raise MediaError(f"The sound of {name_source(source)} cannot be read: {error}.") from error
    if line is None or not line.length:
        return None
    if decoder.lost:
        log.warning("%s: %d packets of its sound are damaged, and silent.", name_source(source), decoder.lost)
    length = round((decoder.end - line.origin) * line.rate)
    sound = line.store.sound(line.rate)
    return sound.cut(0, length) if 0 < length < line.length else sound


class _Store:
    """Collects blocks of samples (C n): in memory, and from ``MOST_IN_MEMORY`` on in an anonymous temporary file."""

    def __init__(self) -> None:
        self.length = 0  # samples so far
        self._parts: list[np.ndarray] = []
        self._bytes = 0  # of them
        self._file: Any = None  # (N C) float32

    def add(self, samples: np.ndarray) -> None:
        self.length += samples.shape[1]
        self._parts.append(samples)
        self._bytes += samples.nbytes
        if self._bytes > MOST_IN_MEMORY or self._file is not None:
            self._write()

    def sound(self, rate: int) -> Sound:
        """All that was collected."""
        if self._file is None:
            return Sound(samples=torch.from_numpy(np.concatenate(self._parts, axis=1)), rate=rate)
        mapping = mmap.mmap(self._file.fileno(), 0)
        self._file.close()  # the mapping has it open
        samples = torch.from_numpy(np.frombuffer(mapping, np.float32).reshape(self.length, -1))
        return Sound(samples=samples.T, rate=rate, mapping=mapping)

    def _write(self) -> None:
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115  (closed by the next line)
                weakref.finalize(self, self._file.close)
            for part in self._parts:
                content = part.T.astype(np.float32).tobytes()
                if self._file.write(content) < len(content):
                    raise OSError("there was room for a part of it")
        except OSError as error:
            raise MediaError(
                f"The sound is long, and cannot be kept in {tempfile.gettempdir()}: {error}. Is the disk full, or "
                "locked?"
            ) from error
        self._parts, self._bytes = [], 0


class _TimeLine:
    """Puts decoded blocks of sound where their times say: silence in gaps, and nothing twice."""

    def __init__(self, rate: int, layout: str, origin: Fraction | None, duration: Fraction | None) -> None:
        import av

        self.rate, self.layout, self.duration = rate, layout, duration
        self.origin = Fraction(0) if origin is None else origin  # seconds, of sample 0
        self._from_first_block = origin is None
        self._resampler_class = av.AudioResampler
        self._resampler, self._form = None, None
        self.store = _Store()

    @property
    def length(self) -> int:
        """Samples so far."""
        return self.store.length

    def add(self, frame: Any) -> None:
        """Add one decoded frame; a file may change rate, channels and format on the way."""
        time = None if frame.pts is None else Fraction(frame.pts) * frame.time_base
        form = frame.sample_rate, frame.layout.name, frame.format.name
        if form != self._form:
            self._resampler = self._resampler_class(format="fltp", layout=self.layout, rate=self.rate)
            self._form = form
        assert self._resampler is not None
        samples = np.concatenate([part.to_ndarray() for part in self._resampler.resample(frame)] or [EMPTY], axis=1)
        if not samples.shape[1]:
            return
        if self._from_first_block and time is not None and not self.length:
            self.origin = time
        if time is not None:
            samples = self._in_place(samples, time)
        if samples.shape[1]:
            self.store.add(samples)

    def _in_place(self, samples: np.ndarray, time: Fraction) -> np.ndarray:
        """Fill the gap before a block with silence, or cut from it what is there already."""
        gap = round((time - self.origin) * self.rate) - self.length
        if self.length and abs(gap) < JITTER * self.rate:
            return samples
        if gap > 0 and self._is_possible(time):
            self.store.add(np.zeros((len(samples), gap), np.float32))
        return samples[:, -gap:] if gap < 0 else samples

    def _is_possible(self, time: Fraction) -> bool:
        """Whether a block may begin here; a damaged time would be filled up with hours of silence."""
        end = Fraction(self.length, self.rate) + LONGEST_GAP if self.duration is None else self.duration + 1
        return time - self.origin < end


def _first_frame_time(source: Source) -> Fraction | None:
    """Seconds at which the first video frame is shown that can be decoded; None without video."""
    with open_media(source) as container:
        stream = find_stream(container, "video")
        if stream is None or is_cover(stream):
            return None
        try:
            for frame in StreamDecoder(container, stream, source):
                return None if frame.pts is None else Fraction(frame.pts) * frame.time_base
        except MediaError:  # its sound may be whole all the same
            pass
        return None
