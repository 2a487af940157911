"""Lips by the paper's audio generator against lips by coefficients, on clips whose lips are read from brightness."""

from dataclasses import replace

import pytest
import torch
from prepared import clip_of

from stylehead_core.benchmark import paper_sound as trial
from stylehead_core.benchmark.paper_sound import PAPER_SOUND_WAYS, paper_sound
from stylehead_core.datasets.preparation.clip_folder import finish_clip, write_frame
from stylehead_core.datasets.videos import load_videos
from stylehead_core.errors import ConfigError
from stylehead_core.evaluation.faces import EYE_CORNERS, INNER_LIPS, lip_opening
from stylehead_core.model.presets import debug
from stylehead_core.model.stylehead import build
from stylehead_core.networks.speech_coefficients import SpeechCoefficientsConfig

SIZE, FRAMES = 64, 12


def face(opening: torch.Tensor) -> torch.Tensor:
    """Landmarks (T 478 3) of faces with eyes 20 pixels apart and lips ``opening`` (T) of that."""
    points = torch.zeros(len(opening), 478, 3) + 32.0
    points += torch.linspace(-8, 8, 478)[None, :, None]
    points[:, EYE_CORNERS[0], :2] = torch.tensor([20.0, 20.0])
    points[:, EYE_CORNERS[1], :2] = torch.tensor([40.0, 20.0])
    points[:, INNER_LIPS[0], :2] = torch.tensor([30.0, 40.0])
    points[:, INNER_LIPS[1], 0] = 30.0
    points[:, INNER_LIPS[1], 1] = 40.0 + 20 * opening
    return points


@pytest.fixture
def videos(tmp_path):
    """Two clips of a picture that is brighter further down, whose lips open and close."""
    picture = torch.linspace(-1, 1, SIZE)[:, None].expand(3, SIZE, SIZE)
    for number in range(2):
        clip = clip_of(tmp_path / f"clip-{number}", SIZE, FRAMES, framing="portrait")
        for row in range(FRAMES):
            write_frame(tmp_path / f"part-{number}", row, picture)
        opening = torch.sin(torch.arange(FRAMES) * (0.6 + 0.3 * number)).abs() * 0.4
        measured = {"landmarks": face(opening), "coefficients": torch.zeros(FRAMES, 58), "mel": torch.zeros(80, 40)}
        finish_clip(tmp_path / f"part-{number}", clip, measured)
    return load_videos(tmp_path, sound=True)


def read_brightness(landmarker, pictures):
    """A landmarker for which lips are as far apart as the picture is bright."""
    level = pictures.float().mean((1, 2, 3)) / 255
    return face(level), torch.zeros(len(pictures), 58), torch.ones(len(pictures), dtype=torch.bool)


@pytest.fixture
def model():
    config = replace(debug(), speech=SpeechCoefficientsConfig(window=32, width=8))
    return build(config, seed=0).eval()


def test_an_audio_flow_that_follows_the_lips_is_told_so(videos, model, monkeypatch):
    monkeypatch.setattr(trial, "measure_pictures", read_brightness)

    def follow(model, source, first, heard):
        clip = next(number for number in (0, 1) if number not in seen)
        seen.append(clip)
        flow = torch.zeros_like(first)
        flow[:, 1] = 8 * lip_opening(videos.clips[clip].measured["landmarks"])[:, None, None]  # from further down
        return flow

    seen: list[int] = []
    monkeypatch.setattr(trial, "_audio_flow", follow)
    monkeypatch.setattr(trial, "_video_flow", lambda model, source, c, fps: torch.zeros(len(c), 2, 32, 32))
    rows = {row.way: row for row in paper_sound(model, videos, None)}  # type: ignore[arg-type]  # no landmarker is needed
    assert tuple(rows) == PAPER_SOUND_WAYS
    assert rows["flow heard"].clips == 2
    assert rows["flow heard"].opening == pytest.approx(1, abs=0.02)
    assert rows["coefficients measured"].opening == 0  # nothing moved
    assert rows["coefficients measured"].strength == 0


def test_networks_as_they_are_built_give_a_row_for_each_way(videos, model, monkeypatch):
    monkeypatch.setattr(trial, "measure_pictures", read_brightness)
    rows = paper_sound(model, videos, None)  # type: ignore[arg-type]  # no landmarker is needed
    assert [row.way for row in rows] == list(PAPER_SOUND_WAYS)
    assert all(-1 <= row.worst <= row.opening <= 1 for row in rows)


def test_the_flow_from_sound_follows_what_is_heard(videos, model):
    whole = videos.shot(0, list(range(FRAMES)), model.config.window)
    source = videos.shot(0, [0], model.config.window)
    first = torch.zeros(FRAMES, 2, 32, 32)
    loud = torch.cat((torch.full((6, 80, 32), -4.0), torch.full((6, 80, 32), 3.0)))
    flow = trial._audio_flow(model, source, first, loud)
    assert flow.shape == (FRAMES, 2, 32, 32)
    torch.testing.assert_close(flow[1:6], flow[:1].expand(5, -1, -1, -1))
    assert not torch.allclose(flow[5], flow[6])
    assert len(whole.coefficients) == FRAMES


def test_a_model_without_an_audio_generator_is_refused(videos):
    with pytest.raises(ConfigError, match="small_paper_sound"):
        paper_sound(build(replace(debug(), audio_encoder=None, audio_flow_field=None)), videos, None)  # type: ignore[arg-type]  # no landmarker is needed
