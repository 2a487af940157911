"""Which layer to warp: warps one feature map of a generator at a time by a known flow, and measures the result.

A low map is too coarse to follow the flow. A high one leaves a ghost of the unmoved picture, since the RGB sum of the
levels below it does not move.

Axes: B pictures, S their size.

Source: StyleHEAT's supplement, section 2. It was judged by eye there; the metrics here are ours.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import ConfigError, InputError
from ..networks.generator import Generator
from ..ops.warp import warp
from .pictures import unit

__all__ = ["Followed", "LayerStudy", "follow", "studied_resolutions", "study_layers"]

MIN_MOVEMENT_PX = 1.0  # pixels: points that move less say nothing about following
MARGIN_DIVISOR = 16  # a border of a sixteenth is left out: padding draws a frame there that never moves


@dataclass(frozen=True, kw_only=True)
class Followed:
    """How well a picture follows a flow, over pixels that move and come from inside the picture."""

    moved: float
    """Share of the fine detail that is where the flow takes it; 1 is all, higher is better."""
    ghost: float
    """Share of the fine detail that is still at the old position; 0 is none, lower is better."""
    error: float
    """Mean difference from the warped picture, in levels of 0..255; lower is better."""
    still: float
    """The same for the picture that was not moved at all: the reference for ``error``."""


@dataclass(frozen=True, kw_only=True)
class LayerStudy:
    picture: Tensor  # (B 3 S S) as the generator draws it
    warped: Tensor  # (B 3 S S) that picture warped by the flow: the goal for every layer
    drawn: dict[int, Tensor]  # by resolution of the warped feature map: (B 3 S S)
    followed: dict[int, Followed]

    def table(self) -> str:
        """The study as lines of text, one a resolution."""
        lines = [f"{'warped at':>10} {'moved':>7} {'ghost':>7} {'error':>7} {'(still)':>8}"]
        lines += [
            f"{f'{r} x {r}':>10} {f.moved:>7.2f} {f.ghost:>7.2f} {f.error:>7.2f} {f.still:>8.2f}"
            for r, f in self.followed.items()
        ]
        return "\n".join(lines)


def studied_resolutions(generator: Generator) -> list[int]:
    """The resolutions whose feature map can be moved. That of 4 x 4 is the constant that all pictures begin with."""
    return generator.config.resolutions


@torch.no_grad()
def study_layers(
    generator: Generator,
    styles: Tensor,
    flow: Tensor,
    *,
    resolutions: Sequence[int] | None = None,
    rgb: Literal["still", "warped"] = "still",
) -> LayerStudy:
    """Warp one feature map at a time by ``flow``, keep the styles, and draw the rest.

    Args:
        generator: any; its own waist does not matter here.
        styles: (B R D).
        flow: (1 2 S S) in pixels of the picture; it is resized for each map.
        resolutions: which maps to warp; by default all possible ones.
        rgb: whether the RGB sum of the levels below the map is warped too. ``still`` is the paper's procedure.
    """
    size = generator.config.size
    if flow.shape != (1, 2, size, size):
        raise InputError(f"One flow in pixels of the picture is needed, (1, 2, {size}, {size}); found {flow.shape}.")
    picture = generator(styles).clamp(-1, 1)
    warped = warp(picture, flow.expand(len(picture), -1, -1, -1))
    drawn = {
        resolution: _draw_moved(generator, styles, flow, resolution, rgb).clamp(-1, 1)
        for resolution in resolutions or studied_resolutions(generator)
    }
    followed = {resolution: follow(result, picture, warped, flow) for resolution, result in drawn.items()}
    return LayerStudy(picture=picture, warped=warped, drawn=drawn, followed=followed)


def follow(drawn: Tensor, picture: Tensor, warped: Tensor, flow: Tensor) -> Followed:
    """Measure how well ``drawn`` equals ``picture`` warped by ``flow``.

    The fine detail of ``drawn`` is fitted, by least squares, by ``moved`` times that of the warped picture plus
    ``ghost`` times that of the unmoved one; what a network adds of its own is in neither.

    Args:
        drawn, picture, warped: (B 3 S S) in [-1, 1].
        flow: (1 2 S S) in pixels.
    """
    size = flow.shape[-1]
    axis = torch.arange(size, device=flow.device)
    x, y = flow[0, 0] + axis, flow[0, 1] + axis[:, None]
    edge = size // MARGIN_DIVISOR
    inside = (x >= edge) & (x <= size - 1 - edge) & (y >= edge) & (y <= size - 1 - edge)
    inside[:edge], inside[-edge:], inside[:, :edge], inside[:, -edge:] = False, False, False, False
    counts = inside & (flow[0].norm(dim=0) > MIN_MOVEMENT_PX)
    if not counts.any():
        counts = inside  # nothing moves: then everything should stay
    there, here, found = (_detail(p)[..., counts].flatten().double() for p in (warped, picture, drawn))
    gram = torch.stack((torch.stack((there @ there, there @ here)), torch.stack((there @ here, here @ here))))
    parts = torch.linalg.pinv(gram, hermitian=True) @ torch.stack((there @ found, here @ found))
    levels = 255 * (unit(drawn) - unit(warped)).abs()[..., counts].mean()
    still = 255 * (unit(picture) - unit(warped)).abs()[..., counts].mean()
    return Followed(moved=float(parts[0]), ghost=float(parts[1]), error=float(levels), still=float(still))


def _draw_moved(generator: Generator, styles: Tensor, flow: Tensor, resolution: int, rgb: str) -> Tensor:
    if resolution not in studied_resolutions(generator):
        raise ConfigError(
            f"There is no feature map of {resolution} pixels to move; "
            f"take one of {', '.join(map(str, studied_resolutions(generator)))}."
        )
    if resolution == generator.config.resolutions[0]:
        moved = copy.copy(generator)  # the same weights, but for the constant
        moved._parameters = {**generator._parameters, "constant": nn.Parameter(warp(generator.constant[None], flow)[0])}
        return moved(styles)
    cut = copy.copy(generator)  # the same weights with another waist
    cut.config = replace(generator.config, waist=resolution)
    feature, below = cut.lower(styles)
    flows = flow.expand(len(styles), -1, -1, -1)
    if below is not None and rgb == "warped":
        below = warp(below, flows)
    return cut.upper(warp(feature, flows), styles, below)


def _detail(pictures: Tensor) -> Tensor:
    """High-pass filter: detail finer than about a sixteenth of the picture."""
    reach = max(1, pictures.shape[-1] // 32)
    padded = F.pad(pictures, (reach,) * 4, mode="replicate")
    return pictures - F.avg_pool2d(padded, 2 * reach + 1, 1)
