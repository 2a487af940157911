"""Laws of the flow: the same for any chunk, still for a motion that stands still, and only for its own space."""

from dataclasses import replace
from fractions import Fraction

import pytest
import torch

from stylehead_core import (
    InputError,
    MediaError,
    Motion,
    MotionError,
    Portrait,
    calibrate,
    invert,
    render,
    warp_features,
)
from stylehead_core.model.presets import debug
from stylehead_core.model.stylehead import build
from stylehead_core.ops.disk_tensor import DiskTensor
from stylehead_core.stages import warping
from stylehead_core.stages.moved_mask import moved_mask


def test_the_flow_is_the_same_for_any_chunk(scene):
    whole = warp_features(scene.model, scene.inversion, scene.motion)
    for chunk in (1, 4):
        parts = warp_features(scene.model, scene.inversion, scene.motion, chunk=chunk)
        torch.testing.assert_close(parts.flow, whole.flow)
        torch.testing.assert_close(parts.audio_flow, whole.audio_flow)
        torch.testing.assert_close(parts.descriptor, whole.descriptor)


def test_the_flow_of_a_long_clip_lies_on_the_disk_and_draws_the_same(scene, monkeypatch, tmp_path):
    def drawn(folder):
        head = warp_features(scene.model, scene.inversion, scene.motion, chunk=4, folder=folder)
        pictures = torch.cat(list(render(scene.model, calibrate(scene.model, head), 3)))
        return head, pictures, moved_mask(head, 64)

    held, expected, mask = drawn(None)
    monkeypatch.setattr(warping, "BLOCK_FRAMES", 8)
    stored, found, same_mask = drawn(tmp_path)
    assert isinstance(stored.flow, DiskTensor)
    for name in ("flow", "audio_flow", "visibility", "descriptor"):
        on_disk, in_memory = getattr(stored, name), getattr(held, name)
        assert (on_disk is None) == (in_memory is None)
        assert on_disk is None or torch.equal(on_disk[:], in_memory)
    assert torch.equal(found, expected)
    assert torch.equal(mask, same_mask)


def test_a_folder_without_room_is_named(scene, monkeypatch, tmp_path):
    monkeypatch.setattr(warping, "BLOCK_FRAMES", 8)
    with pytest.raises(MediaError, match="none"):
        warp_features(scene.model, scene.inversion, scene.motion, chunk=4, folder=tmp_path / "none")


def test_a_head_has_a_frame_for_every_frame_of_the_motion(scene):
    head = warp_features(scene.model, scene.inversion, scene.motion)
    assert len(head) == len(scene.motion) == 9
    assert head.flow.shape == (9, 2, 32, 32)
    assert (head.visibility is not None) == scene.model.config.flow_field.visibility


def test_a_motion_that_repeats_itself_gives_one_flow(scene):
    still = replace(scene.motion, coefficients=scene.motion.coefficients[:1].expand(9, -1), mel=None)
    flow = warp_features(scene.model, scene.inversion, still).flow
    torch.testing.assert_close(flow, flow[:1].expand_as(flow))


def test_a_relative_motion_of_zero_is_the_portraits_own(scene):
    own = scene.portrait.coefficients.expand(9, -1)
    absolute = replace(scene.motion, coefficients=own, mel=None)
    relative = replace(absolute, coefficients=torch.zeros_like(own), relative=True)
    found, expected = (warp_features(scene.model, scene.inversion, motion) for motion in (relative, absolute))
    assert torch.equal(found.flow, expected.flow)


def test_a_motion_at_twice_the_rate_gives_the_same_flow_at_the_same_times(scene):
    slow = replace(scene.motion, mel=None)
    between = (slow.coefficients[1:] + slow.coefficients[:-1]) / 2
    fast = torch.stack((slow.coefficients[:-1], between), dim=1).flatten(0, 1)
    twice = replace(slow, coefficients=torch.cat((fast, slow.coefficients[-1:])), fps=Fraction(50), found=None)
    flow = warp_features(scene.model, scene.inversion, twice).flow
    torch.testing.assert_close(flow[::2], warp_features(scene.model, scene.inversion, slow).flow)


def test_sound_moves_the_lower_half_only(scene):
    flow = warp_features(scene.model, scene.inversion, scene.motion).audio_flow
    assert flow[:, :, :16].abs().max() == 0
    assert flow[:, :, 20:].abs().max() > 0


def test_sound_is_confined_to_the_lower_face_of_known_landmarks():
    model = build(debug("arkit"))
    landmarks = torch.full((478, 3), 32.0)  # a face without extent
    portrait = Portrait(image=torch.zeros(1, 3, 64, 64), landmarks=landmarks, coefficients=torch.zeros(58))
    motion = Motion(coefficients=torch.zeros(1, 58), fps=Fraction(25), mel=torch.ones(1, 80, 32))
    flow = warp_features(model, invert(model, portrait), motion).audio_flow
    assert flow.abs().max() == 0


def test_a_motion_without_sound_has_no_second_flow(scene):
    assert warp_features(scene.model, scene.inversion, replace(scene.motion, mel=None)).audio_flow is None


def test_progress_is_told_and_may_stop(scene):
    seen = []
    warp_features(scene.model, scene.inversion, scene.motion, chunk=4, progress=lambda *step: seen.append(step))
    assert seen == [(4, 9), (8, 9), (9, 9)]

    def stop(done, total):
        raise InterruptedError

    with pytest.raises(InterruptedError):
        warp_features(scene.model, scene.inversion, scene.motion, progress=stop)


def test_a_motion_of_another_space_is_refused(scene):
    other, width = ("bfm", 73) if scene.motion.space == "arkit" else ("arkit", 58)
    motion = Motion(coefficients=torch.zeros(3, width), fps=Fraction(25), space=other)
    with pytest.raises(MotionError, match=f"space '{scene.motion.space}'; this motion is in '{other}'"):
        warp_features(scene.model, scene.inversion, motion)


def test_sound_windows_of_another_size_are_refused(scene):
    with pytest.raises(MotionError, match=r"\(80, 32\); this motion has \(80, 16\)"):
        warp_features(scene.model, scene.inversion, replace(scene.motion, mel=torch.zeros(9, 80, 16)))


def test_what_needs_the_portraits_own_pose_says_so(scene):
    bare = invert(scene.model, scene.portrait.image)
    with pytest.raises(InputError, match="pose and expression of the portrait itself"):
        warp_features(scene.model, bare, replace(scene.motion, relative=True))
    of_another_space = invert(scene.model, replace(scene.portrait, coefficients=torch.zeros(5)))
    with pytest.raises(InputError, match=f"in the space '{scene.motion.space}', which were not measured"):
        warp_features(scene.model, of_another_space, replace(scene.motion, relative=True))


def test_a_chunk_has_at_least_one_frame(scene):
    with pytest.raises(InputError, match="at least one frame; found 0"):
        warp_features(scene.model, scene.inversion, scene.motion, chunk=0)
