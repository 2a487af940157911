"""The sync network: the published layers, unit vectors, and a loss with the right sign."""

import math

import pytest
import torch

from stylehead_core.convert import syncnet as adapter
from stylehead_core.networks.syncnet import SyncNet, SyncNetConfig, sync_loss

SMALL = SyncNetConfig(base=2)


def network(config: SyncNetConfig = SMALL) -> SyncNet:
    torch.manual_seed(0)
    return SyncNet(config).eval()


@pytest.fixture
def mouths() -> torch.Tensor:
    return torch.rand(3, 5, 3, 48, 96, generator=torch.Generator().manual_seed(1)) * 2 - 1


@pytest.fixture
def mel() -> torch.Tensor:
    return torch.rand(3, 80, 16, generator=torch.Generator().manual_seed(2)) * 8 - 4


def test_a_window_becomes_a_unit_vector_of_sixteen_bases(mouths, mel):
    for embedding in (network().embed_mouths(mouths), network().embed_sound(mel)):
        assert embedding.shape == (3, 32)
        torch.testing.assert_close(embedding.norm(dim=-1), torch.ones(3))
    assert SyncNetConfig().embedding == 512


def test_it_has_the_size_of_the_published_file():
    with torch.device("meta"):
        net = SyncNet()
    learnt = sum(p.numel() for p in net.parameters())
    held = sum(t.numel() * (8 if t.dtype == torch.int64 else 4) for t in net.state_dict().values())
    assert held + 8 * learnt == pytest.approx(197_357_631, rel=2e-3)  # with both of Adam's moments


def test_every_tensor_has_one_published_name_there_and_back():
    state = network().state_dict()
    official = adapter.to_official(state)
    assert {"face_encoder.0.conv_block.0.weight", "audio_encoder.13.conv_block.1.running_mean"} <= set(official)
    back = adapter.from_official(official)
    assert back.keys() == state.keys()
    assert all(torch.equal(back[name], state[name]) for name in state)


def test_the_cosine_is_that_of_the_embeddings_and_never_negative(mouths, mel):
    net = network()
    found = net(mouths, mel)
    torch.testing.assert_close(
        found, torch.nn.functional.cosine_similarity(net.embed_mouths(mouths), net.embed_sound(mel))
    )
    assert (found >= 0).all()


def test_the_published_network_sees_blue_first_in_zero_to_one(mouths):
    rgb, bgr = network(), network(SyncNetConfig(base=2, colours="bgr unit"))
    torch.testing.assert_close(bgr.embed_mouths(mouths), rgb.embed_mouths((mouths.flip(2) + 1) / 2))


def test_the_loss_is_minus_the_logarithm_of_the_probability():
    assert float(sync_loss(torch.tensor([0.25]))) == pytest.approx(math.log(4))
    assert float(sync_loss(torch.tensor([0.25]), 0.0)) == pytest.approx(math.log(4 / 3))
    assert torch.isfinite(sync_loss(torch.tensor([0.0, 1.0, -1.0])))


def test_belonging_together_pulls_the_cosine_up():
    cosine = torch.tensor([0.5], requires_grad=True)
    sync_loss(cosine).backward()
    assert cosine.grad is not None
    assert cosine.grad.item() < 0
