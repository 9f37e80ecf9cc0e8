"""A headless Chromium, driven over its debugging pipe: no driver and no network needed."""

import json
import os
import shutil
import subprocess
import time
from base64 import b64decode
from pathlib import Path

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None)
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
    "--remote-debugging-pipe", "--no-first-run", "--window-size=1400,1000",
)  # fmt: skip


class Browser:
    """One page. Use it in a `with`."""

    def __init__(self, folder: Path) -> None:
        theirs_in, self._out = os.pipe()
        self._in, theirs_out = os.pipe()

        def pipes() -> None:  # Chromium reads commands from 3 and answers on 4
            one, other = os.dup(theirs_in), os.dup(theirs_out)
            os.dup2(one, 3)
            os.dup2(other, 4)

        self._process = subprocess.Popen(
            [CHROMIUM, *FLAGS, f"--user-data-dir={folder}", "about:blank"],
            preexec_fn=pipes, close_fds=False,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(theirs_in)
        os.close(theirs_out)
        self._count, self._rest, self.events = 0, b"", []
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        attached = self.ask("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.page(f"{domain}.enable")

    def __enter__(self) -> "Browser":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(20)
        os.close(self._in)
        os.close(self._out)

    def ask(self, method: str, session: str | None = None, **values: object) -> dict:
        """Send a command and wait for its answer; what else comes is kept in `events`."""
        self._count += 1
        message = {"id": self._count, "method": method, "params": values}
        message |= {"sessionId": session} if session else {}
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._count:
                assert "error" not in answer, answer["error"]
                return answer["result"]
            self.events.append(answer)

    def page(self, method: str, **values: object) -> dict:
        """Send a command to the page."""
        return self.ask(method, self._session, **values)

    def _next(self) -> dict:
        while b"\0" not in self._rest:
            more = os.read(self._in, 1 << 16)
            assert more, "the browser has ended"
            self._rest += more
        message, _, self._rest = self._rest.partition(b"\0")
        return json.loads(message)

    def open(self, path: Path) -> None:
        """Open a file and wait until it has run."""
        self.page("Page.navigate", url=path.as_uri())
        end = time.monotonic() + 30
        while self.run("location.href + document.readyState") != path.as_uri() + "complete":
            assert time.monotonic() < end, "the page does not load"
            time.sleep(0.05)

    def run(self, script: str) -> object:
        """The value of an expression, promises awaited."""
        answer = self.page(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def faults(self) -> list:
        """Errors on the console, and requests for anything but files."""
        bad = [
            e for e in self.events
            if e["method"] == "Runtime.exceptionThrown"
            or (e["method"] == "Runtime.consoleAPICalled" and e["params"]["type"] == "error")
            or (e["method"] == "Log.entryAdded" and e["params"]["entry"]["level"] == "error")
        ]  # fmt: skip
        asked = [
            e["params"]["request"]["url"] for e in self.events
            if e["method"] == "Network.requestWillBeSent"
        ]  # fmt: skip
        return bad + [url for url in asked if not url.startswith(("file:", "about:"))]

    def screenshot(self, path: Path) -> None:
        """Save what the page looks like."""
        path.write_bytes(b64decode(self.page("Page.captureScreenshot")["data"]))
