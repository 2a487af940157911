"""Sound in and out of tensors: reading it from files, and bringing any of it into one usable form.

Axes: C channels, N samples.
"""

from dataclasses import dataclass
from fractions import Fraction
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError, MediaError

__all__ = ["Sound", "read_sound"]


@dataclass(frozen=True, kw_only=True)
class Sound:
    """Samples of any rate and number of channels.

    Raises:
        InputError: no samples, or a rate that is not positive.
    """

    samples: Tensor  # (C N) float, full scale is 1
    rate: int  # samples a second

    def __post_init__(self) -> None:
        if self.samples.ndim != 2 or 0 in self.samples.shape:
            raise InputError(f"A sound needs samples (channels, N); found {tuple(self.samples.shape)}.")
        if self.rate <= 0:
            raise InputError(f"A sound's rate must be above 0 samples a second; found {self.rate}.")

    @property
    def seconds(self) -> float:
        return self.samples.shape[1] / self.rate

    def cleaned(self) -> "Sound":
        """Float32 on the CPU, what is no number silent, what is beyond full scale clipped."""
        samples = self.samples.detach().cpu().float()
        return Sound(samples=torch.nan_to_num(samples, 0.0, 1.0, -1.0).clamp(-1, 1), rate=self.rate)

    def mono(self, rate: int) -> np.ndarray:
        """(n) float32 at ``rate``: the mean of the channels, resampled (band-limited) where it has another rate."""
        import librosa

        samples = self.cleaned().samples.mean(0).numpy()
        if rate == self.rate:
            return samples
        return librosa.resample(samples, orig_sr=self.rate, target_sr=rate)

    def resampled(self, rate: int) -> "Sound":
        """The same sound at another rate."""
        import librosa

        if rate == self.rate:
            return self
        samples = librosa.resample(self.cleaned().samples.numpy(), orig_sr=self.rate, target_sr=rate)
        return Sound(samples=torch.from_numpy(samples), rate=rate)


def read_sound(source: str | Path | BytesIO) -> Sound | None:
    """The first sound track of a sound or video file, from where the video begins; none where it has none.

    Its length is what the file's packets say, to one sample: a decoder gives whole blocks, the last one filled up.

    Raises:
        MediaError: the file cannot be read.
    """
    import av
    from av.error import FFmpegError

    if isinstance(source, BytesIO):
        source.seek(0)
    parts: list[np.ndarray] = []
    first: Fraction | None = None
    end = Fraction(0)
    try:
        with av.open(str(source) if isinstance(source, Path) else source, metadata_errors="replace") as container:
            if not container.streams.audio:
                return None
            stream = container.streams.audio[0]
            resampler = av.AudioResampler(format="fltp")  # planar float; rate and layout stay
            for packet in container.demux(stream):
                if packet.pts is not None and packet.duration:
                    end = max(end, (packet.pts + packet.duration) * packet.time_base)
                for frame in packet.decode():
                    if first is None and frame.pts is not None:
                        first = frame.pts * frame.time_base
                    parts += [part.to_ndarray() for part in resampler.resample(frame)]
            rate = stream.rate
            start = Fraction(0)
            if container.streams.video and container.streams.video[0].start_time is not None:
                start = container.streams.video[0].start_time * container.streams.video[0].time_base
    except (FFmpegError, OSError, ValueError) as error:  # ValueError: the form changes in the middle
        raise MediaError(f"The sound of {source} cannot be read: {error}") from error
    if not parts:
        return None
    samples = np.concatenate(parts, axis=1)
    late = round(((first or Fraction(0)) - start) * rate)
    samples = np.pad(samples, ((0, 0), (late, 0))) if late > 0 else samples[:, -late:]
    length = round((end - start) * rate)
    return Sound(samples=torch.from_numpy(samples[:, :length] if 0 < length < samples.shape[1] else samples), rate=rate)
