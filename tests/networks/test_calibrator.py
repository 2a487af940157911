"""A warped feature becomes scale and shift, as the official network makes them."""

import pytest
import recipe
import torch

from stylehead_core.convert.calibrator import CALIBRATOR, from_official
from stylehead_core.errors import ConfigError
from stylehead_core.networks.calibrator import Calibrator, CalibratorConfig


def tiny(seed: int = 0, **changes) -> Calibrator:
    torch.manual_seed(seed)
    sizes = {"feature_channels": 6, "feature_size": 16, "width": 8, "descriptor": 5, "hidden": 4, "levels": 2}
    return Calibrator(CalibratorConfig(**{**sizes, **changes}))


def inputs(batch: int = 2, seed: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(batch, 6, 16, 16, generator=rng), torch.randn(batch, 5, generator=rng)


@torch.inference_mode()
def test_all_official_conditions_agree_with_the_reference_and_the_acting_are_the_last_two():
    state = from_official(recipe.official_state("calibrator"))
    calibrator = Calibrator(CALIBRATOR)
    calibrator.load_state_dict(state)
    expected = recipe.fixture("calibrator")
    feature, descriptor = recipe.given("f64", (1, 512, 64, 64)), expected["descriptor"].squeeze(-1)
    predict_all_levels = calibrator.predict_all_levels(feature, descriptor)
    assert [tuple(c.shape) for c in predict_all_levels] == [(1, 512, r, r) for r in (8, 8, 16, 16, 32, 32, 64, 64)]
    for i, condition in enumerate(predict_all_levels):
        recipe.assert_close(condition, expected[f"condition_{i}"])
    for acting, condition in zip(calibrator(feature, descriptor), predict_all_levels[-2:], strict=True):
        assert torch.equal(acting, condition)


def test_the_acting_heads_alone_do_the_same():
    everything, acting = tiny(heads="all"), tiny(heads="acting")
    kept = {key: value for key, value in everything.state_dict().items() if not key.startswith(("scale.", "shift."))}
    kept |= {
        f"{head}.0.{key}": value
        for head in ("scale", "shift")
        for key, value in getattr(everything, head)[-1].state_dict().items()
    }
    acting.load_state_dict(kept)
    for a, b in zip(acting(*inputs()), everything(*inputs()), strict=True):
        assert torch.equal(a, b)


def test_a_feature_is_mended_the_same_in_any_batch():
    calibrator, (feature, descriptor) = tiny(), inputs()
    for together, alone in zip(calibrator(feature, descriptor), calibrator(feature[1:], descriptor[1:]), strict=True):
        torch.testing.assert_close(together[1:], alone)


@pytest.mark.parametrize(("dtype", "share"), [(torch.bfloat16, 0.05), (torch.float16, 0.01)])
def test_half_the_precision_does_nearly_the_same(dtype, share):
    calibrator, (feature, descriptor) = tiny(), inputs()
    exact = calibrator(feature, descriptor)
    halved = calibrator.to(dtype)(feature.to(dtype), descriptor.to(dtype))
    for a, b in zip(halved, exact, strict=True):
        assert (a.float() - b).square().mean().sqrt() < share * b.std()


def test_zero_init_starts_without_effect():
    scale, shift = tiny(zero_init=True)(*inputs())
    assert torch.equal(scale, torch.zeros(2, 6, 16, 16))
    assert torch.equal(shift, torch.zeros(2, 6, 16, 16))


def test_a_gate_leaves_alone_what_the_portrait_shows():
    calibrator, (feature, descriptor) = tiny(gate=True), inputs()
    visibility = torch.zeros(2, 1, 16, 16)
    visibility[..., :8] = 1
    scale, shift = calibrator(feature, descriptor, visibility=visibility)
    for effect in (scale, shift):
        assert torch.equal(effect[..., :8], torch.zeros(2, 6, 16, 8))
        assert effect[..., 8:].abs().min() > 0


def test_extra_planes_are_seen():
    calibrator, (feature, descriptor) = tiny(extra_channels=1), inputs()
    dark, light = torch.zeros(2, 1, 16, 16), torch.ones(2, 1, 16, 16)
    assert not torch.allclose(calibrator(feature, descriptor, dark)[0], calibrator(feature, descriptor, light)[0])


def test_every_weight_that_acts_learns():
    calibrator = tiny()
    scale, shift = calibrator(*inputs())
    (scale.square().sum() + shift.square().sum()).backward()
    assert [name for name, weight in calibrator.named_parameters() if weight.grad is None] == []


@pytest.mark.parametrize("sizes", [{"levels": 0}, {"feature_size": 20}, {"width": 0}, {"heads": "some"}])
def test_sizes_that_cannot_work_are_refused(sizes):
    with pytest.raises(ConfigError):
        CalibratorConfig(**{"feature_size": 64, "levels": 4, **sizes})
