"""``stylehead evaluate`` from files to JSON and pictures, and what it reads."""

import argparse
import json
from fractions import Fraction

import pytest
import torch

from stylehead_core.errors import MediaError
from stylehead_core.evaluation.command import add_arguments, run
from stylehead_core.evaluation.reading import read_clip
from stylehead_core.media.pictures import read_picture, write_picture
from stylehead_core.media.sound import Sound
from stylehead_core.media.video import VideoWriter


def evaluate(*options: object) -> int:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return run(parser.parse_args([str(option) for option in options]))


@pytest.fixture
def folder(tmp_path):
    """Four grey frames, each a tenth of the range brighter than the one before."""
    (tmp_path / "frames").mkdir()
    for i in range(4):
        write_picture(tmp_path / "frames" / f"{i:03}.png", torch.full((3, 32, 32), -0.5 + 0.2 * i))
    return tmp_path / "frames"


def test_a_folder_against_itself_is_faultless(folder, tmp_path, capsys):
    assert evaluate("--generated", folder, "--target", folder, "--sheet", tmp_path / "sheet.png") == 0
    captured = capsys.readouterr()
    found = {line["name"]: line for line in json.loads(captured.out)["metrics"]}
    assert found["psnr"]["value"] == 100
    assert found["ssim"]["value"] == pytest.approx(1)
    assert "weights missing" in found["lpips"]["skipped"]
    assert "PSNR [dB]" in captured.err
    assert read_picture(tmp_path / "sheet.png").shape[-2] > 3 * 160


def test_a_still_portrait_stands_beside_the_clip(folder, tmp_path):
    report, drawn, plotted = tmp_path / "report.json", tmp_path / "sheet.png", tmp_path / "plot.png"
    clips = ("--generated", folder, "--target", folder, "--source", folder / "000.png")
    assert evaluate(*clips, "--json", report, "--sheet", drawn, "--plot", plotted) == 0
    psnr = json.loads(report.read_text())["metrics"][0]
    assert psnr["reference"] == pytest.approx((100 + 20 + 13.98 + 10.46) / 4, abs=0.2)
    assert drawn.stat().st_size
    assert plotted.stat().st_size


def test_a_video_keeps_its_rate_and_sound_or_is_brought_to_another(tmp_path):
    sound = Sound(samples=torch.zeros(1, 16000), rate=16000)
    with VideoWriter(tmp_path / "clip.mp4", fps=Fraction(10), size=(32, 32), sound=sound) as video:
        video.write(torch.zeros(10, 3, 32, 32))
    clip = read_clip(tmp_path / "clip.mp4")
    assert (clip.fps, len(clip.frames)) == (10, 10)
    assert clip.sound is not None
    assert len(read_clip(tmp_path / "clip.mp4", fps=Fraction(20)).frames) == 20
    assert len(read_clip(tmp_path / "clip.mp4", frames=3).frames) == 3


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(MediaError, match="no pictures"):
        read_clip(tmp_path)


def test_pictures_of_different_size_are_refused(folder):
    write_picture(folder / "009.png", torch.zeros(3, 16, 16))
    with pytest.raises(MediaError, match=r"009\.png is not like 000\.png"):
        read_clip(folder)
