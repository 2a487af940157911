"""A tiny renderer for the tests that draw, where the machine and the face model allow it."""

import os
from pathlib import Path

import pytest

from stylehead_core.synthetic.heads.clips import ClipConfig, ClipMaker
from stylehead_core.synthetic.heads.facekit import ENVIRONMENT, load_facekit
from stylehead_core.synthetic.heads.gl import NoGraphics
from stylehead_core.synthetic.heads.head_model import HeadModel
from stylehead_core.synthetic.heads.renderer import Renderer

SIZE = 64


@pytest.fixture(scope="session")
def facekit() -> Path:
    """The face model's npz or folder: $STYLEHEAD_FACEKIT, or in the material beside the checkout."""
    named = os.environ.get(ENVIRONMENT)
    shared = Path(os.environ.get("STYLEHEAD_SHARED", Path(__file__).parents[4] / "shared"))
    path = Path(named) if named else shared / "facekit" / "ict_q8_100.npz"
    if not path.exists():
        pytest.skip(f"needs the face model ICT-FaceKit: set {ENVIRONMENT}")
    return path


@pytest.fixture(scope="session")
def renderer(facekit: Path, tmp_path_factory: pytest.TempPathFactory) -> Renderer:
    os.environ.setdefault("LP_NUM_THREADS", "1")
    try:
        return Renderer(HeadModel(load_facekit(facekit)), SIZE, cache=tmp_path_factory.mktemp("maps"))
    except NoGraphics as error:
        pytest.skip(f"needs OpenGL: {error}")


@pytest.fixture(scope="session")
def maker(renderer: Renderer) -> ClipMaker:
    return ClipMaker(renderer, ClipConfig(size=SIZE, frames=4, flow=32))


@pytest.fixture(scope="session")
def clip(maker: ClipMaker):
    return maker.make(3)
