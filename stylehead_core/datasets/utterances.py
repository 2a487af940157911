"""Dataset of synthetic utterances in one block of memory, from which training draws short runs of frames.

Axes: C mel columns of all utterances, F mel bands, T frames of all utterances, L coefficients of ``LIPS``, W columns of
a window, B samples, R runs.
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
    """Concatenated mel spectrograms and lip curves of utterances."""

    mel: Tensor  # (C F) float16, with silence around every utterance
    start: Tensor  # (T) int64: first column of each frame's window
    curves: Tensor  # (T L)
    run: Tensor  # (R) int64: first frame of every run of ``length`` frames within one utterance
    utterance: Tensor  # (T) int64: number of each frame's utterance
    window: int  # W

    def windows(self, frames: Tensor) -> Tensor:
        """Mel windows (B F W) around ``frames`` (B)."""
        columns = self.start[frames, None] + torch.arange(self.window)
        return self.mel[columns].float().transpose(1, 2)


def load_utterances(utterances: Iterable[Utterance], window: int, length: int) -> UtteranceWindows:
    """Compute the mel spectrograms of ``utterances``; windows have ``window`` columns, runs ``length`` frames."""
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
