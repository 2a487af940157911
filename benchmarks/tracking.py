"""How fast a driving video is followed: milliseconds of one core a frame, stage by stage.

    python -m benchmarks.tracking CLIP [--frames 64]

CPU time is told, not wall time, so that other work on the machine does not count. With two cores the frames per
second are up to twice 1000 / total, since decoding and the networks use several threads.
"""

import argparse
import time
from collections import Counter
from collections.abc import Callable
from itertools import islice
from typing import Any

import torch

from stylehead_core.convert.landmarker import load_landmarker
from stylehead_core.media.video import read_frames
from stylehead_core.models import landmarker as landmarker_module
from stylehead_core.stages.tracking import TrackingConfig, motion_from_track, track_face

CHUNK = 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip")
    parser.add_argument("--frames", type=int, default=64)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    landmarker = load_landmarker()
    spent: Counter[str] = Counter()

    def timed(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            start = time.process_time()
            try:
                return function(*args, **options)
            finally:
                spent[name] += time.process_time() - start  # type: ignore[assignment]

        return call

    landmarker.mesh.forward = timed("mesh", landmarker.mesh.forward)
    landmarker.detector.forward = timed("detector", landmarker.detector.forward)
    landmarker.blendshapes.forward = timed("blendshapes", landmarker.blendshapes.forward)
    landmarker_module.cut_regions = timed("cut", landmarker_module.cut_regions)
    landmarker_module.fit_pose = timed("pose", landmarker_module.fit_pose)
    start = time.process_time()
    parts = list(islice(read_frames(arguments.clip, chunk=CHUNK), -(-arguments.frames // CHUNK)))
    frames = sum(len(part) for part in parts)
    spent["decode"] += time.process_time() - start  # type: ignore[assignment]
    started, wall = time.process_time(), time.perf_counter()
    track = track_face(iter(parts), landmarker, TrackingConfig(chunk=CHUNK))
    motion_from_track(track, landmarker)
    total = time.process_time() - started + spent["decode"]
    height, width = parts[0].pictures.shape[-2:]
    print(f"{frames} frames of {width} x {height}, {arguments.threads} thread(s)")
    for name, seconds in spent.most_common():
        print(f"  {name:12} {seconds / frames * 1000:6.1f} ms")
    print(f"  {'all':12} {total / frames * 1000:6.1f} ms of CPU, {frames / total:.0f} frames/s of one core")
    print(f"  wall without decoding: {(time.perf_counter() - wall) / frames * 1000:.1f} ms")


if __name__ == "__main__":
    main()
