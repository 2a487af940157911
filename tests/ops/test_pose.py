"""Angles, rotations and the head's pose: signs one can see, and fits that find what was put in."""

import math

import pytest
import torch

from stylehead_core.ops.pose import (
    CanonicalFace,
    HeadPose,
    angles_to_matrix,
    fit_pose,
    matrix_to_angles,
    placement,
    pose_from_coefficients,
)

FORWARD = torch.tensor([0.0, 0.0, 1.0])  # where a nose points


@pytest.fixture
def canonical() -> CanonicalFace:
    rng = torch.Generator().manual_seed(0)
    vertices = torch.randn(468, 3, generator=rng) * torch.tensor([5.0, 6.0, 3.0])
    return CanonicalFace(vertices=vertices, indices=torch.arange(0, 468, 14), weights=torch.rand(34, generator=rng))


@pytest.mark.parametrize(
    ("angles", "seen"),
    [((0.3, 0, 0), "down"), ((-0.3, 0, 0), "up"), ((0, 0.3, 0), "right"), ((0, -0.3, 0), "left")],
)
def test_a_head_looks_where_its_angles_say(angles, seen):
    x, y, _ = (angles_to_matrix(torch.tensor(angles, dtype=torch.float32)) @ FORWARD).tolist()
    direction = {"down": -y, "up": y, "right": x, "left": -x}[seen]  # y is up in the head's frame
    assert direction == pytest.approx(math.sin(0.3), abs=1e-6)


def test_a_positive_roll_turns_anticlockwise():
    right = angles_to_matrix(torch.tensor([0.0, 0.0, 0.5])) @ torch.tensor([1.0, 0.0, 0.0])
    assert right[1] > 0  # the right side goes up


def test_angles_come_back_from_their_rotation():
    angles = (torch.rand(200, 3, generator=torch.Generator().manual_seed(0)) - 0.5) * torch.tensor([3.0, 2.8, 6.0])
    torch.testing.assert_close(matrix_to_angles(angles_to_matrix(angles)), angles, atol=1e-4, rtol=0)


def test_a_posed_face_gives_its_pose_again(canonical):
    pose = HeadPose(
        rotation=angles_to_matrix(torch.tensor([[0.2, -0.6, 0.9], [-0.4, 0.1, -3.0]])),
        scale=torch.tensor([7.0, 31.0]),
        centre=torch.tensor([[120.0, 80.0, 3.0], [-10.0, 500.0, 0.0]]),
    )
    points = pose.pose(canonical.vertices.expand(2, -1, -1))
    found = fit_pose(points, canonical)
    torch.testing.assert_close(found.rotation, pose.rotation, atol=1e-5, rtol=0)
    torch.testing.assert_close(found.scale, pose.scale, rtol=1e-5, atol=0)
    torch.testing.assert_close(found.centre, pose.centre, atol=1e-3, rtol=0)
    torch.testing.assert_close(found.unpose(points)[0], canonical.vertices, atol=1e-4, rtol=0)


def test_a_mirrored_face_still_gets_a_rotation(canonical):
    mirrored = canonical.vertices[None] * torch.tensor([-1.0, 1.0, 1.0])
    assert torch.linalg.det(fit_pose(mirrored, canonical).rotation).item() == pytest.approx(1, abs=1e-5)


def test_placement_and_pose_are_inverse(canonical):
    coefficients = torch.tensor([[0.1, -0.3, 0.2, 0.25, -0.5, 0.1]])
    pose = pose_from_coefficients(coefficients, 200, canonical)
    assert pose.centre[0, :2].tolist() == pytest.approx([124.5, 49.5])  # half a side is 100, the middle at 99.5
    torch.testing.assert_close(placement(pose, 200, canonical), coefficients[:, 3:])
    torch.testing.assert_close(pose.angles, coefficients[:, :3])
