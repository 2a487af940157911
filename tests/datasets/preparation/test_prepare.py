"""Preparing training clips from videos of drawn faces."""

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
import torch

from stylehead_core.datasets.preparation.clip_folder import open_clip, open_clips
from stylehead_core.datasets.preparation.follow import follow_faces
from stylehead_core.datasets.preparation.framing import square_for
from stylehead_core.datasets.preparation.prepare import prepare_folder
from stylehead_core.datasets.preparation.styles import PrepareConfig, hdtf, portrait, voxceleb
from stylehead_core.errors import ConfigError, InputError
from stylehead_core.landmarker.files import find_landmarker, load_landmarker
from stylehead_core.media.video import read_frames
from stylehead_core.ops.align import LANDMARKS_68

from .drawn import GREEN, RED, SIDE, DrawnLandmarker, frame, write

CONFIG = PrepareConfig(framing="track", size=64, shortest=6, smallest=32)


@pytest.fixture
def landmarker() -> DrawnLandmarker:
    return DrawnLandmarker()


def follow(frames: list[torch.Tensor], landmarker: DrawnLandmarker, config: PrepareConfig = CONFIG):
    return [(track.first, len(track)) for track in follow_faces(frames, landmarker, config)]


# Following


def test_a_face_that_stays_is_one_piece(landmarker):
    assert follow([frame({RED: (40 + i % 3, 40)}) for i in range(10)], landmarker) == [(0, 10)]


def test_a_face_that_walks_off_begins_a_new_piece_where_a_quarter_is_no_longer_shared(landmarker):
    # 2 pixels a frame: after n frames the boxes share (31 - 2n) of (31 + 2n) columns, less than 1/4 from n = 10 on.
    frames = [frame({RED: (2 * i, 40)}) for i in range(16)]
    assert follow(frames, landmarker) == [(0, 10), (10, 6)]


def test_a_cut_ends_a_piece_even_where_the_next_face_is_in_the_same_place(landmarker):
    frames = [frame({RED: (40, 40)}, background=level) for level in [-0.2] * 7 + [0.8] * 8]
    assert follow(frames, landmarker) == [(0, 7), (7, 8)]


def test_two_faces_are_two_pieces_and_one_that_comes_in_is_seen_within_a_second(landmarker):
    frames = [frame({RED: (10, 10)} | ({GREEN: (80, 80)} if i >= 5 else {})) for i in range(40)]
    assert follow(frames, landmarker) == [(0, 40), (25, 15)]


def test_a_face_that_goes_away_for_a_moment_is_two_pieces_and_short_ones_are_left_out(landmarker):
    frames = [frame({} if i in (7, 12) else {RED: (40, 40)}) for i in range(20)]
    assert follow(frames, landmarker) == [(0, 7), (13, 7)]


def test_no_piece_is_longer_than_asked(landmarker):
    frames = [frame({RED: (40, 40)})] * 20
    assert follow(frames, landmarker, replace(CONFIG, longest=8)) == [(0, 8), (8, 8)]


# Framing


def test_the_track_framing_holds_every_box_with_a_tenth_of_room(landmarker):
    track = follow_faces([frame({RED: (30 + i, 40)}) for i in range(10)], landmarker, CONFIG)[0]
    square = square_for(track, CONFIG)
    side = (SIDE - 1 + 9) * 1.2  # columns 30 to 70
    torch.testing.assert_close(square[0, 0] * CONFIG.size, torch.tensor(side))
    middle = square[:, :2] @ torch.tensor([31.5, 31.5]) + square[:, 2]
    torch.testing.assert_close(middle, torch.tensor([50.0, 55.5]))


def test_the_portrait_framing_is_larger_and_stands_with_the_first_frame(landmarker):
    frames = [frame({RED: (40 + i, 40)}) for i in range(8)]
    moving, still = (follow_faces(f, landmarker, CONFIG)[0] for f in (frames, frames[:1] * 8))
    config = replace(CONFIG, framing="portrait")
    assert torch.equal(square_for(moving, config), square_for(still, config))
    assert square_for(still, config)[0, 0] > square_for(still, CONFIG)[0, 0]


# From files to files


