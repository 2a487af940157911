"""Recipes of the embedded model: rendered heads in, one small model out."""

from dataclasses import replace

from ...model.presets import stylehead_mini
from ...networks.discriminator import DiscriminatorConfig
from ..recipe import Recipe
from ..tasks.calibration import CalibrationTask
from ..tasks.consult import ConsultTask
from ..tasks.directions import DirectionsTask
from ..tasks.generator import GeneratorTask
from ..tasks.motion import MotionTask
from ..tasks.refine import RefineTask
from ..tasks.speech import SpeechTask
from ..tasks.styles import StylesTask
from .paper import paper_generator


def mini_styles() -> Recipe:
    """w+ alone and at a small rate: at 2e-3 it collapses to the mean head."""
    return Recipe(
        name="mini_styles", model=stylehead_mini(), task=StylesTask(), steps=3000, batch=12, lr=5e-4, time_share=1.5
    )


def mini_consult() -> Recipe:
    return Recipe(
        name="mini_consult",
        model=stylehead_mini(),
        task=ConsultTask(),
        needs=("mini_styles",),
        steps=2000,
        batch=8,
        lr=1e-3,
        time_share=1.2,
    )


def mini_motion() -> Recipe:
    return Recipe(
        name="mini_motion", model=stylehead_mini(), task=MotionTask(), steps=7000, batch=12, lr=1e-3, time_share=3.0
    )


def mini_calibration() -> Recipe:
    return Recipe(
        name="mini_calibration",
        model=stylehead_mini(),
        task=CalibrationTask(features=12.0, adversarial=0.05),  # mouths are small beside silhouettes
        needs=("mini_consult", "mini_motion"),
        steps=2000,
        batch=8,
        lr=2e-3,  # its weights are equalised
        warmup_steps=40,
        time_share=0.8,
    )


def mini_refine() -> Recipe:
    return Recipe(
        name="mini_refine",
        model=stylehead_mini(),
        task=RefineTask(),
        needs=("mini_calibration",),
        steps=12_500,
        batch=24,
        lr=2e-3,
        betas=(0.5, 0.99),  # for the judge's sake
        ema_decay=0.99,
        time_share=8.0,
    )


def mini_directions() -> Recipe:
    return Recipe(
        name="mini_directions",
        model=stylehead_mini(),
        task=DirectionsTask(half=0.0),
        needs=("mini_consult", "mini_motion"),  # of the latter the prior, which knows where on the face things are
        steps=6000,
        batch=10,
        lr=4e-3,
        time_share=4.5,
    )


def mini_speech() -> Recipe:
    return Recipe(
        name="mini_speech", model=stylehead_mini(), task=SpeechTask(), steps=60_000, batch=48, lr=2e-3, time_share=1.5
    )


def mini_real_speech() -> Recipe:
    """``mini_speech`` goes on with voices of flite and, where ``--real`` gives a folder, with real people."""
    task = SpeechTask(utterances=5000, first=200_000, flite=1200, real_share=0.35)
    return Recipe(
        name="mini_real_speech",
        model=stylehead_mini(),
        task=task,
        needs=("mini_speech",),
        steps=10_000,
        batch=80,
        lr=8e-4,
        warmup_steps=200,
    )


def mini_whole() -> Recipe:
    """Nothing is learnt here: all that was learnt comes together in one model."""
    needs = ("mini_refine", "mini_directions", "mini_speech")
    return Recipe(name="mini_whole", model=stylehead_mini(), needs=needs, steps=0)


def mini_generator() -> Recipe:
    """Draws heads from noise. The embedded model's generator learns from labels instead, in `mini_styles`."""
    channels = {4: 96, 8: 96, 16: 96, 32: 64, 64: 48, 128: 24}
    return replace(
        paper_generator(),
        name="mini_generator",
        model=stylehead_mini(),
        task=GeneratorTask(discriminator=DiscriminatorConfig(size=128, channels=channels), r1=1.0, pictures=100_000),
        steps=100_000,
        batch=16,
    )


def at_256(recipe: Recipe) -> Recipe:
    """The same run at twice the size, with the batch and the steps of a GPU."""
    return replace(
        recipe,
        name=recipe.name.replace("mini_", "mini_256_"),
        needs=tuple(need.replace("mini_", "mini_256_") for need in recipe.needs),
        model=replace(stylehead_mini(256), name="stylehead-mini-256"),
        batch=32,
        steps=8 * recipe.steps,
    )
