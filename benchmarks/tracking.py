"""Speed of face tracking from a video file to its motion, by stage, as one JSON line.

    python benchmarks/tracking.py --threads 2
    python benchmarks/tracking.py MY_CLIP.mp4 --frames 200

Without a clip, the sample is written again at 512 pixels (--size). ``frames_per_s`` is wall time and only meaningful on
an idle machine. ``cpu_ms`` is processor time of all threads for one frame, in total and by stage, which other work
hardly changes. With one thread, 1000 / cpu_ms is the number of frames that one core tracks in a second.
"""

import argparse
import json
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from stylehead_core.landmarker import landmarker as landmarker_module
from stylehead_core.landmarker.files import load_landmarker
from stylehead_core.media.video import VideoWriter, read_frames
from stylehead_core.stages.tracking import TrackingConfig, motion_from_track, track_face

SAMPLE = Path(__file__).resolve().parent.parent / "example_workflows" / "inputs" / "clip.mp4"
CHUNK = 8  # frames


class Stages:
    """Sums the processor time of functions, by name."""

    def __init__(self) -> None:
        self.spent: defaultdict[str, float] = defaultdict(float)

    def time_calls(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            start = time.process_time()
            try:
                return function(*args, **options)
            finally:
                self.spent[name] += time.process_time() - start

        return call


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", nargs="?", type=Path)
    parser.add_argument("--frames", type=int, default=150)
    parser.add_argument("--size", type=int, default=512, help="of the sample, where no clip is given")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(measure(args.clip or enlarge_sample(Path(folder) / "clip.mp4", args.size), args.frames)))


def enlarge_sample(path: Path, size: int) -> Path:
    """Write the sample at ``size`` pixels, forwards and backwards until it is long enough."""
    with VideoWriter(path, fps=Fraction(25), size=(size, size)) as video:
        for _ in range(3):
            for part in read_frames(SAMPLE):
                video.write(F.interpolate(part.pictures.float(), (size, size), mode="bicubic").clamp(0, 255).byte())
    return path


def measure(clip: Path, frames: int) -> dict[str, Any]:
    landmarker, stages = load_landmarker(), Stages()
    motion_from_track(track_face(islice(read_frames(clip, chunk=CHUNK), 1), landmarker), landmarker)  # does not count
    for name in ("detector", "mesh", "blendshapes"):
        network = getattr(landmarker, name)
        network.forward = stages.time_calls(name, network.forward)
    landmarker_module.cut_regions = stages.time_calls("cut", landmarker_module.cut_regions)
    landmarker_module.fit_pose = stages.time_calls("pose", landmarker_module.fit_pose)
    parts = read_frames(clip, chunk=CHUNK)
    following = stages.time_calls("decode", lambda: next(parts, None))
    started, clock = time.process_time(), time.perf_counter()
    track = track_face(islice(iter(following, None), -(-frames // CHUNK)), landmarker, TrackingConfig())
    motion = motion_from_track(track, landmarker)
    seconds, spent = time.perf_counter() - clock, time.process_time() - started
    stages.spent["rest"] = spent - sum(stages.spent.values())
    count = len(motion)
    return {
        "part": "track",
        "frames": count,
        "size": list(track.size),
        "threads": torch.get_num_threads(),
        "frames_per_s": round(count / seconds, 1),
        "cpu_ms": round(spent / count * 1000, 1),
        "cpu_ms_by_stage": {name: round(part / count * 1000, 1) for name, part in stages.spent.items()},
        "found": int(motion.found.sum()),
    }


if __name__ == "__main__":
    main()
