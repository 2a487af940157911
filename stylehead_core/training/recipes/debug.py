"""Recipes of a size that trains in a moment, for tests."""

from dataclasses import replace

from ...model.presets import debug
from ...networks.aligner import AlignerConfig
from ..recipe import Recipe

__all__ = ["for_debugging", "tiny"]


def tiny(recipe: Recipe) -> Recipe:
    """A paper recipe with networks that draw 64 pixels in a moment."""
    size = 64
    return replace(
        recipe,
        name=f"debug_{recipe.name}",
        model=replace(debug("arkit"), aligner=AlignerConfig(size=size, widths=(4, 4, 8, 8))),
        task=recipe.task.for_debugging(size),
        needs=tuple(f"debug_{need}" for need in recipe.needs),
        steps=min(recipe.steps, 2),
        batch=2,
    )


def for_debugging(recipe: Recipe) -> Recipe:
    """The same run in a moment, with networks that learn nothing useful."""
    model = recipe.model
    assert model.consultation is not None
    assert model.calibrator is not None
    assert model.refiner is not None
    assert model.editor is not None
    channels = {4: 8, 8: 8, 16: 8, 32: 8, 64: 8, 128: 4}
    return replace(
        recipe,
        name=_debug_name(recipe.name),
        task=recipe.task and recipe.task.for_debugging(model.generator.size),
        needs=tuple(_debug_name(need) for need in recipe.needs),
        steps=min(recipe.steps, 2),
        batch=4,
        model=replace(
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
        ),
    )


def _debug_name(name: str) -> str:
    return name.replace("mini_", "debug_") if name.startswith("mini_") else f"debug_{name}"