@pytest.fixture
def videos(tmp_path) -> Path:
    folder = tmp_path / "videos"
    (folder / "one").mkdir(parents=True)
    write(folder / "one" / "talk 1.mp4", [frame({RED: (40 + i % 4, 40)}) for i in range(10)], sound=True)
    write(folder / "two.mp4", [frame({RED: (10, 10), GREEN: (80, 80)})] * 8)
    return folder


def test_a_clip_shows_the_face_where_its_landmarks_say(videos, tmp_path, landmarker):
    outcomes = prepare_folder(videos, tmp_path / "out", landmarker, CONFIG)
    assert [len(outcome.clips) for outcome in outcomes.values()] == [1, 2]
    clip = open_clips(tmp_path / "out")[0]
    assert (clip.video, len(clip), clip.fps, clip.sound) == ("one/talk 1.mp4", 10, 25, True)
    frames, landmarks = clip.frames(range(10)), clip.measured["landmarks"]
    assert frames.shape == (10, 3, 64, 64)
    for picture, points in zip(frames, landmarks, strict=True):
        left, top = points[0, :2]
        right, bottom = points[1, :2]
        red = picture[RED].float() - picture[GREEN].float()
        inside = red[round(float(top)) + 2 : round(float(bottom)) - 1, round(float(left)) + 2 : round(float(right)) - 1]
        assert inside.min() > 120
        assert red[:, : round(float(left)) - 3].max() < 100


def test_coefficients_say_where_the_face_is_in_the_cut_picture(videos, tmp_path, landmarker):
    prepare_folder(videos, tmp_path / "out", landmarker, CONFIG)
    clip = open_clips(tmp_path / "out")[0]
    coefficients, landmarks = clip.measured["coefficients"], clip.measured["landmarks"]
    assert coefficients.shape == (10, 58)
    middle = landmarks.mean(dim=1)[:, :2]
    torch.testing.assert_close(coefficients[:, 55:57], (middle - 31.5) / 32, atol=1e-4, rtol=0)


def test_an_aligned_portrait_stands_beside_each_frame(videos, tmp_path, landmarker):
    prepare_folder(videos, tmp_path / "out", landmarker, replace(CONFIG, aligned=True))
    clip = open_clips(tmp_path / "out")[0]
    points, wide = clip.measured["aligned_landmarks"], clip.measured["landmarks"]
    assert clip.aligned_frames(range(10)).shape == (10, 3, 64, 64)
    assert clip.measured["aligned_coefficients"].shape == (10, 58)
    eyes = [points[:, LANDMARKS_68[i], :2] for i in (36, 42)]
    torch.testing.assert_close(torch.stack(eyes).mean(0)[:, 0], torch.full((10,), 31.5))  # upright, in the middle
    torch.testing.assert_close(points[:, :, :2].std(1), points[:1, :, :2].std(1).expand(10, -1))  # of one size always
    assert (wide[0] - points[0]).abs().max() > 4  # another square than the clip's own
    red = clip.aligned_frames([0])[0, RED].float() - clip.aligned_frames([0])[0, GREEN].float()
    left, top = points[0, 0, :2].round().int().tolist()
    right, bottom = points[0, 1, :2].round().int().tolist()
    assert red[max(top + 2, 0) : bottom - 2, max(left + 2, 0) : right - 2].min() > 120


def test_a_folder_of_before_aligned_portraits_goes_on(videos, tmp_path, landmarker):
    first = prepare_folder(videos, tmp_path / "out", landmarker, CONFIG)
    manifest = tmp_path / "out" / "manifest.json"
    written = json.loads(manifest.read_text())
    del written["settings"]["aligned"]
    manifest.write_text(json.dumps(written))
    assert prepare_folder(videos, tmp_path / "out", landmarker, CONFIG) == first


def test_sound_is_cut_with_the_frames_at_eighty_columns_a_second(videos, tmp_path, landmarker):
    prepare_folder(videos, tmp_path / "out", landmarker, CONFIG)
    with_sound, without, _ = open_clips(tmp_path / "out")
    assert with_sound.measured["mel"].shape[0] == 80
    assert abs(with_sound.measured["mel"].shape[1] - 10 / 25 * 80) <= 1
    assert "mel" not in without.measured


def test_a_video_of_another_rate_is_brought_to_25(tmp_path, landmarker):
    (tmp_path / "videos").mkdir()
    write(tmp_path / "videos" / "fast.mp4", [frame({RED: (40, 40)})] * 20, fps=50)
    prepare_folder(tmp_path / "videos", tmp_path / "out", landmarker, CONFIG)
    assert len(open_clips(tmp_path / "out")[0]) == 10


