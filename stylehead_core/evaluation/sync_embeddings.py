"""Embeddings of a sync network for every window of a clip: mouths, and the sound of the same moment."""

from fractions import Fraction

import torch
from torch import Tensor

from ..errors import InputError
from ..media.sound import Sound
from ..networks.syncnet import FRAMES, MEL, SyncNet
from ..ops.mel import RATE, mel_spectrogram
from ..ops.mouths import cut_mouths, mouth_affines
from ..ops.windows import mel_windows
from .clips import CHUNK
from .pictures import unit

__all__ = ["sync_embeddings"]

FPS = Fraction(25)  # at which the network's windows are 0.2 seconds


@torch.no_grad()
def sync_embeddings(
    network: SyncNet, frames: Tensor, landmarks: Tensor, sound: Sound, fps: Fraction
) -> tuple[Tensor, Tensor]:
    """Embed a clip, at 25 frames a second whatever its own rate (frames are repeated or left out).

    Args:
        network: in eval mode.
        frames: (T 3 H W) in [-1, 1], or bytes.
        landmarks: (T 478 3).
        sound: of the same duration.
        fps: of the frames.

    Returns:
        (W D) of the mouths and (W D) of the sound; the windows' middle frames run from the third to the last but two.
    """
    count = int(len(frames) / fps * FPS)
    if count < FRAMES:
        raise InputError(f"Sync needs at least {FRAMES} frames at 25 a second; found {count}.")
    shown = (torch.arange(count) * float(fps / FPS)).round().long().clamp(max=len(frames) - 1)
    affines = mouth_affines(landmarks[shown])
    parts = zip(shown.split(CHUNK), affines.split(CHUNK), strict=True)
    mouths = torch.cat([cut_mouths(unit(frames[rows]) * 2 - 1, affine) for rows, affine in parts])
    windows = mouths.unfold(0, FRAMES, 1).movedim(-1, 1)  # W F 3 48 96
    reach = FRAMES // 2
    heard = mel_windows(mel_spectrogram(sound.mono(RATE)), count, FPS, window=MEL[1])[reach : count - reach]
    seen = torch.cat([network.embed_mouths(part) for part in windows.split(CHUNK)])
    return seen, torch.cat([network.embed_sound(part.to(frames.device)) for part in heard.split(CHUNK)])
