"""``stylehead animate``: a portrait, and what moves it, become a video."""

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, get_args

from ..animate import animate
from ..errors import ConfigError, InputError
from ..fitting import fit_motion
from ..intuitive_editing import intuitive_motion_for_model
from ..landmarker.files import load_landmarker
from ..landmarker.landmarker import Landmarker
from ..media.background_writer import BackgroundVideoWriter
from ..media.metadata import video_metadata
from ..media.outputs import check_output
from ..media.pictures import read_picture
from ..media.sound import Sound, read_sound
from ..media.video import VideoWriter
from ..model.files import load_stylehead
from ..model.stylehead import StyleHead
from ..ops.acceleration import SPEEDS
from ..ops.precision import dtype_of
from ..records import Inversion, Motion, Progress
from ..stages.editing import edit_style, load_directions
from ..stages.inversion import METHODS, OptimiseConfig, OptimiseStep, invert
from ..stages.motion_files import load_motion, save_motion
from ..stages.motion_tools import describe, make_relative, mix_regions
from ..stages.portrait import FaceChoice, PortraitConfig, take_portrait
from ..stages.rendering import RenderConfig
from ..stages.speech import Life, SpeechConfig, speech_motion_for_model
from ..stages.tracking import TrackingConfig, check_measurable, motion_for_model
from .arguments import add_choice_argument, add_drawing_network_arguments, add_model_argument
from .bars import bar
from .frame_size import add_size_argument, frame_size
from .options import add_longer_argument, add_rehearsal_argument, frame_rate, lengthen, trim_sound

__all__ = ["Animator", "add_arguments", "add_drawing_arguments", "run"]

KEPT_INVERSIONS = 256  # of a batch of portraits, a few MiB each
SPOKEN = ("lips", "jaw", "audio")  # what speech decides where a video moves the rest


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("portrait", type=Path, help="picture of one face")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE.mp4", help="video to write")
    add_model_argument(parser)

    driving = parser.add_argument_group("what moves it, at least one")
    driving.add_argument("--video", type=Path, help="video of someone who moves")
    driving.add_argument("--motion", type=Path, help="motion file, instead of a video")
    driving.add_argument("--audio", type=Path, help="speech; with a video or motion it decides the lips, and is heard")

    driving.add_argument(
        "--intuitive", action="store_true", help="the paper's demonstration: the head turns, then the face changes"
    )
    driving.add_argument(
        "--lips", type=float, default=1.0, metavar="STRENGTH", help="of the lips from speech, 0 to 2 (default 1)"
    )
    life = "of a head that speech alone moves: still, or lively with small nods and blinks"
    add_choice_argument(driving, "--life", get_args(Life), life)
    driving.add_argument("--seed", type=int, default=0, help="of a lively head (default 0)")
    driving.add_argument("--driver", type=int, default=0, help="which face of the video, from the largest (default 0)")
    driving.add_argument(
        "--neutral",
        type=int,
        metavar="FRAME",
        help="of the video, that counts as the face at rest (default: the calmest)",
    )
    driving.add_argument(
        "--save-motion", type=Path, metavar="FILE", help="also keep what moves the portrait, as a file"
    )

    add_drawing_arguments(parser)