def test_a_second_run_does_nothing_again(videos, tmp_path, landmarker):
    first = prepare_folder(videos, tmp_path / "out", landmarker, CONFIG)
    calls = []
    second = prepare_folder(videos, tmp_path / "out", landmarker, CONFIG, lambda *step: calls.append(step))
    assert second == first
    assert calls == []


def test_a_run_that_was_stopped_goes_on(videos, tmp_path, landmarker):
    class Stop(Exception):
        pass

    def stop(name: str, what: str, done: int) -> None:
        if (name, what, done) == ("two.mp4", "cutting", 4):
            raise Stop

    with pytest.raises(Stop):
        prepare_folder(videos, tmp_path / "out", landmarker, CONFIG, stop)
    assert len(open_clips(tmp_path / "out")) == 1
    calls = []
    prepare_folder(videos, tmp_path / "out", landmarker, CONFIG, lambda *step: calls.append(step[0]))
    assert set(calls) == {"two.mp4"}
    assert [len(clip) for clip in open_clips(tmp_path / "out")] == [10, 8, 8]
    assert not list((tmp_path / "out").glob(".*.part"))


def test_parts_prepare_every_video_once_into_one_folder(videos, tmp_path, landmarker):
    whole = prepare_folder(videos, tmp_path / "whole", landmarker, CONFIG)
    parts = [prepare_folder(videos, tmp_path / "parts", landmarker, CONFIG, shard=(i, 2)) for i in (1, 2)]
    assert not parts[0].keys() & parts[1].keys()
    assert parts[0] | parts[1] == whole
    names = [sorted(clip.folder.name for clip in open_clips(tmp_path / out)) for out in ("whole", "parts")]
    assert names[0] == names[1]


def test_other_settings_need_another_folder(videos, tmp_path, landmarker):
    prepare_folder(videos, tmp_path / "out", landmarker, CONFIG)
    with pytest.raises(ConfigError, match=r"size 64 \(now 48\)"):
        prepare_folder(videos, tmp_path / "out", landmarker, replace(CONFIG, size=48))


def test_what_is_left_out_is_said_with_the_reason(videos, tmp_path, landmarker):
    (videos / "broken.mp4").write_bytes(b"no video at all")
    write(videos / "empty.mp4", [frame({})] * 8)
    outcomes = prepare_folder(videos, tmp_path / "out", landmarker, replace(CONFIG, smallest=200))
    assert "cannot be read" in outcomes["broken.mp4"].left_out[0]
    assert outcomes["empty.mp4"].left_out == ("no face stays for 6 frames",)
    assert "fewer than 200" in outcomes["two.mp4"].left_out[0]
    saved = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert set(saved["videos"]) == {"broken.mp4", "empty.mp4", "one/talk 1.mp4", "two.mp4"}


def test_a_folder_without_videos_and_one_without_clips_are_refused(tmp_path, landmarker):
    with pytest.raises(InputError, match="no video"):
        prepare_folder(tmp_path, tmp_path / "out", landmarker, CONFIG)
    with pytest.raises(InputError, match="no prepared clip"):
        open_clips(tmp_path)
    with pytest.raises(InputError, match="no prepared clip"):
        open_clip(tmp_path)


def test_the_two_styles_are_those_of_the_paper_and_a_third_frames_portraits():
    assert (voxceleb().size, voxceleb().framing, voxceleb().fps) == (256, "track", Fraction(25))
    assert (hdtf().size, hdtf().framing) == (512, "track")
    assert (portrait().size, portrait().framing) == (512, "portrait")
    assert (voxceleb().overlap, voxceleb().room) == (0.25, 0.1)


def test_settings_that_cannot_work_are_refused():
    with pytest.raises(ConfigError, match="shortest"):
        replace(CONFIG, longest=3)


@pytest.mark.skipif(find_landmarker() is None, reason="the face landmarker's weights are not installed")
def test_a_real_face_is_followed(shared):
    frames = next(read_frames(shared / "clips" / "drive_talking.mp4", fps=Fraction(5), chunk=6)).pictures
    assert follow(list(frames), load_landmarker(), replace(CONFIG, shortest=4)) == [(0, 6)]
