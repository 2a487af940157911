"""The recipe of the judge of rendered heads, and its run: from measured heads to one file."""

from pathlib import Path

import torch

from ...config_json import to_json
from ...datasets.attributes import ATTRIBUTES
from ...model.presets import debug
from ...model.stylehead import build
from ...networks.feature_network import FEATURES_KIND, FeatureNetworkConfig
from ...tensor_files import write_tensors
from .. import loop
from ..loop import Limits
from ..recipe import Recipe
from ..tasks.features import FeaturesTask

__all__ = ["FILE", "judge", "train_judge"]

FILE = "judge.safetensors"


def judge(network: FeatureNetworkConfig = FeatureNetworkConfig(attributes=ATTRIBUTES)) -> Recipe:
    """Twelve people of four pictures a step: 5,000 steps are a quarter of an hour of one core."""
    return Recipe(
        name="judge",
        model=debug(),  # no part of a model is learnt
        task=FeaturesTask(network=network),
        steps=5000,
        batch=12,
        lr=2e-3,
        betas=(0.9, 0.99),
        grad_clip=5.0,
        ema_decay=0.995,
    )


def train_judge(recipe: Recipe, heads: Path, out: Path, limits: Limits = Limits(), *, resume: bool = False) -> Path:
    """Run ``recipe`` on measured heads, in a folder of its own below ``out``, and write the network in float16.

    Returns:
        The file that was written; a finished run is not run again when resumed.
    """
    folder = out / recipe.name
    if not (resume and (folder / FILE).is_file()):
        state = loop.run(recipe, build(recipe.model), recipe.task.load(heads), folder, limits, resume)
        state = {name: _halved(tensor) for name, tensor in state.networks["features"].state_dict().items()}
        write_tensors(
            folder / FILE, FEATURES_KIND, state, {"config": to_json(recipe.task.network), "recipe": recipe.name}
        )
    return folder / FILE


def _halved(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.half() if tensor.is_floating_point() else tensor
