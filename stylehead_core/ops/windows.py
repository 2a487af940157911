"""Windows of motion and of sound around each frame: the inputs of the motion encoders.

Axes: T frames of the clip, n frames asked for, W frames or mel columns of a window, K coefficients, F mel bands.
"""

from fractions import Fraction

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

__all__ = [
    "MEL_RATE",
    "SILENCE",
    "mel_columns",
    "mel_window_start",
    "mel_windows",
    "motion_windows",
    "window_positions",
]

MEL_RATE = 80  # mel columns a second
SILENCE = -4.0  # the lowest value of a mel column


def window_positions(frames: Tensor, window: int, step: Fraction = Fraction(1)) -> Tensor:
    """Positions of each window in frames of the clip: (n W) float64, the frame itself in the middle.

    Args:
        frames: (n) frame numbers.
        window: W. If it is even, there is one more position before the frame than after it.
        step: frames of the clip between two positions of the window.
    """
    offsets = torch.arange(window, device=frames.device) - window // 2
    # Multiply before dividing: a whole step gives exactly whole positions.
    moved = offsets.double() * step.numerator / step.denominator
    return frames.double()[:, None] + moved


def motion_windows(
    coefficients: Tensor,
    fps: Fraction,
    *,
    window: int,
    rate: Fraction | None = None,
    frames: slice | Tensor | None = None,
) -> Tensor:
    """Windows of motion around each frame; the first and last frame are repeated beyond the ends.

    Args:
        coefficients: (T K).
        fps: of the motion.
        window: W, frames.
        rate: frame rate at which the encoder was trained; at any other rate the motion is interpolated. None = the
            motion's own rate.
        frames: which frames to return; None = all.

    Returns:
        (n K W). Where ``rate`` is ``fps`` these are copies of the coefficients.
    """
    total, device = len(coefficients), coefficients.device
    numbers = torch.arange(total)  # on the CPU: some devices have no float64
    if isinstance(frames, slice):
        numbers = numbers[frames]
    elif frames is not None:
        numbers = frames.cpu()
    step = Fraction(1) if rate is None else Fraction(fps) / Fraction(rate)
    positions = window_positions(numbers, window, step).clamp(0, total - 1)
    before = positions.long()
    after = (before + 1).clamp(max=total - 1)
    share = (positions - before).to(device, coefficients.dtype)[..., None]  # n W 1
    seen = torch.lerp(coefficients[before.to(device)], coefficients[after.to(device)], share)  # n W K
    return rearrange(seen, "n window coefficient -> n coefficient window").contiguous()


def mel_window_start(frame: int, window: int, fps: Fraction = Fraction(25)) -> int:
    """The first mel column of a frame's window; negative where the window begins before the sound.

    The official windows of 16, 32, 48 and 80 columns start 2, 4, 7 and 12 video frames (at 25 a second) before theirs:
    a little less than half a window, rounded down. Source: SPEC section 5.
    """
    lead = Fraction((5 * window - 16) // 32, 25)  # seconds
    return (MEL_RATE * (Fraction(frame) / fps - lead)).__floor__()


def mel_columns(frames: range, fps: Fraction, *, window: int) -> range:
    """All mel columns of the windows around ``frames``; those below 0 are before the sound."""
    return range(mel_window_start(frames[0], window, fps), mel_window_start(frames[-1], window, fps) + window)


def mel_windows(mel: Tensor, frames: int | range, fps: Fraction, *, window: int, start: int = 0) -> Tensor:
    """Windows of sound around each frame, with silence beyond the ends.

    In the official code no window starts before the sound, so the first 4 frames get the same window, 0.16 s too late
    for frame 0. Here every frame is at the same position of its window.

    Args:
        mel: (F N) columns, 80 a second; where it is a part of a sound, with all of the sound that the windows cover.
        frames: T, how many frames there are; or which of them are asked for.
        fps: of the frames.
        window: W, columns.
        start: number of the first column of ``mel`` in the sound.

    Returns:
        (T F W).
    """
    asked = range(frames) if isinstance(frames, int) else frames
    starts = [mel_window_start(frame, window, fps) - start for frame in asked]
    first, last = min(starts), max(starts) + window
    part = mel[:, max(first, 0) : max(last, 0)]
    padded = F.pad(part, (min(max(-first, 0), last - first), 0), value=SILENCE)
    padded = F.pad(padded, (0, last - first - padded.shape[1]), value=SILENCE)
    return torch.stack([padded[:, start - first : start - first + window] for start in starts])
