"""Loads the networks of the metrics: a file that is named is loaded or refused, others stay missing."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from ..config_json import from_json
from ..convert import identity as identity_adapter
from ..convert import lpips as lpips_adapter
from ..convert import syncnet as syncnet_adapter
from ..errors import WeightsError
from ..landmarker.files import find_landmarker, load_landmarker
from ..model.manifest import as_published
from ..model.stylehead import StyleHead
from ..networks.identity import Identity
from ..networks.inception import Inception
from ..networks.lpips import Lpips
from ..networks.syncnet import SYNC_KIND, SyncNet, SyncNetConfig
from ..tensor_files import check_state, read_plain, read_tensors
from .load_identity_network import EMBEDDED, IdentityOfHeads, load_features
from .metric_networks import MetricNetworks, follow_landmarks, track_in_bfm
from .sync_embeddings import sync_embeddings

__all__ = ["find_metric_files", "load_identity", "load_inception", "load_lpips", "load_metric_networks", "load_syncnet"]

BACKBONE, HEADS = "alexnet-owt-7be5be79.pth", "alex.pth"
ARCFACE, INCEPTION = "model_ir_se50.pth", "pt_inception-2015-12-05-6726825d.pth"
EXPERT, OWN_EXPERT = "lipsync_expert.pth", "sync.safetensors"


def load_metric_networks(
    *,
    landmarker: str | Path | None = None,
    lpips: str | Path | None = None,
    identity: str | Path | None = None,
    features: str | Path | None = None,
    sync: str | Path | None = None,
    model: StyleHead | None = None,
    device: torch.device | str = "cpu",
) -> MetricNetworks:
    """Load the networks whose files are given, and those of the pack.

    Args:
        landmarker: the face landmarker's file; None looks for an installed one, and goes on without if there is none.
        lpips: see ``load_lpips``.
        identity: see ``load_identity``.
        features: see ``load_inception``.
        sync: see ``load_syncnet``.
        model: the model that drew the clip; where it measures ``bfm`` coefficients, AED and APD are in them.
        device: where the networks run.

    Raises:
        WeightsError: a file that was named is missing or of another kind.
    """
    metric_networks = MetricNetworks()
    if EMBEDDED.is_file():
        metric_networks = replace(metric_networks, likeness=IdentityOfHeads(load_features(device=device)))
    if landmarker is not None or find_landmarker() is not None:
        metric_networks = replace(metric_networks, track=partial(follow_landmarks, load_landmarker(landmarker, device)))
    if model is not None and model.coefficients is not None and metric_networks.track is not None:
        metric_networks = replace(metric_networks, track=partial(track_in_bfm, metric_networks.track, model))
    if lpips is not None:
        metric_networks = replace(metric_networks, perceptual=load_lpips(lpips).to(device))
    if identity is not None:
        metric_networks = replace(metric_networks, identity=load_identity(identity).to(device))
    if features is not None:
        metric_networks = replace(metric_networks, features=load_inception(features).to(device))
    if sync is not None:
        metric_networks = replace(metric_networks, sync=partial(sync_embeddings, load_syncnet(sync).to(device)))
    return metric_networks


def find_metric_files(folder: str | Path) -> dict[str, Path]:
    """The published files that lie in ``folder``, as arguments of ``load_metric_networks``."""
    folder = Path(folder)
    files = {
        "lpips": (folder, (folder / BACKBONE, folder / HEADS)),
        "identity": (folder / ARCFACE, (folder / ARCFACE,)),
        "features": (folder / INCEPTION, (folder / INCEPTION,)),
        "sync": (folder / EXPERT, (folder / EXPERT,)),
    }
    found = {name: path for name, (path, needed) in files.items() if all(file.is_file() for file in needed)}
    if (folder / OWN_EXPERT).is_file():
        found["sync"] = folder / OWN_EXPERT
    return found


def load_lpips(folder: str | Path) -> Lpips:
    """LPIPS with AlexNet, from a folder with torchvision's and the LPIPS authors' files as they publish them.

    The folder holds ``alexnet-owt-7be5be79.pth`` (torchvision) and ``alex.pth`` (lpips/weights/v0.1).
    """
    backbone, heads = _read(as_published(Path(folder) / BACKBONE)), _read(Path(folder) / HEADS)
    official = {k.replace("features.", "net.layers."): v for k, v in backbone.items() if k.startswith("features.")}
    official |= {k.replace("lin", "lin.", 1).replace(".model.", "."): v for k, v in heads.items()}
    network = Lpips().eval().requires_grad_(False)
    network.load_state_dict(lpips_adapter.from_official(official))
    return network


def load_identity(path: str | Path) -> Identity:
    """ArcFace IR-SE-50 from ``model_ir_se50.pth``, which is part of StyleHEAT's official set."""
    network = Identity().eval().requires_grad_(False)
    network.load_state_dict(identity_adapter.from_official(_read(Path(path))))
    return network


def load_inception(path: str | Path) -> Inception:
    """Inception with FID's weights, ``pt_inception-2015-12-05-6726825d.pth`` of the pytorch-fid project."""
    network = Inception().eval().requires_grad_(False)
    own = network.state_dict()
    found = {name: tensor for name, tensor in _read(Path(path)).items() if not name.startswith(("fc.", "AuxLogits."))}
    uncounted = {name: own[name] for name in own if name.endswith("num_batches_tracked") and name not in found}
    check_state(_shapes(own), _shapes({**uncounted, **found}), str(path))
    network.load_state_dict({**uncounted, **found})
    return network


def load_syncnet(path: str | Path) -> SyncNet:
    """A sync network of ours (safetensors), or Wav2Lip's published ``lipsync_expert.pth``."""
    path = Path(path)
    if path.suffix == ".safetensors":
        about, state = read_tensors(path, SYNC_KIND)
        network = SyncNet(from_json(SyncNetConfig, about["config"]))
        check_state(_shapes(network.state_dict()), _shapes(state), str(path))
    else:
        network = SyncNet(SyncNetConfig(colours="bgr unit"))
        state = syncnet_adapter.from_official(_read(path, inside="state_dict"))
    network.load_state_dict(state)
    return network.eval().requires_grad_(False)


def _shapes(state: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in state.items()}


def _read(path: Path, inside: str | None = None) -> Mapping[str, Tensor]:
    """The tensors of a published checkpoint, or of a part of it, or of a safetensors file; nothing is executed."""
    if not path.is_file():
        raise WeightsError(
            f"The weights of a metric's network are not there: {path}. Get the published file, or leave it out."
        )
    if path.suffix == ".safetensors":
        return read_plain(path)
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch has no single error for a broken or unsafe file
        raise WeightsError(f"{path} cannot be read as a file of tensors alone: {error}") from error
    found = found.get(inside) if inside and isinstance(found, dict) else found
    if not isinstance(found, dict) or not all(isinstance(value, Tensor) for value in found.values()):
        raise WeightsError(f"{path} holds no list of tensors. Expected a published state dict.")
    return found
