"""Every official name of the coefficient network has one of ours, and comes back."""

import pytest
import recipe
import torch

from stylehead_core.convert.coefficients import COEFFICIENTS, from_official, to_official
from stylehead_core.errors import WeightsError
from stylehead_core.networks.coefficients import Coefficients


@pytest.fixture
def official() -> dict[str, torch.Tensor]:
    shapes = recipe.key_table("deep3d_net_recon")["keys"]
    return {key: torch.empty(shape, device="meta") for key, shape in shapes.items()}


def shapes(state: dict[str, torch.Tensor]) -> dict[str, torch.Size]:
    return {key: value.shape for key, value in state.items()}


def test_the_official_tensors_are_exactly_those_of_our_network(official):
    with torch.device("meta"):
        ours = Coefficients(COEFFICIENTS)
    assert shapes(from_official(official)) == shapes(ours.state_dict())


def test_there_and_back_is_where_we_were(official):
    assert shapes(to_official(from_official(official))) == shapes(official)


def test_a_network_without_its_last_layers_is_refused(official):
    del official["final_layers.6.bias"]
    with pytest.raises(WeightsError, match=r"final_layers\.6\.bias"):
        from_official(official)
