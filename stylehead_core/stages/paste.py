"""Pasting stage: puts rendered frames back into the picture that the portrait was cut from, or into a video.

Outside of the mask every value stays bit for bit, and so does a whole frame in which the face was not found. Frames may
have been enlarged or restored before they are pasted.

Axes: T frames of a clip, n frames of a chunk, S size of a rendered frame, H W size of the picture.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import ConfigError, InputError
from ..ops.crop import Block, covered_block, place_square
from ..ops.cuts import thumbnails
from ..ops.face_masks import face_mask, lower_face_mask
from ..ops.following import resize_square
from ..ops.pixels import from_uint8
from ..records import LOOK, SQUARE, MeasuredVideo, Motion, Portrait

__all__ = [
    "PasteConfig",
    "PastePlan",
    "Pasted",
    "check_counts",
    "crops_of_motion",
    "paste_head",
    "paste_into_video",
    "paste_mask",
    "plan_for_motion",
    "plan_for_picture",
    "plan_for_squares",
    "presence",
    "seam_visibility",
    "square_jitter",
]

Where = Literal["head", "face", "lower face"]

FADE = Fraction(8, 100)  # seconds over which pasting begins and ends where the face is lost
SAME_SHAPE = 0.02  # relative difference of two aspect ratios that are the same, rounded to pixels


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


class Pasted(NamedTuple):
    """A few frames in a row, pasted."""

    frames: Tensor  # (n 3 H W), in the dtype of the originals
    masks: Tensor  # (n 1 H W) in 0..1: where something was pasted, and how strongly
    originals: Tensor  # (n 3 H W), before
    sources: Tensor  # (n) int64: their numbers among the originals


@dataclass(frozen=True, kw_only=True)
class PastePlan:
    """Where, how strongly, and into which of the originals each of T frames is pasted."""

    crops: Tensor  # (T 2 3): pixels of the portrait's square -> pixels of the original
    strength: Tensor  # (T) in 0..1: 0 leaves the original bit for bit
    sources: Tensor  # (T) int64: number of the original

    def __len__(self) -> int:
        return len(self.crops)


def plan_for_picture(portrait: Portrait, frames: int, originals: int = 1) -> PastePlan:
    """Paste ``frames`` frames where the portrait was cut: into one picture, or into one original each.

    Raises:
        InputError: the portrait does not know where it was cut, or the counts do not fit.
    """
    if portrait.crop is None:
        raise InputError(
            "This portrait does not know which picture it was cut from. Give the picture, or align the portrait here."
        )
    check_counts(frames, originals)
    sources = torch.zeros(frames, dtype=torch.int64) if originals == 1 else torch.arange(frames)
    return PastePlan(crops=portrait.crop.expand(frames, -1, -1), strength=torch.ones(frames), sources=sources)


def check_counts(frames: int, originals: int, masks: int | None = None) -> None:
    """Refuse counts that do not fit: as many originals as frames, or one; as many masks as frames, or one.

    Raises:
        InputError: they do not fit.
    """
    if originals not in (1, frames):
        raise InputError(_counts(frames, originals, f"1 or {frames}"))
    if masks not in (None, 1, frames):
        raise InputError(f"{frames} frames need 1 or {frames} masks; found {masks}.")


def plan_for_squares(squares: Tensor, found: Tensor, size: int, *, fps: Fraction, frames: int) -> PastePlan:
    """Paste ``frames`` frames into as many originals, in which a face was followed.

    Args:
        squares: (T 2 3), pixels of a square of SQUARE pixels -> pixels of the originals.
        found: (T) bool: whether the face was found. Where not, the original stays.
        size: pixels of the portrait.

    Raises:
        InputError: the counts do not fit.
    """
    if len(squares) != frames:
        raise InputError(_counts(frames, len(squares), str(frames)))
    shots = torch.zeros(frames, dtype=torch.int64)
    return PastePlan(
        crops=resize_square(squares, SQUARE, size), strength=presence(found, fps, shots), sources=torch.arange(frames)
    )


def plan_for_motion(
    motion: Motion, size: int, originals: int, picture: tuple[int, int], *, frames: int, first: Tensor | None = None
) -> PastePlan:
    """Paste ``frames`` frames into those of the video that ``motion`` was measured in.

    The originals may be the video as shown or as stored (rotation flag and pixel aspect not applied, as some readers
    give it), and larger or smaller than it. There is one for each frame of the motion; or all frames of the file, of
    which the motion knows which is on the screen when. The latter is needed where the file's rate is variable.

    Args:
        size: pixels of the portrait.
        originals: how many there are.
        picture: width, height of the originals.
        first: (1 3 H W) the first original, to tell which way up it is where size alone does not.

    Raises:
        InputError: the motion was not measured in a video, or the originals are not that video's.
    """
    crops, video = crops_of_motion(motion, size), motion.video
    whole = None if video is None else len(video.times)
    sources = torch.arange(len(motion))
    expected = str(len(motion)) if whole in (None, len(motion)) else f"{len(motion)}, or all {whole} of its video"
    if video is not None and motion.sources is not None and (video.variable or originals != len(motion)):
        sources, expected = motion.sources.long(), str(whole) if video.variable else expected
        if originals != whole:
            raise InputError(_counts(frames, originals, expected, len(motion), variable=video.variable))
    elif originals != len(motion):
        raise InputError(_counts(frames, originals, expected, len(motion)))
    if frames != len(motion):
        raise InputError(_counts(frames, originals, expected, len(motion)))
    if video is not None:
        crops = _compose(_video_to_picture(video, picture, first), crops)
    return PastePlan(crops=crops, strength=presence(motion.found, motion.fps, motion.shots), sources=sources)


def presence(found: Tensor, fps: Fraction, shots: Tensor) -> Tensor:
    """(T) in 0..1: how strongly each frame is pasted. 0 where the face was not ``found`` (T); beside such frames it
    rises over FADE seconds, in frames that show the face. At a cut (``shots`` (T) changes) nothing needs to rise."""
    strength = found.float()
    reach = round(FADE * fps)
    for away in range(1, reach + 1):
        rising = away / (reach + 1)
        for near, far in ((slice(away, None), slice(None, -away)), (slice(None, -away), slice(away, None))):
            beside = ~found[far] & (shots[far] == shots[near])
            strength[near] = torch.where(beside, strength[near].clamp(max=rising), strength[near])
    return strength


def paste_into_video(
    frames: Iterable[Tensor],
    originals: Callable[[Tensor], Tensor],
    portrait: Portrait,
    plan: PastePlan,
    config: PasteConfig = PasteConfig(),
    *,
    mask: Tensor | None = None,
) -> Iterator[Pasted]:
    """``paste_head`` chunk by chunk by a plan: memory does not grow with the clip.

    Args:
        frames: chunks (n 3 S S), ``len(plan)`` in all.
        originals: called with numbers (n) of originals, gives their pictures (n 3 H W).
        mask: (1 or T, 1, h, w), see ``paste_head``.

    Raises:
        InputError: there are not as many masks, or frames, as the plan has.
    """
    check_counts(len(plan), len(plan), None if mask is None else len(mask))
    done = 0
    for part in frames:
        at = slice(done, done + len(part))
        done += len(part)
        if done > len(plan):
            raise InputError(f"{len(plan)} frames were planned to be pasted, and there are more.")
        sources = plan.sources[at]
        pictures = originals(sources)
        pasted, masks = paste_head(
            part,
            portrait,
            originals=pictures,
            mask=mask if mask is None or len(mask) == 1 else mask[at],
            crops=plan.crops[at],
            strength=plan.strength[at],
            config=config,
        )
        yield Pasted(pasted, masks, pictures, sources)


def paste_head(
    frames: Tensor,
    portrait: Portrait,
    *,
    originals: Tensor | None = None,
    mask: Tensor | None = None,
    crops: Tensor | None = None,
    strength: Tensor | None = None,
    config: PasteConfig = PasteConfig(),
) -> tuple[Tensor, Tensor]:
    """Paste rendered frames into the picture that the portrait was cut from, or into frames of a video.

    Args:
        frames: (n 3 S S) in [-1, 1], of any size.
        portrait: says where the square lies.
        originals: (1 or n, 3 H W) in [-1, 1] or uint8, what to paste into; None = the portrait's own picture.
        mask: (1 or n, 1, S S) in the square, or (1 or n, 1, H W) in the picture, multiplied into our own.
        crops: (n 2 3), where the square lies in each of ``originals``; None = where the portrait was cut.
        strength: (n) in 0..1, multiplied into the mask; None = 1. At 0 the original stays bit for bit.

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
        raise InputError(_counts(count, len(originals), f"1 or {count}"))
    height, width = originals.shape[-2:]
    frames = frames.float()
    square = paste_mask(portrait, size, config).to(frames)
    inside, outside = _given_mask(mask, size, (height, width), frames)
    pasted = originals.repeat(count, 1, 1, 1) if len(originals) < count else originals.clone()
    masks = torch.zeros(count, 1, height, width, dtype=frames.dtype, device=frames.device)
    for i in range(count):
        share = 1.0 if strength is None else float(strength[i])
        if share <= 0:
            continue
        crop = crops[i] if crops is not None else portrait.crop
        assert crop is not None
        crop = resize_square(crop, portrait.image.shape[-1], size)
        own = square if inside is None else square * inside[min(i, len(inside) - 1)][None]
        original = originals[min(i, len(originals) - 1)][None]
        block = covered_block(crop, size, height, width)
        weight = _place(own, crop, block).clamp(0, 1)
        if share < 1:
            weight = weight * share
        if outside is not None:
            weight = weight * outside[min(i, len(outside) - 1)][None][block]
        head, around = _place(frames[i : i + 1], crop, block), _float(original[block]).to(frames)
        if config.colour:
            head = _match_contrast(head, around, weight, config.colour)
        mixed = torch.lerp(around, head, weight).clamp(-1, 1)
        if not original.is_floating_point():
            mixed = ((mixed + 1) * 127.5).round()
        at = (slice(i, i + 1), *block[1:])
        pasted[at] = torch.where((weight > 0).to(original.device), mixed.to(original), original[block])
        masks[at] = weight
    return pasted, masks


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


