"""Real speech with the face that was tracked beside it: read from a folder, and varied into other speakers.

Axes: T frames, K coefficients of the ``arkit`` space.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError
from ..media.sound import Sound, read_sound
from ..ops.mel import RATE
from ..ops.smoothing import fill_gaps
from ..spaces import ARKIT
from ..synthetic.speech.damage import damage
from ..synthetic.speech.reshape import reshape_voice

__all__ = ["SpeechPair", "find_pairs", "read_pair", "split_pairs", "vary_pairs"]

HELD_OUT_SHARE = 0.2  # share of a folder's pairs, the last ones by name, from which nothing is learnt
REST_QUANTILE = 0.05  # quantile of a clip that counts as the coefficient of the mouth at rest
# Another speaker's, relative to those of the recorded one.
PITCH_RATIOS, FORMANT_RATIOS, SPEED_RATIOS = (0.7, 2.1), (0.88, 1.28), (0.85, 1.2)
FORMANTS_FOLLOW_PITCH = 0.35  # how much of a change of pitch (as a logarithm) the resonances usually follow
FORMANT_DEVIATION = 0.06  # and by how much they do so at random (deviation of the logarithm)


@dataclass(frozen=True, kw_only=True)
class SpeechPair:
    """A sound with the coefficients that were measured beside it."""

    name: str
    sound: Sound  # one channel, 16 kHz
    coefficients: Tensor  # (T K), absolute
    found: Tensor  # (T) bool
    fps: Fraction

    def from_rest(self) -> Tensor:
        """The coefficients (T K) above those of the mouth at rest, from 0 up; filled in where no face was found."""
        known = fill_gaps(self.coefficients, self.found)
        return (known - self.coefficients[self.found].quantile(REST_QUANTILE, dim=0)).clamp(min=0)


def find_pairs(folder: Path) -> list[Path]:
    """The ``.npz`` files of a folder that have a sound beside them, by name.

    Raises:
        InputError: there are none.
    """
    found = [file for file in sorted(folder.glob("*.npz")) if file.with_suffix(".flac").is_file()]
    if not found:
        raise InputError(
            f"{folder} holds no pairs of speech and tracked faces: NAME.flac beside NAME.npz with coefficients "
            "(T 58), found (T) and fps (2)."
        )
    return found


def split_pairs(files: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """Those to learn from, and those for judging: the last fifth by name, at least one where there are two."""
    kept = max(round(len(files) * HELD_OUT_SHARE), 1 if len(files) > 1 else 0)
    ordered = sorted(files)
    return ordered[: len(files) - kept], ordered[len(files) - kept :]


def read_pair(file: Path) -> SpeechPair:
    """The pair of a file from ``find_pairs``.

    Raises:
        InputError: the file holds no tracked face of the ``arkit`` space, or the sound beside it is none.
    """
    sound = read_sound(file.with_suffix(".flac"))
    try:
        with np.load(file) as arrays:
            coefficients = torch.from_numpy(arrays["coefficients"].astype(np.float32))
            found = torch.from_numpy(arrays["found"].astype(bool))
            fps = Fraction(int(arrays["fps"][0]), int(arrays["fps"][1]))
    except (KeyError, ValueError, OSError) as error:
        raise InputError(f"{file} is no tracked face: {error}.") from error
    if sound is None or coefficients.shape != (len(found), len(ARKIT.names)) or not found.any():
        raise InputError(
            f"{file} needs a sound beside it, and coefficients of shape (T, {len(ARKIT.names)}) with the T frames in "
            f"which a face was found; these are {tuple(coefficients.shape)} and {tuple(found.shape)}."
        )
    mono = torch.from_numpy(sound.mono(RATE))[None]
    return SpeechPair(
        name=file.stem, sound=Sound(samples=mono, rate=RATE), coefficients=coefficients, found=found, fps=fps
    )


def vary_pairs(pairs: Iterable[SpeechPair], variants: int, seed: int = 0) -> Iterator[SpeechPair]:
    """Each pair as it is, and as ``variants - 1`` other speakers with other recordings would have made it."""
    for number, pair in enumerate(pairs):
        for variant in range(variants):
            yield _vary(pair, np.random.default_rng([11, seed, number, variant])) if variant else pair


def _vary(pair: SpeechPair, rng: np.random.Generator) -> SpeechPair:
    pitch = float(np.exp(rng.uniform(*np.log(PITCH_RATIOS))))
    formants = float(np.clip(pitch**FORMANTS_FOLLOW_PITCH * np.exp(rng.normal(0, FORMANT_DEVIATION)), *FORMANT_RATIOS))
    speed = float(np.exp(rng.uniform(*np.log(SPEED_RATIOS))))
    samples = reshape_voice(pair.sound.samples[0].numpy(), pitch=pitch, formants=formants, speed=speed)
    samples = damage(samples, rng)
    frames = int(len(pair.coefficients) / speed)
    at = (torch.arange(frames) * speed).clamp(max=len(pair.coefficients) - 1)
    before = at.long()
    after = (before + 1).clamp(max=len(pair.coefficients) - 1)
    coefficients = torch.lerp(pair.coefficients[before], pair.coefficients[after], (at - before)[:, None])
    return SpeechPair(
        name=pair.name,
        sound=Sound(samples=torch.from_numpy(samples)[None], rate=RATE),
        coefficients=coefficients,
        found=pair.found[before] & pair.found[after],
        fps=pair.fps,
    )
