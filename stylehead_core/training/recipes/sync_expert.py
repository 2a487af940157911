"""The recipe of the sync expert, which tells from prepared clips whether mouth and sound belong together."""

from ...model.presets import debug
from ...networks.syncnet import SyncNetConfig
from ..recipe import Recipe
from ..tasks.sync import SyncTask

__all__ = ["sync_expert"]


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
