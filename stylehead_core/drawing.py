"""Drawings for previews: flow as colours and arrows, errors as heat, motion as curves, the crop around a face.

Lines, arrows and colour maps are OpenCV's, letters are Pillow's. OpenCV is imported when something is drawn, since its
import takes a quarter of a second.

Pictures come out as (B 3 H W) in [-1, 1]. Axes: T frames, h w size of a flow.
"""

import math

import numpy as np
import torch
import torch.nn.functional as F
from einops import rearrange
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from .ops.pixels import from_uint8, to_uint8
from .records import Motion, Portrait

__all__ = ["curves_of", "draw_error", "draw_flow", "draw_motion", "draw_portrait"]

ARROWS = 12  # on a side of the picture
WORDS = 16  # pixels: letters of a plot that is seen at half its size
PAPER, INK, GRID, MISSING = (250, 250, 247), (60, 60, 70), (215, 215, 220), (250, 215, 205)
CURVES = (
    *((31, 119, 180), (214, 96, 30), (44, 150, 60), (190, 40, 60)),
    *((120, 80, 180), (120, 80, 60), (220, 100, 180), (90, 90, 90)),
)
FRAME, POINT, ARROW = (255, 200, 60), (60, 220, 120), (20, 20, 20)
SUBPIXEL_BITS = 4  # OpenCV takes places in sixteenths of a pixel


def draw_flow(flow: Tensor, size: int = 256, largest: float | None = None) -> Tensor:
    """Draw each frame of ``flow``: hue says where the picture moves to, saturation how far, arrows say both.

    Args:
        flow: (T 2 h w), pixels of the feature map: where each point fetches from. The arrows point the other way,
            since what is fetched from the left moves to the right.
        size: pixels of a side.
        largest: pixels of the feature map that get the full colour; None takes the clip's own largest movement.
    """
    flow = flow.float().cpu()
    if largest is None:
        largest = max(float(flow.norm(dim=1).amax()), 1.0)  # below a pixel everything counts as still
    moves = F.interpolate(-flow, (size, size), mode="bilinear", align_corners=False)
    hue = torch.atan2(moves[:, 1], moves[:, 0]) / (2 * math.pi) % 1
    pictures = _from_hue(hue, (moves.norm(dim=1) / largest).clamp(0, 1))
    scale = size / flow.shape[-1]
    return torch.stack([_with_arrows(p, m * scale) for p, m in zip(pictures, moves, strict=True)])


def draw_error(picture: Tensor, redrawn: Tensor, full: float = 0.5) -> Tensor:
    """Heat map of the difference between two pictures (both B 3 H W): black is equal, white ``full`` or more.

    Args:
        full: mean over the colours, in the pictures' own units, where black to white is 2.
    """
    import cv2

    heat = ((picture - redrawn).float().abs().mean(1) / full).clamp(0, 1)
    levels = (heat * 255).round().byte().cpu().numpy()
    coloured = np.stack([cv2.applyColorMap(level, cv2.COLORMAP_HOT)[..., ::-1] for level in levels])  # BGR to RGB
    return from_uint8(rearrange(torch.from_numpy(coloured.copy()), "b h w c -> b c h w")).to(picture.device)


def draw_portrait(portrait: Portrait) -> Tensor:
    """Draw the picture that a portrait was cut from (1 3 H W), with the crop's outline and the landmarks on it."""
    import cv2

    if portrait.original is None or portrait.crop is None:
        return portrait.image
    canvas = _to_array(portrait.original[0])
    unit = max(canvas.shape) / 512  # pixels
    crop, side = portrait.crop.float().cpu(), portrait.image.shape[-1] - 1
    corners = torch.tensor([[0.0, 0.0], [side, 0.0], [side, side], [0.0, side]])
    _draw_curve(canvas, _transform(crop, corners), FRAME, max(1, round(2 * unit)), closed=True)
    if portrait.landmarks is not None:
        radius = max(round(0.8 * unit * 2**SUBPIXEL_BITS), 1)
        for place in _in_subpixels(_transform(crop, portrait.landmarks[:, :2].float().cpu())).tolist():
            cv2.circle(canvas, place, radius, POINT, cv2.FILLED, cv2.LINE_AA, SUBPIXEL_BITS)
    return _to_tensor(canvas)[None]


