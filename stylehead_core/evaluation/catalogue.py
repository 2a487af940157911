"""The catalogue of metrics: how each is computed for a clip, and its reference value."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from operator import attrgetter

import torch
from torch import Tensor, nn

from ..errors import InputError
from ..media.sound import Sound
from ..ops.align import ffhq_square, five_points, square_to_affine
from ..ops.crop import cut_square
from .clips import CHUNK, by_chunks
from .evidence import Evidence, Lacking
from .faces import background, face_masks, lip_opening, mouth_boxes
from .metric_networks import ClipLandmarks
from .metrics.aed import aed
from .metrics.apd import apd
from .metrics.colour import colour_shift
from .metrics.csim import csim
from .metrics.flicker import flicker
from .metrics.frechet import frechet_distance
from .metrics.jitter import jitter
from .metrics.landmark_distance import akd, nme
from .metrics.leakage import region_leakage
from .metrics.lip_envelope import lip_envelope_correlation, sound_envelope
from .metrics.lpips import lpips
from .metrics.psnr import psnr
from .metrics.seam import seam
from .metrics.sharpness import sharpness
from .metrics.ssim import ssim
from .metrics.sync import Sync, sync
from .pictures import unit
from .report import Better

__all__ = ["METRICS", "Found", "Metric"]

STILL = "source kept still"
FIRST = "driving clip against its first frame"
ALIGNED_PX = 256  # pixels of a face that is aligned for a recognition network
SILENT_LEVEL = 1e-4  # of full scale


@dataclass(frozen=True)
class Found:
    """Result of a metric: scalars, or (T) one value a frame, NaN where a frame does not count."""

    here: Tensor
    beside: Tensor | None = None  # the same metric of the reference
    against: str = ""  # what the reference is


@dataclass(frozen=True)
class Metric:
    name: str
    title: str
    unit: str  # empty for plain numbers
    better: Better
    range: str
    compute: Callable[[Evidence], Found]


# Metrics with the truth


def _frame_metric(function: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Evidence], Found]:
    """A metric of generated and true frames; reference: the still portrait."""

    def compute(evidence: Evidence) -> Found:
        target = evidence.clip("target").frames
        still = by_chunks(function, evidence.still, target) if evidence.has("source") else None
        return Found(by_chunks(function, evidence.generated.frames, target), still, STILL)

    return compute


def _lpips(evidence: Evidence) -> Found:
    network = evidence.metric_network("perceptual", "LPIPS")
    return _frame_metric(lambda a, b: lpips(a, b, network))(evidence)


def _embed(network: nn.Module, frames: Tensor) -> Tensor:
    with torch.no_grad():
        return by_chunks(lambda part: network(unit(part) * 2 - 1), frames)


def _frechet(evidence: Evidence) -> Found:
    network = evidence.metric_network("features", "Inception")
    truth = evidence.clip("target" if evidence.has("target") else "driving")
    return Found(
        torch.tensor(frechet_distance(_embed(network, evidence.generated.frames), _embed(network, truth.frames)))
    )


def _csim(evidence: Evidence) -> Found:
    network = evidence.metric_network("identity", "a face recognition network")
    return _same_person(evidence, network, align=evidence.metric_networks.track is not None)


def _likeness(evidence: Evidence) -> Found:
    return _same_person(evidence, evidence.metric_network("likeness", "the identity network"))


def _same_person(evidence: Evidence, network: nn.Module, align: bool = False) -> Found:
    """Cosine between ``network``'s embeddings of the frames and of the portrait.

    ``align``: each picture is cut and turned as an FFHQ portrait before, as face recognition networks expect.
    """
    embed = partial(_aligned_embeddings if align else _embeddings, evidence, network=network)
    source = embed("source")
    here = csim(embed("generated"), source)
    if evidence.has("target"):
        return Found(here, csim(embed("target"), source), "target clip")

    def driver() -> Tensor:
        seen = embed("driving")
        first = int(torch.isfinite(seen).all(1).int().argmax())
        return csim(seen, seen[first : first + 1])

    return Found(here, _driver_value(driver), FIRST)


def _frames(evidence: Evidence, name: str) -> Tensor:
    return evidence.source if name == "source" else evidence.clip(name).frames


def _embeddings(evidence: Evidence, name: str, network: nn.Module) -> Tensor:
    """(T D) of a clip, or of the ``source``."""
    return _embed(network, _frames(evidence, name))


def _aligned_embeddings(evidence: Evidence, name: str, network: nn.Module) -> Tensor:
    """(T D) of the aligned faces; NaN in frames without one."""
    frames, track = _frames(evidence, name), evidence.track(name)
    squares = square_to_affine(*ffhq_square(*five_points(track.landmarks)), ALIGNED_PX)
    rows = torch.nonzero(track.found).flatten().tolist()
    seen = torch.cat(
        [
            _embed(network, cut_square(unit(frames[i : i + 1]) * 2 - 1, squares[i].to(frames.device), ALIGNED_PX))
            for i in rows
        ]
    )
    everywhere = seen.new_full((len(frames), seen.shape[1]), torch.nan)
    everywhere[rows] = seen
    return everywhere


def _sharpness(evidence: Evidence) -> Found:
    """Relative to the truth if there is one, else to the portrait."""
    here = by_chunks(sharpness, evidence.generated.frames)
    source = sharpness(evidence.source) if evidence.has("source") else None
    if not evidence.has("target") and source is not None:
        return Found(
            here / source.clamp(min=1e-12),
            _driver_value(lambda: _over_first(_driver_sharpness(evidence))),
            FIRST,
        )
    truth = by_chunks(sharpness, evidence.clip("target").frames).mean().clamp(min=1e-12)
    return Found(here / truth, None if source is None else source.mean() / truth, STILL)


def _driver_sharpness(evidence: Evidence) -> Tensor:
    return by_chunks(sharpness, evidence.clip("driving").frames)


def _mouth_sharpness(evidence: Evidence) -> Found:
    """Relative to the truth's mouth if there is one, else to the portrait's."""
    name = "target" if evidence.has("target") else "source"
    frames = evidence.clip("target").frames if name == "target" else evidence.source
    truth = _at_mouth(frames, evidence.track(name)).nanmean().clamp(min=1e-12)
    here = _at_mouth(evidence.generated.frames, evidence.track("generated")) / truth

    def driver() -> Tensor:
        return _over_first(_at_mouth(evidence.clip("driving").frames, evidence.track("driving")))

    return Found(here, _driver_value(driver), FIRST)


def _over_first(values: Tensor) -> Tensor:
    """``values`` (T) relative to the first one that is not NaN."""
    return values / values[~values.isnan()][0].clamp(min=1e-12)


def _driver_value(number: Callable[[], Tensor]) -> Tensor | None:
    """A value for the driving clip; None where there is no such clip, or no face in it."""
    with suppress(Lacking, InputError):
        return number()
    return None


def _at_mouth(frames: Tensor, track: ClipLandmarks) -> Tensor:
    boxes = mouth_boxes(track.landmarks[track.found])
    return _fill_in(track.found, by_chunks(sharpness, frames[track.found.to(frames.device)], boxes))


def _face_metric(function: Callable[[ClipLandmarks, ClipLandmarks], Tensor], other: str) -> Callable[[Evidence], Found]:
    """A metric of the faces in the generated and in another clip; reference: the still portrait."""

    def compute(evidence: Evidence) -> Found:
        there, here = evidence.track(other), evidence.track("generated")
        both = here.found & there.found
        if not both.any():
            raise Lacking("no frame shows a face in both clips")
        still = None
        if evidence.has("source"):
            still = function(evidence.track("source").repeated(len(there)), there)
            still = torch.where(there.found, still, torch.nan)
        return Found(torch.where(both, function(here, there), torch.nan), still, STILL)

    return compute


def _aed(here: ClipLandmarks, there: ClipLandmarks) -> Tensor:
    return aed(here.coefficients, there.coefficients, here.space)


def _apd(here: ClipLandmarks, there: ClipLandmarks) -> Tensor:
    return apd(here.coefficients, there.coefficients, here.space)


def _akd(here: ClipLandmarks, there: ClipLandmarks) -> Tensor:
    return akd(here.landmarks, there.landmarks)


def _nme(here: ClipLandmarks, there: ClipLandmarks) -> Tensor:
    return nme(here.landmarks, there.landmarks)


# Metrics without the truth


def _clip_metric(function: Callable[[Evidence, str], Tensor]) -> Callable[[Evidence], Found]:
    """A metric of one clip; reference: the driving clip."""

    def compute(evidence: Evidence) -> Found:
        return Found(
            function(evidence, "generated"), _driver_value(lambda: function(evidence, "driving")), "driving clip"
        )

    return compute


def _jitter(evidence: Evidence, name: str) -> Tensor:
    track = evidence.track(name)
    found = track.found[2:] & track.found[1:-1] & track.found[:-2]
    if not found.any():
        raise Lacking("no three frames in a row show a face")
    return torch.where(found, jitter(track.landmarks), torch.nan)


def _flicker(evidence: Evidence, name: str) -> Tensor:
    frames, track = evidence.clip(name).frames, evidence.track(name)
    where = background(track.landmarks[track.found], *frames.shape[-2:]).to(frames.device)
    if not where.any():
        raise Lacking("the head fills the picture: there is no background to look at")
    if len(frames) < 2:
        raise Lacking("a single frame does not flicker")
    return torch.cat([flicker(frames[i : i + CHUNK + 1], where) for i in range(0, len(frames) - 1, CHUNK)])


def _sound(evidence: Evidence, name: str) -> Sound:
    """The clip's own sound; for a driving clip without sound, that of the generated clip."""
    found = evidence.clip(name).sound or evidence.generated.sound
    if found is None:
        raise Lacking("no sound was given")
    return found


