"""Makes the portraits, the clip and the sentence of example_workflows/inputs: nobody's faces, nobody's voice.

python scripts/draw_samples.py --facekit ict.npz        needs pip install 'stylehead[heads]' and OpenGL: docs/heads.md
"""

import argparse
import math
import wave
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from stylehead_core.media.pictures import write_picture
from stylehead_core.media.sound import Sound
from stylehead_core.media.video import VideoWriter
from stylehead_core.ops.pixels import from_uint8
from stylehead_core.synthetic.heads.appearance import sample_appearance
from stylehead_core.synthetic.heads.facekit import load_facekit
from stylehead_core.synthetic.heads.geometry import Pose
from stylehead_core.synthetic.heads.head_model import HeadModel, weights_of
from stylehead_core.synthetic.heads.renderer import Renderer
from stylehead_core.synthetic.heads.scene import sample_scene
from stylehead_core.synthetic.heads.talking import Talking, first_crop, sample_performance
from stylehead_core.synthetic.speech.espeak import Voice
from stylehead_core.synthetic.speech.utterances import Utterance, speak

FOLDER = Path(__file__).resolve().parents[1] / "example_workflows" / "inputs"
PORTRAITS = {  # seeds of people that no network has learnt from
    "portrait.jpg": 900_125,
    "portrait-2.jpg": 900_128,
    "portrait-3.jpg": 900_141,
    "portrait-4.jpg": 900_143,
    "portrait-5.jpg": 900_149,
    "portrait-6.jpg": 900_136,
}
DRIVER = 900_113
PORTRAIT_SIZE, CLIP_SIZE = 512, 256  # pixels
SENTENCE = "I am made of numbers, but now I move and speak."
WORDS = "Hello! Please follow me."
NOD, NOD_SECONDS = 0.16, 0.6  # rad down and up again; how long the nod takes
SMILE = 0.7
CLIP_SECONDS = 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--facekit", type=Path, help="ICT-FaceKit: the folder FaceXModel, or the compact npz")
    parser.add_argument("--out", type=Path, default=FOLDER)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    write_wave(options.out / "speech.wav", speak(SENTENCE, Voice(name="en-us+f3", speed=170, pitch=55)).sound)
    model = HeadModel(load_facekit(options.facekit))
    for name, seed in PORTRAITS.items():
        draw_portrait(Renderer(model, PORTRAIT_SIZE), seed, options.out / name)
    draw_clip(Renderer(model, CLIP_SIZE), options.out / "clip.mp4")


def draw_portrait(renderer: Renderer, seed: int, path: Path) -> None:
    """The pose of the portrait: calm, turned slightly to the side."""
    calm = weights_of({"mouthSmileLeft": 0.2, "mouthSmileRight": 0.2})
    person, scene = renderer.person(sample_appearance(seed)), sample_scene(seed)
    write_picture(path, _tensor(renderer.render(person, calm, Pose(angles=(0.0, 0.08, 0.02)), scene).picture))


def draw_clip(renderer: Renderer, path: Path) -> None:
    talking = act(speak(WORDS, Voice(name="en-us+m3", speed=200), before=0.1, after=0.4))
    person, scene = renderer.person(sample_appearance(DRIVER)), sample_scene(DRIVER)
    crop = first_crop(renderer, person, talking, scene)
    sound, fps = talking.utterance.sound, talking.utterance.fps
    with VideoWriter(path, fps=fps, size=(CLIP_SIZE, CLIP_SIZE), sound=sound, quality=21, speed="slow") as video:
        for weights, pose in zip(talking.weights, talking.poses, strict=True):
            video.write(_tensor(renderer.render(person, weights, pose, scene, crop).picture)[None])


def act(utterance: Utterance) -> Talking:
    """The driving clip: talks, nods, blinks, turns to the side and smiles, in two seconds."""
    frames = round(CLIP_SECONDS * utterance.fps)
    samples = round(CLIP_SECONDS * utterance.sound.rate)
    padded = torch.nn.functional.pad(utterance.sound.samples, (0, max(0, samples - utterance.sound.samples.shape[1])))
    curves = torch.nn.functional.pad(utterance.curves, (0, 0, 0, max(0, frames - len(utterance.curves))))[:frames]
    utterance = replace(utterance, sound=Sound(samples=padded[:, :samples], rate=utterance.sound.rate), curves=curves)
    talking = sample_performance(DRIVER, utterance=utterance)
    seconds = np.arange(frames) / float(utterance.fps)
    nod = NOD * np.sin(math.pi * np.clip((seconds - 0.2) / NOD_SECONDS, 0, 1)) ** 2
    turn = 0.35 * np.sin(math.pi * np.clip((seconds - 0.7) / 1.3, 0, 1)) ** 2
    smile = SMILE * np.clip((seconds - 1.3) / 0.4, 0, 1)
    blink = np.clip(1 - np.abs(seconds - 1.0) / 0.14, 0, 1)
    weights, poses = talking.weights.copy(), []
    for frame, pose in enumerate(talking.poses):
        both = {"mouthSmile": smile[frame], "cheekSquint": 0.5 * smile[frame], "eyeBlink": blink[frame]}
        moved = weights_of({f"{name}{side}": value for name, value in both.items() for side in ("Left", "Right")})
        weights[frame] = np.maximum(weights[frame], moved)
        pitch, yaw, roll = pose.angles
        poses.append(replace(pose, angles=(pitch + nod[frame], yaw + turn[frame], roll)))
    return replace(talking, weights=weights, poses=tuple(poses))


def write_wave(path: Path, sound: Sound) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(sound.rate)
        file.writeframes((sound.samples[0].numpy() * 32767).astype("<i2").tobytes())


def _tensor(picture: np.ndarray) -> torch.Tensor:
    """(S S 3) uint8 -> (3 S S) in [-1, 1]."""
    return from_uint8(torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1))


if __name__ == "__main__":
    main()
