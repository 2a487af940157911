"""A network made ready for many frames draws what it drew before."""

import pytest
import torch

from stylehead_core.networks.calibrator import Calibrator, CalibratorConfig
from stylehead_core.networks.inference import InferenceConv, for_inference

CONFIG = CalibratorConfig(feature_channels=6, feature_size=16, width=256, descriptor=8, hidden=8, levels=2)


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def calibrator():
    torch.manual_seed(0)
    return Calibrator(CONFIG).eval().requires_grad_(False)


def test_it_gives_the_same_but_for_rounding(calibrator):
    given = noise(2, 6, 16, 16), noise(2, 8, seed=1)
    twin = for_inference(calibrator)
    assert any(isinstance(part, InferenceConv) and part.tiles is not None for part in twin.modules())
    for found, expected in zip(twin(*given), calibrator(*given), strict=True):
        torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_the_network_itself_stays_and_shares_what_needs_no_change(calibrator):
    before = {name: tensor.data_ptr() for name, tensor in calibrator.state_dict().items()}
    twin = for_inference(calibrator)
    assert {name: tensor.data_ptr() for name, tensor in calibrator.state_dict().items()} == before
    assert twin.descriptor_in.weight is calibrator.descriptor_in.weight
    assert not any(isinstance(part, InferenceConv) for part in calibrator.modules())


def test_it_works_with_weights_of_inference_mode():
    with torch.inference_mode():
        network = Calibrator(CONFIG)
        assert for_inference(network)(noise(1, 6, 16, 16), noise(1, 8, seed=1))[0].shape == (1, 6, 16, 16)
