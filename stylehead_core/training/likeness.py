"""Reconstruction loss of inversion networks: pixels, LPIPS and identity (ArcFace).

Source: pSp (arXiv 2008.00951), whose weights for faces e4e (arXiv 2102.02766) and HFGI (arXiv 2109.06590) keep.

Axes: B batch, S picture size.
"""

from dataclasses import dataclass
from pathlib import Path

import torch.nn.functional as F
from torch import Tensor

from ..evaluation.load_metric_networks import load_identity, load_lpips
from ..model.stylehead import StyleHead

__all__ = ["Likeness", "LikenessLoss"]


@dataclass(frozen=True, kw_only=True)
class Likeness:
    size: int = 256  # pixels of the pictures compared
    pixels: float = 1.0  # of the mean squared difference
    perceptual: float = 0.8  # of LPIPS
    identity: float = 0.1  # of 1 - cosine of the ArcFace embeddings
    lpips: Path | None = None  # folder of ``load_lpips``; None leaves LPIPS out
    arcface: Path | None = None  # file of ``load_identity``; None leaves identity out


class LikenessLoss:
    """Evaluates a ``Likeness``; loads the networks whose files it names."""

    def __init__(self, weights: Likeness) -> None:
        self.weights = weights
        self.lpips = None if weights.lpips is None else load_lpips(weights.lpips)
        self.arcface = None if weights.arcface is None else load_identity(weights.arcface)

    def __call__(self, model: StyleHead, drawn: Tensor, wanted: Tensor) -> dict[str, Tensor]:
        """The weighted losses of ``drawn`` against ``wanted`` (B 3 S S each, of any size)."""
        size = min(self.weights.size, model.config.size)
        drawn, wanted = model.resize(drawn, size), model.resize(wanted, size)
        losses = {"pixels": self.weights.pixels * F.mse_loss(drawn, wanted)}
        if self.lpips is not None:
            losses["perceptual"] = self.weights.perceptual * self.lpips(drawn, wanted).mean()
        if self.arcface is not None:
            cosine = (self.arcface(drawn) * self.arcface(wanted)).sum(1)
            losses["identity"] = self.weights.identity * (1 - cosine).mean()
        return losses
