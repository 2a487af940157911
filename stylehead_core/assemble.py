"""One model: all its networks, built from one configuration, kept in one file.

Axes: B batch, R style rows, D style width, K coefficients, N descriptor, C h w the feature map, P size of the picture
that a network sees, S size of the picture that is drawn.
"""

import copy
import os
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .config_json import from_json, to_json
from .errors import ConfigError, WeightsError
from .models.aligner import Aligner, AlignerConfig
from .models.audio_encoder import AudioEncoder, AudioEncoderConfig
from .models.calibrator import Calibrator, CalibratorConfig
from .models.coefficients import Coefficients, CoefficientsConfig
from .models.consultation import Consultation, ConsultationConfig
from .models.encoder import Encoder, EncoderConfig
from .models.face_editor import FaceEditor, FaceEditorConfig
from .models.flow_field import FlowField, FlowFieldConfig
from .models.generator import Generator, GeneratorConfig
from .models.landmark_prior import GUIDES, LandmarkPrior, LandmarkPriorConfig
from .models.motion_encoder import MotionEncoder, MotionEncoderConfig
from .models.ready import ready
from .models.refiner import Refiner, RefinerConfig
from .models.speech_coefficients import SpeechCoefficients, SpeechCoefficientsConfig
from .models.style_prior import StylePrior, StylePriorConfig
from .models.vgg import Vgg, VggConfig
from .ops.align import LANDMARKS_68
from .ops.deep3d_align import crop_face
from .ops.warp import Convention, resize_flow, warp, warp_sharply, without_specks
from .records import Direction, Portrait
from .spaces import MotionSpace, space_named
from .weights import check_state, find_model, read_tensors, write_tensors

__all__ = [
    "DirectionConfig",
    "StyleHead",
    "StyleHeadConfig",
    "build",
    "debug",
    "load_stylehead",
    "save_stylehead",
    "styleheat_1024",
]

DEEP3D_PICTURE = 256  # pixels of the picture that ``bfm`` coefficients are counted in
PRIOR_CHANNELS = 6  # the picture as the prior warps it, the prior's flow and its visibility
HIDDEN, SHOWN = 0.25, 0.75  # visibility from which detail is carried a little, and fully
HARDLY = 0.25  # pixels of the feature map: movement at which half of the correction acts,
AT_ALL = 0.02  # and at which half of the frame is refined


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
    refiner: RefinerConfig | None = None  # joins what is drawn with the portrait's own pixels, carried along
    audio_encoder: AudioEncoderConfig | None = None
    audio_flow_field: FlowFieldConfig | None = None
    speech: SpeechCoefficientsConfig | None = None  # lips and jaw from sound, as coefficients
    coefficients: CoefficientsConfig | None = None  # measures ``bfm`` motion in pictures
    perceptual: VggConfig | None = None  # what optimisation compares pictures by
    style_prior: StylePriorConfig | None = None  # what keeps optimised styles plausible
    directions: tuple[DirectionConfig, ...] = ()
    editor: FaceEditorConfig | None = None  # what directions change at places of the face, beside the styles
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
        """Pixels of the picture that is drawn."""
        return self.generator.size

    @property
    def window(self) -> int:
        """Frames that are looked at to draw one."""
        return self.motion_encoder.window


