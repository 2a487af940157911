"""Memory that a batch of pictures takes, estimated before it is drawn."""

import math
from pathlib import Path

from ..errors import InputError

__all__ = ["available_memory", "batch_bytes", "check_memory", "forecast", "frames_that_fit"]

FLOAT_BYTES = 4  # bytes
HELD_PIXELS = 16_600_000  # of frames of a video that are held at once: 8 of 1080p, 2 of 4K
COPIES = 2  # the chunks as they are drawn, and the batch that they are concatenated to
CGROUP = Path("/sys/fs/cgroup")


def frames_that_fit(frames: int, width: int, height: int) -> int:
    """At most ``frames``, at least one: how many of a video's frames to hold at once, fewer where they are large."""
    return max(1, min(frames, HELD_PIXELS // (width * height)))


def batch_bytes(frames: int, size: int | tuple[int, int]) -> int:
    """Bytes of ``frames`` RGB pictures in float32; ``size`` is their side, or width and height, pixels."""
    width, height = (size, size) if isinstance(size, int) else size
    return frames * width * height * 3 * FLOAT_BYTES


def check_memory(frames: int, size: int | tuple[int, int], available: int | None = None) -> int:
    """Refuse a batch that does not fit into memory, before time is spent on it.

    Args:
        size: side of a picture, or width and height, pixels.
        available: bytes; None asks the system. Where it gives no number, nothing is refused.

    Returns:
        Bytes that making the batch takes.

    Raises:
        InputError: with the number of frames that would fit.
    """
    needed = COPIES * batch_bytes(frames, size)
    available = available_memory() if available is None else available
    if available is not None and needed > available:
        fit = available // (COPIES * batch_bytes(1, size))
        width, height = (size, size) if isinstance(size, int) else size
        raise InputError(
            f"{frames} frames of {width} x {height} pixels need {needed / 2**30:.1f} GiB of memory as a batch of "
            f"pictures; {available / 2**30:.1f} GiB are free.\n"
            f"Draw them straight into a film, which holds a few at a time; or take at most {fit} frames, or a smaller "
            "size."
        )
    return needed


def forecast(frames: int, size: tuple[int, int], seconds: float, *, held: bool) -> str:
    """Describe the time and memory of a render for the user.

    Args:
        size: width and height, pixels.
        seconds: for all frames, estimated from those already drawn.
        held: whether all frames are kept, as in a batch of pictures; a film keeps none.
    """
    minutes, rest = divmod(round(seconds), 60)
    time = f"{minutes} min {rest:02} s" if minutes else f"{rest} s"
    text = f"{frames} frames of {size[0]} x {size[1]} pixels will take about {time}"
    if not held:
        return f"{text}, and no more memory than now."
    free = available_memory()
    left = "" if free is None else f"; {_format_bytes(free)} are free"
    return f"{text} and {_format_bytes(COPIES * batch_bytes(frames, size))} of memory{left}."


def _format_bytes(count: int) -> str:
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{math.ceil(count / 2**20)} MiB"


def available_memory() -> int | None:
    """Free memory in bytes, within the limit of a container too; None where the system gives no number."""
    found = [value for value in (_system_memory(), _container_memory()) if value is not None]
    return min(found, default=None)


def _system_memory() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return _psutil_memory()
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), None)


def _psutil_memory() -> int | None:
    try:
        import psutil  # a dependency of ComfyUI, not ours
    except ImportError:
        return None
    return int(psutil.virtual_memory().available)


def _container_memory() -> int | None:
    try:
        limit, used = ((CGROUP / name).read_text(encoding="ascii").strip() for name in ("memory.max", "memory.current"))
        return max(0, int(limit) - int(used))
    except (OSError, ValueError):  # no container, or no limit ("max")
        return None
