"""Conversion of a folder of official StyleHEAT checkpoints to one model file.

The checkpoints are pickles; they are read with ``weights_only``, which refuses everything but tensors.
"""

import os
import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import WeightsError
from ..model.config import DirectionConfig, StyleHeadConfig
from ..model.files import fill, save_stylehead
from ..model.manifest import as_published
from ..model.presets import styleheat_1024
from ..networks.morphable_model import MorphableModel
from . import calibrator, coefficients, encoder, generator, gestures, hfgi, motion, vgg

__all__ = ["NOTICE", "Converted", "convert_official", "load_tensors"]

NOTICE = """\
For research and evaluation only. This file is made of the official StyleHEAT checkpoints, and what they are made of
sets the terms:
  - the StyleGAN2 generator is under the NVIDIA Source Code License-NC: no commercial use;
  - the motion networks come from PIRenderer: CC BY-NC 4.0;
  - the motion coefficients are those of the Basel Face Model: academic use, with registration, no redistribution;
  - HFGI's networks were published without a licence; e4e's and Deep3DFaceRecon's code is MIT.
Do not pass this file on."""

GENERATOR, ENCODER, HFGI, MOTION = "StyleGAN_e4e.pth", "Encoder_e4e.pth", "hfgi.pth", "StyleHEAT_visual.pt"
AUDIO, DEEP3D, STANDARD_FACE = "audio_warper.pth", "epoch_20.pth", "similarity_Lm3D_all.mat"
AGE, POSE, GANSPACE = "age.pt", "pose.pt", "ffhq_pca.pt"
STYLE_STATISTICS, VGG = "ffhq_PCA.npz", "vgg19-dcbb9e9d.pth"
FACE_MODEL, KEY_EXPRESSIONS = "BFM_model_front.mat", "expression.pth"

REQUIRED = (GENERATOR, ENCODER, HFGI, MOTION)
OPTIONAL = {
    AUDIO: "motion from sound",
    DEEP3D: "measuring motion in videos",
    STANDARD_FACE: "measuring motion in videos",
    AGE: "the attributes young and old",
    POSE: "the attribute pose",
    GANSPACE: "the attributes beard and lip",
    STYLE_STATISTICS: "keeping optimised styles plausible",
    VGG: "the perceptual loss of optimisation (torchvision publishes it)",
    FACE_MODEL: "sliders of the face: smile, jaw, brows, blink, pucker",
    KEY_EXPRESSIONS: "the expressions of the paper's intuitive editing (docs/demo/intuitive_edit of its repository)",
}

SHIFTS = {"old": (AGE, 5.0), "young": (AGE, -5.0), "pose": (POSE, 2.0)}  # file, multiple of the direction at strength 1
COMPONENTS = {"beard": (58, slice(7, 9), -20.0), "lip": (34, slice(10, 11), 20.0)}  # component, style rows, goal


@dataclass(frozen=True, kw_only=True)
class Converted:
    """Result of a conversion."""

    path: Path
    config: StyleHeadConfig
    absent: dict[str, str]  # missing optional files, and what they are for


def convert_official(folder: str | os.PathLike, output: str | os.PathLike) -> Converted:
    """Read the official checkpoints in ``folder`` and its subfolders, and write one model file.

    Raises:
        WeightsError: files or tensors are missing, unknown, of another shape or not finite. The message lists all
            problems, and nothing is written.
    """
    files = _find(Path(folder))
    problems: list[str] = []

    def part(read: Callable[[], dict[str, Tensor]]) -> dict[str, Tensor]:
        try:
            return read()
        except WeightsError as error:
            problems.append(str(error))
            return {}

    state = {
        **part(lambda: _add_prefix("generator", generator.from_official(_tensors(_load(files[GENERATOR]), GENERATOR)))),
        **part(lambda: _encoder(files[ENCODER])),
        **part(lambda: _hfgi(files[HFGI])),
        **part(lambda: _motion(files[MOTION])),
    }
    if AUDIO in files:
        state |= part(lambda: motion.from_official(_entry(_load(files[AUDIO]), "net_G_ema", AUDIO)))
    measures = DEEP3D in files and STANDARD_FACE in files
    if measures:
        state |= part(lambda: _coefficients(files[DEEP3D], files[STANDARD_FACE]))
    if VGG in files:
        state |= part(lambda: _perceptual(files[VGG]))
    if STYLE_STATISTICS in files:
        state |= part(lambda: _style_statistics(files[STYLE_STATISTICS]))
    if FACE_MODEL in files:
        state |= part(lambda: _gestures(files[FACE_MODEL]))
    if KEY_EXPRESSIONS in files:
        state |= part(lambda: _key_expressions(files[KEY_EXPRESSIONS]))
    configs, directions = _directions(files, part)
    state |= directions
    if problems:
        raise WeightsError("\n\n".join(problems))
    config = styleheat_1024(
        audio=AUDIO in files,
        coefficients=measures,
        perceptual=VGG in files,
        style_prior=STYLE_STATISTICS in files,
        directions=configs,
        gestures=tuple(gestures.GESTURES) if FACE_MODEL in files else (),
        key_expressions=KEY_EXPRESSIONS in files,
        notice=NOTICE,
    )
    model = fill(config, state, f"The folder {folder}").float()
    if broken := [name for name, tensor in model.state_dict().items() if not torch.isfinite(tensor).all()]:
        raise WeightsError(f"The official weights hold values that are no numbers, in {', '.join(broken)}.")
    save_stylehead(model, output, recipe="stylehead convert, from the official checkpoints")
    return Converted(
        path=Path(output),
        config=config,
        absent={name: purpose for name, purpose in OPTIONAL.items() if name not in files},
    )


