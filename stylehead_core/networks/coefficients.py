"""Deep3DFaceRecon's ResNet-50: coefficients of the Basel face model from an aligned face.

Axes: B batch, C channels, h w map size.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import ConfigError

__all__ = ["Coefficients", "CoefficientsConfig", "FaceModel"]

EXPANSION = 4  # output channels per inner channel of a block


class FaceModel(NamedTuple):
    """The network's 257 outputs by name."""

    identity: Tensor  # (B 80)
    expression: Tensor  # (B 64)
    texture: Tensor  # (B 80)
    rotation: Tensor  # (B 3): pitch, yaw, roll in rad
    light: Tensor  # (B 27): spherical harmonics, 9 for each colour
    translation: Tensor  # (B 3), in units of the face model

    def motion(self, crop: Tensor) -> Tensor:
        """Motion coefficients (B 73) in the ``bfm`` space.

        Args:
            crop: (B 3), scale and position of the 224 crop (``ops.deep3d_align``).
        """
        return torch.cat((self.expression, self.rotation, self.translation, crop.to(self.expression)), dim=1)


@dataclass(frozen=True, kw_only=True)
class CoefficientsConfig:
    blocks: tuple[int, ...] = (3, 4, 6, 3)  # of each stage; every stage but the first halves the size
    width: int = 64  # inner channels of the first stage, doubled at each further one
    outputs: tuple[int, ...] = (80, 64, 80, 3, 27, 2, 1)  # the groups of FaceModel; translation has two

    def __post_init__(self) -> None:
        if not self.blocks or min(*self.blocks, self.width) < 1:
            raise ConfigError(f"Every stage needs a block and a channel; found {self}.")
        if len(self.outputs) != 7:
            raise ConfigError(f"There are 7 outputs (see FaceModel); found {len(self.outputs)}.")


class Coefficients(nn.Module):
    """ResNet-50 with one linear layer for each group of coefficients. Source: SPEC section 6.1; He et al. (arXiv
    1512.03385).
    """

    def __init__(self, config: CoefficientsConfig = CoefficientsConfig()) -> None:
        super().__init__()
        self.config = config
        self.first = nn.Conv2d(3, config.width, 7, stride=2, padding=3, bias=False)
        self.first_norm = nn.BatchNorm2d(config.width)
        channels = config.width
        self.stages = nn.ModuleList()
        for number, blocks in enumerate(config.blocks):
            inner = config.width * 2**number
            stage = nn.ModuleList()
            for i in range(blocks):
                stage.append(Block(channels, inner, stride=2 if number and i == 0 else 1))
                channels = inner * EXPANSION
            self.stages.append(stage)
        self.parts = nn.ModuleList(nn.Linear(channels, outputs) for outputs in config.outputs)

    def forward(self, picture: Tensor) -> FaceModel:
        """Predict the coefficients of ``picture`` (B 3 224 224), RGB in [0, 1], aligned by ``ops.deep3d_align``."""
        x = F.relu(self.first_norm(self.first(picture)))
        x = F.max_pool2d(x, 3, stride=2, padding=1)
        for stage in self.stages:
            for block in stage:  # type: ignore[union-attr]
                x = block(x)
        pooled = x.mean(dim=(2, 3))
        identity, expression, texture, rotation, light, across, depth = [part(pooled) for part in self.parts]
        return FaceModel(identity, expression, texture, rotation, light, torch.cat((across, depth), dim=1))


class Block(nn.Module):
    """Bottleneck block: 1 x 1, 3 x 3 with the stride, 1 x 1."""

    def __init__(self, channels_in: int, inner: int, stride: int) -> None:
        super().__init__()
        channels_out = inner * EXPANSION
        self.narrow = nn.Conv2d(channels_in, inner, 1, bias=False)
        self.narrow_norm = nn.BatchNorm2d(inner)
        self.look = nn.Conv2d(inner, inner, 3, stride=stride, padding=1, bias=False)
        self.look_norm = nn.BatchNorm2d(inner)
        self.widen = nn.Conv2d(inner, channels_out, 1, bias=False)
        self.widen_norm = nn.BatchNorm2d(channels_out)
        self.short = self.short_norm = None
        if stride > 1 or channels_in != channels_out:
            self.short = nn.Conv2d(channels_in, channels_out, 1, stride=stride, bias=False)
            self.short_norm = nn.BatchNorm2d(channels_out)

    def forward(self, x: Tensor) -> Tensor:
        new = F.relu(self.narrow_norm(self.narrow(x)))
        new = F.relu(self.look_norm(self.look(new)))
        new = self.widen_norm(self.widen(new))
        if self.short is not None and self.short_norm is not None:
            x = self.short_norm(self.short(x))
        return F.relu(new + x)
