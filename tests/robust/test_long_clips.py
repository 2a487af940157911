"""A long clip takes no more memory than a short one, and the same frames come out however they are asked for."""

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from importlib import import_module
from pathlib import Path

import av
import pytest
import torch

from stylehead_core import InputError, Motion, Portrait, animate, calibrate, edit_style, invert, render, warp_features
from stylehead_core.media.metadata import VERSION, video_metadata
from stylehead_core.media.video import VideoWriter
from stylehead_core.model.presets import debug
from stylehead_core.model.stylehead import build
from stylehead_core.ops.pixels import to_uint8

CHECKOUT = Path(__file__).parents[2]
LONG = int(os.environ.get("STYLEHEAD_LONG_CLIP", "300"))  # frames; 2000 is what we promise: found 2.3 % there


@pytest.fixture(scope="module")
def scene():
    model = build(debug())
    portrait = Portrait(image=torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)))
    inversion = invert(model, replace(portrait, coefficients=torch.zeros(58)))
    coefficients = torch.rand(40, 58, generator=torch.Generator().manual_seed(1))
    return model, edit_style(model, inversion, "old", 0.0, end=0.5), Motion(coefficients=coefficients, fps=Fraction(25))


def frames_sha256(chunks) -> str:
    digest = hashlib.sha256()
    for frames in chunks:
        digest.update(frames.numpy().tobytes())
    return digest.hexdigest()


@pytest.mark.skipif(sys.platform != "linux", reason="counts memory as Linux does")
@pytest.mark.parametrize("way", ["animate", "nodes"])
def test_a_long_clip_takes_no_more_memory_than_a_short_one(tmp_path, way):
    def peak(frames: int) -> int:
        drawer = Path(__file__).with_name("drawer.py")
        command = [sys.executable, str(drawer), way, str(frames), str(tmp_path / "a.mp4")]
        variables = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
        return int(subprocess.run(command, check=True, capture_output=True, text=True, env=variables).stdout)

    assert peak(LONG) < 1.05 * peak(100)


def test_parts_of_a_clip_are_the_whole_clip(scene, monkeypatch):
    monkeypatch.setattr(import_module("stylehead_core.stages.warping"), "BLOCK_FRAMES", 16)
    model, inversion, motion = scene
    whole = frames_sha256(render(model, calibrate(model, warp_features(model, inversion, motion)), chunk=4))
    assert frames_sha256(animate(model, inversion, motion)) == whole
    assert frames_sha256(animate(model, inversion, motion)) == whole  # and once more
    assert frames_sha256(animate(model, inversion, motion, chunk=7)) == whole


@pytest.mark.parametrize("frames", [range(0), range(5, 2), range(-1, 3), range(0, 9999), range(0, 8, 2)])
def test_a_part_that_there_is_not_is_refused(scene, frames):
    with pytest.raises(InputError, match="in a row"):
        warp_features(*scene, frames=frames)


def test_what_cannot_be_drawn_is_refused_before_the_first_frame(scene):
    model, inversion, motion = scene
    with pytest.raises(InputError, match="strength"):
        animate(model, inversion, motion, strength=2)
    with pytest.raises(InputError, match="chunk"):
        animate(model, inversion, motion, chunk=0)


def test_a_film_tells_the_hash_of_its_frames_its_version_and_settings(tmp_path):
    frames = torch.rand(3, 3, 15, 17, generator=torch.Generator().manual_seed(0)) * 2 - 1
    notes = video_metadata({"strength": 0.5, "portrait": "anna.png"})
    files = []
    for name in ("a.mp4", "b.mp4"):
        with VideoWriter(tmp_path / name, fps=Fraction(25), size=(17, 15), metadata=notes) as film:
            film.write(frames[:2])
            film.write(frames[2:])
        files.append((tmp_path / name).read_bytes())
    with av.open(str(tmp_path / "a.mp4")) as container:
        found = container.metadata
    pixels = to_uint8(frames).permute(0, 2, 3, 1).contiguous()
    assert found["frames_sha256"] == hashlib.sha256(pixels.numpy()).hexdigest()
    assert "Synthetic" in found["comment"]
    assert json.loads(found["stylehead"]) == {
        "version": VERSION,
        "settings": {"strength": 0.5, "portrait": "anna.png"},
    }
    assert files[0] == files[1]


def test_the_version_is_that_of_the_package():
    assert f'\nversion = "{VERSION}"\n' in (CHECKOUT / "pyproject.toml").read_text(encoding="utf-8")
