"""Demo from a bare Python: makes an environment, animates a sample portrait, prints where the film is.

python scripts/demo.py                                  demo.mp4, demo.webp and demo.png beside the README
python scripts/demo.py --portrait me.png --video drive.mp4 --audio voice.wav
python scripts/demo.py --ui                             a real ComfyUI with the nodes, instead of the film
"""

import argparse
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import host
from environment import CHECKOUT, Environment, SetupError, install_core, say

UP_WITHIN = 300  # s


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--portrait", type=Path, help="a picture with a face (default: a shipped one)")
    parser.add_argument("--video", type=Path, help="whose head movements to take (default: a shipped clip)")
    parser.add_argument("--audio", type=Path, help="what to say (default: a shipped sentence)")
    parser.add_argument("--output", type=Path, default=CHECKOUT / "demo.mp4")
    parser.add_argument("--ui", action="store_true", help="start a real ComfyUI with the pack and the example graphs")
    parser.add_argument("--port", type=int, default=8188, help="of ComfyUI's page")
    options = parser.parse_args()
    environment = Environment()
    if options.ui:
        comfyui = host.build(environment)
        install_core(environment)
        return serve(environment, comfyui, options.port)
    install_core(environment)
    say("Animating")
    given = {name: getattr(options, name) for name in ("portrait", "video", "audio", "output")}
    arguments = [part for name, path in given.items() if path for part in (f"--{name}", str(path.resolve()))]
    film = [str(environment.python), str(CHECKOUT / "scripts" / "demo_film.py"), *arguments]
    return subprocess.run(film).returncode


def serve(environment: Environment, comfyui: Path, port: int) -> int:
    """Run ComfyUI until it ends or Ctrl-C is pressed."""
    base = environment.folder / "comfyui-base"
    for folder in ("models/stylehead", "input", "output", "temp", "user"):
        (base / folder).mkdir(parents=True, exist_ok=True)
    host.link_pack(CHECKOUT, base)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # so that a killed demo leaves no server behind
    address = f"http://127.0.0.1:{port}"
    say(f"Starting ComfyUI; its log is {base / 'server.log'}")
    with (base / "server.log").open("w", encoding="utf-8") as log:
        server = subprocess.Popen(
            host.command(environment, comfyui, base, port),
            cwd=comfyui,
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
        )
    try:
        if not answers(address, server):
            raise SetupError(f"ComfyUI did not come up. Its log says why: {base / 'server.log'}")
        say(f"Open {address} in a browser. The graphs are under Workflow > Browse Templates > stylehead.")
        say("Ctrl-C ends it.")
        return server.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        server.terminate()


def answers(address: str, server: subprocess.Popen) -> bool:
    """Wait until the page answers; returns False if the server has ended or takes too long."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    end = time.monotonic() + UP_WITHIN
    while server.poll() is None and time.monotonic() < end:
        try:
            direct.open(f"{address}/system_stats", timeout=5)
        except (urllib.error.URLError, OSError):
            time.sleep(0.3)
        else:
            return True
    return False


if __name__ == "__main__":
    try:
        sys.exit(main())
    except SetupError as error:
        sys.exit(f"\n{error}")
