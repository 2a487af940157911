"""The model files that nodes can choose from: networks, edit directions, face landmarker."""

import contextlib
import functools
import os
from pathlib import Path

import folder_paths
import torch

from ..stylehead_core.errors import WeightsError
from ..stylehead_core.landmarker.files import find_landmarker, load_landmarker
from ..stylehead_core.landmarker.landmarker import Landmarker
from ..stylehead_core.model.files import load_stylehead
from ..stylehead_core.model.manifest import ALIASES, embedded_models, find_model, known_as
from ..stylehead_core.model.stylehead import StyleHead
from ..stylehead_core.stages.editing import load_directions
from ..stylehead_core.tensor_files import read_about
from . import bridge

FOLDER = "stylehead"
DIRECTIONS = "stylehead_directions"  # where users put edit directions of their own
DETECTION = "detection"  # where ComfyUI keeps its own face landmarker (0.23 and newer)
EXTENSIONS = {".safetensors"}


def register_folders() -> None:
    """models/stylehead and its neighbour, after what extra_model_paths.yaml gave under the same names."""
    for folder in (FOLDER, DIRECTIONS):
        folder_paths.add_model_folder_path(folder, os.path.join(folder_paths.models_dir, folder))
        paths, extensions = folder_paths.folder_names_and_paths[folder]
        folder_paths.folder_names_and_paths[folder] = (paths, set(extensions) | EXTENSIONS)


def embedded_names() -> list[str]:
    return [entry.name for entry in embedded_models()]


def choices() -> list[str]:
    """The models that can be loaded: embedded ones, the user's files, and older names that graphs may hold."""
    names = embedded_names()
    older = [name for name, new in ALIASES.items() if new in names and name not in names]
    return [*names, *folder_paths.get_filename_list(FOLDER), *older]


def attributes_of(choice: str) -> tuple[str, ...]:
    """The names of the directions in a model's file; none where the file is no model."""
    path = path_of(choice)
    return _attributes(path, os.stat(path).st_mtime_ns)


@functools.cache
def _attributes(path: str, changed: int) -> tuple[str, ...]:
    try:
        return tuple(direction["name"] for direction in read_about(path, "model")["config"]["directions"])
    except (WeightsError, KeyError, TypeError):
        return ()


def direction_choices() -> list[str]:
    """The directions of users' own files, as ``name (file)``; files that hold none are passed over."""
    named = []
    for file in folder_paths.get_filename_list(DIRECTIONS):
        with contextlib.suppress(WeightsError):
            named += [f"{name} ({file})" for name in load_directions(direction_path(file))]
    return named


def direction_path(file: str) -> str:
    return folder_paths.get_full_path_or_raise(DIRECTIONS, file)


def path_of(name: str) -> str:
    """The file behind a choice of the loader: an embedded model's, or one of models/stylehead."""
    if known_as(name) in embedded_names():
        return str(find_model(name))
    return folder_paths.get_full_path_or_raise(FOLDER, name)


def landmarker_file() -> Path | None:
    """The weights of the face landmarker: in ComfyUI's folder, or an installed package."""
    folders = folder_paths.folder_names_and_paths.get(DETECTION, ([], set()))[0]
    return find_landmarker(tuple(Path(folder) for folder in folders))


def metric_folders() -> list[Path]:
    """Where the networks of Measure may lie by their published names: ``models/stylehead/metrics``."""
    return [Path(folder) / "metrics" for folder in folder_paths.get_folder_paths(FOLDER)]


def landmarker() -> Landmarker:
    """The networks that find faces and measure them, on the device where they run."""
    return _landmarker().ready()


@functools.cache
def _landmarker() -> bridge.Managed[Landmarker]:
    with torch.inference_mode(False):
        return bridge.Managed(load_landmarker(landmarker_file()))


def embedded() -> bridge.Managed[StyleHead]:
    """The first embedded model, for nodes that no model is wired to. It is loaded once.

    Raises:
        WeightsError: this checkout has none.
    """
    names = embedded_names()
    if not names:
        raise WeightsError("No model is wired, and no embedded model is here. Wire Load StyleHead Model to this node.")
    return _loaded(names[0])


@functools.cache
def _loaded(name: str) -> bridge.Managed[StyleHead]:
    return load(name, "auto")


def load(name: str, precision: str) -> bridge.Managed[StyleHead]:
    """A model by its choice in the loader, in ComfyUI's hands.

    Outside of inference mode, or its weights could take no part in an optimisation.
    """
    with torch.inference_mode(False):
        return bridge.Managed(load_stylehead(path_of(name), dtype=bridge.precision(precision)))
