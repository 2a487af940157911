"""Matte network: how much of each pixel of a portrait belongs to the person (hair, skin, clothes).

A small U-net on pixel-unshuffled input, with the face mask as an additional input. It runs once for a portrait.

Axes: B batch, S picture size.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import ConfigError

__all__ = ["MatteNetwork", "MatteNetworkConfig"]

SLOPE = 0.1
KNOWN = 3  # additional input planes: the face mask, and the position of a cell


@dataclass(frozen=True, kw_only=True)
class MatteNetworkConfig:
    size: int = 256  # pixels of the picture that it sees, and of the matte
    fold: int = 4  # pixels folded into channels along each side
    widths: tuple[int, ...] = (24, 48, 64, 96, 96)  # channels at each resolution, each half of the one before

    def __post_init__(self) -> None:
        halved = self.fold * 2 ** (len(self.widths) - 1)
        if not self.widths or min(*self.widths, self.fold) < 1 or self.size % halved:
            raise ConfigError(f"A picture of {self.size} pixels cannot be folded and halved to {halved} parts.")


class Block(nn.Module):
    """Residual unit of two convolutions with norms."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.norm = nn.GroupNorm(4, outputs)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.short = nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        inside = F.leaky_relu(self.norm(self.first(x)), SLOPE)
        return F.leaky_relu(self.short(x) + self.second(inside), SLOPE)


class MatteNetwork(nn.Module):
    def __init__(self, config: MatteNetworkConfig = MatteNetworkConfig()) -> None:
        super().__init__()
        self.config = config
        widths = config.widths
        inputs = (3 * config.fold**2 + KNOWN, *widths[:-1])
        self.down = nn.ModuleList(Block(a, b) for a, b in zip(inputs, widths, strict=True))
        self.up = nn.ModuleList(Block(a + b, a) for a, b in zip(widths[-2::-1], widths[:0:-1], strict=True))
        self.last = nn.Conv2d(widths[0], config.fold**2, 3, padding=1)

    def forward(self, pictures: Tensor, face: Tensor) -> Tensor:
        """Logits (B 1 S S) of the matte.

        Args:
            pictures: (B 3 S S) in [-1, 1]; S is the config's size.
            face: (B 1 S S) in 0..1, see ``ops.face_masks.face_mask``; zeros where it is not known.
        """
        fold = self.config.fold
        line = torch.linspace(-1, 1, pictures.shape[-1] // fold, device=pictures.device, dtype=pictures.dtype)
        places = torch.stack(torch.meshgrid(line, line, indexing="xy")).expand(len(pictures), -1, -1, -1)
        x = torch.cat((F.pixel_unshuffle(pictures, fold), F.avg_pool2d(face, fold), places), dim=1)
        shortcuts = []
        for level, block in enumerate(self.down):
            x = block(F.avg_pool2d(x, 2) if level else x)
            shortcuts.append(x)
        shortcuts.pop()
        for block in self.up:
            x = block(torch.cat((shortcuts.pop(), F.interpolate(x, scale_factor=2, mode="nearest")), dim=1))
        return F.pixel_shuffle(self.last(x), self.config.fold)
