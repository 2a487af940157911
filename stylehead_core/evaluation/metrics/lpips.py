"""LPIPS: perceptual distance by a network calibrated on human judgement."""

import torch
from torch import Tensor, nn

from ..pictures import check_pair, unit

__all__ = ["lpips"]


@torch.no_grad()
def lpips(generated: Tensor, target: Tensor, network: nn.Module) -> Tensor:
    """Learned perceptual distance of each frame; lower is better.

    Args:
        generated: (T 3 H W) in [-1, 1], or bytes.
        target: the same shape.
        network: ``networks.lpips``: two pictures (T 3 H W) in [-1, 1] -> distances (T), by convention
            AlexNet v0.1.

    Returns:
        (T) from 0, 0 for equal pictures; 0.1 is close, 0.5 is far.

    Source: Zhang et al., "The unreasonable effectiveness of deep features as a perceptual metric", 2018.
    """
    check_pair(generated, target)
    return network(unit(generated) * 2 - 1, unit(target) * 2 - 1).flatten()
