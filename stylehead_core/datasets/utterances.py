"""Many talks in one block of memory, from which training draws short runs of frames.

Axes: C mel columns of all talks, F mel bands, T frames of all talks, L coefficients of ``LIPS``, W columns of a window,
B runs, n frames of a run.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

import torch
import torch.nn.functional as F
from torch import Tensor

from ..ops.mel import RATE, mel_spectrogram
from ..ops.windows import SILENCE, mel_window_start
from ..synthetic.speech.utterances import Utterance

__all__ = ["UtteranceWindows", "load_utterances"]


@dataclass(frozen=True, kw_only=True)
class UtteranceWindows:
    mel: Tensor  # (C F) float16, with silence around every talk
    start: Tensor  # (T) int64: the first column of each frame's window
    curves: Tensor  # (T L)
    run: Tensor  # (R) int64: the first frame of every run of ``length`` frames within one talk
    utterance: Tensor  # (T) int64: which talk a frame is of
    window: int

    def windows(self, frames: Tensor) -> Tensor:
        """What is heard around ``frames`` (B): (B F W)."""
        columns = self.start[frames, None] + torch.arange(self.window)
        return self.mel[columns].float().transpose(1, 2)


def load_utterances(utterances: Iterable[Utterance], window: int, length: int) -> UtteranceWindows:
    """Listen to ``talks``; runs are ``length`` frames long."""
    mels, starts, curves, runs, owners = [], [], [], [], []
    column = frame = 0
    for number, utterance in enumerate(utterances):
        mel = mel_spectrogram(utterance.sound.mono(RATE))
        first = torch.tensor(
            [mel_window_start(k, window, Fraction(utterance.fps)) for k in range(len(utterance.curves))]
        )
        padded = F.pad(mel, (window, window), value=SILENCE)
        mels.append(padded.half())
        starts.append(first + window + column)
        curves.append(utterance.curves)
        runs.append(frame + torch.arange(len(utterance.curves) - length + 1))
        owners.append(torch.full((len(utterance.curves),), number))
        column, frame = column + padded.shape[1], frame + len(utterance.curves)
    return UtteranceWindows(
        mel=torch.cat(mels, dim=1).T.contiguous(),
        start=torch.cat(starts),
        curves=torch.cat(curves),
        run=torch.cat(runs),
        utterance=torch.cat(owners),
        window=window,
    )