def draw_motion(motion: Motion, width: int = 960, height: int = 540) -> Tensor:
    """Plot a motion over time (1 3 H W): the head above, the face below; frames without a face are shaded."""
    canvas = Image.new("RGB", (width, height), PAPER)
    brush, font = ImageDraw.Draw(canvas), ImageFont.load_default(WORDS)
    left, right, gap = 56, 190, 30  # pixels
    half = (height - 3 * gap) // 2
    across = (width - left - right) / max(1, len(motion) - 1)
    for frame in torch.nonzero(~motion.found).flatten().tolist():
        x = left + frame * across
        brush.rectangle((x - across / 2, gap, x + max(1.0, across / 2), height - gap), fill=MISSING)
    if not motion.found.all():
        brush.rectangle((width - right, height - gap + 2, width - 1, height - 1), fill=MISSING)
        brush.text((width - right + 10, height - gap + 7), "no face found", fill=INK, font=font)
    lines: list[tuple[Tensor, tuple[int, int, int]]] = []
    for row, curves in enumerate(curves_of(motion)):
        top = gap + row * (half + gap)
        values = torch.stack(list(curves.values()))
        low, high = min(0.0, float(values.min())), max(float(values.max()), 0.1)
        for level in (low, 0.0, high):
            y = top + half * (high - level) / (high - low)
            brush.line((left, y, width - right, y), fill=GRID)
            brush.text((4, y - 9), f"{level:.3g}", fill=INK, font=font)
        for number, (name, curve) in enumerate(curves.items()):
            colour = CURVES[number % len(CURVES)]
            x = left + across * torch.arange(len(curve))
            lines.append((torch.stack((x, top + half * (high - curve.cpu()) / (high - low)), dim=1), colour))
            brush.text((width - right + 10, top + (WORDS + 4) * number), name, fill=colour, font=font)
    seconds = f"{len(motion)} frames, {float(motion.seconds):.2f} s at {float(motion.fps):.6g} a second"
    brush.text((left, height - gap + 7), seconds, fill=INK, font=font)
    plot = np.array(canvas)
    for points, colour in lines:
        _draw_curve(plot, points, colour, 2 if len(points) > 1 else 8)  # a single frame is a dot
    return _to_tensor(plot)[None]


def curves_of(motion: Motion) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Choose the curves worth showing: the head's turns in degrees, and the parts of the face that move most."""
    described, values = motion.described, motion.coefficients.float()
    turns = values[:, described.rotation] * (180 / math.pi)
    head = dict(zip((f"{name} (degrees)" for name in ("pitch", "yaw", "roll")), turns.T, strict=True))
    names, face = motion.names[described.expression], values[:, described.expression]
    moves = (
        face.std(dim=0, correction=0) + face.abs().amax(dim=0) / 100
    )  # what is held counts a little, for single frames
    busiest = moves.argsort(descending=True, stable=True)[: len(CURVES)].sort().values.tolist()
    return head, {names[i]: face[:, i] for i in busiest if moves[i] > 0} or {names[busiest[0]]: face[:, busiest[0]]}


def _transform(affine: Tensor, points: Tensor) -> Tensor:
    """``points`` (N 2) through ``affine`` (2 3)."""
    return points @ affine[:, :2].T + affine[:, 2]


def _in_subpixels(points: Tensor) -> np.ndarray:
    """``points`` (N 2; pixels) as OpenCV takes them: integers, in sixteenths of a pixel."""
    return (points * 2**SUBPIXEL_BITS).round().int().numpy()


def _draw_curve(
    canvas: np.ndarray, points: Tensor, colour: tuple[int, int, int], width: int, *, closed: bool = False
) -> None:
    """Draw a line through ``points`` (N 2; pixels) onto ``canvas`` (H W 3), ``width`` pixels wide."""
    import cv2

    cv2.polylines(canvas, [_in_subpixels(points)], closed, colour, width, cv2.LINE_AA, SUBPIXEL_BITS)


def _from_hue(hue: Tensor, strength: Tensor) -> Tensor:
    """Colours (T 3 H W) in [-1, 1]: ``hue`` (T H W) in turns, ``strength`` 0 is white."""
    thirds = torch.tensor([0.0, 1 / 3, 2 / 3])[None, :, None, None]
    away = (hue[:, None] - thirds) % 1
    pure = ((away - 0.5).abs() * 6 - 1).clamp(0, 1)
    return (1 - strength[:, None] * (1 - pure)) * 2 - 1


def _with_arrows(picture: Tensor, moves: Tensor) -> Tensor:
    """Draw arrows onto ``picture`` (3 H W); ``moves`` (2 H W) is in pixels of the picture."""
    import cv2

    canvas = _to_array(picture)
    step = picture.shape[-1] / ARROWS
    for row in range(ARROWS):
        for column in range(ARROWS):
            start = torch.tensor([(column + 0.5) * step, (row + 0.5) * step])
            move = moves[:, int(start[1]), int(start[0])]
            length = float(move.norm())
            if length < 1:
                continue
            move = move * min(1.0, step / length)  # longer arrows would run into one another
            tail, tip = _in_subpixels(torch.stack((start, start + move))).tolist()
            barb = min(4.0 / float(move.norm()), 0.5)  # OpenCV: in parts of the arrow's length
            cv2.arrowedLine(canvas, tail, tip, ARROW, 1, cv2.LINE_AA, SUBPIXEL_BITS, barb)
    return _to_tensor(canvas)


def _to_array(picture: Tensor) -> np.ndarray:
    """A picture (3 H W) in [-1, 1] as (H W 3) uint8 to draw on."""
    return rearrange(to_uint8(picture).cpu(), "c h w -> h w c").contiguous().numpy()


def _to_tensor(canvas: np.ndarray) -> Tensor:
    """(H W 3) uint8 as a picture (3 H W) in [-1, 1]."""
    return from_uint8(rearrange(torch.from_numpy(canvas), "h w c -> c h w"))
