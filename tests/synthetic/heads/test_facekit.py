"""The face model is read from its authors' folder, on a made-up model of two quads."""

import numpy as np
import pytest

from stylehead_core.errors import InputError
from stylehead_core.synthetic.heads.facekit import ENVIRONMENT, find_facekit, load_facekit

POINTS = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [2, 0, 0], [2, 1, 0.5]])


def write_obj(path, points, faces=""):
    text = "".join(f"v {x} {y} {z}\n" for x, y, z in points)
    text += "".join(f"vt {u} {v}\n" for u, v in ((0, 0), (1, 0), (1, 1), (0, 1)))
    path.write_text(text + faces)


@pytest.fixture
def folder(tmp_path):
    faces = "usemtl M_Face\nf 1/1/1 2/2/1 3/3/1 4/4/1\nusemtl M_BackHead\nf 2/1/1 5/2/1 6/3/1\n"
    write_obj(tmp_path / "generic_neutral_mesh.obj", POINTS, faces)
    rng = np.random.default_rng(0)
    for name in ("identity000", "identity001", "jawOpen"):
        write_obj(tmp_path / f"{name}.obj", POINTS + rng.normal(0, 1, POINTS.shape))
    return tmp_path


def offsets(folder, name):
    lines = [line.split()[1:] for line in (folder / f"{name}.obj").read_text().splitlines() if line.startswith("v ")]
    return np.array(lines, float) - POINTS


def test_the_folder_becomes_meshes_and_shapes(folder):
    kit = load_facekit(folder)
    assert kit.names == ("jawOpen",)
    assert kit.triangles.shape == (3, 3)  # a quad is two
    assert kit.group.tolist() == [0, 0, 1]
    np.testing.assert_allclose(kit.vertices[kit.vertex[kit.triangles[2]]], POINTS[[1, 4, 5]])
    np.testing.assert_allclose(kit.uv[kit.triangles[2]], [[0, 0], [1, 0], [1, 1]])


@pytest.mark.parametrize(("name", "row"), [("identity000", 0), ("identity001", 1)])
def test_a_shape_is_kept_to_half_a_step_of_127(folder, name, row):
    wanted = offsets(folder, name)
    assert np.abs(load_facekit(folder).identity[row] - wanted).max() <= np.abs(wanted).max() / 127 * 0.5001


def test_another_mesh_is_refused(folder):
    write_obj(folder / "mouthClose.obj", POINTS[:5])
    with pytest.raises(InputError, match="5 vertices"):
        load_facekit(folder)


def test_a_folder_without_the_model_is_refused(tmp_path):
    with pytest.raises(InputError, match="FaceXModel"):
        load_facekit(tmp_path)


def test_no_face_model_at_all_says_where_to_get_one(monkeypatch, tmp_path):
    monkeypatch.delenv(ENVIRONMENT, raising=False)
    with pytest.raises(InputError, match="git clone"):
        find_facekit(None)
    with pytest.raises(InputError, match="There is no"):
        find_facekit(tmp_path / "none.npz")


def test_any_other_file_is_refused(tmp_path):
    path = tmp_path / "notes.npz"
    path.write_text("no arrays")
    with pytest.raises(InputError, match="not a face model"):
        load_facekit(path)
