"""The embedded model draws in bfloat16 what it draws in float32."""

from pathlib import Path

import pytest
import torch

from stylehead_core import (
    PortraitConfig,
    animate,
    load_landmarker,
    load_stylehead,
    motion_from_sliders,
    read_picture,
    take_portrait,
)
from stylehead_core.evaluation.metrics.psnr import psnr
from stylehead_core.landmarker.files import find_landmarker

PORTRAIT = Path(__file__).parents[1] / "example_workflows" / "inputs" / "portrait.jpg"


@pytest.mark.skipif(find_landmarker() is None, reason="needs the face landmarker's weights")
def test_frames_of_a_turning_talking_edited_head_agree_to_45_db():
    landmarker, drawn = load_landmarker(), []
    sliders = {"yaw": [(0, 0.0), (0.08, 20.0)], "jaw": [(0, 0.0), (0.08, 0.8)]}
    for dtype in (torch.float32, torch.bfloat16):
        model = load_stylehead("stylehead-mini", dtype=dtype)
        portrait = take_portrait(read_picture(PORTRAIT), landmarker, PortraitConfig(size=model.config.size))
        frames = animate(model, portrait, motion_from_sliders(sliders, frames=3), edits=[("beard", 0.6)])
        drawn.append(torch.cat(list(frames)))
    assert psnr(*drawn).min() > 45
