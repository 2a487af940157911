"""Nodes that work on motion: mix, adjust, save and load."""

import os
from pathlib import Path
from typing import Any

import folder_paths
from comfy_api.latest import io

from ..stylehead_core.drawing import draw_motion
from ..stylehead_core.errors import MediaError
from ..stylehead_core.rest import describe_rest
from ..stylehead_core.stages import motion_tools as tools
from ..stylehead_core.stages.motion_files import load_motion, save_motion, write_csv
from . import bridge, samples, sockets
from .widgets import amount_input, choice_input, count_input, motion_outputs, seconds_input

REGIONS = {
    "lips": "The mouth.",
    "jaw": "The jaw, which opens the mouth.",
    "eyes": "Blinks and squints.",
    "gaze": "Where the eyes look.",
    "brows": "Brows and nose.",
    "pose": "Where the head is and where it turns.",
    "audio": "What is heard, for models that move the mouth by the sound itself.",
}
CUT = "cut the second"
SHIPPED = "stylehead: "  # before the name of a motion that comes with the pack
ENDING = ".safetensors"


class MixMotion(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return sockets.Schema(
            node_id="StyleHead_MixMotion",
            display_name="Mix Motion",
            menu="motion",
            description="Takes parts of the face from one motion and the rest from another: such as the lips from "
            "speech and the head from a video. The result is as long as the first.",
            search_aliases=["dub", "blend motion", "combine", "lips from audio", "retarget regions"],
            inputs=[
                sockets.Motion.Input("first", tooltip="What is kept, and how long the result is."),
                sockets.Motion.Input("second", tooltip="What the parts below come from. Fitted to the first's rate."),
                *(
                    io.Boolean.Input(
                        region,
                        default=region in ("lips", "jaw", "audio"),
                        label_on="second",
                        label_off="first",
                        tooltip=text + " From the second motion, or the first.",
                    )
                    for region, text in REGIONS.items()
                ),
                amount_input(
                    "amount",
                    1.0,
                    "How much of the second: 0 none of it, 0.5 half. What is heard cannot be halved: above 0 it is the "
                    "second's.",
                ),
                choice_input(
                    "longer",
                    (CUT, *tools.BEYOND),
                    "Where the second lasts longer, such as speech over a short clip: cut it; or let the first go "
                    "there and back, or hold its last frame, until the second has ended.",
                    advanced=True,
                    optional=True,
                ),
            ],
            outputs=motion_outputs("The mixture."),
        )

    @classmethod
    def execute(cls, first, second, amount: float, longer: Any = CUT, **regions: bool) -> io.NodeOutput:
        taken = [region for region, from_second in regions.items() if from_second]
        told = tools.describe_longer(first, second, longer == CUT)
        if longer != CUT:
            first = tools.lengthen(first, second, longer)
        mixed = tools.mix_regions(first, second, taken, strength=amount)
        told = " ".join(filter(None, (tools.describe_unmixed(first, second, taken, amount), told)))
        words = bridge.text_output(told)
        return io.NodeOutput(mixed, bridge.image_out(draw_motion(mixed)), ui=words)


class AdjustMotion(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return sockets.Schema(
            node_id="StyleHead_AdjustMotion",
            display_name="Adjust Motion",
            menu="motion",
            description="Makes a motion stronger or calmer, shorter, faster, or one that comes back to its beginning.",
            search_aliases=["retime", "trim", "loop", "smooth", "relative motion", "gain", "speed"],
            inputs=[
                sockets.Motion.Input("motion", tooltip="What is changed."),
                choice_input(
                    "reference",
                    ("as it is", "relative"),
                    "Relative: only the changes against the driver's neutral moment, added to the portrait's own pose. "
                    "Take it when driver and portrait hold their heads differently.",
                ),
                amount_input("expression", 1.0, "How strongly the face moves.", max=3.0),
                amount_input("pose", 1.0, "How strongly the head moves.", max=3.0),
                amount_input(
                    "smoothing",
                    0.0,
                    "Calms the whole motion, lips too, over so many seconds. 0.04 is a touch, 0.2 a dream.",
                    step=0.01,
                ),
                seconds_input("start", "Cuts away what is before, in seconds."),
                seconds_input("end", "Cuts away what is after, in seconds. 0 keeps all."),
                amount_input("speed", 1.0, "2 is twice as fast.", min=0.1, max=10.0),
                choice_input(
                    "play",
                    ("forwards", "backwards", "there and back"),
                    "There and back ends where it began, for a loop without a jump.",
                ),
                count_input("times", 1, "How often, one after the other.", min=1, max=1000),
                sockets.advanced(
                    io.Float,
                    "crossfade",
                    default=0.0,
                    min=0.0,
                    max=10.0,
                    step=0.05,
                    tooltip="Seconds over which each end goes over into the next beginning.",
                ),
                sockets.advanced(
                    io.Int,
                    "neutral",
                    default=-1,
                    optional=True,
                    min=-1,
                    max=1_000_000,
                    tooltip="The driver's neutral moment, as a frame of what is kept, where reference is relative. "
                    "-1 finds it: mouth closed, eyes open, looking ahead.",
                ),
            ],
            outputs=motion_outputs("The changed motion."),
        )

    @classmethod
    def execute(cls, motion, reference, start: float, end: float, neutral: int = -1, **widgets: Any) -> io.NodeOutput:
        change = tools.MotionAdjustment(
            start=start,
            end=end or None,
            relative=reference == "relative",
            neutral=None if neutral < 0 else neutral,
            **widgets,  # the rest by the names of the widgets
        )
        adjusted = tools.adjust_motion(motion, change, progress=bridge.Progress())
        kept = tools.trim(motion, start, end or None)
        told = describe_rest(kept) if change.relative and neutral < 0 else ""
        return io.NodeOutput(adjusted, bridge.image_out(draw_motion(adjusted)), ui=bridge.text_output(told))


class SaveMotion(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return sockets.Schema(
            node_id="StyleHead_SaveMotion",
            display_name="Save Motion",
            menu="motion",
            description="Keeps a motion as a small file in the output folder, for other graphs and other portraits.",
            search_aliases=["export motion", "motion library", "template", "csv"],
            is_output_node=True,
            inputs=[
                sockets.Motion.Input("motion", tooltip="What is kept."),
                io.String.Input(
                    "filename_prefix", default="motion/StyleHead", tooltip="Folder and first part of the name."
                ),
                io.Boolean.Input(
                    "table", default=False, tooltip="Also write a table (CSV): a row a frame, a column a coefficient."
                ),
            ],
            outputs=[io.String.Output(display_name="file", tooltip="The name by which Load Motion finds it.")],
        )

    @classmethod
    def execute(cls, motion, filename_prefix: str, table: bool) -> io.NodeOutput:
        folder, name, counter, subfolder, _ = folder_paths.get_save_image_path(
            filename_prefix, folder_paths.get_output_directory()
        )
        path = Path(folder) / f"{name}_{counter:05}_{ENDING}"
        save_motion(motion, path, made_by="StyleHead_SaveMotion")
        if table:
            write_csv(motion, path.with_suffix(".csv"))
        listed = f"{os.path.join(subfolder, path.name)} [output]".replace(os.sep, "/")
        return io.NodeOutput(listed, ui=bridge.text_output(listed))


class LoadMotion(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return sockets.Schema(
            node_id="StyleHead_LoadMotion",
            display_name="Load Motion",
            menu="motion",
            description="Opens a motion that Save Motion has kept, or one of those that come with StyleHead.",
            search_aliases=["import motion", "motion library", "template"],
            inputs=[
                io.Combo.Input(
                    "file",
                    options=motion_files(),
                    tooltip="A motion that comes with StyleHead, or a file in ComfyUI's input or output folder.",
                )
            ],
            outputs=motion_outputs("The motion of the file."),
        )

    @classmethod
    def validate_inputs(cls, file) -> bool | str:
        if file is None or path_of(file).is_file():
            return True
        return f"There is no motion {file!r}. Motions are looked for in the input and output folders."

    @classmethod
    def fingerprint_inputs(cls, file: str) -> tuple:
        found = path_of(file).stat()
        return file, found.st_mtime_ns, found.st_size

    @classmethod
    def execute(cls, file: str) -> io.NodeOutput:
        motion = load_motion(path_of(file))
        return io.NodeOutput(motion, bridge.image_out(draw_motion(motion)))


def motion_files() -> list[str]:
    """The motions that can be loaded: shipped ones, then those of the input and output folders."""
    shipped = [f"{SHIPPED}{path.stem}" for path in sorted(samples.FOLDER.glob(f"*{ENDING}"))]
    folders = {"input": folder_paths.get_input_directory(), "output": folder_paths.get_output_directory()}
    found = [
        f"{path.relative_to(folder).as_posix()} [{kind}]"
        for kind, folder in folders.items()
        for path in sorted(Path(folder).rglob(f"*{ENDING}"))
    ]
    return [*shipped, *found]


def path_of(file: str) -> Path:
    """The file behind a choice; nothing outside of the folders that ComfyUI and this pack give.

    Raises:
        MediaError: the name leads elsewhere.
    """
    if file.startswith(SHIPPED):
        folder, path = samples.FOLDER, samples.FOLDER / f"{file.removeprefix(SHIPPED)}{ENDING}"
    else:
        name, folder = folder_paths.annotated_filepath(file)
        folder = Path(folder or folder_paths.get_input_directory())
        path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise MediaError(f"The motion {file!r} is outside of the folder {folder}.")
    return path
