"""Weights and inputs that anyone can make again from a name and a shape: the other half of every parity fixture.

A fixture holds what the official networks gave for these weights. A tensor's values are standard normals seeded by
the sha256 of its name, then scaled as its line in the key table says.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

REFERENCE = Path(__file__).parent / "reference"

BLUR = np.outer((1, 3, 3, 1), (1, 3, 3, 1)).astype(np.float32) / 64  # sums to 1
LPIPS_SHIFT, LPIPS_SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)


def normals(name: str, shape: Iterable[int]) -> Tensor:
    """Standard normals (``shape``) that only ``name`` decides."""
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest(), "little")
    rng = np.random.Generator(np.random.PCG64(seed))
    shape = tuple(shape)
    return torch.from_numpy(rng.standard_normal(int(np.prod(shape)), dtype=np.float32).reshape(shape))


@cache
def key_table(name: str) -> dict:
    """The names, shapes and fill rules of one official network: ``keys``, ``fill``, ``int64`` and ``_meta``."""
    return json.loads((REFERENCE / "keys" / f"keys_{name}.json").read_text())


def official_state(name: str, *, only: Iterable[str] = ()) -> dict[str, Tensor]:
    """The recipe's state dict of the official network whose key table is ``name``.

    Args:
        name: ``stylegan2``, ``e4e_encoder``, ``hfgi_aligner``, ``hfgi_encoder``, ``video_warper``, ``audio_warper``,
            ``calibrator``, ``deep3d_net_recon``, ``discriminator256``, ``vgg19`` or ``lpips_alex``.
        only: beginnings of the keys that are wanted; none = all.
    """
    table = key_table(name)
    namespace, wanted = table["_meta"]["namespace"], tuple(only)
    return {
        key: _fill(namespace, key, tuple(shape), *table["fill"][key], integer=key in table["int64"])
        for key, shape in table["keys"].items()
        if not wanted or key.startswith(wanted)
    }


def _fill(
    namespace: str, key: str, shape: tuple[int, ...], kind: str, mean: float, std: float, *, integer: bool
) -> Tensor:
    if kind == "keep":
        return _real_value(namespace, key)
    if kind == "zeros":
        return torch.zeros(shape, dtype=torch.int64 if integer else torch.float32)
    values = normals(f"{namespace}/{key}", shape).numpy()
    if kind == "absnormal":
        values = np.abs(values)
    return torch.from_numpy(np.asarray(np.float32(mean) + np.float32(std) * values, dtype=np.float32))


def _real_value(namespace: str, key: str) -> Tensor:
    if key.startswith("net."):
        return torch.tensor(LPIPS_SHIFT if key == "net.mean" else LPIPS_SCALE).view(1, 3, 1, 1)
    grows = namespace == "stylegan2"  # its filters make up for the zeros between the pixels
    return torch.from_numpy(BLUR * np.float32(4 if grows else 1))


def filled(network: Callable[[], nn.Module], state: Mapping[str, Tensor]) -> nn.Module:
    """``network()`` with the weights ``state``, in eval mode and without gradients. No time goes into first weights."""
    with torch.device("meta"):
        built = network()
    built.load_state_dict(state, assign=True)
    return built.eval().requires_grad_(False)


def mean_styles() -> Tensor:
    """The recipe's ``latent_avg`` (18 512), which the official encoder file keeps beside the network."""
    return normals("e4e_encoder/latent_avg", (18, 512)) * 0.5


def given(name: str, shape: Iterable[int], scale: float = 1.0) -> Tensor:
    """The fixtures' input called ``name``."""
    return normals(f"input/{name}", shape) * scale


def picture_u8(name: str, size: int) -> np.ndarray:
    """A test picture (3 size size), uint8: coloured waves, an oval with two eyes and a mouth, a little noise."""
    down, right = np.meshgrid(*[(np.arange(size) + 0.5) / size] * 2, indexing="ij")
    phase = normals(f"image/{name}", (8,)).numpy().astype(np.float64)

    def soft_oval(x: float, y: float, width: float, height: float, edge: float) -> np.ndarray:
        inside = ((right - x) / width) ** 2 + ((down - y) / height) ** 2
        return 1 / (1 + np.exp(np.minimum((inside - 1) * edge, 60)))

    picture = np.stack(
        [
            110
            + 50 * np.sin(2 * np.pi * (1.3 * right + 0.7 * down) + phase[c])
            + 25 * np.cos(2 * np.pi * (2.1 * down - 0.9 * right) + phase[3 + c])
            for c in range(3)
        ]
    )

    def paint(mask: np.ndarray, colour: np.ndarray) -> None:
        picture[:] = picture * (1 - mask) + colour * mask

    tint = 10.0 * np.arange(3)[:, None, None]
    paint(soft_oval(0.5, 0.52, 0.27, 0.36, 12), np.array([205, 160, 135])[:, None, None] + 20 * (right - 0.5))
    paint(soft_oval(0.40, 0.45, 0.035, 0.035, 6), 40 + tint)
    paint(soft_oval(0.60, 0.45, 0.035, 0.035, 6), 40 + tint)
    paint(soft_oval(0.5, 0.70, 0.06 * 1.6, 0.06 * 0.5, 6), 120 + tint)
    picture += 6 * normals(f"imagenoise/{name}", (3, size, size)).numpy().astype(np.float64)
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


def picture(name: str, size: int) -> Tensor:
    """The same picture as (1 3 size size) in [-1, 1]."""
    values = picture_u8(name, size).astype(np.float32) / np.float32(255)
    return torch.from_numpy((values - np.float32(0.5)) / np.float32(0.5))[None]


def fixture(name: str) -> dict[str, Tensor]:
    """What the official networks gave: the arrays of ``reference/fixtures/<name>.npz``."""
    with np.load(REFERENCE / "fixtures" / f"{name}.npz") as arrays:
        return {key: torch.from_numpy(arrays[key]) for key in arrays.files}


def assert_close(found: Tensor, expected: Tensor, tolerance: float = 1e-4, *, std: float | None = None) -> None:
    """The largest difference is at most ``tolerance`` standard deviations of ``expected``.

    Args:
        found: what our network gives, in full. It is thinned as the fixture is (every n-th entry of each axis).
        expected: an array of a fixture.
        tolerance: 1e-4 for a network, 1e-3 for what comes after a warp and for whole frames.
        std: of the full array, where ``expected`` is too small a part of it.
    """
    for axis, (full, kept) in enumerate(zip(found.shape, expected.shape, strict=True)):
        if full != kept:
            assert full % kept == 0, f"{tuple(found.shape)} is not thinned to {tuple(expected.shape)}"
            found = found[(slice(None),) * axis + (slice(None, None, full // kept),)]
    error = (found.double() - expected.double()).abs().max().item() / (std or expected.double().std().item())
    assert error <= tolerance, f"off by {error:.2e} standard deviations, {tolerance:.0e} allowed"


def central_crop(picture: Tensor, size: int = 64) -> Tensor:
    """The middle ``size`` x ``size`` pixels, which a fixture keeps as ``<name>__crop``."""
    top, left = ((n - size) // 2 for n in picture.shape[-2:])
    return picture[..., top : top + size, left : left + size]
