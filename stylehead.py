"""The command ``stylehead``: shortens how long OpenMP's threads spin, then runs ``stylehead_core.cli``.

Threads of libgomp spin while they wait for one another. Beside other work on the same cores that makes drawing many
times slower. With few rounds it is as fast on idle cores and keeps its share on busy ones
(``benchmarks/under_load.py``). The number is read when torch is loaded, so it is set before any import.
"""

import os
import sys

SPINS = "10000"  # rounds before a waiting thread sleeps; libgomp's own number is 300,000


def main() -> int:
    os.environ.setdefault("GOMP_SPINCOUNT", SPINS)
    from stylehead_core.cli import main as run

    return run()


if __name__ == "__main__":
    sys.exit(main())
