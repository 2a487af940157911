"""Adaptive instance normalisation: how a descriptor steers a feature map.

Axes: B batch, C channels, D descriptor.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["AdaIN"]

EPSILON = 1e-5


class AdaIN(nn.Module):
    """Each channel brought to mean 0 and deviation 1, then to what a small network of the descriptor says.

    Source: Huang and Belongie (arXiv 1703.06868); the shared layer as in SPEC section 3.2.
    """

    def __init__(self, channels: int, descriptor: int, hidden: int = 128) -> None:
        super().__init__()
        self.shared = nn.Linear(descriptor, hidden)
        self.gamma = nn.Linear(hidden, channels)
        self.beta = nn.Linear(hidden, channels)

    def forward(self, x: Tensor, descriptor: Tensor) -> Tensor:
        """Normalise ``x`` (B C H W) and give it the scale and shift of ``descriptor`` (B D)."""
        hidden = F.relu(self.shared(descriptor))
        scale = 1 + self.gamma(hidden)  # B C
        shift = self.beta(hidden)
        # One multiplication and one addition a pixel, instead of two of each. Statistics in float32.
        variance, mean = torch.var_mean(x.float(), dim=(2, 3), correction=0)  # B C
        scale = scale * torch.rsqrt(variance + EPSILON)
        shift = shift - mean * scale
        return torch.addcmul(shift[..., None, None].to(x.dtype), x, scale[..., None, None].to(x.dtype))
