"""The networks of one model, joined: what each stage asks of them.

Axes: B batch, R style rows, D style width, K coefficients, N descriptor, C h w the feature map, P size of the picture
that a network sees, S size of the picture that is drawn.
"""

import copy
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import ConfigError
from ..networks.aligner import Aligner
from ..networks.audio_encoder import AudioEncoder
from ..networks.calibrator import Calibrator
from ..networks.coefficients import Coefficients
from ..networks.compositor import Compositor
from ..networks.consultation import Consultation
from ..networks.encoder import Encoder
from ..networks.face_editor import FaceEditor
from ..networks.flow_field import FlowField
from ..networks.generator import Generator
from ..networks.inference import for_inference
from ..networks.landmark_prior import LandmarkPrior
from ..networks.matte import MatteNetwork
from ..networks.motion_encoder import MotionEncoder
from ..networks.refiner import Refined, Refiner
from ..networks.skull import Outline
from ..networks.speech_coefficients import SpeechCoefficients
from ..networks.style_prior import StylePrior
from ..networks.style_statistics import StyleStatistics
from ..networks.vgg import Vgg
from ..ops.align import LANDMARKS_68
from ..ops.deep3d_align import crop_face
from ..ops.face_masks import face_mask, lower_face_mask
from ..ops.irises import carry_irises
from ..ops.masks import confine_to_lower_face
from ..ops.strands import add_strands
from ..ops.wall import fill_small_holes
from ..ops.warp import remove_flow_outliers, resize_flow, warp, warp_bicubic
from ..records import Direction, Portrait
from .config import StyleHeadConfig

__all__ = ["EYES_OPEN", "KEY_EXPRESSIONS", "Flow", "Layers", "StyleHead", "build"]

DRAWING = ("generator", "calibrator", "refiner", "compositor")  # networks that run in the chosen precision
DEEP3D_PICTURE = 256  # pixels of the picture that ``bfm`` coefficients are counted in


AUDIO_EDGES = {"lower half": 0.0, "soft": 0.125}  # of the height, over which the flow from sound sets in


KEY_EXPRESSIONS = ("centre", "mouth", "eyebrow", "eyes")  # of the paper's intuitive editing


HIDDEN, SHOWN = 0.25, 0.75  # visibility from which detail is carried a little, and fully


SURE_FACE = {"grow": -0.2, "feather": 0.15}  # of ``face_mask``: the middle of a face, which is the person for sure
WALL_BELOW, PERSON_ABOVE = 0.55, 0.72  # what the matte network says, counted as 0 and as 1


CORRECTION_HALF_FLOW_PX = 0.25  # pixels of the feature map: movement at which half of the correction acts,


EYES_OPEN = 2  # of the planes of refiner and compositor, visibility first: how far inside the lids


REFINEMENT_HALF_FLOW_PX = 0.02  # and at which half of the frame is refined


class Flow(NamedTuple):
    """Where a frame fetches from in the portrait, and what is known of it besides."""

    flow: Tensor  # (B 2 h w), pixels of the feature map
    visibility: Tensor | None  # (B 1 h w) in 0..1: 0 where the portrait does not show what is to be seen
    guides: Tensor | None  # (B G h w) in -1..1: what is inside an open mouth or eye
    prior: Tensor | None = None  # (B 2 h w), the landmark prior's own flow, before its correction
    irises: Tensor | None = None  # (B 2 8), see ``ops.irises.IRIS_VALUES``, for a compositor that moves them


class Layers(NamedTuple):
    """A portrait that does not move, as frames are made from it. S is the size of the frames, s the generator's."""

    still: Tensor  # (1 3 s s) in [-1, 1]
    detail: Tensor  # (1 3 s s): the part of it that the generator misses
    picture: Tensor | None = None  # (1 3 S S), the portrait at the size of the frames; for a compositor, as all below
    person: Tensor | None = None  # (1 3 S S)
    matte: Tensor | None = None  # (1 1 S S) in 0..1
    wall: Tensor | None = None  # (1 3 S S)


