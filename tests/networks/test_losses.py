"""Laws of the networks that judge pictures, on small ones."""

import pytest
import torch
import torch.nn.functional as F

from stylehead_core.errors import ConfigError, InputError
from stylehead_core.networks.discriminator import Discriminator, DiscriminatorConfig
from stylehead_core.networks.lpips import Lpips, LpipsConfig
from stylehead_core.networks.vgg import Vgg, VggConfig, perceptual_loss

CHANNELS = {4: 6, 8: 5, 16: 4}


def pictures(count=1, size=128, seed=0):
    return 2 * torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(seed)) - 1


@pytest.fixture(scope="module")
def vgg():
    torch.manual_seed(0)
    return Vgg(VggConfig(widths=(4, 6, 8, 8, 8), convs=(1, 2, 1, 1, 1))).requires_grad_(False)


@pytest.fixture(scope="module")
def lpips():
    torch.manual_seed(0)
    return Lpips(LpipsConfig(widths=(4, 6, 8, 8, 8))).requires_grad_(False)


@pytest.fixture(scope="module")
def discriminator():
    torch.manual_seed(0)
    return Discriminator(DiscriminatorConfig(size=16, channels=CHANNELS)).requires_grad_(False)


def test_equal_pictures_are_no_distance_apart(vgg, lpips):
    assert perceptual_loss(vgg, pictures(), pictures(), style=250).item() == 0
    assert lpips(pictures(), pictures()).item() == 0


def test_a_picture_is_further_from_another_than_from_itself_with_a_little_noise(vgg, lpips):
    near, far = pictures() + 0.05 * pictures(seed=1), pictures(seed=2)
    assert perceptual_loss(vgg, near, pictures()) < perceptual_loss(vgg, far, pictures())
    assert lpips(near, pictures()) < lpips(far, pictures())


def test_each_picture_of_a_batch_has_its_own_lpips_distance(lpips):
    found = lpips(pictures(2), pictures(2, seed=1))
    torch.testing.assert_close(found[1:], lpips(pictures(2)[1:], pictures(2, seed=1)[1:]))


def test_scales_add_up(vgg):
    a, b = pictures(), pictures(seed=1)
    half_a, half_b = (F.interpolate(x, scale_factor=0.5, mode="bilinear", align_corners=False) for x in (a, b))
    parts = [perceptual_loss(vgg, a, b, scales=1), perceptual_loss(vgg, half_a, half_b, scales=1)]
    torch.testing.assert_close(perceptual_loss(vgg, a, b, scales=2), sum(parts))


def test_the_style_term_is_its_weight_times_one_number(vgg):
    def loss(style):
        return perceptual_loss(vgg, pictures(), pictures(seed=1), style=style)

    torch.testing.assert_close(loss(20) - loss(0), 2 * (loss(10) - loss(0)))
    assert loss(10) > loss(0)


def test_a_mask_hides_what_it_covers(vgg):
    mask = torch.zeros(1, 1, 128, 128)
    mask[..., :32] = 1
    picture = pictures()
    other = picture.clone()
    other[..., 96:] = 0
    assert perceptual_loss(vgg, other, picture, mask=mask, scales=1).item() == 0
    assert perceptual_loss(vgg, other, picture, mask=1 - mask, scales=1).item() > 0


def test_normalised_features_do_not_see_contrast():
    torch.manual_seed(0)
    one_tap = Vgg(VggConfig(widths=(4,), convs=(1,))).requires_grad_(False)
    conv = one_tap.stages[0][0]
    conv.weight *= F.pad(torch.ones(1, 1, 1, 1), (1, 1, 1, 1))  # looks at one pixel only
    conv.bias.fill_(10)  # so far above zero that the ReLU lets all pass

    def loss(normalised):
        settings = {"scales": 1, "weights": (1,), "normalised": normalised}
        return perceptual_loss(one_tap, 0.5 * pictures(), pictures(), **settings).item()

    assert loss(normalised=False) > 0.05
    assert loss(normalised=True) < 0.005


def test_gradients_reach_the_picture_and_not_the_target(vgg):
    picture, target = pictures().requires_grad_(), pictures(seed=1).requires_grad_()
    perceptual_loss(vgg, picture, target).backward()
    assert picture.grad is not None
    assert target.grad is None


def test_the_discriminator_compares_the_pictures_of_a_group(discriminator):
    equal = pictures(size=16).expand(4, -1, -1, -1)
    mixed = pictures(4, size=16)
    mixed[0] = equal[0]
    assert not torch.allclose(discriminator(equal)[0], discriminator(mixed)[0])


def test_the_discriminators_slope_can_be_trained(discriminator):
    """R1 is the squared slope of the logits over real pictures."""
    free = Discriminator(discriminator.config)
    real = pictures(4, size=16).requires_grad_()
    (slope,) = torch.autograd.grad(free(real).sum(), real, create_graph=True)
    slope.square().sum().backward()
    assert all(block.first.weight.grad.abs().sum() > 0 for block in free.blocks)


def test_without_groups_the_discriminator_judges_each_picture_alone(discriminator):
    alone = Discriminator(DiscriminatorConfig(size=16, channels=CHANNELS, group=1))
    alone.load_state_dict(discriminator.state_dict())
    together = alone(pictures(3, size=16))
    torch.testing.assert_close(together[1:2], alone(pictures(3, size=16)[1:2]))


def test_a_batch_that_cannot_be_grouped_is_refused(discriminator):
    with pytest.raises(InputError, match="groups of 4: a batch of 6 cannot be divided"):
        discriminator(pictures(6, size=16))


@pytest.mark.parametrize(
    ("config", "wrong", "message"),
    [
        (DiscriminatorConfig, {"size": 20}, "power of two from 8 up; found 20"),
        (DiscriminatorConfig, {"size": 16, "channels": {32: 4}}, r"\[32\] pixels, but a picture of 16"),
        (DiscriminatorConfig, {"group": 0}, "at least 1"),
        (VggConfig, {"convs": (1, 1)}, "as many widths as numbers of convolutions"),
        (LpipsConfig, {"widths": (1, 2)}, "five widths"),
    ],
)
def test_a_config_that_cannot_work_is_refused(config, wrong, message):
    with pytest.raises(ConfigError, match=message):
        config(**wrong)
