"""Conversion of the official generator (``StyleGAN_e4e.pth``, flat) to ``Generator`` and back.

The official file also contains blur kernels, and noise maps with strengths that StyleHEAT never adds. Both are left
out, except for the strengths where the ``Generator`` has noise.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from ..networks.generator import FIRST_SIZE, GeneratorConfig
from ..ops.filters import blur_kernel
from .renaming import invert, rename

__all__ = ["from_official", "names", "to_official"]

WHAT = "the StyleGAN2 generator (StyleGAN_e4e.pth)"
FILTERS = r".*\.kernel"
NOISE_MAPS = r"noises\.noise_\d+"
STRENGTHS = r".*\.noise\.weight"


def names(config: GeneratorConfig = GeneratorConfig()) -> dict[str, str]:
    """Map the official names of the tensors that we keep to ours."""
    found = {"input.input": "constant"}
    for layer in range(config.mapping_layers):
        found |= {f"style.{layer + 1}.{part}": f"mapping.{layer}.{part}" for part in ("weight", "bias")}

    def add(official: str, own: str, bias: str) -> None:
        found[f"{official}.conv.weight"] = f"{own}.weight"
        found[f"{official}.conv.modulation.weight"] = f"{own}.style.weight"
        found[f"{official}.conv.modulation.bias"] = f"{own}.style.bias"
        found[f"{official}.{bias}"] = f"{own}.bias"
        if config.noise and bias != "bias":
            found[f"{official}.noise.weight"] = f"{own}.noise_strength"

    add("conv1", f"levels.{FIRST_SIZE}.conv", "activate.bias")
    add("to_rgb1", f"levels.{FIRST_SIZE}.rgb", "bias")
    for k, resolution in enumerate(config.resolutions[1:]):
        add(f"convs.{2 * k}", f"levels.{resolution}.up", "activate.bias")
        add(f"convs.{2 * k + 1}", f"levels.{resolution}.conv", "activate.bias")
        add(f"to_rgbs.{k}", f"levels.{resolution}.rgb", "bias")
    return found


def from_official(state: Mapping[str, Tensor], config: GeneratorConfig = GeneratorConfig()) -> dict[str, Tensor]:
    """Convert to the state dict of ``Generator(config)``."""
    dropped = [FILTERS, NOISE_MAPS] if config.noise else [FILTERS, NOISE_MAPS, STRENGTHS]
    kept = rename(state, names(config), what=WHAT, dropped="|".join(dropped))
    return {name: tensor.reshape(_own_shape(name, tensor)) for name, tensor in kept.items()}


def to_official(state: Mapping[str, Tensor], config: GeneratorConfig = GeneratorConfig()) -> dict[str, Tensor]:
    """Convert a ``Generator(config)`` with an RGB layer at every resolution back to the official state dict.

    Blur kernels are computed; noise maps, and the strengths of a generator without noise, are zeros.
    """
    official = rename(state, invert(names(config)), what="a Generator with an RGB layer at every resolution")
    official = {name: tensor.reshape(_official_shape(name, tensor)) for name, tensor in official.items()}
    like = state["constant"]
    kernel = blur_kernel(1, like, gain=4)[0, 0].clone()
    official["noises.noise_0"] = like.new_zeros(1, 1, FIRST_SIZE, FIRST_SIZE)
    for k, resolution in enumerate(config.resolutions[1:]):
        official[f"convs.{2 * k}.conv.blur.kernel"] = kernel
        official[f"to_rgbs.{k}.upsample.kernel"] = kernel
        for layer in (2 * k + 1, 2 * k + 2):
            official[f"noises.noise_{layer}"] = like.new_zeros(1, 1, resolution, resolution)
    if not config.noise:
        convs = ["conv1", *(f"convs.{i}" for i in range(2 * len(config.resolutions) - 2))]
        official |= {f"{conv}.noise.weight": like.new_zeros(1) for conv in convs}
    return official


def _own_shape(name: str, tensor: Tensor) -> torch.Size:
    """Our shape of a tensor: without singleton axes for batch and pixels."""
    if name.endswith(".noise_strength"):
        return torch.Size()
    if name.endswith(".rgb.bias"):
        return tensor.shape[1:2]
    return tensor.shape[1:] if name == "constant" or tensor.ndim == 5 else tensor.shape


def _official_shape(name: str, tensor: Tensor) -> torch.Size:
    """Official shape of a tensor: with singleton axes."""
    if name.startswith("to_rgb") and tensor.ndim == 1 and name.endswith(".bias") and ".modulation." not in name:
        return torch.Size((1, len(tensor), 1, 1))
    if name == "input.input" or name.endswith((".conv.weight", ".noise.weight")):
        return torch.Size((1, *tensor.shape))
    return tensor.shape
