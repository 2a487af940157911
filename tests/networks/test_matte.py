"""A matte network says for every pixel whether it is the person, and is told where the face is."""

import pytest
import torch

from stylehead_core.errors import ConfigError
from stylehead_core.networks.matte import MatteNetwork, MatteNetworkConfig

CONFIG = MatteNetworkConfig(size=32, widths=(4, 8, 8))


@pytest.fixture
def network():
    torch.manual_seed(0)
    return MatteNetwork(CONFIG).requires_grad_(False)


def test_the_matte_has_the_size_of_the_picture(network):
    assert network(torch.zeros(2, 3, 32, 32), torch.zeros(2, 1, 32, 32)).shape == (2, 1, 32, 32)


def test_it_sees_the_picture_and_the_face(network):
    picture, face = torch.rand(1, 3, 32, 32), torch.zeros(1, 1, 32, 32)
    before = network(picture, face)
    assert not torch.allclose(network(picture.flip(-1), face), before)
    assert not torch.allclose(network(picture, face + 1), before)


def test_it_can_learn_to_cut_out_a_bright_square(network):
    network.requires_grad_(True)
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-2)
    rng = torch.Generator().manual_seed(0)
    for _ in range(60):
        x, y = torch.randint(0, 20, (2,), generator=rng).tolist()
        picture, wanted = torch.full((1, 3, 32, 32), -0.5), torch.zeros(1, 1, 32, 32)
        picture[..., y : y + 12, x : x + 12], wanted[..., y : y + 12, x : x + 12] = 0.5, 1
        logits = network(picture, torch.zeros(1, 1, 32, 32))
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, wanted)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert ((logits > 0) == (wanted > 0.5)).float().mean() > 0.95


def test_a_size_that_cannot_be_halved_so_often_is_refused():
    with pytest.raises(ConfigError, match="cannot be folded"):
        MatteNetworkConfig(size=40)
