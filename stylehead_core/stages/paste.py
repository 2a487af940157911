"""Pasting stage: puts rendered frames back into the picture that the portrait was cut from, or into a video.

Outside of the mask every value stays bit-identical. Frames may have any size: they may have been upscaled or restored
before.

Axes: n frames, S size of a rendered frame, H W size of the picture.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import ConfigError, InputError
from ..ops.crop import Block, covered_block, place_square
from ..ops.face_masks import face_mask, lower_face_mask
from ..ops.following import resize_square
from ..ops.pixels import from_uint8
from ..records import SQUARE, Motion, Portrait

__all__ = [
    "PasteConfig",
    "crops_of_motion",
    "jitter",
    "paste_head",
    "paste_into_video",
    "paste_mask",
    "seam",
]

Where = Literal["head", "face", "lower face"]


@dataclass(frozen=True, kw_only=True)
class PasteConfig:
    where: Where = "head"
    """The whole square with soft edges; or, by the portrait's landmarks, the face, or the part below the nose."""
    feather: float = 0.1  # width of the soft edge relative to the square's side
    colour: float = 0.0  # 0..1: how far the head's colours are matched to the picture around its edge

    def __post_init__(self) -> None:
        if not 0 <= self.feather <= 0.5 or not 0 <= self.colour <= 1:
            raise ConfigError(
                "The feather goes from 0 to 0.5 of the square, colour from 0 to 1; "
                f"found {self.feather}, {self.colour}."
            )


def paste_mask(portrait: Portrait, size: int, config: PasteConfig = PasteConfig()) -> Tensor:
    """The paste mask in the square of the rendered frame: (1 1 size size) in 0..1.

    Raises:
        InputError: the mask follows the face, and the portrait has no landmarks.
    """
    if config.where != "head":
        if portrait.landmarks is None:
            raise InputError("This portrait has no landmarks, so its face has no outline. Paste the whole head.")
        scale = size / portrait.image.shape[-1]
        landmarks = (portrait.landmarks[None, :, :2] + 0.5) * scale - 0.5
        feather = max(2 * config.feather, 0.02)
        if config.where == "face":
            mask = face_mask(landmarks, size, grow=0.1 + config.feather, feather=feather)
        else:  # its edge lies on skin, where the drawn and the original picture differ least
            mask = lower_face_mask(landmarks, size, grow=0.0, feather=feather)
        return torch.minimum(mask, _soft_square(size, 0.02, mask))
    return _soft_square(size, config.feather, portrait.image)


def paste_head(
    frames: Tensor,
    portrait: Portrait,
    *,
    originals: Tensor | None = None,
    mask: Tensor | None = None,
    crops: Tensor | None = None,
    config: PasteConfig = PasteConfig(),
) -> tuple[Tensor, Tensor]:
    """Paste rendered frames into the picture that the portrait was cut from, or into frames of a video.

    Args:
        frames: (n 3 S S) in [-1, 1], of any size.
        portrait: gives the position of the square.
        originals: (1 or n, 3 H W) in [-1, 1] or uint8, what to paste into; None = the portrait's own picture.
        mask: (1 or n, 1, S S) in the square, or (1 or n, 1, H W) in the picture, multiplied with the paste mask.
        crops: (n 2 3), position of the square in each of ``originals``; None = where the portrait was cut.

    Returns:
        The pasted frames (n 3 H W), in the dtype of the originals, and the masks (n 1 H W) that were used.

    Raises:
        InputError: the portrait has no crop position, or sizes do not match.
    """
    originals = portrait.original if originals is None else originals
    if originals is None or (portrait.crop is None and crops is None):
        raise InputError(
            "This portrait does not know which picture it was cut from. Give the picture, or align the portrait here."
        )
    count, size = len(frames), frames.shape[-1]
    if frames.ndim != 4 or frames.shape[1:] != (3, size, size) or originals.ndim != 4 or originals.shape[1] != 3:
        raise InputError(
            f"Frames must be (n, 3, S, S) and pictures (n, 3, H, W); found {tuple(frames.shape)} and "
            f"{tuple(originals.shape)}."
        )
    if len(originals) not in (1, count):
        raise InputError(f"{count} frames need 1 or {count} pictures to be pasted into; found {len(originals)}.")
    height, width = originals.shape[-2:]
    frames = frames.float()
    square = paste_mask(portrait, size, config).to(frames)
    inside, outside = _given_mask(mask, size, (height, width), frames)
    pasted, masks = [], []
    for i in range(count):
        crop = crops[i] if crops is not None else portrait.crop
        assert crop is not None
        crop = resize_square(crop, portrait.image.shape[-1], size)
        own = square if inside is None else square * inside[min(i, len(inside) - 1)][None]
        original = originals[min(i, len(originals) - 1)][None]
        block = covered_block(crop, size, height, width)
        weight = torch.zeros(1, 1, height, width, dtype=frames.dtype, device=frames.device)
        weight[block] = _place(own, crop, block).clamp(0, 1)
        if outside is not None:
            weight = weight * outside[min(i, len(outside) - 1)][None]
        head, around = _place(frames[i : i + 1], crop, block), _float(original[block]).to(frames)
        if config.colour:
            head = _matched(head, around, weight[block], config.colour)
        mixed = torch.lerp(around, head, weight[block]).clamp(-1, 1)
        if not original.is_floating_point():
            mixed = ((mixed + 1) * 127.5).round()
        result = original.clone()
        result[block] = torch.where((weight[block] > 0).to(original.device), mixed.to(original), original[block])
        pasted.append(result)
        masks.append(weight)
    return torch.cat(pasted), torch.cat(masks)


