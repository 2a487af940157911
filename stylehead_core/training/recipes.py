"""Every training run by name, as functions that return the whole of it.

``mini``    the embedded model: 128 pixels, made in nine hours of a CPU core
``mini_256``  the same at 256 pixels, for one GPU
``paper``   the paper's own stages at its supplement's numbers, on prepared videos, for a GPU and days
``paper_inversion``  what these stages begin with, at its authors' numbers: encoder, consultation, edit directions
``generators``  a generator alone, against a discriminator: of heads at 128 pixels, and at the paper's size
``debug``, ``debug_paper``, ``debug_paper_inversion``, ``debug_generators``  seconds, for tests
"""

from dataclasses import replace
from typing import Any

from ..assemble import DirectionConfig, StyleHeadConfig, debug, styleheat_1024
from ..errors import ConfigError
from ..models.aligner import AlignerConfig
from ..models.calibrator import CalibratorConfig
from ..models.consultation import ConsultationConfig
from ..models.discriminator import DiscriminatorConfig
from ..models.encoder import EncoderConfig
from ..models.face_editor import FaceEditorConfig
from ..models.flow_field import FlowFieldConfig
from ..models.generator import GeneratorConfig
from ..models.landmark_prior import GUIDES, LandmarkPriorConfig
from ..models.motion_encoder import MotionEncoderConfig
from ..models.refiner import RefinerConfig
from ..models.speech_coefficients import SpeechCoefficientsConfig
from .heads.look import EDITS
from .recipe import Recipe
from .speech.visemes import LIPS
from .tasks.attributes import AttributesTask
from .tasks.calibration import CalibrationTask
from .tasks.consult import ConsultTask
from .tasks.directions import DirectionsTask
from .tasks.distortion import DistortionTask
from .tasks.encoder import EncoderTask
from .tasks.generator import GeneratorTask
from .tasks.joint import JointTask
from .tasks.joint_sound import JointSoundTask
from .tasks.motion import MotionTask
from .tasks.refine import RefineTask
from .tasks.sound import SoundTask
from .tasks.speech import SpeechTask
from .tasks.styles import StylesTask
from .tasks.video import VideoTask

__all__ = ["CHAINS", "RECIPES", "chain", "mini_model", "recipe_named"]

COEFFICIENTS = 58  # arkit


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
    return Recipe(name="mini_styles", model=mini_model(), task=StylesTask(), steps=3000, batch=12, rate=5e-4, share=1.5)


def mini_consult() -> Recipe:
    return Recipe(
        name="mini_consult",
        model=mini_model(),
        task=ConsultTask(),
        needs=("mini_styles",),
        steps=2000,
        batch=8,
        rate=1e-3,
        share=1.2,
    )


def mini_motion() -> Recipe:
    return Recipe(name="mini_motion", model=mini_model(), task=MotionTask(), steps=7000, batch=12, rate=1e-3, share=3.0)


def mini_calibration() -> Recipe:
    return Recipe(
        name="mini_calibration",
        model=mini_model(),
        task=CalibrationTask(features=12.0, adversarial=0.05),  # mouths are small beside silhouettes
        needs=("mini_consult", "mini_motion"),
        steps=2000,
        batch=8,
        rate=2e-3,  # its weights are equalised
        warm_up=40,
        share=0.8,
    )


def mini_refine() -> Recipe:
    return Recipe(
        name="mini_refine",
        model=mini_model(),
        task=RefineTask(),
        needs=("mini_calibration",),
        steps=12_500,
        batch=24,
        rate=2e-3,
        betas=(0.5, 0.99),  # for the judge's sake
        average=0.99,
        share=8.0,
    )


def mini_directions() -> Recipe:
    return Recipe(
        name="mini_directions",
        model=mini_model(),
        task=DirectionsTask(half=0.0),
        needs=("mini_consult", "mini_motion"),  # of the latter the prior, which knows where on the face things are
        steps=6000,
        batch=10,
        rate=4e-3,
        share=4.5,
    )


def mini_speech() -> Recipe:
    return Recipe(
        name="mini_speech", model=mini_model(), task=SpeechTask(), steps=60_000, batch=48, rate=2e-3, share=1.5
    )


