"""The nodes of the inversion, which is the codes that redraw a portrait: one finds them, one edits them."""

from typing import Any

from comfy_api.latest import io

from ..stylehead_core.drawing import draw_portrait
from ..stylehead_core.errors import ConfigError
from ..stylehead_core.model.stylehead import StyleHead
from ..stylehead_core.quality import inversion_quality
from ..stylehead_core.records import Direction
from ..stylehead_core.stages.editing import edit_style, load_directions
from ..stylehead_core.stages.inversion import METHODS, OptimiseConfig, invert
from ..stylehead_core.stages.portrait import PortraitConfig, describe_portrait, take_portrait
from . import bridge, faces, models, sockets
from .model_record import ModelRecord, model_for
from .widgets import choice_input, count_input, edit_input

SHOWN_EVERY = 10  # steps of an optimisation
OURS = "stylehead-"  # how the names of the embedded models begin
ON_PHOTOGRAPHS = {  # what their edits do wrong there
    "beard": "a shade instead of hairs",
    "hair_color": "a haze over forehead and wall",
}
CHANGE_HELP = (
    "On photographs beard leaves a shade and hair_color a haze: these two are for rendered faces and drawings."
)


class Invert(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return sockets.Schema(
            node_id="StyleHead_Invert",
            display_name="Read Portrait (Invert)",
            description="Finds a face in a picture and the codes with which the model redraws it. "
            "Everything that moves or changes the face starts here.",
            search_aliases=["face", "encode face", "portrait", "gan inversion", "styleheat", "e4e", "load face"],
            inputs=[
                sockets.model_input(),
                io.Image.Input("portrait", tooltip="One picture with a face, of any size."),
                io.Boolean.Input(
                    "align",
                    default=True,
                    label_on="find the face",
                    label_off="picture is aligned",
                    tooltip="Find the face and cut it out upright. Off: the picture already is such a cut.",
                ),
                faces.face_input(),
                faces.order_input("How faces are counted."),
                choice_input(
                    "method",
                    METHODS,
                    "Encode asks the networks once: fast. Optimise goes on from there, step by step, "
                    "until the picture is met: slow, for faces that the networks do not know well. As published is "
                    "the paper's setting: 250 steps, styles fixed, the encoder's codes for edits.",
                ),
                count_input(
                    "steps",
                    250,
                    "Steps of optimise; encode does not use them. 250 is the paper's number.",
                    min=1,
                    max=2000,
                ),
                faces.at_input(),
                choice_input(
                    "styles",
                    ("upper", "fixed"),
                    "Whether optimise also changes the style rows above the feature map (upper, as the official code), "
                    "or leaves all as the encoder found them (fixed, as the paper).",
                    advanced=True,
                    optional=True,
                ),
                sockets.advanced(
                    io.Float,
                    "rate",
                    default=0.01,
                    min=0.0001,
                    max=0.1,
                    step=0.0001,
                    optional=True,
                    tooltip="Learning rate of optimise. 0.01 is the official number; less is calmer and slower.",
                ),
                choice_input(
                    "edits",
                    ("moved", "consulted"),
                    "How Edit Style reaches the face: moved is fast and keeps an optimised portrait; consulted asks "
                    "the consultation network again, from the encoder's codes, as the paper does.",
                    advanced=True,
                    optional=True,
                ),
            ],
            outputs=[
                sockets.Inversion.Output(display_name="inversion", tooltip="Who: for Warp, Edit, Render."),
                io.Image.Output(display_name="redrawn", tooltip="How the model redraws the portrait."),
                io.Image.Output(display_name="aligned", tooltip="The cut-out portrait that the model has seen."),
                io.Float.Output(
                    display_name="quality",
                    tooltip="Likeness of the two in dB. Above 24 good, above 20 usable, below that a stranger.",
                ),
                io.String.Output(display_name="verdict", tooltip="The same in words."),
                io.Image.Output(display_name="difference", tooltip="Where they differ: dark is alike, bright is not."),
                io.Image.Output(display_name="found", tooltip="The face and the cut, drawn on the picture."),
            ],
        )

    @classmethod
    def execute(
        cls,
        portrait,
        align: bool,
        face: int,
        order,
        method,
        steps: int,
        at: str = "",
        styles: Any = "upper",
        rate: float = 0.01,
        edits: Any = "moved",
        model=None,
    ) -> io.NodeOutput:
        picture = bridge.one_image_in(portrait, "portrait")
        model, bar = model_for(model), bridge.Progress()
        networks = model.ready()
        choice = PortraitConfig.for_model(
            networks.config, align="ffhq" if align else "none", face=faces.choice(face, order, at)
        )
        found = take_portrait(picture, models.landmarker(), choice)
        inversion = invert(
            networks,
            found,
            method=method,
            steps=steps,
            config=OptimiseConfig(lr=rate, styles=styles),
            edited=edits,
            on_step=lambda step: bar(step.done, step.total, step.picture[0] if step.done % SHOWN_EVERY == 0 else None),
        )
        quality = inversion_quality(inversion)
        verdict = f"{quality.verdict} ({quality.psnr:.1f} dB)"
        return io.NodeOutput(
            ModelRecord(inversion, model),
            bridge.image_out(inversion.redrawn),
            bridge.image_out(inversion.portrait.image),
            quality.psnr,
            verdict,
            bridge.image_out(quality.heat),
            bridge.image_out(draw_portrait(found)),
            ui=bridge.text_output(f"{verdict}\n{describe_portrait(found)}"),
        )


class EditStyle(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return sockets.Schema(
            node_id="StyleHead_EditStyle",
            display_name="Change Face: age, beard, makeup (Edit Style)",
            menu="edit",
            description="Makes the face older, younger, bearded, made up ... still or more and more while it talks.",
            search_aliases=["older", "younger", "hair", "interfacegan", "attribute", "edit face"],
            inputs=[
                sockets.model_input("inversion"),
                sockets.Inversion.Input("inversion", tooltip="Who is changed. Several edits may follow one another."),
                io.Combo.Input("attribute", options=attributes(), tooltip=f"What changes. {CHANGE_HELP}"),
                edit_input("strength", "At the first frame: 0 nothing, 1 the full change, -1 its opposite."),
                edit_input("end_strength", "At the last frame. Between them the change grows evenly."),
                sockets.advanced(
                    io.String,
                    "curve",
                    default="",
                    tooltip="Instead of the two strengths, points of a curve: place in the clip (0 to 1) and strength, "
                    "such as 0:0, 0.5:1, 1:0.",
                ),
            ],
            outputs=[sockets.Inversion.Output(display_name="inversion", tooltip="The same person, with the edit.")],
        )

    @classmethod
    def execute(
        cls, inversion, attribute: str, strength: float, end_strength: float, curve: str, model=None
    ) -> io.NodeOutput:
        model = model_for(model, inversion)
        networks = model.ready()
        direction = direction_of(attribute, networks)
        points = curve_in(curve) if curve.strip() else ((0.0, strength), (1.0, end_strength))
        edited = ModelRecord(edit_style(networks, inversion.record, direction, curve=points), model)
        return io.NodeOutput(edited, ui=bridge.text_output(edit_warning(attribute, networks)))


def attributes() -> list[str]:
    """What can be chosen: the directions of all models at hand, then those of users' own files."""
    named = {name: None for model in models.choices() for name in models.attributes_of(model)}
    return [*named, *models.direction_choices()]


def edit_warning(choice: str, networks: StyleHead) -> str:
    """What an edit of an embedded model does wrong on photographs; empty where it holds, or is another model's."""
    wrong = ON_PHOTOGRAPHS.get(choice)
    return f"{choice}: on photographs {wrong}." if wrong and networks.config.name.startswith(OURS) else ""


def direction_of(choice: str, networks: StyleHead) -> str | Direction:
    """What ``edit_style`` takes for a choice of the widget: the model's own attributes go by their name."""
    return choice if choice in networks.attributes else own_direction(choice)


def own_direction(choice: str) -> str | Direction:
    """A direction of a file, from a choice such as ``glasses (mine.safetensors)``; other names stay names."""
    name, _, file = choice.removesuffix(")").rpartition(" (")
    return load_directions(models.direction_path(file))[name] if name else choice


def curve_in(text: str) -> tuple[tuple[float, float], ...]:
    """``0:0, 0.5:1, 1:0`` as points (place in the clip, strength).

    Raises:
        ConfigError: it does not read so.
    """
    try:
        points = [tuple(map(float, point.split(":"))) for point in text.split(",") if point.strip()]
        return tuple((place, strength) for place, strength in points)
    except ValueError as error:
        raise ConfigError(
            f"A curve reads like 0:0, 0.5:1, 1:0 (place in the clip: strength); found {text!r}."
        ) from error
