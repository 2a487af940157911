"""The benchmark compares like with like: its plain way draws the same frame."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def lines():
    words = [sys.executable, "benchmarks/frame.py", "--size", "debug", "--repeats", "1", "--threads", "1"]
    found = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return {line["part"]: line for line in map(json.loads, found.splitlines())}


def test_every_part_says_what_it_costs_and_where(lines):
    assert {"motion encoder", "flow field", "warp", "calibrator", "draw", "frame", "plain frame"} <= lines.keys()
    for line in lines.values():
        assert line["seconds"] > 0
        assert (line["threads"], line["dtype"], line["model"]) == (1, "float32", "debug-bfm")


def test_the_plain_way_draws_the_same_frame_with_more_work(lines):
    assert lines["plain frame"]["largest_difference"] < 1e-4
    assert lines["plain frame"]["gmac"] > 1.3 * lines["frame"]["gmac"]


def test_the_parts_make_up_the_frame(lines):
    parts = ("motion encoder", "flow field", "calibrator", "draw")
    assert sum(lines[part]["gmac"] for part in parts) == pytest.approx(lines["frame"]["gmac"], abs=0.003)
