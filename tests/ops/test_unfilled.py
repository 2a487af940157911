"""Networks that are filled from a file are built without values, memory, and PyTorch's compiler."""

import subprocess
import sys
from pathlib import Path

import torch
from torch import nn

from stylehead_core.ops.unfilled import unfilled

PACK = Path(__file__).parents[2]


def test_an_unfilled_network_has_shapes_and_no_values():
    with unfilled():
        layers = nn.Sequential(nn.Linear(3, 4), nn.Conv2d(4, 5, 3))
        noise, square, wide = torch.randn(2, 3), torch.eye(3), torch.eye(2, 5)
        drawn = nn.init.normal_(tensor=torch.empty(6))
    assert all(tensor.is_meta for tensor in (*layers.parameters(), noise, square, wide, drawn))
    assert [tuple(p.shape) for p in layers.parameters()] == [(4, 3), (4,), (5, 4, 3, 3), (5,)]
    assert [tuple(each.shape) for each in (noise, square, wide, drawn)] == [(2, 3), (3, 3), (2, 5), (6,)]


def test_a_filled_network_keeps_its_values():
    filled = nn.Linear(3, 4)
    with unfilled():
        hollow = nn.Linear(3, 4)
    hollow.load_state_dict(filled.state_dict(), assign=True)
    x = torch.rand(2, 3)
    assert torch.equal(hollow(x), filled(x))


def test_the_embedded_models_load_without_the_compiler():
    load = "from stylehead_core import load_landmarker, load_stylehead; load_stylehead('stylehead-512'); "
    load += "load_landmarker(None, 'cpu'); import sys; print({'torch._dynamo', 'sympy'} & set(sys.modules))"
    told = subprocess.run([sys.executable, "-c", load], cwd=PACK, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "set()"
