"""The recipe of the sync expert, and its run: from prepared clips to one file that ``evaluate --sync`` reads."""

from pathlib import Path

from ...config_json import to_json
from ...model.presets import debug
from ...model.stylehead import build
from ...networks.syncnet import SYNC_KIND, SyncNetConfig
from ...tensor_files import write_tensors
from .. import loop
from ..loop import Limits
from ..recipe import Recipe
from ..tasks.sync import SyncTask

__all__ = ["FILE", "sync_expert", "train_sync_expert"]

FILE = "sync.safetensors"


def sync_expert(network: SyncNetConfig = SyncNetConfig()) -> Recipe:
    """Wav2Lip's numbers: batch 64, a constant rate of 1e-4."""
    return Recipe(
        name="sync_expert",
        model=debug(),  # no part of a model is learnt
        task=SyncTask(network=network),
        steps=100_000,
        batch=64,
        lr=1e-4,
        final_lr_ratio=1.0,
        warmup_steps=0,
    )


def train_sync_expert(
    recipe: Recipe, clips: Path, out: Path, limits: Limits = Limits(), *, resume: bool = False
) -> Path:
    """Run ``recipe`` on the prepared ``clips``, in a folder of its own below ``out``, and write the network.

    Returns:
        The file that was written; a finished run is not run again when resumed.
    """
    folder = out / recipe.name
    if not (resume and (folder / FILE).is_file()):
        state = loop.run(recipe, build(recipe.model), recipe.task.load(clips), folder, limits, resume)
        network = state.networks["sync"]
        about = {"config": to_json(recipe.task.network), "recipe": recipe.name}
        write_tensors(folder / FILE, SYNC_KIND, network.state_dict(), about)
    return folder / FILE
