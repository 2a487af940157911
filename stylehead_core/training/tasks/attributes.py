"""Computes edit directions of an existing generator from labelled pictures; nothing is drawn and compared.

The encoder finds the styles of every picture. For each attribute, a logistic regression separates those with it from
those without. The direction is the likeliest change of styles that moves this attribute and keeps the others.

Source: InterfaceGAN (arXiv 2005.09635), with three changes. Styles are whitened along their principal components, so
that a direction stays among styles that occur. Every row has its own direction: W+ separates attributes better than W
(StyleSpace, arXiv 2011.12799). The classifier is a logistic regression, not a support vector machine.

Axes: N pictures, A attributes, R D styles, K components.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm import tqdm

from ...datasets.labels import LabelledPictures, load_labelled
from ...errors import InputError
from ...media.sample_sheets import rows_of
from ...model.config import DirectionConfig
from ...model.stylehead import Directions, StyleHead
from ...stages.editing import save_directions
from ..recipe import Phase, TrainingTask

__all__ = ["AttributesState", "AttributesTask", "Whitened", "ends", "find_directions", "tell_apart", "whiten"]

CHUNK = 32  # pictures inverted together
LEAST = 10  # pictures at either end of an attribute
ALIKE = 0.99  # cosine of the boundaries of two attributes that cannot be told apart
STRENGTHS = (-1.0, 0.0, 0.5, 1.0)  # of the sheet

Ends = tuple[Tensor, Tensor]
"""The rows of the pictures without an attribute, and with it."""
DIRECTIONS = "directions.safetensors"


@dataclass(frozen=True, kw_only=True)
class AttributesTask(TrainingTask):
    components: int = 512  # in which styles are compared, at most; and never more than a tenth of the pictures
    share: float = 0.25  # of the pictures at either end of an attribute that is not yes or no; InterfaceGAN takes 2 %
    shrink: float = 1.0  # of half the squared boundary, beside the sum over the pictures
    tested: float = 0.3  # share of the people that a first regression does not see, and is tested with
    parts: tuple[str, ...] = ("directions",)

    def load(self, folder: Path) -> LabelledPictures:
        return load_labelled(folder)

    def save(self, state: "AttributesState", model: StyleHead, folder: Path, recipe: str) -> None:
        """Write the model, and the directions by themselves, for other models with this generator."""
        super().save(state, model, folder, recipe)
        named = [model.directions.named(name) for name in model.attributes]
        save_directions(folder / DIRECTIONS, named, license=model.config.license)

    def start(self, model: StyleHead, labelled: LabelledPictures) -> "AttributesState":
        return AttributesState(self, model, labelled)


class AttributesState:
    """Made, it has done everything: there are no turns."""

    phases: tuple[Phase, ...] = ()

    def __init__(self, task: AttributesTask, model: StyleHead, labelled: LabelledPictures) -> None:
        self.model, self.labelled, self.samples = model, labelled, len(labelled.pictures)
        model.eval().requires_grad_(False)
        classes = _classes(task, labelled)
        styles = _invert(model, labelled)
        with torch.device("cpu"):
            changes = self._compute(task, styles, classes)
        self.found = tuple(changes)
        _set_directions(model, changes)
        self.networks: dict[str, nn.Module] = {"directions": model.directions}

    def _compute(self, task: AttributesTask, styles: Tensor, classes: dict[str, Ends]) -> dict[str, Tensor]:
        """The directions (R D) of all attributes, from the ``styles`` (N R D) of all pictures."""
        person = self.labelled.person.cpu()
        space = whiten(styles, min(task.components, len(styles) // 10), len(classes))
        for name, (low, high) in classes.items():
            right = _test_accuracy(space.codes, low, high, person, task)
            tqdm.write(f"{name}: {right:.0%} of the pictures of other people are told right, where guessing gives 50%")
        normals = torch.stack([tell_apart(space.codes, *rows, shrink=task.shrink)[0] for rows in classes.values()])
        return dict(zip(classes, find_directions(space, normals, classes), strict=True))

    def sheet(self) -> Tensor:
        """A row for each attribute: the first picture, then it redrawn at strengths -1 to 1."""
        picture = self.labelled.pictures.take(torch.tensor([0]))
        styles = self.model.encoder(self.model.resize(picture, self.model.config.encoder.size))
        size = min(256, self.model.config.size)
        rows = []
        for name in self.found:
            direction = self.model.directions.shift(name)
            drawn = [self.model.generator(styles + strength * direction).clamp(-1, 1) for strength in STRENGTHS]
            rows.append(rows_of([self.model.resize(one, size) for one in (picture, *drawn)]))
        return torch.cat(rows, dim=-2)


def _classes(task: AttributesTask, labelled: LabelledPictures) -> dict[str, Ends]:
    """The ends of every attribute that has enough labels.

    Raises:
        InputError: there is none.
        ConfigError: a name that no direction can have.
    """
    classes: dict[str, Ends] = {}
    for name, values in zip(labelled.names, labelled.labels.cpu().unbind(1), strict=True):
        DirectionConfig(name=name)
        try:
            classes[name] = ends(name, values, task.share)
        except InputError as error:  # one that is rare should not cost the others
            tqdm.write(f"{name} is left out. {error}")
    if not classes:
        raise InputError("There is no attribute with enough labels, as was said of each above. Label more pictures.")
    return classes


@torch.no_grad()
def _invert(model: StyleHead, labelled: LabelledPictures) -> Tensor:
    """The styles (N R D) of all pictures, on the processor."""
    found = []
    for rows in tqdm(torch.arange(len(labelled.pictures)).split(CHUNK), desc="styles", disable=None):
        pictures = labelled.pictures.take(rows)
        found.append(model.encoder(model.resize(pictures, model.config.encoder.size)).cpu())
    return torch.cat(found)


def ends(name: str, values: Tensor, share: float) -> Ends:
    """The rows of the pictures without and with an attribute, by its ``values`` (N), NaN where not known.

    Of an attribute with more than two values these are the lowest and the highest ``share``.

    Raises:
        InputError: too few pictures at one of the ends.
    """
    known = values[~values.isnan()]
    kinds = known.unique()
    if len(kinds) > 2:
        low, high = known.quantile(share), known.quantile(1 - share)
    else:
        low, high = kinds.min() if len(kinds) else torch.tensor(0.0), kinds.max() if len(kinds) else torch.tensor(1.0)
    without, with_it = (torch.nonzero(which).flatten() for which in (values <= low, values >= high))
    if low == high or min(len(without), len(with_it)) < LEAST:
        raise InputError(
            f"The attribute {name!r} needs at least {LEAST} pictures without it and as many with it; of "
            f"{len(known)} labels {len(without)} are at the low end ({low:.4g}) and {len(with_it)} at the high one "
            f"({high:.4g}). Label more pictures."
        )
    return without, with_it


@dataclass(frozen=True)
class Whitened:
    """Styles in the components in which they differ most, each with mean 0 and variance 1."""

    codes: Tensor  # (N K) float64
    back: Tensor  # (R D K) float64: what a step of 1 in each component adds to the styles


def whiten(styles: Tensor, components: int, least: int) -> Whitened:
    """The whitened ``styles`` (N R D) in so many components, or as many as there are.

    Raises:
        InputError: these are fewer than ``least``.
    """
    flat = styles.flatten(1).double()
    flat = flat - flat.mean(0)
    most = min(components, *flat.shape)
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(0)
        _, spread, axes = torch.svd_lowrank(flat, q=min(most + 8, *flat.shape), niter=4)
    kept = torch.nonzero(spread[:most] > 1e-6 * spread[0]).flatten()
    if len(kept) < least:
        raise InputError(
            f"{least} attributes cannot be told apart in {len(kept)} components of the styles: {len(flat)} pictures "
            "are too few, or too much alike. Ten pictures allow one component."
        )
    spread, axes = spread[kept] / len(flat) ** 0.5, axes[:, kept]
    return Whitened(flat @ axes / spread, (axes * spread).view(*styles.shape[1:], len(kept)))


def tell_apart(codes: Tensor, low: Tensor, high: Tensor, *, shrink: float) -> tuple[Tensor, Tensor]:
    """What tells the rows ``high`` of ``codes`` (N K) from the rows ``low``: codes @ normal + offset > 0.

    The logistic regression of both, each end weighing the same whatever its number, and shrunk by ``shrink``.
    """
    x = torch.cat((codes[low], codes[high]))
    y = torch.cat((torch.zeros(len(low)), torch.ones(len(high)))).to(x)
    weight = len(x) / 2 * torch.cat((torch.full((len(low),), 1 / len(low)), torch.full((len(high),), 1 / len(high))))
    normal, offset = x.new_zeros(x.shape[1], requires_grad=True), x.new_zeros((), requires_grad=True)
    optimiser = torch.optim.LBFGS((normal, offset), max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimiser.zero_grad()
        told = F.binary_cross_entropy_with_logits(x @ normal + offset, y, weight.to(x), reduction="sum")
        total = (told + shrink / 2 * normal.square().sum()) / len(x)
        total.backward()
        return total

    with torch.enable_grad():
        # The stubs want a closure that gives a float; the search asks for a tensor.
        optimiser.step(loss)  # type: ignore[arg-type]
    return normal.detach(), offset.detach()


def _test_accuracy(codes: Tensor, low: Tensor, high: Tensor, person: Tensor, task: AttributesTask) -> float:
    """The share of either end that is told right, mean of both, among people that the regression has not seen."""
    people = person.unique()
    order = torch.randperm(len(people), generator=torch.Generator().manual_seed(0))
    unseen = torch.isin(person, people[order[: round(task.tested * len(people))]])
    if any(unseen[rows].all() or not unseen[rows].any() for rows in (low, high)):
        return float("nan")
    normal, offset = tell_apart(codes, low[~unseen[low]], high[~unseen[high]], shrink=task.shrink)
    scores = [codes[rows[unseen[rows]]] @ normal + offset for rows in (low, high)]
    return float(((scores[0] < 0).double().mean() + (scores[1] > 0).double().mean()) / 2)


def find_directions(space: Whitened, normals: Tensor, classes: dict[str, Ends]) -> Tensor:
    """The directions (A R D) of attributes whose boundaries have the ``normals`` (A K) in a whitened space.

    Each is at right angles to the normals of all other attributes there, as short as it can be, and so long that
    strength 1 takes the mean score of the pictures without the attribute to that of those with it.

    Raises:
        InputError: two attributes have the same boundary.
    """
    unit = F.normalize(normals, dim=1)
    cosines = (unit @ unit.T).abs().fill_diagonal_(0)
    if float(cosines.max()) > ALIKE:
        names = list(classes)
        one, other = divmod(int(cosines.argmax()), len(names))
        raise InputError(f"The labels of {names[one]!r} and {names[other]!r} say the same. Leave one of them out.")
    gaps = [
        (space.codes[high].mean(0) - space.codes[low].mean(0)) @ normal
        for normal, (low, high) in zip(unit, classes.values(), strict=True)
    ]
    steps = torch.linalg.pinv(unit) * torch.stack(gaps)  # K A
    return torch.einsum("rdk,ka->ard", space.back, steps).float()


def _set_directions(model: StyleHead, changes: dict[str, Tensor]) -> None:
    """Make ``changes`` (R D each) directions of the model, beside those that it knows by other names."""
    kept = tuple(config for config in model.config.directions if config.name not in changes)
    config = replace(model.config, directions=(*kept, *(DirectionConfig(name=name) for name in changes)))
    directions = Directions(config).to(model.device)
    for one in kept:
        directions.get_submodule(one.name).load_state_dict(model.directions.get_submodule(one.name).state_dict())
    for name, change in changes.items():
        directions.shift(name).copy_(change)
    model.config, model.directions = config, directions
