"""`sandbox serve` in another process."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent.parent


def start(folder: Path, *options: str) -> tuple[subprocess.Popen[str], dict[str, Any]]:
    """Start `sandbox serve` in a folder, as somebody whose own AWS variables are set; return what it printed, too."""
    child = subprocess.Popen(
        [sys.executable, "-m", "cli", "sandbox", "serve", "inventory", "--format", "json", *options],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(PROJECT), "AWS_PROFILE": "somebody"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert child.stdout is not None
    return child, json.loads(child.stdout.readline())


def stop(child: subprocess.Popen[str], number: signal.Signals = signal.SIGTERM) -> int:
    child.send_signal(number)
    assert child.stdout is not None
    child.stdout.close()
    return child.wait(timeout=30)
