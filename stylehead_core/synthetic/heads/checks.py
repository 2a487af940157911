"""Quality checks of the rendered heads: ``python -m stylehead_core.synthetic.heads.checks``; one JSON line per check.

``found``: share of faces that the landmarker finds (target 0.99). ``correlation``: of true and measured blendshape
weights (target 0.9). ``cavity``: how much darker than the lips an open mouth is inside, median (target: that of the
portraits in ``--stills``, where a folder is given). ``psnr``: of one frame warped onto another by the true flow, on
visible skin in uniform light (target 30 dB).
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ...datasets.heads import cavities
from ...datasets.measure import measure_pictures
from ...datasets.stills import PICTURES
from ...errors import FaceNotFound, InputError
from ...landmarker.landmarker import Landmarker
from ...media.pictures import read_picture
from ...ops.pixels import to_uint8
from ...spaces import BLENDSHAPES
from ...stages.portrait import PortraitConfig, take_portrait
from .appearance import HELD_OUT, sample_appearance
from .clips import ClipConfig
from .correspondence import Correspondence, Frame
from .expressions import sample_expression
from .geometry import Pose
from .head_model import weights_of
from .renderer import Renderer
from .rendering import build_clip_maker
from .scene import Scene, sample_scene

__all__ = ["CORRELATED", "correlation", "even_light", "render_random", "visible_skin_psnr"]

OPEN_JAW = (0.35, 0.9)  # jawOpen of the mouths whose inside is measured
CORRELATED = {
    "jaw": ("jawOpen",),
    "blink": ("eyeBlinkLeft", "eyeBlinkRight"),
    "smile": ("mouthSmileLeft", "mouthSmileRight"),
}
EROSION_PX = 2  # pixels at the edge of the visible region that are ignored


def render_random(renderer: Renderer, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Render a random person with random expression, pose and light: picture (S S 3) and weights (52)."""
    rng = np.random.default_rng([seed, 40])
    weights = sample_expression(rng)
    pitch, yaw, roll = (float(v) for v in rng.normal(0, (0.10, 0.25, 0.06)))
    drawn = renderer.render(
        renderer.person(sample_appearance(seed)), weights, Pose(angles=(pitch, yaw, roll)), sample_scene(seed)
    )
    return drawn.picture, weights


def render_single(renderer: Renderer, seed: int, part: str, amount: float) -> np.ndarray:
    """Render a frontal person (S S 3) with only the weights of ``part`` set to ``amount``."""
    weights = weights_of(dict.fromkeys(CORRELATED[part], amount))
    return renderer.render(renderer.person(sample_appearance(seed)), weights, Pose(), sample_scene(seed)).picture


def render_open_mouth(renderer: Renderer, seed: int) -> np.ndarray:
    """Render a frontal person (S S 3) whose mouth is open and shows no tongue."""
    weights = weights_of({"jawOpen": float(np.random.default_rng([seed, 42]).uniform(*OPEN_JAW))})
    return renderer.render(renderer.person(sample_appearance(seed)), weights, Pose(), sample_scene(seed)).picture


def open_stills(folder: Path, landmarker: Landmarker, size: int) -> tuple[Tensor, Tensor]:
    """Portraits of a folder whose mouth is open as in ``render_open_mouth``: pictures (N 3 S S) uint8, landmarks."""
    pictures, landmarks = [], []
    for path in sorted(path for path in folder.rglob("*") if path.suffix.lower() in PICTURES):
        try:
            portrait = take_portrait(read_picture(path), landmarker, PortraitConfig(size=size))
        except FaceNotFound:
            continue
        assert portrait.coefficients is not None
        assert portrait.landmarks is not None
        if portrait.coefficients[BLENDSHAPES.index("jawOpen")] > OPEN_JAW[0]:
            pictures.append(to_uint8(portrait.image))
            landmarks.append(portrait.landmarks)
    if not pictures:
        raise InputError(f"No portrait in {folder} has an open mouth.")
    return torch.cat(pictures), torch.stack(landmarks)


def correlation(true: np.ndarray, measured: np.ndarray) -> float:
    """Pearson correlation, -1 to 1; 1 is best."""
    return float(np.corrcoef(true, measured)[0, 1])


