"""One page in a headless Chromium, driven over the DevTools protocol: go, evaluate, click, take a picture."""

import asyncio
import base64
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import aiohttp

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-default-apps"),
    *("--disable-extensions", "--no-default-browser-check", "--disable-dev-shm-usage", "--mute-audio"),
    *("--hide-scrollbars", "--enable-unsafe-swiftshader", "--remote-debugging-port=0"),
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost",  # only this machine is asked
)


class PageError(RuntimeError):
    """What the page threw, or the browser refused."""


def binary() -> str | None:
    """The browser, if there is one: $CHROMIUM, or the first of the usual names."""
    return os.environ.get("CHROMIUM") or next((path for name in NAMES if (path := shutil.which(name))), None)


class Page:
    """``async with Page() as page: await page.goto(address)``."""

    def __init__(self, size: tuple[int, int] = (1600, 1000)) -> None:
        self.size = size
        self.exceptions: list[str] = []
        self._answers: dict[int, asyncio.Future] = {}
        self._asked = 0

    async def __aenter__(self) -> "Page":
        self._profile = tempfile.mkdtemp(prefix="chromium-")
        window = f"--window-size={self.size[0]},{self.size[1]}"
        self._process = subprocess.Popen(
            [binary() or NAMES[0], *FLAGS, window, f"--user-data-dir={self._profile}", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._http = aiohttp.ClientSession()
        self._socket = await self._http.ws_connect(await self._debugger(), max_msg_size=0)
        self._reader = asyncio.ensure_future(self._read())
        for domain in ("Page", "Runtime"):
            await self.call(f"{domain}.enable")
        width, height = self.size
        await self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
        )
        return self

    async def __aexit__(self, *_) -> None:
        self._reader.cancel()
        await self._socket.close()
        await self._http.close()
        os.killpg(self._process.pid, signal.SIGTERM)  # a session of its own: only this browser
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        shutil.rmtree(self._profile, ignore_errors=True)

    async def _debugger(self) -> str:
        """The address of the first page's debugger; the browser writes its port into its profile."""
        port_file = Path(self._profile) / "DevToolsActivePort"
        for _ in range(300):
            if port_file.exists() and port_file.stat().st_size:
                port = port_file.read_text().split()[0]
                async with self._http.get(f"http://127.0.0.1:{port}/json") as answer:
                    pages = [entry for entry in await answer.json() if entry["type"] == "page"]
                if pages:
                    return pages[0]["webSocketDebuggerUrl"]
            if self._process.poll() is not None:
                raise PageError(f"Chromium ended with status {self._process.returncode}.")
            await asyncio.sleep(0.1)
        raise PageError("Chromium did not open a page within 30 s.")

    async def _read(self) -> None:
        async for message in self._socket:
            data = json.loads(message.data)
            if "id" in data:
                self._answers.pop(data["id"]).set_result(data)
            elif data.get("method") == "Runtime.exceptionThrown":
                details = data["params"]["exceptionDetails"]
                self.exceptions.append(details.get("exception", {}).get("description") or details["text"])

    async def call(self, method: str, **parameters):
        self._asked += 1
        answer = self._answers[self._asked] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": self._asked, "method": method, "params": parameters})
        data = await asyncio.wait_for(answer, 120)
        if "error" in data:
            raise PageError(f"{method}: {data['error']}")
        return data["result"]

    async def goto(self, address: str) -> None:
        await self.call("Page.navigate", url=address)

    async def js(self, expression: str):
        """The value of a JavaScript expression, awaited if it is a promise."""
        result = await self.call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True, userGesture=True
        )
        if "exceptionDetails" in result:
            details = result["exceptionDetails"]
            raise PageError(details.get("exception", {}).get("description") or details["text"])
        return result["result"].get("value")

    async def wait(self, expression: str, seconds: float = 60):
        """Wait until ``expression`` is true; returns its value."""
        end = time.monotonic() + seconds
        while True:
            value = await self.js(expression)
            if value:
                return value
            if time.monotonic() > end:
                raise PageError(f"After {seconds} s this is still not true: {expression}")
            await asyncio.sleep(0.2)

    async def click_on(self, element: str) -> None:
        """A mouse click in the middle of the element that the JavaScript expression gives."""
        place = await self.js(
            f"(() => {{ const e = {element}; if (!e) return null; const r = e.getBoundingClientRect();"
            " return [r.x + r.width / 2, r.y + r.height / 2]; })()"
        )
        if not place:
            raise PageError(f"There is no such element: {element}")
        await self.press(*place)

    async def press(self, x: float, y: float) -> None:
        """A mouse click at a place of the window, in pixels."""
        where = {"x": x, "y": y}
        await self.call("Input.dispatchMouseEvent", type="mouseMoved", **where)
        for kind in ("mousePressed", "mouseReleased"):
            await self.call("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **where)

    async def screenshot(self, path: Path) -> None:
        picture = await self.call("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(picture["data"]))
