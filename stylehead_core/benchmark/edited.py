"""What a model's edits do to heads that it has never seen, compared with the rendered edit.

Axes: E edited pairs of one attribute, F strengths, A attributes, S picture size.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..datasets.attributes import ATTRIBUTES, EDITED, true_attributes
from ..datasets.gallery import describe_pictures
from ..datasets.heads import Heads
from ..errors import InputError
from ..evaluation.metrics.psnr import psnr
from ..model.stylehead import StyleHead
from ..ops.pixels import from_uint8
from ..records import Inversion
from ..stages.editing import edit_style
from ..stages.inversion import invert
from ..stages.rendering import render
from .driven import portrait_of
from .measures import Measures

__all__ = ["STRENGTHS", "EditRow", "edits"]

STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0)  # from the low end of the attribute to its high end
BEYOND = (-1.0, -0.5, 0.0, 0.5, 1.0, 1.5)  # of the portrait, which may be anywhere between the ends


@dataclass(frozen=True, kw_only=True)
class EditRow:
    """One edit. Means over the heads that it fits; strength 1 where nothing else is said."""

    edit: str
    monotonic: float  # share of heads at the low end whose judged attribute rises with every step of ``STRENGTHS``
    beyond: float  # the same of portraits with every step of ``BEYOND``, where an attribute may have come to its end
    moves: float  # the attribute's judged change in parts of the rendered edit's; 1 is all the way
    identity: float  # distance from the unedited head in parts of strangers' distance; less is better
    identity_rendered: float  # the same between the rendered pictures: the network's own error
    others: float  # mean judged change of the other attributes, each in its deviations among people; less is better
    own: float  # the same of the attribute itself
    goes: float  # how far the picture goes along the rendered change; 1 is all the way
    cosine: float  # of the drawn and the rendered change; 1 is the same change
    psnr_without: float  # dB, of the unedited head to the rendered edit
    psnr_with: float  # dB, more is better


@torch.no_grad()
def edits(model: StyleHead, heads: Heads, measures: Measures) -> list[EditRow]:
    """A row for each attribute that the model knows and ``heads`` show."""
    known = [(i, name) for i, name in enumerate(heads.attributes) if name in model.attributes]
    spread = _spread(heads)
    rows = []
    for number, name in known:
        pairs = torch.nonzero(heads.attribute == number).flatten()
        if len(pairs):
            rows.append(_row(model, heads, measures, name, pairs, spread))
    return rows


def _row(model: StyleHead, heads: Heads, measures: Measures, name: str, pairs: Tensor, spread: Tensor) -> EditRow:
    column = ATTRIBUTES.index(EDITED[name])
    people = heads.edited_person[pairs].tolist()
    if min(people) < 0:
        raise InputError("These heads were measured by an older version: measure them again.")
    portraits = [portrait_of(heads, int(torch.nonzero(heads.person == person)[0, 0])) for person in people]
    steps = torch.stack([_draw_at(model, invert(model, portrait), name, BEYOND) for portrait in portraits])
    seen = describe_pictures(measures.network, steps.flatten(0, 1))
    told = seen.attributes.unflatten(0, steps.shape[:2])  # E F A
    identity = seen.identity.unflatten(0, steps.shape[:2])
    none, full = BEYOND.index(0.0), BEYOND.index(1.0)
    change = (told[:, full] - told[:, none]).abs() / spread
    others = [i for i in range(len(ATTRIBUTES)) if i != column]

    low, high = from_uint8(heads.edited[pairs]).unbind(1)
    rendered = [describe_pictures(measures.network, part) for part in (low, high)]
    ends = [
        _draw_at(model, invert(model, replace(portrait, image=one[None])), name, STRENGTHS)  # posed as the portrait
        for portrait, one in zip(portraits, low, strict=True)
    ]
    drawn = torch.stack(ends)
    judged = (
        describe_pictures(measures.network, drawn.flatten(0, 1)).attributes[:, column].unflatten(0, drawn.shape[:2])
    )
    true, made = (high - low).flatten(1), (drawn[:, -1] - drawn[:, 0]).flatten(1)
    along = (true * made).sum(1)
    return EditRow(
        edit=name,
        monotonic=_rising_share(judged),
        beyond=_rising_share(told[:, :, column]),
        moves=float((judged[:, -1] - judged[:, 0]).mean())
        / float((rendered[1].attributes - rendered[0].attributes)[:, column].mean()),
        identity=float((1 - (identity[:, full] * identity[:, none]).sum(1)).mean()) / measures.strangers,
        identity_rendered=float((1 - (rendered[0].identity * rendered[1].identity).sum(1)).mean()) / measures.strangers,
        others=float(change[:, others].mean()),
        own=float(change[:, column].mean()),
        goes=float((along / true.square().sum(1)).mean()),
        cosine=float((along / (true.norm(dim=1) * made.norm(dim=1)).clamp_min(1e-9)).mean()),
        psnr_without=float(psnr(drawn[:, 0], high).mean()),
        psnr_with=float(psnr(drawn[:, -1], high).mean()),
    )


def _rising_share(judged: Tensor) -> float:
    """The share of rows of ``judged`` (E F) that rise with every step."""
    return float((judged.diff(dim=1) > 0).all(1).float().mean())


def _draw_at(model: StyleHead, inversion: Inversion, name: str, strengths: tuple[float, ...]) -> Tensor:
    """The head with an edit at each of ``strengths`` (F 3 S S)."""
    return torch.cat(
        [next(render(model, edit_style(model, inversion, name, strength))).cpu() for strength in strengths]
    )


def _spread(heads: Heads) -> Tensor:
    """The deviation (A) of each attribute among the people of ``heads``, 0.1 at least."""
    true = true_attributes(heads.person.unique().tolist())
    return (true - true.nanmean(0)).square().nanmean(0).sqrt().clamp_min(0.1)
