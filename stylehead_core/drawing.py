"""Pictures for people: flow as colours and arrows, error as heat, motion as curves, a face where it was found.

Pictures come out as (B 3 H W) in [-1, 1]. Axes: T frames, h w size of a flow.
"""

import math

import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from .ops.pixels import from_uint8, to_uint8
from .records import Motion, Portrait

__all__ = ["curves_of", "draw_error", "draw_flow", "draw_motion", "draw_portrait"]

ARROWS = 12  # on a side of the picture
WORDS = 16  # pixels: letters of a plot that is seen at half its size
HEAT = ((0.0, 0.0, 0.15), (0.35, 0.05, 0.45), (0.85, 0.25, 0.25), (1.0, 0.75, 0.1), (1.0, 1.0, 0.9))  # RGB, cold to hot
PAPER, INK, GRID, MISSING = (250, 250, 247), (60, 60, 70), (215, 215, 220), (250, 215, 205)
CURVES = (
    *((31, 119, 180), (214, 96, 30), (44, 150, 60), (190, 40, 60)),
    *((120, 80, 180), (120, 80, 60), (220, 100, 180), (90, 90, 90)),
)
FRAME, POINT = (255, 200, 60), (60, 220, 120)


def draw_flow(flow: Tensor, size: int = 256, largest: float | None = None) -> Tensor:
    """Each frame of ``flow`` as a picture: hue says where the picture moves to, colour how far, arrows say both.

    Args:
        flow: (T 2 h w), pixels of the feature map: where each point fetches from. The arrows point the other way,
            since what is fetched from the left moves to the right.
        size: pixels of a side.
        largest: pixels of the feature map that get the full colour; none takes the clip's own largest movement.
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
    """Where ``redrawn`` differs from ``picture`` (both B 3 H W): dark is equal, white a difference of ``full`` or more.

    Args:
        full: mean over the colours, in the pictures' own units, where black to white is 2.
    """
    heat = ((picture - redrawn).float().abs().mean(1) / full).clamp(0, 1)
    colours = torch.tensor(HEAT, device=heat.device)
    place = heat * (len(HEAT) - 1)
    below = place.floor().long().clamp(max=len(HEAT) - 2)
    blend = (place - below)[..., None]
    return (colours[below] * (1 - blend) + colours[below + 1] * blend).movedim(-1, 1) * 2 - 1


def draw_portrait(portrait: Portrait) -> Tensor:
    """The picture that a portrait was cut from (1 3 H W), with the cut's outline and the landmarks on it."""
    if portrait.original is None or portrait.crop is None:
        return portrait.image
    canvas = _pillow(portrait.original[0])
    brush = ImageDraw.Draw(canvas)
    unit = max(canvas.size) / 512
    crop, side = portrait.crop.float().cpu(), portrait.image.shape[-1] - 1
    corners = torch.tensor([[0.0, 0.0], [side, 0.0], [side, side], [0.0, side]])
    outline = [tuple(point) for point in _carried(crop, corners).tolist()]
    brush.line([*outline, outline[0]], fill=FRAME, width=max(1, round(2 * unit)))
    if portrait.landmarks is not None:
        for x, y in _carried(crop, portrait.landmarks[:, :2].float().cpu()).tolist():
            brush.ellipse((x - unit / 2, y - unit / 2, x + unit / 2, y + unit / 2), fill=POINT)
    return _tensor(canvas)[None]


def draw_motion(motion: Motion, width: int = 960, height: int = 540) -> Tensor:
    """A motion as curves over time (1 3 H W): the head above, the face below; frames without a face are shaded."""
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
            points = [(left + i * across, top + half * (high - v) / (high - low)) for i, v in enumerate(curve.tolist())]
            brush.line(points, fill=colour, width=2)
            if len(points) == 1:
                brush.ellipse((left - 4, points[0][1] - 4, left + 4, points[0][1] + 4), fill=colour)
            brush.text((width - right + 10, top + (WORDS + 4) * number), name, fill=colour, font=font)
    seconds = f"{len(motion)} frames, {float(motion.seconds):.2f} s at {float(motion.fps):.6g} a second"
    brush.text((left, height - gap + 7), seconds, fill=INK, font=font)
    return _tensor(canvas)[None]


def curves_of(motion: Motion) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The curves worth showing: the head's turns in degrees, and the parts of the face that move most."""
    described, values = motion.described, motion.coefficients.float()
    turns = values[:, described.rotation] * (180 / math.pi)
    head = dict(zip((f"{name} (degrees)" for name in ("pitch", "yaw", "roll")), turns.T, strict=True))
    names, face = motion.names[described.expression], values[:, described.expression]
    moves = (
        face.std(dim=0, correction=0) + face.abs().amax(dim=0) / 100
    )  # what is held counts a little, for single frames
    busiest = moves.argsort(descending=True, stable=True)[: len(CURVES)].sort().values.tolist()
    return head, {names[i]: face[:, i] for i in busiest if moves[i] > 0} or {names[busiest[0]]: face[:, busiest[0]]}


def _carried(affine: Tensor, points: Tensor) -> Tensor:
    """``points`` (N 2) through ``affine`` (2 3)."""
    return points @ affine[:, :2].T + affine[:, 2]


def _from_hue(hue: Tensor, strength: Tensor) -> Tensor:
    """Colours (T 3 H W) in [-1, 1]: ``hue`` (T H W) in turns, ``strength`` 0 is white."""
    thirds = torch.tensor([0.0, 1 / 3, 2 / 3])[None, :, None, None]
    away = (hue[:, None] - thirds) % 1
    pure = ((away - 0.5).abs() * 6 - 1).clamp(0, 1)
    return (1 - strength[:, None] * (1 - pure)) * 2 - 1


def _with_arrows(picture: Tensor, moves: Tensor) -> Tensor:
    """``moves`` (2 H W): pixels of the picture."""
    canvas = _pillow(picture)
    brush = ImageDraw.Draw(canvas)
    step = picture.shape[-1] / ARROWS
    for row in range(ARROWS):
        for column in range(ARROWS):
            x, y = (column + 0.5) * step, (row + 0.5) * step
            dx, dy = moves[:, int(y), int(x)].tolist()
            length = math.hypot(dx, dy)
            if length < 1:
                continue
            shown = min(1.0, step / length)  # longer ones would run into one another
            dx, dy, length = dx * shown, dy * shown, length * shown
            tip = (x + dx, y + dy)
            brush.line((x, y, *tip), fill=(20, 20, 20))
            for turn in (2.6, -2.6):  # rad from the shaft: two barbs
                angle = math.atan2(dy, dx) + turn
                barb = min(4.0, length / 2)
                brush.line((*tip, tip[0] + barb * math.cos(angle), tip[1] + barb * math.sin(angle)), fill=(20, 20, 20))
    return _tensor(canvas)


def _pillow(picture: Tensor) -> Image.Image:
    numbers = to_uint8(picture)
    return Image.fromarray(numbers.movedim(0, -1).contiguous().cpu().numpy())


def _tensor(canvas: Image.Image) -> Tensor:
    numbers = torch.frombuffer(bytearray(canvas.tobytes()), dtype=torch.uint8)
    return from_uint8(numbers.reshape(canvas.height, canvas.width, 3).movedim(-1, 0))
