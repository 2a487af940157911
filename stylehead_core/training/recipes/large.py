"""The runs of the embedded model of 512 pixels, which goes on from the networks of the small one."""

from dataclasses import replace

from ...model.presets import stylehead_512
from ..recipe import Recipe
from ..tasks.composite import CompositeTask
from ..tasks.expression import ExpressionTask
from ..tasks.matte import MatteTask
from ..tasks.prior import PriorTask
from ..tasks.refine import RefineTask
from .embedded import mini_refine

__all__ = ["large_composite", "large_expression", "large_matte", "large_prior", "large_refine", "large_whole"]


def large_prior() -> Recipe:
    """The landmark prior learns to bend: to move landmarks to where the landmarker reads what was asked for."""
    return Recipe(
        name="512_prior",
        model=stylehead_512(),
        task=PriorTask(),
        steps=4000,
        batch=48,
        lr=1e-3,
        ema_decay=0.995,
        time_share=0.5,
    )


def large_refine() -> Recipe:
    """The small frame's refiner learns to paint mouths and lids itself. It starts from the small model's."""
    return replace(
        mini_refine(),
        name="512_refine",
        model=stylehead_512(),
        task=RefineTask(pairs=2, opened_pairs=2, cavity=0.4, cut=26, near=0.95, stray=4, opened=20.0, false_inside=0.9),
        steps=6000,
        lr=1.5e-3,
        time_share=3.0,
    )


def large_matte() -> Recipe:
    return Recipe(
        name="512_matte",
        model=stylehead_512(),
        task=MatteTask(),
        steps=6000,
        batch=10,
        lr=2e-3,
        ema_decay=0.99,
        time_share=1.0,
    )


def large_composite() -> Recipe:
    return Recipe(
        name="512_composite",
        model=stylehead_512(),
        task=CompositeTask(),
        needs=("mini_calibration", "512_prior", "512_refine"),
        steps=8000,
        batch=8,
        lr=1.5e-3,
        betas=(0.5, 0.99),  # for the discriminators' sake
        ema_decay=0.995,
        time_share=8.0,
    )


def large_expression() -> Recipe:
    """Prior, flow, refiner and compositor learn together to show what the landmarker then measures as asked."""
    return replace(
        large_composite(),
        name="512_expression",
        task=ExpressionTask(),
        needs=("mini_calibration", "512_prior", "512_refine", "512_composite"),
        steps=4000,
        batch=4,
        lr=1e-3,
        time_share=6.0,
    )


def large_whole() -> Recipe:
    """Nothing is learnt here: all that was learnt comes together in one model."""
    needs = (
        "512_prior",
        "512_refine",
        "512_composite",
        "512_expression",
        "512_matte",
        "mini_directions",
        "mini_speech",
    )
    return Recipe(name="512_whole", model=stylehead_512(), needs=needs, steps=0)
