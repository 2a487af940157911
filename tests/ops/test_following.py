"""A square that follows a face goes along with it, calmly; one that stays is where the face mostly is."""

import pytest
import torch

from stylehead_core.ops.crop import apply_affine
from stylehead_core.ops.following import resize_square, smooth_squares, static_square
from stylehead_core.stages.paste import square_jitter


@pytest.fixture
def face() -> torch.Tensor:
    """A face of 478 points that moves steadily, and trembles."""
    landmarks = torch.rand(478, 3, generator=torch.Generator().manual_seed(0)) * 40 + 20
    for indices, place in (((33, 160, 158, 133, 153, 144), (30, 40)), ((362, 385, 387, 263, 373, 380), (50, 40))):
        landmarks[list(indices), :2] = torch.tensor(place, dtype=torch.float32)
    landmarks[61, :2], landmarks[291, :2] = torch.tensor([33.0, 60.0]), torch.tensor([47.0, 60.0])
    moving = landmarks + torch.arange(40.0)[:, None, None] * torch.tensor([1.0, 0.5, 0.0])
    return moving + torch.randn(40, 1, 3, generator=torch.Generator().manual_seed(1)) * 0.5


def middle(square: torch.Tensor) -> torch.Tensor:
    return apply_affine(square, torch.tensor([31.5, 31.5]))


def test_it_trembles_less_than_the_face_and_goes_along(face):
    found = torch.ones(40, dtype=torch.bool)
    raw = smooth_squares(face, found, 64, fps=25, smoothing_seconds=0)
    calm = smooth_squares(face, found, 64, fps=25)
    assert square_jitter(calm, 64) < 0.5 * square_jitter(raw, 64)
    torch.testing.assert_close(middle(calm[-1]) - middle(calm[0]), torch.tensor([39.0, 19.5]), atol=2.5, rtol=0)


def test_frames_without_a_face_are_bridged(face):
    found = torch.ones(40, dtype=torch.bool)
    found[10:20] = False
    face[10:20] = 0
    bridged = smooth_squares(face, found, 64, fps=25, smoothing_seconds=0)
    halfway = (middle(bridged[9]) + middle(bridged[20])) / 2
    torch.testing.assert_close((middle(bridged[14]) + middle(bridged[15])) / 2, halfway)


def test_one_square_for_all_is_in_the_middle_and_no_outlier_moves_it(face):
    found = torch.ones(40, dtype=torch.bool)
    square = static_square(face, found, 64)
    between = (middle(smooth_squares(face, found, 64, fps=25)[i]) for i in (19, 20))
    torch.testing.assert_close(middle(square), sum(between) / 2, atol=1, rtol=0)
    assert square[1, 0] == 0  # upright
    face[3] *= 5
    torch.testing.assert_close(static_square(face, found, 64), square, atol=2, rtol=0)


def test_the_same_square_in_more_pixels_has_the_same_corners(face):
    square = static_square(face, torch.ones(40, dtype=torch.bool), 64)
    small, large = (torch.tensor([[-0.5, -0.5], [n - 0.5, n - 0.5]]) for n in (64, 200))
    torch.testing.assert_close(apply_affine(resize_square(square, 64, 200), large), apply_affine(square, small))
