"""Statistics of the styles that an encoder finds in portraits, from which new ones are sampled.

A generator that was trained with an encoder has no trained mapping network: noise sent through that draws no face. What
the encoder finds is what the generator knows.

Axes: N portraits, R style rows, D style width, K directions.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..errors import ConfigError, InputError

__all__ = ["StyleStatistics", "StyleStatisticsConfig"]


@dataclass(frozen=True, kw_only=True)
class StyleStatisticsConfig:
    rows: int
    style_dim: int
    directions: int = 16  # principal components kept of each row

    def __post_init__(self) -> None:
        if min(self.rows, self.style_dim) < 1 or not 1 <= self.directions <= self.style_dim:
            raise ConfigError(f"Statistics need rows, a width, and 1 to that many directions; found {self}.")


class StyleStatistics(nn.Module):
    """A normal distribution for each style row: its mean, and its largest principal components."""

    mean: Tensor  # (R D)
    components: Tensor  # (R K D), each as long as its standard deviation

    def __init__(self, config: StyleStatisticsConfig) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("mean", torch.zeros(config.rows, config.style_dim))
        self.register_buffer("components", torch.zeros(config.rows, config.directions, config.style_dim))

    @torch.no_grad()
    def measure(self, styles: Tensor) -> None:
        """Take the statistics of ``styles`` (N R D), of 2 portraits at least."""
        if len(styles) < 2 or styles.shape[1:] != self.mean.shape:
            expected = tuple(self.mean.shape)
            raise InputError(
                f"Statistics are of at least 2 styles of the shape {expected}; found {tuple(styles.shape)}."
            )
        mean = styles.mean(0)
        centred = (styles - mean).transpose(0, 1).double()  # R N D
        _, strength, axes = torch.linalg.svd(centred, full_matrices=False)
        deviation = strength / (len(styles) - 1) ** 0.5
        kept = min(self.config.directions, deviation.shape[1])
        self.components.zero_()
        self.components[:, :kept] = (deviation[..., None] * axes)[:, :kept].to(self.components)
        self.mean.copy_(mean)

    def sample(self, count: int, rng: torch.Generator, *, spread: float = 1.0, independent: bool = True) -> Tensor:
        """Random styles (count R D).

        Args:
            spread: 1 as the portraits are spread, 0 their mean.
            independent: every row is sampled by itself; otherwise all rows share one draw.
        """
        rows = self.config.rows if independent else 1
        z = torch.randn(count, rows, self.config.directions, generator=rng, device=rng.device).to(self.mean)
        offset = torch.einsum("nrk,rkd->nrd", z.expand(-1, self.config.rows, -1), self.components)
        return self.mean + spread * offset
