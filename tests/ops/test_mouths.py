"""Mouths are cut where they are, upright, and do not shrink when they open."""

import pytest
import torch

from stylehead_core.ops.align import LANDMARKS_68
from stylehead_core.ops.mouths import cut_mouths, mouth_affines


def face(frames: int = 1, x: float = 64.0) -> torch.Tensor:
    """Landmarks (frames 478 3): eyes 40 apart at row 60, mouth 30 wide at row 95."""
    points = torch.zeros(frames, 478, 3)
    places = torch.tensor(LANDMARKS_68)
    points[:, places[36:42], :2] = torch.tensor([x - 20, 60.0])
    points[:, places[42:48], :2] = torch.tensor([x + 20, 60.0])
    points[:, places[48], :2] = torch.tensor([x - 15, 95.0])
    points[:, places[54], :2] = torch.tensor([x + 15, 95.0])
    return points


def at(affine: torch.Tensor, x: float, y: float) -> list[float]:
    """Where pixel (x, y) of the cut lies in the picture."""
    return (affine @ torch.tensor([x, y, 1.0])).tolist()


def test_the_mouth_is_in_the_middle_of_the_cut():
    affine = mouth_affines(face())[0]
    # The FFHQ square has a side of 4 eye distances, 160, and its middle at row 60 + 3.5.
    left, right = at(affine, -0.5, 0), at(affine, 95.5, 0)
    assert right[0] - left[0] == pytest.approx(0.8 * 160)
    assert (right[0] + left[0]) / 2 == pytest.approx(64)
    assert at(affine, 0, -0.5)[1] == pytest.approx(63.5 + 16)
    assert at(affine, 0, 47.5)[1] == pytest.approx(63.5 + 16 + 64)


def test_an_open_mouth_does_not_change_the_cut():
    opened = face()
    opened[:, torch.tensor(LANDMARKS_68)[8], 1] += 20  # the chin
    torch.testing.assert_close(mouth_affines(opened), mouth_affines(face()))


def test_the_cut_is_steadied_over_five_frames():
    trembling = face(5)
    trembling[2, :, 0] += 5
    moved = mouth_affines(trembling)[:, 0, 2] - mouth_affines(face(5))[:, 0, 2]
    torch.testing.assert_close(moved, torch.tensor([5 / 3, 5 / 4, 1, 5 / 4, 5 / 3]), atol=1e-4, rtol=0)


def test_a_ramp_is_cut_where_the_affine_says_and_gradients_come_back():
    ramp = torch.arange(128.0).expand(1, 3, 160, 128).clone().requires_grad_()
    affines = mouth_affines(face())
    cut = cut_mouths(ramp, affines)
    assert cut.shape == (1, 3, 48, 96)
    assert cut[0, 0, 20, 40].item() == pytest.approx(at(affines[0], 40, 20)[0], abs=1e-3)
    cut[0, 0, 20, 40].backward()
    assert ramp.grad is not None
    assert ramp.grad.sum() == pytest.approx(1)
