"""Sync network: embeds mouths and mel windows as unit vectors whose cosine measures lip sync.

Axes: B batch, F frames of a window (5), H W the lower half of the face, N bands and M columns of mel, D embedding.

Source: the lip-sync expert of Wav2Lip (arXiv 2008.10010), after Chung and Zisserman's SyncNet (2016): only
the layer sizes, so that its published weights fit.
"""

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from ..errors import ConfigError

__all__ = ["FRAMES", "MEL", "MOUTH", "SYNC_KIND", "SyncNet", "SyncNetConfig", "sync_loss"]

SYNC_KIND = "sync network"  # kind in the header of its file
FRAMES = 5  # of a window, at 25 per second
MOUTH = (48, 96)  # pixels: the lower half of a face of 96 x 96
MEL = (80, 16)  # bands, columns: 0.2 seconds at 80 columns per second

Layer = tuple[int, int, int | tuple[int, int], int, int]
"""Width in units of the base, kernel, stride, padding, and number of 3 x 3 residual layers that follow."""

FACE_LAYERS: tuple[Layer, ...] = (
    (1, 7, 1, 3, 0),
    (2, 5, (1, 2), 1, 2),
    (4, 3, 2, 1, 3),
    (8, 3, 2, 1, 2),
    (16, 3, 2, 1, 2),
    (16, 3, 2, 1, 0),
    (16, 3, 1, 0, 0),
    (16, 1, 1, 0, 0),
)
SOUND_LAYERS: tuple[Layer, ...] = (
    (1, 3, 1, 1, 2),
    (2, 3, (3, 1), 1, 2),
    (4, 3, 3, 1, 2),
    (8, 3, (3, 2), 1, 2),
    (16, 3, 1, 0, 0),
    (16, 1, 1, 0, 0),
)


@dataclass(frozen=True, kw_only=True)
class SyncNetConfig:
    base: int = 32  # channels of the first layer; the embedding has 16 times as many
    colours: Literal["rgb", "bgr unit"] = "rgb"
    """Input of the mouth network: ``rgb`` in [-1, 1], or ``bgr unit``, blue first in [0, 1], as for Wav2Lip's
    expert."""

    def __post_init__(self) -> None:
        if self.base < 1 or self.colours not in ("rgb", "bgr unit"):
            raise ConfigError(f"A sync network needs a base of at least 1 and 'rgb' or 'bgr unit'; found {self}.")

    @property
    def embedding(self) -> int:
        return 16 * self.base


class Convolution(nn.Module):
    """Convolution, norm, optional shortcut, ReLU."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        stride: int | tuple[int, int],
        padding: int,
        residual: bool = False,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding)
        self.norm = nn.BatchNorm2d(outputs)
        self.residual = residual

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.conv(x))
        return F.relu(y + x if self.residual else y)


class SyncNet(nn.Module):
    """Mouths and sounds in, unit vectors out; their cosine measures how well they match."""

    def __init__(self, config: SyncNetConfig = SyncNetConfig()) -> None:
        super().__init__()
        self.config = config
        self.face = _stack(3 * FRAMES, config.base, FACE_LAYERS)
        self.sound = _stack(1, config.base, SOUND_LAYERS)

    def embed_mouths(self, mouths: Tensor) -> Tensor:
        """Embed windows of ``mouths`` (B F 3 48 96), RGB in [-1, 1], as unit vectors (B D)."""
        if self.config.colours == "bgr unit":
            mouths = (mouths.flip(2) + 1) / 2
        return F.normalize(
            self.face(rearrange(mouths, "b frame colour h w -> b (frame colour) h w")).flatten(1), dim=-1
        )

    def embed_sound(self, mel: Tensor) -> Tensor:
        """Embed windows of ``mel`` (B 80 16), -4 (silence) to 4, as unit vectors (B D)."""
        return F.normalize(self.sound(mel[:, None]).flatten(1), dim=-1)

    def forward(self, mouths: Tensor, mel: Tensor) -> Tensor:
        """Cosine (B) between mouths and sounds, in 0..1, since both embeddings end in a ReLU."""
        return (self.embed_mouths(mouths) * self.embed_sound(mel)).sum(dim=-1)


def sync_loss(cosine: Tensor, together: Tensor | float = 1.0) -> Tensor:
    """Binary cross entropy of the cosine (B) against whether they match (``together``: B, 1 or 0).

    With 1 it is the sync loss of a generator: -log of the expert's probability.

    Source: Wav2Lip; StyleHEAT's supplement, equation (3).
    """
    probability = cosine.float().clamp(1e-6, 1 - 1e-6)
    return F.binary_cross_entropy(probability, torch.as_tensor(together).to(probability).expand_as(probability))


def _stack(inputs: int, base: int, layers: tuple[Layer, ...]) -> nn.Sequential:
    found: list[nn.Module] = []
    for multiple, kernel, stride, padding, residuals in layers:
        width = multiple * base
        found.append(Convolution(inputs, width, kernel, stride, padding))
        found += [Convolution(width, width, 3, 1, 1, residual=True) for _ in range(residuals)]
        inputs = width
    return nn.Sequential(*found)
