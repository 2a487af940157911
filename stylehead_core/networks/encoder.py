"""Inversion encoder: from a picture to the styles that redraw it.

Axes: B batch, R style rows, D style width, C channels, S picture size.

A residual network gives features at four scales. Coarse style rows are read from the last scale, finer rows from
earlier ones, which a feature pyramid merges with it.

Source: e4e (arXiv 2102.02766), after pSp (arXiv 2008.00951).
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import ConfigError
from .equalised import EqualLinear
from .residual import ResidualUnit, stem

__all__ = ["Encoder", "EncoderConfig"]


@dataclass(frozen=True, kw_only=True)
class EncoderConfig:
    size: int = 256  # pixels of the picture
    widths: tuple[int, int, int, int] = (64, 128, 256, 512)  # channels at size/2, /4, /8 and /16
    units: tuple[int, int, int, int] = (3, 4, 14, 3)  # residual units per stage; the first of each has stride 2
    rows: int = 18
    style_dim: int = 512
    coarse_rows: int = 3  # first rows, predicted from features of size/16
    middle_rows: int = 4  # next rows, from size/8; the remaining rows are predicted from size/4

    def __post_init__(self) -> None:
        if self.size < 32 or self.size & (self.size - 1):
            raise ConfigError(f"The encoder's picture must measure a power of two from 32 up; found {self.size}.")
        if len(self.widths) != 4 or len(self.units) != 4 or min(*self.widths, *self.units) < 1:
            raise ConfigError(
                f"The encoder has four stages of at least one channel and unit; found {self.widths} and {self.units}."
            )
        if self.coarse_rows < 1 or self.middle_rows < 0 or self.rows < self.coarse_rows + self.middle_rows:
            raise ConfigError(
                f"{self.rows} style rows cannot be split in {self.coarse_rows} coarse, {self.middle_rows} middle and "
                "the fine rest. Take at least one coarse row, and no more in all than there are."
            )

    def head_size(self, row: int) -> int:
        """Size in pixels of the feature map from which ``row`` is read."""
        if row < self.coarse_rows:
            return self.size // 16
        return self.size // 8 if row < self.coarse_rows + self.middle_rows else self.size // 4


class RowHead(nn.Module):
    """Downsamples features to one vector: a style row, or its difference from the first row."""

    def __init__(self, size: int, inputs: int, style_dim: int) -> None:
        super().__init__()
        steps = size.bit_length() - 1
        self.convs = nn.ModuleList(
            nn.Conv2d(inputs if step == 0 else style_dim, style_dim, 3, stride=2, padding=1) for step in range(steps)
        )
        self.linear = EqualLinear(style_dim, style_dim)

    def forward(self, x: Tensor) -> Tensor:
        """(B C s s) to (B D)."""
        for conv in self.convs:
            x = F.leaky_relu(conv(x), 0.01, inplace=True)
        return self.linear(x.flatten(1))


class Encoder(nn.Module):
    """IR-SE-50 with a feature pyramid and one head for each style row."""

    mean_styles: Tensor  # (R D), added to the predicted codes

    def __init__(self, config: EncoderConfig = EncoderConfig()) -> None:
        super().__init__()
        self.config = config
        deepest = config.widths[3]
        self.stem = stem(3, config.widths[0])
        inputs = (config.widths[0], *config.widths[:3])
        self.stages = nn.ModuleList(
            nn.Sequential(
                *(
                    ResidualUnit(into if unit == 0 else out, out, stride=2 if unit == 0 else 1, attention=True)
                    for unit in range(units)
                )
            )
            for into, out, units in zip(inputs, config.widths, config.units, strict=True)
        )
        self.middle = nn.Conv2d(config.widths[2], deepest, 1)
        self.fine = nn.Conv2d(config.widths[1], deepest, 1)
        self.heads = nn.ModuleList(
            RowHead(config.head_size(row), deepest, config.style_dim) for row in range(config.rows)
        )
        self.register_buffer("mean_styles", torch.zeros(config.rows, config.style_dim))

    def codes(self, image: Tensor) -> Tensor:
        """Offsets (B R D) of ``image`` (B 3 S S, in [-1, 1]) from the mean styles."""
        x = self.stages[0](self.stem(image))
        quarter = self.stages[1](x)
        eighth = self.stages[2](quarter)
        coarse = self.stages[3](eighth)  # B C S/16 S/16
        middle = _upsample(coarse) + self.middle(eighth)
        fine = _upsample(middle) + self.fine(quarter)
        features = {x.shape[-1]: x for x in (coarse, middle, fine)}
        rows = [head(features[self.config.head_size(row)]) for row, head in enumerate(self.heads)]
        return torch.stack([rows[0], *(rows[0] + row for row in rows[1:])], dim=1)

    def forward(self, image: Tensor) -> Tensor:
        """Predict the styles (B R D) of ``image`` (B 3 S S) in [-1, 1]."""
        return self.mean_styles + self.codes(image)


def _upsample(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
