"""Configurations by name: the official model, the embedded one, a tiny one for tests."""

from collections.abc import Sequence
from typing import Literal

from ..networks.aligner import AlignerConfig
from ..networks.audio_encoder import AudioEncoderConfig
from ..networks.calibrator import CalibratorConfig
from ..networks.coefficients import CoefficientsConfig
from ..networks.consultation import ConsultationConfig
from ..networks.encoder import EncoderConfig
from ..networks.flow_field import FlowFieldConfig
from ..networks.generator import GeneratorConfig
from ..networks.motion_encoder import MotionEncoderConfig
from ..networks.style_prior import StylePriorConfig
from ..networks.vgg import VggConfig
from ..spaces import space_named
from .config import DirectionConfig, StyleHeadConfig

__all__ = ["debug", "styleheat_1024"]


def styleheat_1024(
    *,
    audio: bool = False,
    coefficients: bool = False,
    perceptual: bool = False,
    style_prior: bool = False,
    directions: Sequence[DirectionConfig] = (),
    gestures: Sequence[str] = (),
    key_expressions: bool = False,
    notice: str = "",
) -> StyleHeadConfig:
    """The official model, with those of its optional parts that are there."""
    return StyleHeadConfig(
        name="styleheat-1024",
        generator=GeneratorConfig(),
        encoder=EncoderConfig(),
        aligner=AlignerConfig(),
        consultation=ConsultationConfig(),
        motion_encoder=MotionEncoderConfig(),
        flow_field=FlowFieldConfig(),
        calibrator=CalibratorConfig(),
        audio_encoder=AudioEncoderConfig(form="conv") if audio else None,
        audio_flow_field=FlowFieldConfig() if audio else None,
        coefficients=CoefficientsConfig() if coefficients else None,
        perceptual=VggConfig() if perceptual else None,
        style_prior=StylePriorConfig() if style_prior else None,
        directions=tuple(directions),
        gestures=tuple(gestures),
        key_expressions=key_expressions,
        space="bfm",
        warp="official",
        warp_rgb=False,
        audio_region="lower half",
        antialias=False,
        license="research only",
        notice=notice,
    )


def debug(space: Literal["arkit", "bfm"] = "arkit") -> StyleHeadConfig:
    """A whole model that draws 64 pixels in milliseconds, for tests. ``bfm`` keeps to the official conventions."""
    official = space == "bfm"
    rows, width, descriptor = 10, 16, 12
    hourglass = FlowFieldConfig(
        image_size=64, base=4, maximum=8, down=3, up=2, descriptor=descriptor, hidden=8, visibility=not official
    )
    return StyleHeadConfig(
        name=f"debug-{space}",
        generator=GeneratorConfig(
            size=64,
            style_dim=width,
            mapping_layers=2,
            channels={4: 16, 8: 16, 16: 12, 32: 8, 64: 8},
            waist=32,
            rgb_from=4 if official else 32,
        ),
        encoder=EncoderConfig(
            size=64, widths=(4, 8, 8, 16), units=(1, 1, 1, 1), rows=rows, style_dim=width, middle_rows=3
        ),
        aligner=AlignerConfig(size=64, widths=(4, 4, 8, 8)) if official else None,
        consultation=ConsultationConfig(size=64, widths=(4, 8, 8), strides=(2, 1), feature_channels=8, feature_size=32),
        motion_encoder=MotionEncoderConfig(
            coefficients=len(space_named(space).names),
            descriptor=descriptor,
            window=27 if official else 5,
            first_kernel=7 if official else 3,
            blocks=3 if official else 0,
            source=not official,
        ),
        flow_field=hourglass,
        calibrator=CalibratorConfig(
            feature_channels=8,
            feature_size=32,
            extra_channels=0 if official else 3,
            width=8,
            descriptor=descriptor,
            hidden=8,
            levels=2,
            heads="all" if official else "acting",
            gate=not official,
        ),
        audio_encoder=AudioEncoderConfig(descriptor=descriptor, form="conv" if official else "mlp", hidden=8),
        audio_flow_field=hourglass,
        perceptual=VggConfig(widths=(4, 4), convs=(1, 1)),
        style_prior=StylePriorConfig(style_dim=width) if official else None,
        directions=(DirectionConfig(name="old"), DirectionConfig(name="beard", target="coordinate", goal=-2.0)),
        space=space,
        warp="official" if official else "identity",
        warp_rgb=not official,
        audio_region="lower half" if official else "soft",
        antialias=not official,
    )
