"""Speed from a motion to a film, end to end and for each part alone: one JSON line each.

    python benchmarks/end_to_end.py --model debug --model mini --frames 50
    python benchmarks/end_to_end.py --model styleheat-1024 --device cuda --dtype bfloat16 --speed "compile and graphs"

The parts: ``track`` (a face in a driving clip; needs the landmarker), ``motion`` (windows and descriptors), ``flow``,
``warp``, ``calibrate``, ``draw``, ``refine`` (in models with a refiner), ``transfer`` (bytes from the device),
``encode``. ``end to end`` is motion to film as in ``stylehead animate``, ``one after the other`` the same without the
background thread, ``without encoding`` ends with frames on the CPU. Models that are neither embedded nor files get
random weights, which take the same time.

``cores_busy`` is processor time divided by wall time: 2.0 keeps two cores busy. ``memory_mib`` is the peak so far, of
the device's memory if it has its own, of the process otherwise.
"""

import argparse
import json
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from stylehead_core.ops.pixels import to_uint8

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from stylehead_core import Inversion, Motion, Portrait, StyleHead, animate, invert, load_stylehead
from stylehead_core.landmarker.files import find_landmarker, load_landmarker
from stylehead_core.media.background_writer import BackgroundVideoWriter
from stylehead_core.media.pictures import read_picture
from stylehead_core.media.video import VideoWriter
from stylehead_core.model.presets import debug, stylehead_mini, styleheat_1024
from stylehead_core.model.stylehead import Flow, build
from stylehead_core.ops.acceleration import SPEEDS
from stylehead_core.ops.precision import PRECISIONS, dtype_of
from stylehead_core.ops.transfer import AsyncCopy
from stylehead_core.ops.warp import warp
from stylehead_core.ops.windows import motion_windows
from stylehead_core.stages.rendering import BATCH_SIZE, RenderConfig, portrait_layers
from stylehead_core.stages.tracking import frames_of, motion_from_video

RANDOM_MODELS = {"debug": debug, "mini": stylehead_mini, "styleheat-1024": styleheat_1024}
FACE = Path(__file__).resolve().parent.parent / "example_workflows" / "inputs" / "portrait.jpg"
RATE = Fraction(25)


class Meter:
    """Times work on a number of frames, after one warm-up run."""

    def __init__(self, model: StyleHead, frames: int) -> None:
        self.device, self.frames = model.device, frames
        self.common = {
            "model": model.config.name,
            "size": model.config.size,
            "device": device_name(model.device),
            "dtype": str(model.dtype).removeprefix("torch."),
            "threads": torch.get_num_threads(),
        }

    def line(self, part: str, work: Callable[[], Any], frames: int | None = None, note: str = "") -> dict[str, Any]:
        """Time ``work`` on ``frames`` frames."""
        frames = self.frames if frames is None else frames
        work()
        self._wait()
        start, busy = time.perf_counter(), time.process_time()
        work()
        self._wait()
        seconds, busy = time.perf_counter() - start, time.process_time() - busy
        found = {
            **self.common,
            "part": part,
            "frames": frames,
            "ms_per_frame": round(1000 * seconds / frames, 3),
            "frames_per_second": round(frames / seconds, 2),
            "cores_busy": round(busy / seconds, 2),
            "memory_mib": self._memory(),
        }
        return {**found, "note": note} if note else found

    def _wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def _memory(self) -> int:
        if self.device.type == "cuda":
            return torch.cuda.max_memory_allocated(self.device) >> 20
        import resource  # not on Windows

        unit = 1 if sys.platform == "darwin" else 1024  # bytes there, kibibytes elsewhere
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit >> 20


def measure(
    model: StyleHead, frames: int, chunk: int, track: bool, config: RenderConfig = RenderConfig()
) -> Iterator[dict[str, Any]]:
    meter, rng = Meter(model, frames), torch.Generator().manual_seed(0)
    meter.common["speed"] = config.speed
    width, size = len(model.config.motion_space.names), model.config.size
    portrait = Portrait(
        image=torch.rand(1, 3, size, size, generator=rng) * 2 - 1,
        coefficients=torch.zeros(width),
        landmarks=torch.rand(478, 3, generator=rng) * size,
    )
    coefficients = 0.1 * torch.randn(frames, width, generator=rng)
    motion = Motion(coefficients=coefficients, fps=RATE, space=model.config.space)
    inversion = invert(model, portrait)
    if track:
        yield from measure_tracking(meter, model, frames)
    batch_size = config.batch_size or BATCH_SIZE.get(model.device.type, 1)
    yield from measure_parts(meter, model, inversion, motion, chunk, batch_size)
    with tempfile.TemporaryDirectory() as folder:
        film = Path(folder) / "film.mp4"

        def draw_frames() -> Iterator[Tensor]:
            return animate(model, inversion, motion, chunk=chunk, config=config)

        def fetch_frames() -> None:
            before = None
            for part in draw_frames():  # each while the next is drawn
                if before is not None:
                    before.wait()
                before = AsyncCopy(to_uint8(part))
            if before is not None:
                before.wait()

        note = f"speed {config.speed!r}, batches of {batch_size}"
        yield meter.line("without encoding", fetch_frames, note=note)
        yield meter.line("one after the other", lambda: write(film, size, draw_frames()), note=note)
        yield meter.line("end to end", lambda: write_behind(film, size, draw_frames()), note=f"motion to film; {note}")


