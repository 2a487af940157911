"""A small network that tells drawn pictures from real ones, a judgement for every patch.

Source: PatchGAN (arXiv 1611.07004), with spectral normalisation (arXiv 1802.05957). It is no part of the model.
"""

import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from ..losses import judged
from ..recipe import Parts

__all__ = ["Judge", "judge_turn"]


class Judge(nn.Module):
    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.convs = nn.ModuleList(
            spectral_norm(nn.Conv2d(into, out, 4, stride=2, padding=1))
            for into, out in ((3, width), (width, 2 * width), (2 * width, 2 * width))
        )
        self.last = nn.Conv2d(2 * width, 1, 3, padding=1)

    def forward(self, pictures: Tensor) -> Tensor:
        """(B 3 S S) -> (B 1 S/8 S/8), above 0 where a patch looks real."""
        x = pictures
        for conv in self.convs:
            x = F.leaky_relu(conv(x), 0.2)
        return self.last(x)


def judge_turn(judge: nn.Module, seen: tuple[Tensor, Tensor] | None) -> tuple[Tensor, Parts]:
    """The loss of the judge's turn on what the turn before has ``seen``: drawn and real pictures."""
    assert seen is not None
    drawn, real = seen
    loss = judged(judge(real), judge(drawn))
    return loss, {"judge": float(loss.detach())}
