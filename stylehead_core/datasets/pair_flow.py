"""Motion and flow of pairs of rendered heads, as a model predicts them.

Axes: B pairs, K coefficients, D descriptor, h w the flow.
"""

from torch import Tensor

from ..model.stylehead import Flow, StyleHead
from ..networks.skull import Outline
from .heads import Heads

__all__ = ["describe_motion", "find_outline", "predict_flow"]


def predict_flow(model: StyleHead, heads: Heads, rows: Tensor) -> Flow:
    """Predict the flow (B 2 h w) of the pairs ``rows`` (B) of ``heads``, with visibility and guides."""
    source, target = heads.source[rows], heads.target[rows]
    here, there = heads.coefficients[source], heads.coefficients[target]
    face = heads.landmarks[source], here, there, heads.size
    outline = find_outline(model, heads, source)
    return model.predict_flow(heads.frames(source), describe_motion(model, here, there), *face, outline=outline)


def find_outline(model: StyleHead, heads: Heads, pictures: Tensor) -> Outline | None:
    """The outline of the skull of ``pictures`` (B) of ``heads`` by their mattes, where the model looks at it."""
    if heads.alpha is None:
        return None
    matte = heads.alpha[pictures].float() / 255
    return model.fit_outline(matte, heads.landmarks[pictures], heads.coefficients[pictures], heads.size)


def describe_motion(model: StyleHead, here: Tensor, there: Tensor) -> Tensor:
    """Descriptor (B D) of the motion from coefficients ``here`` to ``there`` (B K each)."""
    window = there[..., None].expand(-1, -1, model.config.window)
    return model.motion_encoder(window, here if model.motion_encoder.config.source else None)
