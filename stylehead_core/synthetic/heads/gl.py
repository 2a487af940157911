"""Opens OpenGL without a display, and reads the shaders that lie beside this file."""

import re
from functools import cache
from pathlib import Path

import numpy as np

from ...errors import StyleHeadError

__all__ = ["NoGraphics", "open_graphics", "set_uniforms", "shader"]

SHADERS = Path(__file__).parent / "shaders"


class NoGraphics(StyleHeadError):
    """OpenGL cannot be had on this machine."""


def open_graphics():
    """A moderngl context on EGL: a graphics card where there is one, else Mesa's software renderer.

    Raises:
        NoGraphics: moderngl or EGL is missing, with what to install.
    """
    try:
        import moderngl
    except ImportError as error:
        raise NoGraphics(
            "Rendering heads needs moderngl, which is not installed. `pip install stylehead[heads]`."
        ) from error
    try:
        context = moderngl.create_standalone_context(backend="egl", require=330)  # pyright: ignore[reportArgumentType]  # a keyword of the backend
    except Exception as error:  # moderngl raises plain Exception
        raise NoGraphics(
            f"OpenGL 3.3 through EGL could not be opened: {error}.\n"
            "On Debian and Ubuntu: `apt-get install libegl1 libgl1-mesa-dri` (software rendering, no display needed). "
            "For a graphics card see docs/heads.md."
        ) from error
    context.gc_mode = "context_gc"  # what is no longer used waits for gc(): another context may be the current one
    return context


@cache
def shader(name: str) -> str:
    """The text of a shader file, with its ``#include "file"`` lines replaced by those files."""

    def included(match: re.Match[str]) -> str:
        return (SHADERS / match[1]).read_text(encoding="utf-8")

    text = (SHADERS / name).read_text(encoding="utf-8")
    return "#version 330\n" + re.sub(r'^#include "(.+)"$', included, text, flags=re.MULTILINE)


def set_uniforms(program, values: dict) -> None:
    """Give a program those of ``values`` that it uses: numbers, vectors, matrices (rows first)."""
    for name, value in values.items():
        if name not in program:
            continue
        array = np.asarray(value, np.float64)
        flat = array.T if array.ndim == 2 else array  # OpenGL keeps columns together
        program[name].value = float(array) if array.ndim == 0 else tuple(flat.ravel().tolist())
