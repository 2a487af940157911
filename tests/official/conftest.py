"""The official model at full size, converted once from a folder of the recipe's checkpoints."""

import shutil
from contextlib import contextmanager

import numpy as np
import pytest
import recipe
import torch

from stylehead_core import load_stylehead
from stylehead_core.convert import official
from stylehead_core.convert.official import Converted, convert_official
from stylehead_core.model.manifest import sha256_of


def checkpoint_folder(folder, hollow=False):
    """Write the official set as its users have it.

    ``hollow`` files hold zeros that take no room: enough to look at names and shapes.
    """

    def state(name):
        if hollow:
            return {key: torch.zeros(()).expand(shape) for key, shape in recipe.key_table(name)["keys"].items()}
        return recipe.official_state(name)

    def keep(name, value):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        torch.save(value, folder / name)

    keep("StyleGAN_e4e.pth", state("stylegan2"))
    keep("Encoder_e4e.pth", {"encoder": state("e4e_encoder"), "latent_avg": recipe.mean_styles()})
    keep("hfgi.pth", {"aligner": state("hfgi_aligner"), "encoder": state("hfgi_encoder")})
    visual = {f"{part}.{key}": value for part in ("video_warper", "calibrator") for key, value in state(part).items()}
    keep("StyleHEAT_visual.pt", {"net_G_ema": visual})
    keep("audio_warper.pth", {"net_G_ema": state("audio_warper")})
    keep(official.VGG, state("vgg19"))
    keep("interfacegan_directions/age.pt", 0.2 * recipe.normals("edit/age", (1, 512)))
    keep("interfacegan_directions/pose.pt", 0.2 * recipe.normals("edit/pose", (1, 512)))
    components = {
        "mean": 0.1 * recipe.normals("edit/ganspace_mean", (1, 512)),
        "comp": recipe.normals("edit/ganspace_comp", (80, 1, 512)) / 512**0.5,
        "std": 1 + 0.2 * recipe.normals("edit/ganspace_std", (80,)).abs(),
    }
    keep("ffhq_pca.pt", components)
    np.savez(
        folder / "ffhq_PCA.npz",
        X_mean=0.1 * recipe.normals("pca/X_mean", (512,)),
        X_comp=recipe.normals("pca/X_comp", (512, 512)) / 512**0.5,
        X_stdev=1 + 0.2 * recipe.normals("pca/X_stdev", (512,)).abs(),
    )
    return folder


@contextmanager
def published(folder):
    """Name the perceptual network of ``folder`` as if torchvision had published it, and let the converter expect it."""
    own = folder / official.VGG
    name = f"vgg19-{sha256_of(own)[:8]}.pth"
    own.rename(folder / name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(official.OPTIONAL, name, official.OPTIONAL[official.VGG])
        patch.delitem(official.OPTIONAL, official.VGG)
        patch.setattr(official, "VGG", name)
        yield folder


@pytest.fixture(scope="session")
def converted(tmp_path_factory) -> Converted:
    with published(checkpoint_folder(tmp_path_factory.mktemp("official"))) as folder:
        made = convert_official(folder, tmp_path_factory.mktemp("converted") / "styleheat-1024.safetensors")
    shutil.rmtree(folder)  # a gigabyte and a half
    yield made
    made.path.unlink()


@pytest.fixture(scope="session")
def model(converted):
    return load_stylehead(converted.path)


@pytest.fixture
def hollow_folder(tmp_path):
    with published(checkpoint_folder(tmp_path / "official", hollow=True)) as folder:
        yield folder
