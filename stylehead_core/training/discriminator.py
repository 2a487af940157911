"""The patch discriminator of calibration and refinement: one logit for every patch. It is not part of the model.

Source: PatchGAN (arXiv 1611.07004), with equalised layers and an R1 penalty (arXiv 1801.04406) as in StyleGAN2.
"""

from torch import Tensor, nn

from ..networks.equalised import EqualConv, activate
from .losses import logistic_loss, r1_penalty
from .recipe import Parts

__all__ = ["PATCH", "R1_WEIGHT", "PatchDiscriminator", "discriminator_loss"]

PATCH = 4  # pixels from one logit to the next
R1_WEIGHT = 3e-5  # small, since each pixel is seen by some fifty logits


class PatchDiscriminator(nn.Module):
    """Convolutions from the full size, where blur is visible, down to a quarter. The receptive field has 28 pixels."""

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
        """Logits (B 1 S/4 S/4) of ``pictures`` (B 3 S S): above 0 where a patch looks real."""
        x = activate(self.first(pictures))
        for shrink in self.shrink:
            x = activate(shrink(x))
        return self.last(activate(self.mix(x)))


def discriminator_loss(
    discriminator: nn.Module,
    seen: tuple[Tensor, Tensor] | None,
    weight: Tensor | None = None,
    r1_weight: float = R1_WEIGHT,
) -> tuple[Tensor, Parts]:
    """Loss of the discriminator's phase: logistic loss and R1 penalty.

    Args:
        seen: drawn and real pictures (B 3 S S) of the phase before.
        weight: (B 1 S/4 S/4), how much each patch counts.
        r1_weight: of the penalty; 0 leaves it out, which takes a third of the time.
    """
    assert seen is not None
    drawn, real = seen
    if not r1_weight:
        loss = logistic_loss(discriminator(real.detach()), discriminator(drawn), weight)
        return loss, {"discriminator": float(loss.detach())}
    real = real.detach().requires_grad_()
    logits = discriminator(real)
    loss = logistic_loss(logits, discriminator(drawn), weight)
    penalty = r1_penalty(real, logits)
    return loss + r1_weight / 2 * penalty, {"discriminator": float(loss.detach()), "r1": float(penalty.detach())}
