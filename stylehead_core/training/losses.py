"""What a drawn picture is compared by.

Axes: B batch, C channels, H W picture.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from ..networks.vgg import Vgg, perceptual_loss

__all__ = [
    "adversarial_loss",
    "changed",
    "endpoint_error",
    "fine_detail",
    "logistic_loss",
    "perceived",
    "pyramid_difference",
    "r1_penalty",
    "region_weights",
    "roughness_difference",
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


def changed(before: Tensor, after: Tensor, most: float) -> Tensor:
    """How much each place of an edit counts: 1 where nothing changes, up to 1 + ``most`` where the most does.

    A beard, a wrinkle or a painted lip is a few hundred pixels beside a picture that stays.

    Args:
        before, after: (B 3 H W).

    Returns:
        (B 1 H W).
    """
    change = F.avg_pool2d((after - before).abs().mean(1, keepdim=True), 3, stride=1, padding=1)
    return 1 + most * change / change.amax(dim=(2, 3), keepdim=True).clamp_min(1e-2)


def fine_detail(pictures: Tensor) -> Tensor:
    """What a picture (B C H W) has beyond the mean of the 3 x 3 pixels around each."""
    padded = F.pad(pictures, (1, 1, 1, 1), mode="replicate")
    return pictures - F.avg_pool2d(padded, 3, stride=1)


def roughness_difference(picture: Tensor, target: Tensor, weight: Tensor, window: int = 8, levels: int = 2) -> Tensor:
    """How much more or less rough ``picture`` is than ``target``, wherever in a window that lies: 0 is best.

    The weighted mean difference of the deviations of ``bands`` in windows of ``window`` pixels, by half a window; and
    of the pictures at half the size, and so on. What is drawn softly because nobody knows where a hair lies costs as
    much here as it gains by being in no wrong place. ``picture`` and ``target`` are (B 3 H W), ``weight`` is (B 1 H W).
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
    """The detail of ``pictures`` (B C H W) from pixel to pixel, and that of twice the width: (B 4*C H W).

    Each along the rows and along the columns, so that stripes cannot pass for texture.
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
    """What a drawing goes down to be taken for real: softplus(-judgement). Source: StyleGAN2, non-saturating.

    ``weight`` is of the judgement's shape: how much each patch counts.
    """
    return _mean(F.softplus(-drawn), weight)


def logistic_loss(real: Tensor, drawn: Tensor, weight: Tensor | None = None) -> Tensor:
    """What a judge goes down: softplus(-judgement of real) + softplus(judgement of drawn)."""
    return _mean(F.softplus(-real), weight) + _mean(F.softplus(drawn), weight)


def _mean(values: Tensor, weight: Tensor | None) -> Tensor:
    return values.mean() if weight is None else (values * weight).sum() / weight.sum().clamp_min(1e-6)


def r1_penalty(pictures: Tensor, verdict: Tensor) -> Tensor:
    """The mean squared slope of a ``verdict`` at ``pictures`` (B 3 S S), which ask for a gradient.

    Source: R1, Mescheder et al. (arXiv 1801.04406).
    """
    (slope,) = torch.autograd.grad(verdict.sum(), pictures, create_graph=True)
    return slope.square().sum((1, 2, 3)).mean()


def perceived(network: Vgg, picture: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
    """How differently ``network`` sees two pictures (B 3 H W), all its taps alike; ``mask`` is (B 1 H W). 0 is best."""
    return perceptual_loss(network, picture, target, mask=mask, weights=(1,) * len(network.config.widths))


def region_weights(
    landmarks: Tensor, rings: Sequence[tuple[int, ...]], size: int, picture: int, margin: float
) -> Tensor:
    """1 in the boxes around ``rings`` of landmarks, 0 elsewhere: (B 1 size size).

    Args:
        landmarks: (B 478 3) pixels of a square of ``picture``.
        rings: the landmarks of each region.
        margin: pixels of ``picture`` on all sides.
    """
    line = (torch.arange(size, device=landmarks.device) + 0.5) * (picture / size) - 0.5
    weight = landmarks.new_zeros(len(landmarks), size, size)
    for ring in rings:
        points = landmarks[:, list(ring), :2]
        low, high = points.amin(1) - margin, points.amax(1) + margin  # B 2
        across = (line >= low[:, :1]) & (line <= high[:, :1])  # B size
        down = (line >= low[:, 1:]) & (line <= high[:, 1:])
        weight = torch.maximum(weight, (across[:, None] & down[:, :, None]).to(weight.dtype))
    return weight[:, None]
