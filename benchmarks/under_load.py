"""Frames a second beside other work on the same cores: one JSON line for each load and number of spins.

    python benchmarks/under_load.py --busy 0 --busy 2 --busy 6

``busy`` processes compute without end while the embedded model draws. ``spins`` is how many rounds OpenMP's threads
wait actively for one another: libgomp's own number, or that of the command ``stylehead``.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from stylehead import SPINS

BUSY = "while True: pass"


def frames_per_second(model_name: str, frames: int, threads: int) -> float:
    """Draw a turning head made of noise, in this process."""
    import torch

    from stylehead_core import Portrait, calibrate, invert, load_stylehead, motion_from_sliders, render, warp_features

    torch.set_num_threads(threads)
    model, rng = load_stylehead(model_name), torch.Generator().manual_seed(0)
    size = model.config.size
    portrait = Portrait(
        image=torch.rand(1, 3, size, size, generator=rng) * 2 - 1,
        coefficients=torch.zeros(len(model.config.motion_space.names)),
        landmarks=torch.rand(478, 3, generator=rng) * size,
    )
    motion = motion_from_sliders({"yaw": [(0, 0.0), (1, 20.0)]}, frames=frames)
    with torch.inference_mode():
        head = calibrate(model, warp_features(model, invert(model, portrait), motion))
        list(render(model, head, frames=[0]))
        start = time.perf_counter()
        list(render(model, head))
        return frames / (time.perf_counter() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description="Frames a second beside other work on the same cores.")
    parser.add_argument(
        "--busy", type=int, action="append", help="competing processes; may be repeated (default 0, 2, 6)"
    )
    parser.add_argument("--model", default="stylehead-512", help="embedded name, or a file")
    parser.add_argument("--frames", type=int, default=16)
    parser.add_argument(
        "--threads", type=int, default=os.cpu_count() or 1, help="of torch (default: one for each core)"
    )
    parser.add_argument("--limit", type=float, default=120.0, help="seconds after which a measurement is given up")
    parser.add_argument("--here", action="store_true", help="measure in this process and print the number alone")
    args = parser.parse_args()
    if args.here:
        print(frames_per_second(args.model, args.frames, args.threads))
        return
    words = ["--here", "--model", args.model, "--frames", str(args.frames), "--threads", str(args.threads)]
    for busy in args.busy or (0, 2, 6):
        rivals = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(busy)]
        try:
            for spins in (None, SPINS):
                environment = dict(os.environ) if spins is None else os.environ | {"GOMP_SPINCOUNT": spins}
                try:
                    said = subprocess.run(
                        [sys.executable, __file__, *words],
                        env=environment,
                        capture_output=True,
                        text=True,
                        check=True,
                        timeout=args.limit,
                    ).stdout
                    found = round(float(said), 2)
                except subprocess.TimeoutExpired:
                    found = None
                line = {"busy": busy, "spins": spins, "threads": args.threads, "frames_per_second": found}
                print(json.dumps(line), flush=True)
        finally:
            for rival in rivals:
                rival.kill()


if __name__ == "__main__":
    main()
