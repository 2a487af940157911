"""Aligner of HFGI: aligns the inversion residual with the redrawn picture.

The residual (picture minus redrawn picture) is slightly displaced against the features of the redrawn, or edited, face.
A small U-net that sees both moves it into place.

Axes: B batch, C channels, S picture size.

Source: HFGI (arXiv 2109.06590), adaptive distortion alignment.
"""

from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import ConfigError
from .residual import ResidualUnit, stem

__all__ = ["Aligner", "AlignerConfig"]


@dataclass(frozen=True, kw_only=True)
class AlignerConfig:
    size: int = 256  # pixels of the picture
    widths: tuple[int, int, int, int] = (16, 32, 48, 64)  # channels at size, size/2, /4 and /8

    def __post_init__(self) -> None:
        if self.size < 8 or self.size % 8:
            raise ConfigError(f"The aligner halves its picture three times: {self.size} pixels is no multiple of 8.")
        if len(self.widths) != 4 or min(self.widths) < 1:
            raise ConfigError(f"The aligner has four widths of at least 1; found {self.widths}.")


class Aligner(nn.Module):
    """Three stages down, three up, with skip connections."""

    def __init__(self, config: AlignerConfig = AlignerConfig()) -> None:
        super().__init__()
        self.config = config
        full, half, quarter, eighth = config.widths
        self.stem = stem(2 * 3, full)
        self.down = nn.ModuleList(
            _stage((into, out, out, out), stride=2) for into, out in ((full, half), (half, quarter), (quarter, eighth))
        )
        self.up = nn.ModuleList(
            _stage(channels)
            for channels in (
                (eighth + quarter, eighth, half, half),
                (half + half, half, full, full),
                (full + full, full, 3, 3),
            )
        )

    def forward(self, residual: Tensor, redrawn: Tensor) -> Tensor:
        """Align ``residual`` (B 3 S S) with ``redrawn`` (B 3 S S, in [-1, 1]); returns (B 3 S S)."""
        stages = [self.stem(torch.cat((residual, redrawn), dim=1))]
        for down in self.down:
            stages.append(down(stages[-1]))
        x = stages.pop()
        for up in self.up:
            beside = stages.pop()
            x = F.interpolate(x, size=beside.shape[-2:], mode="bilinear", align_corners=False)
            x = up(torch.cat((x, beside), dim=1))
        return x


def _stage(channels: tuple[int, ...], stride: int = 1) -> nn.Sequential:
    """A chain of residual units; the first may halve the resolution."""
    return nn.Sequential(
        *(
            ResidualUnit(into, out, stride=stride if unit == 0 else 1)
            for unit, (into, out) in enumerate(pairwise(channels))
        )
    )
