"""Every official name of the calibration network has one of ours, and comes back."""

import pytest
import recipe
import torch

from stylehead_core.convert.calibrator import CALIBRATOR, FILTERS, from_official, to_official
from stylehead_core.errors import WeightsError
from stylehead_core.networks.calibrator import Calibrator, CalibratorConfig


@pytest.fixture
def official() -> dict[str, torch.Tensor]:
    """Real filters, and the other tensors without their values."""
    shapes = recipe.key_table("calibrator")["keys"]
    filters = recipe.official_state("calibrator", only=FILTERS)
    return {key: filters.get(key, torch.empty(shape, device="meta")) for key, shape in shapes.items()}


def shapes(state: dict[str, torch.Tensor]) -> dict[str, torch.Size]:
    return {key: value.shape for key, value in state.items()}


@pytest.mark.parametrize("heads", ["all", "acting"])
def test_the_official_tensors_are_exactly_those_of_our_network(official, heads):
    with torch.device("meta"):
        ours = Calibrator(CalibratorConfig(heads=heads))
    assert shapes(from_official(official, acting_only=heads == "acting")) == shapes(ours.state_dict())


def test_there_and_back_is_where_we_were(official):
    ours = from_official(official)
    ours["first.weight"] = torch.zeros_like(ours["first.weight"], device="cpu")  # decides where the filters are made
    back = to_official(ours)
    assert shapes(back) == shapes(official)
    for name in FILTERS:
        torch.testing.assert_close(back[name], official[name])


def test_the_filters_that_we_make_again_are_named_one_by_one(official):
    assert len(FILTERS) == 2 * CALIBRATOR.levels
    assert len(from_official(official)) == len(official) - len(FILTERS)


def test_a_name_of_another_network_is_refused():
    with pytest.raises(WeightsError, match="mapping_net"):
        from_official({"mapping_net.first.0.bias": torch.zeros(3)})
