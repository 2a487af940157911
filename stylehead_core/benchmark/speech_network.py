"""How well a speech network reads lips from sound: ``python -m stylehead_core.benchmark.speech_network MODEL``.

Numbers come from held-out sentences, by voices that were learnt from and by voices that never were; pictures from
sound files, for which nobody knows the truth.
"""

import argparse
import json
from collections.abc import Callable, Iterable
from fractions import Fraction
from pathlib import Path

import torch
from torch import Tensor

from ..errors import ConfigError
from ..media.sample_sheets import write_png
from ..media.sound import read_sound
from ..model.files import load_stylehead
from ..ops.mel import RATE
from ..stages.speech import SpeechNetwork, hear
from ..synthetic.speech.sentences import HELD_OUT
from ..synthetic.speech.sheet import draw_curves, lip_opening
from ..synthetic.speech.utterances import Utterance, Utterances
from ..synthetic.speech.visemes import LIPS
from ..synthetic.speech.voices import is_new_voice

__all__ = ["agreement", "follow"]

MOVES = 1e-3  # standard deviation below which a curve stands still


def agreement(
    predict: Callable[[Tensor], Tensor], utterances: Iterable[Utterance], window: int
) -> dict[str, dict[str, float]]:
    """Pearson's correlation of told and true curves, of the mean talk, for known and for new voices.

    Args:
        predict: mel windows (T 80 W) -> values (T L) of ``LIPS`` on the scale of the talks' curves.
        talks: with speech; music is passed over.
        window: W, mel columns.
    """
    found: dict[str, dict[str, list[float]]] = {}
    for utterance in utterances:
        if utterance.voice is None:
            continue
        told = predict(hear(utterance.sound, utterance.fps, frames=len(utterance.curves), window=window))
        scores = found.setdefault("new voices" if is_new_voice(utterance.voice) else "known voices", {})
        pairs = {"opening": (lip_opening(told, LIPS), lip_opening(utterance.curves, LIPS))}
        pairs |= {name: (told[:, i], utterance.curves[:, i]) for i, name in enumerate(LIPS)}
        for name, (one, other) in pairs.items():
            if other.std() > MOVES:
                scores.setdefault(name, []).append(float(torch.corrcoef(torch.stack((one, other)))[0, 1]))
    return {
        voices: {"talks": len(scores["opening"])} | {n: round(sum(s) / len(s), 4) for n, s in scores.items()}
        for voices, scores in found.items()
    }


def follow(network: SpeechNetwork, file: Path, window: int, fps: Fraction = Fraction(25)) -> Tensor:
    """A picture (3 H W) of what ``network`` tells of a sound file."""
    sound = read_sound(file)
    if sound is None:
        raise ConfigError(f"{file} has no sound.")
    told = network(hear(sound, fps, window=window))
    return draw_curves(tuple(told), {"told": torch.stack(tuple(told.values()), 1)}, torch.from_numpy(sound.mono(RATE)))


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="How well a speech network reads lips from sound.")
    parser.add_argument("model", help="a model with a speech network")
    parser.add_argument("--talks", type=int, default=120, help="how many held-out sentences")
    parser.add_argument("--sound", type=Path, nargs="*", default=[], help="files to draw the curves of")
    parser.add_argument("--out", type=Path, default=Path(), help="where the pictures go")
    args = parser.parse_args(arguments)
    network = load_stylehead(args.model).speech
    if network is None:
        raise ConfigError(f"{args.model} has no speech network.")
    window = network.config.window
    with torch.inference_mode():
        utterances = Utterances(range(HELD_OUT, HELD_OUT + args.talks))
        print(json.dumps(agreement(network.predict, utterances, window), indent=1))
        args.out.mkdir(parents=True, exist_ok=True)
        for file in args.sound:
            write_png(args.out / f"{file.stem}.png", follow(network, file, window))


if __name__ == "__main__":
    main()
