"""What is written as a picture is what is read, and a file that is none says so."""

import subprocess
import sys

import pytest
import torch
from PIL import Image

from stylehead_core.errors import MediaError
from stylehead_core.media import pictures
from stylehead_core.media.pictures import MOST_PIXELS, read_picture, write_picture


def test_what_is_written_is_what_is_read(tmp_path):
    levels = torch.randint(0, 256, (1, 3, 5, 7), generator=torch.Generator().manual_seed(0)) / 127.5 - 1
    write_picture(tmp_path / "a.png", levels)
    torch.testing.assert_close(read_picture(tmp_path / "a.png"), levels)


def test_grey_becomes_rgb_and_what_is_see_through_becomes_grey(tmp_path):
    Image.new("L", (4, 4), 255).save(tmp_path / "grey.png")
    assert (read_picture(tmp_path / "grey.png") == 1).all()
    Image.new("RGBA", (4, 4), (255, 0, 0, 0)).save(tmp_path / "clear.png")
    assert read_picture(tmp_path / "clear.png").abs().amax() < 0.01


def test_a_picture_is_turned_as_its_camera_was_held(tmp_path):
    lying = Image.new("RGB", (6, 2))
    exif = lying.getexif()
    exif[0x0112] = 6  # turn by 90 degrees
    lying.save(tmp_path / "turned.jpg", exif=exif)
    assert read_picture(tmp_path / "turned.jpg").shape == (1, 3, 6, 2)


@pytest.mark.parametrize("content", [None, b"no picture"])
def test_a_file_that_is_no_picture_is_refused_by_name(tmp_path, content):
    path = tmp_path / "portrait.png"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(MediaError, match=r"portrait\.png"):
        read_picture(path)


def test_a_picture_of_too_many_pixels_is_reduced_and_a_bomb_is_refused_in_plain_words(tmp_path, monkeypatch, caplog):
    Image.new("RGB", (200, 100), (200, 10, 10)).save(tmp_path / "a.png")
    monkeypatch.setattr(pictures, "MOST_PIXELS", 5000)
    assert read_picture(tmp_path / "a.png").shape == (1, 3, 50, 100)
    assert "200 x 100 pixels are reduced to 100 x 50" in caplog.text
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 5000)
    with pytest.raises(MediaError, match="more pixels than can be read") as refused:
        read_picture(tmp_path / "a.png")
    assert "attack" not in str(refused.value)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no ru_maxrss")
@pytest.mark.parametrize("ending", ["png", "jpg"])
def test_a_picture_of_twelve_thousand_pixels_takes_a_gigabyte_not_eight(tmp_path, ending):
    path = tmp_path / f"large.{ending}"
    Image.new("RGB", (12_000, 12_000), (90, 120, 60)).save(path, **({"compress_level": 1} if ending == "png" else {}))
    program = (
        "import resource, sys; from stylehead_core.media.pictures import read_picture; "
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == 'darwin' else 1024);"
        "before = peak(); shape = read_picture(sys.argv[1]).shape; print(*shape[2:], peak() - before)"
    )
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", program, path], capture_output=True, text=True, check=True
    )
    height, width, grown = map(int, ran.stdout.split())
    assert height == width
    assert 0.9 * MOST_PIXELS < height * width <= 1.01 * MOST_PIXELS
    assert grown < 12_000 * 12_000 * 3 + 2.5 * MOST_PIXELS * 12
    assert "12000 x 12000 pixels are reduced" in ran.stderr
