"""Pictures for people: a flow as colours and arrows, an error as heat, found faces on the picture they were found in.

Pictures come out as (B 3 H W) in [-1, 1]. Axes: T frames, h w size of a flow.
"""

import math

import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw
from torch import Tensor

__all__ = ["draw_error", "draw_flow", "draw_points"]

ARROWS = 12  # on a side of the picture
HEAT = ((0.0, 0.0, 0.15), (0.35, 0.05, 0.45), (0.85, 0.25, 0.25), (1.0, 0.75, 0.1), (1.0, 1.0, 0.9))  # RGB, cold to hot
FOUND = (60, 220, 120)
LEFT_OUT = (150, 150, 150)


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


def draw_points(picture: Tensor, faces: list[Tensor], chosen: int | None) -> Tensor:
    """The landmarks of every face in ``faces`` (each N 2 or more, pixels) on ``picture`` (1 3 H W); one is chosen."""
    canvas = _pillow(picture[0])
    brush = ImageDraw.Draw(canvas)
    radius = max(1.0, max(canvas.size) / 512)
    for number, points in enumerate(faces):
        colour = FOUND if number == chosen else LEFT_OUT
        points = points[:, :2].float().cpu()
        box = [*(points.amin(0) - 4 * radius).tolist(), *(points.amax(0) + 4 * radius).tolist()]
        brush.rectangle(box, outline=colour, width=max(1, round(radius)))
        brush.text((box[0] + 3, box[1] + 3), str(number), fill=colour)
        for x, y in points.tolist():
            brush.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
    return _tensor(canvas)[None]


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
    numbers = ((picture.float().clamp(-1, 1) + 1) * 127.5).round().byte()
    return Image.fromarray(numbers.movedim(0, -1).contiguous().cpu().numpy())


def _tensor(canvas: Image.Image) -> Tensor:
    numbers = torch.frombuffer(bytearray(canvas.tobytes()), dtype=torch.uint8)
    return numbers.reshape(canvas.height, canvas.width, 3).movedim(-1, 0).float() / 127.5 - 1