class StyleHead(nn.Module):
    """The networks of one model, and the few sums that join them."""

    face_points: Tensor  # (5 3): eyes, nose and mouth corners of the face model that ``coefficients`` measures by

    def __init__(self, config: StyleHeadConfig) -> None:
        super().__init__()
        self.config = config
        self.generator = Generator(config.generator)
        self.encoder = Encoder(config.encoder)
        self.motion_encoder = MotionEncoder(config.motion_encoder)
        self.flow_field = FlowField(config.flow_field)
        self.prior = LandmarkPrior(config.prior) if config.prior else None
        self.aligner = Aligner(config.aligner) if config.aligner else None
        self.consultation = Consultation(config.consultation) if config.consultation else None
        self.calibrator = Calibrator(config.calibrator) if config.calibrator else None
        self.refiner = Refiner(config.refiner) if config.refiner else None
        self.audio_encoder = AudioEncoder(config.audio_encoder) if config.audio_encoder else None
        self.audio_flow_field = FlowField(config.audio_flow_field) if config.audio_flow_field else None
        self.speech = SpeechCoefficients(config.speech) if config.speech else None
        self.coefficients = Coefficients(config.coefficients) if config.coefficients else None
        if config.coefficients is not None:
            self.register_buffer("face_points", torch.zeros(5, 3))
        self.perceptual = Vgg(config.perceptual) if config.perceptual else None
        self.style_prior = StylePrior(config.style_prior) if config.style_prior else None
        self.directions = Directions(config)
        self.editor = FaceEditor(config.editor) if config.editor else None

    @property
    def device(self) -> torch.device:
        return self.generator.constant.device

    @property
    def dtype(self) -> torch.dtype:
        """Of the networks that draw: the generator and the calibrator. All others are float32."""
        return self.generator.constant.dtype

    @property
    def attributes(self) -> tuple[str, ...]:
        """The directions that this model knows by name."""
        return tuple(direction.name for direction in self.config.directions)

    def draw_in(self, dtype: torch.dtype) -> "StyleHead":
        """Let the networks that draw compute in ``dtype``, all others in float32.

        The others run once for a source or on small pictures, and a flow in bfloat16 is only good to a tenth of a
        pixel.
        """
        for name, part in self.named_children():
            part.to(dtype if name in ("generator", "calibrator") else torch.float32)
        return self

    def for_many(self) -> "StyleHead":
        """The same model for drawing many frames: what its networks' weights go through each time is done.

        It shares the weights, so make it anew when they have changed.
        """
        twin = copy.copy(self)
        twin._modules = dict(self._modules)
        for name in ("calibrator", "refiner"):
            part = getattr(self, name)
            twin._modules[name] = None if part is None else ready(part)
        return twin

    def fit(self, picture: Tensor, size: int) -> Tensor:
        """``picture`` (B 3 S S) at ``size`` pixels."""
        if picture.shape[-1] == size:
            return picture
        smooth = self.config.antialias and picture.shape[-1] > size
        return F.interpolate(picture, size=(size, size), mode="bilinear", align_corners=False, antialias=smooth)

    def own_coefficients(self, portrait: Portrait) -> Tensor | None:
        """The portrait's own pose and expression (K) in the space of this model.

        What was measured in another space is measured anew, where the model has a network for it and the portrait
        landmarks; otherwise there is none.
        """
        own, width = portrait.coefficients, len(self.config.motion_space.names)
        if own is not None and own.shape == (width,):
            return own
        if self.coefficients is None or portrait.landmarks is None:
            return None
        picture = self.fit(portrait.image.to(self.device, torch.float32), DEEP3D_PICTURE)
        scale = DEEP3D_PICTURE / portrait.image.shape[-1]
        points = (portrait.landmarks[list(LANDMARKS_68), :2].cpu().float() + 0.5) * scale - 0.5
        face = crop_face(picture[0].cpu(), points, self.face_points.cpu())
        with torch.no_grad():
            model = self.coefficients(face.picture[None].to(self.device))
        return model.motion(face.crop[None].to(self.device))[0]

    def lower(self, styles: Tensor) -> tuple[Tensor, Tensor | None]:
        """The feature map (B C h w) of ``styles`` (B R D), and the RGB sum below it, in float32."""
        feature, rgb = self.generator.lower(styles.to(self.dtype))
        return feature.float(), None if rgb is None else rgb.float()

    def upper(self, feature: Tensor, styles: Tensor, rgb: Tensor | None) -> Tensor:
        """The picture (B 3 S S) of a feature map, not clamped, in float32."""
        return self.generator.upper(feature.to(self.dtype), styles, rgb).float()

    def consult(self, residual: Tensor, redrawn: Tensor) -> tuple[Tensor, Tensor]:
        """What is to be done to the feature map so that it also draws what the styles alone do not.

        Args:
            residual: (B 3 P P), the portrait minus what its styles redraw.
            redrawn: (B 3 P P) in [-1, 1], what is to be mended: the same, or the redrawing of edited styles.

        Returns:
            scale and shift (B C h w each): feature * (1 + scale) + shift.
        """
        if self.consultation is None:
            raise ConfigError(f"The model {self.config.name!r} has no consultation network.")
        return self.consultation(residual if self.aligner is None else self.aligner(residual, redrawn))

    def edit_places(
        self, name: str, feature: Tensor, picture: Tensor, landmarks: Tensor, coefficients: Tensor, size: float
    ) -> tuple[Tensor, Tensor | None]:
        """What an attribute adds at places of the face, at strength 1: to the feature map (B C h w), and to the
        portrait's pixels (B 3 S S), where the editor knows them.

        Args:
            feature: (B C h w) of the unedited portrait.
            picture: (B 3 S S) in [-1, 1], the portrait redrawn, detail included.
            landmarks: (B 478 3) of the portrait, pixels of a square of ``size``.
            coefficients: (B K), its own.
        """
        assert self.editor is not None
        assert self.prior is not None
        return self.editor(name, feature, picture, *self.prior.places(landmarks, coefficients, size))

    def find_flow(
        self, picture: Tensor, descriptor: Tensor, prior: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """The flow that carries ``picture`` to where the motion wants it.

        Args:
            picture: (B or 1, 3 P P) in [-1, 1], as the generator redraws the portrait.
            descriptor: (B N).
            prior: flow (B 2 h w) and visibility (B 1 h w) of the landmark prior, where the model has one.

        Returns:
            flow (B 2 h w), pixels of the feature map; visibility (B 1 h w) or None.
        """
        picture = self.fit(picture, self.flow_field.config.image_size).expand(len(descriptor), -1, -1, -1)
        if prior is None:
            return self.flow_field(picture, descriptor)
        first, seen = prior
        size = picture.shape[-1]
        planes = resize_flow(first, (size, size)) / size, F.interpolate(seen, size=(size, size), mode="bilinear")
        extra = torch.cat((warp(picture, first), *planes), dim=1)
        correction, visibility = self.flow_field(picture, descriptor, extra)
        moving = _moving(first, HARDLY)  # where nothing moves there is nothing to correct, nor hidden
        flow = without_specks(first + moving * correction)  # the prior lets a point through where two surfaces meet
        return flow, None if visibility is None else 1 - moving * (1 - visibility)

    def guides(self, landmarks: Tensor, source: Tensor, driving: Tensor, size: float) -> Tensor | None:
        """What the moved face has inside mouth and eyes (B G h w), where the refiner is to know: the prior's."""
        if self.refiner is None or not self.refiner.config.guides:
            return None
        assert self.prior is not None
        return self.prior.guides(landmarks, source, driving, size)

    def carry(self, detail: Tensor, flow: Tensor, visibility: Tensor | None) -> Tensor:
        """What the generator misses of the portrait, where the motion puts it.

        Args:
            detail: (B or 1, 3 S S), the portrait minus what is drawn of it.
            flow, visibility: (B 2 h w) and (B 1 h w) or None; where the portrait hides the place there is no detail.

        Returns:
            (B 3 S S), to be added to the picture.
        """
        moved = warp_sharply(detail, flow)
        if visibility is None:
            return moved
        shown = ((visibility - HIDDEN) / (SHOWN - HIDDEN)).clamp(0, 1)
        return moved * F.interpolate(shown, size=moved.shape[-2:], mode="bilinear", align_corners=False)

    def finish(
        self,
        drawn: Tensor,
        still: Tensor,
        detail: Tensor,
        flow: Tensor,
        visibility: Tensor | None,
        descriptor: Tensor | None,
        guides: Tensor | None = None,
    ) -> Tensor:
        """The frame with the portrait's own pixels in it; where nothing moves it is ``drawn + detail``.

        Args:
            drawn: (B 3 S S), what the generator draws of the warped and calibrated feature map.
            still, detail: (B or 1, 3 S S), the portrait before it moves (edits included), and the part of it that the
                generator misses.
            flow, visibility: (B 2 h w) and (B 1 h w) or None.
            descriptor: (B D) of the motion, or None; without it nothing is refined.
            guides: (B G h w) of the landmark prior; likewise, for a refiner that was made to know them.

        Returns:
            (B 3 S S) in [-1, 1], float32.
        """
        drawn = drawn.float().clamp(-1, 1)
        carried = (drawn + self.carry(detail, flow, visibility)).clamp(-1, 1)
        if self.refiner is None or visibility is None or descriptor is None:
            return carried
        if self.refiner.config.guides and guides is None:
            return carried
        if drawn.shape[-1] != self.refiner.config.size:  # a preview
            return carried
        planes = visibility if guides is None else torch.cat((visibility, guides), dim=1)
        refined = self.refiner(drawn, warp_sharply(still, flow), planes, descriptor)
        return (carried + _moving(flow, AT_ALL) * (refined - carried)).clamp(-1, 1)

    def mend(
        self, feature: Tensor, descriptor: Tensor, flow: Tensor, visibility: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """What the calibrator wants done to a warped ``feature`` (B C h w): feature * (1 + scale) + shift.

        ``flow`` and ``visibility`` (B 2 h w, B 1 h w) are what it was warped by.
        """
        if self.calibrator is None:
            raise ConfigError(f"The model {self.config.name!r} has no calibrator.")
        extra = None
        if self.calibrator.config.extra_channels:
            assert visibility is not None
            planes = (visibility, flow / flow.shape[-1])[: 1 + (self.calibrator.config.extra_channels == 3)]
            extra = torch.cat(planes, dim=1).to(feature.dtype)
        gate = visibility.to(feature.dtype) if self.calibrator.config.gate and visibility is not None else None
        return self.calibrator(feature, descriptor.to(feature.dtype), extra, gate)


def _moving(flow: Tensor, half: float) -> Tensor:
    """0 for a flow (B 2 h w) that moves nothing, 1/2 where its farthest point moves by ``half``, soon 1: (B 1 1 1)."""
    amount = flow.abs().amax(dim=(1, 2, 3), keepdim=True)
    return amount / (amount + half)


class Directions(nn.Module):
    """The tensors of the directions that a model knows by name."""

    def __init__(self, config: StyleHeadConfig) -> None:
        super().__init__()
        self.configs = {direction.name: direction for direction in config.directions}
        self.placed = () if config.editor is None else config.editor.names
        rows, width = config.generator.rows, config.generator.style_dim
        for direction in config.directions:
            tensors = nn.Module()
            tensors.register_buffer("direction", torch.zeros(rows, width))
            if direction.target == "coordinate":
                tensors.register_buffer("mean", torch.zeros(width))
                tensors.register_buffer("axis", torch.zeros(width))
            self.add_module(direction.name, tensors)

    def shift(self, name: str) -> Tensor:
        """What the direction called ``name`` adds to the styles (R D)."""
        tensor = self.get_submodule(name).direction
        assert isinstance(tensor, Tensor)
        return tensor

    def named(self, name: str) -> Direction:
        """The direction called ``name``.

        Raises:
            ConfigError: this model has none; lists those it has.
        """
        if name not in self.configs:
            known = ", ".join(self.configs) or "none; give a direction file instead"
            raise ConfigError(f"This model knows no attribute {name!r}. Known: {known}.")
        config = self.configs[name]
        tensors = dict(self.get_submodule(name).named_buffers())
        return Direction(name=name, target=config.target, goal=config.goal, places=name in self.placed, **tensors)


# Making, saving, loading


def build(config: StyleHeadConfig, seed: int = 0) -> StyleHead:
    """A model with weights of chance that only ``seed`` decides: for tests, benchmarks, and before training."""
    with torch.inference_mode(False), torch.random.fork_rng(devices=()):
        torch.manual_seed(seed)
        model = StyleHead(config)
    return model.eval().requires_grad_(False)


def save_stylehead(
    model: StyleHead,
    path: str | os.PathLike,
    *,
    recipe: str = "",
    dtype: torch.dtype | None = None,
) -> None:
    """Write ``model`` as one safetensors file that says what it is.

    Args:
        recipe: how it was made, for the header.
        dtype: of the floating numbers in the file, such as ``torch.float16``; None keeps them.
    """
    about = {
        "config": to_json(model.config),
        "license": model.config.license,
        "notice": model.config.notice,
        "recipe": recipe,
    }
    state = {k: v.to(dtype) if dtype and v.is_floating_point() else v for k, v in model.state_dict().items()}
    write_tensors(path, "model", state, about)


def load_stylehead(
    name_or_path: str | os.PathLike,
    device: str | torch.device = "cpu",
    dtype: torch.dtype = torch.float32,
) -> StyleHead:
    """Load an embedded model by name, or any by the path of its file.

    Args:
        dtype: what the generator and the calibrator compute in; the other networks are float32.

    Raises:
        WeightsError: there is no such model, the file is damaged or of another kind, or does not hold exactly the
            tensors that its configuration asks for.
    """
    path = find_model(name_or_path)
    about, state = read_tensors(path, "model")
    try:
        config = from_json(StyleHeadConfig, about.get("config"), "config")
    except ConfigError as error:
        raise WeightsError(f"{path} holds a model that this version cannot build: {error}") from error
    return fill(config, state, f"The model file {path}").to(device).draw_in(dtype)


def fill(config: StyleHeadConfig, state: dict[str, Tensor], what: str) -> StyleHead:
    """The model of ``config`` with the tensors of ``state``: all of them, or a ``WeightsError`` that lists them."""
    if config.fewest_tensors > len(state):  # refused before it takes hours to build
        raise WeightsError(
            f"{what} does not hold the tensors that it should.\n"
            f"  expected  more than {config.fewest_tensors}\n"
            f"  found     {len(state)}"
        )
    with torch.inference_mode(False):
        try:
            with torch.device("meta"):
                model = StyleHead(config)
        except (RuntimeError, TypeError, ValueError, OverflowError, MemoryError) as error:  # a size beyond all sense
            raise WeightsError(f"{what} says that it is a model which cannot be built: {error}") from error
        check_state(
            {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()},
            {name: tuple(tensor.shape) for name, tensor in state.items()},
            what,
        )
        model.load_state_dict(state, assign=True)
    return model.eval().requires_grad_(False)


# Presets


def styleheat_1024(
    *,
    audio: bool = False,
    coefficients: bool = False,
    perceptual: bool = False,
    style_prior: bool = False,
    directions: Sequence[DirectionConfig] = (),
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
