"""The Expression Editor: a node whose picture follows its sliders.

The page asks for pictures at addresses of its own, without the queue. It holds the key of a session, which the node
gave it when it ran. A session lives as long as ComfyUI keeps that result, since it hangs on the inversion that the
node has handed out.
"""

import asyncio
import json
import logging
import secrets
from pathlib import Path
from weakref import WeakKeyDictionary, WeakValueDictionary

import folder_paths
from aiohttp import web
from comfy_api.latest import io
from server import PromptServer

from ..stylehead_core.errors import InputError, StyleHeadError
from ..stylehead_core.expression_editor import ExpressionDrawer, edited_motion
from ..stylehead_core.stages.inversion import invert
from ..stylehead_core.stages.motion_files import save_motion
from ..stylehead_core.stages.motion_sliders import EXPRESSIONS, HOLDS, SLIDERS, write_expression
from ..stylehead_core.stages.portrait import PortraitConfig, take_portrait
from . import bridge, models, sockets
from .model_record import ModelRecord, model_for
from .motion import EXPLAINED
from .motion_library import ENDING
from .widgets import fps_input, frames_input, key_frames_input, optional_input

SESSION, STALE, BUSY = "session", 410, 423  # status: the session is over; something runs
GROUPS = {
    "head": ("yaw", "pitch", "roll"),
    "eyes": ("blink", "gaze_right", "gaze_up", "eyes_wide", "brows"),
    "mouth": ("smile", "jaw", "pucker", "funnel"),
    "place": ("size", "x", "y"),
}

log = logging.getLogger(__name__)

_sessions: WeakValueDictionary[str, ModelRecord] = WeakValueDictionary()
_drawers: WeakKeyDictionary[ModelRecord, ExpressionDrawer] = WeakKeyDictionary()


