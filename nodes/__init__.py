"""Every node of the pack, in the order in which a graph uses them."""

from comfy_api.latest import ComfyExtension, io

from . import (
    editor,
    heads,
    inversion,
    loading,
    measuring,
    models,
    motion,
    motion_library,
    pasting,
    rendering,
    samples,
    talking,
)


class StyleHeadExtension(ComfyExtension):
    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        models.register_folders()
        editor.add_routes()
        return [
            talking.TalkingHead,
            editor.ExpressionEditor,
            samples.Samples,
            loading.LoadModel,
            inversion.Invert,
            inversion.EditStyle,
            motion.MotionFromVideo,
            motion.MotionFromAudio,
            motion.MotionFromSliders,
            motion_library.MixMotion,
            motion_library.AdjustMotion,
            motion_library.SaveMotion,
            motion_library.LoadMotion,
            heads.WarpFeatures,
            heads.Calibrate,
            rendering.Render,
            rendering.RenderVideo,
            pasting.PasteBack,
            measuring.Measure,
        ]


async def comfy_entrypoint() -> ComfyExtension:
    return StyleHeadExtension()
