"""The recipe makes the same numbers everywhere; otherwise no fixture can be compared."""

import numpy as np
import pytest
import recipe
import torch

TABLES = sorted(path.stem.removeprefix("keys_") for path in (recipe.REFERENCE / "keys").glob("keys_*.json"))
NETWORKS = [name for name in TABLES if name not in ("aux", "styleheat_visual")]


def test_the_first_four_numbers_are_those_of_the_reference():
    values = recipe.normals("stylegan2/input.input", (1, 512, 4, 4)).flatten()[:4]
    torch.testing.assert_close(values, torch.tensor([-0.32359797, 1.4839932, -0.1769468, -0.46656096]))


@pytest.mark.parametrize("name", NETWORKS)
def test_a_key_table_counts_its_own_values(name):
    table = recipe.key_table(name)
    values = sum(int(np.prod(shape)) for key, shape in table["keys"].items() if key not in table["int64"])
    assert (len(table["keys"]), values) == (table["_meta"]["tensors"], table["_meta"]["params"])


@pytest.mark.parametrize("name", NETWORKS)
def test_a_filled_tensor_has_the_shape_of_its_table(name):
    table = recipe.key_table(name)
    small = {key: shape for key, shape in table["keys"].items() if np.prod(shape) < 10_000}
    state = recipe.official_state(name, only=small)
    assert small == {key: list(state[key].shape) for key in small}


def test_blur_filters_keep_brightness():
    generator = recipe.official_state("stylegan2", only=["convs.0.conv.blur"])
    discriminator = recipe.official_state("discriminator256", only=["convs.1.skip.0"])
    assert [tensor.sum().item() for tensor in (*generator.values(), *discriminator.values())] == [4, 1]


def test_the_test_picture_is_the_one_that_the_encoder_fixture_holds():
    expected = recipe.fixture("e4e")["image_u8"].numpy()
    np.testing.assert_array_equal(recipe.picture_u8("src", 256), expected)
