"""Conversion of Wav2Lip's lip-sync expert (``state_dict`` of ``lipsync_expert.pth``) to ``SyncNet`` and back."""

from collections.abc import Mapping

from torch import Tensor

from ..networks.syncnet import FACE_LAYERS, SOUND_LAYERS
from .renaming import invert, layer, rename

__all__ = ["from_official", "names", "to_official"]

NORM = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")


def names() -> dict[str, str]:
    """Map published names to ours. These weights need ``SyncNetConfig(colours="bgr unit")``."""
    found = {}
    for theirs, ours, layers in (("face_encoder", "face", FACE_LAYERS), ("audio_encoder", "sound", SOUND_LAYERS)):
        for i in range(sum(1 + residuals for *_, residuals in layers)):
            found |= layer(f"{theirs}.{i}.conv_block.0", f"{ours}.{i}.conv")
            found |= layer(f"{theirs}.{i}.conv_block.1", f"{ours}.{i}.norm", NORM)
    return found


def from_official(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Convert to the state dict of ``SyncNet``."""
    return rename(state, names(), what="Wav2Lip's lip-sync expert")


def to_official(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Convert back to the published state dict."""
    return rename(state, invert(names()), what="a SyncNet")
