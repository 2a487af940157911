"""Configurations by name: the official model, the embedded one, a tiny one for tests."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from ..networks.aligner import AlignerConfig
from ..networks.audio_encoder import AudioEncoderConfig
from ..networks.calibrator import CalibratorConfig
from ..networks.coefficients import CoefficientsConfig
from ..networks.compositor import CompositorConfig
from ..networks.consultation import ConsultationConfig
from ..networks.encoder import EncoderConfig
from ..networks.face_editor import FaceEditorConfig
from ..networks.flow_field import FlowFieldConfig
from ..networks.generator import GeneratorConfig
from ..networks.landmark_prior import GUIDES, LandmarkPriorConfig
from ..networks.matte import MatteNetworkConfig
from ..networks.motion_encoder import MotionEncoderConfig
from ..networks.refiner import RefinerConfig
from ..networks.speech_coefficients import SpeechCoefficientsConfig
from ..networks.style_prior import StylePriorConfig
from ..networks.vgg import VggConfig
from ..spaces import ARKIT, SPEECH_BLENDSHAPES, space_named
from .config import DirectionConfig, StyleHeadConfig

__all__ = ["EDITABLE_ATTRIBUTES", "debug", "stylehead_512", "stylehead_mini", "styleheat_1024"]

EDITABLE_ATTRIBUTES = ("age", "beard", "makeup", "tone", "hair_color")  # of the embedded model


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


def stylehead_mini(size: int = 128) -> StyleHeadConfig:
    """The embedded model's networks of 128 pixels. The RGB sum is warped too, so that no ghost stays behind."""
    waist = 64
    channels = {4: 128, 8: 128, 16: 128, 32: 96, 64: 64, 128: 24 if size == 128 else 48, 256: 16}
    channels = {resolution: number for resolution, number in channels.items() if resolution <= size}
    rows, style, descriptor = 2 * len(channels), 96, 128
    return StyleHeadConfig(
        name="stylehead-mini",
        generator=GeneratorConfig(
            size=size, style_dim=style, mapping_layers=1, channels=channels, waist=waist, rgb_from=waist
        ),
        encoder=EncoderConfig(
            size=64, widths=(24, 48, 96, 128), units=(1, 2, 2, 2), rows=rows, style_dim=style, middle_rows=4
        ),
        consultation=ConsultationConfig(
            size=size,
            fold=size // waist,
            widths=(32, 32, 48),
            strides=(1, 1),
            feature_channels=channels[waist],
            feature_size=waist,
        ),
        motion_encoder=MotionEncoderConfig(
            coefficients=len(ARKIT.names), descriptor=descriptor, window=1, first_kernel=1, blocks=0, source=True
        ),
        prior=LandmarkPriorConfig(flow_size=waist),
        flow_field=FlowFieldConfig(
            image_size=64,
            extra_channels=6,
            base=32,
            maximum=128,
            down=3,
            up=3,
            descriptor=descriptor,
            hidden=64,
            visibility=True,
            zero_init=True,
        ),
        calibrator=CalibratorConfig(
            feature_channels=channels[waist],
            feature_size=waist,
            extra_channels=3,
            width=48,
            descriptor=descriptor,
            hidden=64,
            levels=3,
            gate=True,
            zero_init=True,
        ),
        refiner=RefinerConfig(size=size, feature_size=waist, descriptor=descriptor, guides=GUIDES),
        speech=SpeechCoefficientsConfig(names=SPEECH_BLENDSHAPES, window=48, width=192),
        carry_detail=True,
        directions=tuple(DirectionConfig(name=name) for name in EDITABLE_ATTRIBUTES),
        editor=FaceEditorConfig(
            names=EDITABLE_ATTRIBUTES,
            feature_channels=channels[waist],
            plan_size=waist,
            fold=size // waist,
            beyond=("hair_color",),
        ),
        notice="Trained on rendered heads of ICT-FaceKit (MIT, Copyright (c) 2020 USC Institute for Creative "
        "Technologies). The landmark prior holds the canonical face of MediaPipe (Apache-2.0, Google).",
    )


def stylehead_512() -> StyleHeadConfig:
    """The embedded model of 512 pixels: the networks of the small one, a compositor and a matte."""
    small = stylehead_mini()
    assert small.refiner is not None
    refiner = replace(small.refiner, paint=True)
    return replace(
        small,
        name="stylehead-512",
        prior=LandmarkPriorConfig(flow_size=small.generator.waist, hidden=192, lips_meet=True, uncovers=True),
        refiner=refiner,
        compositor=CompositorConfig(
            drawn_size=refiner.size,
            feature_size=refiner.feature_size,
            descriptor=refiner.descriptor,
            guides=refiner.guides,
            irises=True,
            features=refiner.width,
        ),
        matte=MatteNetworkConfig(),
        notice=small.notice + " Refiner, compositor and matte network also learnt from portraits of nobody: "
        "faker-js/assets-person-portrait (CC0-1.0), and SelfishGene/SFHQ-T2I-dataset (MIT), made by FLUX.1 schnell; "
        "their mattes were made by MediaPipe's selfie segmentation (Apache-2.0, Google).",
    )
