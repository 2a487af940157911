"""Recipe of the paper's way from sound to lips, at a size that a CPU trains in a quarter of an hour."""

from dataclasses import replace

from ...model.config import StyleHeadConfig
from ...model.presets import stylehead_512
from ...networks.audio_encoder import AudioEncoderConfig
from ..recipe import Recipe
from ..tasks.sound import SoundTask
from .debug import shrink
from .embedded import MINI
from .paper import CLIPS
from .scale import Scale

__all__ = ["DEBUG_SMALL_PAPER", "SMALL_PAPER", "small_paper_sound"]


def small_paper_model() -> StyleHeadConfig:
    """The embedded model with a small audio generator, without the networks for large frames."""
    base, descriptor = stylehead_512(), 64
    return replace(
        base,
        name="stylehead-paper-sound",
        compositor=None,
        matte=None,
        audio_encoder=AudioEncoderConfig(descriptor=descriptor, hidden=64),
        audio_flow_field=replace(
            base.flow_field, extra_channels=0, base=8, maximum=64, descriptor=descriptor, visibility=False
        ),
    )


SMALL_PAPER = Scale(name="small_paper", model=small_paper_model())
DEBUG_SMALL_PAPER = Scale(name="debug_small_paper", model=shrink(small_paper_model()), batch=4, debug=True)


def small_paper_sound(scale: Scale = SMALL_PAPER, base: Scale = MINI) -> Recipe:
    """Stage 1b: the embedded model's video generator makes the proxies and the pseudo-labels, and a small audio
    generator learns from rendered heads that speak.

    Losses, their weights and the masks are those of ``paper_sound``. Not so the sizes, the learning rate, proxies that
    are drawn once, and what needs files from elsewhere: VGG19 and the sync expert.
    """
    task, needs = SoundTask(size=scale.model.generator.size, proxies=8), base.names("motion")
    return scale.recipe("sound", task=task, needs=needs, steps=2000, batch=CLIPS, lr=1e-3, ema_decay=0.995)
