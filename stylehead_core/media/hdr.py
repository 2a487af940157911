"""Tone mapping: pictures of high dynamic range (PQ or HLG, BT.2020) as BT.709 pictures of 8 bits.

Axes: H W picture.

Sources: ITU-R BT.2100-2 (transfer functions), BT.2408 (reference white at 203 cd/m2), BT.2087 (colour conversion).
"""

from functools import cache
from typing import Literal

import numpy as np

__all__ = ["Hdr", "hdr_of_transfer", "tone_map"]

Hdr = Literal["PQ", "HLG"]

TRANSFERS: dict[int, Hdr] = {16: "PQ", 18: "HLG"}  # FFmpeg's numbers (ITU-T H.273)
LEVELS = 65536  # of the 16-bit pictures that come in
WHITE_NITS = {"PQ": 120.0, "HLG": 203.0}
"""cd/m2 that become the white of SDR. BT.2408 has white at 203; PQ is also graded with white at 100, as SDR is: the
value between keeps the one from becoming dark, and the other from being burnt out."""
PQ_PEAK_NITS, HLG_PEAK_NITS = 10_000.0, 1000.0
HLG_SYSTEM_GAMMA = 1.2  # of a display of 1000 cd/m2
SDR_GAMMA = 2.4  # of a BT.1886 display
KNEE = 0.75  # of SDR white: darker light stays as it is, brighter light is compressed
LUMINANCE_2020 = np.array([0.2627, 0.6780, 0.0593], np.float32)
TO_709 = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]], np.float32
)  # linear light, BT.2020 -> BT.709


def hdr_of_transfer(transfer: int | None) -> Hdr | None:
    """Which HDR a stream's transfer characteristics (FFmpeg's number) stand for; None for SDR."""
    return TRANSFERS.get(int(transfer or 0))


def tone_map(picture: np.ndarray, hdr: Hdr) -> np.ndarray:
    """``picture`` (H W 3) uint16, full range BT.2020, as (H W 3) uint8 BT.709.

    Light up to three quarters of white stays as bright as it is; highlights are compressed by the brightest channel,
    so that their hue stays.
    """
    light = _light_table(hdr)[picture]
    if hdr == "HLG":  # the display's part of the curve depends on the luminance of the pixel
        luminance = np.maximum(light @ LUMINANCE_2020, 1e-6)
        light = light * (luminance ** (HLG_SYSTEM_GAMMA - 1) * (HLG_PEAK_NITS / WHITE_NITS[hdr]))[..., None]
    light = np.maximum(light @ TO_709.T, 0)
    brightest = np.maximum(light.max(-1), 1e-6)
    compressed = KNEE + (1 - KNEE) * (1 - np.exp(-np.maximum(brightest - KNEE, 0) / (1 - KNEE)))
    light *= np.where(brightest > KNEE, compressed / brightest, 1)[..., None]
    return (np.minimum(light, 1) ** (1 / SDR_GAMMA) * 255).round().astype(np.uint8)


@cache
def _light_table(hdr: Hdr) -> np.ndarray:
    """(LEVELS) float32: linear light of each level. PQ: 1 = reference white. HLG: 1 = peak of the scene."""
    level = np.linspace(0, 1, LEVELS)
    if hdr == "PQ":
        m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
        root = level ** (1 / m2)
        light = (np.maximum(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1) * PQ_PEAK_NITS / WHITE_NITS[hdr]
    else:
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        light = np.where(level <= 0.5, level**2 / 3, (np.exp((level - c) / a) + b) / 12)
    return light.astype(np.float32)
