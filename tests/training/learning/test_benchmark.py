"""The benchmark's numbers have known answers where nothing is drawn."""

import pytest
import torch

from stylehead_core.assemble import build
from stylehead_core.convert.landmarker import load_landmarker
from stylehead_core.training.benchmark import WAYS, benchmark, table
from stylehead_core.training.canonical import install_canonical
from stylehead_core.training.recipes import recipe_named


@pytest.fixture(scope="module")
def rows(heads):
    model = build(recipe_named("debug_styles").model)
    assert model.prior is not None
    install_canonical(model.prior)
    return benchmark(model, heads, load_landmarker())


def test_every_way_has_a_row(rows):
    assert [row.way for row in rows] == list(WAYS)


def test_still_is_the_source_itself(rows, heads):
    source, target = heads.frames(heads.source), heads.frames(heads.target)
    error = ((source - target) / 2).square().mean((1, 2, 3))
    assert rows[0].psnr == pytest.approx(float((-10 * torch.log10(error)).mean()), abs=0.01)


def test_the_table_names_every_column(rows):
    lines = table(rows).splitlines()
    assert len(lines) == 2 + len(WAYS)
    assert all(line.count("|") == lines[0].count("|") for line in lines)
