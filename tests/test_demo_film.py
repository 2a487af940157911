"""What the demo leaves beside its film: a picture that moves as the film does."""

import importlib.util
from fractions import Fraction
from pathlib import Path

import pytest
import torch
from PIL import Image

from stylehead_core.media.video import VideoWriter

SCRIPT = Path(__file__).parents[1] / "scripts" / "demo_film.py"


@pytest.fixture(scope="module")
def demo_film():
    found = importlib.util.spec_from_file_location("demo_film", SCRIPT)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def film(path: Path, grey: float, frames: int) -> Path:
    with VideoWriter(path, fps=Fraction(25), size=(32, 32), speed="ultrafast") as video:
        video.write(torch.full((frames, 3, 32, 32), grey) + torch.linspace(0, 0.5, frames)[:, None, None, None])
    return path


def test_the_moving_picture_shows_both_films_side_by_side_at_their_pace(demo_film, tmp_path):
    driver, drawn = film(tmp_path / "driver.mp4", -0.9, 7), film(tmp_path / "film.mp4", 0.3, 5)
    demo_film.write_moving(tmp_path / "film.webp", driver, drawn)
    with Image.open(tmp_path / "film.webp") as picture:
        assert picture.format == "WEBP"
        assert getattr(picture, "n_frames", 1) == 5
        assert picture.size == (2 * demo_film.LARGE, demo_film.LARGE)
        picture.seek(1)
        picture.load()
        assert picture.info["duration"] == 40
        still = picture.convert("L")
    assert still.getpixel((10, 10)) < 40 < 150 < still.getpixel((demo_film.LARGE + 10, 10))
