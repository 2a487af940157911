"""The command ``stylehead``: a table of sub-commands.

Each module in the table has ``add_arguments(parser)`` and ``run(args)``. Only the module of the chosen command is
imported.
"""

import argparse
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

from .errors import StyleHeadError

__all__ = ["COMMANDS", "main"]

COMMANDS = {
    "animate": (".commands.animate", "let a portrait move: by a video, by speech, by a saved motion"),
    "batch": (".commands.batch", "animate every portrait of a folder by every driver of another"),
    "dub": (".commands.dub", "let somebody in a video say something else, pasted back into it"),
    "convert": (".commands.convert", "make one model file of the official StyleHEAT checkpoints"),
    "landmarker": (".commands.landmarker", "say which face landmarker is in use, or fetch one"),
    "train": (".training.command", "train the networks on rendered heads"),
    "measure": (".datasets.measure_command", "measure rendered heads with the face landmarker, before training"),
    "embed": (".training.embed_command", "make a trained model part of the pack"),
    "benchmark": (".benchmark.command", "measure a model on heads, portraits and speech that are held out"),
    "replace-part": (".training.replace_part", "put a newly trained network into a model file"),
    "evaluate": (".evaluation.command", "measure a generated clip: JSON and a contact sheet"),
    "heads": (".synthetic.heads.command", "render synthetic heads with labels, to train on"),
    "talking-heads": (".datasets.talking_heads_command", "render heads that speak, as clips to train on"),
    "layer-study": (".evaluation.layer_study_command", "warp each layer of a generator in turn, and compare"),
    "prepare": (".datasets.preparation.command", "turn a folder of talking videos into training data"),
}

STOPPED = 130  # exit status of shells for Ctrl-C


def main(argv: Sequence[str] | None = None) -> int:
    """Run one sub-command; returns 0 for success, 1 if it was refused with a message."""
    words = list(sys.argv[1:] if argv is None else argv)
    chosen = next((word for word in words if not word.startswith("-")), None)
    parser = argparse.ArgumentParser(prog="stylehead", description="One portrait becomes an editable talking head.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    module = None
    for name, (where, purpose) in COMMANDS.items():
        if not _is_there(where):
            continue
        command = commands.add_parser(name, help=purpose, description=f"{purpose[0].upper()}{purpose[1:]}.")
        if name == chosen:
            module = import_module(where, __package__)
            module.add_arguments(command)
    args = parser.parse_args(words)
    assert module is not None, "argparse refuses what is not in the table"
    try:
        with _end_tidily():
            if isinstance(getattr(args, "device", None), str):
                import_module(".commands.options", __package__).check_device(args.device)
            return module.run(args) or 0
    except StyleHeadError as error:
        print(f"stylehead {args.command}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return STOPPED


@contextmanager
def _end_tidily() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the process in the same way as Ctrl-C, so that no half-made file stays."""

    def stop(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = {}
    if threading.current_thread() is threading.main_thread():
        for name in ("SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)  # Windows has no SIGHUP
            if number is not None and signal.getsignal(number) == signal.SIG_DFL:  # nohup ignores it, and is right
                before[number] = signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _is_there(module: str) -> bool:
    """Whether a module of this package (".room.name") is installed; nothing is imported, so that ``--help`` is fast."""
    path = Path(__file__).parent.joinpath(*module.removeprefix(".").split("."))
    return path.with_suffix(".py").is_file()


if __name__ == "__main__":
    sys.exit(main())
