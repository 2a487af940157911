"""Runs all stages in order: portrait -> inversion -> edits -> motion -> flow -> calibration -> frames."""

from collections.abc import Callable, Iterable, Iterator

from torch import Tensor

from .errors import InputError
from .landmarker.landmarker import Landmarker
from .model.stylehead import StyleHead
from .records import Inversion, Motion, Portrait, Progress
from .rehearsal import REHEARSED_FRAMES, can_rehearse, rehearse
from .stages.calibration import calibrate
from .stages.editing import edit_style
from .stages.inversion import Method, OptimiseStep, invert
from .stages.motion import match_placement
from .stages.rendering import RenderConfig, render_parts
from .stages.warping import FLOW_BATCH, warp_in_blocks

__all__ = ["animate"]


def animate(
    model: StyleHead,
    portrait: Tensor | Portrait | Inversion,
    motion: Motion,
    *,
    method: Method = "encode",
    steps: int = 250,
    edits: Iterable[tuple[str, float]] = (),
    strength: float | None = None,
    match: bool = False,
    landmarker: Landmarker | None = None,
    rehearsed: int = REHEARSED_FRAMES,
    chunk: int = 4,
    config: RenderConfig = RenderConfig(),
    on_step: Callable[[OptimiseStep], None] | None = None,
    progress: Progress | None = None,
    on_rehearsal: Progress | None = None,
) -> Iterator[Tensor]:
    """Animate ``portrait`` by ``motion``.

    The flow is predicted for a block of frames at a time and then released, so that memory does not grow with the clip;
    the frames are the same as for the whole clip at once.

    Args:
        portrait: an aligned picture (1 3 S S) in [-1, 1], a portrait, or an inversion that was made before.
        motion: in the model's space.
        method, steps, on_step: of the inversion.
        edits: attributes of the model with their strengths.
        strength: of the calibration, 0..1; None is full strength if the model has a calibrator.
        match: match size and position of the driver's head to the portrait's, for absolute motions of other people.
        landmarker: given, the motion is rehearsed where the model can, see ``rehearsal.py``,
        rehearsed: by so many frames, 0 = not,
        on_rehearsal: with its progress.
        progress: called with frames (done, total) while the flow is predicted.
        chunk, config: see ``render``.

    Yields:
        (n 3 S S) in [-1, 1], at most ``chunk`` frames at a time, in order.
    """
    if isinstance(portrait, Inversion):
        inversion = portrait
    else:
        inversion = invert(model, portrait, method=method, steps=steps, on_step=on_step)
    for attribute, value in edits:
        inversion = edit_style(model, inversion, attribute, value)
    if match:
        source = inversion.portrait.coefficients
        if source is None:
            raise InputError("To match the driver's head to the portrait's, the portrait needs its own coefficients.")
        motion = match_placement(motion, source)
    if strength is None:
        strength = 0.0 if model.calibrator is None else 1.0
    if landmarker is not None and rehearsed and can_rehearse(model):
        motion = rehearse(
            model, inversion, motion, landmarker, frames=rehearsed, strength=strength, progress=on_rehearsal
        )
    blocks = warp_in_blocks(model, inversion, motion, FLOW_BATCH, progress, range(len(motion)))
    heads = (calibrate(model, block, strength) for block in blocks)
    return render_parts(model, heads, chunk=chunk, config=config)  # the first step checks the inputs
