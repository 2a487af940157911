"""Rendered heads that speak become prepared clips."""

import pytest
import torch

from stylehead_core.datasets import talking_heads
from stylehead_core.datasets.talking_heads import TalkingHeadsConfig, choose_person, make_sentence, write_talking_heads
from stylehead_core.datasets.videos import load_videos
from stylehead_core.errors import ConfigError


@pytest.fixture
def measured(monkeypatch):
    def measure(landmarker, pictures):
        count = len(pictures)
        found = torch.full((count,), measured_there[0])
        return torch.rand(count, 478, 3) * 64, torch.rand(count, 58), found

    measured_there = [True]
    monkeypatch.setattr(talking_heads, "measure_pictures", measure)
    return measured_there


def test_a_clip_is_a_portrait_that_speaks(renderer, measured, tmp_path):
    config = TalkingHeadsConfig(size=64, frames=8)
    (clip,) = write_talking_heads(tmp_path, [3], renderer, None, config)  # type: ignore[arg-type]  # no landmarker is needed
    assert clip is not None
    videos = load_videos(tmp_path, 64, sound=True, aligned=True)
    shot = videos.shot(0, [0, 7], 1, 16)
    assert shot.pictures.shape == (2, 3, 64, 64)
    assert float(shot.pictures.std()) > 0.05
    assert clip.measured["mel"].shape == (80, 1 + 8 * 640 // 200)
    again = list(write_talking_heads(tmp_path, [3], renderer, None, config))  # type: ignore[arg-type]  # no landmarker is needed
    assert again[0] is not None
    assert again[0].folder == clip.folder


def test_a_face_that_is_not_found_gives_no_clip(renderer, measured, tmp_path):
    measured[0] = False
    made = list(write_talking_heads(tmp_path, [3], renderer, None, TalkingHeadsConfig(size=64, frames=8)))  # type: ignore[arg-type]  # no landmarker is needed
    assert made == [None]
    assert not list(tmp_path.iterdir())


def test_held_out_people_and_sentences_are_others():
    pytest.importorskip("espeakng_loader")
    assert choose_person(1, held_out=True) != choose_person(1, held_out=False)
    assert choose_person(1, held_out=False).hair_style == "bald"
    assert make_sentence(1, held_out=True).text != make_sentence(1, held_out=False).text
    assert make_sentence(1, held_out=False).text == make_sentence(1, held_out=False).text


def test_settings_that_cannot_work_are_refused():
    with pytest.raises(ConfigError, match="8 frames"):
        TalkingHeadsConfig(frames=4)
