"""A small network that tells drawn pictures from real ones, a judgement for every patch.

Source: PatchGAN (arXiv 1611.07004), its layers equalised and its slope at real pictures kept small (R1, arXiv
1801.04406) as in StyleGAN2. It is no part of the model.
"""

from torch import Tensor, nn

from ..networks.equalised import EqualConv, activate
from .losses import logistic_loss, r1_penalty
from .recipe import Parts

__all__ = ["PATCH", "PatchDiscriminator", "discriminator_loss"]

PATCH = 4  # pixels from one judgement to the next
SLOPE = 3e-5  # weight of the squared slope: small, as each pixel is part of some fifty judgements


class PatchDiscriminator(nn.Module):
    """It begins at the full size, where softness is to be seen; a judgement looks at 28 pixels."""

    def __init__(self, widths: tuple[int, int, int] = (32, 48, 64)) -> None:
        super().__init__()
        fine, middle, coarse = widths
        self.first = EqualConv(3, fine, 3)
        self.shrink = nn.ModuleList(
            EqualConv(into, out, 4, stride=2, padding=1) for into, out in ((fine, middle), (middle, coarse))
        )
        self.mix = EqualConv(coarse, coarse, 3)
        self.last = EqualConv(coarse, 1, 3)

    def forward(self, pictures: Tensor) -> Tensor:
        """(B 3 S S) -> (B 1 S/4 S/4), above 0 where a patch looks real."""
        x = activate(self.first(pictures))
        for shrink in self.shrink:
            x = activate(shrink(x))
        return self.last(activate(self.mix(x)))


def discriminator_loss(
    discriminator: nn.Module, seen: tuple[Tensor, Tensor] | None, weight: Tensor | None = None
) -> tuple[Tensor, Parts]:
    """The loss of the discriminator's phase on what the turn before has ``seen``: drawn and real pictures.

    ``weight`` says how much each patch counts.
    """
    assert seen is not None
    drawn, real = seen
    real = real.detach().requires_grad_()
    verdict = discriminator(real)
    loss = logistic_loss(verdict, discriminator(drawn), weight)
    slope = r1_penalty(real, verdict)
    return loss + SLOPE / 2 * slope, {"discriminator": float(loss.detach()), "slope": float(slope.detach())}
