"""Loads the identity network that is embedded in the pack: who a face is, as an embedding to compare."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from ..config_json import from_json
from ..networks.feature_network import FEATURES_KIND, FeatureNetwork, FeatureNetworkConfig
from ..ops.layout import use_channels_last
from ..tensor_files import check_state, read_tensors
from .manifest import FOLDER

__all__ = ["EMBEDDED", "IdentityOfHeads", "load_features"]

EMBEDDED = FOLDER / "stylehead-judge.safetensors"


class IdentityOfHeads(nn.Module):
    """Identity embedding: aligned pictures in, unit vectors out. Trained on rendered heads."""

    def __init__(self, network: FeatureNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, pictures: Tensor) -> Tensor:
        """Embed ``pictures`` (B 3 S S) in [-1, 1], of any size, as unit vectors (B D)."""
        return self.network(pictures).identity


def load_features(path: str | Path = EMBEDDED, device: torch.device | str = "cpu") -> FeatureNetwork:
    """The feature network of a file, frozen; by default the embedded one."""
    about, state = read_tensors(path, FEATURES_KIND)
    network = FeatureNetwork(from_json(FeatureNetworkConfig, about["config"]))
    check_state(_shapes(network.state_dict()), _shapes(state), str(path))
    network.load_state_dict(state)
    use_channels_last(network)
    return network.eval().requires_grad_(False).to(device)


def _shapes(state: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in state.items()}
