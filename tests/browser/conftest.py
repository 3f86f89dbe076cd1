"""A real browser without a network, and what it shows of a report.

It is the Chromium of the system, driven by its own chromedriver: nothing is downloaded. Every host name is sent to a
listener on loopback that answers nobody, and remembers who asked.
"""

import json
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

from tests.access.report.conftest import FIXTURES, html_of

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DRIVER = shutil.which("chromedriver")
WHY = "chromium and chromedriver are not on PATH (Debian: apt-get install chromium chromium-driver)"

_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--proxy-bypass-list=<-loopback>",
    "--window-size=1280,900",
)  # fmt: skip


_ITS_MAKERS = ("google.com", "googleapis.com", "gstatic.com", "duckduckgo.com")


class Listener:
    """A proxy that answers nobody.

    Attributes:
        address: ``127.0.0.1:40123``.
        asked: The first line of every request.
    """

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._server.getsockname()[1]}"
        self.asked: list[str] = []
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:  # closed
                return
            with connection:
                connection.settimeout(1)
                self.asked.append(connection.recv(4096).partition(b"\r\n")[0].decode(errors="replace"))

    def close(self) -> None:
        self._server.close()


class Browser:
    """A tab.

    Attributes:
        driver: Selenium's.
        listener: Where everything goes that leaves the page.
    """

    def __init__(self, driver: Chrome, listener: Listener) -> None:
        self.driver, self.listener = driver, listener

    def open(self, path: Path, fragment: str = "", *, script: bool = True) -> "Browser":
        """Open a page anew."""
        self.call("Emulation.setScriptExecutionDisabled", value=not script)
        self.driver.get("about:blank")
        self.driver.get(path.as_uri() + fragment)
        return self

    def stay(self, path: Path) -> "Browser":
        """Open a page, or clear the search where it is open already."""
        if self.driver.current_url.partition("#")[0] != path.as_uri():
            return self.open(path)
        self.run("document.getElementById('filter').reset()")
        return self.settle()

    def call(self, command: str, **parameters: Any) -> Any:
        """Call the DevTools: https://chromedevtools.github.io/devtools-protocol/."""
        return self.driver.execute_cdp_cmd(command, parameters)

    def run(self, script: str, *arguments: Any) -> Any:
        """Return what a script returns."""
        return self.driver.execute_script(script, *arguments)

    def visible_roles(self) -> list[str]:
        """Return the headings of the roles that are shown."""
        return list(
            self.run(
                "return [...document.querySelectorAll('#roles article:not([hidden]) h3 bdi')].map((e) => e.textContent)"
            )
        )

    def visible_entries(self) -> list[str]:
        """Return what the matrix shows: ``row: role``."""
        return list(self.run(
            "return [...document.querySelectorAll('.matrix td > div')].filter((e) => e.checkVisibility())"
            ".map((e) => e.closest('tr').cells[0].textContent + ': ' + e.querySelector('a').textContent)"
        ))  # fmt: skip

    def search(self, text: str) -> "Browser":
        """Write into the search field, and wait until the page has answered."""
        self.run(
            "const q = document.getElementById('q'); q.value = arguments[0];"
            "q.dispatchEvent(new Event('input', {bubbles: true}))", text,
        )  # fmt: skip
        return self.settle()

    def settle(self) -> "Browser":
        """Wait until what was typed has been looked for."""
        self.driver.execute_async_script("setTimeout(arguments[0], 120)")
        return self

    def errors(self) -> list[str]:
        """Return what the console has complained of since the last call."""
        return [entry["message"] for entry in self._log("browser")]

    def requests(self) -> list[str]:
        """Return the addresses that pages in files asked for since the last call; `data:` is no request."""
        events = [json.loads(entry["message"])["message"] for entry in self._log("performance")]
        asked = [one["params"] for one in events if one["method"] == "Network.requestWillBeSent"]
        urls = [one["request"]["url"] for one in asked if one["documentURL"].startswith("file:")]
        return [url for url in urls if not url.startswith("data:")]

    def _log(self, kind: str) -> list[dict[str, Any]]:
        return list(self.driver.get_log(kind))  # type: ignore[no-untyped-call]  # selenium leaves this one out

    def left(self) -> list[str]:
        """Return who was asked for elsewhere; Chromium asks its makers by itself, as often as it likes.

        A connection that Chromium opens in advance, and closes without a request, asks nobody: its line is empty.
        """
        return [line for line in self.listener.asked if line and not any(host in line for host in _ITS_MAKERS)]


@pytest.fixture(scope="session")
def _browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if BROWSER is None or DRIVER is None:
        pytest.skip(WHY)
    listener = Listener()
    options = ChromeOptions()
    options.binary_location = BROWSER
    for flag in (
        *_FLAGS,
        f"--proxy-server={listener.address}",
        f"--user-data-dir={tmp_path_factory.mktemp('browser')}",
    ):
        options.add_argument(flag)
    options.add_experimental_option("perfLoggingPrefs", {"enableNetwork": True, "enablePage": False})
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    driver = Chrome(options=options, service=Service(DRIVER))
    yield Browser(driver, listener)
    driver.quit()
    listener.close()


@pytest.fixture
def browser(_browser: Browser) -> Iterator[Browser]:
    """Return a tab as wide as a desk's; whatever a test emulates ends with it."""
    _browser.errors()
    _browser.requests()
    yield _browser
    for command in ("clearDeviceMetricsOverride", "setEmulatedMedia", "setScriptExecutionDisabled"):
        _browser.call(f"Emulation.{command}", **({"value": False} if command.startswith("setScript") else {}))
    assert _browser.errors() == []


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Write the report of an inventory of the fixtures."""
    folder = tmp_path_factory.mktemp("reports")

    def write(name: str) -> Path:
        path = folder / f"{name}.html"
        if not path.exists():
            path.write_text(html_of(FIXTURES / name))
        return path

    return write
