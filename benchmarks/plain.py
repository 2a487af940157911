"""Plain implementation of a frame, as in the official code, as the baseline of benchmarks.

Two full passes of the generator for every frame, grouped convolutions with weights modulated each time, filters on
one-channel pictures with zeros between their pixels, and all eight outputs of the calibrator. The result is the same.
Source: reference/COST.md and SPEC sections 1, 3 and 4.

Axes: B batch, R style rows, D style width, C channels, H W picture.
"""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from stylehead_core.model.stylehead import StyleHead
from stylehead_core.networks.equalised import SLOPE
from stylehead_core.networks.generator import Generator
from stylehead_core.networks.modulated import ModulatedConv
from stylehead_core.ops.warp import warp

__all__ = ["draw_frame", "draw_picture", "filter_upsampled"]

TAPS = (1.0, 3.0, 3.0, 1.0)


def draw_frame(
    model: StyleHead, picture: Tensor, feature: Tensor, styles: Tensor, window: Tensor, source: Tensor | None
) -> Tensor:
    """Draw one frame (1 3 S S), not clamped.

    Args:
        picture: (1 3 P P) that the flow field sees.
        feature: (1 C h w) of the inversion.
        styles: (1 R D).
        window: (1 K W) of the motion.
        source: (1 K), if the motion encoder uses the portrait's own coefficients.
    """
    assert model.calibrator is not None
    descriptor = model.motion_encoder(window, source)
    flow, visibility, *_ = model.predict_flow(picture, descriptor)
    warp(picture, flow, model.config.warp)  # the official code also warps the picture, for nobody
    moved = warp(feature, flow, model.config.warp)
    draw_picture(model.generator, styles, moved)  # and draws it uncalibrated, which only its training looks at
    if model.calibrator.config.heads == "all":
        scale, shift = model.calibrator.predict_all_levels(moved, descriptor)[-2:]
    else:
        scale, shift = model.predict_calibration(moved, descriptor, flow, visibility)
    return draw_picture(model.generator, styles, moved * (1 + scale) + shift)


def draw_picture(generator: Generator, styles: Tensor, feature: Tensor | None = None) -> Tensor:
    """A full pass of the generator for ``styles`` (B R D), with ``feature`` (B C h w) inserted at the waist."""
    config = generator.config
    x, rgb = generator.constant.expand(len(styles), -1, -1, -1), None
    for resolution in config.resolutions:
        level: Any = generator.levels[str(resolution)]
        row = config.row(resolution)
        if level.up is not None:
            x = _modulate(level.up, x, styles[:, row - 1])
        if resolution == config.waist and feature is not None:
            x = feature
        x = _modulate(level.conv, x, styles[:, row])
        if level.rgb is not None:
            drawn = _modulate(level.rgb, x, styles[:, row + 1])
            rgb = drawn if rgb is None else drawn + filter_upsampled(rgb, up=2, before=2, after=1)
    assert rgb is not None
    return rgb


def _modulate(conv: ModulatedConv, x: Tensor, style: Tensor) -> Tensor:
    batch, channels = x.shape[:2]
    outputs, _, kernel, _ = conv.weight.shape
    reading = conv.style(style)  # B I
    weight = conv.weight[None] * reading[:, None, :, None, None] / math.sqrt(channels * kernel * kernel)
    if conv.demodulate:
        weight = weight * torch.rsqrt(weight.square().sum((2, 3, 4), keepdim=True) + 1e-8)
    x = x.reshape(1, batch * channels, *x.shape[2:])
    if conv.up:
        weight = weight.transpose(1, 2).reshape(batch * channels, outputs, kernel, kernel)
        x = F.conv_transpose2d(x, weight, stride=2, groups=batch)
        x = filter_upsampled(x.reshape(batch, outputs, *x.shape[2:]), up=1, before=1, after=1, gain=4.0)
    else:
        weight = weight.reshape(batch * outputs, channels, kernel, kernel)
        x = F.conv2d(x, weight, padding=kernel // 2, groups=batch)
        x = x.reshape(batch, outputs, *x.shape[2:])
    x = x + conv.bias[:, None, None]
    return F.leaky_relu(x, SLOPE) * math.sqrt(2) if conv.active else x


def filter_upsampled(x: Tensor, *, up: int, before: int, after: int, gain: float | None = None) -> Tensor:
    """Upsample ``x`` (B C H W) with zeros between its pixels, pad, and filter one channel at a time."""
    batch, channels, height, width = x.shape
    x = x.reshape(batch * channels, 1, height, 1, width, 1)
    x = F.pad(x, (0, up - 1, 0, 0, 0, up - 1)).reshape(batch * channels, 1, height * up, width * up)
    x = F.pad(x, (before, after, before, after))
    taps = x.new_tensor(TAPS)
    kernel = torch.outer(taps, taps) / taps.sum() ** 2 * (gain or up * up)
    x = F.conv2d(x, kernel[None, None])
    return x.reshape(batch, channels, *x.shape[2:])
