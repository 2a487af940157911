"""The command ``stylehead``: sets OpenMP's waiting policy, then runs ``stylehead_core.cli``.

Threads of libgomp spin while they wait for one another. Beside other work on the same cores that makes drawing ten
times slower; waiting passively does not. The policy is read when torch is loaded, so it is set before any import.
"""

import os
import sys


def main() -> int:
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from stylehead_core.cli import main as run

    return run()


if __name__ == "__main__":
    sys.exit(main())
