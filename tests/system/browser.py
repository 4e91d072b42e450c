"""A page in headless Chromium, spoken to through a pipe: no port, no driver, nothing of it outlives the test."""

import base64
import json
import os
import shutil
import signal
import subprocess
import time
from select import select

NAMES = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = ("--headless", "--no-sandbox", "--remote-debugging-pipe", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
           "--disable-extensions", "--disable-background-networking", "--disable-component-update", "--disable-sync",
           "--hide-scrollbars")
PATIENCE = 60  # seconds for one answer


def find():
    """The path of a Chromium; None where there is none."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Browser:
    """One Chromium with one page. A context manager: at its end every process of the browser's is gone."""

    def __init__(self, program, folder):
        """folder: for the browser's profile; an empty one of its own."""
        from_us, self._to = os.pipe()
        self._from, to_us = os.pipe()

        def connect():  # the browser reads commands from 3 and answers on 4
            first, second = os.dup(from_us), os.dup(to_us)
            for wanted, own in ((3, first), (4, second)):
                os.dup2(own, wanted)

        words = [program, *OPTIONS, f"--user-data-dir={folder}", "about:blank"]
        nothing = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self._process = subprocess.Popen(words, **nothing, preexec_fn=connect, close_fds=False, start_new_session=True,
                                         env={**os.environ, "HOME": str(folder)})
        os.close(from_us)
        os.close(to_us)
        self._number, self._rest, self._session, self._events = 0, b"", None, []

    def __enter__(self):
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        return self

    def __exit__(self, *_):
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self._to)
        os.close(self._from)

    def call(self, method, **parameters):
        """One command of the DevTools protocol -> its result."""
        self._number += 1
        session = {"sessionId": self._session} if self._session else {}
        os.write(self._to, json.dumps({"id": self._number, "method": method, "params": parameters, **session}).encode() + b"\0")
        while True:
            message = self._receive()
            if message.get("id") == self._number:
                assert "error" not in message, f"{method}: {message['error']}"
                return message["result"]
            self._events.append(message)

    def _receive(self):
        end = time.monotonic() + PATIENCE
        while b"\0" not in self._rest:
            ready, _, _ = select([self._from], [], [], max(0, end - time.monotonic()))
            assert ready, f"the browser said nothing for {PATIENCE} s"
            part = os.read(self._from, 1 << 20)
            assert part, "the browser has ended"
            self._rest += part
        message, _, self._rest = self._rest.partition(b"\0")
        return json.loads(message)

    def open(self, path, width, height=900, scheme="light"):
        """Shows a file in a window of that width, once it is loaded."""
        self._events = []
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.call("Page.navigate", url=path.as_uri())
        while not any(event.get("method") == "Page.loadEventFired" for event in self._events):
            self._events.append(self._receive())

    def run(self, script):
        """The value of an expression on the page."""
        found = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, f"{script}: {found['exceptionDetails']}"
        return found["result"].get("value")

    def press(self, key):
        """One key, as if it were typed."""
        for kind in ("keyDown", "keyUp"):
            text = {"text": "\r"} if key == "Enter" and kind == "keyDown" else {}
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=13 if key == "Enter" else 0, **text)

    def errors(self):
        """What the page complained of since it was opened: exceptions, and any line on the console."""
        self.run("0")  # what was said before has come by now
        wanted = {"Runtime.exceptionThrown": "exceptionDetails", "Runtime.consoleAPICalled": "args", "Log.entryAdded": "entry"}
        return [event["params"][wanted[event["method"]]] for event in self._events if event.get("method") in wanted]

    def requests(self):
        """Addresses that the page asked for, without itself and what it carries inline."""
        urls = [event["params"]["request"]["url"] for event in self._events if event.get("method") == "Network.requestWillBeSent"]
        return [url for url in urls if not url.startswith("data:")][1:]

    def screenshot(self, path, whole=True):
        """Writes what is seen, or the whole page, as PNG."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"clip": {**size, "scale": 1}, "captureBeyondViewport": True} if whole else {}
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png", **clip)["data"]))
