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
from .debug import for_debugging, tiny
from .embedded import (
    at_256,
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
from .large import large_composite, large_expression, large_matte, large_prior, large_refine, large_whole
from .paper import (
    paper_consult,
    paper_directions,
    paper_encoder,
    paper_generator,
    paper_joint,
    paper_joint_sound,
    paper_sound,
    paper_video,
    small_paper_sound,
)
from .sync_expert import sync_expert

__all__ = ["CHAINS", "RECIPES", "chain", "recipe_named"]


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


def _large() -> tuple[Recipe, ...]:
    return large_prior(), large_refine(), large_matte(), large_composite(), large_expression(), large_whole()


CHAINS = {
    "mini": _chain(),
    "512": _large(),
    "debug_512": tuple(for_debugging(recipe) for recipe in _large()),
    "mini_256": tuple(at_256(recipe) for recipe in _chain()),
    "debug": tuple(for_debugging(recipe) for recipe in _chain()),
    "real_speech": (mini_real_speech(),),
    "debug_real_speech": (for_debugging(mini_real_speech()),),
    "small_paper_sound": (small_paper_sound(),),
    "debug_small_paper_sound": (for_debugging(small_paper_sound()),),
    "generators": (mini_generator(), paper_generator()),
    "debug_generators": (for_debugging(mini_generator()), tiny(paper_generator())),
    "paper": _paper(),
    "debug_paper": tuple(tiny(recipe) for recipe in _paper()),
    "paper_inversion": _inversion(),
    "debug_paper_inversion": tuple(tiny(recipe) for recipe in _inversion()),
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
