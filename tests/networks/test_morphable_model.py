"""The surface behind the coefficients, on a made-up model of 120 vertices."""

import math

import pytest
import recipe
import torch

from stylehead_core.errors import WeightsError
from stylehead_core.networks.coefficients import FaceModel
from stylehead_core.networks.morphable_model import MorphableModel, harmonics, rotation_matrix

PARTS = (80, 64, 80, 3, 27, 3)


@pytest.fixture(scope="module")
def reference() -> dict[str, torch.Tensor]:
    return recipe.fixture("bfm_mini")


@pytest.fixture(scope="module")
def model(reference) -> MorphableModel:
    return MorphableModel.from_arrays({key.removeprefix("model_"): value for key, value in reference.items()})


@pytest.fixture(scope="module")
def faces(reference) -> FaceModel:
    return FaceModel(*reference["coeff"].split(PARTS, dim=1))


@pytest.mark.parametrize(
    ("method", "name"),
    [("before_camera", "vertex"), ("texture", "texture"), ("landmarks", "landmark")],
)
def test_the_face_agrees_with_the_reference(model, faces, reference, method, name):
    recipe.assert_close(getattr(model, method)(faces), reference[name])


def test_the_colours_in_the_light_agree_with_the_reference(model, faces, reference):
    # Some triangles of the made-up model have a corner twice. Their direction is rounding noise, so leave them out.
    flat = (model.triangles == model.triangles.roll(1, dims=1)).any(1)
    sound = ~torch.nn.functional.pad(flat, (0, 1))[model.neighbours].any(1)
    assert sound.sum() > 80
    recipe.assert_close(model.colours(faces)[:, sound], reference["color"][:, sound])


def test_a_rotation_agrees_with_the_reference(faces, reference):
    recipe.assert_close(rotation_matrix(faces.rotation), reference["rotation"])


def test_no_angle_turns_nothing():
    torch.testing.assert_close(rotation_matrix(torch.zeros(1, 3)), torch.eye(3)[None])


def test_a_face_without_coefficients_is_the_mean_at_the_distance_of_the_camera(model):
    nobody = FaceModel(*torch.zeros(1, sum(PARTS)).split(PARTS, dim=1))
    torch.testing.assert_close(model.shape(nobody)[0], model.mean_shape)
    torch.testing.assert_close(model.before_camera(nobody)[0].mean(0), torch.tensor([0.0, 0, 10]), atol=1e-5, rtol=0)


def test_normals_have_length_one(model, faces):
    lengths = model.normals(model.shape(faces)).norm(dim=-1)
    torch.testing.assert_close(lengths, torch.ones_like(lengths))


def test_light_from_everywhere_is_the_same_on_every_side():
    sides = torch.cat((torch.eye(3), -torch.eye(3)))[None]
    assert harmonics(sides)[..., 0].std() == 0
    torch.testing.assert_close(harmonics(sides)[0, 0, 0].item(), math.sqrt(math.pi) / 2)


def test_a_file_that_lacks_an_array_is_refused():
    with pytest.raises(WeightsError, match="exBase"):
        MorphableModel.from_arrays({"meanshape": torch.zeros(1, 3), "idBase": torch.zeros(3, 80)})
