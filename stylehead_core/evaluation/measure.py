"""Measures one clip by all metrics, each with a reference value; a metric that cannot be computed says why.

Axes: T frames, H W their size.
"""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from ..drawing import draw_error
from ..errors import InputError
from ..ops.align import ffhq_square, five_points, square_to_affine
from ..ops.crop import apply_affine, cut_square
from ..records import Progress
from .catalogue import METRICS, Metric
from .clips import Clip, side_by_side
from .evidence import Evidence, Lacking
from .metric_networks import ClipLandmarks, MetricNetworks
from .pictures import unit
from .report import Line, Report
from .sheets import contact_sheet

FIRST_FRAMES = 8  # in which the face of the clip is looked for
ALIKE_SIDES = 0.1  # of the portrait's side: corners may lie so far apart; heads move by as much

__all__ = ["Clip", "Line", "MetricNetworks", "Report", "measure", "sheet"]


def measure(
    generated: Clip,
    *,
    target: Clip | None = None,
    driving: Clip | None = None,
    source: Tensor | None = None,
    unedited: Clip | None = None,
    original: Clip | None = None,
    mask: Tensor | None = None,
    metric_networks: MetricNetworks = MetricNetworks(),
    only: tuple[str, ...] | None = None,
    progress: Progress | None = None,
) -> Report:
    """Measure everything that can be measured with what is given.

    Args:
        generated: the clip to measure.
        target: the truth: the same person with the wanted motion. Clips are cut to the shorter one, and the truth is
            resized to the generated frames; a note says so.
        driving: whose motion was asked for; ``target`` by default.
        source: the portrait (1 3 H W) in [-1, 1], or bytes.
        unedited: the same clip without an edit, for edit leakage.
        original: the frames (or one) before the face was pasted in, for the seam.
        mask: (T or 1, 1 H W) in 0..1: where it was pasted in.
        metric_networks: the loaded networks.
        only: names of the metrics wanted; all by default.
        progress: called with (done, total) metrics.

    Raises:
        InputError: the clips have different frame rates.
    """
    generated, clips, notes = side_by_side(generated, {"target": target, "driving": driving, "unedited": unedited})
    if "target" in clips:
        clips.setdefault("driving", clips["target"])
    if original is not None:
        clips["original"] = original
    if source is not None:
        source, said = frame_alike(source, generated.frames, metric_networks.track)
        notes += said
    evidence = Evidence(generated=generated, clips=clips, portrait=source, mask=mask, metric_networks=metric_networks)
    wanted = [metric for metric in METRICS if only is None or metric.name in only]
    lines = []
    for done, metric in enumerate(wanted):
        if progress is not None:
            progress(done, len(wanted))
        lines.append(_line(metric, evidence))
    if progress is not None:
        progress(len(wanted), len(wanted))
    return Report(lines=tuple(lines), notes=notes, fps=generated.fps)


def frame_alike(
    source: Tensor, frames: Tensor, track: Callable[[Tensor], ClipLandmarks] | None
) -> tuple[Tensor, tuple[str, ...]]:
    """The portrait ``source`` (1 3 H W) cut so that its face lies where that of ``frames`` (T 3 H W) does at first.

    A portrait of another framing would be compared with the wrong pixels.

    Returns:
        The portrait, and words that say what was done, or why nothing could be.
    """
    stretched = source.shape[-1] * frames.shape[-2] != source.shape[-2] * frames.shape[-1]
    words = ("The portrait is not of the frames' shape and was stretched to it: give the aligned one.",)
    square = frames.shape[-1] == frames.shape[-2]
    if track is None or not square:
        return source, words if stretched else ()
    whole = unit(source) * 2 - 1
    there, here = track(whole), track(frames[:FIRST_FRAMES])
    if not (there.found[0] and here.found.any()):
        return source, words if stretched else ()
    size, first = frames.shape[-1], int(here.found.int().argmax())
    own, wanted = (
        square_to_affine(*ffhq_square(*five_points(landmarks[None])), size)[0]
        for landmarks in (there.landmarks[0], here.landmarks[first])
    )
    last = own.new_tensor((0.0, 0.0, 1.0))[None]
    affine = (torch.cat((own, last)) @ torch.linalg.inv(torch.cat((wanted, last))))[:2]
    corners = apply_affine(affine, own.new_tensor(((0.0, 0.0), (size - 1.0, 0.0), (0.0, size - 1.0))))
    width, height = source.shape[-1] - 1.0, source.shape[-2] - 1.0
    apart = (corners - own.new_tensor(((0.0, 0.0), (width, 0.0), (0.0, height)))).abs().amax()
    if not stretched and apart <= ALIKE_SIDES * max(width, height):
        return source, ()
    return cut_square(whole, affine, size), (
        "The portrait was framed otherwise than the frames, and was aligned to them.",
    )


def sheet(generated: Clip, *, target: Clip | None = None, source: Tensor | None = None, columns: int = 8) -> Tensor:
    """Contact sheet (3 H W) in [-1, 1]: frames spread over the clip, above the truth and the difference."""
    generated, clips, _ = side_by_side(generated, {"target": target})
    count = len(generated.frames)
    chosen = sorted({round(i * (count - 1) / max(1, columns - 1)) for i in range(columns)})
    rows: dict[str, list[Tensor]] = {}
    if source is not None:
        rows["source"] = [source[0]]
    truth = clips.get("target")
    if truth is not None:
        rows["target"] = [truth.frames[i] for i in chosen]
    rows["generated"] = [generated.frames[i] for i in chosen]
    if truth is not None:
        wanted, drawn = (unit(clip.frames[chosen]) * 2 - 1 for clip in (truth, generated))
        rows["error"] = list(draw_error(wanted, drawn))
    return contact_sheet(rows, [f"frame {i}" for i in chosen])


def _line(metric: Metric, evidence: Evidence) -> Line:
    line = Line(name=metric.name, title=metric.title, unit=metric.unit, better=metric.better, range=metric.range)
    try:
        found = metric.compute(evidence)
    except (Lacking, InputError) as reason:
        return replace(line, skipped=str(reason))
    return replace(
        line,
        value=_mean(found.here),
        frames=_each(found.here),
        reference=None if found.beside is None else _mean(found.beside),
        reference_frames=None if found.beside is None else _each(found.beside),
        against=found.against,
    )


def _mean(numbers: Tensor) -> float:
    return float(numbers.double().nanmean())


def _each(numbers: Tensor) -> tuple[float, ...] | None:
    return tuple(numbers.double().tolist()) if numbers.ndim else None
