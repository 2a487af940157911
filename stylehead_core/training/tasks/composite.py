"""Trains the compositor, which draws frames at the full size, together with the refiner.

All networks before them are fixed. Their output for each pair is computed once and cached; after that a step costs the
two networks alone. They learn from crops around mouth, eyes and outline, mirrored at random and in random light.

The difference from the true picture is measured at half the size and below, since no flow is exact to the pixel; at
the full size it is measured only where the portrait hides the place. Finer detail is compared by its local contrast, by
a feature network and by two discriminators; away from brows, eyes and mouth it must equal the portrait's own. The
matte is compared with the renderer's.

Axes: B batch, P pairs, N pictures, G guides, S size of the frames, s size of the drawn picture, h w the flow's grid,
c cells of a crop, C its pixels.
"""

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...datasets.heads import Heads, choose_pairs, make_rng
from ...datasets.pair_flow import describe_motion, predict_flow
from ...errors import InputError
from ...evaluation.load_identity_network import load_features
from ...landmarker.face_regions import BROWS, EYES, FACE, MOUTH, region_weights
from ...media.sample_sheets import rows_of
from ...model.stylehead import EYES_OPEN, StyleHead
from ...networks.feature_network import feature_distance
from ...ops.irises import IRIS_VALUES, carry_irises, mirror_irises
from ...ops.pixels import from_uint8, to_uint8
from ...ops.wall import person_and_wall
from ...ops.warp import resize_flow, warp_bicubic
from ..discriminator import PATCH, R1_WEIGHT, PatchDiscriminator, discriminator_loss
from ..losses import adversarial_loss, fine_detail, pyramid_difference, roughness_difference
from ..precision import fast_convolutions
from ..recipe import LearnsFromHeads, Parts, Phase
from .calibration import draw_along_flow
from .refine import false_inside, mirror_coefficients

__all__ = ["CompositeState", "CompositeTask", "Inputs"]

LAZY = 4  # steps from one penalty on the discriminators' slope to the next
SHOWN, SHEET = 6, 256  # pairs on a sheet, and pixels of each picture there
EDGE = 16  # pixels of a crop that are not looked at: there the picture ends for the network, and in use it does not


@dataclass(frozen=True, kw_only=True)
class CompositeTask(LearnsFromHeads):
    crop: int = 20  # cells of the flow along each side of what is looked at
    places: tuple[float, float, float] = (
        0.45,
        0.2,
        0.15,
    )  # shares of the crops around mouth, eyes, face; else anywhere
    stray: int = 4  # cells by which those miss it
    pairs: int = 6  # of each head, those with the widest mouths first: more heads teach more than more pairs of one
    cavity: float = 0.4  # how much darker than the lips an opened mouth must be inside
    opened_pairs: int = 3  # how many times as often pairs with an opened mouth are drawn
    light: float = 0.5  # how much contrast and colours change,
    strange: float = 0.2  # and those of the drawing alone
    false_inside: float = 0.8  # share of the crops whose drawing is flesh inside an open mouth, as on photographs
    features: float = 4.0  # how much more brows, eyes and mouth count than the rest
    opened: float = 10.0  # and what is inside an open mouth
    hidden: float = 2.0  # how much more what the portrait does not show counts
    bared: float = 0.1  # how much wall counts that the portrait hides: nobody can know it
    small: float = 1.5  # weight of the refined small picture
    detail: float = 1.0  # weight of the portrait's own fine detail, away from brows, eyes and mouth
    rough: float = 8.0  # weight of being as rough as the truth, window by window
    perceived: float = 0.05  # weight of what the feature network sees
    adversarial: float = 0.4  # weight of the discriminators' verdict
    adversarial_from: float = 0.03  # progress at which they are first asked
    matte: float = 0.5  # weight of the matte
    refiner_speed: float = 1.0  # the refiner's learning rate, in parts of the compositor's
    parts: tuple[str, ...] = ("refiner", "compositor")

    def for_debugging(self, size: int) -> "CompositeTask":
        return replace(self, cavity=0.0)  # a few heads may have no dark mouth

    def start(self, model: StyleHead, heads: Heads) -> "CompositeState":
        if heads.alpha is None:
            raise InputError("The compositor learns from heads with mattes. Measure the clips again.")
        return CompositeState(self, model, heads)


