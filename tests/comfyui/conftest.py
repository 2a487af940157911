"""One ComfyUI for all tests of this folder, with the pack linked in and a tiny model of chance in its folder."""

import subprocess
from pathlib import Path

import pytest
from comfy_host import PACK, TINY, Server, comfyui_folder, python_of

ODD_PACK = Path(__file__).parent / "odd_pack"
MAKE_TINY = """
import sys
from stylehead_core.assemble import build, debug, save_stylehead
save_stylehead(build(debug()), sys.argv[1])
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.comfyui)
            item.add_marker(pytest.mark.xdist_group("comfyui"))  # one worker, one server


@pytest.fixture(scope="session")
def comfyui() -> Path:
    folder = comfyui_folder()
    if folder is None:
        pytest.skip("needs the ComfyUI that scripts/test.py builds (without --fast)")
    return folder


@pytest.fixture(scope="session")
def tiny_model(comfyui: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole model, small and untrained."""
    path = tmp_path_factory.mktemp("models") / TINY
    subprocess.run([python_of(comfyui), "-c", MAKE_TINY, path], check=True, cwd=PACK)
    return path


@pytest.fixture(scope="session")
def start(comfyui: Path, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory):
    """A function that starts a server: ``start(packs={folder name: folder}, *arguments)``."""
    servers = []

    def start_one(*arguments: str, packs: dict[str, Path] | None = None) -> Server:
        base = tmp_path_factory.mktemp("comfyui")
        models = base / "models" / "stylehead"
        models.mkdir(parents=True)
        (models / TINY).write_bytes(tiny_model.read_bytes())
        servers.append(Server(comfyui, base, packs or {"stylehead": PACK, "odd_pack": ODD_PACK}, *arguments))
        return servers[-1]

    yield start_one
    for server in servers:
        server.stop()


@pytest.fixture(scope="session")
def server(start) -> Server:
    return start()
