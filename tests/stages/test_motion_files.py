"""Motions survive the disk, and nothing else gets in."""

import csv
import json
import pickle
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from stylehead_core.errors import MediaError, MotionError
from stylehead_core.records import MeasuredVideo, Motion
from stylehead_core.spaces import ARKIT
from stylehead_core.stages.motion_files import load_motion, save_motion, write_csv


@pytest.fixture
def motion() -> Motion:
    rng = torch.Generator().manual_seed(0)
    return Motion(
        coefficients=torch.randn(12, 58, generator=rng),
        fps=Fraction(30000, 1001),
        found=torch.rand(12, generator=rng) > 0.3,
        mel=torch.randn(12, 80, 4, generator=rng),
        squares=torch.randn(12, 2, 3, generator=rng),
        relative=True,
    )


def test_what_is_saved_is_what_is_loaded(motion, tmp_path):
    save_motion(motion, tmp_path / "nod.safetensors", license="CC0")
    again = load_motion(tmp_path / "nod.safetensors")
    assert torch.equal(again.coefficients, motion.coefficients)
    assert torch.equal(again.found, motion.found)
    assert torch.equal(again.mel, motion.mel)
    assert torch.equal(again.squares, motion.squares)
    assert (again.fps, again.space, again.relative) == (Fraction(30000, 1001), "arkit", True)
    assert [path.name for path in tmp_path.iterdir()] == ["nod.safetensors"]


def test_a_bfm_motion_keeps_its_space_and_is_refused_where_arkit_is_needed(tmp_path):
    save_motion(Motion(coefficients=torch.ones(3, 73), fps=Fraction(25), space="bfm"), tmp_path / "a.safetensors")
    assert load_motion(tmp_path / "a.safetensors").space == "bfm"
    with pytest.raises(MotionError, match=r"'bfm'.*'arkit' is needed"):
        load_motion(tmp_path / "a.safetensors", space="arkit")


def about(**changes: str) -> dict[str, str]:
    names = '["jawOpen", "earWiggle", "yaw"]'
    return {"format": "stylehead-motion", "version": "1", "space": "arkit", "names": names, "fps": "25/1"} | changes


def test_a_file_of_a_later_version_is_read_by_its_names(tmp_path):
    tensors = {"coefficients": torch.arange(6.0).reshape(2, 3), "sparkle": torch.ones(2)}
    save_file(tensors, tmp_path / "a.safetensors", metadata=about(version="9", mood="happy"))
    motion = load_motion(tmp_path / "a.safetensors")
    assert motion.coefficients[:, ARKIT.names.index("jawOpen")].tolist() == [0, 3]
    assert motion.coefficients[:, ARKIT.names.index("yaw")].tolist() == [2, 5]
    assert motion.coefficients.count_nonzero() == 3
    assert motion.found.all()


@pytest.mark.parametrize(
    "changes",
    [
        {"format": "picture"},
        {"space": "flame"},
        {"names": '["jawOpen"]'},
        {"names": "not json"},
        {"names": '[["a"], {}, 3]'},
        {"names": '["a", "b", "c"]'},
        {"fps": "25/0"},
        {"fps": "-3"},
        {"fps": "1e9"},
        {"fps": "fast"},
    ],
)
def test_odd_metadata_is_refused_with_the_file_s_name(tmp_path, changes):
    save_file({"coefficients": torch.zeros(2, 3)}, tmp_path / "odd.safetensors", metadata=about(**changes))
    with pytest.raises(MotionError, match=r"odd\.safetensors"):
        load_motion(tmp_path / "odd.safetensors")


@pytest.mark.parametrize(
    "tensors",
    [
        {},
        {"coefficients": torch.zeros(3)},
        {"coefficients": torch.zeros(0, 3)},
        {"coefficients": torch.zeros(2, 3, dtype=torch.int64)},
        {"coefficients": torch.full((2, 3), torch.nan)},
        {"coefficients": torch.zeros(2, 3), "found": torch.ones(5)},
        {"coefficients": torch.zeros(2, 3), "mel": torch.ones(2, 7, 4)},
        {"coefficients": torch.zeros(2, 3), "squares": torch.ones(3, 2, 3)},
        {"coefficients": torch.zeros(2, 3), "squares": torch.full((2, 2, 3), torch.nan)},
        {"coefficients": torch.zeros(2, 3), "mel": torch.full((2, 80, 4), torch.inf)},
    ],
)
def test_odd_tensors_are_refused(tmp_path, tensors):
    save_file(tensors, tmp_path / "odd.safetensors", metadata=about())
    with pytest.raises(MotionError, match=r"odd\.safetensors"):
        load_motion(tmp_path / "odd.safetensors")


