"""The report of a measurement: one line a metric, as a table, as JSON, as curves."""

import math
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any, Literal

from torch import Tensor

from ..errors import InputError
from .sheets import plot

__all__ = ["Better", "Line", "Report"]

Better = Literal["higher", "lower", "nearer 0", "nearer 1"]


@dataclass(frozen=True, kw_only=True)
class Line:
    """One metric of a clip."""

    name: str
    title: str
    unit: str
    better: Better
    range: str
    value: float | None = None
    reference: float | None = None
    """The same metric of the reference: see ``against``."""
    against: str = ""  # what the reference is: "source kept still", "driving clip" ...
    frames: tuple[float, ...] | None = None
    """One number a frame, or for each pair of neighbouring frames; NaN where no face was found."""
    reference_frames: tuple[float, ...] | None = None
    skipped: str | None = None  # why there is no value


@dataclass(frozen=True, kw_only=True)
class Report:
    lines: tuple[Line, ...]
    notes: tuple[str, ...] = ()  # what was done to the clips before they could be compared
    fps: Fraction = Fraction(25)

    def __getitem__(self, name: str) -> Line:
        return next(line for line in self.lines if line.name == name)

    def table(self) -> str:
        """The report as text, one line a metric, and the reasons for those that are missing."""
        rows = [("", "value", "beside it", "", "better")]
        for line in self.lines:
            if line.value is not None:
                beside = "" if line.reference is None else f"{line.reference:.4g}"
                name = f"{line.title} [{line.unit}]" if line.unit else line.title
                rows.append((name, f"{line.value:.4g}", beside, line.against if beside else "", line.better))
        widths = [max(len(row[i]) for row in rows) for i in range(5)]
        text = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        text += [f"{line.title}: skipped: {line.skipped}" for line in self.lines if line.skipped]
        return "\n".join([*text, *self.notes])

    def json(self) -> dict[str, Any]:
        """The report as values for JSON; NaN becomes null."""
        lines = []
        for line in self.lines:
            found = {key: value for key, value in asdict(line).items() if value is not None and value != ""}
            for key in ("frames", "reference_frames"):
                if key in found:
                    found[key] = [round(v, 6) if math.isfinite(v) else None for v in found[key]]
            lines.append(found)
        return {"fps": str(self.fps), "metrics": lines, "notes": list(self.notes)}

    def plot(self, width: int = 640, height: int = 90) -> Tensor:
        """Every metric that has a number a frame, as curves over time: (3 H W) in [-1, 1]."""
        panels = {}
        for line in self.lines:
            if line.frames is not None and len(line.frames) > 1:
                beside = {} if line.reference_frames is None else {line.against: line.reference_frames}
                panels[f"{line.title} ({line.better} is better)"] = {"generated": line.frames, **beside}
        if not panels:
            raise InputError("No metric of this report has a number for each of several frames: nothing to draw.")
        return plot(panels, width=width, height=height, fps=float(self.fps))
