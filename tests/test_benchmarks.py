"""The benchmark compares like with like: its plain way draws the same frame."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from stylehead_core.landmarker.files import find_landmarker

ROOT = Path(__file__).parent.parent


PARTS = ("motion encoder", "flow", "calibrator", "draw")


def measured(*words):
    command = [sys.executable, "benchmarks/frame.py", "--repeats", "1", "--threads", "1", *words]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return {line["part"]: line for line in map(json.loads, found.splitlines())}


def gmac(lines, *parts):
    return sum(lines[part]["gmac"] for part in parts)


@pytest.fixture(scope="module")
def lines():
    return measured("--size", "debug")


def test_every_part_says_what_it_costs_and_where(lines):
    assert {"motion encoder", "flow", "warp", "calibrator", "draw", "frame", "plain frame"} <= lines.keys()
    for line in lines.values():
        assert line["seconds"] > 0
        assert (line["threads"], line["dtype"], line["model"]) == (1, "float32", "debug-bfm")


def test_the_plain_way_draws_the_same_frame_with_more_work(lines):
    assert lines["plain frame"]["largest_difference"] < 1e-4
    assert lines["plain frame"]["gmac"] > 1.3 * lines["frame"]["gmac"]


def test_the_parts_make_up_the_frame(lines):
    assert gmac(lines, *PARTS) == pytest.approx(lines["frame"]["gmac"], abs=0.003)


def test_the_refiner_is_part_of_the_embedded_models_frame_and_tiles_spare_products():
    tiled, plain = (measured("--size", "mini", "--dtype", dtype) for dtype in ("float32", "bfloat16"))
    for mini in (tiled, plain):
        assert mini["refine"]["gmac"] > 0
        assert gmac(mini, *PARTS, "refine") == pytest.approx(mini["frame"]["gmac"], abs=0.003)
    assert tiled["draw"]["gmac"] < plain["draw"]["gmac"]


@pytest.mark.skipif(find_landmarker() is None, reason="needs the face landmarker's weights")
def test_a_long_clip_is_measured_in_a_process_of_its_own():
    command = [sys.executable, "benchmarks/long_clips.py", "--frames", "2", "--frames", "3"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    lines = [json.loads(line) for line in found.splitlines()]
    assert [line["frames"] for line in lines] == [2, 3]
    assert all(line["ms_per_frame"] > 0 and line["memory_mib"] > 0 for line in lines)
