"""The identity network: its size is the published file's, and it sees the face alone."""

import pytest
import torch

from stylehead_core.convert import identity as adapter
from stylehead_core.errors import WeightsError
from stylehead_core.networks.identity import Identity, IdentityConfig

SMALL = IdentityConfig(size=32, units=(1, 1, 1, 1), widths=(4, 4, 8, 8), embedding=6)


@pytest.fixture
def network() -> Identity:
    torch.manual_seed(0)
    return Identity(SMALL).eval()


def test_it_has_the_size_of_the_published_file():
    with torch.device("meta"):
        state = Identity().state_dict()
    held = sum(t.numel() * (8 if t.dtype == torch.int64 else 4) for t in state.values())
    assert held == pytest.approx(175_367_323, rel=2e-3)  # the file has names besides


def test_every_tensor_has_one_published_name(network):
    names = adapter.names(SMALL)
    assert set(names.values()) == set(network.state_dict())
    assert len(names) == len(set(names.values()))
    assert {"input_layer.0.weight", "body.3.res_layer.5.fc1.weight", "output_layer.3.bias"} <= set(names)


def test_there_and_back_is_the_same(network):
    state = network.state_dict()
    back = adapter.from_official(adapter.to_official(state, SMALL), SMALL)
    assert back.keys() == state.keys()
    assert all(torch.equal(back[name], state[name]) for name in state)


def test_a_file_that_lacks_a_tensor_is_refused(network):
    official = adapter.to_official(network.state_dict(), SMALL)
    del official["output_layer.3.bias"]
    with pytest.raises(WeightsError, match=r"output_layer\.3\.bias"):
        adapter.from_official(official, SMALL)


def test_embeddings_are_unit_vectors_of_the_face_alone(network):
    picture = torch.rand(2, 3, 256, 256, generator=torch.Generator().manual_seed(1)) * 2 - 1
    found = network(picture)
    torch.testing.assert_close(found.norm(dim=-1), torch.ones(2))
    framed = picture.clone()
    framed[..., :30, :] = 1  # above the face
    torch.testing.assert_close(network(framed), found)
    assert not torch.allclose(found[0], found[1], atol=1e-3)
