"""ComfyUI's values on one side, the core's on the other. Only this file moves anything between devices.

ComfyUI: IMAGE (B H W C) in [0, 1]; MASK (B H W); AUDIO {"waveform": (B C N), "sample_rate"}.
Core: pictures (B 3 H W) in [-1, 1]; masks (B 1 H W); sounds with samples (C N).
"""

import base64
import logging
import math
import os
import tempfile
import time
from collections.abc import Iterator
from fractions import Fraction
from io import BytesIO
from typing import Generic, TypeVar

import comfy.model_management as management
import comfy.model_patcher
import comfy.utils
import folder_paths
import torch
import torch.nn.functional as F
from comfy_api.latest import InputImpl, Types
from comfy_execution.utils import get_executing_context
from PIL import Image
from server import PromptServer
from torch import Tensor, nn

from ..stylehead_core.errors import InputError
from ..stylehead_core.media.pictures import MOST_PIXELS
from ..stylehead_core.media.sound import Sound, read_sound
from ..stylehead_core.media.trimming import cut_frames, cut_sound
from ..stylehead_core.media.video import Frames, open_video, read_frames
from ..stylehead_core.ops.pixels import to_uint8
from ..stylehead_core.ops.precision import dtype_of

PREVIEW = 512  # pixels: the longer side of a preview picture
PICTURE_EVERY = 0.25  # s: between two pictures that a report shows
LARGEST = 16384  # pixels of a side
SILENT_RATE = 44100  # samples a second
CHECKED_SAMPLES = 1 << 18  # of a channel, at once
AV_SECOND = 1_000_000  # of PyAV, in which a container tells its length
SAME_TIME = 1e-3  # seconds
FRAMES = 8  # of a film, taken at a time
log = logging.getLogger(__name__)
Network = TypeVar("Network", bound=nn.Module)
EXACT_RATES = tuple(Fraction(whole * 1000, 1001) for whole in (24, 30, 48, 60, 120))  # 23.976, 29.97, ...


# Models


class _Movable(nn.Module):
    """What ComfyUI's patcher may write its own attributes on, so that the core's classes stay as they are."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network


class Managed(Generic[Network]):
    """Networks in ComfyUI's hands, which loads and offloads them: what a model socket carries."""

    def __init__(self, network: Network) -> None:
        kind = getattr(comfy.model_patcher, "CoreModelPatcher", comfy.model_patcher.ModelPatcher)  # since 0.12
        rests = management.unet_offload_device()
        self.patcher = kind(_Movable(network.to(rests)), management.get_torch_device(), rests)

    @property
    def network(self) -> Network:
        """The networks wherever they are now, for a look at their config."""
        return self.patcher.model.network

    def ready(self) -> Network:
        """The networks, on the device where they run: whole, since plain layers cannot be loaded by halves.

        Outside of ComfyUI's inference mode: weights that are moved inside it can take no part in an optimisation.
        """
        with torch.inference_mode(False):
            management.load_models_gpu([self.patcher], force_full_load=True)
        return self.network


def precision(name: str) -> torch.dtype:
    """The number format behind a choice of the loader: ``auto`` is half precision where the device gains by it.

    Raises:
        InputError: there is no such choice; a graph that comes by the API may ask for anything.
    """
    if name == "auto":
        device = management.get_torch_device()
        if device.type == "cpu":
            return dtype_of("auto", device)
        if management.should_use_bf16(device):
            return torch.bfloat16
        return torch.float16 if management.should_use_fp16(device) else torch.float32
    formats = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
    if name not in formats:
        raise InputError(f"There is no precision {name!r}; choose auto, {', '.join(formats)}.")
    return formats[name]


# Pictures


