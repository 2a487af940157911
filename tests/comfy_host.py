"""A real ComfyUI server for tests: started on a free port, asked through its own doors, ended at the end.

Only what a user's page does: POST /prompt, the websocket, /history, /view, /interrupt.
"""

import asyncio
import json
import os
import shutil
import socket
import struct
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

import aiohttp

PACK = Path(__file__).resolve().parents[1]
PREVIEW, PREVIEW_WITH_METADATA = 1, 4  # kinds of binary messages
TINY = "tiny.safetensors"  # the untrained model that the tests put into models/stylehead
UP_WITHIN, RUN_WITHIN = 300, 600  # s


def comfyui_folder() -> Path | None:
    """Where scripts/test.py has put ComfyUI, if it has."""
    named = os.environ.get("STYLEHEAD_COMFYUI")
    folder = Path(named) if named else PACK / ".stylehead-env" / "ComfyUI"
    return folder if (folder / "main.py").exists() else None


def python_of(comfyui: Path) -> Path:
    return comfyui.parent / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


@dataclass
class Run:
    """What came of one prompt."""

    outputs: dict = field(default_factory=dict)  # by node: what /history says
    errors: dict = field(default_factory=dict)  # by node: why the server refused the graph
    failure: dict | None = None  # the server's message about the node that failed
    interrupted: bool = False
    previews: list[bytes] = field(default_factory=list)
    reports: dict[str, list[dict]] = field(default_factory=dict)  # by node: words and pictures while it ran
    progress: list[tuple[str, int, int]] = field(default_factory=list)  # node, done, total
    cached: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def text(self, node: str) -> str:
        """The words that ``node`` ended with."""
        return self.outputs.get(node, {}).get("text", [""])[0]

    @property
    def message(self) -> str:
        return (self.failure or {}).get("exception_message", "")

    def files(self, node: str) -> list[dict]:
        """What ``node`` has saved or shown: entries with filename, subfolder, type."""
        shown = [entry for entries in self.outputs.get(node, {}).values() for entry in entries]
        return [entry for entry in shown if isinstance(entry, dict) and "filename" in entry]


