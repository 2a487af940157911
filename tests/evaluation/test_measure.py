"""Measuring whole clips: drawn faces of which a stand-in for the landmarker knows where they are."""

import json
import math
from dataclasses import replace
from fractions import Fraction
from functools import partial

import pytest
import torch

from stylehead_core.errors import InputError
from stylehead_core.evaluation.catalogue import METRICS
from stylehead_core.evaluation.load_metric_networks import find_metric_files
from stylehead_core.evaluation.measure import Clip, frame_alike, measure, sheet
from stylehead_core.evaluation.metric_networks import ClipLandmarks, MetricNetworks, track_in_bfm
from stylehead_core.media.sound import Sound
from stylehead_core.model.presets import debug
from stylehead_core.model.stylehead import build
from stylehead_core.networks.coefficients import CoefficientsConfig
from stylehead_core.ops.align import ffhq_square, five_points, square_to_affine
from stylehead_core.ops.crop import cut_square
from stylehead_core.stages.tracking import measure_bfm

SIZE, FRAMES = 48, 20


def draw(columns: list[int]) -> torch.Tensor:
    """Frames with noise for a background, and a chequered face 16 pixels wide at these columns."""
    rng = torch.Generator().manual_seed(0)
    frames = (torch.rand(1, 3, SIZE, SIZE, generator=rng) - 0.5).repeat(len(columns), 1, 1, 1)
    for frame, left in zip(frames, columns, strict=True):
        frame[:, 20:44, left : left + 16] = 1
        frame[:, 20:44:2, left : left + 16 : 2] = -1
    return frames


def see(frames: torch.Tensor) -> ClipLandmarks:
    """Where the white face is; its smile is its column, as is its yaw."""
    column = (frames[:, 0, 21] == 1).float().argmax(dim=1).float()
    found = (frames[:, 0, 21] == 1).any(dim=1)
    points = torch.rand(478, 3, generator=torch.Generator().manual_seed(1)) * torch.tensor([16.0, 24.0, 1.0])
    points[33, :2], points[263, :2] = torch.tensor([3.0, 8.0]), torch.tensor([13.0, 8.0])
    points[[61, 291, 0, 17, 37, 267, 84, 314, 78, 308, 13, 14], 1] = 18
    points[[13, 14], 0] = 8
    landmarks = points + torch.stack((column, torch.full_like(column, 20), torch.zeros_like(column)), dim=1)[:, None]
    coefficients = torch.zeros(len(frames), 58)
    coefficients[:, 0] = column / 100
    coefficients[:, 53] = column / 10
    return ClipLandmarks(landmarks=landmarks, coefficients=coefficients, found=found)


def see_anywhere(frames: torch.Tensor) -> ClipLandmarks:
    """The same, at whatever height the face is."""
    top = (frames[:, 0] == 1).any(dim=2).float().argmax(dim=1)
    rolled = torch.stack([frame.roll(20 - int(t), 1) for frame, t in zip(frames, top, strict=True)])
    track = see(rolled)
    shift = torch.stack((torch.zeros(len(top)), top.float() - 20, torch.zeros(len(top))), dim=1)
    return replace(track, landmarks=track.landmarks + shift[:, None])


class Colours(torch.nn.Module):
    """A feature network that sees the mean colour of each quarter."""

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.adaptive_avg_pool2d(pictures, 2).flatten(1)


MOVING = [10 + i % 5 for i in range(FRAMES)]


@pytest.fixture(scope="module")
def target() -> Clip:
    return Clip(frames=draw(MOVING))


@pytest.fixture(scope="module")
def source() -> torch.Tensor:
    return draw([10])


@pytest.fixture
def metric_networks() -> MetricNetworks:
    return MetricNetworks(track=see, identity=Colours(), likeness=Colours(), features=Colours())


def test_the_truth_itself_is_faultless(target, source, metric_networks):
    report = measure(target, target=target, source=source, metric_networks=metric_networks)
    perfect = {"psnr": 100, "ssim": 1, "fid": 0, "aed": 0, "apd": 0, "akd": 0, "nme": 0, "sharpness": 1, "colour": 0}
    for name, value in {**perfect, "mouth_sharpness": 1, "yellow": 0}.items():
        assert report[name].value == pytest.approx(value, abs=1e-4), name
    for name in ("csim", "likeness", "jitter", "flicker"):  # the same clip stands beside it
        assert report[name].value == pytest.approx(report[name].reference), name


def test_the_still_portrait_is_its_own_reference(target, source, metric_networks):
    still = Clip(frames=source.repeat(FRAMES, 1, 1, 1))
    report = measure(still, target=target, source=source, metric_networks=metric_networks)
    for name in ("psnr", "ssim", "aed", "apd", "akd", "nme", "sharpness"):
        assert report[name].value == pytest.approx(report[name].reference), name
    # The face is 2 columns away on average: yaw 0.2 of three angles, x of two coordinates.
    assert report["apd"].value == pytest.approx(0.2 / 3)
    assert report["akd"].value == pytest.approx(1.0)
    assert report["nme"].value == pytest.approx(2 / 10)


