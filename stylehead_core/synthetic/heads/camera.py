"""Camera simulation: blur, noise, colour cast and JPEG compression."""

from dataclasses import dataclass

import cv2
import numpy as np

__all__ = ["CameraFaults", "apply_faults", "sample_faults"]


@dataclass(frozen=True, kw_only=True)
class CameraFaults:
    """Parameters of the camera simulation; the defaults leave a picture unchanged."""

    blur: float = 0.0  # sigma in pixels of a picture of 256 pixels
    noise: float = 0.0  # standard deviation in levels of 0..255
    gain: tuple[float, float, float] = (1.0, 1.0, 1.0)  # of red, green, blue
    quality: int = 100  # of the JPEG compression; 100 skips it
    seed: int = 0  # of the noise


def sample_faults(rng: np.random.Generator, strength: float) -> CameraFaults:
    """Sample camera faults: mostly small, sometimes severe. ``strength`` 0 gives none."""
    blurred, noisy, packed = rng.random(3)
    blur, noise, quality = rng.uniform(0.2, 1.0), rng.gamma(1.5, 1.3), int(rng.integers(45, 96))
    gain = 1 + strength * rng.normal(0, 0.03, 3)
    return CameraFaults(
        blur=float(strength * blur * (blurred < 0.3)),
        noise=float(strength * min(noise, 7) * (noisy < 0.6)),
        gain=(float(gain[0]), float(gain[1]), float(gain[2])),
        quality=quality if packed < 0.35 * strength else 100,
        seed=int(rng.integers(2**31)),
    )


def apply_faults(picture: np.ndarray, faults: CameraFaults) -> np.ndarray:
    """Apply ``faults`` to ``picture`` (S S 3, uint8)."""
    values = picture.astype(np.float32) * np.array(faults.gain, np.float32)
    if faults.blur > 0:
        values = cv2.GaussianBlur(values, (0, 0), max(faults.blur * len(picture) / 256, 0.1))
    if faults.noise > 0:
        noise = np.random.default_rng(faults.seed).normal(0, 1, values.shape).astype(np.float32)
        noise = 0.6 * noise + 0.4 * noise[..., :1]  # partly the same in all channels, as in sensors
        values += faults.noise * noise
    result = values.clip(0, 255).round().astype(np.uint8)
    if faults.quality < 100:
        settings = [cv2.IMWRITE_JPEG_QUALITY, faults.quality]
        packed = cv2.imencode(".jpg", np.ascontiguousarray(result[..., ::-1]), settings)[1]
        damaged = cv2.imdecode(packed, cv2.IMREAD_COLOR)
        assert damaged is not None  # it was packed a line ago
        result = np.ascontiguousarray(damaged[..., ::-1])
    return result
