"""Trains the refiner, which joins the drawn picture with the portrait's warped pixels, and closes eyes that a warp left
open.

All networks before it are fixed. Their output for each pair is computed once and cached; after that a step costs the
refiner alone. It learns from crops, most of them around the face, mirrored at random and in random light.

A pixel-wise loss would make pictures soft, since no flow is exact. So the difference from the true picture is measured
at half the size and below; at the full size only where the portrait hides the place. Finer detail is compared by its
local contrast, by a feature network and by a discriminator; away from brows, eyes and mouth it must equal the
portrait's own.

Paintings are softer than rendered heads, and their drawing differs more from the portrait. So some crops are blurred,
and the drawing often gets random colours, or loses its detail and gets that of the warped portrait, so that the refiner
relies on the motion.

Axes: B batch, P pairs, K coefficients, G guides, S picture size, C size of a crop, h w size of the flow.
"""

from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...datasets.heads import Heads, choose_pairs, jitter_colours, make_rng, opens_mouth
from ...datasets.pair_flow import describe_motion, predict_flow
from ...evaluation.load_identity_network import load_features
from ...landmarker.face_regions import BROWS, EYES, FACE, MOUTH, region_weights
from ...media.sample_sheets import rows_of
from ...model.stylehead import StyleHead
from ...networks.feature_network import feature_distance
from ...ops.pixels import from_uint8, to_uint8
from ...ops.warp import warp_bicubic
from ...spaces import ARKIT
from ..discriminator import PATCH, PatchDiscriminator, discriminator_loss
from ..losses import adversarial_loss, fine_detail, pyramid_difference, roughness_difference
from ..precision import fast_convolutions
from ..recipe import LearnsFromHeads, Parts, Phase
from .calibration import draw_along_flow

__all__ = ["RefineTask", "false_inside", "mirror_coefficients"]

SHOWN = 8
EDGE = 6  # pixels of a cut that are not looked at: there the picture ends for the network, and in use it does not
PLAIN = 8  # pixels: what is finer than that a drawing without detail does not show


@dataclass(frozen=True, kw_only=True)
class RefineTask(LearnsFromHeads):
    pairs: int | None = None  # of each head, those with the widest mouths first; None = all
    cavity: float = 0.0  # how much darker than the lips an opened mouth must be inside, where pairs are chosen
    opened_pairs: int = 1  # how many times as often pairs with an opened mouth are drawn
    cut: int = 36  # cells of the flow along each side of what is looked at
    near: float = 0.75  # share of the cuts that lie around the face
    stray: int = 6  # cells by which those miss it
    light: float = 0.4  # how much contrast and colours change,
    strange: float = 0.2  # and those of the drawing alone
    plain: float = 0.5  # share of the cuts whose drawing has no detail, and shows more or less what is carried
    soft: float = 0.25  # share of the cuts that are soft, all of them
    false_inside: float = 0.7  # share of the crops whose drawing is flesh inside an open mouth, as on photographs
    features: float = 10.0  # how much more brows, eyes and mouth count than the rest
    opened: float = 10.0  # and what is inside an open mouth
    hidden: float = 2.0  # how much more what the portrait does not show counts
    detail: float = 1.0  # weight of the portrait's own fine detail, away from brows, eyes and mouth
    rough: float = 14.0  # weight of being as rough as the truth, window by window
    perceived: float = 0.05  # weight of what the network of features sees
    adversarial: float = 0.6  # weight of the adversarial loss
    adversarial_from: float = 0.05  # progress at which the discriminator is first used
    parts: tuple[str, ...] = ("refiner",)

    def for_debugging(self, size: int) -> "RefineTask":
        return replace(self, cavity=0.0)  # a few heads may have no dark mouth

    def start(self, model: StyleHead, heads: Heads) -> "RefineState":
        return RefineState(self, model, heads.resized(model.config.generator.size))


