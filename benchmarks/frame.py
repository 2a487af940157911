"""Cost of each part of a frame, one JSON line each, compared with a plain implementation in the same run.

    python benchmarks/frame.py --size full --size mini --threads 2

``gmac`` counts the multiply-adds that are computed, in billions: Winograd convolutions (``ops/winograd.py``) need a
quarter of those of plain ones. ``--dtype bfloat16`` uses no Winograd tiles. ``seconds`` is the minimum of the repeats,
since other work on the machine only adds time.
"""

import argparse
import json
import platform
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode, conv_flop_count

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.plain import draw_frame
from stylehead_core import Motion, Portrait, calibrate, invert, render, warp_features
from stylehead_core.model.config import StyleHeadConfig
from stylehead_core.model.presets import debug, stylehead_mini, styleheat_1024
from stylehead_core.model.stylehead import StyleHead, build
from stylehead_core.ops.onednn import HAS_ONEDNN
from stylehead_core.ops.precision import PRECISIONS, dtype_of
from stylehead_core.ops.warp import warp
from stylehead_core.ops.windows import motion_windows
from stylehead_core.stages.rendering import portrait_layers

FRAMES = 5


def fused_flops(x: Any, weight: Any, *_: Any, out_shape: Any = None, **__: Any) -> int:
    """Count torch's fused convolution with ReLU, which torch's own counter does not know."""
    return conv_flop_count(x, weight, out_shape)


def product_flops(x: Any, weight: Any, *_: Any, **__: Any) -> int:
    """Count oneDNN's matrix product (M K) by (N K)."""
    return 2 * x[0] * x[1] * weight[0]


FUSED = (
    {
        torch.ops.mkldnn._convolution_pointwise: fused_flops,
        torch.ops.mkldnn._linear_pointwise: product_flops,
    }
    if HAS_ONEDNN
    else {}
)


def sizes() -> dict[str, StyleHeadConfig]:
    full, mini = styleheat_1024(), stylehead_mini()
    assert full.calibrator is not None
    return {
        "full": replace(full, calibrator=replace(full.calibrator, heads="all")),  # the plain way computes all of them
        "mini": mini,
        "debug": debug("bfm"),
    }


def measure(model: StyleHead, repeats: int) -> Iterator[dict[str, Any]]:
    """Yield one line for each part of a frame, then for the whole frame, ours and plain."""
    assert model.calibrator is not None
    config, generator = model.config, model.generator
    rng = torch.Generator().manual_seed(0)
    width = len(config.motion_space.names)
    portrait = Portrait(
        image=torch.rand(1, 3, config.size, config.size, generator=rng) * 2 - 1,
        coefficients=torch.zeros(width),
        landmarks=torch.rand(478, 3, generator=rng) * config.size,
    )
    motion = Motion(coefficients=0.1 * torch.randn(FRAMES, width, generator=rng), fps=Fraction(25), space=config.space)
    line = Meter(model, repeats).line
    yield line("invert", lambda: invert(model, portrait), note="once for a portrait")
    inversion = invert(model, portrait)
    head = calibrate(model, warp_features(model, inversion, motion))
    device, dtype = model.device, model.dtype
    picture = model.resize(inversion.redrawn, config.flow_field.image_size)
    styles, feature = inversion.styles[None], inversion.feature[None].to(dtype)
    rgb = None if inversion.rgb is None else inversion.rgb[None]
    prepared = generator.prepare(styles)
    flow = head.flow[:1].to(device)
    visibility, guides = (None if rows is None else rows[:1].to(device) for rows in (head.visibility, head.guides))
    window = motion_windows(motion.coefficients[:1].to(device), motion.fps, window=config.window)
    source = torch.zeros(1, width, device=device) if config.motion_encoder.source else None
    descriptor = model.motion_encoder(window, source)
    assert portrait.landmarks is not None
    landmarks, own, driving = portrait.landmarks[None].to(device), torch.zeros(1, width, device=device), window[..., 0]
    if (prior := model.prior) is not None:
        yield line("landmark prior", lambda: prior(landmarks, own, driving, config.size))
        yield line(
            "guides", lambda: prior.find_guides(prior.move_landmarks(landmarks, own, driving, config.size), config.size)
        )
    moved = warp(feature, flow, config.warp)
    yield line("prepare styles", lambda: generator.prepare(styles), note="once for constant styles")
    yield line("motion encoder", lambda: model.motion_encoder(window, source))
    yield line(
        "flow",
        lambda: model.predict_flow(picture, descriptor, landmarks, own, driving, config.size),
        note="with prior and guides",
    )
    yield line("warp", lambda: warp(feature, flow, config.warp))
    drawing = model.for_inference()
    yield line("calibrator", lambda: drawing.predict_calibration(moved, descriptor, flow, visibility))
    yield line("draw", lambda: generator.draw(moved, prepared, rgb))
    if model.refiner is not None:
        drawn, layers = generator.draw(moved, prepared, rgb), portrait_layers(model, inversion)
        yield line("refine", lambda: drawing.refine(drawn, layers, flow, visibility, descriptor, guides))

    one = replace(motion, coefficients=motion.coefficients[:1], found=None)
    frames = render(model, head, chunk=1, frames=[0] * (repeats + 2))
    next(frames)  # the first one also makes the constant weights

    def ours() -> Tensor:
        warp_features(model, inversion, one)
        return next(frames)

    whole = line("frame", ours, note="motion to picture, what is constant left out")
    yield whole
    if model.prior is None and dtype == torch.float32:
        plain = line("plain frame", lambda: draw_frame(model, picture, feature, styles, window, source))
        drawn = next(render(model, calibrate(model, warp_features(model, inversion, one))))
        expected = draw_frame(model, picture, feature, styles, window, source).clamp(-1, 1)
        yield {
            **plain,
            "times_ours": round(plain["seconds"] / whole["seconds"], 2),
            "largest_difference": float((drawn - expected).abs().max()),
        }


class Meter:
    """Counts and times one piece of work."""

    def __init__(self, model: StyleHead, repeats: int) -> None:
        self.repeats = repeats
        self.device = model.device
        self.common = {
            "model": model.config.name,
            "device": device_name(self.device),
            "dtype": str(model.dtype).removeprefix("torch."),
            "threads": torch.get_num_threads(),
        }

    def line(self, part: str, work: Callable[[], Any], note: str = "") -> dict[str, Any]:
        with FlopCounterMode(display=False, custom_mapping=FUSED) as counter:
            work()
        seconds = min(self._time(work) for _ in range(self.repeats))
        found = {**self.common, "part": part, "gmac": round(counter.get_total_flops() / 2e9, 3), "seconds": seconds}
        return {**found, "note": note} if note else found

    def _time(self, work: Callable[[], Any]) -> float:
        self._wait()
        start = time.perf_counter()
        work()
        self._wait()
        return round(time.perf_counter() - start, 6)

    def _wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)


def device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{device.type} ({platform.machine()})"


def main() -> None:
    parser = argparse.ArgumentParser(description="What a frame costs, part by part.")
    parser.add_argument("--size", action="append", choices=list(sizes()), help="may be repeated (default full, mini)")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", choices=PRECISIONS, default="float32")
    parser.add_argument("--threads", type=int, help="of the CPU")
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    for size in args.size or ("full", "mini"):
        model = build(sizes()[size])
        if model.prior is not None:
            model.prior.vertices.normal_()  # any face will do
        model = model.to(args.device).draw_in(dtype_of(args.dtype, args.device))
        with torch.inference_mode():
            for found in measure(model, args.repeats):
                print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
