"""``stylehead dub``: gives a person in a video other words. Around the mouth, or the head, no pixel is changed."""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from ..animate import animate
from ..errors import ConfigError, InputError
from ..landmarker.face_choice import FaceChoice
from ..landmarker.files import load_landmarker
from ..landmarker.landmarker import Landmarker
from ..media.frame_reader import FrameReader
from ..media.metadata import video_metadata
from ..media.outputs import check_output
from ..media.sound import MonoSamples, Sound, read_sound
from ..media.video import VideoWriter, read_info
from ..model.files import load_stylehead
from ..model.stylehead import StyleHead
from ..ops.mel import RATE
from ..ops.memory import frames_that_fit
from ..ops.pixels import from_uint8
from ..ops.precision import dtype_of
from ..ops.voice_activity import voice_activity
from ..records import Inversion, Motion
from ..rest import describe_rest, neutral_frame
from ..stages.inversion import invert
from ..stages.motion_tools import describe, speak_over
from ..stages.paste import PasteConfig, paste_into_video, plan_for_motion, seam_visibility, square_jitter
from ..stages.portrait import PortraitConfig, take_portrait
from ..stages.rendering import RenderConfig
from ..stages.speech import SpeechConfig, speech_motion_for_model
from ..stages.tracking import TrackingConfig, check_measurable, motion_for_model
from .arguments import add_choice_argument, add_drawing_network_arguments, add_model_argument
from .bars import bar
from .frame_size import add_size_argument, frame_size
from .options import add_longer_argument, lengthen, trim_sound

__all__ = ["add_arguments", "run"]

CHUNK = 4  # frames that are drawn and pasted at once


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("video", type=Path, help="video of one person, or of several")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE.mp4", help="video to write")
    parser.add_argument("--audio", type=Path, help="the new speech; without it the person is only drawn again")
    parser.add_argument(
        "--lips", type=float, default=1.0, metavar="STRENGTH", help="of the new lips, 0 to 2 (default 1: as learnt)"
    )
    add_longer_argument(parser, default="there-and-back", ways=("cut", "there-and-back", "hold"))
    add_model_argument(parser)
    parser.add_argument("--face", type=int, default=0, help="which face of the video, from the largest (default 0)")
    parser.add_argument("--frame", type=int, help="frame that the portrait is taken from (default: the calmest)")
    add_choice_argument(parser, "--where", ("lower face", "face", "head"), "what is pasted")
    parser.add_argument("--feather", type=float, default=0.1, help="soft edge, as a part of the square (default 0.1)")
    parser.add_argument("--colour", type=float, default=1.0, help="how far colours are matched, 0 to 1 (default 1)")
    parser.add_argument("--smoothing", type=float, default=0.5, help="of the head, 0 to 1 (default 0.5)")
    add_size_argument(parser, "the face's own in the video, where the model draws as many")
    parser.add_argument("--quality", type=int, default=16, help="of the video, 0 lossless to 51 (default 16)")
    add_drawing_network_arguments(parser)


def run(args: argparse.Namespace) -> None:
    check_output(args.output, "video", sources=(args.video, args.audio))
    model = load_stylehead(args.model, args.device, dtype_of(args.precision, args.device))
    check_measurable(model)
    if args.audio is not None and model.speech is None and model.audio_encoder is None:
        raise ConfigError(
            f"The model {model.config.name!r} does not listen: it cannot be driven by --audio. The official set has no "
            "audio network; one is trained by `stylehead train paper` (docs/training.md)."
        )
    landmarker = load_landmarker(args.landmarker, args.device)
    sound = read_sound(args.audio or args.video)
    if args.audio is not None and sound is None:
        raise InputError(f"{args.audio} has no sound track.")
    motion, places = _follow(args, model, landmarker)
    print(f"{args.video.name}: {describe(motion)}", file=sys.stderr)
    inversion = _invert(args, model, landmarker, motion, places)
    if args.audio is not None:
        assert sound is not None
        motion, told = lengthen(motion, sound, args.longer)
        if told:
            print(told, file=sys.stderr)
        if args.longer == "cut":
            sound = trim_sound(sound, motion) or sound
        motion = _replace_speech(args, model, motion, sound)
    _write(args, model, inversion, motion, sound)
    print(args.output)


