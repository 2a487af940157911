"""A picture and a descriptor become a flow, as the official network makes it."""

import pytest
import recipe
import torch

from stylehead_core.convert.motion import FLOW_FIELD, from_official
from stylehead_core.errors import ConfigError
from stylehead_core.networks.flow_field import FlowField, FlowFieldConfig


def tiny(seed: int = 0, **changes) -> FlowField:
    torch.manual_seed(seed)
    sizes = {"image_size": 16, "base": 4, "maximum": 8, "down": 3, "up": 2, "descriptor": 6, "hidden": 5}
    return FlowField(FlowFieldConfig(**{**sizes, **changes}))


def inputs(batch: int = 2, seed: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(batch, 3, 16, 16, generator=rng), torch.randn(batch, 6, generator=rng)


@torch.inference_mode()
def official(table: str, name: str) -> FlowField:
    state = from_official(recipe.official_state(table))
    field = FlowField(FLOW_FIELD)
    field.load_state_dict({key[len(name) + 1 :]: state[key] for key in state if key.startswith(f"{name}.")})
    return field


@torch.inference_mode()
def test_every_stage_of_the_official_hourglass_agrees_with_the_reference():
    field, expected = official("video_warper", "flow_field"), recipe.fixture("warper")
    stages = {}
    names = {f"encoder{i}": down for i, down in enumerate(field.down)}
    names |= {f"decoder{4 - i}": up for i, up in enumerate(field.up)}
    for name, block in names.items():
        block.register_forward_hook(lambda _block, _inputs, out, name=name: stages.update({name: out}))
    image = recipe.picture("src", 256).expand(2, -1, -1, -1)
    flow, visibility = field(image, expected["descriptor"].squeeze(-1))
    for name in names:
        recipe.assert_close(stages[name][:1], expected[name])
    recipe.assert_close(flow, expected["flow"])
    assert visibility is None


@torch.inference_mode()
def test_the_official_audio_flow_agrees_with_the_reference():
    field, expected = official("audio_warper", "audio_flow_field"), recipe.fixture("warper")
    descriptor = recipe.fixture("motion_mapping")["audio_descriptor"].squeeze(-1)
    flow, _ = field(recipe.picture("src", 256).expand(2, -1, -1, -1), descriptor)
    recipe.assert_close(flow, expected["audio_flow"])


def test_the_flow_has_the_size_that_the_config_says():
    field = tiny()
    assert field.config.flow_size == 8
    assert field(*inputs())[0].shape == (2, 2, 8, 8)


def test_it_may_come_up_to_the_size_of_the_picture():
    assert tiny(up=3)(*inputs())[0].shape == (2, 2, 16, 16)


def test_a_picture_has_the_same_flow_in_any_batch():
    field, (image, descriptor) = tiny(), inputs()
    torch.testing.assert_close(field(image, descriptor)[0][1:], field(image[1:], descriptor[1:])[0])


def test_one_picture_serves_every_descriptor():
    field, (image, descriptor) = tiny(), inputs()
    torch.testing.assert_close(field(image[:1], descriptor)[0], field(image[[0, 0]], descriptor)[0])


@pytest.mark.parametrize(("dtype", "share"), [(torch.bfloat16, 0.05), (torch.float16, 0.01)])
def test_half_the_precision_gives_nearly_the_same_flow_in_float32(dtype, share):
    field, (image, descriptor) = tiny(), inputs()
    exact, _ = field(image, descriptor)
    flow, _ = field.to(dtype)(image.to(dtype), descriptor.to(dtype))
    assert flow.dtype == torch.float32
    assert (flow - exact).square().mean().sqrt() < share * exact.std()


def test_the_descriptor_steers_the_flow():
    field, (image, descriptor) = tiny(), inputs()
    assert not torch.allclose(field(image, descriptor)[0], field(image, -descriptor)[0])


def test_extra_planes_are_seen():
    field, (image, descriptor) = tiny(extra_channels=2), inputs()
    dark, light = torch.zeros(2, 2, 16, 16), torch.ones(2, 2, 16, 16)
    assert not torch.allclose(field(image, descriptor, dark)[0], field(image, descriptor, light)[0])


def test_visibility_is_a_share():
    _, visibility = tiny(visibility=True)(*inputs())
    assert visibility is not None
    assert visibility.shape == (2, 1, 8, 8)
    assert 0 < visibility.min() < visibility.max() < 1


def test_zero_init_starts_without_flow_and_with_all_in_sight():
    flow, visibility = tiny(visibility=True, zero_init=True)(*inputs())
    assert torch.equal(flow, torch.zeros(2, 2, 8, 8))
    assert visibility is not None
    assert visibility.min() > 0.9


def test_every_weight_learns():
    field = tiny(visibility=True)
    flow, visibility = field(*inputs())
    assert visibility is not None
    (flow.square().sum() + visibility.sum()).backward()
    assert [name for name, weight in field.named_parameters() if weight.grad is None] == []


@pytest.mark.parametrize("sizes", [{"down": 2, "up": 3}, {"image_size": 20}, {"image_size": 32}, {"base": 0}])
def test_sizes_that_cannot_work_are_refused(sizes):
    with pytest.raises(ConfigError, match=r"found|cannot be halved"):
        FlowFieldConfig(**{"image_size": 256, "down": 5, "up": 3, **sizes})
