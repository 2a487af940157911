"""Entry point of ``python -m stylehead_core.synthetic.heads``, the same as ``stylehead heads``."""

import argparse
import sys

from ...errors import StyleHeadError
from .command import HELP, add_arguments, run

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="stylehead heads", description=HELP)
    add_arguments(parser)
    try:
        sys.exit(run(parser.parse_args()))
    except StyleHeadError as error:
        sys.exit(str(error))
