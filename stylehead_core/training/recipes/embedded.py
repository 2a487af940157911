"""Recipes of the embedded model: rendered heads in, one small model out."""

from dataclasses import replace
from typing import Any

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
from .debug import shrink
from .paper import GENERATOR
from .scale import Scale

__all__ = [
    "DEBUG",
    "MINI",
    "MINI_256",
    "REFINER",
    "mini_calibration",
    "mini_consult",
    "mini_directions",
    "mini_generator",
    "mini_motion",
    "mini_real_speech",
    "mini_refine",
    "mini_speech",
    "mini_styles",
    "mini_whole",
]

MINI = Scale(name="mini", model=stylehead_mini())
MINI_256 = Scale(  # twice the size, with the batch and the steps of a GPU
    name="mini_256", model=replace(stylehead_mini(256), name="stylehead-mini-256"), batch=32, longer=8
)
DEBUG = Scale(name="debug", model=shrink(stylehead_mini()), batch=4, debug=True)

REFINER: dict[str, Any] = {
    "batch": 24,
    "betas": (0.5, 0.99),  # for the discriminator's sake
    "ema_decay": 0.99,
}


def mini_styles(scale: Scale = MINI) -> Recipe:
    """w+ alone and at a small learning rate: at 2e-3 it collapses to the mean head."""
    return scale.recipe("styles", task=StylesTask(), steps=3000, batch=12, lr=5e-4, time_share=1.5)


def mini_consult(scale: Scale = MINI) -> Recipe:
    return scale.recipe(
        "consult", task=ConsultTask(), needs=scale.names("styles"), steps=2000, batch=8, lr=1e-3, time_share=1.2
    )


def mini_motion(scale: Scale = MINI) -> Recipe:
    return scale.recipe("motion", task=MotionTask(), steps=7000, batch=12, lr=1e-3, time_share=3.0)


def mini_calibration(scale: Scale = MINI) -> Recipe:
    """The learning rate is large, since the calibrator's weights are equalised."""
    task = CalibrationTask(features=12.0, adversarial=0.05)  # mouths are small beside silhouettes
    needs = scale.names("consult", "motion")
    return scale.recipe(
        "calibration", task=task, needs=needs, steps=2000, batch=8, lr=2e-3, warmup_steps=40, time_share=0.8
    )


def mini_refine(scale: Scale = MINI) -> Recipe:
    needs = scale.names("calibration")
    return scale.recipe("refine", task=RefineTask(), needs=needs, steps=12_500, lr=2e-3, time_share=8.0, **REFINER)


def mini_directions(scale: Scale = MINI) -> Recipe:
    """Of the motion recipe it takes the landmark prior, which finds places of the face."""
    task, needs = DirectionsTask(half=0.0), scale.names("consult", "motion")
    return scale.recipe("directions", task=task, needs=needs, steps=6000, batch=10, lr=4e-3, time_share=4.5)


def mini_speech(scale: Scale = MINI) -> Recipe:
    return scale.recipe("speech", task=SpeechTask(), steps=60_000, batch=48, lr=2e-3, time_share=1.5)


def mini_real_speech(scale: Scale = MINI) -> Recipe:
    """``mini_speech`` goes on with voices of flite and, where ``--real`` gives a folder, with real people."""
    task = SpeechTask(utterances=8000, first=200_000, flite=1200, real_share=0.25, synthetic=5.0, start_share=0.1)
    needs = scale.names("speech")
    return scale.recipe("real_speech", task=task, needs=needs, steps=25_000, batch=90, lr=8e-4, warmup_steps=200)


def mini_whole(scale: Scale = MINI) -> Recipe:
    """Trains nothing: joins all parts in one model."""
    return scale.recipe("whole", needs=scale.names("refine", "directions", "speech"), steps=0)


def mini_generator(scale: Scale = MINI) -> Recipe:
    """Draws heads from noise. The embedded model's generator learns from labels instead, in `mini_styles`."""
    channels = {4: 96, 8: 96, 16: 96, 32: 64, 64: 48, 128: 24}
    task = GeneratorTask(discriminator=DiscriminatorConfig(size=128, channels=channels), r1=1.0, pictures=100_000)
    return scale.recipe("generator", task=task, steps=100_000, batch=16, **GENERATOR)