class Kept:
    """What the model makes of each pair before the refiner, made when it is first asked for.

    Each pair is made alone, so that it is the same to the bit whatever it is asked for with: after a resumption, or in
    another process.
    """

    def __init__(self, model: StyleHead, heads: Heads) -> None:
        self.model, self.heads = model, heads
        pairs, cells = len(heads), heads.flow.shape[-1]
        self.made = torch.zeros(pairs, dtype=torch.bool)
        self.pictures = torch.empty(pairs, 2, 3, heads.size, heads.size, dtype=torch.uint8)  # drawn, and carried
        assert model.refiner is not None
        self.planes = torch.empty(pairs, 1 + model.refiner.config.guides, cells, cells, dtype=torch.float16)

    @torch.no_grad()
    def take(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """What is drawn and what is carried of the pairs ``rows`` (B 2 3 S S) uint8, and the planes (B 1+G h w): what
        is seen, and the guides."""
        for row in rows[~self.made[rows]].unique():
            drawn, along, planes = self._make(row[None])
            pictures = torch.cat((drawn, along)).clamp(-1, 1)
            self.pictures[row] = to_uint8(pictures)
            self.planes[row] = planes[0].half()
            self.made[row] = True
        return self.pictures[rows], self.planes[rows].float()

    def _make(self, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        model, heads = self.model, self.heads
        flow, visibility, guides, *_ = predict_flow(model, heads, rows)
        assert visibility is not None, "a refiner needs a flow field that tells what is seen"
        drawn = draw_along_flow(model, heads, rows, flow, visibility, calibrated=model.calibrator is not None)
        assert guides is not None
        planes = torch.cat((visibility, guides), dim=1)
        return drawn, warp_bicubic(heads.frames(heads.source[rows]), flow), planes


class RefineState:
    def __init__(self, task: RefineTask, model: StyleHead, heads: Heads) -> None:
        assert model.refiner is not None, "this stage makes the model's refiner"
        assert model.refiner.config.guides, "which is told what is inside a mouth"
        self.task, self.model, self.heads = task, model, heads
        every = torch.arange(len(heads)), opens_mouth(heads)
        chosen, opened = every if task.pairs is None else choose_pairs(heads, task.pairs, task.cavity)
        self.order = torch.cat((chosen, *[chosen[opened]] * (task.opened_pairs - 1)))
        self.samples = len(self.order)
        model.eval().requires_grad_(False)
        self.refiner = model.refiner.train().requires_grad_(True)
        self.discriminator = PatchDiscriminator()
        self.features = load_features(device=torch.get_default_device())
        self.networks: dict[str, nn.Module] = {"refiner": self.refiner, "discriminator": self.discriminator}
        self.phases = (Phase("refine", [(self.refiner, 1.0)]), Phase("discriminator", [(self.discriminator, 1.0)]))
        self.kept = Kept(model, heads)
        self.seen: tuple[Tensor, Tensor] | None = None  # refined and real, for the discriminator's phase
        self.matters: Tensor | None = None  # how much each patch of them counts (B 1 C/4 C/4)

    def loss(self, phase: Phase, rows: Tensor, rng: Any, progress: float) -> tuple[Tensor, Parts]:
        if phase.name == "discriminator":
            with fast_convolutions(rows.device):
                return discriminator_loss(self.discriminator, self.seen, self.matters)
        task = self.task
        (drawn, along, truth), planes, features, descriptor = self._sample_crops(self.order[rows], make_rng(rows, rng))
        with fast_convolutions(rows.device):
            frames = self.refiner(drawn, along, planes, descriptor).float()
        hidden = F.interpolate(1 - planes[:, :1], size=frames.shape[-1], mode="bilinear", align_corners=False)
        inside = F.pad(torch.ones_like(hidden[..., EDGE:-EDGE, EDGE:-EDGE]), (EDGE,) * 4)
        opened = F.interpolate(planes[:, 1:2], size=frames.shape[-1], mode="bilinear", align_corners=False) > 0
        weight = (1 + task.features * features + task.opened * opened + task.hidden * hidden) * inside
        redraw = pyramid_difference(*(F.avg_pool2d(each, 2) for each in (frames, truth, weight)), levels=2)
        redraw = redraw + pyramid_difference(frames, truth, weight * hidden, levels=1)
        unlike = (fine_detail(frames) - fine_detail(along)).abs()
        detail = (unlike * inside * (1 - hidden) * (1 - features)).mean()
        rough = roughness_difference(frames, truth, weight)
        with fast_convolutions(rows.device):
            perceived = feature_distance(self.features, frames, truth, mask=weight)
        shown = frames[..., EDGE:-EDGE, EDGE:-EDGE]
        self.seen = (shown.detach(), truth[..., EDGE:-EDGE, EDGE:-EDGE])
        self.matters = F.avg_pool2d((features + hidden)[..., EDGE:-EDGE, EDGE:-EDGE], PATCH)
        loss = redraw + task.detail * detail + task.rough * rough + task.perceived * perceived
        each = {"redraw": redraw, "detail": detail, "rough": rough, "perceived": perceived}
        if task.adversarial and progress > task.adversarial_from:
            with fast_convolutions(rows.device):
                verdict = self.discriminator(shown).float()
            adversarial_term = each["adversarial"] = adversarial_loss(verdict, self.matters)
            loss = loss + task.adversarial * adversarial_term
        return loss, {name: float(value.detach()) for name, value in each.items()}

    def _sample_crops(self, rows: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Cuts of what is drawn, carried and true (3 B 3 C C), of what is seen and guides (B 1+G c c) and of where
        brows, eyes and mouth are (B 1 C C), with the motion's descriptor (B D)."""
        heads, source, target = self.heads, self.heads.source[rows], self.heads.target[rows]
        pictures, planes = self.kept.take(rows)
        pictures = from_uint8(torch.cat((pictures, heads.pictures[target][:, None]), dim=1))  # B 3 3 S S
        landmarks = heads.landmarks[target]
        features = region_weights(landmarks, [MOUTH, *EYES, *BROWS], heads.size, heads.size, 3)
        cells, fold = planes.shape[-1], heads.size // planes.shape[-1]
        cut = min(self.task.cut, cells)
        middle = landmarks[:, list(FACE), :2].mean(1) / fold
        stray = self.task.stray * (2 * torch.rand(len(rows), 2, generator=rng) - 1)
        anywhere = torch.rand(len(rows), 2, generator=rng) * cells
        near = torch.rand(len(rows), 1, generator=rng) < self.task.near
        corners = (torch.where(near, middle + stray, anywhere) - cut / 2).round().long().clamp(0, cells - cut)
        flipped = torch.rand(len(rows), generator=rng) < 0.5

        def cuts(planes: Tensor, fold: int) -> Tensor:
            parts = []
            for plane, (x, y), flip in zip(planes, (fold * corners).tolist(), flipped.tolist(), strict=True):
                part = plane[..., y : y + fold * cut, x : x + fold * cut]
                parts.append(part.flip(-1) if flip else part)
            return torch.stack(parts)

        here, there = (
            torch.where(flipped[:, None], mirror_coefficients(own), own)
            for own in (heads.coefficients[source], heads.coefficients[target])
        )
        shown = jitter_colours(cuts(pictures, fold).transpose(1, 2).flatten(2, 3), rng, self.task.light)
        shown = shown.unflatten(2, (3, -1)).permute(2, 0, 1, 3, 4)  # one light for all three
        shown = self._stranger(shown, cuts(planes, 1), rng)
        with torch.no_grad():
            descriptor = describe_motion(self.model, here, there)
        return shown, cuts(planes, 1), cuts(features, fold), descriptor

    def _stranger(self, shown: Tensor, planes: Tensor, rng: torch.Generator) -> Tensor:
        """Cuts of what is drawn, carried and true (3 B 3 C C) as they might be of a painting, or a photograph."""
        soft, plain, like = torch.rand(3, shown.shape[1], 1, 1, 1, generator=rng)
        soft, plain = (soft < self.task.soft).float(), (plain < self.task.plain).float()
        drawn, along, truth = (torch.lerp(part, _soften(part, 2), soft) for part in shown)
        drawn = torch.lerp(drawn, _soften(torch.lerp(drawn, along, like), PLAIN), plain)
        drawn = jitter_colours(drawn, rng, self.task.strange)
        drawn = false_inside(drawn, along, planes[:, 1:2], self.task.false_inside, rng)
        return torch.stack((drawn, along, truth))

    def sheet(self) -> Tensor:
        """Columns: source; target; drawn; carried; refined; what is seen."""
        rows = torch.linspace(0, len(self.heads) - 1, SHOWN).long()
        pictures, planes = self.kept.take(rows)
        drawn, along = from_uint8(pictures).unbind(1)
        here, there = (self.heads.coefficients[which[rows]] for which in (self.heads.source, self.heads.target))
        frames = self.refiner(drawn, along, planes, describe_motion(self.model, here, there))
        shown = [self.heads.frames(which[rows]) for which in (self.heads.source, self.heads.target)]
        seen = F.interpolate(2 * planes[:, :1] - 1, size=self.heads.size)
        return rows_of([*shown, drawn, along, frames.clamp(-1, 1), seen])


def false_inside(
    drawn: Tensor, along: Tensor, mouth: Tensor, share: float, rng: torch.Generator, blur: int = 4
) -> Tensor:
    """``drawn`` (B 3 C C) with skin, lips, blur or noise inside open mouths, in a ``share`` of the batch.

    On rendered heads the drawing is right there, and a network would learn to trust it. On photographs it is flesh.

    Args:
        along: (B 3 C C), the warped portrait, whose lips close over the mouth.
        mouth: (B 1 c c), the guide of the landmark prior: 0 at the inner lips, 1 far inside.
        blur: pixels.
    """
    batch, size = len(drawn), drawn.shape[-1]
    inside = F.interpolate(mouth, size=(size, size), mode="bilinear", align_corners=False)
    inside = ((inside + 0.15) * 6).clamp(0, 1)
    colour, grain = (torch.rand(batch, 3, 1, 1, generator=rng) for _ in range(2))
    noise = torch.randn(batch, 3, -(-size // blur), -(-size // blur), generator=rng)
    noise = F.interpolate(noise, size=(size, size), mode="bilinear", align_corners=False)
    flesh = _soften(along, blur) + 0.6 * (colour - 0.5) + 0.25 * grain.square() * noise
    chosen = (torch.rand(batch, 1, 1, 1, generator=rng) < share).to(drawn.dtype)
    return torch.lerp(drawn, flesh.clamp(-1, 1), inside * chosen)


def _soften(pictures: Tensor, pixels: int) -> Tensor:
    """``pictures`` (B 3 S S) without what is finer than so many pixels."""
    return F.interpolate(F.avg_pool2d(pictures, pixels), size=pictures.shape[-2:], mode="bilinear", align_corners=False)


def mirror_coefficients(coefficients: Tensor) -> Tensor:
    """The arkit coefficients (... K) of the same face in a mirror: left is right, and it turns and tilts the other
    way."""
    sides = {"Left": "Right", "Right": "Left"}
    order = []
    for name in ARKIT.names:
        side = next((side for side in sides if name.endswith(side)), None)
        order.append(ARKIT.names.index(name.removesuffix(side) + sides[side] if side else name))
    signs = coefficients.new_tensor([-1.0 if name in ("yaw", "roll", "x") else 1.0 for name in ARKIT.names])
    return coefficients[..., order] * signs