def test_another_person_is_compared_in_motion_but_not_in_pixels(target, source, metric_networks):
    report = measure(target, driving=Clip(frames=draw(MOVING[::-1])), source=source, metric_networks=metric_networks)
    assert report["aed"].value > 0
    assert report["psnr"].skipped == "no target clip was given"
    assert report["sharpness"].value == pytest.approx(1, abs=0.05)  # beside the portrait


def test_what_is_held_against_the_portrait_stands_beside_the_driver_held_against_its_first_frame(
    source, metric_networks
):
    driver = Clip(frames=draw(MOVING))
    report = measure(
        Clip(frames=source.repeat(FRAMES, 1, 1, 1)), driving=driver, source=source, metric_networks=metric_networks
    )
    for name in ("csim", "sharpness", "mouth_sharpness", "colour", "yellow"):
        assert report[name].against == "driving clip against its first frame", name
        assert report[name].reference is not None, name
    for name in ("sharpness", "mouth_sharpness"):  # the chequered face stays as sharp as it is
        assert report[name].reference == pytest.approx(1, abs=0.05), name
    assert report["csim"].reference_frames[0] == pytest.approx(1)
    assert report["colour"].reference_frames[0] == pytest.approx(0, abs=1e-4)


def test_a_mask_or_an_original_of_another_size_says_so_instead_of_a_number(target):
    small, right = torch.ones(1, 1, 8, 8), torch.ones(1, 1, SIZE, SIZE)
    assert "mask" in measure(target, mask=small)["seam"].skipped
    other = Clip(frames=torch.zeros(3, 3, SIZE, SIZE))
    assert "original" in measure(target, mask=right, original=other)["seam"].skipped


def test_what_lacks_its_judge_says_so_instead_of_a_number(target):
    report = measure(target, target=target)
    assert [line.name for line in report.lines] == [metric.name for metric in METRICS]
    for line in report.lines:
        assert (line.value is None) == (line.skipped is not None)
    assert "weights missing" in report["lpips"].skipped
    assert "weights missing" in report["aed"].skipped
    assert "Identity (CSIM): skipped: weights missing: a face recognition network" in report.table()


def test_frames_without_a_face_do_not_count(target, metric_networks):
    frames = target.frames.clone()
    frames[3] = 0
    report = measure(Clip(frames=frames), target=target, metric_networks=metric_networks, only=("aed",))
    assert report["aed"].value == 0
    assert math.isnan(report["aed"].frames[3])
    assert report.json()["metrics"][0]["frames"][3] is None


def test_a_clip_without_any_face_says_so(metric_networks, target):
    empty = Clip(frames=torch.zeros(FRAMES, 3, SIZE, SIZE))
    assert (
        measure(empty, target=target, metric_networks=metric_networks)["nme"].skipped
        == "no face was found in the generated clip"
    )


def test_sound_that_comes_and_goes_with_the_lips_is_heard(metric_networks):
    def see_lips(frames: torch.Tensor) -> ClipLandmarks:
        found = see(frames)
        found.landmarks[:, 14, 1] += 3 * opening
        return found

    opening = torch.tensor([(i % 7) / 6 for i in range(FRAMES)])
    sound = opening.repeat_interleave(400) * torch.sin(torch.arange(FRAMES * 400) * 0.5)
    clip = Clip(frames=draw([10] * FRAMES), sound=Sound(samples=sound[None], rate=10000))
    report = measure(clip, metric_networks=MetricNetworks(track=see_lips), only=("lip_envelope",))
    assert report["lip_envelope"].value > 0.99
    assert (
        measure(Clip(frames=clip.frames), metric_networks=metric_networks)["lip_envelope"].skipped
        == "no sound was given"
    )


def test_a_longer_and_larger_target_is_fitted_and_noted():
    grey, large = torch.zeros(FRAMES, 3, SIZE, SIZE), torch.zeros(FRAMES + 2, 3, 2 * SIZE, 2 * SIZE)
    report = measure(Clip(frames=grey), target=Clip(frames=large), only=("psnr",))
    assert len(report["psnr"].frames) == FRAMES
    assert report["psnr"].value > 50
    assert len(report.notes) == 2
    assert "first 20 of 22 frames of the target" in report.notes[0]
    assert "96 x 96 to 48 x 48" in report.notes[1]


def test_clips_of_different_rates_are_refused(target):
    with pytest.raises(InputError, match="25 frames a second, the target clip 30"):
        measure(target, target=Clip(frames=target.frames, fps=Fraction(30)))


def test_a_seam_stands_beside_the_original():
    mask = torch.zeros(1, 1, SIZE, SIZE)
    mask[..., :24] = 1
    original = Clip(frames=torch.zeros(1, 3, SIZE, SIZE))
    pasted = Clip(frames=(0.1 * mask).expand(3, 3, -1, -1))
    found = measure(pasted, original=original, mask=mask, only=("seam",))["seam"]
    assert found.value == pytest.approx(12.75, rel=1e-4)
    assert found.reference == 0


