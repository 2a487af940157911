"""Every training run by name, as functions that return the whole of it.

``mini``    the embedded model: 128 pixels, made in nine hours of a CPU core
``512``     the embedded model of 512 pixels, from the small one's networks
``mini_256``  the same at 256 pixels, for one GPU
``paper``   the paper's own stages at its supplement's numbers, on prepared videos, for a GPU and days
``paper_inversion``  what these stages begin with, at its authors' numbers: encoder, consultation, edit directions
``generators``  a generator alone, against a discriminator: of heads at 128 pixels, and at the paper's size
``feature_networks``  the identity network of rendered heads, and the sync expert of prepared clips
``debug``, ``debug_paper``, ``debug_paper_inversion``, ``debug_generators``  seconds, for tests
"""

from ...errors import ConfigError
from ..recipe import Recipe
from .embedded import (
    DEBUG,
    MINI,
    MINI_256,
    mini_calibration,
    mini_consult,
    mini_directions,
    mini_generator,
    mini_motion,
    mini_real_speech,
    mini_refine,
    mini_speech,
    mini_styles,
    mini_whole,
)
from .identity import identity
from .large import (
    DEBUG_512,
    LARGE,
    large_composite,
    large_expression,
    large_matte,
    large_prior,
    large_refine,
    large_whole,
)
from .paper import (
    DEBUG_PAPER,
    PAPER,
    paper_consult,
    paper_directions,
    paper_encoder,
    paper_generator,
    paper_joint,
    paper_joint_sound,
    paper_sound,
    paper_video,
)
from .scale import Scale
from .small_paper import DEBUG_SMALL_PAPER, SMALL_PAPER, small_paper_sound
from .sync_expert import sync_expert

__all__ = ["CHAINS", "RECIPES", "chain", "recipe_named"]


def _mini(scale: Scale) -> tuple[Recipe, ...]:
    return (
        mini_styles(scale),
        mini_motion(scale),
        mini_consult(scale),
        mini_calibration(scale),
        mini_refine(scale),
        mini_directions(scale),
        mini_speech(scale),
        mini_whole(scale),
    )


def _large(scale: Scale, small: Scale) -> tuple[Recipe, ...]:
    return (
        large_prior(scale),
        large_refine(scale, small),
        large_matte(scale),
        large_composite(scale, small),
        large_expression(scale, small),
        large_whole(scale, small),
    )


def _paper(scale: Scale) -> tuple[Recipe, ...]:
    return paper_video(scale), paper_sound(scale), paper_joint(scale), paper_joint_sound(scale)


def _inversion(scale: Scale) -> tuple[Recipe, ...]:
    return paper_encoder(scale), paper_consult(scale), paper_directions(scale)


CHAINS = {
    "mini": _mini(MINI),
    "512": _large(LARGE, MINI),
    "debug_512": _large(DEBUG_512, DEBUG),
    "mini_256": _mini(MINI_256),
    "debug": _mini(DEBUG),
    "real_speech": (mini_real_speech(MINI),),
    "debug_real_speech": (mini_real_speech(DEBUG),),
    "small_paper_sound": (small_paper_sound(SMALL_PAPER, MINI),),
    "debug_small_paper_sound": (small_paper_sound(DEBUG_SMALL_PAPER, DEBUG),),
    "generators": (mini_generator(MINI), paper_generator(PAPER)),
    "debug_generators": (mini_generator(DEBUG), paper_generator(DEBUG_PAPER)),
    "paper": _paper(PAPER),
    "debug_paper": _paper(DEBUG_PAPER),
    "paper_inversion": _inversion(PAPER),
    "debug_paper_inversion": _inversion(DEBUG_PAPER),
    "feature_networks": (identity(), sync_expert()),
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
