"""The environment variables of the emulator: a fixed few of its own, none of anybody's credentials or proxies."""

from collections.abc import Mapping, Sequence
from pathlib import Path

_PASSED_ON = frozenset({"PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "LD_LIBRARY_PATH", "PYTHONPATH"})
"""What Python itself may need to start; everything else (``AWS_*``, proxies, ``DOCKER_HOST``, …) stays outside."""

RUNNING_MARKER = "running"
"""File in the emulator's folder, there from its start to the end of its orderly stop."""

STATE_FOLDER = "state"
"""Folder of the state that ministack saves."""

TEMPORARY_FOLDER = "tmp"
"""Folder of temporary files."""

_SERVICES = ("iam", "sts", "organizations")


def clean_environment(folder: Path, inherited: Mapping[str, str], more_services: Sequence[str] = ()) -> dict[str, str]:
    """Return the whole environment of an emulator that keeps its things in ``folder``, an absolute path.

    ``HOME`` is that folder, so no AWS configuration file is found. ``DOCKER_HOST`` names a socket that does not exist:
    ministack otherwise looks for a Docker daemon and removes containers there that it takes for its own.
    """
    passed_on = {name: value for name, value in inherited.items() if name in _PASSED_ON}
    return passed_on | {
        "HOME": str(folder),
        "TMPDIR": str(folder / TEMPORARY_FOLDER),
        "DOCKER_HOST": f"unix://{folder / 'no-docker.sock'}",
        "AUTH": "true",
        "BIND_HOST": "127.0.0.1",
        "PERSIST_STATE": "1",
        "STATE_DIR": str(folder / STATE_FOLDER),
        "SERVICES": ",".join((*_SERVICES, *more_services)),
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "LOG_LEVEL": "WARNING",
        "MINISTACK_WORKER_THREADS": "4",
    }
