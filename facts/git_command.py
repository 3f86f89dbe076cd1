"""Run ``git`` so that it fetches nothing, asks nothing and takes paths as they are."""

import os
import subprocess
from pathlib import Path

from config.findings import one_line
from oidc.errors import OutsideWorldError

_SECONDS = 60


def run_git(
    folder: Path, *arguments: str, given: bytes = b"", index: Path | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run git in a folder, and return what it answered, whatever its exit code.

    Args:
        folder: Where it runs.
        arguments: Checked by the caller: no name of a user's may be an option.
        given: On its standard input.
        index: In place of the repository's own index.

    Raises:
        OutsideWorldError: git is not there, does not run, or takes too long.
    """
    # Nothing may be fetched, asked, or shown page by page; names of paths are names, never patterns.
    command = ["git", "-c", "protocol.allow=never", "-c", "core.fsmonitor=false", "--no-pager", "--literal-pathspecs"]
    settings = {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "GIT_NO_LAZY_FETCH": "1"}
    # A commit is what its hash says, not what this clone was told to take in its place.
    settings |= {"GIT_NO_REPLACE_OBJECTS": "1", "GIT_GRAFT_FILE": os.devnull}
    settings |= {"GIT_INDEX_FILE": str(index)} if index else {}
    try:
        return subprocess.run(  # noqa: S603 - no shell, and every argument of the user's is checked before
            [*command, "-C", str(folder), *arguments],
            input=given,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
            env=os.environ | settings,
        )
    except FileNotFoundError as error:
        raise OutsideWorldError("git is not on PATH", do="install it, or compare two paths") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise OutsideWorldError(f"git failed: {one_line(str(error))}") from error


def answer_of_git(folder: Path, *arguments: str, given: bytes = b"", index: Path | None = None) -> bytes:
    """Run git as ``run_git`` does, and return its standard output.

    Raises:
        OutsideWorldError: As ``run_git``, or git failed.
    """
    found = run_git(folder, *arguments, given=given, index=index)
    if found.returncode:
        raise git_failed(found)
    return found.stdout


def git_failed(found: subprocess.CompletedProcess[bytes]) -> OutsideWorldError:
    """Return the error for an answer of git with another exit code than 0."""
    lines = found.stderr.decode(errors="replace").strip().splitlines() or [f"exit code {found.returncode}"]
    return OutsideWorldError(f"git failed: {one_line(lines[0])}")
