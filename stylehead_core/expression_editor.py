"""Draws one portrait with one expression after another, as fast as sliders are moved."""

import threading
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

import torch
from torch import Tensor

from .model.stylehead import StyleHead
from .records import Inversion, Motion
from .stages.calibration import calibrate
from .stages.motion_sliders import beyond_hold, read_expression, read_key_frames, slider_motion_for_model
from .stages.motion_tools import trim
from .stages.rendering import FrameRenderer, RenderConfig
from .stages.warping import warp_features

__all__ = ["Drawing", "ExpressionDrawer", "edited_motion"]

STILL = Fraction(25)  # frames a second: of a single frame, where it means nothing


@dataclass(frozen=True)
class Drawing:
    picture: Tensor  # (3 S S) in [-1, 1], on the CPU
    warning: str  # sliders beyond what pictures hold; empty where there are none


class ExpressionDrawer:
    """Keeps what all expressions of one portrait share: the codes, and the feature map before it moves."""

    def __init__(self, model: StyleHead, inversion: Inversion, config: RenderConfig = RenderConfig()) -> None:
        self.model, self.inversion, self.config = model, inversion, config
        self._renderer: FrameRenderer | None = None
        self._drawing = threading.Lock()

    def draw(self, expression: str, key_frames: str = "", moment: float | None = None) -> Drawing:
        """The portrait with an expression.

        Args:
            expression: text such as ``smile 0.6, yaw 20``.
            key_frames: lines such as ``0.5: smile 1``, which change it over time.
            moment: seconds; None draws the expression alone, without the key frames.

        Raises:
            ConfigError: the texts do not read so, or a slider is beyond its range.
            InputError, MotionError: the portrait cannot be moved by sliders, see ``warp_features``.
        """
        sliders = read_expression(expression)
        keys = sliders if moment is None else read_key_frames(key_frames, sliders)
        motion = slider_motion_for_model(self.model, keys, frames=1 + round((moment or 0.0) * STILL), fps=STILL)
        with self._drawing, torch.inference_mode():
            return Drawing(self._draw(trim(motion, -1 / float(STILL))), beyond_hold(keys))

    def _draw(self, motion: Motion) -> Tensor:
        strength = 0.0 if self.model.calibrator is None else 1.0
        head = calibrate(self.model, warp_features(self.model, self.inversion, motion), strength)
        if self._renderer is None:
            self._renderer = FrameRenderer(self.model, self.inversion, self.config)
        return next(iter(self._renderer.render(head, [0], 1)))[0].cpu()


def edited_motion(model: StyleHead, expression: str, key_frames: str, frames: int, fps: Fraction) -> Motion:
    """The motion of an editor: the expression held, or its key frames. It is as long as the last key at least.

    Raises:
        ConfigError: the texts do not read so, or a slider is beyond its range.
    """
    sliders = read_expression(expression)
    keys = read_key_frames(key_frames, sliders)
    last = max((points[-1][0] for points in keys.values() if not isinstance(points, (int, float))), default=0.0)
    return slider_motion_for_model(model, keys, frames=max(frames, 1 + ceil(last * fps)), fps=fps)