def seam_visibility(pasted: Tensor, original: Tensor, mask: Tensor) -> Tensor:
    """How visible the edge is (n): mean step across it where the original has none. 0 is invisible; lower is better.

    It compares the differences of neighbouring pixels within the soft edge of the mask, in the pasted frame and in
    the original, in levels of 255. One frame at a time, and where it is pasted alone: a frame of 4K is large.

    Args:
        pasted, original: (n 3 H W), floats in [-1, 1] or uint8. mask: (n 1 H W).
    """
    visible = []
    for picture, before, weight in zip(pasted, original, mask, strict=True):
        rows, columns = (weight[0] > 0).any(1).nonzero()[:, 0], (weight[0] > 0).any(0).nonzero()[:, 0]
        if not len(rows):
            visible.append(mask.new_zeros(()))
            continue
        # One pixel more, since steps go from what is pasted to what is not.
        rows_at, columns_at = (slice(max(0, int(at[0]) - 1), int(at[-1]) + 2) for at in (rows, columns))
        here, there, edge = (
            _float(picture[:, rows_at, columns_at]),
            _float(before[:, rows_at, columns_at]),
            weight[:, rows_at, columns_at],
        )
        edge = (edge > 0) & (edge < 1)
        steps = mask.new_zeros(())
        for axis in (1, 2):
            added = here.diff(dim=axis).abs() - there.diff(dim=axis).abs()
            at = edge.narrow(axis, 1, edge.shape[axis] - 1)
            steps = steps + (added.clamp(min=0).mean(0, keepdim=True) * at).sum() / at.sum().clamp(min=1)
        visible.append(steps * 127.5 / 2)
    return torch.stack(visible)


