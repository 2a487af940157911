"""Models with which every recipe runs in a moment, for tests."""

from dataclasses import replace

from ...model.config import StyleHeadConfig
from ...model.presets import debug
from ...networks.aligner import AlignerConfig

__all__ = ["debug_paper_model", "shrink"]


def debug_paper_model() -> StyleHeadConfig:
    """The paper's networks at 64 pixels."""
    return replace(debug("arkit"), aligner=AlignerConfig(size=64, widths=(4, 4, 8, 8)))


def shrink(model: StyleHeadConfig) -> StyleHeadConfig:
    """The same networks as narrow as possible: they learn nothing useful."""
    assert model.consultation is not None
    assert model.calibrator is not None
    assert model.refiner is not None
    assert model.editor is not None
    channels = {4: 8, 8: 8, 16: 8, 32: 8, 64: 8, 128: 4}
    return replace(
        model,
        name="debug",
        generator=replace(model.generator, channels=channels, style_dim=16),
        encoder=replace(model.encoder, widths=(4, 4, 8, 8), units=(1, 1, 1, 1), style_dim=16),
        consultation=replace(model.consultation, widths=(4, 4, 8), feature_channels=8),
        motion_encoder=replace(model.motion_encoder, descriptor=16),
        flow_field=replace(model.flow_field, base=4, maximum=8, descriptor=16, hidden=8),
        calibrator=replace(model.calibrator, feature_channels=8, width=8, descriptor=16, hidden=8),
        refiner=replace(model.refiner, descriptor=16, hidden=8, width=8, units=1),
        compositor=model.compositor
        and replace(model.compositor, size=256, descriptor=16, features=8, hidden=8, width=8, units=1),
        matte=model.matte and replace(model.matte, size=64, widths=(4, 8, 8)),
        editor=replace(model.editor, feature_channels=8, width=8, plan=2),
    )
