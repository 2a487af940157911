"""What a camera and a file format do to a picture: softness, noise, colour cast, compression."""

from dataclasses import dataclass

import cv2
import numpy as np

__all__ = ["CameraFaults", "draw_faults", "photograph"]


@dataclass(frozen=True, kw_only=True)
class CameraFaults:
    blur: float = 0.0  # standard deviation in pixels of a 256 picture
    noise: float = 0.0  # standard deviation in display values of 255
    gain: tuple[float, float, float] = (1.0, 1.0, 1.0)
    quality: int = 100  # of a JPEG; 100 is none
    seed: int = 0  # of the noise


def draw_faults(rng: np.random.Generator, strength: float) -> CameraFaults:
    """Mostly small faults; a few pictures are bad. ``strength`` 0 has none."""
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


def photograph(picture: np.ndarray, faults: CameraFaults) -> np.ndarray:
    """The picture (S S 3) uint8 with faults."""
    values = picture.astype(np.float32) * np.array(faults.gain, np.float32)
    if faults.blur > 0:
        values = cv2.GaussianBlur(values, (0, 0), max(faults.blur * len(picture) / 256, 0.1))
    if faults.noise > 0:
        noise = np.random.default_rng(faults.seed).normal(0, 1, values.shape).astype(np.float32)
        noise = 0.6 * noise + 0.4 * noise[..., :1]  # sensors are noisier in brightness than in colour
        values += faults.noise * noise
    result = values.clip(0, 255).round().astype(np.uint8)
    if faults.quality < 100:
        settings = [cv2.IMWRITE_JPEG_QUALITY, faults.quality]
        packed = cv2.imencode(".jpg", np.ascontiguousarray(result[..., ::-1]), settings)[1]
        damaged = cv2.imdecode(packed, cv2.IMREAD_COLOR)
        assert damaged is not None  # it was packed a line ago
        result = np.ascontiguousarray(damaged[..., ::-1])
    return result
