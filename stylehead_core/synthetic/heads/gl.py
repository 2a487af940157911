"""OpenGL helpers: context without a display, shader files, uniforms."""

import re
from functools import cache
from pathlib import Path

import numpy as np

from ...errors import StyleHeadError

__all__ = ["NoGraphics", "open_graphics", "set_uniforms", "shader"]

SHADERS = Path(__file__).parent / "shaders"


class NoGraphics(StyleHeadError):
    """OpenGL is not available on this machine."""


def open_graphics():
    """Create a moderngl context on EGL: on a graphics card if there is one, otherwise in software (Mesa).

    Raises:
        NoGraphics: moderngl or EGL is missing; the message says what to install.
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
    context.gc_mode = "context_gc"  # unused objects are freed by gc() only, since another context may be current
    return context


@cache
def shader(name: str) -> str:
    """Read a shader file, with its ``#include "file"`` lines expanded."""

    def include(match: re.Match[str]) -> str:
        return (SHADERS / match[1]).read_text(encoding="utf-8")

    text = (SHADERS / name).read_text(encoding="utf-8")
    return "#version 330\n" + re.sub(r'^#include "(.+)"$', include, text, flags=re.MULTILINE)


def set_uniforms(program, values: dict) -> None:
    """Set the uniforms of ``program``: numbers, vectors, matrices (row-major); unknown names are ignored."""
    for name, value in values.items():
        if name not in program:
            continue
        array = np.asarray(value, np.float64)
        flat = array.T if array.ndim == 2 else array  # OpenGL is column-major
        program[name].value = float(array) if array.ndim == 0 else tuple(flat.ravel().tolist())
