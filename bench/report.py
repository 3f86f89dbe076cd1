"""Measure the size of the report of a thousand roles, and the time until a browser shows it."""

import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench.large_inventory import write_large_inventory

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

_RUNS = 5
_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--proxy-server=127.0.0.1:9",
)  # fmt: skip


def write_report(folder: Path) -> Path:
    """Write the report of an inventory of 1,000 roles in 20 accounts; return its path."""
    write_large_inventory(folder / "inventory", roles=1_000, repositories=200, accounts=20, files=30)
    page = folder / "report.html"
    command = (sys.executable, "-m", "cli", "report", str(folder / "inventory"), "--output", str(page))
    subprocess.run(command, capture_output=True, check=True)  # noqa: S603 - from this file
    return page


def first_paint(page: Path, profile: Path) -> float | None:
    """Return the seconds until Chromium shows something of a page, or ``None`` without Chromium."""
    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if browser is None or driver is None:
        return None
    from selenium.webdriver import Chrome, ChromeOptions  # noqa: PLC0415 - only where there is a browser
    from selenium.webdriver.chrome.service import Service  # noqa: PLC0415 - as above

    options = ChromeOptions()
    options.binary_location = browser
    for flag in (*_FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    with Chrome(options=options, service=Service(driver)) as chrome:
        return statistics.median(_paint(chrome, page) for _ in range(_RUNS))


def _paint(chrome: "Chrome", page: Path) -> float:
    chrome.get("about:blank")
    chrome.get(page.as_uri())
    while not (entries := chrome.execute_script("return performance.getEntriesByName('first-contentful-paint')")):
        time.sleep(0.05)
    return float(entries[0]["startTime"]) / 1000
