"""Laws of encoder, aligner and consultation, on small ones."""

import dataclasses

import pytest
import torch

from stylehead_core.config_json import from_json, to_json
from stylehead_core.errors import ConfigError
from stylehead_core.networks.aligner import Aligner, AlignerConfig
from stylehead_core.networks.consultation import Consultation, ConsultationConfig
from stylehead_core.networks.encoder import Encoder, EncoderConfig

ENCODER = EncoderConfig(size=32, widths=(4, 6, 8, 10), units=(1, 2, 1, 1), rows=8, style_dim=6)
ALIGNER = AlignerConfig(size=32, widths=(4, 6, 8, 10))
CONSULTATION = ConsultationConfig(size=32, widths=(4, 6, 8), feature_channels=5, feature_size=8)


def make(network, config):
    torch.manual_seed(0)
    return network(config).eval().requires_grad_(False)


def pictures(count=2, size=32, seed=1):
    return 2 * torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(seed)) - 1


@pytest.mark.parametrize("size", [32, 64, 128])
def test_an_encoder_of_any_size_gives_one_style_for_each_row(size):
    encoder = make(Encoder, dataclasses.replace(ENCODER, size=size))
    assert encoder(pictures(size=size)).shape == (2, 8, 6)


def test_styles_are_codes_on_top_of_the_mean():
    encoder = make(Encoder, ENCODER)
    encoder.mean_styles.fill_(3)
    torch.testing.assert_close(encoder(pictures()), 3 + encoder.codes(pictures()))


def test_the_first_row_is_part_of_every_row():
    encoder = make(Encoder, ENCODER)
    before = encoder.codes(pictures())
    encoder.heads[0].linear.bias += 1
    torch.testing.assert_close(encoder.codes(pictures()), before + 1)


def test_a_head_reads_its_own_row_and_no_other():
    encoder = make(Encoder, ENCODER)
    before = encoder.codes(pictures())
    encoder.heads[5].linear.bias += 1
    moved = (encoder.codes(pictures()) - before).abs().amax(dim=(0, 2)) > 0
    assert moved.nonzero().flatten().tolist() == [5]


def test_the_aligner_gives_a_residual_of_the_pictures_size():
    aligner = make(Aligner, ALIGNER)
    assert aligner(pictures(), pictures(seed=2)).shape == (2, 3, 32, 32)


@pytest.mark.parametrize(("strides", "feature_size"), [((2, 2), 8), ((1, 2), 16), ((2, 2), 16)])
def test_scale_and_shift_fit_the_feature_map(strides, feature_size):
    config = dataclasses.replace(CONSULTATION, strides=strides, feature_size=feature_size)
    scale, shift = make(Consultation, config)(pictures())
    assert scale.shape == shift.shape == (2, 5, feature_size, feature_size)


@pytest.mark.parametrize(
    ("network", "config", "inputs"), [(Encoder, ENCODER, 1), (Aligner, ALIGNER, 2), (Consultation, CONSULTATION, 1)]
)
def test_a_batch_finds_what_its_members_find_alone(network, config, inputs):
    network = make(network, config)
    together = network(*[pictures(3, seed=i) for i in range(inputs)])
    for member in range(3):
        alone = network(*[pictures(3, seed=i)[member : member + 1] for i in range(inputs)])
        for found, expected in zip(_several(alone), _several(together), strict=True):
            torch.testing.assert_close(found, expected[member : member + 1], rtol=1e-4, atol=1e-5)


def test_every_weight_of_the_inversion_networks_learns():
    encoder, aligner, consultation = (
        make(*network).train().requires_grad_(True)
        for network in ((Encoder, ENCODER), (Aligner, ALIGNER), (Consultation, CONSULTATION))
    )
    scale, shift = consultation(aligner(pictures(), pictures(seed=2)))
    total = encoder(pictures()).square().sum() + scale.square().sum() + shift.square().sum()
    total.backward()
    for network in (encoder, aligner, consultation):
        assert not [name for name, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum()]


@pytest.mark.parametrize(("network", "config"), [(Encoder, ENCODER), (Aligner, ALIGNER), (Consultation, CONSULTATION)])
def test_what_is_saved_is_what_is_loaded(network, config):
    saved = make(network, config)
    again = network(from_json(type(config), to_json(config)))
    again.load_state_dict(saved.state_dict())
    assert again.config == config
    inputs = [pictures(), pictures(seed=2)][: 2 if network is Aligner else 1]
    found, expected = _several(again.eval()(*inputs)), _several(saved(*inputs))
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


@pytest.mark.parametrize(
    ("config", "wrong", "message"),
    [
        (EncoderConfig, {"size": 100}, "power of two from 32 up; found 100"),
        (EncoderConfig, {"units": (3, 4, 0, 3)}, "four stages of at least one channel and unit"),
        (EncoderConfig, {"rows": 6}, "6 style rows cannot be split in 3 coarse, 4 middle"),
        (AlignerConfig, {"size": 100}, "100 pixels is no multiple of 8"),
        (AlignerConfig, {"widths": (1, 2, 3)}, "four widths"),
        (ConsultationConfig, {"strides": (2, 3)}, "two strides, each 1 or 2"),
        (ConsultationConfig, {"size": 30}, "30 pixels cannot be divided"),
        (ConsultationConfig, {"widths": (1, 0, 3)}, "at least 1"),
    ],
)
def test_a_config_that_cannot_work_is_refused(config, wrong, message):
    with pytest.raises(ConfigError, match=message):
        config(**wrong)


def _several(output):
    return output if isinstance(output, tuple) else (output,)
