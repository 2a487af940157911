"""Runs lint, types and every test in a virtual environment of its own, the tests inside a real ComfyUI included.

    python scripts/test.py             everything
    python scripts/test.py --fast      without ComfyUI (no download of it either)
    python scripts/test.py --here      in the Python that is running; installs nothing

More arguments go to pytest: ``python scripts/test.py --here tests/nodes -k portrait``.
"""

import argparse
import os
import subprocess
import sys

import host
from environment import CHECKOUT, Environment, SetupError, install_core, say

CHECKS = {
    "style": ["ruff", "check", "."],
    "format": ["ruff", "format", "--check", "."],
    "the registry's rule": ["ruff", "check", ".", "--select", "S102,S307,E702"],
    "types": ["pyright", "--pythonpath"],  # the interpreter follows
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fast", action="store_true", help="leave the real ComfyUI out")
    parser.add_argument("--here", action="store_true", help="in the Python that is running; install nothing")
    options, for_pytest = parser.parse_known_args()
    variables = {"GOMP_SPINCOUNT": "10000", **os.environ}  # or workers and servers that share cores spin at barriers
    python = sys.executable
    if not options.here:
        environment = Environment()
        if not options.fast:
            variables["STYLEHEAD_COMFYUI"] = str(host.build(environment))
        install_core(environment, extra="dev")
        python = str(environment.python)
        for_pytest += ["-n", "2", "--dist", "loadgroup"]  # two workers; the tests in ComfyUI stay in one
    if options.fast:
        for_pytest += ["-m", "not comfyui"]

    failed = []
    for name, command in CHECKS.items():
        say(name)
        interpreter = [python] * (command[-1] == "--pythonpath")
        if subprocess.run([python, "-m", *command, *interpreter], cwd=CHECKOUT, env=variables).returncode:
            failed.append(name)
    if failed:
        say(f"not clean: {', '.join(failed)}")
    say("pytest")
    status = subprocess.run([python, "-m", "pytest", *for_pytest], cwd=CHECKOUT, env=variables).returncode
    return status or int(bool(failed))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except SetupError as error:
        sys.exit(f"\n{error}")
