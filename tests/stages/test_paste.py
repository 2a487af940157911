"""Pasting back: the head at its place, and not one bit changed anywhere else."""

from dataclasses import replace
from fractions import Fraction

import pytest
import torch

from stylehead_core.errors import ConfigError, InputError
from stylehead_core.ops.crop import apply_affine, cut_square
from stylehead_core.ops.face_masks import FACE_OVAL
from stylehead_core.records import LOOK, MeasuredVideo, Motion, Portrait
from stylehead_core.stages.paste import (
    PasteConfig,
    PastePlan,
    crops_of_motion,
    paste_head,
    paste_into_video,
    paste_mask,
    plan_for_motion,
    plan_for_picture,
    plan_for_squares,
    presence,
    seam_visibility,
    square_jitter,
)

CROP = torch.tensor([[1.5, 0.2, 9.0], [-0.2, 1.5, 12.0]])  # a little turned, half as large again


def smooth_picture(height: int, width: int) -> torch.Tensor:
    y, x = torch.meshgrid(torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij")
    return torch.stack((x * y, x * 0.8, -y * 0.9))[None]


@pytest.fixture
def portrait() -> Portrait:
    original = smooth_picture(80, 96)
    return Portrait(image=cut_square(original, CROP, 32), crop=CROP, original=original)


@pytest.mark.parametrize("kind", ["floats", "bytes"])
@pytest.mark.parametrize("size", [32, 64, 17])
def test_outside_of_the_mask_not_one_bit_changes(portrait, kind, size):
    rng = torch.Generator().manual_seed(0)
    picture = torch.rand(2, 3, 80, 96, generator=rng) * 2 - 1
    if kind == "bytes":
        picture = torch.randint(0, 256, (2, 3, 80, 96), generator=rng, dtype=torch.uint8)
    before = picture.clone()
    frames = torch.rand(2, 3, size, size, generator=rng) * 2 - 1
    pasted, mask = paste_head(frames, portrait, originals=picture, config=PasteConfig(colour=0.5))
    outside = (mask == 0).expand_as(picture)
    assert 0.2 < outside.float().mean() < 0.9
    assert torch.equal(pasted[outside], before[outside])
    assert torch.equal(picture, before)  # nothing is written into what was given
    assert pasted.dtype == picture.dtype
    assert not torch.equal(pasted, before)


def test_the_portrait_itself_pasted_back_is_the_picture(portrait):
    pasted, _ = paste_head(portrait.image, portrait)
    torch.testing.assert_close(pasted, portrait.original, atol=0.02, rtol=0)
    enlarged = torch.nn.functional.interpolate(portrait.image, size=(128, 128), mode="bilinear")
    pasted, _ = paste_head(enlarged, portrait)
    torch.testing.assert_close(pasted, portrait.original, atol=0.05, rtol=0)


def test_a_bright_head_is_where_the_square_is(portrait):
    pasted, mask = paste_head(torch.ones(1, 3, 32, 32), portrait)
    x, y = apply_affine(CROP, torch.tensor([15.5, 15.5])).round().int().tolist()
    assert mask[0, 0, y, x] > 0.999
    assert (pasted[0, :, y, x] > 0.999).all()
    assert (mask[0, 0, 0] == 0).all()


def test_a_mask_of_either_size_keeps_the_picture_where_it_is_black(portrait):
    half = torch.ones(1, 1, 32, 32)
    half[..., :16] = 0
    pasted, mask = paste_head(torch.ones(2, 3, 32, 32), portrait, mask=half)
    x, y = apply_affine(CROP, torch.tensor([4.0, 15.5])).round().int().tolist()
    assert mask[0, 0, y, x] == 0
    black = torch.zeros(1, 1, 80, 96)
    pasted, mask = paste_head(torch.ones(2, 3, 32, 32), portrait, mask=black)
    assert mask.sum() == 0
    assert portrait.original is not None
    assert torch.equal(pasted, portrait.original.expand(2, -1, -1, -1))
    with pytest.raises(InputError, match="mask"):
        paste_head(torch.ones(1, 3, 32, 32), portrait, mask=torch.ones(1, 1, 30, 50))


def test_matched_colours_follow_the_picture(portrait):
    tinted = (portrait.image * 0.9 + torch.tensor([0.2, 0.0, -0.15]).view(1, 3, 1, 1)).clamp(-1, 1)
    plain, mask = paste_head(tinted, portrait)
    matched, _ = paste_head(tinted, portrait, config=PasteConfig(colour=1.0))
    assert portrait.original is not None
    error = [(picture - portrait.original).abs().mean().item() for picture in (plain, matched)]
    assert error[1] < 0.4 * error[0]
    assert (
        seam_visibility(matched, portrait.original, mask).item()
        <= seam_visibility(plain, portrait.original, mask).item() + 0.05
    )


def test_a_seam_is_zero_without_change_and_grows_with_a_hard_edge(portrait):
    assert portrait.original is not None
    soft, wide = paste_head(torch.ones(1, 3, 32, 32), portrait, config=PasteConfig(feather=0.4))
    hard, narrow = paste_head(torch.ones(1, 3, 32, 32), portrait, config=PasteConfig(feather=0.03))
    assert seam_visibility(portrait.original, portrait.original, wide).item() == 0
    assert (
        seam_visibility(hard, portrait.original, narrow).item()
        > 2 * seam_visibility(soft, portrait.original, wide).item()
        > 0
    )


def test_a_video_is_pasted_frame_by_frame_at_its_own_places(portrait):
    crops = CROP.repeat(5, 1, 1)
    crops[:, 0, 2] += torch.arange(5.0) * 3
    frames, originals = torch.ones(5, 3, 32, 32), torch.zeros(5, 3, 80, 96)
    plan = PastePlan(crops=crops, strength=torch.ones(5), sources=torch.arange(5))
    parts = paste_into_video(frames.split(2), lambda numbers: originals[numbers], portrait, plan)
    chunks = [part.frames for part in parts]
    assert [len(chunk) for chunk in chunks] == [2, 2, 1]
    x = torch.arange(96.0)
    bright = torch.cat(chunks)[:, 0]
    middle = ((bright.sum(1) * x).sum(1) / bright.sum((1, 2))).tolist()
    steps = torch.tensor(middle).diff()
    torch.testing.assert_close(steps, torch.full_like(steps, 3.0), atol=0.3, rtol=0)


def test_a_motion_knows_where_in_its_video_it_was_measured(portrait):
    squares = torch.tensor([[0.5, 0.0, 10.0], [0.0, 0.5, 20.0]]).repeat(3, 1, 1)  # of 256 pixels: 128 in the video
    motion = Motion(coefficients=torch.zeros(3, 58), fps=Fraction(25), squares=squares)
    crops = crops_of_motion(motion, 32)
    ends = apply_affine(crops, torch.tensor([[-0.5, -0.5], [31.5, 31.5]]).expand(3, -1, -1))
    corners = torch.tensor([[9.75, 19.75], [137.75, 147.75]])  # half a pixel outside of the first and last middles
    torch.testing.assert_close(ends, corners.expand(3, -1, -1))
    with pytest.raises(InputError, match="Follow Video"):
        crops_of_motion(Motion(coefficients=torch.zeros(3, 58), fps=Fraction(25)), 32)


def test_a_steady_crop_has_no_jitter():
    steady = CROP.repeat(10, 1, 1)
    steady[:, 0, 2] += torch.arange(10.0)
    assert square_jitter(steady, 32) < 1e-4


@pytest.fixture
def with_landmarks(portrait) -> Portrait:
    """Outlines of a face in the middle of the square: round, the eyes above its middle."""
    landmarks = torch.full((478, 3), 16.0)
    around = torch.linspace(0, 2 * torch.pi, len(FACE_OVAL) + 1)[:-1]
    landmarks[list(FACE_OVAL), 0], landmarks[list(FACE_OVAL), 1] = 16 + 9 * around.sin(), 16 - 12 * around.cos()
    landmarks[33], landmarks[263] = torch.tensor([11.0, 13.0, 0.0]), torch.tensor([21.0, 13.0, 0.0])
    return replace(portrait, landmarks=landmarks)


def test_the_lower_face_is_a_part_of_the_face_and_that_of_the_head(with_landmarks):
    head, face, lower = (
        paste_mask(with_landmarks, 64, PasteConfig(where=where)) for where in ("head", "face", "lower face")
    )
    assert 0 < lower.sum() < 0.7 * face.sum()
    assert face.sum() < head.sum()
    assert lower[..., :20, :].max() == 0  # the eyes stay
    assert lower[0, 0, 44, 32] > 0.9  # below the mouth


def test_several_faces_are_pasted_one_after_the_other(portrait):
    moved = CROP + torch.tensor([[0.0, 0.0, 46.0], [0.0, 0.0, 4.0]])
    other = Portrait(image=portrait.image, crop=moved, original=portrait.original)
    first, left = paste_head(torch.ones(2, 3, 32, 32), portrait)
    both, right = paste_head(-torch.ones(2, 3, 32, 32), other, originals=first)
    assert torch.equal(both.where(right == 0, 0), first.where(right == 0, 0))
    untouched = ((left == 0) & (right == 0)).expand_as(both)
    assert torch.equal(both[untouched], portrait.original.expand_as(both)[untouched])
    assert (both[left.expand_as(both) * (right == 0) == 1] == 1).all()


def test_what_cannot_be_pasted_is_refused(portrait):
    loose = Portrait(image=portrait.image)
    with pytest.raises(InputError, match="does not know"):
        paste_head(portrait.image, loose)
    with pytest.raises(InputError, match="1 or 3"):
        paste_head(torch.zeros(3, 3, 32, 32), portrait, originals=torch.zeros(2, 3, 80, 96))
    with pytest.raises(InputError, match="landmarks"):
        paste_mask(loose, 32, PasteConfig(where="face"))
    with pytest.raises(ConfigError, match="feather"):
        PasteConfig(feather=0.7)


def measured(
    size=(96, 80), stored=None, rotation=0, frames=5, *, times=None, found=None, sources=None, cuts=(), look=None
) -> Motion:
    """A motion whose square stands at the left in the video as shown, a little below the top."""
    squares = torch.tensor([[0.1, 0.0, 12.0], [0.0, 0.1, 20.0]]).repeat(frames, 1, 1)  # 25.6 pixels wide
    seconds = torch.arange(frames, dtype=torch.float64) / 25 if times is None else torch.tensor(times).double()
    video = MeasuredVideo(
        size=size,
        stored=stored or size,
        rotation=rotation,
        times=seconds,
        variable=times is not None,
        cuts=cuts,
        look=look,
    )
    return Motion(
        coefficients=torch.zeros(frames, 58),
        fps=Fraction(25),
        squares=squares,
        found=found,
        sources=torch.arange(frames) if sources is None else torch.tensor(sources),
        video=video,
    )


def pasted_place(portrait, motion, picture: torch.Tensor) -> torch.Tensor:
    """(H W) bool: where white is pasted into the first of black frames like ``picture`` (1 3 H W)."""
    frames = len(motion)
    shown = picture.shape[-1], picture.shape[-2]
    plan = plan_for_motion(motion, 32, len(motion.video.times), shown, frames=frames, first=picture)
    parts = paste_into_video(
        torch.ones(frames, 3, 32, 32).split(2), lambda n: picture.expand(len(n), -1, -1, -1), portrait, plan
    )
    return next(parts).masks[0, 0] > 0.5


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_frames_that_a_reader_did_not_turn_are_pasted_as_if_they_were(portrait, rotation):
    shown = torch.zeros(1, 3, 80, 96)
    shown[:, :, :20] = 1.0  # the top is bright
    look = ((shown[0, 0, :: 80 // LOOK, :: 96 // LOOK] + 1) * 127.5).byte()
    stored_picture = torch.rot90(shown, -(rotation // 90), (2, 3))
    stored = stored_picture.shape[-1], stored_picture.shape[-2]
    motion = measured(stored=stored, rotation=rotation, look=look)
    upright = pasted_place(portrait, motion, shown)
    lying = pasted_place(portrait, motion, stored_picture)
    assert upright.any()
    assert torch.equal(torch.rot90(lying, rotation // 90), upright)


def test_frames_of_another_size_or_with_the_pixels_of_the_file_are_pasted_at_the_same_place(portrait):
    expected = pasted_place(portrait, measured(), torch.zeros(1, 3, 80, 96)).float()[None, None]
    for motion, (height, width) in (
        (measured(), (160, 192)),
        (measured(stored=(48, 80)), (80, 48)),  # pixels that are twice as wide as high
        (measured(stored=(80, 48), rotation=90), (80, 48)),  # the same, turned by the reader but not stretched
    ):
        found = pasted_place(portrait, motion, torch.zeros(1, 3, height, width)).float()[None, None]
        same = torch.nn.functional.interpolate(expected, size=(height, width), mode="area")
        assert (found - same).abs().mean() < 0.02
    with pytest.raises(InputError, match="not cropped"):
        pasted_place(portrait, measured(), torch.zeros(1, 3, 80, 60))


def test_frames_without_the_person_stay_bit_for_bit_and_pasting_rises_beside_them(portrait):
    found = torch.tensor([True] * 6 + [False] * 2 + [True] * 6 + [False])
    assert presence(found, Fraction(25), torch.zeros(15)).tolist() == pytest.approx(
        [1, 1, 1, 1, 2 / 3, 1 / 3, 0, 0, 1 / 3, 2 / 3, 1, 1, 2 / 3, 1 / 3, 0]
    )
    shots = torch.tensor([0] * 6 + [1] * 2 + [2] * 7)  # the gap is a shot of its own: nothing to soften
    assert presence(found, Fraction(25), shots)[:12].tolist() == [1] * 6 + [0] * 2 + [1] * 4
    motion = measured(frames=15, found=found, cuts=(6, 8))
    originals = torch.randint(0, 256, (15, 3, 80, 96), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    plan = plan_for_motion(motion, 32, 15, (96, 80), frames=15)
    parts = paste_into_video(torch.ones(15, 3, 32, 32).split(4), lambda n: originals[n], portrait, plan)
    changed = (torch.cat([part.frames for part in parts]) != originals).flatten(1).any(1)
    assert changed.tolist() == found.tolist()


def test_frames_of_a_variable_rate_are_matched_by_their_times(portrait):
    times, sources = [0.0, 0.02, 0.04, 0.06, 0.2], [0, 2, 3, 3, 4]
    motion = measured(times=times, sources=sources)
    assert plan_for_motion(motion, 32, 5, (96, 80), frames=5).sources.tolist() == sources
    with pytest.raises(InputError, match="variable"):
        plan_for_motion(motion, 32, 4, (96, 80), frames=5)
    shorter = replace(
        motion,
        coefficients=motion.coefficients[:3],
        found=None,
        squares=motion.squares[:3],
        sources=motion.sources[:3],
    )
    with pytest.raises(InputError, match="variable"):
        plan_for_motion(shorter, 32, 3, (96, 80), frames=3)


def test_a_motion_that_goes_back_is_pasted_into_the_whole_video(portrait):
    motion = measured()
    back = replace(
        motion,
        coefficients=torch.zeros(8, 58),
        found=None,
        squares=motion.squares[:1].expand(8, -1, -1),
        sources=torch.tensor([0, 1, 2, 3, 4, 3, 2, 1]),
    )
    assert plan_for_motion(back, 32, 5, (96, 80), frames=8).sources.tolist() == [0, 1, 2, 3, 4, 3, 2, 1]
    assert plan_for_motion(back, 32, 8, (96, 80), frames=8).sources.tolist() == list(range(8))


def test_counts_that_do_not_fit_are_refused_before_anything_is_pasted(portrait):
    for frames, originals in ((12, 9), (12, 13), (9, 12)):
        with pytest.raises(InputError, match=f"{frames} frames are to be pasted into {originals} originals"):
            plan_for_picture(portrait, frames, originals)
        with pytest.raises(InputError, match=f"{frames} frames are to be pasted into {originals} originals"):
            plan_for_motion(measured(frames=frames), 32, originals, (96, 80), frames=frames)
        with pytest.raises(InputError, match=f"{frames} frames are to be pasted into {originals} originals"):
            plan_for_squares(
                torch.zeros(originals, 2, 3), torch.ones(originals).bool(), 32, fps=Fraction(25), frames=frames
            )
    plan = plan_for_picture(portrait, 4)
    with pytest.raises(InputError, match="1 or 4 masks; found 3"):
        next(
            paste_into_video(
                [torch.ones(4, 3, 32, 32)], lambda n: portrait.original[n], portrait, plan, mask=torch.ones(3, 1, 8, 8)
            )
        )