def _lip_envelope(evidence: Evidence, name: str) -> Tensor:
    clip, track = evidence.clip(name), evidence.track(name)
    sound = _sound(evidence, name)
    loudness = sound_envelope(sound.samples.mean(0), sound.rate, float(clip.fps), len(clip.frames))
    if loudness.max() < SILENT_LEVEL:
        raise Lacking("the sound is silent")
    return torch.tensor(lip_envelope_correlation(lip_opening(track.landmarks), loudness))


def _sync(number: Callable[[Sync], float]) -> Callable[[Evidence, str], Tensor]:
    def compute(evidence: Evidence, name: str) -> Tensor:
        embed = evidence.metric_network("sync", "a sync network")
        clip, track = evidence.clip(name), evidence.track(name)
        return torch.tensor(number(sync(*embed(clip.frames, track.landmarks, _sound(evidence, name), clip.fps))))

    return compute


def _colour(number: Callable[[Tensor], Tensor]) -> Callable[[Evidence], Found]:
    """``number`` of the shift (T 3) of the face's colour against the truth, or else against the portrait."""

    def compute(evidence: Evidence) -> Found:
        name = "target" if evidence.has("target") else "source"
        there = evidence.clip("target").frames if name == "target" else evidence.still
        here = _shift(evidence.generated.frames, evidence.track("generated"), there, evidence.track(name))
        return Found(number(here), _driver_value(lambda: number(driver(evidence))), FIRST)

    def driver(evidence: Evidence) -> Tensor:
        frames, track = evidence.clip("driving").frames, evidence.track("driving")
        at = slice(first := int(track.found.int().argmax()), first + 1)
        one = replace(track, landmarks=track.landmarks[at], coefficients=track.coefficients[at], found=track.found[at])
        return _shift(frames, track, frames[at].expand_as(frames), one)

    return compute


