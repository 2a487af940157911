"""The paper's own stages at its supplement's numbers, on prepared videos, for a GPU and days."""

from dataclasses import replace

from ...model.config import StyleHeadConfig
from ...model.presets import stylehead_512, styleheat_1024
from ...networks.audio_encoder import AudioEncoderConfig
from ...networks.flow_field import FlowFieldConfig
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

__all__ = [
    "COEFFICIENTS",
    "paper_consult",
    "paper_directions",
    "paper_encoder",
    "paper_generator",
    "paper_joint",
    "paper_joint_sound",
    "paper_model",
    "paper_sound",
    "paper_video",
    "small_paper_sound",
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


def paper_video() -> Recipe:
    """Stage 1a. Supplement: Adam 1e-4, batch 20, 200K steps; moving average as PIRenderer's.

    A batch of 20 is 20 pictures. PIRenderer warps each pair both ways and so draws 40; that is
    ``VideoTask(both_directions=True)``.
    """
    return Recipe(
        name="paper_video",
        model=paper_model(),
        task=VideoTask(),
        steps=200_000,
        batch=20,
        lr=1e-4,
        betas=(0.5, 0.999),
        final_lr_ratio=1.0,
        ema_decay=0.998,
    )


def paper_sound() -> Recipe:
    """Stage 1b. The batch of 20 pictures is four clips of five frames, which the sync loss hears together."""
    return replace(paper_video(), name="paper_sound", task=SoundTask(), needs=("paper_video",), batch=20 // FRAMES)


def small_paper_sound() -> Recipe:
    """Stage 1b at a size that a CPU trains in a quarter of an hour: the embedded model's video generator makes the
    proxies and the pseudo-labels, and a small audio generator learns from rendered heads that speak.

    Losses, their weights and the masks are those of ``paper_sound``. Not so the sizes, the learning rate, proxies that
    are drawn once, and what needs files from elsewhere: VGG19 and the sync expert.
    """
    base = stylehead_512()
    descriptor, size = 64, base.flow_field.image_size
    model = replace(
        base,
        name="stylehead-paper-sound",
        compositor=None,
        matte=None,
        audio_encoder=AudioEncoderConfig(descriptor=descriptor, hidden=64),
        audio_flow_field=FlowFieldConfig(
            image_size=size, base=8, maximum=64, down=3, up=3, descriptor=descriptor, hidden=64, zero_init=True
        ),
    )
    return Recipe(
        name="small_paper_sound",
        model=model,
        task=SoundTask(size=model.generator.size, proxies=16),
        needs=("mini_motion",),
        steps=2000,
        batch=20 // FRAMES,
        lr=1e-3,
        ema_decay=0.995,
    )


def paper_joint() -> Recipe:
    """Stage 2a: 1e-4 for the calibrator, 2e-5 for the motion generator, 20K steps."""
    return replace(paper_video(), name="paper_joint", task=JointTask(), needs=("paper_video",), steps=20_000)


def paper_joint_sound() -> Recipe:
    """Stage 2b: as 2a, with the audio generator; the video generator is fixed."""
    return replace(
        paper_joint(),
        name="paper_joint_sound",
        task=JointSoundTask(),
        needs=("paper_sound", "paper_joint"),
        batch=20 // FRAMES,
    )


def paper_generator() -> Recipe:
    """StyleGAN2's own numbers: config F, 25 million pictures. Pictures are prepared clips, or measured heads."""
    return Recipe(
        name="paper_generator",
        model=paper_model(),
        task=GeneratorTask(),
        steps=25_000_000 // 32,
        batch=32,
        lr=2e-3,
        betas=(0.0, 0.99),
        warmup_steps=0,
        final_lr_ratio=1.0,
        grad_clip=1e4,  # none
        ema_decay=0.998,  # half of it is 10 thousand pictures old
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
        lr=1e-4,
        betas=(0.9, 0.999),
        warmup_steps=1000,
        final_lr_ratio=1.0,
        grad_clip=1e4,  # none
    )


def paper_consult() -> Recipe:
    """HFGI's own numbers: 100K steps of 8 pictures at 1e-4, 90 % of the distortion maps turned by up to 0.15."""
    return replace(
        paper_encoder(), name="paper_consult", task=DistortionTask(), needs=("paper_encoder",), steps=100_000
    )


def paper_directions() -> Recipe:
    """In the manner of InterfaceGAN, in the 512 dimensions that its boundaries have. All is computed, in no steps."""
    return replace(paper_encoder(), name="paper_directions", task=AttributesTask(), needs=("paper_encoder",), steps=0)
