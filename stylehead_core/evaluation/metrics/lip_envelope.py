"""Lip opening against loudness: a rough check of lip sync without a trained network.

Not comparable with SyncNet's score: loud vowels open the mouth, but so do silent breaths, and an m is loud with closed
lips.
"""

from itertools import pairwise

import torch
from torch import Tensor

from ...errors import InputError

__all__ = ["lip_envelope_correlation", "sound_envelope"]


def sound_envelope(samples: Tensor, rate: int, fps: float, frames: int) -> Tensor:
    """Loudness of the sound during each video frame.

    Args:
        samples: (N) one channel.
        rate: samples a second.
        fps: frames a second.
        frames: how many to give; after the sound's end they are silent.

    Returns:
        (T) root mean square of the samples that sound while the frame stands, from 0.
    """
    edges = [round(i * rate / fps) for i in range(frames + 1)]
    parts = (samples[start:end] for start, end in pairwise(edges))
    return torch.stack([p.float().square().mean().sqrt() if len(p) else samples.new_zeros(()).float() for p in parts])


def lip_envelope_correlation(opening: Tensor, envelope: Tensor, reach: int = 3) -> float:
    """Correlation of lip opening and loudness at the best small shift; higher is better.

    Args:
        opening: (T) how far the lips are apart, any unit.
        envelope: (T) loudness of each frame, of ``sound_envelope``.
        reach: the largest shift tried, in frames to either side: lips move a little ahead of the sound.

    Returns:
        Pearson's r in -1..1; 0 where either stands still. Real speech is well below 1: compare with the driving clip.
    """
    if opening.shape != envelope.shape or opening.ndim != 1:
        raise InputError(f"One number a frame each is needed; found {tuple(opening.shape)}, {tuple(envelope.shape)}.")
    if len(opening) < 2 * reach + 3:
        raise InputError(f"A correlation needs at least {2 * reach + 3} frames; found {len(opening)}.")
    count = len(opening)
    found = []
    for shift in range(-reach, reach + 1):
        lips = opening[max(0, -shift) : count - max(0, shift)].double()
        loud = envelope[max(0, shift) : count - max(0, -shift)].double()
        lips, loud = lips - lips.mean(), loud - loud.mean()
        scale = lips.norm() * loud.norm()
        found.append(float(lips @ loud / scale) if scale > 1e-8 else 0.0)
    return max(found)
