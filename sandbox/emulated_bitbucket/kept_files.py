"""Files with keys in them that live from one run of the sandbox to the next."""

import os
import tempfile
from pathlib import Path

from oidc.errors import SandboxError


def read_kept(path: Path) -> bytes | None:
    """Return what a file holds, or ``None`` if it is not there.

    Raises:
        SandboxError: It is there and cannot be read.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unusable(path, error) from error


def keep(path: Path, content: bytes) -> None:
    """Write a file for this user alone (mode 0600), whole or not at all; its folder is made if need be (mode 0700).

    Raises:
        SandboxError: It cannot be written.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # mkstemp makes files of mode 0600; in the same folder, so that replacing is one step.
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise _unusable(path, error) from error


def _unusable(path: Path, error: OSError) -> SandboxError:
    return SandboxError(
        f"the emulated Bitbucket cannot keep {path}: {error.strerror or error}",
        do="make the sandbox's folder writable, or remove it: what was in it is made anew",
    )
