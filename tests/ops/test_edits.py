"""An edit adds its direction as often as its strength says; these tests count it out in two numbers."""

import pytest
import torch

from stylehead_core.ops.edits import edit_styles, position_in_clip, strengths_at
from stylehead_core.records import Edit

STYLES = torch.tensor([[1.0, 2.0], [3.0, 4.0]])  # two rows of two


def shift(*rows: tuple[float, float]) -> Edit:
    return Edit(name="shift", direction=torch.tensor(rows), curve=((0, 0.0), (1, 1.0)))


def coordinate() -> Edit:
    """The first number of the first row, measured from 0 in steps of 2, to be brought to 5 steps in the second row."""
    return Edit(
        name="coordinate",
        direction=torch.tensor([[0.0, 0.0], [2.0, 0.0]]),
        curve=((0, 1.0),),
        target="coordinate",
        mean=torch.zeros(2),
        axis=torch.tensor([0.5, 0.0]),
        goal=5.0,
    )


def test_strength_0_changes_nothing():
    assert edit_styles(STYLES, [shift((1, 1), (1, 1)), coordinate()], [0.0, 0.0]) is STYLES


def test_a_shift_adds_its_direction():
    edited = edit_styles(STYLES, [shift((1, 0), (0, 1))], [2.0])
    assert edited.tolist() == [[3, 2], [3, 6]]


def test_a_coordinate_is_brought_to_its_goal():
    # The face stands at 0.5 steps; 4.5 steps of 2 are missing, and only the second row is moved.
    assert edit_styles(STYLES, [coordinate()], [1.0]).tolist() == [[1, 2], [12, 4]]


def test_half_the_strength_goes_half_the_way():
    assert edit_styles(STYLES, [coordinate()], [0.5]).tolist() == [[1, 2], [7.5, 4]]


def test_the_order_of_edits_does_not_matter():
    edits = [shift((1, 0), (0, 1)), coordinate()]
    there = edit_styles(STYLES, edits, [1.0, 0.5])
    back = edit_styles(STYLES, edits[::-1], [0.5, 1.0])
    torch.testing.assert_close(there, back)


@pytest.mark.parametrize(("frame", "frames", "position"), [(0, 5, 0), (2, 5, 0.5), (4, 5, 1), (0, 1, 1)])
def test_the_first_frame_is_at_0_and_the_last_at_1(frame, frames, position):
    assert position_in_clip(frame, frames) == position
    assert strengths_at([shift((1, 0), (0, 1))], position_in_clip(frame, frames)) == (position,)