class ExpressionEditor(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return sockets.Schema(
            node_id="StyleHead_ExpressionEditor",
            display_name="Expression Editor: pose a face",
            menu="edit",
            description="Sliders for pose and expression, with a picture that follows them while you drag. Key frames "
            "make a movement. Press Run once, so that the portrait is known.",
            search_aliases=[
                *("face", "live portrait", "advanced live portrait", "pose", "smile", "gaze", "puppet"),
                *("key frames", "emotion"),
            ],
            is_output_node=True,
            inputs=[
                optional_input(io.Image, "portrait", "One picture with a face, of any size."),
                optional_input(
                    sockets.Inversion, "inversion", "Instead of a picture: a portrait that was read, and changed."
                ),
                io.String.Input(
                    "expression",
                    default="",
                    tooltip="What the sliders say, such as smile 0.6, yaw 10. It can be typed, copied and kept.",
                ),
                key_frames_input("The time line writes it."),
                frames_input(),
                fps_input(),
                sockets.model_input("inversion"),
            ],
            outputs=[
                io.Image.Output(display_name="picture", tooltip="The portrait with the expression of the sliders."),
                sockets.Motion.Output(display_name="motion", tooltip="The expression, or its key frames, as a motion."),
                sockets.Inversion.Output(display_name="inversion", tooltip="The portrait, for Move Face."),
            ],
        )

    @classmethod
    def execute(
        cls, expression: str, key_frames: str, frames: int, fps: float, portrait=None, inversion=None, model=None
    ) -> io.NodeOutput:
        if (portrait is None) == (inversion is None):
            raise InputError("Wire a portrait, or an inversion: one of the two.")
        found = read_portrait(portrait, model) if inversion is None else inversion
        key = secrets.token_hex(8)
        handed_out = ModelRecord(
            found.record, model_for(model, found)
        )  # one of this node's own, for the session to hang on
        _sessions[key] = handed_out
        drawing = drawer_for(handed_out).draw(expression)
        motion = edited_motion(handed_out.model.network, expression, key_frames, frames, bridge.rate_in(fps))
        return io.NodeOutput(
            bridge.image_out(drawing.picture[None]),
            motion,
            handed_out,
            ui=bridge.text_output(drawing.warning, **{SESSION: [key]}),
        )


def read_portrait(image, model: bridge.Managed | None) -> ModelRecord:
    """The largest face of a picture, by the quick inversion."""
    model = model_for(model)
    networks = model.ready()
    picture = bridge.one_image_in(image, "portrait")
    portrait = take_portrait(picture, models.landmarker(), PortraitConfig.for_model(networks.config))
    return ModelRecord(invert(networks, portrait), model)


def drawer_for(who: ModelRecord) -> ExpressionDrawer:
    networks = who.model.ready()
    if who not in _drawers:
        _drawers[who] = ExpressionDrawer(networks, who.record)
    return _drawers[who]


# What the page asks for


def describe_sliders() -> dict:
    """The sliders by group, and expressions by name."""
    sliders = {
        name: {
            "range": SLIDERS[name][0],
            "hold": HOLDS.get(name, SLIDERS[name][0]),
            "step": 0.5 if SLIDERS[name][0][1] > 2 else 0.02,
            "help": EXPLAINED[name],
        }
        for names in GROUPS.values()
        for name in names
    }
    presets = {name: write_expression(values) for name, values in EXPRESSIONS.items()}
    return {"groups": GROUPS, "sliders": sliders, "presets": presets}


async def hand_out_description(request: web.Request) -> web.Response:
    return web.json_response(describe_sliders())


async def hand_out_picture(request: web.Request) -> web.Response:
    """A picture (JPEG) of the session's portrait; a warning about its sliders goes into a header."""
    asked = await request.json()
    who = _sessions.get(str(asked.get(SESSION)))
    if who is None:
        return _error_response("The portrait is not known any more. Press Run.", STALE)
    if PromptServer.instance.prompt_queue.currently_running:
        return _error_response("Waiting for the run to end.", BUSY)
    moment = asked.get("moment")

    def draw() -> tuple[bytes, str]:
        drawing = drawer_for(who).draw(
            str(asked.get("expression", "")),
            str(asked.get("key_frames", "")),
            None if moment is None else float(moment),
        )
        return bridge.jpeg(drawing.picture), drawing.warning

    try:
        picture, warning = await asyncio.to_thread(draw)
    except (StyleHeadError, ValueError) as error:
        return _error_response(str(error))
    return web.Response(body=picture, content_type="image/jpeg", headers={"X-StyleHead-Warning": json.dumps(warning)})


async def save_edited_motion(request: web.Request) -> web.Response:
    """Keep what an editor shows as a motion in the output folder; answers by the name that Load Motion knows."""
    asked = await request.json()
    who = _sessions.get(str(asked.get(SESSION)))
    if who is None:
        return _error_response("The portrait is not known any more. Press Run.", STALE)
    try:
        motion = edited_motion(
            who.model.network,
            str(asked.get("expression", "")),
            str(asked.get("key_frames", "")),
            int(asked.get("frames", 1)),
            bridge.rate_in(float(asked.get("fps", 25))),
        )
        folder, name, counter, subfolder, _ = folder_paths.get_save_image_path(
            "motion/" + Path(str(asked.get("name", "expression"))).name, folder_paths.get_output_directory()
        )
        file = f"{name}_{counter:05}_{ENDING}"
        save_motion(motion, Path(folder) / file, made_by="StyleHead_ExpressionEditor")
    except (StyleHeadError, ValueError, OSError) as error:
        return _error_response(str(error))
    return web.json_response({"file": f"{subfolder}/{file} [output]"})


def _error_response(message: str, status: int = 400) -> web.Response:
    return web.json_response({"message": message}, status=status)


ROUTES = (
    ("GET", "/stylehead/editor", hand_out_description),
    ("POST", "/stylehead/editor/draw", hand_out_picture),
    ("POST", "/stylehead/editor/save", save_edited_motion),
)


def add_routes() -> None:
    """Make the addresses known, once: a second copy of the pack would end ComfyUI's start by the same ones."""
    page = getattr(PromptServer, "instance", None)
    if page is None:
        return
    known = {(route.method, route.path) for route in page.routes}
    for method, path, answer in ROUTES:
        if (method, path) in known:
            log.warning("StyleHead is here twice: %s %s is answered by the other copy.", method, path)
            continue
        page.routes.route(method, path)(answer)
