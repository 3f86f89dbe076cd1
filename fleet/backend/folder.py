"""The bucket in a folder, of backends ``file://…``.

Sources: ``massageBlobPath`` in ``pkg/backend/diy/backend.go`` of https://github.com/pulumi/pulumi, and
https://pkg.go.dev/gocloud.dev/blob/fileblob.
"""

import os
import pwd
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

from oidc.errors import StateError

SCHEME = "file://"


def absolute_url(url: str, working_folder: Path) -> str:
    """Return the URL of a folder with an absolute path; any other URL as it is.

    Pulumi replaces ``~`` by the home of the user, and takes other relative paths from the working folder of the CLI.
    So ``file://localhost/states`` is the folder ``localhost/states``.

    Args:
        url: ``file://~/states?metadata=skip``.
        working_folder: The absolute path of the folder where the CLI would run.
    """
    if not url.startswith(SCHEME):
        return url
    path, mark, query = url.removeprefix(SCHEME).partition("?")
    if path.startswith("~"):
        path = str(Path(pwd.getpwuid(os.getuid()).pw_dir) / path[2:])
    # ``normpath`` and not ``resolve``, since Pulumi does not follow links either.
    return f"{SCHEME}{os.path.normpath(working_folder / path)}{mark}{query}"


class Folder:
    """The objects in the folder of a URL.

    Args:
        url: ``file:///home/me/states``, as ``absolute_url`` returns it.

    Raises:
        StateError: The folder does not exist.
    """

    def __init__(self, url: str) -> None:
        self.path = Path(unquote(url.removeprefix(SCHEME).partition("?")[0]))
        if not self.path.is_dir():
            raise StateError(f"the backend {url} is not a folder", do="make it, or correct PULUMI_BACKEND_URL")

    def entries(self, prefix: str) -> Iterator[tuple[str, float, int]]:
        """Yield key, time and size of all objects whose key begins with a prefix."""
        start = prefix.rpartition("/")[0]
        for folder, folders, names in os.walk(self.path / start):
            inside = os.path.relpath(folder, self.path)
            # A folder holds the files of 1,000 stacks, and this is called for each of them.
            folders[:] = [name for name in folders if _may_begin(f"{inside}/{name}/", prefix)]
            for key in (f"{inside}/{name}" for name in names):
                if key.startswith(prefix):
                    try:
                        status = (self.path / key).stat()
                    except OSError:
                        continue  # removed by a run since the folder was listed
                    yield key, status.st_mtime, status.st_size

    def get(self, key: str) -> bytes | None:
        """Return an object, or ``None`` if it does not exist.

        Raises:
            StateError: The file cannot be read.
        """
        try:
            return (self.path / key).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StateError(f"{self.path / key} cannot be read: {error.strerror}") from error

    def delete(self, key: str) -> None:
        """Delete an object; it is no fault if it does not exist.

        Raises:
            StateError: The file cannot be removed.
        """
        try:
            (self.path / key).unlink(missing_ok=True)
        except OSError as error:
            raise StateError(f"{self.path / key} cannot be removed: {error.strerror}") from error


def _may_begin(folder: str, prefix: str) -> bool:
    return folder.startswith(prefix) or prefix.startswith(folder)
