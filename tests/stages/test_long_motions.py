"""No tool for motions takes time that grows with the square of their length: an hour of film is done in seconds."""

import time
from fractions import Fraction

import pytest
import torch

from stylehead_core import Motion
from stylehead_core.drawing import draw_motion
from stylehead_core.fitting import fit_motion
from stylehead_core.stages import motion_tools as tools
from stylehead_core.stages.motion_sliders import motion_from_sliders

FRAMES = 100_000  # more than an hour
MAX_SECONDS = 10.0  # of the processor; the slowest tool takes one, a tool of quadratic time minutes


def motion_of(frames: int) -> Motion:
    rng = torch.Generator().manual_seed(0)
    return Motion(
        coefficients=0.3 * torch.rand(frames, 58, generator=rng),
        fps=Fraction(25),
        squares=torch.rand(frames, 2, 3, generator=rng),
    )


def sliders(motion: Motion) -> Motion:
    return motion_from_sliders({"jaw": [(2.0 * i, i % 2) for i in range(len(motion) // 50)]}, frames=len(motion))


TOOLS = {
    "rest": lambda motion: tools.make_relative(motion),
    "scale": lambda motion: tools.scale_motion(motion, expression=1.5, pose=0.5),
    "smooth": lambda motion: tools.smooth(motion, 0.2, ("expression", "pose")),
    "retime": lambda motion: tools.retime(motion, 1.3),
    "reverse": tools.reverse,
    "there and back": lambda motion: tools.fit_length(motion, 2 * len(motion), "there and back"),
    "mix": lambda motion: tools.mix_regions(motion, motion, ("lips", "jaw")),
    "speak": lambda motion: tools.speak_over(
        motion, tools.make_relative(motion), speaking=torch.ones(len(motion)), own=torch.zeros(len(motion))
    ),
    "go on": lambda motion: tools.go_on_at_rest(motion, 2 * len(motion)),
    "loop": lambda motion: tools.loop(
        tools.trim(motion, 0.0, float(motion.seconds) / 250), 250, crossfade=float(motion.seconds) / 2500
    ),
    "draw": draw_motion,
    "sliders": sliders,
    "fit": lambda motion: fit_motion(motion, None),
}


@pytest.fixture(autouse=True)
def one_thread():
    """Processor time then is the time of the work, and not of threads that wait for one another."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("tool", TOOLS)
def test_an_hour_is_done_in_seconds(tool):
    motion = motion_of(FRAMES)
    started = time.process_time()
    TOOLS[tool](motion)
    assert time.process_time() - started < MAX_SECONDS
