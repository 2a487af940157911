"""Recipes of the embedded model: rendered heads in, one small model out."""

from dataclasses import replace

from ...model.config import DirectionConfig, StyleHeadConfig
from ...networks.calibrator import CalibratorConfig
from ...networks.consultation import ConsultationConfig
from ...networks.discriminator import DiscriminatorConfig
from ...networks.encoder import EncoderConfig
from ...networks.face_editor import FaceEditorConfig
from ...networks.flow_field import FlowFieldConfig
from ...networks.generator import GeneratorConfig
from ...networks.landmark_prior import GUIDES, LandmarkPriorConfig
from ...networks.motion_encoder import MotionEncoderConfig
from ...networks.refiner import RefinerConfig
from ...networks.speech_coefficients import SpeechCoefficientsConfig
from ...synthetic.heads.appearance import EDITS
from ...synthetic.speech.visemes import LIPS
from ..recipe import Recipe
from ..tasks.calibration import CalibrationTask
from ..tasks.consult import ConsultTask
from ..tasks.directions import DirectionsTask
from ..tasks.generator import GeneratorTask
from ..tasks.motion import MotionTask
from ..tasks.refine import RefineTask
from ..tasks.speech import SpeechTask
from ..tasks.styles import StylesTask
from .paper import COEFFICIENTS, paper_generator

__all__ = ["mini_model"]


def mini_model(size: int = 128) -> StyleHeadConfig:
    """The embedded model. Nothing passes beside the feature map, so that no ghost of the portrait stays behind."""
    waist = 64
    channels = {4: 128, 8: 128, 16: 128, 32: 96, 64: 64, 128: 24 if size == 128 else 48, 256: 16}
    channels = {resolution: number for resolution, number in channels.items() if resolution <= size}
    rows, style, descriptor = 2 * len(channels), 96, 128
    return StyleHeadConfig(
        name="stylehead-mini",
        generator=GeneratorConfig(
            size=size, style_dim=style, mapping_layers=1, channels=channels, waist=waist, rgb_from=waist
        ),
        encoder=EncoderConfig(
            size=64, widths=(24, 48, 96, 128), units=(1, 2, 2, 2), rows=rows, style_dim=style, middle_rows=4
        ),
        consultation=ConsultationConfig(
            size=size,
            fold=size // waist,
            widths=(32, 32, 48),
            strides=(1, 1),
            feature_channels=channels[waist],
            feature_size=waist,
        ),
        motion_encoder=MotionEncoderConfig(
            coefficients=COEFFICIENTS, descriptor=descriptor, window=1, first_kernel=1, blocks=0, source=True
        ),
        prior=LandmarkPriorConfig(flow_size=waist),
        flow_field=FlowFieldConfig(
            image_size=64,
            extra_channels=6,
            base=32,
            maximum=128,
            down=3,
            up=3,
            descriptor=descriptor,
            hidden=64,
            visibility=True,
            zero_init=True,
        ),
        calibrator=CalibratorConfig(
            feature_channels=channels[waist],
            feature_size=waist,
            extra_channels=3,
            width=48,
            descriptor=descriptor,
            hidden=64,
            levels=3,
            gate=True,
            zero_init=True,
        ),
        refiner=RefinerConfig(size=size, feature_size=waist, descriptor=descriptor, guides=GUIDES),
        speech=SpeechCoefficientsConfig(names=LIPS, window=48, width=192),
        carry_detail=True,
        directions=tuple(DirectionConfig(name=name) for name in EDITS),
        editor=FaceEditorConfig(
            names=tuple(EDITS),
            feature_channels=channels[waist],
            plan_size=waist,
            fold=size // waist,
            beyond=("hair_color",),
        ),
        notice="Trained on rendered heads of ICT-FaceKit (MIT, Copyright (c) 2020 USC Institute for Creative "
        "Technologies). The landmark prior holds the canonical face of MediaPipe (Apache-2.0, Google).",
    )


def mini_styles() -> Recipe:
    """w+ alone and at a small rate: at 2e-3 it collapses to the mean head."""
    return Recipe(
        name="mini_styles", model=mini_model(), task=StylesTask(), steps=3000, batch=12, lr=5e-4, time_share=1.5
    )


def mini_consult() -> Recipe:
    return Recipe(
        name="mini_consult",
        model=mini_model(),
        task=ConsultTask(),
        needs=("mini_styles",),
        steps=2000,
        batch=8,
        lr=1e-3,
        time_share=1.2,
    )


def mini_motion() -> Recipe:
    return Recipe(
        name="mini_motion", model=mini_model(), task=MotionTask(), steps=7000, batch=12, lr=1e-3, time_share=3.0
    )


def mini_calibration() -> Recipe:
    return Recipe(
        name="mini_calibration",
        model=mini_model(),
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
        model=mini_model(),
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
        model=mini_model(),
        task=DirectionsTask(half=0.0),
        needs=("mini_consult", "mini_motion"),  # of the latter the prior, which knows where on the face things are
        steps=6000,
        batch=10,
        lr=4e-3,
        time_share=4.5,
    )


def mini_speech() -> Recipe:
    return Recipe(
        name="mini_speech", model=mini_model(), task=SpeechTask(), steps=60_000, batch=48, lr=2e-3, time_share=1.5
    )


def mini_whole() -> Recipe:
    """Nothing is learnt here: all that was learnt comes together in one model."""
    needs = ("mini_refine", "mini_directions", "mini_speech")
    return Recipe(name="mini_whole", model=mini_model(), needs=needs, steps=0)


def mini_generator() -> Recipe:
    """Draws heads from noise. The embedded model's generator learns from labels instead, in `mini_styles`."""
    channels = {4: 96, 8: 96, 16: 96, 32: 64, 64: 48, 128: 24}
    return replace(
        paper_generator(),
        name="mini_generator",
        model=mini_model(),
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
        model=replace(mini_model(256), name="stylehead-mini-256"),
        batch=32,
        steps=8 * recipe.steps,
    )
