"""Losses of training: on pictures, on flows, on the answers of discriminators.

Axes: B batch, C channels, H W picture.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from ..networks.vgg import Vgg, perceptual_loss

__all__ = [
    "adversarial_loss",
    "endpoint_error",
    "fine_detail",
    "logistic_loss",
    "perceptual_difference",
    "pyramid_difference",
    "r1_penalty",
    "roughness_difference",
    "weight_changes",
]


def pyramid_difference(picture: Tensor, target: Tensor, weight: Tensor | None = None, levels: int = 3) -> Tensor:
    """Mean absolute difference of colours, and of their slopes, at several sizes: 0 is best.

    At every level: mean |a - b| + mean |d(a - b)/dx| + mean |d(a - b)/dy|. The slopes make an edge in the wrong place
    cost more than a wrong colour, which keeps drawings from being soft.

    Args:
        picture, target: (B C H W).
        weight: (B 1 H W), how much each place counts.
        levels: each has half the size of the one before.
    """
    difference = picture - target
    total = difference.new_zeros(())
    for level in range(levels):
        if level:
            difference = F.avg_pool2d(difference, 2)
            weight = None if weight is None else F.avg_pool2d(weight, 2)
        across = difference[..., 1:] - difference[..., :-1]
        down = difference[..., 1:, :] - difference[..., :-1, :]
        for term, part in (
            (difference, weight),
            (across, None if weight is None else weight[..., 1:]),
            (down, None if weight is None else weight[..., 1:, :]),
        ):
            total = total + (term.abs() if part is None else term.abs() * part).mean()
    return total / levels


def weight_changes(before: Tensor, after: Tensor, most: float) -> Tensor:
    """Weight map of an edit: 1 where nothing changes, up to 1 + ``most`` where the change is largest.

    A beard, a wrinkle or a painted lip is a few hundred pixels beside a picture that stays.

    Args:
        before, after: (B 3 H W).

    Returns:
        (B 1 H W).
    """
    change = F.avg_pool2d((after - before).abs().mean(1, keepdim=True), 3, stride=1, padding=1)
    return 1 + most * change / change.amax(dim=(2, 3), keepdim=True).clamp_min(1e-2)


def fine_detail(pictures: Tensor) -> Tensor:
    """High-pass of pictures (B C H W): the difference to the mean of the 3 x 3 pixels around each."""
    padded = F.pad(pictures, (1, 1, 1, 1), mode="replicate")
    return pictures - F.avg_pool2d(padded, 3, stride=1)


def roughness_difference(picture: Tensor, target: Tensor, weight: Tensor, window: int = 8, levels: int = 2) -> Tensor:
    """Difference of local contrast between ``picture`` and ``target``, window by window: 0 is best.

    The weighted mean difference of the standard deviations of ``bands`` in windows of ``window`` pixels with half
    overlap, at the full size and at ``levels - 1`` halvings. Blur, which a pixelwise loss rewards where the position of
    detail is uncertain, costs here. ``picture`` and ``target`` are (B 3 H W), ``weight`` is (B 1 H W).
    """
    total = picture.new_zeros(())
    for level in range(levels):
        if level:
            picture, target, weight = (F.avg_pool2d(plane, 2) for plane in (picture, target, weight))
        rough, wanted = (
            (F.avg_pool2d(bands(one).square(), window, window // 2) + 1e-4).sqrt() for one in (picture, target)
        )
        total = total + ((rough - wanted).abs() * F.avg_pool2d(weight, window, window // 2)).mean()
    return total / levels


def bands(pictures: Tensor) -> Tensor:
    """Second and first differences of ``pictures`` (B C H W), along rows and columns: (B 4*C H W).

    Rows and columns are kept apart, so that stripes do not pass for texture.
    """
    padded = F.pad(pictures, (1, 1, 1, 1), mode="replicate")
    left, right = padded[..., 1:-1, :-2], padded[..., 1:-1, 2:]
    above, below = padded[..., :-2, 1:-1], padded[..., 2:, 1:-1]
    fine = [pictures / 2 - (one + other) / 4 for one, other in ((left, right), (above, below))]
    return torch.cat((*fine, (right - left) / 2, (below - above) / 2), dim=1)


def endpoint_error(flow: Tensor, exact: Tensor, weight: Tensor) -> Tensor:
    """Weighted mean distance between two flows (B 2 h w), in their pixels; ``weight`` is (B 1 h w). 0 is best.

    The tenth of a pixel under the root keeps the gradient finite where both agree.
    """
    distance = ((flow - exact).square().sum(dim=1, keepdim=True) + 0.01).sqrt() - 0.1
    return (distance * weight).sum() / weight.sum().clamp_min(1.0)


def adversarial_loss(drawn: Tensor, weight: Tensor | None = None) -> Tensor:
    """Non-saturating generator loss: softplus(-logits). Source: StyleGAN2.

    ``weight`` has the shape of the logits ``drawn``: how much each patch counts.
    """
    return _mean(F.softplus(-drawn), weight)


def logistic_loss(real: Tensor, drawn: Tensor, weight: Tensor | None = None) -> Tensor:
    """Discriminator loss on logits: softplus(-real) + softplus(drawn). Source: StyleGAN2."""
    return _mean(F.softplus(-real), weight) + _mean(F.softplus(drawn), weight)


def _mean(values: Tensor, weight: Tensor | None) -> Tensor:
    return values.mean() if weight is None else (values * weight).sum() / weight.sum().clamp_min(1e-6)


def r1_penalty(pictures: Tensor, logits: Tensor) -> Tensor:
    """R1: mean squared gradient norm of ``logits`` at real ``pictures`` (B 3 S S), which require a gradient.

    Source: Mescheder et al. (arXiv 1801.04406).
    """
    (gradient,) = torch.autograd.grad(logits.sum(), pictures, create_graph=True)
    return gradient.square().sum((1, 2, 3)).mean()


def perceptual_difference(network: Vgg, picture: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
    """Perceptual distance of two pictures (B 3 H W) by VGG, all taps alike; ``mask`` is (B 1 H W). 0 is best."""
    return perceptual_loss(network, picture, target, mask=mask, weights=(1,) * len(network.config.widths))
