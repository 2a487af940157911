"""How well lips follow a sound by the paper's own way (mel windows, an MLP over time, AdaIN, a flow), beside the way of
the embedded model, which hears coefficients.

Both warp the same portrait, the first frame of each clip, with the head at rest. The truth is how far the clip's own
lips are apart, as the face landmarker sees them. Beside both stands the video generator with the clip's measured
expressions: what is lost there is lost in warping, not in hearing.

Axes: T frames, K coefficients, S picture size, h w flow size.
"""

from dataclasses import dataclass
from fractions import Fraction

import torch
from torch import Tensor

from ..datasets.measure import measure_pictures
from ..datasets.videos import Shot, VideoDataset
from ..errors import ConfigError
from ..evaluation.faces import lip_opening
from ..landmarker.landmarker import Landmarker
from ..model.stylehead import StyleHead
from ..ops.pixels import to_uint8
from ..ops.warp import resize_flow, warp
from ..ops.windows import mel_windows, motion_windows
from .measures import correlation

__all__ = ["PAPER_SOUND_WAYS", "PaperSoundRow", "paper_sound"]

PAPER_SOUND_WAYS = ("coefficients measured", "coefficients heard", "flow heard")
FEWEST = 8  # frames of a clip in which a face is found
CHUNK = 16  # frames


@dataclass(frozen=True, kw_only=True)
class PaperSoundRow:
    """Means over clips, of other people who say other sentences."""

    way: str
    opening: float  # correlation of the lips' opening with the clip's own, to 1; more is better
    worst: float  # the same of the clip with the lowest
    strength: float  # deviation of the opening in parts of the clip's own; 1 is best
    clips: int


@torch.no_grad()
def paper_sound(model: StyleHead, videos: VideoDataset, landmarker: Landmarker) -> list[PaperSoundRow]:
    """The table of ``PAPER_SOUND_WAYS``; without a speech network there is no row of coefficients heard.

    Args:
        videos: with sound, framed as portraits, held out.

    Raises:
        ConfigError: the model has no audio generator.
    """
    if model.audio_encoder is None or model.audio_flow_field is None:
        raise ConfigError(
            f"The model {model.config.name!r} has no audio generator. `stylehead train small_paper_sound` makes one."
        )
    found: dict[str, list[tuple[float, float]]] = {way: [] for way in PAPER_SOUND_WAYS}
    for clip in range(len(videos)):
        whole = videos.shot(clip, list(range(len(videos.clips[clip]))), model.config.window)
        source = Shot(*(getattr(whole, name)[:1] for name in ("pictures", "landmarks", "coefficients", "windows")))
        mel, fps = videos.clips[clip].measured["mel"], videos.clips[clip].fps
        truth = lip_opening(whole.landmarks)
        count = len(truth)
        for way, coefficients in _expressions(model, source, whole, mel, fps).items():
            first = _video_flow(model, source, coefficients, fps)
            drawn = _warp(source.pictures, first, model)
            if way == "flow heard":
                heard = mel_windows(mel, count, fps, window=model.audio_encoder.config.window)
                second = _audio_flow(model, source, first, heard)
                drawn = _warp(drawn, second, model)
            landmarks, _, there = measure_pictures(landmarker, to_uint8(drawn))
            if int(there.sum()) >= FEWEST:
                opening, wanted = lip_opening(landmarks)[there], truth[there]
                found[way].append((correlation(opening, wanted), float(opening.std() / wanted.std())))
    return [_row(way, numbers) for way, numbers in found.items() if numbers]


def _expressions(model: StyleHead, source: Shot, whole: Shot, mel: Tensor, fps: Fraction) -> dict[str, Tensor]:
    """The coefficients (T K) of each way: the portrait's own, with other lips where they come as coefficients."""
    count, space = len(whole.coefficients), model.config.motion_space
    rest = source.coefficients.expand(count, -1)
    measured = rest.clone()
    measured[:, space.expression] = whole.coefficients[:, space.expression]
    ways = {"coefficients measured": measured}
    if model.speech is not None:
        heard = rest.clone()
        for name, values in model.speech(mel_windows(mel, count, fps, window=model.speech.config.window)).items():
            column = space.names.index(name)
            heard[:, column] = (heard[:, column] + values).clamp(0, 1)
        ways["coefficients heard"] = heard
    return ways | {"flow heard": rest}


def _video_flow(model: StyleHead, source: Shot, coefficients: Tensor, fps: Fraction) -> Tensor:
    """The flow (T 2 h w) of the video generator to ``coefficients`` (T K)."""
    windows = motion_windows(coefficients, fps, window=model.config.window)
    parts = []
    for part, driving in zip(windows.split(CHUNK), coefficients.split(CHUNK), strict=True):
        own = source.coefficients.expand(len(part), -1)
        descriptor = model.motion_encoder(part, own if model.config.motion_encoder.source else None)
        size = source.pictures.shape[-1]
        parts.append(model.predict_flow(source.pictures, descriptor, source.landmarks, own, driving, size).flow)
    return torch.cat(parts)


def _audio_flow(model: StyleHead, source: Shot, first: Tensor, heard: Tensor) -> Tensor:
    """The flow (T 2 h w) of the audio generator to mel windows (T 80 M), after the flow ``first`` (T 2 h w)."""
    assert model.audio_encoder is not None
    assert model.audio_flow_field is not None
    small = model.resize(source.pictures, model.audio_flow_field.config.image_size)
    mask = model.audio_mask(source.landmarks, source.pictures.shape[-1])
    parts = []
    for before, part in zip(first.split(CHUNK), heard.split(CHUNK), strict=True):
        moved = warp(small.expand(len(part), -1, -1, -1), before, model.config.warp)
        flow, _ = model.audio_flow_field(moved, model.audio_encoder(part))
        parts.append(model.confine_audio_flow(flow, before, mask))
    return torch.cat(parts)


def _warp(pictures: Tensor, flow: Tensor, model: StyleHead) -> Tensor:
    """``pictures`` (1 or T, 3 S S) moved by a flow (T 2 h w) of any size."""
    size = pictures.shape[-1]
    return warp(pictures.expand(len(flow), -1, -1, -1), resize_flow(flow, (size, size)), model.config.warp)


def _row(way: str, numbers: list[tuple[float, float]]) -> PaperSoundRow:
    opening, strength = torch.tensor(numbers).unbind(1)
    return PaperSoundRow(
        way=way,
        opening=float(opening.mean()),
        worst=float(opening.min()),
        strength=float(strength.mean()),
        clips=len(numbers),
    )