def image_in(image: Tensor, what: str = "picture") -> Tensor:
    """IMAGE (B H W C) as pictures (B 3 H W) in [-1, 1]. Grey becomes RGB; a fourth channel is left out.

    Raises:
        InputError: no pictures, larger ones than any camera's, or values that are no numbers.
    """
    if image.ndim != 4 or 0 in image.shape:
        raise InputError(f"The {what} should be an IMAGE (batch, height, width, channels); found {tuple(image.shape)}.")
    if max(image.shape[1:3]) > LARGEST:
        raise InputError(f"The {what} is {image.shape[2]} x {image.shape[1]} pixels; {LARGEST} a side is the most.")
    colours = image[..., :3] if image.shape[-1] >= 3 else image[..., :1].expand(*image.shape[:3], 3)
    colours = colours.float()
    low, high = colours.aminmax()  # without a copy, which would be large
    if not bool(low.isfinite() & high.isfinite()):
        raise InputError(f"The {what} holds values that are no numbers (NaN or infinite). What made it went wrong.")
    return colours.movedim(-1, 1).clamp(0, 1).mul_(2).sub_(1)


def one_image_in(image: Tensor, what: str) -> Tensor:
    """As ``image_in``, of a single picture (1 3 H W); a batch is refused, since nobody could say which was meant.

    A picture of more than MOST_PIXELS is reduced, as one that is read from a file (``read_picture``).
    """
    if image.ndim == 4 and len(image) > 1:
        raise InputError(
            f"The {what} should be one picture; found a batch of {len(image)}. "
            'Pick one with "Image From Batch", or wire a chain for each.'
        )
    if image.ndim == 4 and image.shape[1] * image.shape[2] > MOST_PIXELS and max(image.shape[1:3]) <= LARGEST:
        height, width = image.shape[1:3]
        share = math.sqrt(MOST_PIXELS / (width * height))
        size = round(height * share), round(width * share)
        log.warning("StyleHead: the %s of %d x %d pixels is reduced to %d x %d.", what, width, height, *size[::-1])
        image = F.interpolate(image.movedim(-1, 1).float(), size=size, mode="area").movedim(1, -1)
    return image_in(image, what)


def image_out(picture: Tensor) -> Tensor:
    """Pictures (B 3 H W) in [-1, 1] as IMAGE."""
    image = picture.float().clamp(-1, 1).add_(1).div_(2)
    return image.movedim(1, -1).to(management.intermediate_device()).contiguous()


def image_over(original: Tensor | None, picture: Tensor, mask: Tensor) -> Tensor:
    """As ``image_out``; where ``mask`` (B 1 H W) is 0, the very numbers of the IMAGE ``original`` (1 or B H W C)."""
    image = image_out(picture)
    if original is None:
        return image
    kept = original[..., :3].to(image)
    return torch.where((mask[:, 0, ..., None] > 0).to(image.device), image, kept)


def mask_in(mask: Tensor | None) -> Tensor | None:
    """MASK (B H W), or a single one (H W), as (B 1 H W); none stays none."""
    if mask is None:
        return None
    if not torch.isfinite(mask).all():
        raise InputError("The mask holds values that are no numbers (NaN or infinite). What made it went wrong.")
    return mask.reshape(-1, 1, *mask.shape[-2:]).float().clamp(0, 1)


def mask_out(mask: Tensor) -> Tensor:
    """A mask (B 1 H W) as MASK."""
    return mask[:, 0].float().to(management.intermediate_device())


# Sound and time


def audio_in(audio: dict) -> Sound:
    """AUDIO as a sound; of a batch the first.

    Raises:
        InputError: no sound in it, or values that are no numbers.
    """
    waveform = audio["waveform"]
    if waveform.ndim != 3 or 0 in waveform.shape:
        raise InputError(f"The audio is empty: {tuple(waveform.shape)} (batch, channels, samples). Wire a sound in.")
    if not all(torch.isfinite(part).all() for part in waveform.split(CHECKED_SAMPLES, dim=-1)):
        raise InputError("The audio holds values that are no numbers (NaN or infinite). What made it went wrong.")
    return Sound(samples=waveform[0].float().cpu(), rate=int(audio["sample_rate"]))


def audio_out(sound: Sound) -> dict:
    """A sound as AUDIO."""
    return {"waveform": sound.samples[None].float().cpu().contiguous(), "sample_rate": sound.rate}