def _length(shift: Tensor) -> Tensor:
    return shift.norm(dim=1)


def _yellow(shift: Tensor) -> Tensor:
    return shift[:, 2]


def _shift(here: Tensor, track_here: ClipLandmarks, there: Tensor, track_there: ClipLandmarks) -> Tensor:
    """(T 3), NaN where a face is missing."""
    track_there = track_there.repeated(len(here))
    masks = (face_masks(t.landmarks, *here.shape[-2:]).to(here.device) for t in (track_here, track_there))
    shift = by_chunks(colour_shift, here, there, *masks).cpu()
    return torch.where((track_here.found & track_there.found)[:, None], shift, torch.nan)


def _seam(evidence: Evidence) -> Found:
    if evidence.mask is None:
        raise Lacking("nothing was pasted: no mask was given")
    frames = evidence.generated.frames
    if evidence.mask.shape[-2:] != frames.shape[-2:] or len(evidence.mask) not in (1, len(frames)):
        raise Lacking("the mask is not of the frames' size, or not one for each of them")
    masks = evidence.mask.expand(len(frames), -1, -1, -1)
    original = None
    if evidence.has("original"):
        pictures = evidence.clip("original").frames
        if pictures.shape[-2:] != frames.shape[-2:] or len(pictures) not in (1, len(frames)):
            raise Lacking("the original is not of the frames' size, or not one for each of them")
        original = by_chunks(seam, pictures.expand(len(frames), -1, -1, -1), masks)
    return Found(by_chunks(seam, frames, masks), original, "original picture")


