"""The recipe of the sync expert, which tells from prepared clips whether mouth and sound belong together."""

from typing import Any

from ...model.presets import debug
from ...networks.syncnet import SyncNetConfig
from ..recipe import Recipe
from ..tasks.sync import SyncTask

__all__ = ["sync_expert"]


WAV2LIP: dict[str, Any] = {"batch": 64, "lr": 1e-4, "final_lr_ratio": 1.0, "warmup_steps": 0}


def sync_expert(network: SyncNetConfig = SyncNetConfig()) -> Recipe:
    """Wav2Lip's numbers: batch 64, a constant learning rate of 1e-4. No part of a model is trained."""
    return Recipe(name="sync_expert", model=debug(), task=SyncTask(network=network), steps=100_000, **WAV2LIP)
