"""The filters are those of the reference: zeros between the pixels, 16 taps, every n-th result."""

import pytest
import torch
import torch.nn.functional as F

from stylehead_core.ops.filters import blur, upsample

TAPS = torch.outer(torch.tensor([1.0, 3, 3, 1]), torch.tensor([1.0, 3, 3, 1])).double() / 64


def reference(x, *, up=1, down=1, pad=(0, 0), gain=1.0):
    """The resampling of StyleGAN2, one step after the other."""
    batch, channels, height, width = x.shape
    spread = x.new_zeros(batch, channels, height, up, width, up)
    spread[:, :, :, 0, :, 0] = x
    padded = F.pad(spread.view(batch, channels, height * up, width * up), (*pad, *pad))
    filtered = F.conv2d(padded.flatten(0, 1)[:, None], gain * TAPS[None, None])
    return filtered.view(batch, channels, *filtered.shape[-2:])[..., ::down, ::down]


@pytest.fixture
def picture():
    return torch.rand(2, 3, 5, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_upsampling_is_the_reference_with_gain_4(picture):
    torch.testing.assert_close(upsample(picture), reference(picture, up=2, pad=(2, 1), gain=4))


@pytest.mark.parametrize(("pad", "stride"), [(1, 1), (2, 1), (1, 2), (2, 2)])
def test_blurring_is_the_reference(picture, pad, stride):
    torch.testing.assert_close(blur(picture, pad, stride=stride), reference(picture, pad=(pad, pad), down=stride))


def test_a_plain_surface_keeps_its_brightness_inside():
    plain = torch.ones(1, 1, 6, 6)
    assert torch.equal(upsample(plain)[..., 1:-1, 1:-1], torch.ones(1, 1, 10, 10))
    assert torch.equal(blur(plain, 0, gain=4), 4 * torch.ones(1, 1, 3, 3))


def test_the_bias_is_added_to_its_channel(picture):
    bias = torch.tensor([1.0, 2, 3], dtype=torch.float64)
    torch.testing.assert_close(blur(picture, 1, bias=bias), blur(picture, 1) + bias[:, None, None])


def test_a_channels_last_picture_stays_one(picture):
    last = picture.contiguous(memory_format=torch.channels_last)
    assert blur(last, 1).is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(upsample(last), upsample(picture))
