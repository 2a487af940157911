"""With the recipe's weights the networks that judge pictures judge as the official ones do."""

import pytest
import recipe
import torch
import torch.nn.functional as F

from stylehead_core.convert import discriminator as discriminator_adapter
from stylehead_core.convert import lpips as lpips_adapter
from stylehead_core.convert import vgg as vgg_adapter
from stylehead_core.networks.discriminator import Discriminator
from stylehead_core.networks.lpips import Lpips
from stylehead_core.networks.vgg import Vgg, perceptual_loss


@pytest.fixture(scope="module")
def expected():
    return recipe.fixture("losses")


@pytest.fixture(scope="module")
def pictures():
    return recipe.picture("src", 256), recipe.picture("tgt", 256)


@pytest.fixture(scope="module")
def vgg():
    return recipe.filled(Vgg, vgg_adapter.from_official(recipe.official_state("vgg19")))


def test_the_taps_of_vgg_are_the_official_ones(vgg, pictures, expected):
    for i, tap in enumerate(vgg(pictures[0]), start=1):
        recipe.assert_close(tap, expected[f"vgg/relu_{i}_1"])


def test_the_perceptual_loss_is_the_official_one(vgg, pictures, expected):
    for name, settings in {
        "perceptual_plain": {},
        "perceptual_plain_1scale": {"scales": 1},
        "perceptual_style": {"style": 250.0},
    }.items():
        torch.testing.assert_close(perceptual_loss(vgg, *pictures, **settings)[None], expected[name], rtol=1e-4, atol=0)


def test_lpips_is_the_official_one(pictures, expected):
    lpips = recipe.filled(Lpips, lpips_adapter.from_official(recipe.official_state("lpips_alex")))
    torch.testing.assert_close(lpips(*pictures), expected["lpips_alex"], rtol=1e-4, atol=0)


def test_the_discriminator_is_the_official_one(pictures, expected):
    state = discriminator_adapter.from_official(recipe.official_state("discriminator256"))
    discriminator = recipe.filled(Discriminator, state)
    logits = discriminator(torch.cat([*pictures, *(picture.flip(-1) for picture in pictures)]))
    recipe.assert_close(logits, expected["disc_logits_4"])
    # The official generator loss has the sign of the discriminator's: it asks for less real-looking pictures.
    shipped = 0.1 * F.softplus(logits).mean()
    torch.testing.assert_close(shipped[None], expected["wgan_softplus_0.1_as_shipped"], rtol=1e-4, atol=0)
