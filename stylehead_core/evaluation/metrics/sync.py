"""Sync distance and confidence: agreement of lips and sound according to a sync network."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ...errors import InputError

__all__ = ["Sync", "sync"]

REACH = 15  # frames of shift to either side


@dataclass(frozen=True, kw_only=True)
class Sync:
    distance: float
    """LSE-D, from 0: mean distance of the embeddings at the best shift; lower is better."""
    confidence: float
    """LSE-C, from 0: median over the shifts minus the best; higher is better, 0 where no shift stands out."""
    offset: int
    """Frames by which the sound comes after the picture at the best shift; 0 is in time."""


def sync(video: Tensor, sound: Tensor, reach: int = REACH) -> Sync:
    """Compare embeddings of mouths and of sound at every shift.

    Args:
        video: (T D) one embedding a video window (5 frames), in the order of time.
        sound: (T D) one embedding a sound window, the window that belongs to the same time at the same place.
        reach: the largest shift, in frames. Clips of 4 s and more are to be trusted.

    Returns:
        Distance, confidence and offset. Unlike the reference, which pads the sound with zeros and so favours small
        shifts in short clips, each shift is averaged over the windows that both have.

    Source: Chung and Zisserman, "Out of time", 2016; LSE-D and LSE-C of Wav2Lip. Their scale is the network's.
    """
    if video.shape != sound.shape or video.ndim != 2:
        raise InputError(
            f"Picture and sound need one embedding a window each; found {tuple(video.shape)} and {tuple(sound.shape)}."
        )
    count = len(video)
    if count <= reach:
        raise InputError(f"Shifts of up to {reach} frames need more than {reach} windows; found {count}. Longer clip?")
    pairs = torch.cdist(video.float()[None], sound.float()[None])[0]  # T T, row: video, column: sound
    shifts = range(-reach, reach + 1)
    distances = torch.stack([pairs.diagonal(shift).mean() for shift in shifts])
    best = int(distances.argmin())
    confidence = distances.median() - distances[best]
    return Sync(distance=float(distances[best]), confidence=float(confidence), offset=shifts[best])