def silence(seconds: Fraction) -> Sound:
    return Sound(samples=torch.zeros(1, max(1, round(seconds * SILENT_RATE))), rate=SILENT_RATE)


def rate_in(fps: float) -> Fraction:
    """The exact frame rate that a number of a widget stands for: 29.97 is 30000/1001."""
    for exact in EXACT_RATES:
        if abs(fps - exact) < 0.006:
            return exact
    return Fraction(fps).limit_denominator(1001)


# Films


Film = str | BytesIO | Iterator[Frames]


def film_in(video) -> tuple[Film, Sound | None]:
    """What a VIDEO shows, frame by frame, and its sound.

    Where ComfyUI holds the frames as pictures, these are taken, none is encoded. Where the VIDEO is a part of a file
    (cut in time, or at its sides) ComfyUI gives the whole file as its source all the same: the part is written into
    memory, encoded, which is far smaller than its pictures.
    """
    if isinstance(video, InputImpl.VideoFromComponents):
        parts = video.get_components()
        sound = audio_in(parts.audio) if parts.audio is not None else None
        return _frames(parts.images, rate_in(float(parts.frame_rate))), sound
    source = video.get_stream_source()
    if not _is_whole(video, source):
        temp = folder_paths.get_temp_directory()
        os.makedirs(temp, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=temp) as folder:  # not every ComfyUI writes into memory
            part = os.path.join(folder, "part.mp4")
            video.save_to(part, format=Types.VideoContainer.MP4, codec=Types.VideoCodec.H264)
            with open(part, "rb") as file:
                source = BytesIO(file.read())
    return source, read_sound(source)


def moving_in(
    video, frames: Tensor | None, fps: Fraction, start: float, end: float | None
) -> tuple[Film, Sound | None]:
    """A part of a VIDEO, or of an IMAGE of ``frames`` at a rate of ``fps``, as ``film_in``.

    Args:
        start, end: seconds; none = to its end.

    Raises:
        InputError: neither or both are given, or nothing is left between ``start`` and ``end``.
    """
    if (video is None) == (frames is None):
        raise InputError("Wire a video, or frames: one of the two.")
    film, sound = film_in(video) if frames is None else (_frames(frames, fps), None)
    if start <= 0 and end is None:
        return film, sound
    if end is not None and end <= start:
        raise InputError(
            f"Nothing is left of the clip between {start:g} and {end:g} seconds. Raise end, or set it to 0."
        )
    parts = read_frames(film) if isinstance(film, str | BytesIO) else film
    return cut_frames(parts, start, end), None if sound is None else cut_sound(sound, start, end)


def _frames(images: Tensor, fps: Fraction) -> Iterator[Frames]:
    """A film's IMAGE as frames, a few at a time."""
    for start in range(0, len(images), FRAMES):
        pictures = image_in(images[start : start + FRAMES], "video")
        times = tuple((start + i) / fps for i in range(len(pictures)))
        yield Frames(pictures=pictures, times=times, seconds=1 / fps)


def _is_whole(video, source: str | BytesIO) -> bool:
    with open_video(source) as container:
        stream = container.streams.video[0]
        size = stream.width, stream.height
        seconds = None if container.duration is None else container.duration / AV_SECOND
    if tuple(video.get_dimensions()) != size:
        return False
    return seconds is None or abs(video.get_duration() - seconds) < SAME_TIME


# The graph that runs


def wired_nodes(kind: str, output: int) -> list[str]:
    """The numbers of the nodes of a ``kind`` in the running graph whose ``output`` is wired to something.

    Where nothing runs by ComfyUI's queue, as in a test without a server, none is.
    """
    page = getattr(PromptServer, "instance", None)
    running = [] if page is None else list(page.prompt_queue.currently_running.values())
    found = set()
    for _, _, prompt, *_ in running:
        for node in prompt.values():
            for value in node["inputs"].values():
                if isinstance(value, list) and len(value) == 2 and value[1] == output:  # a wire: node, output
                    source = prompt.get(str(value[0]))
                    if source is not None and source["class_type"] == kind:
                        found.add(str(value[0]))
    return sorted(found)


