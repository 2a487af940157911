"""Rendered heads that speak, as prepared clips: talking videos whose lips are known, for the paper's stages.

Axes: T frames, S picture size, M mel columns.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch

from ..errors import ConfigError
from ..landmarker.landmarker import Landmarker
from ..ops.mel import RATE, mel_spectrogram
from ..ops.pixels import from_uint8
from ..synthetic.heads.appearance import HELD_OUT as HELD_OUT_PEOPLE
from ..synthetic.heads.appearance import Appearance, sample_appearance
from ..synthetic.heads.renderer import Renderer
from ..synthetic.heads.talking import sample_performance, talking_frames
from ..synthetic.speech.espeak import Voice
from ..synthetic.speech.sentences import GRAMMARS, HELD_OUT, sentence
from ..synthetic.speech.utterances import Utterance, speak
from .measure import measure_pictures
from .preparation.clip_folder import MANIFEST, PreparedClip, finish_clip, open_clip, write_frame

__all__ = ["TalkingHeadsConfig", "write_talking_heads"]

SPEEDS, PITCHES = (140, 180), (35, 65)  # words a minute, and of 100: one voice that is not always the same
FPS = Fraction(25)


@dataclass(frozen=True, kw_only=True)
class TalkingHeadsConfig:
    """Settings of the clips."""

    size: int = 128  # pixels
    frames: int = 60  # of a clip, at most: 2.4 s
    held_out: bool = False  # people and sentences from which nothing is learnt

    def __post_init__(self) -> None:
        if self.size < 32 or self.frames < 8:
            raise ConfigError(f"Talking heads have 32 pixels and 8 frames or more; found {self}.")


def write_talking_heads(
    folder: Path,
    seeds: Iterable[int],
    renderer: Renderer,
    landmarker: Landmarker,
    config: TalkingHeadsConfig = TalkingHeadsConfig(),
) -> Iterator[PreparedClip | None]:
    """Render a clip for each of ``seeds`` into ``folder``, each of another person with another English sentence.

    The frames are portraits in the first one's crop. Landmarks and coefficients are what the face landmarker measures
    in them. The people are bald and shaven: hair takes two thirds of the time and speaks no word. Clips that are there
    already are kept.

    Yields:
        The clip, or None where the landmarker misses the face in a frame.
    """
    for seed in seeds:
        target = folder / f"talking-{seed:05d}"
        yield open_clip(target) if (target / MANIFEST).is_file() else _write(target, seed, renderer, landmarker, config)


def make_sentence(seed: int, held_out: bool) -> Utterance:
    """The sentence of a clip, in the clear: one voice of espeak-ng, a little faster or slower, higher or lower."""
    rng = np.random.default_rng([seed, 40])
    voice = Voice(speed=int(rng.integers(*SPEEDS)), pitch=int(rng.integers(*PITCHES)))
    return speak(sentence(GRAMMARS[0], seed + (HELD_OUT if held_out else 0), rng), voice, FPS)


def choose_person(seed: int, held_out: bool) -> Appearance:
    person = sample_appearance(seed + (HELD_OUT_PEOPLE if held_out else 0))
    return replace(person, hair_style="bald", beard=0.0, glasses="")


def _write(
    target: Path, seed: int, renderer: Renderer, landmarker: Landmarker, config: TalkingHeadsConfig
) -> PreparedClip | None:
    said = make_sentence(seed, config.held_out)
    performance = sample_performance(seed, utterance=said)
    count = min(len(performance), config.frames)
    performance = replace(performance, weights=performance.weights[:count], poses=performance.poses[:count])
    person = renderer.person(choose_person(seed, config.held_out))
    drawn = torch.from_numpy(np.stack(list(talking_frames(renderer, performance, person)))).permute(0, 3, 1, 2)
    landmarks, coefficients, found = measure_pictures(landmarker, drawn)
    if not found.all():
        return None
    part = target.with_name(f".{target.name}.part")
    for row, picture in enumerate(from_uint8(drawn)):
        write_frame(part, row, picture)
    samples = said.sound.mono(RATE)[: round(count / FPS * RATE)]
    clip = PreparedClip(
        folder=target,
        video="rendered",
        framing="portrait",
        size=config.size,
        fps=FPS,
        count=count,
        start=0,
        square=((1.0, 0.0, 0.0), (0.0, 1.0, 0.0)),
        sound=True,
    )
    finish_clip(part, clip, {"landmarks": landmarks, "coefficients": coefficients, "mel": mel_spectrogram(samples)})
    return clip
