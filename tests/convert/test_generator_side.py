"""Official state dicts become ours and ours become official, every tensor of them, in the right shape."""

import pytest
import recipe
import torch

from stylehead_core.convert import discriminator, encoder, generator, hfgi, lpips, vgg
from stylehead_core.errors import WeightsError
from stylehead_core.networks.aligner import Aligner, AlignerConfig
from stylehead_core.networks.consultation import Consultation, ConsultationConfig
from stylehead_core.networks.discriminator import Discriminator, DiscriminatorConfig
from stylehead_core.networks.encoder import Encoder, EncoderConfig
from stylehead_core.networks.generator import Generator, GeneratorConfig
from stylehead_core.networks.lpips import Lpips
from stylehead_core.networks.vgg import Vgg, VggConfig


def encoder_from_official(state, *config):
    return encoder.from_official(state, torch.empty(18, 512, device="meta"), *config)


def encoder_to_official(state, *config):
    return encoder.to_official(state, *config)[0]


NETWORKS = {
    "stylegan2": (Generator, generator.from_official, generator.to_official),
    "e4e_encoder": (Encoder, encoder_from_official, encoder_to_official),
    "hfgi_aligner": (Aligner, hfgi.aligner_from_official, hfgi.aligner_to_official),
    "hfgi_encoder": (Consultation, hfgi.consultation_from_official, hfgi.consultation_to_official),
    "discriminator256": (Discriminator, discriminator.from_official, discriminator.to_official),
    "vgg19": (Vgg, vgg.from_official, vgg.to_official),
    "lpips_alex": (Lpips, lpips.from_official, lpips.to_official),
}

TINY = dict.fromkeys((4, 8, 16, 32, 64), 4)


def shapes(state):
    return {name: list(tensor.shape) for name, tensor in state.items()}


def official_shapes(table):
    """The official tensors without their values."""
    return {name: torch.empty(shape, device="meta") for name, shape in recipe.key_table(table)["keys"].items()}


@pytest.mark.parametrize("table", NETWORKS)
def test_every_official_tensor_finds_its_place(table):
    network, from_official, _ = NETWORKS[table]
    with torch.device("meta"):
        ours = network().state_dict()
    assert shapes(from_official(official_shapes(table))) == shapes(ours)


@pytest.mark.parametrize("table", NETWORKS)
def test_ours_become_the_official_tensors_again(table):
    _, from_official, to_official = NETWORKS[table]
    expected = recipe.key_table(table)["keys"]
    if table == "vgg19":  # what lies above the last tap is not ours to give back
        expected = {name: shape for name, shape in expected.items() if int(name.split(".")[1]) < 30}
    assert shapes(to_official(from_official(official_shapes(table)))) == expected


@pytest.mark.parametrize("table", NETWORKS)
def test_a_missing_and_an_unknown_tensor_are_named(table):
    _, from_official, _ = NETWORKS[table]
    state = official_shapes(table)
    lost = next(name for name in state if name.endswith("weight"))
    state["surprise"] = state.pop(lost)
    with pytest.raises(WeightsError, match=rf"(?s)missing .*{lost}.*unknown .*surprise"):
        from_official(state)


@pytest.mark.parametrize(
    ("network", "from_official", "to_official", "config"),
    [
        (Generator, *NETWORKS["stylegan2"][1:], GeneratorConfig(size=64, style_dim=6, channels=TINY)),
        (Generator, *NETWORKS["stylegan2"][1:], GeneratorConfig(size=64, style_dim=6, channels=TINY, noise=True)),
        (Aligner, *NETWORKS["hfgi_aligner"][1:], AlignerConfig(size=16, widths=(2, 3, 4, 5))),
        (Consultation, *NETWORKS["hfgi_encoder"][1:], ConsultationConfig(widths=(2, 3, 4), feature_channels=6)),
        (Discriminator, *NETWORKS["discriminator256"][1:], DiscriminatorConfig(size=64, channels=TINY)),
        (Vgg, *NETWORKS["vgg19"][1:], VggConfig(widths=(2, 3, 4), convs=(1, 2, 1))),
    ],
)
def test_to_official_and_back_is_the_same_network(network, from_official, to_official, config):
    torch.manual_seed(0)
    state = network(config).state_dict()
    again = from_official(to_official(state, config), config)
    torch.testing.assert_close(again, dict(state), rtol=0, atol=0)


def test_an_encoder_keeps_its_mean_styles_on_the_way():
    config = EncoderConfig(size=32, widths=(2, 3, 4, 5), units=(1, 1, 1, 1), rows=8, style_dim=6)
    torch.manual_seed(0)
    network = Encoder(config)
    network.mean_styles.normal_()
    state = network.state_dict()
    torch.testing.assert_close(encoder.from_official(*encoder.to_official(state, config), config), dict(state))


def test_one_official_mean_style_serves_all_rows():
    state = encoder.from_official(official_shapes("e4e_encoder"), torch.arange(512.0))
    assert torch.equal(state["mean_styles"], torch.arange(512.0).expand(18, 512))


def test_the_official_filters_are_made_again():
    config = GeneratorConfig(size=64, style_dim=6, channels=TINY)
    kernel = generator.to_official(Generator(config).state_dict(), config)["convs.0.conv.blur.kernel"]
    expected = recipe.official_state("stylegan2", only=["convs.0.conv.blur"])["convs.0.conv.blur.kernel"]
    torch.testing.assert_close(kernel, expected)