def add_drawing_arguments(parser: argparse.ArgumentParser) -> None:
    """The options that do not depend on the portrait and what drives it."""
    how = parser.add_argument_group("how")
    method = "of the inversion; 'as published': optimise by 250 steps with fixed styles, the encoder's codes for edits"
    add_choice_argument(how, "--method", METHODS, method)
    how.add_argument("--steps", type=int, default=250, help="of the optimisation (default 250)")
    how.add_argument("--lr", type=float, default=OptimiseConfig.lr, help="of the optimisation (default 0.01)")
    styles = "the style rows above the feature map are optimised too, or stay the encoder's"
    add_choice_argument(how, "--styles", ("upper", "fixed"), styles)
    edits = "an edit moves the feature map, or the consultation network is asked again"
    add_choice_argument(how, "--edits", ("moved", "consulted"), edits)
    how.add_argument(
        "--absolute", action="store_true", help="the driver's own pose, at the portrait's size, not its changes"
    )
    add_rehearsal_argument(how)
    how.add_argument("--strength", type=float, help="of the calibration, 0 to 1 (default 1 where the model has one)")
    how.add_argument(
        "--edit",
        type=edit,
        action="append",
        default=[],
        metavar="NAME=START[:END]",
        help="attribute with its strength, growing over the clip where an end is given; may be repeated",
    )
    how.add_argument("--directions", type=Path, metavar="FILE", help="file of further attributes")
    how.add_argument("--smoothing", type=float, default=0.5, help="of the driver's head, 0 to 1 (default 0.5)")
    how.add_argument("--face", type=int, default=0, help="which face of the portrait, from the largest (default 0)")
    how.add_argument("--no-align", action="store_true", help="the portrait is one aligned square already")
    how.add_argument("--match-colours", action="store_true", help="bring the frames to the portrait's own colours")
    add_size_argument(how, "the model's own")
    add_longer_argument(how, default="cut")
    how.add_argument("--fps", type=frame_rate, default=Fraction(25), help="of speech without a video (default 25)")
    how.add_argument("--quality", type=int, default=18, help="of the video, 0 lossless to 51 (default 18)")
    add_drawing_network_arguments(how)
    how.add_argument("--chunk", type=int, default=4, help="frames held at once (default 4)")
    speed = "torch's compiler and recorded CUDA graphs, for long films on a machine that can"
    add_choice_argument(how, "--speed", SPEEDS, speed)


@dataclass(frozen=True)
class EditWish:
    name: str
    start: float
    end: float


def edit(text: str) -> EditWish:
    """``old=0.5`` or ``old=0:1``."""
    name, _, strengths = text.partition("=")
    start, _, end = strengths.partition(":")
    try:
        return EditWish(name, float(start), float(end or start))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"expected NAME=START or NAME=START:END, found {text!r}") from error


def run(args: argparse.Namespace) -> None:
    driven = [name for name in ("video", "motion", "intuitive") if getattr(args, name)]
    if not driven and args.audio is None:
        raise ConfigError("Nothing moves the portrait: give --video, --motion, --audio or --intuitive.")
    if len(driven) > 1:
        raise ConfigError(
            f"Give one of --video, --motion and --intuitive, not both {' and '.join(driven)}: "
            "mix motions in ComfyUI, or with stages.motion_tools."
        )
    check_output(args.output, "video", sources=(args.portrait, args.video, args.motion, args.audio))
    if args.save_motion is not None:
        check_output(args.save_motion, "motion", sources=(args.motion,))
    print(Animator(args).make(args))


