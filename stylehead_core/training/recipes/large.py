"""The runs of the embedded model of 512 pixels, which goes on from the networks of the small one."""

from dataclasses import replace

from ...model.config import StyleHeadConfig
from ...networks.compositor import CompositorConfig
from ...networks.landmark_prior import LandmarkPriorConfig
from ...networks.matte import MatteNetworkConfig
from ..recipe import Recipe
from ..tasks.composite import CompositeTask
from ..tasks.matte import MatteTask
from ..tasks.prior import PriorTask
from ..tasks.refine import RefineTask
from .embedded import mini_model, mini_refine

__all__ = ["large_composite", "large_matte", "large_prior", "large_refine", "large_whole", "model_512"]


def model_512() -> StyleHeadConfig:
    """The embedded model of 512 pixels: the networks of the small one, a compositor and a matte."""
    small = mini_model()
    assert small.refiner is not None
    refiner = replace(small.refiner, paint=True)
    return replace(
        small,
        name="stylehead-512",
        prior=LandmarkPriorConfig(flow_size=small.generator.waist, hidden=192),
        refiner=refiner,
        compositor=CompositorConfig(
            drawn_size=refiner.size,
            feature_size=refiner.feature_size,
            descriptor=refiner.descriptor,
            guides=refiner.guides,
            features=refiner.width,
        ),
        matte=MatteNetworkConfig(),
        notice=small.notice + " Refiner, compositor and matte network also learnt from portraits of nobody: "
        "faker-js/assets-person-portrait (CC0-1.0), and SelfishGene/SFHQ-T2I-dataset (MIT), made by FLUX.1 schnell; "
        "their mattes were made by MediaPipe's selfie segmentation (Apache-2.0, Google).",
    )


def large_prior() -> Recipe:
    """The landmark prior learns to bend: to move landmarks to where the landmarker reads what was asked for."""
    return Recipe(
        name="512_prior",
        model=model_512(),
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
        model=model_512(),
        task=RefineTask(pairs=4, opened_pairs=3),
        steps=6000,
        lr=1.5e-3,
        time_share=3.0,
    )


def large_matte() -> Recipe:
    return Recipe(
        name="512_matte",
        model=model_512(),
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
        model=model_512(),
        task=CompositeTask(),
        needs=("mini_calibration", "512_prior", "512_refine"),
        steps=8000,
        batch=8,
        lr=1.5e-3,
        betas=(0.5, 0.99),  # for the discriminators' sake
        ema_decay=0.995,
        time_share=8.0,
    )


def large_whole() -> Recipe:
    """Nothing is learnt here: all that was learnt comes together in one model."""
    needs = ("512_prior", "512_refine", "512_composite", "512_matte", "mini_directions", "mini_speech")
    return Recipe(name="512_whole", model=model_512(), needs=needs, steps=0)