def _find(folder: Path) -> dict[str, Path]:
    """Known files in ``folder`` by name; of files with the same name, the one in the uppermost folder."""
    if not folder.is_dir():
        raise WeightsError(f"{folder} is no folder. Give the one with the official checkpoints.")
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob("*"), key=lambda path: (len(path.parts), path)):
        if path.name in (*REQUIRED, *OPTIONAL) and path.is_file():
            found.setdefault(path.name, path)
    if missing := [name for name in REQUIRED if name not in found]:
        raise WeightsError(
            f"The official set in {folder} is not complete.\n"
            f"  missing  {', '.join(missing)}\n"
            f"  found    {', '.join(found) or 'none of its files'}\n"
            "The README says where they are published."
        )
    return found


def _load(path: Path) -> Any:
    """Load a checkpoint of tensors only; anything that would run code is refused."""
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise WeightsError(
            f"{path} holds more than tensors, and opening that could run code; it was not opened.\n"
            f"  {str(error).splitlines()[0]}"
        ) from error
    except Exception as error:  # broken archives raise many kinds
        raise WeightsError(f"{path} cannot be read: {error}. It may be cut short.") from error


def _tensors(value: Any, where: str) -> dict[str, Tensor]:
    """Check that ``value`` is a state dict, and return it."""
    if not isinstance(value, Mapping) or not all(isinstance(tensor, Tensor) for tensor in value.values()):
        raise WeightsError(f"{where}: expected tensors by name, found {_describe(value)}.")
    return {str(name): tensor for name, tensor in value.items()}


