"""Trains the speech network: which lips and jaw belong to a sound.

Synthetic speech has known curves on the renderer's scale. A linear map, fitted on rendered heads, brings them to what
the face landmarker would have measured, since that is the scale on which all other motion comes. Real speech, where a
folder of it is given, has what the landmarker did measure: it teaches how real voices sound, and how far people open
their mouths.

Axes: B samples, n frames of a sample, L coefficients of ``LIPS``, M coefficients that real speech teaches.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...datasets.heads import Heads
from ...datasets.speech_pairs import SpeechPair, find_pairs, read_pair, split_pairs, vary_pairs
from ...datasets.utterances import UtteranceWindows, load_utterances
from ...errors import ConfigError
from ...model.stylehead import StyleHead
from ...networks.speech_coefficients import SpeechCoefficients
from ...spaces import ARKIT, BLENDSHAPES
from ...synthetic.speech.sentences import HELD_OUT
from ...synthetic.speech.sheet import draw_curves, lip_opening
from ...synthetic.speech.utterances import FliteUtterances, Utterance, Utterances
from ...synthetic.speech.visemes import LIPS, OPENING
from ..landmark_prior import within_persons
from ..recipe import LearnsFromHeads, Parts, Phase

__all__ = ["SpeechTask", "concordance", "measured_scale", "set_measured_scale"]

MEASURED = {"jawOpen": 2.0, "mouthPucker": 0.3}
"""What the landmarker measures well enough in people who speak, and how much it counts; the other lips it hardly sees
move. A pucker counts little: of one person it comes with other sounds than the visemes say."""

JAW = slice(0, 1)  # of MEASURED
GAIN = 0.5  # mel units: 6 dB louder or softer
COLOUR = 0.4  # mel units: 5 dB more or less, smoothly over the bands
KNOTS = 7  # of that
TILT = 1.0  # mel units that noise lies lower or higher at either end of the bands
DEAF, LOST = 0.3, 12  # share of samples that lack a range of bands, and the most that are lost
LOUDEST_FLOOR, SILENCE = -2.0, -4.0  # mel values: noise that covers all that is softer
STILL = 0.02  # a coefficient that moves less than this does not count more for it
SHOWN = 200  # frames of the sheet
RIDGE = 3e-4  # of the number of pictures
TINY = 1e-6
KEPT = 0.75  # share of the bands up to which resonances are moved; the rest ends at the same frequency


@dataclass(frozen=True, kw_only=True)
class SpeechTask(LearnsFromHeads):
    utterances: int = 20_000  # of about 5 seconds
    first: int = 0  # seed of the first talk
    length: int = 3  # frames of a sample, between which velocities are compared
    opening: float = 2.0  # how much more what parts the lips counts than their shape
    gap: float = 1.0  # weight of how far the lips are apart, of all that parts them together
    velocity: float = 2.0  # weight of the change from frame to frame
    flite: int = 0  # further talks by the voices of flite, and sounds without a voice
    real: Path | None = None  # folder of real speech with tracked faces, see datasets/speech_pairs.py
    variants: int = 8  # speakers that are made of each real clip, itself included
    real_share: float = 0.5  # real samples for each synthetic one
    throat: float = 0.08  # share by which the resonances of real samples are moved up or down, at most
    synthetic: float = 3.5  # weight of synthetic samples beside real ones
    strength: float = 3.0  # weight of 1 - concordance of the real jaw; a network that moves too little pays for it
    start_share: float = 0.0  # of the weights that the run began with, in the mean with the learnt ones that it gives
    told_strength: float = 1.05  # of the jaw on the real clips that were learnt from: calibrated when all is learnt
    parts: tuple[str, ...] = ("speech",)

    def __post_init__(self) -> None:
        if self.utterances < 1 or self.length < 2 or not 0 <= self.first <= HELD_OUT - self.utterances:
            raise ConfigError(
                f"Speech is learnt from talks with seeds from 0 to below {HELD_OUT}, in samples of 2 frames or more; "
                f"found {self}."
            )
        if not 0 <= self.flite <= HELD_OUT or self.variants < 1 or self.real_share <= 0:
            raise ConfigError(
                f"Speech takes 0 or more talks by flite, 1 or more variants and a share of real samples above 0; "
                f"found {self}."
            )
        if not 0 <= self.throat < 1 or not 0 <= self.start_share < 1 or self.told_strength <= 0:
            raise ConfigError(
                f"Resonances are moved by 0 or more and less than all, the start's share is likewise, and the strength "
                f"is above 0; found {self}."
            )

    def load(self, folder: Path) -> Heads | None:
        """The measured heads that tell the landmarker's scale; none leaves the renderer's."""
        return super().load(folder) if any(folder.glob("*.measured.safetensors")) else None

    def for_debugging(self, size: int) -> "SpeechTask":
        return replace(self, utterances=2, flite=0, real=None)

    def start(self, model: StyleHead, heads: Heads | None) -> "SpeechState":
        return SpeechState(self, model, heads)

    def save(self, state: "SpeechState", model: StyleHead, folder: Path, recipe: str) -> None:
        """Join the learnt weights with those of the start, calibrate the jaw's strength on the real clips, where there
        are any, and write the model."""
        state.keep_start()
        state.calibrate_strength()
        super().save(state, model, folder, recipe)


class SpeechState:
    def __init__(self, task: SpeechTask, model: StyleHead, heads: Heads | None) -> None:
        if model.speech is None or model.speech.config.names != LIPS:
            raise ConfigError("The stage of speech makes a speech network whose names are LIPS; this model has none.")
        self.task, self.network = task, model.speech
        self.networks: dict[str, nn.Module] = {"speech": self.network.train().requires_grad_(True)}
        self.begun = [parameter.detach().clone() for parameter in self.network.parameters()]
        if heads is not None:
            set_measured_scale(self.network, heads)
        window = self.network.config.window
        self.hearing = load_utterances(_synthetic(task), window, task.length)
        self.real: UtteranceWindows | None = None
        if task.real is not None:
            learnt, _ = split_pairs(find_pairs(task.real))
            pairs = vary_pairs((read_pair(file) for file in learnt), task.variants)
            self.real = load_utterances(_as_utterances(pairs), window, task.length)
        counts = torch.tensor([task.opening if name in OPENING else 1.0 for name in LIPS])
        self.weight = counts / (self.hearing.curves.std(0) + STILL)
        gap = lip_opening(torch.eye(len(LIPS)), LIPS)
        both = torch.stack((gap, self.network.scale @ gap), dim=1)  # L 2: the renderer's, and as the landmarker sees it
        self.gap = both / ((self.hearing.curves @ both).std(0) + STILL)
        self.measured = torch.tensor([LIPS.index(name) for name in MEASURED])
        if self.real is not None:
            self.real_weight = torch.tensor(list(MEASURED.values())) / (self.real.curves.std(0) + STILL)
            set_real_strength(self.network, self.hearing, self.real)
        self.samples = len(self.hearing.run)
        self.phases = (Phase("speak", [(self.network, 1.0)]),)

    def loss(self, phase: Phase, rows: Tensor, rng: Any, progress: float) -> tuple[Tensor, Parts]:
        mel, curves = self._draw(self.hearing, rows)
        if self.real is None:
            told = self._predict(mel, rng)
            loss, parts = self._synthetic_loss(told, curves)
        else:
            count = max(1, round(len(rows) * self.task.real_share))
            real_mel, real_curves = self._draw(self.real, torch.randint(len(self.real.run), (count,), generator=rng))
            told = self._predict(torch.cat((mel, real_mel)), rng)
            loss, parts = self._synthetic_loss(told[: len(rows)], curves)
            real_loss, real_parts = self._real_loss(told[len(rows) :], real_curves)
            agreement = 1 - concordance(told[: len(rows)] @ self.gap, curves @ self.gap).mean()
            loss = self.task.synthetic * loss + agreement + real_loss
            parts |= {"agreement": agreement} | real_parts
        return loss, {name: float(part.detach()) for name, part in parts.items()}

    def _draw(self, hearing: UtteranceWindows, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Mel windows (B n F W) and curves (B n L) of the runs ``rows``."""
        frames = hearing.run[rows, None] + torch.arange(self.task.length)
        return hearing.windows(frames.flatten()).unflatten(0, frames.shape), hearing.curves[frames]

    def _predict(self, mel: Tensor, rng: torch.Generator) -> Tensor:
        """Predict curves (B n L), on the renderer's scale, from randomly degraded windows."""
        return self.network.predict(_degrade(mel, rng).flatten(0, 1)).unflatten(0, mel.shape[:2])

    def _synthetic_loss(self, told: Tensor, curves: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        wrong = told - curves
        error, gap = wrong * self.weight, wrong @ self.gap
        position, velocity = error.square().mean(), error.diff(dim=1).square().mean()
        apart = gap.square().mean() + self.task.velocity * gap.diff(dim=1).square().mean()
        loss = position + self.task.velocity * velocity + self.task.gap * apart
        return loss, {"position": position, "velocity": velocity, "gap": apart}

    def _real_loss(self, told: Tensor, curves: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        measured = (told @ self.network.scale)[..., self.measured]  # B n M
        error = (measured - curves) * self.real_weight
        position, velocity = error.square().mean(), error.diff(dim=1).square().mean()
        strength = 1 - concordance(measured[..., JAW], curves[..., JAW]).mean()
        loss = position + self.task.velocity * velocity + self.task.strength * strength
        return loss, {"real_position": position, "real_velocity": velocity, "real_strength": strength}

    @torch.no_grad()
    def keep_start(self) -> None:
        """Mix ``start_share`` of the weights that the run began with into the learnt ones.

        What the start could do is kept, and most of what was learnt since. Source: Wortsman et al. 2022, "Robust
        fine-tuning of zero-shot models".
        """
        for learnt, begun in zip(self.network.parameters(), self.begun, strict=True):
            learnt.lerp_(begun, self.task.start_share)

    @torch.no_grad()
    def calibrate_strength(self) -> None:
        """Multiply the jaw's column of the scale so that it moves by ``told_strength`` of what was measured.

        Strength is the ratio of the standard deviations within a clip, and of all clips that are the recorded speaker's
        own the median counts, as in ``stylehead benchmark speech``. Without real clips nothing is changed.
        """
        if self.real is None:
            return
        jaw, strengths = LIPS.index("jawOpen"), []
        for number in range(0, int(self.real.utterance[-1]) + 1, self.task.variants):
            frames = (self.real.utterance == number).nonzero()[:, 0]
            true = self.real.curves[frames, JAW.start].std()
            told = self.network(self.real.windows(frames))["jawOpen"].std()
            if true > STILL:
                strengths.append(told / true)
        if strengths:
            self.network.scale[:, jaw] *= self.task.told_strength / torch.stack(strengths).median().clamp(min=TINY)

    def sheet(self) -> Tensor:
        """The first frames' opening of the lips and each coefficient: as it should be, and as it is told."""
        frames = torch.arange(min(SHOWN, len(self.hearing.curves)))
        told = self.network.predict(self.hearing.windows(frames))
        return draw_curves(LIPS, {"wanted": self.hearing.curves[frames], "told": told})


def _synthetic(task: SpeechTask) -> Iterator[Utterance]:
    yield from Utterances(range(task.first, task.first + task.utterances))
    yield from FliteUtterances(range(task.flite))


def _as_utterances(pairs: Iterator[SpeechPair]) -> Iterator[Utterance]:
    """Real clips as utterances whose curves (T M) are the measured coefficients above those of the mouth at rest."""
    columns = [ARKIT.names.index(name) for name in MEASURED]
    for pair in pairs:
        yield Utterance(sound=pair.sound, curves=pair.from_rest()[:, columns], fps=pair.fps)


def concordance(told: Tensor, true: Tensor) -> Tensor:
    """Lin's concordance (K) of values (... K) over all but the last axis: at most 1, and 1 only where they are equal.

    Of values that agree by a correlation below 1 it is highest where they spread as far as the true ones, while the
    mean square error is lowest where they spread less.

    Source: Lin 1989, "A concordance correlation coefficient to evaluate reproducibility".
    """
    told, true = told.flatten(0, -2), true.flatten(0, -2)
    one, other = told - told.mean(0), true - true.mean(0)
    apart = (told.mean(0) - true.mean(0)).square()
    return 2 * (one * other).mean(0) / (one.square().mean(0) + other.square().mean(0) + apart + TINY)


def set_real_strength(network: SpeechCoefficients, synthetic: UtteranceWindows, real: UtteranceWindows) -> None:
    """Let the jaw that the network tells move as far as real people's: its column of the scale is multiplied."""
    jaw = LIPS.index("jawOpen")
    told = _deviation(synthetic, synthetic.curves @ network.scale[:, jaw])
    network.scale[:, jaw] *= _deviation(real, real.curves[:, JAW.start]) / told.clamp(min=TINY)


def _deviation(hearing: UtteranceWindows, values: Tensor) -> Tensor:
    """Standard deviation of ``values`` (T) within talks, over all of them."""
    counts = torch.bincount(hearing.utterance)
    means = torch.zeros(len(counts)).index_add_(0, hearing.utterance, values) / counts
    return (values - means[hearing.utterance]).square().mean().sqrt()


def _move_resonances(mel: Tensor, most: float, rng: torch.Generator) -> Tensor:
    """Samples (B n F W) as of shorter or longer throats: each one's bands are moved up or down by a share of their own.

    Below ``KEPT`` of the bands the scale is stretched or squeezed, above it the rest fits in between.
    Source: Jaitly and Hinton 2013, vocal tract length perturbation.
    """
    count, frames, bands, columns = mel.shape
    factor = 1 + most * (2 * torch.rand(count, 1, generator=rng) - 1)
    place = torch.linspace(0, 1, bands)
    upper = KEPT * factor + (place - KEPT) * (1 - KEPT * factor) / (1 - KEPT)
    from_band = torch.where(place < KEPT, place * factor, upper).clamp(0, 1) * (bands - 1)  # B F
    below = from_band.floor().long().clamp(max=bands - 2)
    share = (from_band - below)[:, None, :, None]
    rows = below[:, None, :, None].expand(count, frames, bands, columns)
    return torch.lerp(mel.gather(2, rows), mel.gather(2, rows + 1), share)


def _degrade(mel: Tensor, rng: torch.Generator) -> Tensor:
    """Augment mel windows (B n F W): random gain, spectral colour, a masked band and a noise floor, for each sample."""
    count, bands = len(mel), mel.shape[2]

    def draw(*shape: int) -> Tensor:
        return torch.rand(count, *shape, generator=rng)

    colour = F.interpolate(2 * draw(1, KNOTS) - 1, bands, mode="linear", align_corners=True)[..., None]  # B 1 F 1
    heard = mel + (2 * draw(1, 1, 1) - 1) * GAIN + colour * COLOUR
    first = draw(1, 1, 1) * (bands - LOST)
    last = first + draw(1, 1, 1) * LOST * (draw(1, 1, 1) < DEAF)
    band = torch.arange(bands)[:, None]
    heard = heard.masked_fill((band >= first) & (band < last), SILENCE)
    floor = SILENCE + (LOUDEST_FLOOR - SILENCE) * draw(1, 1, 1).square()
    tilt = (2 * draw(1, 1, 1) - 1) * TILT * torch.linspace(-1, 1, bands)[:, None]
    return torch.maximum(heard, floor + tilt).clamp(SILENCE, -SILENCE)


def set_measured_scale(network: SpeechCoefficients, heads: Heads) -> None:
    """Let the network tell what the landmarker would measure."""
    names = torch.tensor([BLENDSHAPES.index(name) for name in network.config.names])
    network.scale.copy_(measured_scale(heads)[names][:, names])


def measured_scale(heads: Heads) -> Tensor:
    """(52 52): the change of rendered weights @ this = that of the measured ones, by ridge regression."""
    rendered, measured = within_persons(heads.person, heads.weights, heads.coefficients[:, : len(BLENDSHAPES)])
    square = rendered.T @ rendered
    ridge = RIDGE * len(rendered) * torch.eye(len(square), dtype=square.dtype)
    return torch.linalg.solve(square + ridge, rendered.T @ measured).float()