def mini_whole() -> Recipe:
    """Nothing is learnt here: all that was learnt comes together in one model."""
    needs = ("mini_refine", "mini_directions", "mini_speech")
    return Recipe(name="mini_whole", model=mini_model(), needs=needs, steps=0)


def paper_model() -> StyleHeadConfig:
    """The official networks, moved by what the face landmarker measures, so that no other weights are needed."""
    official = styleheat_1024(audio=True, perceptual=True)
    assert official.audio_encoder is not None
    return replace(
        official,
        name="styleheat-1024-arkit",
        motion_encoder=replace(official.motion_encoder, coefficients=COEFFICIENTS),
        audio_encoder=replace(official.audio_encoder, form="mlp"),
        space="arkit",
        warp="identity",
    )


def paper_video() -> Recipe:
    """Stage 1a. Supplement: Adam 1e-4, batch 20, 200K steps; average as PIRenderer's."""
    return Recipe(
        name="paper_video",
        model=paper_model(),
        task=VideoTask(),
        steps=200_000,
        batch=20,
        rate=1e-4,
        betas=(0.5, 0.999),
        last_rate=1.0,
        average=0.998,
    )


def paper_sound() -> Recipe:
    """Stage 1b."""
    return replace(paper_video(), name="paper_sound", task=SoundTask(), needs=("paper_video",))


def paper_joint() -> Recipe:
    """Stage 2a: 1e-4 for the calibrator, 2e-5 for the motion generator, 20K steps."""
    return replace(paper_video(), name="paper_joint", task=JointTask(), needs=("paper_video",), steps=20_000)


def paper_joint_sound() -> Recipe:
    """Stage 2b: as 2a, with the audio generator; the video generator is fixed."""
    return replace(paper_joint(), name="paper_joint_sound", task=JointSoundTask(), needs=("paper_sound", "paper_joint"))


def paper_generator() -> Recipe:
    """StyleGAN2's own numbers: config F, 25 million pictures. Pictures are prepared clips, or measured heads."""
    return Recipe(
        name="paper_generator",
        model=paper_model(),
        task=GeneratorTask(),
        steps=25_000_000 // 32,
        batch=32,
        rate=2e-3,
        betas=(0.0, 0.99),
        warm_up=0,
        last_rate=1.0,
        clip=1e4,  # none
        average=0.998,  # half of it is 10 thousand pictures old
    )


def paper_encoder() -> Recipe:
    """e4e's own numbers: 200K steps of 8 pictures at 1e-4, the second row from 20K on, a further one every 2K."""
    return Recipe(
        name="paper_encoder",
        model=paper_model(),
        task=EncoderTask(),
        needs=("paper_generator",),
        steps=200_000,
        batch=8,
        rate=1e-4,
        betas=(0.9, 0.999),
        warm_up=1000,
        last_rate=1.0,
        clip=1e4,  # none
    )


def paper_consult() -> Recipe:
    """HFGI's own numbers: 100K steps of 8 pictures at 1e-4, 90 % of the distortion maps turned by up to 0.15."""
    return replace(
        paper_encoder(), name="paper_consult", task=DistortionTask(), needs=("paper_encoder",), steps=100_000
    )


def paper_directions() -> Recipe:
    """In the manner of InterfaceGAN, in the 512 dimensions that its boundaries have. All is computed, in no steps."""
    return replace(paper_encoder(), name="paper_directions", task=AttributesTask(), needs=("paper_encoder",), steps=0)


def mini_generator() -> Recipe:
    """Draws heads from chance. The embedded model's generator learns from labels instead, in `mini_styles`."""
    channels = {4: 96, 8: 96, 16: 96, 32: 64, 64: 48, 128: 24}
    return replace(
        paper_generator(),
        name="mini_generator",
        model=mini_model(),
        task=GeneratorTask(discriminator=DiscriminatorConfig(size=128, channels=channels), r1=1.0, pictures=100_000),
        steps=100_000,
        batch=16,
    )