def test_a_pickle_is_never_opened(tmp_path):
    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "sprung"), "w"))

    (tmp_path / "a.safetensors").write_bytes(pickle.dumps(Trap()))
    with pytest.raises(MotionError, match="pickle"):
        load_motion(tmp_path / "a.safetensors")
    torch.save({"coefficients": torch.zeros(2, 58)}, tmp_path / "b.pt")
    with pytest.raises(MotionError, match="pickle"):
        load_motion(tmp_path / "b.pt")
    assert not (tmp_path / "sprung").exists()


def test_missing_and_unwritable_places_are_named(motion, tmp_path):
    with pytest.raises(MotionError, match="nowhere"):
        load_motion(tmp_path / "nowhere.safetensors")
    with pytest.raises(MediaError, match="nowhere"):
        save_motion(motion, tmp_path / "nowhere" / "a.safetensors")


def test_a_damaged_file_is_an_error_or_still_a_whole_motion(motion, tmp_path):
    path = tmp_path / "a.safetensors"
    save_motion(motion, path)
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(rng.integers(1, 8)):
            data[rng.integers(0, min(len(data), 1800))] = rng.integers(0, 256)  # most of it in the header
        if rng.random() < 0.3:
            data = data[: rng.integers(0, len(data))]
        path.write_bytes(bytes(data))
        try:
            assert load_motion(path).coefficients.shape[1] == 58
        except MotionError:
            refused += 1
    assert refused > 200


def test_a_table_has_a_line_for_every_frame(motion, tmp_path):
    write_csv(motion, tmp_path / "a.csv")
    with (tmp_path / "a.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 12
    assert float(rows[3]["seconds"]) == pytest.approx(3 * 1001 / 30000, abs=1e-6)
    assert [row["found"] for row in rows] == [str(int(found)) for found in motion.found]
    jaw = [float(row["jawOpen"]) for row in rows]
    assert jaw == pytest.approx(motion.coefficients[:, ARKIT.names.index("jawOpen")].tolist(), rel=1e-5)


def test_the_licence_is_in_the_file(motion, tmp_path):
    save_motion(motion, tmp_path / "a.safetensors", license="CC BY 4.0, by A. Nod")
    assert b"CC BY 4.0, by A. Nod" in (tmp_path / "a.safetensors").read_bytes()
    assert load_file(tmp_path / "a.safetensors").keys() == {"coefficients", "found", "mel", "squares"}


def test_the_video_that_was_measured_is_kept_and_files_without_it_open(tmp_path):
    video = MeasuredVideo(
        size=(480, 640),
        stored=(640, 480),
        rotation=270,
        times=torch.tensor([0.0, 0.04, 0.1], dtype=torch.float64),
        variable=True,
        cuts=(2,),
        look=torch.arange(256, dtype=torch.uint8).reshape(16, 16),
        notes=("1 of 4 frames are damaged and left out",),
    )
    motion = Motion(
        coefficients=torch.zeros(2, 58),
        fps=Fraction(25),
        squares=torch.zeros(2, 2, 3),
        sources=torch.tensor([2, 0]),
        video=video,
    )
    save_motion(motion, tmp_path / "a.safetensors")
    read = load_motion(tmp_path / "a.safetensors")
    assert read.sources.tolist() == [2, 0]
    assert torch.equal(read.video.times, video.times)
    assert torch.equal(read.video.look, video.look)
    assert replace(read.video, times=video.times, look=video.look) == replace(video)
    with safe_open(tmp_path / "a.safetensors", "pt") as file:
        about = file.metadata()
    tensors = load_file(tmp_path / "a.safetensors")
    del about["video"]
    save_file(tensors, tmp_path / "old.safetensors", metadata=about)
    assert load_motion(tmp_path / "old.safetensors").video is None


@pytest.mark.parametrize(
    "told",
    ['{"size": [0, 1], "stored": [1, 1]}', '{"size": 3}', "[]", '{"size": [4, 4], "stored": [4, 4], "rotation": 45}'],
)
def test_a_damaged_video_is_refused_with_the_name_of_the_file(tmp_path, told):
    tensors = {
        "coefficients": torch.zeros(1, 58),
        "sources": torch.zeros(1, dtype=torch.int32),
        "video_times": torch.zeros(1, dtype=torch.float64),
    }
    about = {
        "format": "stylehead-motion",
        "space": "arkit",
        "names": json.dumps(ARKIT.names),
        "fps": "25",
        "video": told,
    }
    save_file(tensors, tmp_path / "odd.safetensors", metadata=about)
    with pytest.raises(MotionError, match=r"odd\.safetensors"):
        load_motion(tmp_path / "odd.safetensors")
