"""Measures one clip by all metrics, each with a reference value; a metric that cannot be computed says why.

Axes: T frames, H W their size.
"""

from dataclasses import replace

from torch import Tensor

from ..drawing import draw_error
from ..errors import InputError
from ..records import Progress
from .catalogue import METRICS, Metric
from .clips import Clip, side_by_side
from .evidence import Evidence, Lacking
from .metric_networks import MetricNetworks
from .pictures import unit
from .report import Line, Report
from .sheets import contact_sheet

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
    if source is not None and _shape(source) != _shape(generated.frames):
        notes += ("The portrait is not of the frames' shape and was stretched to it: give the aligned one.",)
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


def _shape(pictures: Tensor) -> float:
    return pictures.shape[-1] / pictures.shape[-2]


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
