"""Another person's motion is fitted to the portrait, also when that person talks from the first frame on."""

import pytest
import torch

from stylehead_core.errors import ConfigError
from stylehead_core.fitting import fit_motion
from stylehead_core.records import Motion, Portrait
from stylehead_core.spaces import ARKIT
from stylehead_core.stages.motion_tools import make_relative

JAW, BLINK, YAW = (ARKIT.names.index(name) for name in ("jawOpen", "eyeBlinkLeft", "yaw"))


@pytest.fixture
def portrait() -> Portrait:
    return Portrait(image=torch.zeros(1, 3, 16, 16), coefficients=torch.zeros(len(ARKIT.names)))


def talking(jaw: list[float]) -> Motion:
    coefficients = torch.zeros(len(jaw), len(ARKIT.names))
    coefficients[:, JAW] = torch.tensor(jaw)
    coefficients[:, YAW] = 0.25
    return Motion(coefficients=coefficients, fps=25)  # type: ignore[arg-type]


def test_a_driver_at_rest_gives_its_changes(portrait):
    motion = talking([0.05, 0.5, 0.75])
    fitted = fit_motion(motion, portrait)
    assert torch.equal(fitted.motion.coefficients, make_relative(motion, 0).coefficients)
    assert fitted.description == "changes against frame 0 of the driver"


def test_a_driver_who_talks_all_the_time_opens_the_mouth_as_far_as_measured(portrait):
    fitted = fit_motion(talking([0.5, 0.75, 1.0]), portrait)
    assert fitted.motion.coefficients[:, JAW].tolist() == [0.5, 0.75, 1.0]
    assert fitted.motion.coefficients[:, YAW].tolist() == [0.0, 0.0, 0.0]
    assert "as measured" in fitted.description


def test_a_driver_with_shut_eyes_shuts_the_portraits(portrait):
    motion = talking([0.0, 0.0])
    motion.coefficients[:, BLINK] = 1.0
    assert fit_motion(motion, portrait).motion.coefficients[:, BLINK].tolist() == [1.0, 1.0]
    assert fit_motion(motion, portrait, "changes only").motion.coefficients[:, BLINK].tolist() == [0.0, 0.0]


def test_changes_stay_changes_and_everything_stays_as_it_is(portrait):
    motion = talking([0.5, 0.75])
    changes = make_relative(motion)
    assert fit_motion(changes, portrait).motion is changes
    assert fit_motion(motion, portrait, "everything").motion is motion


def test_another_fit_is_refused(portrait):
    with pytest.raises(ConfigError, match="'auto', 'changes only', 'pose and face', 'everything'; found 'tight'"):
        fit_motion(talking([0.0]), portrait, "tight")  # type: ignore[arg-type]