class Animator:
    """Networks loaded once, to make many videos that differ in portrait and driver alone."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.model = load_stylehead(args.model, args.device, dtype_of(args.precision, args.device))
        self.landmarker = load_landmarker(args.landmarker, args.device)
        self.inversions: dict[Path, Inversion] = {}
        self.measured: tuple[Path, Motion] | None = None  # of the last driving video

    def make(self, args: argparse.Namespace) -> Path:
        """Make the video that ``args`` describe, and return its path."""
        model = self.model
        _refuse_what_cannot_work(args, model)
        if args.portrait not in self.inversions:
            if len(self.inversions) == KEPT_INVERSIONS:
                self.inversions.clear()
            self.inversions[args.portrait] = _invert(args, model, self.landmarker)
        inversion = self.inversions[args.portrait]
        sound = _sound(args)
        motion = _motion(args, model, self._measure, sound, inversion)
        if args.audio is not None and args.longer == "cut":
            sound = trim_sound(sound, motion)
        if args.save_motion is not None:
            save_motion(motion, args.save_motion, made_by="stylehead animate")
        size = frame_size(args.size, inversion.portrait) or model.config.size
        config = RenderConfig(colour="matched" if args.match_colours else "as drawn", speed=args.speed, size=size)
        with bar("rehearsal", None) as progress:
            drawn = animate(
                model,
                inversion,
                motion,
                strength=args.strength,
                match=args.absolute and not motion.relative,
                landmarker=self.landmarker,
                rehearsed=args.rehearse,
                chunk=args.chunk,
                config=config,
                on_rehearsal=progress,
            )
        notes = video_metadata({name: _plain(value) for name, value in vars(args).items() if name != "output"})
        film = VideoWriter(
            args.output, fps=motion.fps, size=(size, size), sound=sound, quality=args.quality, metadata=notes
        )
        with BackgroundVideoWriter(film) as video, bar("frames", len(motion)) as progress:
            for frames in drawn:
                video.write(frames)
                progress(video.frames, len(motion))
        return args.output

    def _measure(self, args: argparse.Namespace) -> Motion:
        """The motion of the driving video, measured anew only where it is another video than last time."""
        if self.measured is None or self.measured[0] != args.video:
            with bar("video", None) as progress:
                self.measured = args.video, _measure(args, self.model, self.landmarker, progress)
        return self.measured[1]


def _plain(setting: Any) -> Any:
    """A setting as a film may tell it to everyone: files by their names, without the folders of this machine."""
    if isinstance(setting, Path):
        return setting.name
    if isinstance(setting, Fraction):
        return str(setting)
    return [[wish.name, wish.start, wish.end] for wish in setting] if isinstance(setting, list) else setting


def _invert(args: argparse.Namespace, model: StyleHead, landmarker: Landmarker) -> Inversion:
    config = PortraitConfig.for_model(
        model.config, align="none" if args.no_align else "ffhq", face=FaceChoice(index=args.face)
    )
    portrait = take_portrait(read_picture(args.portrait).to(model.device), landmarker, config)
    with bar("inversion", 1 if args.method == "encode" else args.steps) as progress:

        def on_step(step: OptimiseStep) -> None:
            progress(step.done, step.total)

        config = OptimiseConfig(lr=args.lr, styles=args.styles)
        inversion = invert(model, portrait, args.method, args.steps, on_step, config, edited=args.edits)
    directions = load_directions(args.directions) if args.directions else {}
    for wish in args.edit:
        inversion = edit_style(model, inversion, directions.get(wish.name) or wish.name, wish.start, end=wish.end)
    return inversion


def _sound(args: argparse.Namespace) -> Sound | None:
    if args.audio is not None:
        sound = read_sound(args.audio)
        if sound is None:
            raise InputError(f"{args.audio} has no sound track.")
        return sound
    return read_sound(args.video) if args.video is not None else None


def _refuse_what_cannot_work(args: argparse.Namespace, model: StyleHead) -> None:
    """What is known before anything is measured, so that nobody waits for it."""
    if args.audio is not None and model.speech is None and model.audio_encoder is None:
        raise ConfigError(
            f"The model {model.config.name!r} does not listen: it cannot be driven by --audio. The official set has no "
            "audio network; one is trained by `stylehead train paper` (docs/training.md)."
        )
    if args.video is not None:
        check_measurable(model)


def _motion(
    args: argparse.Namespace,
    model: StyleHead,
    measure: Callable[[argparse.Namespace], Motion],
    sound: Sound | None,
    inversion: Inversion,
) -> Motion:
    base = None
    if args.intuitive:
        base = intuitive_motion_for_model(model, inversion.portrait.coefficients)
    elif args.motion is not None:
        base = load_motion(args.motion, space=model.config.space)
    elif args.video is not None:
        base = measure(args)
        if not args.absolute:
            base = fit_motion(base, None).motion if args.neutral is None else make_relative(base, args.neutral)
    if args.audio is None:
        assert base is not None
        return base
    assert sound is not None
    if base is not None:
        base, told = lengthen(base, sound, args.longer)
        if told:
            print(told, file=sys.stderr)
    spoken = speech_motion_for_model(
        model,
        sound,
        base.fps if base is not None else args.fps,
        frames=len(base) if base is not None else None,
        config=SpeechConfig(strength=args.lips, life=args.life if base is None else "still", seed=args.seed),
    )
    return spoken if base is None else mix_regions(base, spoken, SPOKEN)


def _measure(args: argparse.Namespace, model: StyleHead, landmarker: Landmarker, progress: Progress) -> Motion:
    """The driver's motion, in the space of the model."""
    config = TrackingConfig(smoothing=args.smoothing, face=FaceChoice(index=args.driver))
    motion = motion_for_model(model, args.video, landmarker, config, progress=progress)
    if not motion.found.all() or (motion.video is not None and motion.video.notes):
        print(f"{args.video.name}: {describe(motion)}", file=sys.stderr)
    return motion