def load_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a published state dict by name.

    Raises:
        WeightsError: the file is missing, damaged or holds anything else.
    """
    return _tensors(_load(path), str(path))


def _entry(value: Any, name: str, where: str) -> dict[str, Tensor]:
    """State dict in the entry ``name`` of a checkpoint."""
    if not isinstance(value, Mapping) or name not in value:
        raise WeightsError(f"{where}: expected an entry {name!r}, found {_describe(value)}.")
    return _tensors(value[name], f"{where}, {name!r}")


def _tensor(value: Any, where: str, *shapes: tuple[int, ...]) -> Tensor:
    """Check that ``value`` is a tensor of one of ``shapes``, and return it as float32."""
    if not isinstance(value, Tensor) or tuple(value.shape) not in shapes:
        found = tuple(value.shape) if isinstance(value, Tensor) else _describe(value)
        raise WeightsError(f"{where}: expected a tensor {' or '.join(map(str, shapes))}, found {found}.")
    return value.float()


def _describe(value: Any) -> str:
    """Short description of ``value`` for an error message."""
    if isinstance(value, Mapping):
        names = sorted(map(str, value))
        return f"{len(names)} entries: {', '.join(names[:8])}" + (", ..." if len(names) > 8 else "")
    return f"a {type(value).__name__}"


def _add_prefix(prefix: str, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {f"{prefix}.{name}": tensor for name, tensor in state.items()}


def _encoder(path: Path) -> dict[str, Tensor]:
    checkpoint = _load(path)
    state = _entry(checkpoint, "encoder", ENCODER)
    mean = _tensor(checkpoint.get("latent_avg"), f"{ENCODER}, 'latent_avg'", (18, 512), (1, 512), (512,))
    return _add_prefix("encoder", encoder.from_official(state, mean))


def _hfgi(path: Path) -> dict[str, Tensor]:
    checkpoint = _load(path)
    return {
        **_add_prefix("aligner", hfgi.aligner_from_official(_entry(checkpoint, "aligner", HFGI))),
        **_add_prefix("consultation", hfgi.consultation_from_official(_entry(checkpoint, "encoder", HFGI))),
    }


def _motion(path: Path) -> dict[str, Tensor]:
    state = _entry(_load(path), "net_G_ema", MOTION)
    video, calibration, others = {}, {}, []
    for name, tensor in state.items():
        first, _, rest = name.partition(".")
        if first == "video_warper":
            video[rest] = tensor
        elif first == "calibrator":
            calibration[rest] = tensor
        else:
            others.append(name)
    if others:
        listed = "\n".join(f"    {name}" for name in sorted(others))
        raise WeightsError(f"{MOTION} holds tensors of neither motion generator nor calibrator:\n{listed}")
    return {
        **motion.from_official(video),
        **_add_prefix("calibrator", calibrator.from_official(calibration, acting_only=True)),
    }


def _perceptual(path: Path) -> dict[str, Tensor]:
    state = _tensors(_load(as_published(path)), path.name)
    return _add_prefix("perceptual", vgg.from_official(state))


def _coefficients(network: Path, standard_face: Path) -> dict[str, Tensor]:
    from scipy.io import loadmat  # imported here, since only official checkpoints need it

    from ..ops.deep3d_align import five_points

    state = coefficients.from_official(_entry(_load(network), "net_recon", DEEP3D))
    try:
        landmarks = loadmat(standard_face).get("lm")
    except Exception as error:  # broken archives raise many kinds
        raise WeightsError(f"{standard_face} cannot be read: {error}.") from error
    landmarks = torch.as_tensor(np.asarray(landmarks, dtype=np.float32)) if landmarks is not None else None
    points = five_points(_tensor(landmarks, f"{STANDARD_FACE}, 'lm'", (68, 3)))
    return {**_add_prefix("coefficients", state), "face_points": points}


def _gestures(path: Path) -> dict[str, Tensor]:
    from scipy.io import loadmat  # imported here, since only official checkpoints need it

    try:
        arrays = {
            name: torch.as_tensor(np.asarray(array, dtype=np.float32))
            for name, array in loadmat(path).items()
            if not name.startswith("__")
        }
    except Exception as error:  # broken archives raise many kinds
        raise WeightsError(f"{path} cannot be read: {error}.") from error
    solved = gestures.solve_gestures(MorphableModel.from_arrays(arrays))
    return {f"gestures.{name}": values for name, values in solved.items()}


def _key_expressions(path: Path) -> dict[str, Tensor]:
    return {"key_expressions": gestures.key_expressions_from_official(_load(path), KEY_EXPRESSIONS)}


def _style_statistics(path: Path) -> dict[str, Tensor]:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            found = {name: torch.from_numpy(arrays[name]) for name in arrays.files}
    except Exception as error:  # broken archives raise many kinds
        raise WeightsError(f"{path} cannot be read: {error}.") from error
    return {
        "style_prior.mean": _tensor(found.get("X_mean"), f"{STYLE_STATISTICS}, 'X_mean'", (512,), (1, 512)).flatten(),
        "style_prior.components": _tensor(found.get("X_comp"), f"{STYLE_STATISTICS}, 'X_comp'", (512, 512)),
        "style_prior.deviation": _tensor(found.get("X_stdev"), f"{STYLE_STATISTICS}, 'X_stdev'", (512,)),
    }


def _directions(
    files: Mapping[str, Path], part: Callable[[Callable[[], dict[str, Tensor]]], dict[str, Tensor]]
) -> tuple[list[DirectionConfig], dict[str, Tensor]]:
    """Configs and tensors of the attributes whose files are present. Source: SPEC section 9."""
    configs, state = [], {}
    for name, (file, factor) in SHIFTS.items():
        if file in files:
            configs.append(DirectionConfig(name=name))
            state |= part(lambda name=name, file=file, factor=factor: _shift(name, files[file], factor))
    if GANSPACE in files:
        configs += [
            DirectionConfig(name=name, target="coordinate", goal=goal) for name, (_, _, goal) in COMPONENTS.items()
        ]
        state |= part(lambda: _components(files[GANSPACE]))
    return configs, state


def _shift(name: str, path: Path, factor: float) -> dict[str, Tensor]:
    direction = _tensor(_load(path), path.name, (512,), (1, 512), (18, 512), (1, 18, 512))
    return {f"directions.{name}.direction": factor * direction.reshape(-1, 512).expand(18, 512).clone()}


def _components(path: Path) -> dict[str, Tensor]:
    checkpoint = _load(path)
    if not isinstance(checkpoint, Mapping):
        raise WeightsError(f"{GANSPACE}: expected the entries 'mean', 'comp' and 'std', found {_describe(checkpoint)}.")
    mean = _tensor(checkpoint.get("mean"), f"{GANSPACE}, 'mean'", (1, 512), (512,)).flatten()
    axes = _tensor(checkpoint.get("comp"), f"{GANSPACE}, 'comp'", (80, 1, 512), (80, 512)).reshape(80, 512)
    deviations = _tensor(checkpoint.get("std"), f"{GANSPACE}, 'std'", (80,), (80, 1)).flatten()
    state = {}
    for name, (number, rows, _) in COMPONENTS.items():
        direction = torch.zeros(18, 512)
        direction[rows] = axes[number] * deviations[number]
        state[f"directions.{name}.direction"] = direction
        state[f"directions.{name}.mean"] = mean.clone()
        state[f"directions.{name}.axis"] = axes[number] / deviations[number]
    return state