def square_jitter(crops: Tensor, size: int) -> float:
    """How much the pasted square trembles: mean length of the second difference of its corners, in pixels a frame.

    0 for a square at rest or in steady motion; lower is better. ``crops`` (T 2 3), of a square of ``size`` pixels.
    """
    if len(crops) < 3:
        return 0.0
    ends = (-0.5, size - 0.5)
    corners = crops.new_tensor([(x, y, 1.0) for x in ends for y in ends])
    places = corners @ crops.mT  # T 4 2
    return (places[2:] - 2 * places[1:-1] + places[:-2]).norm(dim=-1).mean().item()


def _counts(frames: int, originals: int, expected: str, motion: int | None = None, *, variable: bool = False) -> str:
    """What is said where frames, originals and motion do not fit together."""
    text = f"{frames} frames are to be pasted into {originals} originals"
    if motion is not None:
        text += f" by a motion of {motion} frames, which needs {motion} frames"
    else:
        text += ", which needs"
    text += f" and {expected} originals. " if motion is not None else f" {expected} originals. "
    if variable:
        return text + (
            "The video's frame rate is variable, so its frames are matched by their times: wire all frames of the very "
            "file that was measured, or bring it to a constant rate before."
        )
    return text + "Cut both alike, before they are wired in."


def _compose(after: Tensor, before: Tensor) -> Tensor:
    """One affine for two: ``before`` (T 2 3), then ``after`` (2 3)."""
    after = after.to(before)
    turn = after[:, :2] @ before[..., :2]
    return torch.cat((turn, (before[..., 2:].mT @ after[:, :2].mT + after[:, 2]).mT), dim=-1)


