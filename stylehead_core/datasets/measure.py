"""Measurement of rendered clips with the face landmarker.

The motion networks are trained on the landmarker's landmarks and coefficients instead of the renderer's, since these
are their input in use, systematic errors included.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor

from ..landmarker.landmarker import MIN_PRESENCE, Landmarker
from ..stages.portrait import face_coefficients
from ..synthetic.heads.appearance import EDITS
from ..synthetic.heads.shards import KIND
from ..tensor_files import read_tensors
from .heads import Heads, concatenate_heads, save_heads

__all__ = ["measure_clip", "measure_folder", "measure_pictures"]

CLIPS_PER_FILE = 20  # clips per file


def measure_folder(clips: Sequence[Path], landmarker: Landmarker, out: Path) -> Iterator[Path]:
    """Measure clips and write ``CLIPS_PER_FILE`` of them per file; existing files are kept. Yields each file."""
    out.mkdir(parents=True, exist_ok=True)
    for start in range(0, len(clips), CLIPS_PER_FILE):
        part = clips[start : start + CLIPS_PER_FILE]
        file = out / f"{part[0].stem}-{len(part)}.measured.safetensors"
        if not file.exists():
            measured = [heads for clip in part if (heads := measure_clip(clip, landmarker)) is not None]
            if not measured:
                continue
            save_heads(concatenate_heads(measured), file)
        yield file


def measure_clip(clip: Path, landmarker: Landmarker) -> Heads | None:
    """Measure one rendered clip; returns None where the landmarker misses the face in any frame."""
    about, tensors = read_tensors(clip, KIND)
    landmarks, coefficients, found = measure_pictures(landmarker, tensors["pictures"])
    if not found.all():
        return None
    source, target = tensors["pairs"].unbind(1)
    return Heads(
        pictures=tensors["pictures"],
        landmarks=landmarks,
        coefficients=coefficients,
        weights=tensors["weights"],
        person=torch.full((len(landmarks),), about["seed"]),
        source=source,
        target=target,
        flow=tensors["flow"],
        visible=tensors["visible"][:, None],
        edited=tensors["edited"],
        attribute=tensors["edited_attribute"],
        edited_person=torch.full((len(tensors["edited"]),), about["seed"]),
        alpha=tensors["alpha"][:, None],
        attributes=tuple(EDITS),
    )


@torch.no_grad()
def measure_pictures(landmarker: Landmarker, pictures: Tensor, chunk: int = 32) -> tuple[Tensor, Tensor, Tensor]:
    """Measure one face in each of ``pictures`` (N 3 S S, uint8), ``chunk`` at a time.

    Returns:
        Landmarks (N 478 3) in pixels, ``arkit`` coefficients (N 58), and whether a face was found (N).
    """
    landmarks, coefficients, found = [], [], []
    for part in pictures.split(chunk):
        detections = landmarker.detect(part)
        there = torch.tensor([len(detection) > 0 for detection in detections])
        points, rows = torch.zeros(len(part), 478, 3), torch.zeros(len(part), 58)
        which = torch.nonzero(there).flatten()
        if len(which):
            regions = torch.stack([detections[i].regions[0] for i in which.tolist()])
            faces = landmarker.measure(part, regions, of=which)
            points[which] = faces.landmarks
            rows[which] = face_coefficients(faces, part.shape[-1], landmarker)
            there[which] = faces.score > MIN_PRESENCE
        landmarks.append(points)
        coefficients.append(rows)
        found.append(there)
    return torch.cat(landmarks), torch.cat(coefficients), torch.cat(found)