def tiny(recipe: Recipe) -> Recipe:
    """A paper recipe with networks that draw 64 pixels in a moment."""
    task = recipe.task
    if isinstance(task, (JointTask, JointSoundTask)):
        task = replace(task, size=64)
    if isinstance(task, GeneratorTask):
        task = replace(task, discriminator=_tiny_discriminator(64))
    return replace(
        recipe,
        name=f"debug_{recipe.name}",
        model=replace(debug("arkit"), aligner=AlignerConfig(size=64, widths=(4, 4, 8, 8))),
        task=task,
        needs=tuple(f"debug_{need}" for need in recipe.needs),
        steps=min(recipe.steps, 2),
        batch=2,
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


def for_debugging(recipe: Recipe) -> Recipe:
    """The same run in a moment, with networks that learn nothing useful."""
    model = recipe.model
    assert model.consultation is not None
    assert model.calibrator is not None
    assert model.refiner is not None
    assert model.editor is not None
    channels = {4: 8, 8: 8, 16: 8, 32: 8, 64: 8, 128: 4}
    return replace(
        recipe,
        name=recipe.name.replace("mini_", "debug_"),
        task=_small_task(recipe.task),
        needs=tuple(need.replace("mini_", "debug_") for need in recipe.needs),
        steps=min(recipe.steps, 2),
        batch=4,
        model=replace(
            model,
            name="debug",
            generator=replace(model.generator, channels=channels, style_dim=16),
            encoder=replace(model.encoder, widths=(4, 4, 8, 8), units=(1, 1, 1, 1), style_dim=16),
            consultation=replace(model.consultation, widths=(4, 4, 8), feature_channels=8),
            motion_encoder=replace(model.motion_encoder, descriptor=16),
            flow_field=replace(model.flow_field, base=4, maximum=8, descriptor=16, hidden=8),
            calibrator=replace(model.calibrator, feature_channels=8, width=8, descriptor=16, hidden=8),
            refiner=replace(model.refiner, descriptor=16, hidden=8, width=8, units=1),
            editor=replace(model.editor, feature_channels=8, width=8, plan=2),
        ),
    )


def _small_task(task: Any) -> Any:
    if isinstance(task, SpeechTask):
        return replace(task, talks=2)
    if isinstance(task, GeneratorTask):
        return replace(task, discriminator=_tiny_discriminator(128))
    return task


def _tiny_discriminator(size: int) -> DiscriminatorConfig:
    return DiscriminatorConfig(size=size, channels={2**power: 4 for power in range(2, size.bit_length())}, group=2)


def _chain() -> tuple[Recipe, ...]:
    return (
        mini_styles(),
        mini_motion(),
        mini_consult(),
        mini_calibration(),
        mini_refine(),
        mini_directions(),
        mini_speech(),
        mini_whole(),
    )


def _paper() -> tuple[Recipe, ...]:
    return paper_video(), paper_sound(), paper_joint(), paper_joint_sound()


def _inversion() -> tuple[Recipe, ...]:
    return paper_encoder(), paper_consult(), paper_directions()


CHAINS = {
    "mini": _chain(),
    "mini_256": tuple(at_256(recipe) for recipe in _chain()),
    "debug": tuple(for_debugging(recipe) for recipe in _chain()),
    "generators": (mini_generator(), paper_generator()),
    "debug_generators": (for_debugging(mini_generator()), tiny(paper_generator())),
    "paper": _paper(),
    "debug_paper": tuple(tiny(recipe) for recipe in _paper()),
    "paper_inversion": _inversion(),
    "debug_paper_inversion": tuple(tiny(recipe) for recipe in _inversion()),
}
"""Runs that belong together, in an order in which each finds what it needs."""

RECIPES = {recipe.name: recipe for recipes in CHAINS.values() for recipe in recipes}


def recipe_named(name: str) -> Recipe:
    if name not in RECIPES:
        raise ConfigError(f"There is no recipe {name!r}. Known: {', '.join([*CHAINS, *RECIPES])}.")
    return RECIPES[name]


def chain(name: str) -> tuple[Recipe, ...]:
    """The recipes of a chain, or the one recipe called ``name``."""
    return CHAINS.get(name) or (recipe_named(name),)
