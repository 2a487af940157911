"""The 224 crop of a face, pixel for pixel that of the reference."""

import pytest
import recipe
import torch

from stylehead_core.ops.deep3d_align import crop_face, fit_face, five_points
from stylehead_core.ops.pixels import from_uint8

FRONT = torch.tensor([[-1.0, 1, 0], [1, 1, 0], [0, 0, 1], [-0.7, -1, 0.2], [0.7, -1, 0.2]])  # a simple face model


def landmarks(x: float, y: float, scale: float) -> torch.Tensor:
    """The 68 landmarks of the simple face seen from the front, those that count; x and y in pixels, y down."""
    points = torch.zeros(68, 2)
    for corners, point in zip(((36, 39), (42, 45), (30,), (48,), (54,)), FRONT, strict=True):
        points[list(corners)] = torch.tensor([x, y]) + scale * point[:2] * torch.tensor([1, -1])
    return points


@pytest.fixture(scope="module")
def reference() -> dict[str, torch.Tensor]:
    return recipe.fixture("align224")


def test_the_five_points_of_the_face_model_are_those_of_the_reference(reference):
    torch.testing.assert_close(five_points(reference["std68"]), reference["lm3d_5"])


@pytest.mark.parametrize("number", range(3))
def test_fit_and_crop_agree_with_the_reference(reference, number):
    found = {key[3:]: value for key, value in reference.items() if key.startswith(f"a{number}_")}
    picture = from_uint8(found["image_u8"])
    face = crop_face(picture, found["lm68"], reference["lm3d_5"])
    torch.testing.assert_close(face.crop, found["trans_params"][2:].float())
    # The resampling of Pillow differs between versions by at most one step in 255.
    difference = face.picture[:, ::2, ::2] * 255 - found["crop224_u8"]
    assert difference.abs().max() <= 1.01


def test_a_face_seen_from_the_front_is_fitted_exactly():
    seen = 20 * FRONT[:, :2] + torch.tensor([100.0, 60])
    assert fit_face(seen, FRONT) == pytest.approx((20, 100, 60))


def test_a_face_twice_as_large_is_scaled_half_as_much():
    picture = torch.zeros(3, 256, 256)
    small, large = (crop_face(picture, landmarks(128, 128, scale), FRONT) for scale in (30, 60))
    assert small.crop[0].item() == pytest.approx(2 * large.crop[0].item())
    assert small.picture.shape == large.picture.shape == (3, 224, 224)


def test_beyond_the_picture_the_crop_is_black():
    face = crop_face(torch.ones(3, 256, 256), landmarks(10, 10, 102), FRONT)
    assert face.picture[:, :90, :90].max() == 0
    assert face.picture[:, 120:, 120:].min() == 1
