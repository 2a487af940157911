"""Time and memory of clips of growing length: one JSON line for each number of frames.

    python benchmarks/long_clips.py --frames 100 --frames 1000 --frames 10000

Each length runs in a process of its own, since the largest memory of a process never falls. A short talking motion is
repeated; frames are drawn, encoded and thrown away with the temporary folder, as ``stylehead animate`` makes them.
``ms_per_frame`` and ``memory_mib`` (largest resident size) should not depend on ``frames``.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

PORTRAIT = ROOT / "example_workflows" / "inputs" / "portrait.jpg"
PERIOD = 2.0  # seconds of the repeated motion


def measure(name: str, frames: int, size: int | None, precision: str) -> dict[str, float | int | str]:
    """Animate the sample portrait for ``frames`` frames and report what that took."""
    import stylehead_core as stylehead
    from stylehead_core.model.presets import debug
    from stylehead_core.model.stylehead import build
    from stylehead_core.ops.precision import dtype_of
    from stylehead_core.stages.rendering import RenderConfig

    if name == "debug":
        model = build(debug("arkit")).draw_in(dtype_of(precision))
    else:
        model = stylehead.load_stylehead(name, dtype=dtype_of(precision))
    portrait = stylehead.take_portrait(
        stylehead.read_picture(PORTRAIT), stylehead.load_landmarker(), stylehead.PortraitConfig(size=model.config.size)
    )
    rate = Fraction(25)
    cycles = int(frames / float(rate) / PERIOD) + 2
    keys = [(PERIOD * i / 2, float(i % 2)) for i in range(2 * cycles)]
    motion = stylehead.motion_from_sliders(
        {"jaw": [(t, 0.6 * v) for t, v in keys], "yaw": [(t, 12 * v) for t, v in keys]}, frames=frames
    )
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        frames_drawn = stylehead.animate(model, portrait, motion, config=RenderConfig(size=size))
        written = stylehead.write_video(Path(folder) / "long.mp4", frames_drawn, fps=rate)
        seconds = time.perf_counter() - start
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10  # bytes there, KiB elsewhere
    return {
        "model": model.config.name,
        "frames": written,
        "ms_per_frame": round(1000 * seconds / written, 1),
        "memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // unit,
        "precision": str(dtype_of(precision)).removeprefix("torch."),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Time and memory of clips of growing length.")
    parser.add_argument("--frames", type=int, action="append", help="may be repeated (default 100, 1000, 10000)")
    parser.add_argument("--model", default="stylehead-512", help="embedded name, a file, or debug: tiny and untrained")
    parser.add_argument("--size", type=int, help="pixels of the frames (default: the model's own)")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--here", action="store_true", help="measure in this process instead of one for each length")
    args = parser.parse_args()
    for frames in args.frames or (100, 1000, 10_000):
        if args.here:
            print(json.dumps(measure(args.model, frames, args.size, args.precision)), flush=True)
        else:
            words = ["--here", "--frames", str(frames), "--model", args.model, "--precision", args.precision]
            words += [] if args.size is None else ["--size", str(args.size)]
            subprocess.run([sys.executable, __file__, *words], check=True)


if __name__ == "__main__":
    main()
