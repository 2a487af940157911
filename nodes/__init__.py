"""ComfyUI on one side, the core on the other: every node, by the order in which a graph uses them."""

from comfy_api.latest import ComfyExtension, io

from . import heads, inversion, models, rendering, samples


class StyleHeadExtension(ComfyExtension):
    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        models.register_folder()
        return [
            samples.Samples,
            models.LoadModel,
            inversion.Invert,
            inversion.EditStyle,
            heads.WarpFeatures,
            heads.Calibrate,
            rendering.Render,
            rendering.RenderVideo,
        ]


async def comfy_entrypoint() -> ComfyExtension:
    return StyleHeadExtension()