def measure_tracking(meter: Meter, model: StyleHead, frames: int) -> Iterator[dict[str, Any]]:
    if find_landmarker() is None:
        yield {**meter.common, "part": "track", "note": "not measured: there is no landmarker"}
        return
    landmarker = load_landmarker(device=model.device)
    face = read_picture(FACE)
    clip = torch.cat([face.roll(step % 9 - 4, 3) for step in range(frames)])
    yield meter.line("track", lambda: motion_from_video(frames_of(clip, RATE), landmarker), note=f"{face.shape[-1]} px")


def measure_parts(
    meter: Meter, model: StyleHead, inversion: Inversion, motion: Motion, chunk: int, batch_size: int
) -> Iterator[dict[str, Any]]:
    """Time each part alone on one chunk, as often as the clip has chunks."""
    model = model.for_inference()
    config, device, dtype = model.config, model.device, model.dtype
    rounds = range(max(1, len(motion) // chunk))
    done = len(rounds) * chunk
    coefficients = motion.coefficients[:chunk].to(device)
    coefficients = coefficients.expand(chunk, -1) if len(coefficients) == 1 else coefficients.repeat(chunk, 1)[:chunk]
    source = torch.zeros(chunk, coefficients.shape[1], device=device)

    def descriptors() -> Tensor:
        windows = motion_windows(coefficients, motion.fps, window=config.window, rate=config.rate)
        return model.motion_encoder(windows, source if config.motion_encoder.source else None)

    descriptor = descriptors()
    yield meter.line("motion", lambda: [descriptors() for _ in rounds], done)

    picture = model.resize(inversion.redrawn, config.flow_field.image_size)

    def find() -> Flow:
        assert inversion.portrait.landmarks is not None
        landmarks, size = inversion.portrait.landmarks[None].to(device), inversion.portrait.image.shape[-1]
        return model.predict_flow(picture, descriptor, landmarks, source, coefficients, size)

    flow, visibility, guides, *_ = find()
    yield meter.line("flow", lambda: [find() for _ in rounds], done)

    # From here on in batches, as they are drawn.
    feature, batch = inversion.feature[None].to(dtype), flow[:1].expand(batch_size, -1, -1, -1)
    seen, guiding = (
        None if planes is None else planes[:1].expand(batch_size, -1, -1, -1) for planes in (visibility, guides)
    )
    told = descriptor[:1].expand(batch_size, -1)
    goes = max(1, done // batch_size)
    yield meter.line("warp", lambda: [warp(feature, batch, config.warp) for _ in range(goes)], goes * batch_size)
    moved = warp(feature, batch, config.warp)
    if model.calibrator is not None:
        yield meter.line(
            "calibrate",
            lambda: [model.predict_calibration(moved, told, batch, seen) for _ in range(goes)],
            goes * batch_size,
        )
    prepared = model.generator.prepare(inversion.styles[None])
    rgb = None if inversion.rgb is None else inversion.rgb[None].to(dtype)
    yield meter.line(
        "draw", lambda: [model.generator.draw(moved, prepared, rgb) for _ in range(goes)], goes * batch_size
    )
    draw_frames = model.generator.draw(moved, prepared, rgb).float()
    if inversion.detail is not None:
        layers = portrait_layers(model, inversion)
        yield meter.line(
            "refine",
            lambda: [model.refine(draw_frames, layers, batch, seen, told, guiding) for _ in range(goes)],
            goes * batch_size,
        )
    frame = model.resize(draw_frames[:1], config.size)
    pictures = frame.expand(chunk, -1, -1, -1).contiguous()
    yield meter.line("transfer", lambda: [AsyncCopy(to_uint8(pictures)).wait() for _ in rounds], done)
    numbers = to_uint8(pictures).cpu()
    with tempfile.TemporaryDirectory() as folder:
        film = Path(folder) / "film.mp4"
        yield meter.line("encode", lambda: write(film, config.size, [numbers] * len(rounds)), done)


def write(path: Path, size: int, parts: Any) -> None:
    with VideoWriter(path, fps=RATE, size=(size, size)) as film:
        for part in parts:
            film.write(part)


def write_behind(path: Path, size: int, parts: Any) -> None:
    with BackgroundVideoWriter(VideoWriter(path, fps=RATE, size=(size, size))) as film:
        for part in parts:
            film.write(part)


def load(name: str, device: str, dtype: torch.dtype) -> StyleHead:
    if name not in RANDOM_MODELS:
        return load_stylehead(name, device, dtype)
    model = build(RANDOM_MODELS[name]())
    if model.prior is not None:
        model.prior.vertices.normal_()  # any face will do
    return model.to(device).draw_in(dtype)


def device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else f"{device.type} ({platform.machine()})"


def main() -> None:
    parser = argparse.ArgumentParser(description="Frames a second, from end to end and of each part.")
    parser.add_argument("--model", action="append", help=f"embedded name, file, or one of {', '.join(RANDOM_MODELS)}")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", choices=PRECISIONS, default="auto")
    parser.add_argument("--threads", type=int, help="of the CPU")
    parser.add_argument("--frames", type=int, default=25)
    parser.add_argument("--chunk", type=int, default=4)
    parser.add_argument("--speed", choices=SPEEDS, default="plain")
    parser.add_argument("--batch-size", type=int, help="frames drawn as one batch (default 1, on a GPU 4)")
    parser.add_argument("--no-track", action="store_true", help="leave the tracking out")
    args = parser.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    for name in args.model or ["debug"]:
        model = load(name, args.device, dtype_of(args.dtype, args.device))
        with torch.inference_mode():
            config = RenderConfig(speed=args.speed, batch_size=args.batch_size)
            for found in measure(model, args.frames, args.chunk, not args.no_track, config):
                print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
