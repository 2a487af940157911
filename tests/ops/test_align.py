"""The square of FFHQ: the official numbers, the way there and back, and padding that does not show."""

from pathlib import Path

import numpy as np
import pytest
import torch
from recipe import picture_u8

from stylehead_core.ops.align import ffhq_square, five_points_68, square_to_affine
from stylehead_core.ops.crop import apply_affine, cut_square, gaussian_blur, invert_affine, place_square
from stylehead_core.ops.official_align import align_as_official, official_quad
from stylehead_core.ops.pixels import from_uint8

FIXTURE = np.load(Path(__file__).parents[1] / "reference" / "fixtures" / "ffhq_align.npz")


@pytest.fixture
def picture() -> torch.Tensor:
    return torch.rand(1, 3, 40, 60, generator=torch.Generator().manual_seed(0)) * 2 - 1


def official_picture(name: str, size: int) -> np.ndarray:
    return np.ascontiguousarray(picture_u8(name, size).transpose(1, 2, 0))


def differences(found: np.ndarray, expected: np.ndarray) -> np.ndarray:
    return np.abs(found[::2, ::2].transpose(2, 0, 1).astype(int) - expected)


@pytest.mark.parametrize(("name", "size"), [("q0", 256), ("q1", 512), ("q2", 1024)])
def test_the_official_portrait_is_the_same_level_for_level(name, size):
    quad = official_quad(FIXTURE[f"{name}_lm68"])
    found = align_as_official(official_picture(f"ffhq{name[1]}", size), quad)
    assert differences(found, FIXTURE[f"{name}_aligned_u8"]).max() <= 1


@pytest.mark.parametrize("frame", [0, 1])
def test_a_video_is_cut_with_the_square_of_its_first_frame(frame):
    quad = official_quad(FIXTURE["c_lm68_frame0"])
    found = align_as_official(official_picture(f"crop{frame}", 256), quad, shrink=False)
    assert differences(found, FIXTURE[f"c_frame{frame}_u8"]).max() <= 1


def test_our_cut_shows_what_the_official_one_shows():
    landmarks = torch.from_numpy(FIXTURE["q1_lm68"])[None]
    affine = square_to_affine(*ffhq_square(*five_points_68(landmarks)), 256)[0].float()
    picture = from_uint8(torch.from_numpy(picture_u8("ffhq1", 512).copy())[None])
    found = ((cut_square(picture, affine, 256)[0].permute(1, 2, 0) + 1) * 127.5).numpy()
    assert differences(found, FIXTURE["q1_aligned_u8"]).mean() < 2.5  # of 255; there is noise in this picture


def test_an_upright_face_gives_an_upright_square():
    eyes = torch.tensor([[40.0, 50.0]]), torch.tensor([[60.0, 50.0]])
    mouth = torch.tensor([[45.0, 74.0]]), torch.tensor([[55.0, 74.0]])
    centre, arm = ffhq_square(*eyes, *mouth)
    torch.testing.assert_close(centre, torch.tensor([[50.0, 52.4]]))  # a tenth of the way down to the mouth
    torch.testing.assert_close(arm, torch.tensor([[43.2, 0.0]]))  # 1.8 times the 24 from eyes to mouth


def test_a_turned_and_larger_face_gives_a_turned_and_larger_square():
    points = torch.tensor([[40.0, 50.0], [60.0, 50.0], [45.0, 74.0], [55.0, 74.0]])
    turned = 3 * torch.stack((-points[:, 1], points[:, 0]), dim=1)  # a quarter turn clockwise
    centre, arm = ffhq_square(*(p[None] for p in turned))
    torch.testing.assert_close(arm, torch.tensor([[0.0, 129.6]]), atol=1e-4, rtol=0)
    torch.testing.assert_close(centre, torch.tensor([[-157.2, 150.0]]))


def test_the_affine_puts_the_square_s_middle_on_its_centre():
    affine = square_to_affine(torch.tensor([[30.0, 20.0]]), torch.tensor([[3.0, 4.0]]), 9)[0]
    torch.testing.assert_close(apply_affine(affine, torch.tensor([4.0, 4.0])), torch.tensor([30.0, 20.0]))
    torch.testing.assert_close(apply_affine(affine, torch.tensor([8.5, 4.0])), torch.tensor([33.0, 24.0]))


