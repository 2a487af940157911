"""Saves and loads a whole model as one safetensors file that holds its configuration."""

import os

import torch
from torch import Tensor

from ..config_json import from_json, to_json
from ..errors import ConfigError, WeightsError
from ..ops.unfilled import unfilled
from ..tensor_files import check_state, read_tensors, write_tensors
from .config import StyleHeadConfig
from .manifest import find_model
from .stylehead import StyleHead

__all__ = ["load_stylehead", "save_stylehead"]


def save_stylehead(
    model: StyleHead,
    path: str | os.PathLike,
    *,
    recipe: str = "",
    dtype: torch.dtype | None = None,
) -> None:
    """Write ``model`` as one safetensors file that says what it is.

    Args:
        recipe: how it was made, for the header.
        dtype: of the floating numbers in the file, such as ``torch.float16``; None keeps them.
    """
    about = {
        "config": to_json(model.config),
        "license": model.config.license,
        "notice": model.config.notice,
        "recipe": recipe,
    }
    state = {k: v.to(dtype) if dtype and v.is_floating_point() else v for k, v in model.state_dict().items()}
    write_tensors(path, "model", state, about)


def load_stylehead(
    name_or_path: str | os.PathLike,
    device: str | torch.device = "cpu",
    dtype: torch.dtype = torch.float32,
) -> StyleHead:
    """Load an embedded model by name, or any by the path of its file.

    Args:
        dtype: what the generator and the calibrator compute in; the other networks are float32.

    Raises:
        WeightsError: there is no such model, the file is damaged or of another kind, or does not hold exactly the
            tensors that its configuration asks for.
    """
    path = find_model(name_or_path)
    about, state = read_tensors(path, "model")
    try:
        config = from_json(StyleHeadConfig, about.get("config"), "config")
    except ConfigError as error:
        raise WeightsError(f"{path} holds a model that this version cannot build: {error}") from error
    return fill(config, state, f"The model file {path}").to(device).draw_in(dtype)


def fill(config: StyleHeadConfig, state: dict[str, Tensor], what: str) -> StyleHead:
    """The model of ``config`` with the tensors of ``state``: all of them, or a ``WeightsError`` that lists them."""
    if config.fewest_tensors > len(state):  # refused before it takes hours to build
        raise WeightsError(
            f"{what} does not hold the tensors that it should.\n"
            f"  expected  more than {config.fewest_tensors}\n"
            f"  found     {len(state)}"
        )
    with torch.inference_mode(False):
        try:
            with unfilled():
                model = StyleHead(config)
        except (RuntimeError, TypeError, ValueError, OverflowError, MemoryError) as error:  # a size beyond all sense
            raise WeightsError(f"{what} says that it is a model which cannot be built: {error}") from error
        check_state(
            {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()},
            {name: tuple(tensor.shape) for name, tensor in state.items()},
            what,
        )
        model.load_state_dict(state, assign=True)
    return model.eval().requires_grad_(False)