def even_light(scene: Scene) -> Scene:
    """The scene with uniform light instead of lamps, so that surface points keep their colour when they move."""
    dark, even = np.zeros(3), np.full(3, 0.9)
    return replace(scene, key_color=dark, rim_color=dark, sky_color=even, ground_color=even)


def visible_skin_psnr(renderer: Renderer, seed: int, turn: float = 0.15) -> float:
    """PSNR in dB of one frame warped onto another by the true flow; higher is better."""
    import cv2

    compare = Correspondence(renderer, renderer.size)
    rng, scene = np.random.default_rng([seed, 41]), even_light(sample_scene(seed))
    person = renderer.person(sample_appearance(seed))
    frames = []
    for _ in range(2):
        pitch, yaw, roll = (float(v) for v in rng.normal(0, turn, 3))
        frames.append(Frame(sample_expression(rng), Pose(angles=(pitch, yaw, roll))))
    crop = renderer.crop_of(person, Pose(), scene)
    source, target = (renderer.render(person, f.weights, f.pose, scene, crop).picture for f in frames)
    pair = compare.compare(person, frames[0], frames[1], crop, scene.distance)
    skin = pair.visible & compare.skin(person, frames[1], crop, scene.distance)
    skin = cv2.erode(skin.astype(np.uint8), np.ones((2 * EROSION_PX + 1,) * 2, np.uint8)) > 0
    error = pair.warp(source)[skin].astype(np.float64) - target[skin]
    return float(10 * np.log10(255**2 / max((error**2).mean(), 1e-9)))


def run_checks(
    facekit: Path | None, people: int, size: int, first_seed: int, stills: Path | None = None
) -> Iterator[dict]:
    """Run the checks; yields each result as it is known.

    ``stills``: folder of portraits, with whose open mouths rendered ones are compared.
    """
    from ...landmarker.files import load_landmarker

    renderer = build_clip_maker(facekit, ClipConfig(size=size)).renderer
    landmarker = load_landmarker()
    seeds = range(first_seed, first_seed + people)

    def measured(pictures: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        stacked = torch.from_numpy(np.stack(pictures)).movedim(-1, 1)
        _, coefficients, found = measure_pictures(landmarker, stacked)
        return coefficients.numpy(), found.numpy()

    start = time.process_time()
    pictures = [render_random(renderer, seed)[0] for seed in seeds]
    speed = people / (time.process_time() - start)
    yield {"check": "speed", "pictures_per_cpu_second": round(speed, 2), "of": "a new person each", "size": size}
    _, found = measured(pictures)
    yield {
        "check": "found",
        "share": round(float(found.mean()), 4),
        "of": people,
        "missed": np.array(seeds)[~found].tolist(),
    }
    some = list(seeds)[: max(12, people // 5)]
    for part, names in CORRELATED.items():
        amounts = np.random.default_rng(7).random(len(some))
        rows, found = measured([render_single(renderer, s, part, float(a)) for s, a in zip(some, amounts, strict=True)])
        columns = [BLENDSHAPES.index(name) for name in names]
        value = correlation(amounts[found], rows[found][:, columns].mean(1))
        yield {"check": "correlation", "weight": part, "value": round(value, 3), "of": int(found.sum())}
    opened = torch.from_numpy(np.stack([render_open_mouth(renderer, seed) for seed in some])).movedim(-1, 1)
    landmarks, _, found = measure_pictures(landmarker, opened)
    line = {"check": "cavity", "median": _median(cavities(opened[found], landmarks[found])), "of": int(found.sum())}
    if stills is not None:
        portraits = cavities(*open_stills(stills, landmarker, size))
        line |= {"stills_median": _median(portraits), "stills": len(portraits)}
    yield line
    values = [visible_skin_psnr(renderer, seed) for seed in some]
    yield {
        "check": "psnr",
        "mean_db": round(float(np.mean(values)), 2),
        "worst_db": round(min(values), 2),
        "of": len(some),
    }


def _median(values: Tensor) -> float:
    return round(float(values.median()), 3)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--facekit", type=Path)
    parser.add_argument("--people", type=int, default=500)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--first-seed", type=int, default=HELD_OUT)
    parser.add_argument("--stills", type=Path, help="folder of portraits, to compare open mouths with")
    given = parser.parse_args()
    for line in run_checks(given.facekit, given.people, given.size, given.first_seed, given.stills):
        print(json.dumps(line), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