def test_an_edit_of_the_face_alone_does_not_leak(target, metric_networks):
    shifted = target.frames.clone()
    shifted[:, :, 28:36, 16:22] = 0  # inside every face
    edited = measure(Clip(frames=shifted), unedited=target, metric_networks=metric_networks, only=("edit_leakage",))
    assert edited["edit_leakage"].value == 0


def test_the_report_is_plain_json_and_a_picture(target, source, metric_networks):
    report = measure(target, target=target, source=source, metric_networks=metric_networks)
    assert "NaN" not in json.dumps(report.json(), allow_nan=False)
    picture = report.plot()
    assert picture.shape[0] == 3
    assert picture.min() >= -1
    assert picture.max() <= 1


def test_the_sheet_shows_every_row(target, source):
    with_truth, alone = sheet(target, target=target, source=source, columns=4), sheet(target, columns=4)
    assert with_truth.shape[-1] == alone.shape[-1] > 4 * 160
    assert with_truth.shape[-2] > 4 * 160 > 2 * 160 > alone.shape[-2]


def test_progress_counts_to_the_end(target):
    calls = []
    measure(target, target=target, only=("psnr", "ssim"), progress=lambda done, total: calls.append((done, total)))
    assert calls == [(0, 2), (1, 2), (2, 2)]


def test_identity_is_told_of_aligned_faces(target, source):
    """The same face elsewhere, turned and larger, is the same person once it is aligned."""
    shown = []

    class Watched(Colours):
        def forward(self, pictures):
            shown.append(pictures)
            return super().forward(pictures)

    measure(target, source=source, metric_networks=MetricNetworks(track=see, identity=Watched()), only=("csim",))
    assert {picture.shape[1:] for picture in shown} == {(3, 256, 256)}
    first = see(target.frames[:1])
    affine = square_to_affine(*ffhq_square(*five_points(first.landmarks)), 256)[0]
    torch.testing.assert_close(shown[1][:1], cut_square(target.frames[:1], affine, 256))


def test_frames_without_a_face_have_no_identity(target, source, metric_networks):
    frames = target.frames.clone()
    frames[3] = 0
    report = measure(Clip(frames=frames), source=source, metric_networks=metric_networks, only=("csim",))
    assert math.isnan(report["csim"].frames[3] if report["csim"].frames[3] is not None else math.nan)
    assert report["csim"].value > 0.5


def test_expression_and_pose_are_told_in_the_space_of_the_model_that_measures_them(target):
    small = CoefficientsConfig(blocks=(1, 1, 1, 1), width=4)
    model = build(replace(debug("bfm"), coefficients=small))
    eyes, mouth = ((-0.3, 0.3, 0.2), (0.3, 0.3, 0.2)), ((-0.25, -0.4, 0.2), (0.25, -0.4, 0.2))
    model.face_points.copy_(torch.tensor((*eyes, (0.0, 0.0, 0.5), *mouth)))
    track = track_in_bfm(see, model, target.frames)
    assert (track.space, track.coefficients.shape) == ("bfm", (FRAMES, 73))
    landmarks = see(target.frames).landmarks
    square = square_to_affine(*ffhq_square(*five_points(landmarks[:1])), 256)[0]
    expected = measure_bfm(target.frames[4:5], landmarks[4], square, model.coefficients, model.face_points)
    torch.testing.assert_close(track.coefficients[4], expected)
    networks = MetricNetworks(track=partial(track_in_bfm, see, model))
    order = [0, *range(FRAMES - 1, 0, -1)]  # the first face's square stays the same
    report = measure(Clip(frames=target.frames[order]), target=target, metric_networks=networks, only=("aed", "apd"))
    difference = (track.coefficients[order] - track.coefficients).abs()
    assert report["aed"].value == pytest.approx(difference[:, :64].mean().item(), rel=1e-4)
    assert report["apd"].value == pytest.approx(difference[:, 64:67].mean().item(), abs=1e-6)


def test_a_portrait_of_another_framing_is_aligned_and_that_is_said(target, source, metric_networks):
    wide = torch.nn.functional.pad(source, (30, 30, 30, 30))
    report = measure(target, source=wide, metric_networks=replace(metric_networks, track=see_anywhere))
    assert any("aligned to them" in note for note in report.notes)
    again, _ = frame_alike(wide, target.frames, see_anywhere)
    aligned, words = frame_alike(source, target.frames, see_anywhere)
    assert torch.equal(aligned, source)
    assert words == ()
    assert (again - source)[..., 22:42, 12:24].abs().mean() < 0.05


def test_published_files_are_found_by_their_names(tmp_path):
    assert find_metric_files(tmp_path) == {}
    for name in ("alex.pth", "alexnet-owt-7be5be79.pth", "model_ir_se50.pth", "lipsync_expert.pth"):
        (tmp_path / name).touch()
    expert = tmp_path / "lipsync_expert.pth"
    found = {"lpips": tmp_path, "identity": tmp_path / "model_ir_se50.pth", "sync": expert}
    assert find_metric_files(tmp_path) == found
    (tmp_path / "sync.safetensors").touch()
    assert find_metric_files(tmp_path)["sync"] == tmp_path / "sync.safetensors"
