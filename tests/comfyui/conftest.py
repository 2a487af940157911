"""One ComfyUI for all tests of this folder, with the pack linked in and a tiny untrained model in its folder."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from comfy_host import PACK, TINY, Server, comfyui_folder, python_of

HERE = Path(__file__).parent
ODD_PACK = HERE / "odd_pack"
MAKE_TINY = """
import sys
from stylehead_core.model.files import save_stylehead
from stylehead_core.model.presets import debug
from stylehead_core.model.stylehead import build
save_stylehead(build(debug()), sys.argv[1])
"""


@pytest.fixture(scope="session")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Server]]:
    """A function that starts a server, with packs by the name of their folder and environment variables."""
    comfyui = comfyui_folder()
    if comfyui is None:
        pytest.skip("needs the ComfyUI that scripts/test.py builds (without --fast)")
    tiny = tmp_path_factory.mktemp("models") / TINY
    subprocess.run([python_of(comfyui), "-c", MAKE_TINY, tiny], check=True, cwd=PACK)
    servers = []

    def start_one(packs: dict[str, Path], **variables: str) -> Server:
        base = tmp_path_factory.mktemp("comfyui")
        models = base / "models" / "stylehead"
        models.mkdir(parents=True)
        (models / TINY).write_bytes(tiny.read_bytes())
        servers.append(Server(comfyui, base, packs, variables))
        return servers[-1]

    yield start_one
    for server in servers:
        server.stop()


@pytest.fixture(scope="session")
def server(start: Callable[..., Server]) -> Server:
    return start({"stylehead": PACK, "odd_pack": ODD_PACK})
