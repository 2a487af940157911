"""Recipes of the embedded model of 512 pixels, which goes on from the networks of the small one."""

from typing import Any

from ...model.presets import stylehead_512
from ..recipe import Recipe
from ..tasks.composite import CompositeTask
from ..tasks.expression import ExpressionTask
from ..tasks.matte import MatteTask
from ..tasks.prior import PriorTask
from ..tasks.refine import RefineTask
from .debug import shrink
from .embedded import MINI, REFINER
from .scale import Scale

__all__ = [
    "DEBUG_512",
    "LARGE",
    "large_composite",
    "large_expression",
    "large_matte",
    "large_prior",
    "large_refine",
    "large_whole",
]

LARGE = Scale(name="512", model=stylehead_512())
DEBUG_512 = Scale(name="debug_512", model=shrink(stylehead_512()), batch=4, debug=True)

ADVERSARIAL: dict[str, Any] = {"betas": (0.5, 0.99), "ema_decay": 0.995}  # for the discriminators' sake


def large_prior(scale: Scale = LARGE) -> Recipe:
    """The landmark prior's correction: landmarks move to where the landmarker measures the driving expression."""
    return scale.recipe("prior", task=PriorTask(), steps=4000, batch=48, lr=1e-3, ema_decay=0.995, time_share=0.5)


def large_refine(scale: Scale = LARGE, small: Scale = MINI) -> Recipe:
    """The small frame's refiner learns to paint mouths and lids itself. It starts from the small model's."""
    task = RefineTask(pairs=2, opened_pairs=2, cavity=0.4, cut=26, near=0.95, stray=4, opened=20.0, false_inside=0.9)
    needs = small.names("calibration")
    return scale.recipe("refine", task=task, needs=needs, steps=6000, lr=1.5e-3, time_share=3.0, **REFINER)


def large_matte(scale: Scale = LARGE) -> Recipe:
    return scale.recipe("matte", task=MatteTask(), steps=6000, batch=10, lr=2e-3, ema_decay=0.99)


def large_composite(scale: Scale = LARGE, small: Scale = MINI) -> Recipe:
    task, needs = CompositeTask(), (*small.names("calibration"), *scale.names("prior", "refine"))
    return scale.recipe(
        "composite", task=task, needs=needs, steps=8000, batch=8, lr=1.5e-3, time_share=8.0, **ADVERSARIAL
    )


def large_expression(scale: Scale = LARGE, small: Scale = MINI) -> Recipe:
    """Prior, flow, refiner and compositor learn together to show what the landmarker then measures as asked."""
    task, needs = ExpressionTask(), (*small.names("calibration"), *scale.names("prior", "refine", "composite"))
    return scale.recipe("expression", task=task, needs=needs, steps=4000, batch=3, time_share=6.0, **ADVERSARIAL)


def large_whole(scale: Scale = LARGE, small: Scale = MINI) -> Recipe:
    """Trains nothing: joins all parts in one model."""
    parts = scale.names("prior", "refine", "composite", "expression", "matte")
    return scale.recipe("whole", needs=(*parts, *small.names("directions", "speech")), steps=0)
