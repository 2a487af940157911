"""Finds the cuts of a video: frames that look quite unlike the frame before.

Axes: n frames, H W picture, h w thumbnail.
"""

import torch.nn.functional as F
from torch import Tensor

__all__ = ["CutDetector", "thumbnails"]

ROWS, COLUMNS = 18, 32  # of the thumbnails that are compared
SAMPLES = 8  # pixels that each pixel of a thumbnail is the mean of, along each side: more change nothing
CUT_LEVELS = 10.0  # of 255: mean change of a thumbnail below which no frame is a cut
CUT_AREA = 0.5  # of the thumbnail must change by half of that: a person who leaves is not a cut
CUT_RATIO = 4.0  # a cut changes a thumbnail this much more than the frames before and after do
MEMORY = 0.9  # of the usual change, from frame to frame


class CutDetector:
    """Says of each frame of a clip, given a few at a time, whether a new shot begins with it."""

    def __init__(self) -> None:
        self._last: Tensor | None = None
        self._usual = 0.0  # levels: mean change from frame to frame

    def __call__(self, pictures: Tensor) -> list[bool]:
        """For ``pictures`` (n 3 H W), uint8 or floats in [-1, 1], the next ones of the clip."""
        cuts = []
        for thumbnail in thumbnails(pictures, ROWS, COLUMNS):
            changes = (thumbnail - (thumbnail if self._last is None else self._last)).abs().mean(0)
            change, area = float(changes.mean()), float((changes > CUT_LEVELS / 2).float().mean())
            cut = change > max(CUT_LEVELS, CUT_RATIO * self._usual) and area > CUT_AREA
            if self._last is not None:  # at a cut too: a fast pan is a change that goes on
                self._usual = MEMORY * self._usual + (1 - MEMORY) * change
            cuts.append(cut)
            self._last = thumbnail
        return cuts


def thumbnails(pictures: Tensor, rows: int, columns: int) -> Tensor:
    """``pictures`` (n 3 H W), uint8 or floats in [-1, 1], as (n 3 rows columns) in levels of 0 to 255."""
    height, width = pictures.shape[-2:]
    step = max(1, min(height // (rows * SAMPLES), width // (columns * SAMPLES)))
    few = pictures[..., ::step, ::step]
    levels = few.float() if not few.is_floating_point() else (few.float() + 1) * 127.5
    return F.adaptive_avg_pool2d(levels, (rows, columns))
