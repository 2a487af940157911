"""Wav2Lip's lip-sync expert (``lipsync_expert.pth``, its ``state_dict``) to ``SyncNet`` and back."""

from collections.abc import Mapping

from torch import Tensor

from ..networks.syncnet import FACE, SOUND
from .renaming import invert, layer, rename

__all__ = ["from_official", "names", "to_official"]

NORM = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")


def names() -> dict[str, str]:
    """Our name of every published tensor. ``SyncNetConfig(colours="bgr unit")`` goes with them."""
    found = {}
    for theirs, ours, layers in (("face_encoder", "face", FACE), ("audio_encoder", "sound", SOUND)):
        for i in range(sum(1 + residuals for *_, residuals in layers)):
            found |= layer(f"{theirs}.{i}.conv_block.0", f"{ours}.{i}.conv")
            found |= layer(f"{theirs}.{i}.conv_block.1", f"{ours}.{i}.norm", NORM)
    return found


def from_official(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state dict of ``SyncNet``."""
    return rename(state, names(), what="Wav2Lip's lip-sync expert")


def to_official(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The published state dict."""
    return rename(state, invert(names()), what="a SyncNet")
