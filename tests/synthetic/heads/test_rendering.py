"""Rendered people: drawn as small as possible, where OpenGL and the face model are at hand."""

import json
from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from stylehead_core.datasets.measure import measure_pictures
from stylehead_core.errors import InputError
from stylehead_core.landmarker.files import load_landmarker
from stylehead_core.spaces import BLENDSHAPES
from stylehead_core.synthetic.heads.appearance import EDITS, sample_appearance
from stylehead_core.synthetic.heads.checks import visible_skin_psnr
from stylehead_core.synthetic.heads.clips import COLOURS_ONLY, ClipConfig
from stylehead_core.synthetic.heads.correspondence import Correspondence, Frame
from stylehead_core.synthetic.heads.geometry import Pose
from stylehead_core.synthetic.heads.head_model import LIPS_FOLLOW_CM, weights_of
from stylehead_core.synthetic.heads.renderer import Renderer
from stylehead_core.synthetic.heads.rendering import Job, render_clips
from stylehead_core.synthetic.heads.scene import sample_scene
from stylehead_core.synthetic.heads.shards import find_clips, read_clip, write_clip

MEASURABLE_PX = 256  # side of a picture in which the landmarker measures a mouth


@pytest.fixture(scope="module")
def person(renderer):
    return renderer.person(sample_appearance(3, hair_style="short", glasses="round"))


def test_the_same_seed_gives_the_same_pixels_and_labels(maker, clip):
    again = maker.make(3)
    for field in fields(clip):
        np.testing.assert_array_equal(getattr(again, field.name), getattr(clip, field.name), err_msg=field.name)


def test_landmarks_lie_on_the_person(clip):
    for alpha, landmarks in zip(clip.alpha, clip.landmarks_68, strict=True):
        x, y = landmarks[27:].round().astype(int).clip(0, 63).T  # nose, eyes, mouth
        assert (alpha[y, x] > 200).all()


def test_half_of_the_pairs_differ_in_the_expression_alone(clip):
    assert clip.same_pose.mean() == 0.5
    for (source, target), same in zip(clip.pairs, clip.same_pose, strict=True):
        assert np.array_equal(clip.angles[source], clip.angles[target]) == same
        assert not np.array_equal(clip.weights[source], clip.weights[target])


def test_an_open_jaw_moves_the_chin_and_not_the_brows(renderer, person):
    scene, pose = sample_scene(3), Pose()
    crop = renderer.crop_of(person, pose, scene)
    shut, wide = (
        renderer.render(person, weights_of({"jawOpen": jaw}), pose, scene, crop).landmarks for jaw in (0.0, 1.0)
    )
    assert wide[8, 1] - shut[8, 1] > 3
    assert np.abs(wide[17:27] - shut[17:27]).max() < 0.3


def test_lips_that_stay_closed_go_down_with_the_jaw(renderer, person):
    model = renderer.model
    rest, jaw, lips, both = (
        model.express(person.neutral, weights_of(weights))
        for weights in ({}, {"jawOpen": 0.5}, {"mouthClose": 0.5}, {"jawOpen": 0.5, "mouthClose": 0.5})
    )
    follow = both - (jaw + lips - rest)
    assert follow[:, 1].min() == pytest.approx(-0.5 * LIPS_FOLLOW_CM, rel=0.1)
    assert np.abs(follow[:, [0, 2]]).max() < 1e-4
    above_nose = rest[:, 1] > rest[follow[:, 1].argmin(), 1] + 3
    assert np.abs(follow[above_nose]).max() < 1e-4


def test_the_landmarker_measures_closed_lips_over_a_lowered_jaw(renderer, tmp_path, monkeypatch):
    larger, landmarker = Renderer(renderer.model, MEASURABLE_PX, cache=tmp_path), load_landmarker()
    sour = weights_of({"jawOpen": 0.55, "mouthClose": 0.55})

    def measure() -> np.ndarray:
        people = [(larger.person(sample_appearance(seed)), sample_scene(seed)) for seed in (3, 5, 7)]
        drawn = np.stack([larger.render(person, sour, Pose(), scene).picture for person, scene in people])
        _, coefficients, found = measure_pictures(landmarker, torch.from_numpy(drawn).movedim(-1, 1).contiguous())
        assert found.all()
        names = ("jawOpen", "mouthClose")
        return coefficients[:, [BLENDSHAPES.index(name) for name in names]].mean(0).numpy()

    following = measure()
    monkeypatch.setattr(renderer.model, "_lips_follow", np.zeros_like(renderer.model._lips_follow))
    assert (measure() < 0.1).all()  # by the face kit's shapes alone
    assert (following > 0.15).all()


def test_a_frame_corresponds_to_itself(renderer, person):
    scene, frame = sample_scene(3), Frame(weights_of({"jawOpen": 0.3}), Pose(angles=(0.1, 0.2, 0.0)))
    crop = renderer.crop_of(person, Pose(), scene)
    pair = Correspondence(renderer, 32).compare(person, frame, frame, crop, scene.distance)
    assert np.abs(pair.flow).max() < 0.01
    assert pair.visible.mean() > 0.98


def test_a_turned_head_shows_what_was_hidden(renderer, person):
    scene = sample_scene(3)
    source, target = (Frame(weights_of({}), Pose(angles=(0.0, yaw, 0.0))) for yaw in (-0.4, 0.4))
    crop = renderer.crop_of(person, Pose(), scene)
    pair = Correspondence(renderer, 32).compare(person, source, target, crop, scene.distance)
    assert 0.5 < pair.visible.mean() < 0.95
    assert pair.flow[0].min() < -3  # the nose went to the right: it is fetched from the left


def test_the_correspondence_warps_one_frame_onto_the_other(renderer):
    assert visible_skin_psnr(renderer, 3, turn=0.1) > 26  # 30 at 128 pixels; here a pixel is half an eyelid


def test_an_edit_leaves_the_background_and_the_pose(maker, clip):
    clean = type(maker)(maker.renderer, replace(maker.config, faults=0.0)).make(3)
    assert len(clean.edited) >= 2
    outside = clean.alpha[0] == 0
    for which, (low, high) in zip(clean.edited_attribute, clean.edited, strict=True):
        changed = np.abs(low.astype(int) - high)
        assert changed.max() > 10
        assert changed[outside].mean() < 2  # a few hairs of an aged head lie a little differently
        if tuple(EDITS)[which] in COLOURS_ONLY:
            assert not changed[outside].any()


def test_a_clip_on_disk_is_the_clip(clip, tmp_path):
    read = read_clip(write_clip(clip, tmp_path))
    for field in fields(clip):
        if field.name != "about":
            np.testing.assert_array_equal(getattr(read, field.name), getattr(clip, field.name), err_msg=field.name)
    assert read.about == clip.about


def test_a_stopped_run_goes_on_and_another_one_is_refused(facekit, renderer, tmp_path):
    config = ClipConfig(size=32, frames=2, flow=16, edits=False)
    job = Job(facekit=facekit, config=config, folder=tmp_path)
    first = render_clips(job, range(2))
    assert next(first) == 0
    first.close()  # stopped
    before = find_clips(tmp_path)[0].stat().st_mtime_ns
    assert list(render_clips(job, range(2))) == [0, 1]
    assert [path.stem for path in find_clips(tmp_path)] == ["clip-0000000", "clip-0000001"]
    assert find_clips(tmp_path)[0].stat().st_mtime_ns == before
    assert json.loads((tmp_path / "heads.json").read_text())["config"]["size"] == 32
    with pytest.raises(InputError, match="made otherwise: config"):
        list(render_clips(replace(job, config=replace(config, frames=4)), range(2)))