def paste_into_video(
    frames: Iterable[Tensor],
    originals: Iterable[Tensor],
    portrait: Portrait,
    crops: Tensor,
    config: PasteConfig = PasteConfig(),
) -> Iterator[Tensor]:
    """Run ``paste_head`` chunk by chunk, for dubbing: memory does not grow with the clip.

    Args:
        frames: chunks (n 3 S S).
        originals: chunks (n 3 H W) with the same numbers of frames.
        crops: (T 2 3) of ``crops_of_motion``, for example.
    """
    done = 0
    for part, pictures in zip(frames, originals, strict=True):
        yield paste_head(part, portrait, originals=pictures, crops=crops[done : done + len(part)], config=config)[0]
        done += len(part)


def crops_of_motion(motion: Motion, size: int) -> Tensor:
    """Position of the square of ``size`` pixels in each frame of the video that ``motion`` was measured in, (T 2 3).

    Raises:
        InputError: the motion was not measured in a video, or by a version that did not store the squares.
    """
    if motion.squares is None:
        raise InputError(
            "This motion does not know where in a video it was measured: it comes from speech, sliders or an older "
            "file. Measure it again with Follow Video, or give the picture that the portrait was cut from."
        )
    return resize_square(motion.squares, SQUARE, size)


def seam(pasted: Tensor, original: Tensor, mask: Tensor) -> Tensor:
    """Visibility of the pasted edge (n): mean step across it that the original does not have. Lower is better.

    Compares differences of neighbouring pixels within the soft edge of the mask, in the pasted frame and in the
    original, in levels of 255.

    Args:
        pasted, original: (n 3 H W), floats in [-1, 1] or uint8. mask: (n 1 H W).
    """
    pasted, original = _float(pasted), _float(original)
    edge = (mask > 0) & (mask < 1)
    steps = 0.0
    for axis in (2, 3):
        added = pasted.diff(dim=axis).abs() - original.diff(dim=axis).abs()
        at = edge.narrow(axis, 1, edge.shape[axis] - 1)
        steps = steps + (added.clamp(min=0).mean(1, keepdim=True) * at).sum((1, 2, 3)) / at.sum((1, 2, 3)).clamp(min=1)
    return steps * 127.5 / 2  # type: ignore[return-value]


def jitter(crops: Tensor, size: int) -> float:
    """Jitter of the pasted square: mean length of the second difference of its corners, in pixels a frame.

    0 for a square at rest or in steady motion; lower is better. ``crops`` (T 2 3), of a square of ``size`` pixels.
    """
    if len(crops) < 3:
        return 0.0
    ends = (-0.5, size - 0.5)
    corners = crops.new_tensor([(x, y, 1.0) for x in ends for y in ends])
    places = corners @ crops.mT  # T 4 2
    return (places[2:] - 2 * places[1:-1] + places[:-2]).norm(dim=-1).mean().item()


def _place(square: Tensor, crop: Tensor, block: Block) -> Tensor:
    """Draw the square at its position, only in the part ``block`` of the picture."""
    rows, columns = block[2], block[3]
    moved = crop.clone()
    moved[:, 2] -= moved.new_tensor((columns.start, rows.start))
    return place_square(square, moved.to(square), rows.stop - rows.start, columns.stop - columns.start)


def _soft_square(size: int, feather: float, like: Tensor) -> Tensor:
    """(1 1 size size): 1 in the middle, 0 at the border, a smooth slope of ``feather`` * size between."""
    line = (torch.arange(size, dtype=torch.float32, device=like.device) + 0.5) / size
    inward = torch.minimum(line, 1 - line) / max(feather, 1e-6)
    slope = inward.clamp(0, 1)
    slope = slope * slope * (3 - 2 * slope)
    return (slope[:, None] * slope[None])[None, None]


def _given_mask(
    mask: Tensor | None, size: int, picture: tuple[int, int], like: Tensor
) -> tuple[Tensor | None, Tensor | None]:
    """Sort the user's mask: (mask in the square, None) or (None, mask in the picture)."""
    if mask is None:
        return None, None
    mask = mask.to(like)
    if tuple(mask.shape[-2:]) == picture and mask.shape[-2] != mask.shape[-1]:
        return None, mask
    if mask.shape[-1] == mask.shape[-2] and tuple(mask.shape[-2:]) != picture:
        return F.interpolate(mask, size=(size, size), mode="bilinear", antialias=True).clamp(0, 1), None
    if tuple(mask.shape[-2:]) == picture:
        return None, mask
    raise InputError(
        f"A mask must be square, as the rendered frame, or of the picture's size {picture}; found "
        f"{tuple(mask.shape[-2:])}."
    )


def _float(picture: Tensor) -> Tensor:
    return picture if picture.is_floating_point() else from_uint8(picture)


def _matched(head: Tensor, around: Tensor, weight: Tensor, strength: float) -> Tensor:
    """Match mean and contrast of ``head`` to the picture, as measured in the mask's soft edge."""
    edge = ((weight > 0) & (weight < 1)).to(head)
    if not edge.any():
        return head
    total = edge.sum()
    mean_head, mean_around = ((part * edge).sum((2, 3), keepdim=True) / total for part in (head, around))
    spread_head = (((head - mean_head) * edge).square().sum((2, 3), keepdim=True) / total).sqrt()
    spread_around = (((around - mean_around) * edge).square().sum((2, 3), keepdim=True) / total).sqrt()
    # A larger gain would change the picture, not only its tint.
    gain = (spread_around / spread_head.clamp(min=1e-3)).clamp(0.7, 1.4)
    return torch.lerp(head, (head - mean_head) * gain + mean_around, strength)
