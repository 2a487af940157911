"""The configuration of a whole model: one dataclass of its networks' configurations and conventions."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from ..errors import ConfigError
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
from ..networks.style_statistics import StyleStatisticsConfig
from ..networks.vgg import VggConfig
from ..ops.warp import Convention
from ..spaces import MotionSpace, space_named

__all__ = ["DirectionConfig", "StyleHeadConfig"]

PRIOR_CHANNELS = 6  # the picture as the prior warps it, the prior's flow and its visibility


@dataclass(frozen=True, kw_only=True)
class DirectionConfig:
    """What a direction of the model's own file is; its tensors stand under ``directions.<name>``."""

    name: str
    target: Literal["shift", "coordinate"] = "shift"
    goal: float = 0.0  # of a coordinate

    def __post_init__(self) -> None:
        if not self.name.isidentifier() or self.name.startswith("_"):
            raise ConfigError(f"A direction is named by letters, digits and underscores; found {self.name!r}.")


@dataclass(frozen=True, kw_only=True)
class StyleHeadConfig:
    name: str
    generator: GeneratorConfig
    encoder: EncoderConfig
    motion_encoder: MotionEncoderConfig
    flow_field: FlowFieldConfig
    aligner: AlignerConfig | None = None
    consultation: ConsultationConfig | None = None
    prior: LandmarkPriorConfig | None = None  # a first flow from the portrait's landmarks, which flow_field corrects
    calibrator: CalibratorConfig | None = None
    refiner: RefinerConfig | None = None  # merges what is drawn with the portrait's own pixels, warped by the flow
    compositor: CompositorConfig | None = None  # draws the frame at a larger size, and lays it over the wall
    matte: MatteNetworkConfig | None = None  # cuts the person out of the portrait, for the compositor
    audio_encoder: AudioEncoderConfig | None = None
    audio_flow_field: FlowFieldConfig | None = None
    speech: SpeechCoefficientsConfig | None = None  # lips and jaw from sound, as coefficients
    coefficients: CoefficientsConfig | None = None  # measures ``bfm`` motion in pictures
    perceptual: VggConfig | None = None  # what optimisation compares pictures by
    style_prior: StylePriorConfig | None = None  # what keeps optimised styles plausible
    directions: tuple[DirectionConfig, ...] = ()
    editor: FaceEditorConfig | None = None  # what directions change at places of the face, beside the styles
    style_statistics: StyleStatisticsConfig | None = None  # from which random styles are sampled
    gestures: tuple[str, ...] = ()  # sliders of the face, such as smile, whose expression coefficients the file holds
    key_expressions: bool = False  # the four expressions of the paper's intuitive editing are in the file
    space: Literal["arkit", "bfm"] = "arkit"
    rate: Fraction = Fraction(25)  # frames a second at which the motion window is spaced
    warp: Convention = "identity"
    warp_rgb: bool = True  # the RGB sum from below the feature map moves with it
    carry_detail: bool = False  # what the generator misses of the portrait moves along as pixels
    audio_region: Literal["lower half", "soft"] = "soft"  # where the flow from sound acts
    antialias: bool = True  # where a picture is made smaller for a network
    license: str = "Apache-2.0"
    notice: str = ""  # what one may and may not do with the file

    def __post_init__(self) -> None:
        waist = self.generator.channels[self.generator.waist]
        self._agree("style rows", generator=self.generator.rows, encoder=self.encoder.rows)
        self._agree("style width", generator=self.generator.style_dim, encoder=self.encoder.style_dim)
        width = len(space_named(self.space).names)
        self._agree("coefficients", **{self.space: width, "motion_encoder": self.motion_encoder.coefficients})
        self._agree("descriptor", motion_encoder=self.motion_encoder.descriptor, flow_field=self.flow_field.descriptor)
        if self.motion_encoder.window % 2 == 0:
            raise ConfigError(f"A window has a frame in its middle: {self.motion_encoder.window} is even.")
        if self.consultation is not None:
            self._agree("feature channels", generator=waist, consultation=self.consultation.feature_channels)
            self._agree("feature size", generator=self.generator.waist, consultation=self.consultation.feature_size)
        if self.aligner is not None:
            if self.consultation is None:
                raise ConfigError("An aligner prepares what the consultation looks at: this model has no consultation.")
            self._agree("picture size", aligner=self.aligner.size, consultation=self.consultation.size)
        if self.calibrator is not None:
            self._agree("feature channels", generator=waist, calibrator=self.calibrator.feature_channels)
            self._agree("feature size", generator=self.generator.waist, calibrator=self.calibrator.feature_size)
            self._agree(
                "descriptor", motion_encoder=self.motion_encoder.descriptor, calibrator=self.calibrator.descriptor
            )
            if self.calibrator.extra_channels not in (0, 1, 3):
                raise ConfigError(
                    "A calibrator's extra channels are 0 (none), 1 (visibility) or 3 (visibility and flow); "
                    f"found {self.calibrator.extra_channels}."
                )
            looks = self.calibrator.extra_channels or self.calibrator.gate
            if looks and not self.flow_field.visibility:
                raise ConfigError("A calibrator with a gate or extra channels needs a flow field with visibility.")
        if self.refiner is not None:
            self._agree("feature size", generator=self.generator.waist, refiner=self.refiner.feature_size)
            self._agree("descriptor", motion_encoder=self.motion_encoder.descriptor, refiner=self.refiner.descriptor)
            self._agree("picture size", generator=self.generator.size, refiner=self.refiner.size)
            if not (self.carry_detail and self.flow_field.visibility):
                raise ConfigError("A refiner needs a model that carries detail, and a flow field with visibility.")
            if self.refiner.guides:
                self._agree("guides", refiner=self.refiner.guides, prior=GUIDES if self.prior else 0)
        if self.compositor is not None:
            if self.refiner is None:
                raise ConfigError("A compositor goes on from what a refiner has drawn: this model has no refiner.")
            small, large = self.refiner, self.compositor
            self._agree("feature size", refiner=small.feature_size, compositor=large.feature_size)
            self._agree("descriptor", refiner=small.descriptor, compositor=large.descriptor)
            self._agree("drawn size", refiner=small.size, compositor=large.drawn_size)
            self._agree("features", refiner=small.width, compositor=large.features)
            self._agree("guides", refiner=small.guides, compositor=large.guides)
        if (self.compositor is None) != (self.matte is None):
            raise ConfigError("A compositor needs a matte network, and that a compositor; found one of them.")
        if self.editor is not None:
            self._agree("feature channels", generator=waist, editor=self.editor.feature_channels)
            if self.editor.fold:
                self._agree(
                    "picture size", generator=self.generator.size, editor=self.editor.fold * self.generator.waist
                )
                if not self.carry_detail:
                    raise ConfigError("A face editor that changes pixels needs a model that carries detail.")
            unknown = set(self.editor.names) - {direction.name for direction in self.directions}
            if unknown or self.prior is None:
                raise ConfigError(
                    "A face editor needs a landmark prior, which knows where the face is, and directions of the same "
                    f"names; without one: {', '.join(sorted(unknown)) or 'none'}."
                )
        if self.prior is not None:
            self._agree("flow size", generator=self.generator.waist, prior=self.prior.flow_size)
            self._agree("extra channels", prior=PRIOR_CHANNELS, flow_field=self.flow_field.extra_channels)
        elif self.flow_field.extra_channels:
            raise ConfigError("A flow field has extra channels for what a landmark prior gives; this model has none.")
        if (self.audio_encoder is None) != (self.audio_flow_field is None):
            raise ConfigError("Sound needs both, an audio_encoder and an audio_flow_field; found one of them.")
        if self.audio_encoder is not None and self.audio_flow_field is not None:
            self._agree(
                "descriptor",
                audio_encoder=self.audio_encoder.descriptor,
                audio_flow_field=self.audio_flow_field.descriptor,
            )
        if self.style_statistics is not None:
            self._agree("style rows", generator=self.generator.rows, style_statistics=self.style_statistics.rows)
            self._agree(
                "style width", generator=self.generator.style_dim, style_statistics=self.style_statistics.style_dim
            )
        if (self.gestures or self.key_expressions) and self.space == "arkit":
            raise ConfigError("Gestures are for spaces whose expression has no names; 'arkit' names its own.")
        if self.rate <= 0:
            raise ConfigError(f"The rate of the motion window must be above 0; found {self.rate}.")

    def _agree(self, what: str, **numbers: int) -> None:
        if len(set(numbers.values())) > 1:
            found = ", ".join(f"{name} {number}" for name, number in numbers.items())
            raise ConfigError(f"The parts of the model {self.name!r} must have the same {what}; found {found}.")

    @property
    def motion_space(self) -> MotionSpace:
        return space_named(self.space)

    @property
    def fewest_tensors(self) -> int:
        """A model of this configuration has more: every layer has its own. Known before it is built."""
        layers = [self.generator.mapping_layers, *self.encoder.units, self.motion_encoder.blocks]
        layers += self.coefficients.blocks if self.coefficients else ()
        layers += self.perceptual.convs if self.perceptual else ()
        return sum(layers) + len(self.directions)

    @property
    def size(self) -> int:
        """Pixels of the frames."""
        return self.generator.size if self.compositor is None else self.compositor.size

    @property
    def window(self) -> int:
        """Frames that are looked at to draw one."""
        return self.motion_encoder.window
