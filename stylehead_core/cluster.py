"""Spreads a list of work over the actors of a Ray cluster: ``--ray`` of the commands for many files."""

import argparse
from collections.abc import Iterator, Sequence
from typing import Any

from .errors import ConfigError

__all__ = ["add_cluster_arguments", "check_workers", "map_on_ray"]

MAX_WORKERS = 256
RETRIES = 2  # of an actor or a task that its machine has lost


def add_cluster_arguments(parser: argparse._ActionsContainer) -> None:
    parser.add_argument(
        "--ray",
        metavar="ADDRESS",
        help="address of a Ray cluster that sees the same files, or 'local'; needs pip install 'stylehead[cluster]'",
    )
    parser.add_argument("--workers", type=int, default=2, help="on Ray: actors that hold the networks (default 2)")


def check_workers(args: argparse.Namespace) -> None:
    """Refuse numbers of ``--workers`` that cannot be.

    Raises:
        ConfigError: not from 1 to MAX_WORKERS.
    """
    if not 1 <= args.workers <= MAX_WORKERS:
        raise ConfigError(f"--workers goes from 1 to {MAX_WORKERS}; found {args.workers}.")


def map_on_ray(
    worker: type, settings: Sequence[Any], items: Sequence[Any], *, address: str, workers: int, gpu: bool
) -> Iterator[Any]:
    """``worker(*settings).make(item)`` for every item, in the order in which they are done.

    One actor per worker holds the networks; each is given its next item when it has finished one.

    Args:
        address: of the cluster; "local" starts one on this machine.
        gpu: whether each actor needs a GPU of its own.

    Raises:
        ConfigError: Ray is not installed.
    """
    try:
        import ray
        from ray.util import ActorPool
    except ImportError as error:
        raise ConfigError("Ray is not installed: pip install 'stylehead[cluster]', or leave --ray out.") from error
    if not items:
        return
    ray.init(address=None if address == "local" else address, log_to_driver=False, include_dashboard=False)
    try:
        actor = ray.remote(max_restarts=RETRIES, max_task_retries=RETRIES, num_cpus=1, num_gpus=int(gpu))(worker)
        pool = ActorPool([actor.remote(*settings) for _ in range(min(workers, len(items)))])
        made: Any = pool.map_unordered(lambda one, item: one.make.remote(item), list(items))
        yield from made
    finally:
        ray.shutdown()
