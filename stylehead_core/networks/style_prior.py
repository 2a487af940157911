"""Style prior: distance of styles from the generator's distribution; 0 at the mean.

Axes: B batch, R style rows, D style width.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["StylePrior", "StylePriorConfig"]

INVERSE_SLOPE = 5.0  # inverts the mapping network's last leaky ReLU, whose slope is 0.2


@dataclass(frozen=True, kw_only=True)
class StylePriorConfig:
    style_dim: int = 512


class StylePrior(nn.Module):
    """Principal component analysis of styles. Source: Barbershop (arXiv 2106.01505), the P-norm of SPEC section 8."""

    mean: Tensor  # (D)
    components: Tensor  # (D D), one a row
    deviation: Tensor  # (D)

    def __init__(self, config: StylePriorConfig = StylePriorConfig()) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("mean", torch.zeros(config.style_dim))
        self.register_buffer("components", torch.eye(config.style_dim))
        self.register_buffer("deviation", torch.ones(config.style_dim))

    def forward(self, styles: Tensor) -> Tensor:
        """Mean square of the whitened ``styles`` (B R D), one number."""
        coordinates = (F.leaky_relu(styles, INVERSE_SLOPE) - self.mean) @ self.components.T / self.deviation
        return coordinates.square().mean()
