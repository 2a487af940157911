"""Inception for FID: as many weights as the published network, under its names, in its shapes."""

import torch

from stylehead_core.networks.inception import FEATURES, Inception


def test_it_has_the_published_number_of_weights():
    with torch.device("meta"):
        network = Inception()
    # 23,834,568 with a classifier of 1000 classes, which has 2048 * 1000 + 1000.
    assert sum(p.numel() for p in network.parameters()) == 23_834_568 - 2_049_000


def test_the_published_names_are_there_with_their_shapes():
    with torch.device("meta"):
        state = Inception().state_dict()
    expected = {
        "Conv2d_1a_3x3.conv.weight": (32, 3, 3, 3),
        "Mixed_5b.branch5x5_2.conv.weight": (64, 48, 5, 5),
        "Mixed_6a.branch3x3dbl_3.bn.running_var": (96,),
        "Mixed_6c.branch7x7dbl_5.conv.weight": (192, 160, 1, 7),
        "Mixed_7a.branch7x7x3_4.conv.weight": (192, 192, 3, 3),
        "Mixed_7b.branch3x3dbl_3b.conv.weight": (384, 384, 3, 1),
        "Mixed_7c.branch_pool.conv.weight": (192, 2048, 1, 1),
    }
    assert {name: tuple(state[name].shape) for name in expected} == expected


def test_pictures_of_any_size_become_features():
    with torch.device("meta"):
        assert Inception().eval()(torch.zeros(2, 3, 64, 48)).shape == (2, FEATURES)


def test_every_mixed_block_joins_what_the_next_one_takes():
    with torch.device("meta"):
        network = Inception()
    widths = [
        getattr(network, f"Mixed_{name}").outputs for name in ("5b", "5c", "5d", "6a", "6b", "6e", "7a", "7b", "7c")
    ]
    assert widths == [256, 288, 288, 768, 768, 768, 1280, 2048, 2048]