_made: dict[str | None, set[str]] = {}  # by node: the files in the temp folder that its results name
_lost: dict[str | None, int] = {}  # by node: how many of them were gone when a graph was about to run


def note_temporary(path: str | os.PathLike) -> None:
    """Remember that the result of the running node is a file that somebody may delete."""
    _made.setdefault(_running_node(), set()).add(os.fspath(path))


def lost_temporaries() -> int:
    """A number that grows when files of this node's results are gone: for ``fingerprint_inputs``.

    A cached result would go on naming them; with another fingerprint the node makes them again.
    """
    node = _running_node()
    gone = {path for path in _made.get(node, ()) if not os.path.exists(path)}
    if gone:
        _made[node] -= gone
        _lost[node] = _lost.get(node, 0) + len(gone)
    return _lost.get(node, 0)


def _running_node() -> str | None:
    context = get_executing_context()
    return None if context is None else context.node_id


# Progress, words and pictures on a node


class Progress:
    """The bar under a node, with a picture now and then; ends the run when the user asked for that."""

    def __init__(self, report: "Report | None" = None) -> None:
        """With a ``report`` pictures go there instead of into the page's own preview, which covers a video player."""
        self.bar, self.report = comfy.utils.ProgressBar(1), report

    def __call__(self, done: int, total: int, picture: Tensor | None = None) -> None:
        """Show ``done`` of ``total``, and ``picture`` (3 H W) in [-1, 1] beside it."""
        management.throw_exception_if_processing_interrupted()
        shown = None if picture is None or self.report is not None else ("JPEG", _pillow(picture), PREVIEW)
        self.bar.update_absolute(done, total, shown)
        if picture is not None and self.report is not None:
            self.report.show(picture)


class Report:
    """What a node says on itself while it runs: a line of words, and a small picture where one is given.

    The page shows it on the node of the graph that asked for this run, and nowhere else (``web/js/report.js``). What
    the node says at its end goes into its ``ui`` output (``text_output``), which ComfyUI keeps with its cached results.
    """

    def __init__(self, hidden) -> None:
        self.node = hidden.unique_id
        self.graph = ((hidden.extra_pnginfo or {}).get("workflow") or {}).get("id")
        self.text = ""
        self.next_picture = 0.0  # s

    def say(self, text: str) -> None:
        self.text = text
        self._send(None)

    def show(self, picture: Tensor) -> None:
        """``picture`` (3 H W) in [-1, 1], at most a few times a second."""
        now = time.monotonic()
        if now >= self.next_picture:
            self.next_picture = now + PICTURE_EVERY
            self._send(jpeg_address(picture, PREVIEW))

    def _send(self, picture: str | None) -> None:
        page = getattr(PromptServer, "instance", None)  # none where nodes are called without a server
        if self.graph is not None and page is not None:
            told = {"node": self.node, "graph": self.graph, "text": self.text, "picture": picture}
            page.send_sync("stylehead.report", told, page.client_id)


def text_output(text: str, **shown: list) -> dict:
    """A node's last words as its ``ui`` output, beside other things that it shows."""
    return {"text": [text], **shown}


def jpeg(picture: Tensor, largest: int | None = None, quality: int = 90) -> bytes:
    """``picture`` (3 H W) in [-1, 1] as a JPEG file, its longer side at most ``largest`` pixels."""
    image, file = _pillow(picture), BytesIO()
    if largest is not None:
        image.thumbnail((largest, largest))
    image.save(file, "JPEG", quality=quality)
    return file.getvalue()


def jpeg_address(picture: Tensor, largest: int | None = None) -> str:
    """The same as an address that a page can show."""
    return "data:image/jpeg;base64," + base64.b64encode(jpeg(picture, largest, quality=75)).decode("ascii")


def _pillow(picture: Tensor) -> Image.Image:
    numbers = to_uint8(picture)
    return Image.fromarray(numbers.movedim(0, -1).cpu().numpy())
