"""Whole tiny models in both spaces, and something to do with them."""

from fractions import Fraction
from types import SimpleNamespace

import pytest
import torch

from stylehead_core import Motion, Portrait, invert
from stylehead_core.model.presets import debug
from stylehead_core.model.stylehead import build

FRAMES = 9


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="session", params=["arkit", "bfm"])
def scene(request) -> SimpleNamespace:
    """A model with a portrait of noise, its inversion, and a motion with sound."""
    model = build(debug(request.param))
    for name in model.attributes:
        for number, tensor in enumerate(model.directions.get_submodule(name).buffers()):
            tensor.copy_(noise(*tensor.shape, seed=number))
    width = len(model.config.motion_space.names)
    portrait = Portrait(image=noise(1, 3, 64, 64).clamp(-1, 1), coefficients=0.1 * noise(width, seed=1))
    motion = Motion(
        coefficients=0.5 * noise(FRAMES, width, seed=2),
        fps=Fraction(25),
        space=request.param,
        mel=noise(FRAMES, 80, 32, seed=3),
    )
    return SimpleNamespace(
        model=model, portrait=portrait, inversion=invert(model, portrait), motion=motion, noise=noise
    )