def _write(
    args: argparse.Namespace, model: StyleHead, inversion: Inversion, motion: Motion, sound: Sound | None
) -> None:
    """Draw the heads, paste them into the frames of the video as they are stored, and write these."""
    info, video = read_info(args.video), motion.video
    assert video is not None, "the motion was measured in a file"
    reader = FrameReader(args.video, video.times, square_pixels=False)
    width, height = info.stored
    turned = info.rotation % 180 == 90
    size = (height, width) if turned else (width, height)
    portrait = inversion.portrait
    plan = plan_for_motion(motion, portrait.image.shape[-1], len(video.times), size, frames=len(motion))
    notes = video_metadata({"video": args.video.name, "where": args.where, "model": args.model})
    writer = VideoWriter(
        args.output,
        fps=motion.fps,
        size=size,
        sound=sound,
        quality=args.quality,
        metadata=notes,
        pixel_aspect=1 / info.pixel_aspect if turned else info.pixel_aspect,
        recoded=True,
    )
    seams = []
    with writer as written, bar("frames", len(motion)) as progress:
        size_drawn = frame_size(args.size, portrait) or portrait.image.shape[-1]
        chunk = frames_that_fit(CHUNK, *size)
        heads = animate(model, inversion, motion, chunk=chunk, config=RenderConfig(size=size_drawn))
        config = PasteConfig(where=args.where, feather=args.feather, colour=args.colour)
        for part in paste_into_video(heads, lambda numbers: reader(numbers).to(model.device), portrait, plan, config):
            visible = seam_visibility(part.frames, part.originals, part.masks)
            seams.append(visible[part.masks.flatten(1).any(1)])
            written.write(part.frames)
            progress(written.frames, len(motion))
            del part  # large frames are not held while the next are drawn
    steps, trembling = torch.cat(seams), square_jitter(plan.crops, portrait.image.shape[-1])
    print(
        f"seam {steps.mean().item() if len(steps) else 0.0:.2f} levels of 255, square trembles by {trembling:.2f} "
        "pixels a frame",
        file=sys.stderr,
    )


def _follow(
    args: argparse.Namespace, model: StyleHead, landmarker: Landmarker
) -> tuple[Motion, list[tuple[float, float] | None]]:
    """The person's motion, and the middle of the face in every frame of the video."""
    places: list[tuple[float, float] | None] = []

    def keep(frame: int, picture: Tensor, landmarks: Tensor | None) -> None:
        middle = None if landmarks is None else landmarks[:, :2].mean(0).tolist()
        places.append(None if middle is None else (middle[0], middle[1]))

    config = TrackingConfig(face=FaceChoice(index=args.face), smoothing=args.smoothing, square="follows")
    with bar("video", None) as progress:
        return motion_for_model(model, args.video, landmarker, config, progress=progress, on_frame=keep), places


def _invert(
    args: argparse.Namespace,
    model: StyleHead,
    landmarker: Landmarker,
    motion: Motion,
    places: list[tuple[float, float] | None],
) -> Inversion:
    """The portrait is a frame of the video itself: the one that is asked for, or the one that is most at rest."""
    wanted = neutral_frame(motion) if args.frame is None else args.frame
    if not 0 <= wanted < len(motion):
        raise ConfigError(f"The film has frames 0 to {len(motion) - 1}; found {wanted}.")
    if args.frame is None and (told := describe_rest(motion)):
        print(f"{told} It becomes the portrait; --frame takes another.", file=sys.stderr)
    assert motion.video is not None, "the motion was measured in a file"
    assert motion.sources is not None
    number = motion.sources[wanted : wanted + 1]
    picture = from_uint8(FrameReader(args.video, motion.video.times)(number))
    face = FaceChoice(index=args.face, point=places[int(number)])
    config = PortraitConfig.for_model(model.config, face=face)
    portrait = take_portrait(picture.to(model.device), landmarker, config)
    return invert(model, replace(portrait, original=None))  # a frame of 4K is large, and it is not pasted into


def _replace_speech(args: argparse.Namespace, model: StyleHead, motion: Motion, sound: Sound) -> Motion:
    """The film's motion with the lips of the new speech, which rest and rise from the film's own mouth."""
    spoken = speech_motion_for_model(
        model, sound, motion.fps, frames=len(motion), config=SpeechConfig(strength=args.lips)
    )
    own = read_sound(args.video)
    silent = torch.zeros(len(motion))
    return speak_over(
        motion,
        spoken,
        speaking=_activity(sound, motion),
        own=silent if own is None else _own_activity(own, motion),
    )


def _activity(sound: Sound, motion: Motion) -> Tensor:
    return voice_activity(MonoSamples(sound, RATE), RATE, len(motion), motion.fps)


def _own_activity(sound: Sound, motion: Motion) -> Tensor:
    """The video's own voice in each frame of a motion, which may go there and back in the video."""
    if motion.video is None or motion.sources is None or len(motion.video.times) >= len(motion):
        return _activity(sound, motion)
    return voice_activity(MonoSamples(sound, RATE), RATE, len(motion.video.times), motion.fps)[motion.sources]
