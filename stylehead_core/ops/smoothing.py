"""Smooths values over time without delay, fills gaps, samples between frames.

Axes: T frames, K values.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["fill_gaps", "hold_nearest", "per_shot", "sample_at", "smooth_over_time", "unwrap"]

_RADIUS_SIGMAS = 3  # standard deviations at which the Gaussian is cut off
BLOCK_FRAMES = 4096  # that are smoothed at once


def smooth_over_time(values: Tensor, sigma: float) -> Tensor:
    """Smooth ``values`` (T K) by a symmetric Gaussian of ``sigma`` frames.

    The ends are extended by point reflection, so that a steady movement stays unchanged up to the last frame.
    """
    frames = len(values)
    reach = min(round(_RADIUS_SIGMAS * sigma), frames - 1)
    if sigma <= 0 or reach < 1:
        return values
    places = torch.arange(-reach, reach + 1, dtype=torch.float64, device=values.device)
    kernel = (-0.5 * (places / sigma) ** 2).exp()
    before = 2 * values[:1] - values[1 : reach + 1].flip(0)
    after = 2 * values[-1:] - values[-reach - 1 : -1].flip(0)
    long = torch.cat((before, values, after)).double().mT[:, None]  # K 1 T+2*reach
    weights = (kernel / kernel.sum())[None, None]
    # In blocks, since torch's convolution holds every frame as often as the kernel is long.
    blocks = [F.conv1d(long[..., at : at + BLOCK_FRAMES + 2 * reach], weights) for at in range(0, frames, BLOCK_FRAMES)]
    return torch.cat(blocks, dim=-1)[:, 0].mT.to(values.dtype)


def unwrap(angles: Tensor) -> Tensor:
    """Remove jumps of a full turn between frames from ``angles`` (T K; rad)."""
    turns = torch.round((angles[1:] - angles[:-1]) / (2 * torch.pi))
    return torch.cat((angles[:1], angles[1:] - 2 * torch.pi * turns.cumsum(0)))


def fill_gaps(values: Tensor, known: Tensor, shots: Tensor | None = None) -> Tensor:
    """``values`` (T K) with the frames not ``known`` (T bool) filled: linear between known ones, held at ends.

    Args:
        shots: (T) number of the shot that each frame belongs to. A shot is filled from its own known frames; one that
            has none is filled as if there were no cuts. None: there is no cut.
    """
    places = known.nonzero()[:, 0]
    frames = torch.arange(len(values), device=values.device)
    after = torch.searchsorted(places, frames).clamp(max=len(places) - 1)
    before = torch.where(places[after] <= frames, after, (after - 1).clamp(min=0))
    start, end = places[before], places[after]
    share = ((frames - start) / (end - start).clamp(min=1)).clamp(0, 1).to(values)[:, None]
    filled = torch.lerp(values[start], values[end], share)
    if shots is None:
        return filled
    return per_shot(
        lambda part, marks, whole: fill_gaps(part, marks) if marks.any() else whole, values, known, filled, shots=shots
    )


def hold_nearest(values: Tensor, known: Tensor) -> Tensor:
    """``values`` (T K) with each frame that is not ``known`` (T bool) taken from the nearest one that is."""
    places = known.nonzero()[:, 0]
    frames = torch.arange(len(values), device=values.device)
    after = torch.searchsorted(places, frames).clamp(max=len(places) - 1)
    before = (after - 1).clamp(min=0)
    nearer = (frames - places[before]).abs() <= (places[after] - frames).abs()
    return values[torch.where(nearer, places[before], places[after])]


def per_shot(change: Callable[..., Tensor], *values: Tensor, shots: Tensor) -> Tensor:
    """Apply ``change`` to each shot of ``values`` (T ...) alone, so that nothing passes a cut.

    Args:
        shots: (T), the number of the shot that each frame belongs to; frames of a shot are neighbours.
    """
    if not len(shots) or bool((shots == shots[0]).all()):
        return change(*values)
    counts = torch.unique_consecutive(shots, return_counts=True)[1].tolist()
    return torch.cat([change(*parts) for parts in zip(*(value.split(counts) for value in values), strict=True)])


def sample_at(values: Tensor, positions: Tensor) -> Tensor:
    """Sample ``values`` (T ...) at fractional frames (n): linear between frames, held beyond the ends.

    Returns:
        (n ...). A whole position gives that frame, bit for bit.
    """
    positions = positions.clamp(0, len(values) - 1)
    before = positions.long()
    share = (positions - before).to(values.dtype).reshape(-1, *[1] * (values.ndim - 1))
    after = (before + 1).clamp(max=len(values) - 1)
    return torch.where(share > 0, torch.lerp(values[before], values[after], share), values[before])
