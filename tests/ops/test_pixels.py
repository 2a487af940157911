"""Bytes become floats and floats become bytes without loss."""

import torch

from stylehead_core.ops.pixels import from_uint8, to_uint8

LEVELS = torch.arange(256, dtype=torch.uint8)


def test_every_byte_survives_the_way_to_floats_and_back():
    torch.testing.assert_close(to_uint8(from_uint8(LEVELS)), LEVELS, rtol=0, atol=0)


def test_the_darkest_byte_is_minus_one_and_the_brightest_is_one():
    torch.testing.assert_close(from_uint8(LEVELS[[0, 255]]), torch.tensor([-1.0, 1.0]), rtol=0, atol=0)


def test_values_outside_the_range_are_clamped():
    assert to_uint8(torch.tensor([-1.5, 1.5])).tolist() == [0, 255]


def test_values_between_two_bytes_go_to_the_nearer_one():
    assert to_uint8(torch.tensor([100.4, 100.6]) / 127.5 - 1).tolist() == [100, 101]


def test_the_floats_given_are_left_as_they_are():
    pictures = torch.tensor([0.25])
    to_uint8(pictures)
    assert pictures.item() == 0.25