def _leakage(evidence: Evidence) -> Found:
    unedited = evidence.clip("unedited").frames
    masks = face_masks(evidence.track("unedited").landmarks, *unedited.shape[-2:]).to(unedited.device)
    return Found(by_chunks(region_leakage, unedited, evidence.generated.frames, masks))


def _fill_in(found: Tensor, values: Tensor) -> Tensor:
    """Put ``values`` of the found frames into their positions, NaN elsewhere."""
    everywhere = torch.full((len(found),), torch.nan)
    everywhere[found] = values.cpu()
    return everywhere


# name, title, unit, which way is better, range, how it is computed
METRICS: tuple[Metric, ...] = (
    Metric("psnr", "PSNR", "dB", "higher", "0 to 100", _frame_metric(psnr)),
    Metric("ssim", "SSIM", "", "higher", "-1 to 1", _frame_metric(ssim)),
    Metric("lpips", "LPIPS", "", "lower", "from 0", _lpips),
    Metric("fid", "Fréchet distance (FID)", "", "lower", "from 0", _frechet),
    Metric("csim", "Identity (CSIM)", "", "higher", "-1 to 1", _csim),
    Metric("likeness", "Likeness (knows rendered heads only)", "", "higher", "-1 to 1", _likeness),
    Metric("aed", "Expression distance (AED)", "", "lower", "from 0", _face_metric(_aed, "driving")),
    Metric("apd", "Pose distance (APD)", "rad", "lower", "0 to pi", _face_metric(_apd, "driving")),
    Metric("akd", "Landmark distance (AKD)", "px", "lower", "from 0", _face_metric(_akd, "target")),
    Metric("nme", "Landmark distance (NME)", "eye distances", "lower", "from 0", _face_metric(_nme, "target")),
    Metric("sharpness", "Sharpness", "", "nearer 1", "from 0", _sharpness),
    Metric("mouth_sharpness", "Sharpness of the mouth", "", "nearer 1", "from 0", _mouth_sharpness),
    Metric("jitter", "Jitter", "% of eye distance", "lower", "from 0", _clip_metric(_jitter)),
    Metric("flicker", "Background flicker", "levels", "lower", "0 to 255", _clip_metric(_flicker)),
    Metric("lip_envelope", "Lip opening against loudness", "", "higher", "-1 to 1", _clip_metric(_lip_envelope)),
    Metric(
        "sync_distance", "Sync distance (LSE-D)", "", "lower", "from 0", _clip_metric(_sync(attrgetter("distance")))
    ),
    Metric(
        "sync_confidence",
        "Sync confidence (LSE-C)",
        "",
        "higher",
        "from 0",
        _clip_metric(_sync(attrgetter("confidence"))),
    ),
    Metric("colour", "Colour shift of the face", "delta E", "lower", "from 0", _colour(_length)),
    Metric("yellow", "Yellow shift of the face", "delta b*", "nearer 0", "-200 to 200", _colour(_yellow)),
    Metric("seam", "Seam of the paste", "levels", "lower", "0 to 255", _seam),
    Metric("edit_leakage", "Edit outside the face", "", "lower", "0 to 1", _leakage),
)