def test_the_way_there_and_back_ends_where_it_began():
    affine = torch.tensor([[3.1, -1.2, 1500.5], [1.2, 3.1, -70.25]])
    points = torch.rand(50, 3, generator=torch.Generator().manual_seed(0)) * 1000
    torch.testing.assert_close(
        apply_affine(invert_affine(affine), apply_affine(affine, points)), points, atol=2e-3, rtol=0
    )


def test_a_square_of_whole_pixels_is_the_picture_itself(picture):
    affine = torch.tensor([[1.0, 0.0, 7.0], [0.0, 1.0, 5.0]])
    torch.testing.assert_close(cut_square(picture, affine, 16), picture[..., 5:21, 7:23], atol=1e-5, rtol=0)


@pytest.mark.parametrize("size", [16, 33])
def test_what_is_cut_out_fits_back_in_its_place(size):
    line = torch.linspace(-1, 1, 60)
    smooth = torch.stack((line[None] * line[:40, None], line.expand(40, 60), line[:40, None].expand(40, 60)))[None]
    affine = square_to_affine(torch.tensor([[30.0, 20.0]]), torch.tensor([[11.0, 5.0]]), size)[0]
    placed = place_square(cut_square(smooth, affine, size), affine, 40, 60, outside=torch.nan)
    inside = ~placed.isnan()
    assert inside.float().mean() > 0.15
    torch.testing.assert_close(placed[inside], smooth[inside], atol=0.06, rtol=0)


@pytest.mark.parametrize("shape", [(1, 1), (3, 200), (40, 60)])
def test_a_square_far_larger_than_the_picture_has_no_holes(shape):
    picture = torch.rand(1, 3, *shape, generator=torch.Generator().manual_seed(0))
    affine = torch.tensor([[2.0, 0.0, -60.0], [0.0, 2.0, -60.0]])
    cut = cut_square(picture, affine, 64)
    assert torch.isfinite(cut).all()
    assert cut.min() >= 0
    assert cut.max() <= 1


def test_a_picture_of_one_colour_is_padded_with_it():
    affine = torch.tensor([[1.0, 0.3, -9.0], [-0.3, 1.0, -4.0]])
    cut = cut_square(torch.full((1, 3, 20, 20), 0.25), affine, 40)
    torch.testing.assert_close(cut, torch.full_like(cut, 0.25))


def test_beside_the_picture_nothing_is_seen_twice():
    picture = torch.full((1, 3, 60, 60), -1.0)
    picture[..., 25:31, 4:10] = 1.0  # an eye beside the left border
    cut = cut_square(picture, torch.tensor([[1.0, 0.0, -30.0], [0.0, 1.0, 0.0]]), 60)
    torch.testing.assert_close(cut[..., 30:], picture[..., :30])
    assert cut[..., :30].max() < -0.99


def test_beside_the_picture_its_border_goes_on_and_gets_softer():
    stripes = ((torch.arange(64) // 4) % 2 * 2.0 - 1)[None, None, :, None].expand(1, 3, 64, 64)
    cut = cut_square(stripes, torch.tensor([[1.0, 0.0, -40.0], [0.0, 1.0, 0.0]]), 64)
    contrast = cut[0, 0, 16:48].std(0)
    assert contrast[40] > 0.95
    assert (contrast[:40].diff() > -1e-3).all()
    assert contrast[0] < 0.05


@pytest.mark.parametrize("sigma", [0.05, 1.5, 20.0])
def test_a_blur_keeps_one_colour(sigma):
    even = torch.full((1, 2, 60, 50), 0.7)
    torch.testing.assert_close(gaussian_blur(even, sigma), even)


def test_a_cut_square_has_no_value_that_the_picture_has_not():
    y, x = torch.meshgrid(torch.arange(150), torch.arange(150), indexing="ij")
    stripes = (((x // 5 + y // 7) % 2) * 2.0 - 1.0).expand(1, 3, -1, -1)  # as hard as a picture can be
    for step in (0.4, 1.0, 3.3):
        square = cut_square(stripes, torch.tensor([[step, 0.1, 5.0], [-0.1, step, 4.0]]), 40)
        assert square.abs().max() <= 1