class StyleHead(nn.Module):
    """The networks of one model, and the few sums that join them."""

    key_expressions: Tensor  # (4 64), in the order of KEY_EXPRESSIONS
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
        self.compositor = Compositor(config.compositor) if config.compositor else None
        self.matte = MatteNetwork(config.matte) if config.matte else None
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
        self.style_statistics = StyleStatistics(config.style_statistics) if config.style_statistics else None
        expression = config.motion_space.expression
        width = expression.stop - expression.start
        if config.gestures:
            self.gestures = nn.ParameterDict(
                {name: nn.Parameter(torch.zeros(width), requires_grad=False) for name in config.gestures}
            )
        if config.key_expressions:
            self.register_buffer("key_expressions", torch.zeros(len(KEY_EXPRESSIONS), width))

    @property
    def slider_expressions(self) -> dict[str, Tensor]:
        """What each slider of the face adds to the expression coefficients (64) at 1: gestures, and the mouth, eyebrow
        and eyes of intuitive editing as changes against its centre. Empty for a space whose coefficients have names."""
        found = {}
        if self.config.key_expressions:
            keys = dict(zip(KEY_EXPRESSIONS, self.key_expressions, strict=True))
            centre = keys.pop("centre")
            found = {name: (key - centre).detach() for name, key in keys.items()}
        if self.config.gestures:
            found |= {name: self.gestures[name].detach() for name in self.config.gestures}
        return found

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

    @property
    def moves_irises(self) -> bool:
        """Whether irises are carried by their own movement."""
        return self.compositor is not None and self.compositor.config.irises

    def draw_in(self, dtype: torch.dtype) -> "StyleHead":
        """Let the networks that draw compute in ``dtype``, all others in float32.

        The others run once for a source or on small pictures, and a flow in bfloat16 is only good to a tenth of a
        pixel.
        """
        for name, part in self.named_children():
            part.to(dtype if name in DRAWING else torch.float32)
        return self

    def for_inference(self) -> "StyleHead":
        """The same model for drawing many frames: what its networks' weights go through each time is done.

        It shares the weights, so make it anew when they have changed.
        """
        twin = copy.copy(self)
        twin._modules = dict(self._modules)
        for name in ("calibrator", "refiner", "compositor"):
            part = getattr(self, name)
            twin._modules[name] = None if part is None else for_inference(part)
        return twin

    def resize(self, picture: Tensor, size: int) -> Tensor:
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
        picture = self.resize(portrait.image.to(self.device, torch.float32), DEEP3D_PICTURE)
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
            redrawn: (B 3 P P) in [-1, 1], what is to be corrected: the same, or the redrawing of edited styles.

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
        return self.editor(name, feature, picture, *self.prior.find_face_positions(landmarks, coefficients, size))

    def predict_flow(
        self,
        picture: Tensor,
        descriptor: Tensor,
        landmarks: Tensor | None = None,
        source: Tensor | None = None,
        driving: Tensor | None = None,
        size: float = 0,
        outline: Outline | None = None,
    ) -> Flow:
        """The flow that warps ``picture`` to where the motion wants it, and what goes with it.

        Args:
            picture: (B or 1, 3 P P) in [-1, 1], as the generator redraws the portrait.
            descriptor: (B N).
            landmarks, source, driving, size: for a landmark prior, see ``LandmarkPrior.move_landmarks``; other models
                need none.
            outline: from ``fit_outline``; None = the mean skull's.
        """
        picture = self.resize(picture, self.flow_field.config.image_size).expand(len(descriptor), -1, -1, -1)
        if self.prior is None:
            flow, visibility = self.flow_field(picture, descriptor)
            return Flow(flow, visibility, None)
        assert landmarks is not None
        assert source is not None
        assert driving is not None
        face = self.prior.move_landmarks(landmarks, source, driving, size)
        first, seen = self.prior.find_flow(landmarks, face, size, outline)
        guides = self.prior.find_guides(face, size) if self.refiner is not None and self.refiner.config.guides else None
        size_seen = picture.shape[-1]
        planes = (
            resize_flow(first, (size_seen, size_seen)) / size_seen,
            F.interpolate(seen, size=(size_seen, size_seen), mode="bilinear"),
        )
        extra = torch.cat((warp(picture, first), *planes), dim=1)
        correction, visibility = self.flow_field(picture, descriptor, extra)
        moving = _moving(first, CORRECTION_HALF_FLOW_PX)  # where nothing moves there is nothing to correct, nor hidden
        # The prior lets a point through where two surfaces meet.
        flow = remove_flow_outliers(first + moving * correction)
        irises = self.prior.find_irises(landmarks, face, size) if self.moves_irises else None
        return Flow(flow, None if visibility is None else 1 - moving * (1 - visibility), guides, first, irises)

    def fit_outline(
        self, matte: Tensor | None, landmarks: Tensor | None, coefficients: Tensor | None, size: float
    ) -> Outline | None:
        """The outline of a portrait's head, for ``predict_flow``; None for models that cut nobody out.

        Arguments as for ``LandmarkPrior.fit_outline``.
        """
        if self.matte is None or self.prior is None or matte is None or landmarks is None or coefficients is None:
            return None
        return self.prior.fit_outline(matte, landmarks, coefficients, size)

    def audio_mask(self, landmarks: Tensor | None, picture: int) -> Tensor | None:
        """Where the flow from sound may act (B 1 h w), by the portrait's landmarks; None where it is the lower half.

        Args:
            landmarks: (B 478 3) pixels of a square of ``picture`` pixels, or None.
        """
        if landmarks is None or self.config.audio_region == "lower half" or self.audio_flow_field is None:
            return None
        size = self.audio_flow_field.config.flow_size
        return lower_face_mask((landmarks.float() + 0.5) * (size / picture) - 0.5, size)

    def confine_audio_flow(self, flow: Tensor, first: Tensor, mask: Tensor | None) -> Tensor:
        """The flow from sound (B 2 h w) where it may act, in training as in use.

        Args:
            first: (B 2 h w), the flow that comes before it: it has moved the mouth.
            mask: (B or 1, 1 h w) of ``audio_mask``.
        """
        if mask is not None:
            return flow * warp(mask.expand(len(flow), -1, -1, -1), first)
        return confine_to_lower_face(flow, edge=AUDIO_EDGES[self.config.audio_region])

    def warp_detail(self, detail: Tensor, flow: Tensor, visibility: Tensor | None) -> Tensor:
        """What the generator misses of the portrait, where the motion puts it.

        Args:
            detail: (B or 1, 3 S S), the portrait minus what is drawn of it.
            flow, visibility: (B 2 h w) and (B 1 h w) or None; where the portrait hides the place there is no detail.

        Returns:
            (B 3 S S), to be added to the picture.
        """
        moved = warp_bicubic(detail, flow)
        if visibility is None:
            return moved
        shown = ((visibility - HIDDEN) / (SHOWN - HIDDEN)).clamp(0, 1)
        return moved * F.interpolate(shown, size=moved.shape[-2:], mode="bilinear", align_corners=False)

    def cut_out(self, picture: Tensor, landmarks: Tensor | None = None, size: float = 0) -> Tensor | None:
        """The matte (1 1 S S) in 0..1 of a portrait (1 3 S S), where the model has a network for it.

        Where ``landmarks`` (1 478 3; pixels of a square of ``size``) are given, the middle of the face counts as the
        person whatever the network says. Its rim does not: beside the cheeks wall would move with the head. Strands of
        hair that the network has missed are added.
        """
        if self.matte is None:
            return None
        own = self.matte.config.size
        face = middle = picture.new_zeros(1, 1, own, own)
        if landmarks is not None:
            points = (landmarks + 0.5) * (own / size) - 0.5
            face, middle = face_mask(points, own), face_mask(points, own, **SURE_FACE)
        logits = self.matte(self.resize(picture.float(), own), face)
        logits, middle = (
            F.interpolate(plane, size=picture.shape[-2:], mode="bilinear", align_corners=False)
            for plane in (logits, middle)
        )
        matte = ((torch.sigmoid(logits) - WALL_BELOW) / (PERSON_ABOVE - WALL_BELOW)).clamp(0, 1)
        return add_strands(picture.float(), fill_small_holes(torch.maximum(matte, middle)))

    def refine(
        self,
        drawn: Tensor,
        layers: Layers,
        flow: Tensor,
        visibility: Tensor | None,
        descriptor: Tensor | None,
        guides: Tensor | None = None,
        irises: Tensor | None = None,
    ) -> Tensor:
        """The frame with the portrait's own pixels in it; where nothing moves it is the portrait.

        Args:
            drawn: (B 3 s s), what the generator draws of the warped and calibrated feature map.
            layers: the portrait before it moves, edits included.
            flow, visibility: (B 2 h w) and (B 1 h w) or None.
            descriptor: (B D) of the motion, or None; without it nothing is refined.
            guides: (B G h w) of the landmark prior; likewise, for a refiner that was made to know them.
            irises: (B 2 8) of the landmark prior, for a compositor that moves them; None = as the flow does.

        Returns:
            (B 3 S S) in [-1, 1], float32.
        """
        drawn = drawn.float().clamp(-1, 1)
        carried = (drawn + self.warp_detail(layers.detail, flow, visibility)).clamp(-1, 1)
        if self.refiner is None or visibility is None or descriptor is None:
            return carried
        if self.refiner.config.guides and guides is None:
            return carried
        if drawn.shape[-1] != self.refiner.config.size:  # a preview
            return carried
        planes = visibility if guides is None else torch.cat((visibility, guides), dim=1)
        refined = self.refiner.refine(drawn, warp_bicubic(layers.still, flow), planes, descriptor)
        moving = _moving(flow, REFINEMENT_HALF_FLOW_PX)
        if self.compositor is None or layers.picture is None:
            return (carried + moving * (refined.picture - carried)).clamp(-1, 1)
        frame = self.compose(refined, layers, flow, planes, descriptor, irises)
        return torch.lerp(layers.picture, frame, moving).clamp(-1, 1)

    def compose(
        self,
        refined: Refined,
        layers: Layers,
        flow: Tensor,
        planes: Tensor,
        descriptor: Tensor,
        irises: Tensor | None = None,
    ) -> Tensor:
        """The frame at the size of the layers (B 3 S S), not clamped: the person, drawn there, over the wall."""
        assert self.compositor is not None
        assert layers.person is not None
        assert layers.matte is not None
        assert layers.wall is not None
        fine = self.compositor.enlarge_flow(flow, refined.hidden)
        if irises is not None:
            fine = carry_irises(fine, irises, planes[:, EYES_OPEN : EYES_OPEN + 1])
        moved = warp_bicubic(torch.cat((layers.person, layers.matte), dim=1), fine)
        person, matte = moved[:, :3], moved[:, 3:].clamp(0, 1)
        size, own = person.shape[-1], self.compositor.config.size
        small = [self.resize(part, own) for part in (person, matte)]
        composed = self.compositor(refined, *small, planes, descriptor)
        picture, matte, kept = composed
        if size != own:  # what is finer than the network's own size is the portrait's, where that is kept
            picture, matte, kept = (
                F.interpolate(part, size=(size, size), mode="bilinear", align_corners=False) for part in composed
            )
            coarse = F.interpolate(small[0], size=(size, size), mode="bilinear", align_corners=False)
            picture = picture + kept * (person - coarse)
        return layers.wall + matte * (picture.clamp(-1, 1) - layers.wall)

    def predict_calibration(
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


def build(config: StyleHeadConfig, seed: int = 0) -> StyleHead:
    """A model with random weights that only ``seed`` decides: for tests, benchmarks, and before training."""
    with torch.inference_mode(False), torch.random.fork_rng(devices=()):
        torch.manual_seed(seed)
        model = StyleHead(config)
    return model.eval().requires_grad_(False)
