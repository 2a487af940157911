"""The paper's own stages at its supplement's numbers, on prepared videos, for a GPU and days."""

from dataclasses import replace
from typing import Any

from ...model.config import StyleHeadConfig
from ...model.presets import styleheat_1024
from ...networks.syncnet import FRAMES
from ..recipe import Recipe
from ..tasks.attributes import AttributesTask
from ..tasks.distortion import DistortionTask
from ..tasks.encoder import EncoderTask
from ..tasks.generator import GeneratorTask
from ..tasks.joint import JointTask
from ..tasks.joint_sound import JointSoundTask
from ..tasks.sound import SoundTask
from ..tasks.video import VideoTask
from .debug import debug_paper_model
from .scale import Scale

__all__ = [
    "COEFFICIENTS",
    "DEBUG_PAPER",
    "GENERATOR",
    "PAPER",
    "paper_consult",
    "paper_directions",
    "paper_encoder",
    "paper_generator",
    "paper_joint",
    "paper_joint_sound",
    "paper_model",
    "paper_sound",
    "paper_video",
]

COEFFICIENTS = 58  # arkit


def paper_model() -> StyleHeadConfig:
    """The official networks, moved by what the face landmarker measures, so that no other weights are needed.

    ``audio_region`` decides, in training and in use alike, where the flow from sound acts: on the portrait's lower face
    by its landmarks, with soft edges. The official code cuts at half the height ("lower half"), which only fits
    pictures that are aligned, and those of stage 1b are not.
    """
    official = styleheat_1024(audio=True, perceptual=True)
    assert official.audio_encoder is not None
    return replace(
        official,
        name="styleheat-1024-arkit",
        motion_encoder=replace(official.motion_encoder, coefficients=COEFFICIENTS),
        audio_encoder=replace(official.audio_encoder, form="mlp"),
        space="arkit",
        warp="identity",
        audio_region="soft",
    )


PAPER = Scale(name="paper", model=paper_model())
DEBUG_PAPER = Scale(name="debug_paper", model=debug_paper_model(), batch=2, debug=True)

# Supplement: Adam 1e-4; the moving average is PIRenderer's.
SUPPLEMENT: dict[str, Any] = {"lr": 1e-4, "betas": (0.5, 0.999), "final_lr_ratio": 1.0, "ema_decay": 0.998}
CLIPS = 20 // FRAMES  # a batch of 20 pictures as clips of five frames, which the sync loss compares with their sound
UNCLIPPED = 1e4  # norm of a gradient that is never reached
# StyleGAN2's own numbers. A weight counts half in the moving average after 10 thousand pictures.
GENERATOR: dict[str, Any] = {
    **{"lr": 2e-3, "betas": (0.0, 0.99), "warmup_steps": 0, "final_lr_ratio": 1.0},
    **{"grad_clip": UNCLIPPED, "ema_decay": 0.998},
}
INVERSION: dict[str, Any] = {
    **{"batch": 8, "lr": 1e-4, "betas": (0.9, 0.999), "warmup_steps": 1000, "final_lr_ratio": 1.0},
    "grad_clip": UNCLIPPED,
}


def paper_video(scale: Scale = PAPER) -> Recipe:
    """Stage 1a: batch 20, 200K steps.

    A batch of 20 is 20 pictures. PIRenderer warps each pair both ways and so draws 40; that is
    ``VideoTask(both_directions=True)``.
    """
    return scale.recipe("video", task=VideoTask(), steps=200_000, batch=20, **SUPPLEMENT)


def paper_sound(scale: Scale = PAPER) -> Recipe:
    """Stage 1b: as many steps on as many pictures."""
    needs = scale.names("video")
    return scale.recipe("sound", task=SoundTask(), needs=needs, steps=200_000, batch=CLIPS, **SUPPLEMENT)


def paper_joint(scale: Scale = PAPER) -> Recipe:
    """Stage 2a: 1e-4 for the calibrator, 2e-5 for the motion generator, 20K steps."""
    needs = scale.names("video")
    return scale.recipe("joint", task=JointTask(), needs=needs, steps=20_000, batch=20, **SUPPLEMENT)


def paper_joint_sound(scale: Scale = PAPER) -> Recipe:
    """Stage 2b: as 2a, with the audio generator; the video generator is fixed."""
    needs = scale.names("sound", "joint")
    return scale.recipe("joint_sound", task=JointSoundTask(), needs=needs, steps=20_000, batch=CLIPS, **SUPPLEMENT)


def paper_generator(scale: Scale = PAPER) -> Recipe:
    """StyleGAN2's config F, 25 million pictures. Pictures are prepared clips, or measured heads."""
    return scale.recipe("generator", task=GeneratorTask(), steps=25_000_000 // 32, batch=32, **GENERATOR)


def paper_encoder(scale: Scale = PAPER) -> Recipe:
    """e4e's own numbers: 200K steps of 8 pictures at 1e-4, the second row from 20K on, a further one every 2K."""
    return scale.recipe("encoder", task=EncoderTask(), needs=scale.names("generator"), steps=200_000, **INVERSION)


def paper_consult(scale: Scale = PAPER) -> Recipe:
    """HFGI's own numbers: 100K steps of 8 pictures at 1e-4, 90 % of the distortion maps turned by up to 0.15."""
    return scale.recipe("consult", task=DistortionTask(), needs=scale.names("encoder"), steps=100_000, **INVERSION)


def paper_directions(scale: Scale = PAPER) -> Recipe:
    """In the manner of InterfaceGAN, in the 512 dimensions that its boundaries have. All is computed, in no steps."""
    return scale.recipe("directions", task=AttributesTask(), needs=scale.names("encoder"), steps=0, **INVERSION)
