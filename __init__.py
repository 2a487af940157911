"""StyleHead for ComfyUI: the entry file, which ComfyUI imports by path and which does nothing anywhere else."""

import importlib.util

WEB_DIRECTORY = "./web"
if __package__ and importlib.util.find_spec("comfy_api"):  # not under pytest, which imports this file as well
    from .nodes import comfy_entrypoint

    __all__ = ["WEB_DIRECTORY", "comfy_entrypoint"]