class Server:
    """ComfyUI with a base folder of its own, and packs linked into it."""

    def __init__(
        self, comfyui: Path, base: Path, packs: dict[str, Path], variables: Mapping[str, str] | None = None
    ) -> None:
        self.base = base
        for name, pack in packs.items():
            place = base / "custom_nodes" / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(pack, target_is_directory=True)
        for folder in ("input", "output", "temp", "user", "models/stylehead"):
            (base / folder).mkdir(parents=True, exist_ok=True)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        self.log = base / "server.log"
        where = ["--listen", "127.0.0.1", "--port", str(self.port), "--base-directory", str(base)]
        where += ["--database-url", f"sqlite:///{base / 'user' / 'comfyui.db'}"]
        command = [str(python_of(comfyui)), "main.py", "--cpu", "--disable-api-nodes", *where]
        surroundings = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | dict(variables or {})
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                command,
                cwd=comfyui,
                env=surroundings,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )
        try:
            self._wait()
        except BaseException:
            self.stop()
            raise

    def _wait(self) -> None:
        end = time.monotonic() + UP_WITHIN
        while not self.alive():
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"ComfyUI did not come up. The end of its log:\n{self.log.read_text()[-4000:]}")
            time.sleep(0.2)

    def alive(self) -> bool:
        try:
            self.get("/system_stats")
        except aiohttp.ClientError:
            return False
        return True

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def forget_peak_memory(self) -> None:
        """Count ``peak_memory`` from now on, whatever ran before (Linux)."""
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")

    def peak_memory(self) -> int:
        """Bytes that the server has held at most (Linux)."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) * 1024

    def forget(self) -> None:
        """Drop every cached result and model, as the page's "Unload models" does."""
        self._post("/free", {"unload_models": True, "free_memory": True})
        time.sleep(1.5)  # the worker looks for this wish once a second

    def cpu_seconds(self) -> float:
        """Seconds of computing that the server has spent so far, over all cores (Linux)."""
        spent = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        return sum(map(int, spent)) / os.sysconf("SC_CLK_TCK")

    def put_input(self, file: Path, name: str | None = None) -> str:
        """Copy a file into the input folder; returns its name there."""
        shutil.copy(file, self.base / "input" / (name or file.name))
        return name or file.name

    def get(self, path: str):
        return asyncio.run(self._get(path))

    async def _get(self, path: str):
        async with aiohttp.ClientSession() as http, http.get(self.address + path) as answer:
            answer.raise_for_status()
            return await answer.json() if answer.content_type == "application/json" else await answer.read()

    def view(self, entry: dict) -> bytes:
        """The bytes of a file that ``Run.files`` names."""
        return self.get("/view?" + urlencode({k: entry.get(k, "") for k in ("filename", "subfolder", "type")}))

    def _post(self, path: str, body: dict) -> None:
        async def post() -> None:
            async with aiohttp.ClientSession() as http, http.post(self.address + path, json=body) as answer:
                answer.raise_for_status()

        asyncio.run(post())

    def ask(self, path: str, body: dict) -> dict | bytes:
        """What the server answers to a POST of JSON, whether it agrees or not."""

        async def post() -> dict | bytes:
            async with aiohttp.ClientSession() as http, http.post(self.address + path, json=body) as answer:
                return await answer.json() if answer.content_type == "application/json" else await answer.read()

        return asyncio.run(post())

    def run(
        self, prompt: dict, stop_when: Callable[[Run], bool] = lambda run: False, within: float = RUN_WITHIN
    ) -> Run:
        """Send a graph in API form and follow it to its end; interrupt it as soon as ``stop_when`` says so."""
        return asyncio.run(self._run(prompt, stop_when, within))

    async def _run(self, prompt: dict, stop_when: Callable[[Run], bool], within: float) -> Run:
        client = uuid.uuid4().hex
        run = Run()
        async with (
            aiohttp.ClientSession() as http,
            http.ws_connect(f"{self.address}/ws?clientId={client}", max_msg_size=0) as socket_,
        ):
            await socket_.send_json({"type": "feature_flags", "data": {"supports_preview_metadata": True}})
            started = time.monotonic()
            graph = {"extra_pnginfo": {"workflow": {"id": str(uuid.uuid4())}}}  # as the page sends it, without the rest
            body = {"prompt": prompt, "client_id": client, "prompt_id": str(uuid.uuid4()), "extra_data": graph}
            async with http.post(self.address + "/prompt", json=body) as answer:
                said = await answer.json()
            # the server answers 200 when only some outputs are invalid, and names them here
            run.errors = said.get("node_errors") or ({} if "prompt_id" in said else {"": said.get("error")})
            if run.errors:
                return run
            asked = False
            async for message in socket_:
                if time.monotonic() - started > within:
                    raise TimeoutError(f"Not done after {within} s.\n{self.log.read_text()[-4000:]}")
                if message.type == aiohttp.WSMsgType.BINARY:
                    _take_preview(run, message.data)
                elif _take_event(run, json.loads(message.data), said["prompt_id"]):
                    break
                if not asked and stop_when(run):
                    asked = True
                    async with http.post(self.address + "/interrupt", json={}):
                        pass
            run.seconds = time.monotonic() - started
            run.outputs = await self._history(http, said["prompt_id"])
        return run

    async def _history(self, http: aiohttp.ClientSession, prompt_id: str) -> dict:
        """The outputs of a prompt; they are written down a moment after its end is told."""
        for _ in range(100):
            async with http.get(f"{self.address}/history/{prompt_id}") as answer:
                history = await answer.json()
            if prompt_id in history:
                return history[prompt_id]["outputs"]
            await asyncio.sleep(0.05)
        raise TimeoutError(f"The prompt {prompt_id} is not in the history.")


@contextmanager
def own_server() -> Iterator[Server]:
    """ComfyUI with this pack alone and an empty base folder, for a program that draws with it; it ends with it."""
    comfyui = comfyui_folder()
    if comfyui is None:
        raise SystemExit("This needs the ComfyUI that `python scripts/test.py` builds.")
    with tempfile.TemporaryDirectory() as base:
        server = Server(comfyui, Path(base), {"stylehead": PACK})
        try:
            yield server
        finally:
            server.stop()


def _take_preview(run: Run, data: bytes) -> None:
    kind, length = struct.unpack(">II", data[:8])
    if kind == PREVIEW:
        run.previews.append(data[8:])
    elif kind == PREVIEW_WITH_METADATA:
        run.previews.append(data[8 + length :])


def _take_event(run: Run, event: dict, prompt_id: str) -> bool:
    """Note what the server says; true at the end of the prompt."""
    kind, data = event["type"], event["data"]
    if kind == "stylehead.report":
        run.reports.setdefault(data["node"], []).append(data)
    if data.get("prompt_id") != prompt_id:
        return False
    if kind == "progress":
        run.progress.append((data["node"], data["value"], data["max"]))
    elif kind == "execution_cached":
        run.cached = data["nodes"]
    elif kind == "execution_error":
        run.failure = data
    elif kind == "execution_interrupted":
        run.interrupted = True
    return kind in ("execution_success", "execution_error", "execution_interrupted")
