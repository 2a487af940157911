"""ArcFace: the face recognition network behind the CSIM metric.

Axes: B batch, D width of the embedding.

Source: ArcFace (arXiv 1801.07698), IR-SE-50, in the form that e4e and StyleHEAT load (``model_ir_se50.pth``).
"""

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import ConfigError
from .residual import ResidualUnit, stem

__all__ = ["Identity", "IdentityConfig"]

ALIGNED_SIZE = 256  # pixels of the FFHQ-aligned picture that the face is cut from
FACE_ROWS, FACE_COLUMNS = slice(35, 223), slice(32, 220)  # crop of the face in it, as in e4e


@dataclass(frozen=True, kw_only=True)
class IdentityConfig:
    size: int = 112  # pixels of the cut face
    units: tuple[int, int, int, int] = (3, 4, 14, 3)
    widths: tuple[int, int, int, int] = (64, 128, 256, 512)
    embedding: int = 512

    def __post_init__(self) -> None:
        if self.size % 16:
            raise ConfigError(f"The face is halved four times: its size must be a multiple of 16; found {self.size}.")


class Identity(nn.Module):
    """IR-SE-50 with a linear layer: identity embedding of an aligned face."""

    def __init__(self, config: IdentityConfig = IdentityConfig()) -> None:
        super().__init__()
        self.config = config
        self.stem = stem(3, config.widths[0])
        stages, inputs = [], config.widths[0]
        for width, units in zip(config.widths, config.units, strict=True):
            stage = [
                ResidualUnit(width if i else inputs, width, stride=1 if i else 2, attention=True) for i in range(units)
            ]
            stages.append(nn.Sequential(*stage))
            inputs = width
        self.stages = nn.Sequential(*stages)
        self.norm = nn.BatchNorm2d(inputs)
        self.linear = nn.Linear(inputs * (config.size // 16) ** 2, config.embedding)
        self.norm_out = nn.BatchNorm1d(config.embedding)

    def forward(self, pictures: Tensor) -> Tensor:
        """Embed FFHQ-aligned ``pictures`` (B 3 S S) in [-1, 1] as unit vectors (B D)."""
        size = ALIGNED_SIZE, ALIGNED_SIZE
        aligned = F.interpolate(pictures, size=size, mode="bilinear", antialias=True, align_corners=False)
        face = F.adaptive_avg_pool2d(aligned[..., FACE_ROWS, FACE_COLUMNS], self.config.size)
        x = self.norm(self.stages(self.stem(face)))
        return F.normalize(self.norm_out(self.linear(x.flatten(1))), dim=-1)
