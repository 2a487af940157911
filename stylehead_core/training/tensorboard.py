"""Writes a run's losses and sample sheets for TensorBoard, an optional dependency."""

from pathlib import Path
from typing import Any

from torch import Tensor

from ..errors import ConfigError
from .recipe import Parts

__all__ = ["Board"]


class Board:
    """Writes below a run's folder: ``tensorboard --logdir runs`` shows all runs."""

    def __init__(self, folder: Path, step: int = 0) -> None:
        """``step`` is where the run goes on: what an interrupted run wrote beyond it is not shown.

        Raises:
            ConfigError: TensorBoard is not installed.
        """
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise ConfigError(
                "TensorBoard is not installed: pip install 'stylehead[train]', or leave --tensorboard out. "
                "The same numbers stand in log.jsonl, the same pictures in sheet.png."
            ) from error
        self.writer: Any = SummaryWriter(str(folder / "tensorboard"), purge_step=step)

    def log(self, step: int, numbers: Parts) -> None:
        for name, value in numbers.items():
            self.writer.add_scalar(name, value, step)

    def log_samples(self, step: int, sheet: Tensor) -> None:
        """``sheet`` is (3 H W) in [-1, 1]."""
        self.writer.add_image("sheet", (sheet.clamp(-1, 1) + 1) / 2, step)

    def close(self) -> None:
        self.writer.close()