class Made(NamedTuple):
    """What the model makes of pairs before refiner and compositor."""

    drawn: Tensor  # (B 3 s s) in [-1, 1]
    flow: Tensor  # (B 2 h w)
    planes: Tensor  # (B 1+G h w)
    irises: Tensor | None  # (B 2 8), see ``ops.irises``, for a compositor that moves them
    person: Tensor  # (B 4 S S): the source's person and its matte
    wall: Tensor  # (B 3 S S)


class Cache:
    """``Made`` of all pairs, each computed when it is first asked for.

    Each is made alone, so that it is the same to the bit whatever it is asked for with: after a resumption, or in
    another process.
    """

    def __init__(self, model: StyleHead, heads: Heads) -> None:
        assert heads.alpha is not None
        self.model, self.heads, self.small = model, heads, heads.resized(model.config.generator.size)
        cells, pairs, pictures = heads.flow.shape[-1], len(heads), len(heads.pictures)
        assert model.refiner is not None
        size = self.small.size
        self.made = torch.zeros(pairs, dtype=torch.bool)
        self.drawn = torch.empty(pairs, 3, size, size, dtype=torch.uint8)
        self.planes = torch.empty(pairs, 3 + model.refiner.config.guides, cells, cells, dtype=torch.float16)
        self.irises = torch.empty(pairs, 2, IRIS_VALUES) if model.moves_irises else None
        self.split = torch.zeros(pictures, dtype=torch.bool)
        self.layers = torch.empty(pictures, 6, heads.size, heads.size, dtype=torch.uint8)  # person and wall

    @torch.no_grad()
    def take(self, rows: Tensor) -> Made:
        for row in rows[~self.made[rows]].unique():
            self._make(row[None])
        flow, planes = self.planes[rows].float().split((2, self.planes.shape[1] - 2), dim=1)
        irises = None if self.irises is None else self.irises[rows]
        return Made(from_uint8(self.drawn[rows]), flow, planes, irises, *self.person_and_wall(self.heads.source[rows]))

    @torch.no_grad()
    def person_and_wall(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Of ``pictures`` (B) the person with its matte (B 4 S S), and the wall (B 3 S S)."""
        for picture in pictures[~self.split[pictures]].unique():
            self._split(picture[None])
        layers = from_uint8(self.layers[pictures])
        assert self.heads.alpha is not None
        matte = self.heads.alpha[pictures].float() / 255
        return torch.cat((layers[:, :3], matte), dim=1), layers[:, 3:]

    def _make(self, rows: Tensor) -> None:
        model, heads = self.model, self.small
        flow, visibility, guides, _, irises = predict_flow(model, heads, rows)
        assert visibility is not None
        assert guides is not None
        drawn = draw_along_flow(model, heads, rows, flow, visibility, calibrated=model.calibrator is not None)
        self.drawn[rows] = to_uint8(drawn)
        self.planes[rows] = torch.cat((flow, visibility, guides), dim=1).half()
        if self.irises is not None:
            assert irises is not None
            self.irises[rows] = irises
        self.made[rows] = True

    def _split(self, pictures: Tensor) -> None:
        assert self.heads.alpha is not None
        layers = person_and_wall(self.heads.frames(pictures), self.heads.alpha[pictures].float() / 255)
        self.layers[pictures] = to_uint8(torch.cat(layers, dim=1))
        self.split[pictures] = True


class Inputs(NamedTuple):
    """What a crop of a frame is composed of."""

    drawn: Tensor  # (B 3 c c, times the small fold)
    along: Tensor  # the small portrait, warped; alike
    person: Tensor  # (B 4 S S), whole: it is warped by what the compositor makes of the flow
    flow: Tensor  # (B 2 c c)
    planes: Tensor  # (B 1+G c c)
    irises: Tensor | None  # (B 2 8)
    wall: Tensor  # (B 3 C C)
    corners: Tensor  # (B 2) cells, x and y
    descriptor: Tensor  # (B D)


class Crops(NamedTuple):
    inputs: Inputs
    truth: Tensor  # (B 3 C C)
    alpha: Tensor  # (B 1 C C), the truth's
    features: Tensor  # (B 1 C C): brows, eyes and mouth


class CompositeState:
    def __init__(self, task: CompositeTask, model: StyleHead, heads: Heads, flows_of: StyleHead | None = None) -> None:
        """``flows_of`` finds the flows of the pairs instead of ``model``, whose flow is trained as well."""
        assert model.refiner is not None, "this stage goes on with the model's refiner"
        assert model.compositor is not None, "and makes its compositor"
        if heads.size != model.compositor.config.size:
            heads = heads.resized(model.compositor.config.size)
        self.task, self.model, self.heads = task, model, heads
        self.pairs, opened = choose_pairs(heads, task.pairs, task.cavity)
        self.opened = self.pairs[opened]
        self.order = torch.cat((self.pairs, *[self.opened] * (task.opened_pairs - 1)))
        self.samples = len(self.order)
        model.eval().requires_grad_(False)
        self.refiner = model.refiner.train().requires_grad_(True)
        self.compositor = model.compositor.train().requires_grad_(True)
        self.discriminators = nn.ModuleList(
            (PatchDiscriminator(), PatchDiscriminator())
        )  # at the full size and at half
        self.features = load_features(device=torch.get_default_device())
        self.networks: dict[str, nn.Module] = {
            "refiner": self.refiner,
            "compositor": self.compositor,
            "discriminators": self.discriminators,
        }
        self.phases = (
            Phase("compose", [(self.compositor, 1.0), (self.refiner, task.refiner_speed)]),
            Phase("discriminator", [(self.discriminators, 1.0)]),
        )
        self.cache = Cache(model if flows_of is None else flows_of, heads)
        self.seen: list[tuple[Tensor, Tensor]] = []  # composed and real, for each discriminator's turn
        self.matters: list[Tensor] = []  # how much each patch of them counts

    def loss(self, phase: Phase, rows: Tensor, rng: Any, progress: float) -> tuple[Tensor, Parts]:
        if phase.name == "discriminator":
            return self._discriminator_loss(make_rng(rows, rng))
        with torch.no_grad():
            crops = self._crop(self.order[rows], make_rng(rows, rng))
        with fast_convolutions(rows.device):
            refined, along, matte, frames = self.compose(crops.inputs)
        task, truth, alpha = self.task, crops.truth, crops.alpha
        planes, size = crops.inputs.planes, truth.shape[-1]
        hidden, mouth = F.interpolate(
            torch.cat((1 - planes[:, :1], planes[:, 1:2]), dim=1), size=(size, size), mode="bilinear"
        ).split(1, dim=1)
        inside = F.pad(torch.ones_like(hidden[..., EDGE:-EDGE, EDGE:-EDGE]), (EDGE,) * 4)
        hidden, opened = hidden * alpha, (mouth > 0).float()
        weight = 1 + task.features * crops.features + task.opened * opened + task.hidden * hidden
        bared = (1 - alpha) * hidden_wall(crops.inputs, self.compositor.fold)
        weight = weight * (1 - (1 - task.bared) * bared) * inside
        half = [F.avg_pool2d(each, 2) for each in (frames, truth, weight)]
        redraw = pyramid_difference(*half, levels=3)
        redraw = redraw + pyramid_difference(frames, truth, weight * torch.maximum(hidden, opened), levels=1)
        small_fold = size // refined.picture.shape[-1]
        small = pyramid_difference(
            refined.picture.float(), *(F.avg_pool2d(each, small_fold) for each in (truth, weight * alpha)), levels=2
        )
        unlike = (fine_detail(frames) - fine_detail(along[:, :3])).abs()
        detail = (unlike * inside * alpha * (1 - hidden) * (1 - crops.features)).mean()
        rough = roughness_difference(frames, truth, weight)
        with fast_convolutions(rows.device):
            perceived = feature_distance(self.features, *half[:2], mask=half[2])
        outline = F.binary_cross_entropy(matte.clamp(1e-3, 1 - 1e-3), alpha, reduction="none")
        outline = (outline * inside).mean()
        loss = redraw + task.small * small + task.detail * detail + task.rough * rough
        loss = loss + task.perceived * perceived + task.matte * outline
        each = {"redraw": redraw, "small": small, "detail": detail, "rough": rough, "perceived": perceived}
        each["matte"] = outline
        self._keep_for_discriminators(frames, truth, crops.features + opened + hidden)
        if task.adversarial and progress > task.adversarial_from:
            with fast_convolutions(rows.device):
                shown = frames[..., EDGE:-EDGE, EDGE:-EDGE]
                shown = shown, F.avg_pool2d(shown, 2)
                logits = [network(picture).float() for network, picture in zip(self.discriminators, shown, strict=True)]
            losses = [adversarial_loss(*pair) for pair in zip(logits, self.matters, strict=True)]
            each["adversarial"] = torch.stack(losses).mean()
            loss = loss + task.adversarial * each["adversarial"]
        return loss, {name: float(value.detach()) for name, value in each.items()}

    def _keep_for_discriminators(self, frames: Tensor, truth: Tensor, matters: Tensor) -> None:
        pictures = [plane[..., EDGE:-EDGE, EDGE:-EDGE] for plane in (frames.detach(), truth, matters)]
        halves = [F.avg_pool2d(plane, 2) for plane in pictures]
        self.seen = [(pictures[0], pictures[1]), (halves[0], halves[1])]
        self.matters = [F.avg_pool2d(plane[2].clamp(0, 2), PATCH) for plane in (pictures, halves)]

    def _discriminator_loss(self, rng: torch.Generator) -> tuple[Tensor, Parts]:
        """The discriminators' loss. The penalty on their slope is taken in one step of ``LAZY``, and counts as often.

        Source: StyleGAN2 (arXiv 1912.04958), lazy regularisation.
        """
        slope = LAZY * R1_WEIGHT if int(torch.randint(LAZY, (), generator=rng)) == 0 else 0.0
        losses, parts = [], {}
        for discriminator, seen, matters, name in zip(
            self.discriminators, self.seen, self.matters, ("fine", "coarse"), strict=True
        ):
            with fast_convolutions(matters.device):
                loss, told = discriminator_loss(discriminator, seen, matters, slope)
            losses.append(loss.float())
            parts[f"discriminator_{name}"] = told["discriminator"]
        return losses[0] + losses[1], parts

    def compose(self, crops: Inputs):
        """The refined small crops, the warped person, and the composed crops with their matte."""
        refined = self.refiner.refine(crops.drawn, crops.along, crops.planes, crops.descriptor)
        fine, fold = self.compositor.enlarge_flow(crops.flow, refined.hidden), self.compositor.fold
        if crops.irises is not None:
            times, cells = self.compositor.config.enlarge, crops.person.shape[-1] // fold
            opening = crops.planes[:, EYES_OPEN : EYES_OPEN + 1]
            fine = carry_irises(fine, crops.irises, opening, times * crops.corners, times * cells)
        along = sample_crop(crops.person, fine, fold * crops.corners, fold * crops.flow.shape[-1])
        moved = along[:, 3:].clamp(0, 1)
        composed = self.compositor(refined, along[:, :3], moved, crops.planes, crops.descriptor)
        frames = crops.wall + composed.matte * (composed.picture - crops.wall)
        return refined, along, composed.matte, frames

    def _crop(self, rows: Tensor, rng: torch.Generator) -> Crops:
        task, heads = self.task, self.heads
        made = self.cache.take(rows)
        source, target = heads.source[rows], heads.target[rows]
        cells, fold = made.flow.shape[-1], heads.size // made.flow.shape[-1]
        small_fold = made.drawn.shape[-1] // cells
        assert heads.alpha is not None
        truth, alpha = heads.frames(target), heads.alpha[target].float() / 255
        landmarks = heads.landmarks[target]
        still = self.model.resize(heads.frames(source), made.drawn.shape[-1])
        along = warp_bicubic(still, made.flow)
        features = region_weights(landmarks, [MOUTH, *EYES, *BROWS], heads.size, heads.size, 10)
        corners, cut = self._corners(landmarks / fold, cells, rng)
        flipped = torch.rand(len(rows), generator=rng) < 0.5
        contrast = 1 + task.light * (torch.rand(len(rows), 1, 1, 1, generator=rng) - 0.5)
        tint = task.light * 0.5 * (torch.rand(len(rows), 3, 1, 1, generator=rng) - 0.5)

        def crop(planes: Tensor, times: int, *, lit: bool = False, across: bool = False) -> Tensor:
            parts = []
            for plane, (x, y), flip in zip(planes, corners.tolist(), flipped.tolist(), strict=True):
                x0 = cells - cut - x if flip else x  # the corner is that of the mirrored picture
                part = plane[..., times * y : times * (y + cut), times * x0 : times * (x0 + cut)]
                part = part.flip(-1) if flip else part
                parts.append(part * part.new_tensor((-1.0, 1.0))[:, None, None] if flip and across else part)
            cropped = torch.stack(parts)
            return (cropped * contrast + tint).clamp(-1, 1) if lit else cropped

        corners = torch.where(
            flipped[:, None], torch.stack((cells - cut - corners[:, 0], corners[:, 1]), dim=1), corners
        )
        person = torch.where(flipped[:, None, None, None], made.person.flip(-1), made.person)
        person = torch.cat(((person[:, :3] * contrast + tint).clamp(-1, 1), person[:, 3:]), dim=1)
        drawn, small = crop(made.drawn, small_fold, lit=True), crop(along, small_fold, lit=True)
        planes = crop(made.planes, 1)
        grey = 1 + task.strange * (torch.rand(len(rows), 3, 1, 1, generator=rng) - 0.5)
        drawn = false_inside((drawn * grey).clamp(-1, 1), small, planes[:, 1:2], task.false_inside, rng)
        here, there = (
            torch.where(flipped[:, None], mirror_coefficients(own), own)
            for own in (heads.coefficients[source], heads.coefficients[target])
        )
        irises = made.irises
        if irises is not None:
            irises = torch.where(flipped[:, None, None], mirror_irises(irises), irises)
        inputs = Inputs(
            drawn=drawn,
            along=small,
            person=person,
            flow=crop(made.flow, 1, across=True),
            planes=planes,
            irises=irises,
            wall=crop(made.wall, fold, lit=True),
            corners=corners,
            descriptor=describe_motion(self.model, here, there),
        )
        return Crops(inputs, crop(truth, fold, lit=True), crop(alpha, fold), crop(features, fold))

    def _corners(self, landmarks: Tensor, cells: int, rng: torch.Generator) -> tuple[Tensor, int]:
        """The upper left corners (B 2) of the crops in cells, before any is mirrored, and the crops' side."""
        task, batch = self.task, len(landmarks)
        cut = min(task.crop, cells)
        eye = torch.randint(2, (batch,), generator=rng)
        eyes = torch.stack([landmarks[:, list(ring), :2].mean(1) for ring in EYES], dim=1)[torch.arange(batch), eye]
        anywhere = torch.rand(batch, 2, generator=rng) * cells
        middles = (landmarks[:, list(MOUTH), :2].mean(1), eyes, landmarks[:, list(FACE), :2].mean(1), anywhere)
        shares = torch.tensor((*task.places, 1 - sum(task.places)))
        kind = torch.multinomial(shares, batch, replacement=True, generator=rng)
        middle = torch.stack(middles, dim=1)[torch.arange(batch), kind]
        stray = task.stray * (2 * torch.rand(batch, 2, generator=rng) - 1)
        return (middle + stray - cut / 2).round().long().clamp(0, cells - cut), cut

    def sheet(self) -> Tensor:
        """Columns: source; target; drawn; refined; composed; matte. Only where mouths open."""
        pool = self.opened if len(self.opened) >= SHOWN else self.pairs
        rows = pool[torch.linspace(0, len(pool) - 1, SHOWN).long()]
        heads, made = self.heads, self.cache.take(rows)
        source, target = heads.source[rows], heads.target[rows]
        descriptor = describe_motion(self.model, heads.coefficients[source], heads.coefficients[target])
        small = warp_bicubic(self.model.resize(heads.frames(source), made.drawn.shape[-1]), made.flow)
        refined = self.refiner.refine(made.drawn, small, made.planes, descriptor)
        fine = self.compositor.enlarge_flow(made.flow, refined.hidden)
        if made.irises is not None:
            fine = carry_irises(fine, made.irises, made.planes[:, EYES_OPEN : EYES_OPEN + 1])
        along = warp_bicubic(made.person, fine)
        matte_in = along[:, 3:].clamp(0, 1)
        composed = self.compositor(refined, along[:, :3], matte_in, made.planes, descriptor)
        frames = made.wall + composed.matte * (composed.picture - made.wall)
        columns = [
            heads.frames(source),
            heads.frames(target),
            made.drawn,
            refined.picture,
            frames,
            2 * composed.matte - 1,
        ]
        return rows_of([_shown(column) for column in columns])


def hidden_wall(crops: Inputs, fold: int) -> Tensor:
    """(B 1 C C) in 0..1: where the source's person hides the wall; a cell has ``fold`` pixels."""
    side = fold * crops.flow.shape[-1]
    corners = (fold * crops.corners).tolist()
    mattes = zip(crops.person[:, 3:], corners, strict=True)
    return torch.stack([matte[:, y : y + side, x : x + side] for matte, (x, y) in mattes])


def sample_crop(picture: Tensor, flow: Tensor, corners: Tensor, side: int) -> Tensor:
    """A crop of ``picture`` (B C S S), warped as ``ops.warp.warp_bicubic`` warps the whole.

    Args:
        flow: (B 2 n n), of the crop alone, pixels of its own grid.
        corners: (B 2), x and y of the crop's first pixel.
        side: C, pixels of the crop.

    Returns:
        (B C C C).
    """
    height, width = picture.shape[-2:]
    flow = resize_flow(flow, (side, side))
    line = torch.arange(side, device=flow.device, dtype=flow.dtype)
    x = (line + corners[:, :1])[:, None, :] + flow[:, 0]
    y = (line + corners[:, 1:])[:, :, None] + flow[:, 1]
    x, y = x.clamp(0, width - 1), y.clamp(0, height - 1)
    grid = torch.stack(((2 * x + 1) / width - 1, (2 * y + 1) / height - 1), dim=-1)
    return F.grid_sample(picture, grid, mode="bicubic", padding_mode="border", align_corners=False)


def _shown(pictures: Tensor) -> Tensor:
    """``pictures`` (B C S S) as a sheet shows them."""
    mode = "area" if pictures.shape[-1] > SHEET else "nearest"
    return F.interpolate(pictures.clamp(-1, 1), size=(SHEET, SHEET), mode=mode)
