"""VGG19 perceptual and style loss.

Axes: B batch, C channels, H W picture.

Source: VGG19 (arXiv 1409.1556); perceptual and style loss (arXiv 1603.08155) as StyleHEAT sums them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from ..errors import ConfigError

__all__ = ["Vgg", "VggConfig", "perceptual_loss"]

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, RGB in 0..1


@dataclass(frozen=True, kw_only=True)
class VggConfig:
    widths: tuple[int, ...] = (64, 128, 256, 512, 512)  # channels of each stage; max pooling between stages
    convs: tuple[int, ...] = (2, 2, 4, 4, 1)  # convolutions of each stage; of VGG19's last stage only the first is used

    def __post_init__(self) -> None:
        if not self.widths or len(self.widths) != len(self.convs) or min(*self.widths, *self.convs) < 1:
            raise ConfigError(
                f"VGG needs as many widths as numbers of convolutions, all at least 1; found {self.widths} "
                f"and {self.convs}."
            )


class Vgg(nn.Module):
    """VGG up to its last tap. Taps are the outputs of the first ReLU of each stage: relu1_1 ... relu5_1."""

    def __init__(self, config: VggConfig = VggConfig()) -> None:
        super().__init__()
        self.config = config
        inputs = (3, *config.widths[:-1])
        self.stages = nn.ModuleList(
            nn.ModuleList(nn.Conv2d(into if i == 0 else out, out, 3, padding=1) for i in range(convs))
            for into, out, convs in zip(inputs, config.widths, config.convs, strict=True)
        )

    def forward(self, image: Tensor) -> list[Tensor]:
        """Taps of ``image`` (B 3 H W) in [-1, 1], fine to coarse."""
        mean, deviation = (image.new_tensor(values)[:, None, None] for values in (MEAN, DEVIATION))
        x = ((image + 1) / 2 - mean) / deviation
        taps = []
        for number, stage in enumerate(self.stages):
            if number:
                x = F.max_pool2d(x, 2)
            for i, conv in enumerate(stage):  # type: ignore[arg-type]
                x = F.relu(conv(x))
                if i == 0:
                    taps.append(x)
        return taps


def perceptual_loss(
    vgg: Vgg,
    picture: Tensor,
    target: Tensor,
    *,
    scales: int = 4,
    style: float = 0.0,
    mask: Tensor | None = None,
    weights: Sequence[float] = (1, 1, 1, 1, 1),
    normalised: bool = False,
) -> Tensor:
    """Perceptual distance of two pictures: 0 for equal ones, lower is better.

    Args:
        vgg: frozen or not; gradients reach ``picture`` only.
        picture: (B 3 H W) in [-1, 1].
        target: (B 3 H W) in [-1, 1].
        scales: the pictures are compared at their own size, at half of it, and so on.
        style: weight of the difference between Gram matrices, at the first scale only. The paper's is 250.
        mask: (B 1 H W) in 0..1, multiplied onto the features.
        weights: one for each tap.
        normalised: normalise each channel to mean 0 and variance 1 in each picture before comparing.
    """
    total = picture.new_zeros(())
    for scale in range(scales):
        if scale:
            picture, target = _halve(picture), _halve(target)
        with torch.no_grad():
            wanted = vgg(target)
        for weight, found, expected in zip(weights, vgg(picture), wanted, strict=True):
            if normalised:
                found, expected = F.instance_norm(found), F.instance_norm(expected)
            if mask is not None:
                fitted = F.interpolate(mask, size=found.shape[-2:], mode="bilinear", align_corners=False)
                found, expected = found * fitted, expected * fitted
            total = total + weight * F.l1_loss(found, expected)
            if style and scale == 0:
                total = total + style * F.l1_loss(_gram(found), _gram(expected))
    return total


def _halve(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=0.5, mode="bilinear", align_corners=False, recompute_scale_factor=True)


def _gram(x: Tensor) -> Tensor:
    """Gram matrix of the channels (B C C), averaged over pixels and channels."""
    flat = rearrange(x, "b c h w -> b c (h w)")
    return flat @ flat.mT / flat[0].numel()
