"""Write new files into a folder, all or none; existing files are never changed."""

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from oidc.errors import OutsideWorldError, UsageError


def write_new(folder: Path, files: Mapping[str, str]) -> None:
    """Write files by their paths below a folder; create the folder if necessary.

    The files are written into a temporary folder and then moved, so no file is ever incomplete. If a move fails or the
    run is interrupted, all new files are removed again.

    Raises:
        UsageError: One of the names exists already, or the folder is a file.
        OutsideWorldError: The folder cannot be written.
    """
    try:
        with _made(folder), _aside(folder, files) as staged:
            refuse_taken(folder, (path.name for path in staged.iterdir()))
            _take_names(folder, staged)
    except (FileExistsError, NotADirectoryError) as error:
        what = f"{error.filename2 or error.filename} exists already; nothing was written"
        raise UsageError(what, do="choose another folder, or remove it") from error
    except OSError as error:
        what = f"{folder} cannot be written: {error.strerror}"
        raise OutsideWorldError(what, do="check the folder and its permissions") from error


def refuse_taken(folder: Path, names: Iterable[str]) -> None:
    """Raise UsageError if a folder already has one of these names."""
    taken = [folder / name for name in sorted(names) if os.path.lexists(folder / name)]
    if taken:
        exist, them = ("exist", "them") if len(taken) > 1 else ("exists", "it")
        what = f"{', '.join(map(str, taken))} {exist} already; nothing was written"
        raise UsageError(what, do=f"choose another folder, or remove {them}")


@contextmanager
def _made(folder: Path) -> Iterator[None]:
    """Create a folder and its parents; remove them again if the block fails."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except BaseException:
        with suppress(OSError):
            for path in missing:
                path.rmdir()
        raise


@contextmanager
def _aside(folder: Path, files: Mapping[str, str]) -> Iterator[Path]:
    """Write the files into a temporary folder inside the folder; remove it at the end."""
    staged = Path(tempfile.mkdtemp(prefix=".bitbucket-oidc-init-", dir=folder))
    try:
        for name, text in files.items():
            path = staged / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        yield staged
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def _take_names(folder: Path, staged: Path) -> None:
    begun: list[Path] = []
    try:
        for path in sorted(staged.iterdir()):
            begun.append(folder / path.name)
            _take_name(path, begun[-1])
    except BaseException as error:
        # The last one was not created by this run if it failed with an OSError.
        for place in begun[:-1] if isinstance(error, OSError) else begun:
            if place.is_dir():
                shutil.rmtree(place, ignore_errors=True)
            else:
                place.unlink(missing_ok=True)
        raise


def _take_name(path: Path, place: Path) -> None:
    """Move a file or a folder to its place; raises OSError if something exists there."""
    if path.is_dir():
        path.rename(place)  # replaces only an empty folder
        return
    try:
        place.hardlink_to(path)
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        with place.open("x", encoding="utf-8") as file:
            file.write(path.read_text(encoding="utf-8"))
