"""The head behind the face as the landmark prior sees it: points of a mean skull, hair included, and of a neck.

A bald head is smaller than the mean. If its skull were not made smaller, a turn would fetch what is beside the head.

Axes: B batch, P points, S picture size, A angles.
Frame of the head: centimetres, x to the picture's right, y up, z to the camera; see ``ops.pose``.
"""

import math
from functools import cache
from typing import NamedTuple

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from ..ops.pose import HeadPose

__all__ = [
    "MAX_SKULL",
    "SKULL_AXES",
    "SKULL_CENTRE",
    "Outline",
    "fit_outline",
    "outline_angles",
    "outline_at",
    "scale_outline",
    "skull_and_neck",
    "smoothstep",
]

SKULL_CENTRE, SKULL_AXES = (0.0, 3.0, -2.4), (8.4, 11.4, 8.9)  # cm, hair included
SKULL_MAX_Z_CM, SKULL_MIN_Y_CM = 5.75, -7.5  # cm: the ellipsoid ends before this z and above this y
SKULL_POINTS = 4000
NECK_RADII, NECK_CENTRE = (6.0, 5.5), -3.5  # cm, to the side and to the front; z of its axis
NECK_ENDS, NECK_POINTS = (-6.5, -19.0), (48, 64)  # cm of y; points along and around
# Cm of y: above the first it turns with the head, below the second not at all.
NECK_FOLLOWS_ABOVE_CM, NECK_FIXED_BELOW_CM = -2.7, -17.6
OUTLINE_ANGLES = 72  # directions around the skull's centre in which its outline is measured
OUTLINE_SCALES = (0.8, 1.2)  # of the mean skull's radius that an outline may have
MAX_SKULL = 1.0  # of it that counts as skull, what is beyond being hair
OUTLINE_SEARCH = (0.5, 1.2, 72)  # radii of the mean skull between which the matte's end is sought, and steps
OUTLINE_MIN_SINE = -0.25  # of the direction: below it there are neck and shoulders, and the outline is the mean one
OUTLINE_SINE_RANGE = 1 / 12


class Outline(NamedTuple):
    """How far a person reaches in a portrait."""

    head: Tensor  # (B A) from the skull's centre, see ``fit_outline``
    silhouette: Tensor | None = None  # (B A) from the middle of the face; None = it is not looked at


@cache
def skull_and_neck() -> tuple[Tensor, Tensor]:
    """Points (P 3) in cm of the head's frame, and how much each follows the head's rotation (P) in 0..1."""
    with torch.inference_mode(False), torch.device("cpu"):  # cached
        number = torch.arange(SKULL_POINTS) + 0.5
        height = 1 - 2 * number / SKULL_POINTS  # evenly spaced points of a sphere, along a spiral
        ring, angle = (1 - height.square()).sqrt(), math.pi * (1 + math.sqrt(5)) * number
        sphere = torch.stack((ring * angle.cos(), height, ring * angle.sin()), dim=1)
        skull = torch.tensor(SKULL_CENTRE) + sphere * torch.tensor(SKULL_AXES)
        x, y, z = skull.unbind(1)
        skull = skull[(z < SKULL_MAX_Z_CM) & (y > SKULL_MIN_Y_CM) & ~((z > 1) & (y < 7))]  # the face itself is measured
        along, around = NECK_POINTS
        y = torch.linspace(*NECK_ENDS, along)[:, None].expand(along, around)
        angle = (torch.arange(around) * (2 * math.pi / around)).expand(along, around)
        x, z = NECK_RADII[0] * angle.sin(), NECK_CENTRE + NECK_RADII[1] * angle.cos()
        neck = rearrange([x, y, z], "xyz turn height -> (turn height) xyz")
        follows = smoothstep(neck[:, 1], NECK_FIXED_BELOW_CM, NECK_FOLLOWS_ABOVE_CM)
        return torch.cat((skull, neck)), torch.cat((torch.ones(len(skull)), follows))


def fit_outline(matte: Tensor, pose: HeadPose, size: float) -> Tensor:
    """How far the person reaches from the skull's centre in each direction of the head's frame.

    Args:
        matte: (B 1 S S) in 0..1.
        pose: of the head, for a picture of ``size`` pixels.

    Returns:
        (B A) in radii of the mean skull, smooth, within ``OUTLINE_SCALES``; 1 towards neck and shoulders. The first
        angle is x, the second a little nearer to y.
    """
    angle = outline_angles(matte.device)
    way = torch.stack((angle.cos(), angle.sin()), dim=1)  # A 2
    radius = 1 / (way / way.new_tensor(SKULL_AXES[:2])).norm(dim=1)
    steps = torch.linspace(*OUTLINE_SEARCH, device=matte.device)
    points = F.pad(way[:, None] * (radius[:, None] * steps)[..., None], (0, 1)) + way.new_tensor(SKULL_CENTRE)
    places = pose.pose(rearrange(points, "a s xyz -> 1 (a s) xyz").expand(len(matte), -1, -1))[..., :2]
    grid = rearrange((places + 0.5) * (2 / size) - 1, "b (a s) xy -> b a s xy", s=len(steps))
    inside = F.grid_sample(matte, grid, padding_mode="border", align_corners=False)[:, 0] > 0.5
    reached = steps[0] + (steps[1] - steps[0]) * inside.float().cumprod(dim=-1).sum(-1)
    above = torch.sigmoid((way[:, 1] - OUTLINE_MIN_SINE) / OUTLINE_SINE_RANGE)
    outline = 1 + (reached.clamp(*OUTLINE_SCALES) - 1) * above
    kernel = outline.new_tensor((1.0, 2.0, 3.0, 2.0, 1.0))
    padded = F.pad(outline[:, None], (2, 2), mode="circular")
    return F.conv1d(padded, kernel[None, None] / kernel.sum())[:, 0]


def outline_angles(device: torch.device) -> Tensor:
    """The directions of an outline (A), rad."""
    return torch.arange(OUTLINE_ANGLES, device=device) * (2 * math.pi / OUTLINE_ANGLES)


def outline_at(outline: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """``outline`` (B or 1, A) in the directions x, y (B ... each)."""
    place = torch.atan2(y, x) * (OUTLINE_ANGLES / (2 * math.pi))
    first = place.floor()
    rows = outline.expand(len(x), -1)
    here, after = (rows.gather(1, ((first.long() + step) % OUTLINE_ANGLES).flatten(1)).view_as(x) for step in (0, 1))
    return torch.lerp(here, after, place - first)


def scale_outline(hull: Tensor, outline: Tensor | None) -> Tensor:
    """The points of ``skull_and_neck`` (B P 3), the skull's as wide as ``outline`` (B or 1, A) without its hair.

    ``outline`` None: as they are.
    """
    if outline is None:
        return hull
    necks = math.prod(NECK_POINTS)
    skull, neck = hull[:, :-necks], hull[:, -necks:]
    away = skull - skull.new_tensor(SKULL_CENTRE)
    scale = outline_at(outline.clamp_max(MAX_SKULL), away[..., 0], away[..., 1])[..., None]
    wide = torch.cat((away[..., :2] * scale, away[..., 2:]), dim=-1)
    return torch.cat((wide + skull.new_tensor(SKULL_CENTRE), neck), dim=1)


def smoothstep(x: Tensor, zero: float, one: float) -> Tensor:
    """Smoothstep: 0 at ``zero`` and beyond, 1 at ``one`` and beyond."""
    t = ((x - zero) / (one - zero)).clamp(0, 1)
    return t * t * (3 - 2 * t)
