"""The benchmark compares like with like: its plain way draws the same frame."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.frame import FUSED
from stylehead_core.landmarker.files import find_landmarker
from stylehead_core.ops.convolve import convolve
from stylehead_core.ops.onednn import HAS_ONEDNN
from stylehead_core.ops.winograd import convolve_in_tiles, transform_weight

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


def test_the_refiner_is_part_of_the_embedded_models_frame():
    mini = measured("--size", "mini")
    assert mini["refine"]["gmac"] > 0
    assert gmac(mini, *PARTS, "refine") == pytest.approx(mini["frame"]["gmac"], abs=0.003)


@pytest.mark.skipif(not HAS_ONEDNN, reason="counts oneDNN's operations")
def test_a_convolution_in_tiles_spares_products():
    weight, x = torch.zeros(256, 256, 3, 3), torch.zeros(1, 256, 32, 32)
    with torch.no_grad(), FlopCounterMode(display=False, custom_mapping=FUSED) as plain:
        convolve(x, weight, padding=1, slope=0.2)
    with torch.no_grad(), FlopCounterMode(display=False, custom_mapping=FUSED) as tiled:
        convolve_in_tiles(x, transform_weight(weight))
    assert plain.get_total_flops() == 2 * 9 * 256 * 256 * 32 * 32
    assert tiled.get_total_flops() < 0.5 * plain.get_total_flops()


@pytest.mark.skipif(find_landmarker() is None, reason="needs the face landmarker's weights")
def test_a_long_clip_is_measured_in_a_process_of_its_own():
    command = [sys.executable, "benchmarks/long_clips.py", "--frames", "2", "--frames", "3"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    lines = [json.loads(line) for line in found.splitlines()]
    assert [line["frames"] for line in lines] == [2, 3]
    assert all(line["ms_per_frame"] > 0 and line["memory_mib"] > 0 for line in lines)
