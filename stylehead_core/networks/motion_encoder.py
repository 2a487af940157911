"""Motion encoder: from a short window of motion to the descriptor of the frame in its middle.

Axes: B batch, M motion coefficients, W frames of the window, D descriptor.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import ConfigError

__all__ = ["MotionEncoder", "MotionEncoderConfig"]

KERNEL, DILATION = 3, 3  # each block covers 7 frames and drops 3 at either end


@dataclass(frozen=True, kw_only=True)
class MotionEncoderConfig:
    coefficients: int = 73  # 64 expression, 3 rotation (rad), 3 translation, 3 crop
    descriptor: int = 256
    window: int = 27  # frames: 13 before, the rendered one, 13 after
    first_kernel: int = 7  # frames
    blocks: int = 3
    source: bool = False  # the portrait's own coefficients are an input too

    def __post_init__(self) -> None:
        if min(self.coefficients, self.descriptor, self.first_kernel) < 1 or self.blocks < 0:
            raise ConfigError(f"A motion encoder needs at least one of everything and blocks from 0 up; found {self}.")
        if self.window < self.shortest:
            raise ConfigError(
                f"A window of {self.window} frames is too short for a first kernel of {self.first_kernel} and "
                f"{self.blocks} blocks, which need {self.shortest}. Take a longer window or fewer blocks."
            )

    @property
    def shortest(self) -> int:
        """The shortest window that leaves one frame after the convolutions."""
        return self.first_kernel + self.blocks * DILATION * (KERNEL - 1)


class MotionEncoder(nn.Module):
    """Temporal convolutions with shortcuts, then the mean over the remaining frames.

    Source: SPEC section 3.1. Windows longer than ``shortest`` are accepted too.
    """

    def __init__(self, config: MotionEncoderConfig = MotionEncoderConfig()) -> None:
        super().__init__()
        self.config = config
        inputs = config.coefficients * (2 if config.source else 1)
        self.first = nn.Conv1d(inputs, config.descriptor, config.first_kernel)
        self.blocks = nn.ModuleList(
            nn.Conv1d(config.descriptor, config.descriptor, KERNEL, dilation=DILATION) for _ in range(config.blocks)
        )

    def forward(self, motion: Tensor, source: Tensor | None = None) -> Tensor:
        """Encode ``motion`` (B M W), with ``source`` (B M) where the config has one, as descriptors (B D)."""
        if self.config.source:
            assert source is not None, "this encoder also takes the portrait's own coefficients"
            motion = torch.cat((motion, source[..., None].expand_as(motion)), dim=1)
        x = self.first(motion)
        for block in self.blocks:
            x = block(F.leaky_relu(x, 0.1)) + x[..., DILATION:-DILATION]
        return x.mean(dim=-1)