def _video_to_picture(video: MeasuredVideo, picture: tuple[int, int], first: Tensor | None) -> Tensor:
    """(2 3) float64: pixels of the video as shown -> pixels of originals of size ``picture``.

    Raises:
        InputError: the originals have another shape than the video.
    """
    turns = video.rotation // 90 % 4
    ways = [turn for turn in dict.fromkeys((0, turns)) if _fits(video, picture, turn)]
    if not ways:
        raise InputError(
            f"The originals are {picture[0]} x {picture[1]} pixels, the video that the motion was measured in is "
            f"{video.size[0]} x {video.size[1]}. Wire that video's own frames, not cropped; another size is fine."
        )
    look = video.look
    if len(ways) == 2 and first is not None and look is not None:
        ways.sort(key=lambda turn: _unlike(look, first, turn))
    return _turned_affine(video.size, picture, ways[0])


def _fits(video: MeasuredVideo, picture: tuple[int, int], turns: int) -> bool:
    """Whether originals of this size may be the video if they are shown after ``turns`` quarter turns; in square pixels
    or as stored."""
    square = video.size if turns % 2 == 0 else video.size[::-1]
    stored = video.stored if (video.rotation // 90 - turns) % 2 == 0 else video.stored[::-1]
    return any(abs(picture[0] * h / (picture[1] * w) - 1) < SAME_SHAPE for w, h in (square, stored))


def _unlike(look: Tensor, picture: Tensor, turns: int) -> float:
    """How different ``picture`` (1 3 H W), shown after ``turns`` quarters anticlockwise, is from a thumbnail."""
    shown = torch.rot90(thumbnails(picture, LOOK, LOOK)[0].mean(0), turns)
    return float((shown.cpu() - look.float()).abs().mean())


def _turned_affine(shown: tuple[int, int], picture: tuple[int, int], turns: int) -> Tensor:
    """The affine of ``_video_to_picture`` where a picture is shown after ``turns`` quarter turns anticlockwise."""
    if turns == 0 and shown == picture:
        return torch.eye(3, dtype=torch.float64)[:2]
    (w, h), (width, height) = shown, picture
    # Corners: with positions in 0..1, a picture turned anticlockwise has its right edge at the top.
    x, y = torch.tensor([1.0, 0, 0]), torch.tensor([0, 1.0, 0])  # of the shown picture, as (x, y, 1) -> 0..1
    one = torch.tensor([0, 0, 1.0])
    across, down = {0: (x, y), 1: (one - y, x), 2: (one - x, one - y), 3: (y, one - x)}[turns]
    to_unit = torch.tensor([[1 / w, 0, 0.5 / w], [0, 1 / h, 0.5 / h], [0, 0, 1]], dtype=torch.float64)
    rows = torch.stack((across * width, down * height)).double() @ to_unit
    return rows - torch.tensor([[0, 0, 0.5], [0, 0, 0.5]], dtype=torch.float64)


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


def _match_contrast(head: Tensor, around: Tensor, weight: Tensor, strength: float) -> Tensor:
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
