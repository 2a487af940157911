"""Trains the sync network, which embeds mouths and sounds, on prepared clips with sound.

Source: the training of Wav2Lip's expert: windows of one clip, half of them with the sound of another moment; binary
cross entropy of the cosine; Adam 1e-4, batch 64. Sound and picture of the clips must be in sync.

Axes: T frames of a clip, F frames of a window (5).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ...config_json import to_json
from ...datasets.preparation.clip_folder import PreparedClip, open_clips
from ...errors import ConfigError, InputError
from ...evaluation.sheets import plot
from ...model.stylehead import StyleHead
from ...networks.syncnet import FRAMES, MEL, SYNC_KIND, SyncNet, SyncNetConfig, sync_loss
from ...ops.mouths import cut_mouths, mouth_affines
from ...ops.pixels import from_uint8, to_uint8
from ...ops.windows import mel_windows
from ...tensor_files import write_tensors
from ..recipe import Parts, Phase, TrainingTask

__all__ = ["HeardClip", "SyncState", "SyncTask", "hear_clip"]

CHUNK = 32  # frames read together
SHOWN = 64  # windows of the sheet


@dataclass(frozen=True, kw_only=True)
class SyncTask(TrainingTask):
    output: ClassVar[str] = "sync.safetensors"

    network: SyncNetConfig = SyncNetConfig()
    apart: int = 3  # frames at least between a mouth and a sound that do not belong together: nearer ones nearly do
    reach: int = 15  # frames of shift that the sheet shows
    parts: tuple[str, ...] = ()  # of the model: none

    def __post_init__(self) -> None:
        if self.apart < 1 or self.reach < 1:
            raise ConfigError(f"Shifts are counted in frames from 1 up; found {self.apart} and {self.reach}.")

    def load(self, folder: Path) -> list["HeardClip"]:
        """All prepared clips of ``folder`` that have sound."""
        with torch.device("cpu"):  # windows go to the device of the training as they are drawn
            return [hear_clip(clip) for clip in open_clips(folder) if clip.sound]

    def save(self, state: "SyncState", model: StyleHead, folder: Path, recipe: str) -> None:
        """Write the sync network, as ``evaluate --sync`` and ``train --expert`` read it."""
        about = {"config": to_json(self.network), "recipe": recipe}
        write_tensors(folder / self.output, SYNC_KIND, state.networks["sync"].state_dict(), about)

    def start(self, model: StyleHead | None, data: Sequence["HeardClip"]) -> "SyncState":
        return SyncState(self, data)


@dataclass(frozen=True, kw_only=True)
class HeardClip:
    """All that a sync network sees and hears of a clip."""

    mouths: Tensor  # (T 3 48 96) bytes
    mel: Tensor  # (T 80 16): what is heard around each frame

    @property
    def windows(self) -> int:
        """How many frames have two neighbours on either side."""
        return max(0, len(self.mouths) - FRAMES + 1)


def hear_clip(clip: PreparedClip) -> HeardClip:
    """Cut the mouths of a prepared clip, and its sound, into what belongs to each frame."""
    affines = mouth_affines(clip.measured["landmarks"])
    mouths = []
    for rows in torch.arange(len(clip)).split(CHUNK):
        pictures = from_uint8(clip.frames(rows.tolist()))
        mouths.append(to_uint8(cut_mouths(pictures, affines[rows])))
    heard = mel_windows(clip.measured["mel"], len(clip), clip.fps, window=MEL[1])
    return HeardClip(mouths=torch.cat(mouths), mel=heard)


class SyncState:
    def __init__(self, task: SyncTask, clips: Sequence[HeardClip]) -> None:
        self.task = task
        self.clips = [clip for clip in clips if clip.windows > 2 * task.apart]
        if not self.clips:
            raise InputError(
                f"A sync network learns from prepared clips with sound, of at least {2 * task.apart + FRAMES} frames; "
                "there is none. Make some with `stylehead prepare`."
            )
        self.network = SyncNet(task.network)
        self.networks: dict[str, nn.Module] = {"sync": self.network}
        self.phases = (Phase("sync", [(self.network, 1.0)]),)
        counts = torch.tensor([clip.windows for clip in self.clips])
        self.ends = counts.cumsum(0)
        self.samples = int(self.ends[-1])

    def loss(self, phase: Phase, rows: Tensor, rng: Any, progress: float) -> tuple[Tensor, Parts]:
        """The loss of the windows ``rows``, each with its own sound or, as often, with that of another moment."""
        together = torch.rand(len(rows), generator=rng) < 0.5
        mouths, mel = zip(
            *(self._pair(int(row), bool(own), rng) for row, own in zip(rows, together, strict=True)), strict=True
        )
        heard, seen = torch.stack(mel).to(rows.device), torch.stack(mouths).to(rows.device)
        cosine = self.network(from_uint8(seen), heard)
        loss = sync_loss(cosine, together.float())
        right = ((cosine.detach() > 0.5) == together).float().mean()
        return loss, {"sync": float(loss.detach()), "right": float(right)}

    @torch.no_grad()
    def sheet(self) -> Tensor:
        """The mean cosine at every shift of the sound, over windows of all clips: a good expert has a peak at 0."""
        reach = self.task.reach
        shifts = range(-reach, reach + 1)
        sums, counts = torch.zeros(len(shifts)), torch.zeros(len(shifts))
        for row in torch.linspace(0, self.samples - 1, min(SHOWN, self.samples)).long().tolist():
            clip, first = self._place(row)
            device = self.ends.device
            seen = self.network.embed_mouths(from_uint8(self._mouths(clip, first)[None].to(device)))
            middle = first + FRAMES // 2
            there = [i for i, shift in enumerate(shifts) if 0 <= middle + shift < len(clip.mel)]
            heard = self.network.embed_sound(clip.mel[[middle + shifts[i] for i in there]].to(device))
            sums[there] += heard @ seen[0]
            counts[there] += 1
        curve = (sums / counts.clamp(min=1)).tolist()
        return plot({f"cosine by shift of the sound, {-reach} to {reach} frames": {"mean": curve}}, height=200)

    def _place(self, row: int) -> tuple[HeardClip, int]:
        """The clip that window ``row`` is of, and its first frame there."""
        number = int(torch.searchsorted(self.ends, row, right=True))
        clip = self.clips[number]
        return clip, row - int(self.ends[number]) + clip.windows

    def _pair(self, row: int, own: bool, rng: Any) -> tuple[Tensor, Tensor]:
        clip, first = self._place(row)
        moment = first
        if not own:
            others = [i for i in range(clip.windows) if abs(i - first) >= self.task.apart]
            moment = others[int(torch.randint(len(others), (), generator=rng))]
        return self._mouths(clip, first), clip.mel[moment + FRAMES // 2]

    def _mouths(self, clip: HeardClip, first: int) -> Tensor:
        return clip.mouths[first : first + FRAMES]
