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
    """Run git in a folder, and return its answer, whatever its exit code.

    Args:
        folder: Where it runs.
        arguments: The caller has checked that no name from a user is an option.
        given: On its standard input.
        index: The index to use instead of the repository's.

    Raises:
        OutsideWorldError: git is not installed, does not run, or takes too long.
    """
    # Git must not fetch, prompt or open a pager, and must read paths as names, not as patterns.
    command = ["git", "-c", "protocol.allow=never", "-c", "core.fsmonitor=false", "--no-pager", "--literal-pathspecs"]
    settings = {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "GIT_NO_LAZY_FETCH": "1"}
    # Git must read the commit that the hash names, not a replacement or graft of this clone.
    settings |= {"GIT_NO_REPLACE_OBJECTS": "1", "GIT_GRAFT_FILE": os.devnull}
    settings |= {"GIT_INDEX_FILE": str(index)} if index else {}
    try:
        return subprocess.run(  # noqa: S603 - no shell; the callers check every argument from the user
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
        OutsideWorldError: As in ``run_git``, or git failed.
    """
    answer = run_git(folder, *arguments, given=given, index=index)
    if answer.returncode:
        raise git_failed(answer)
    return answer.stdout


def git_failed(answer: subprocess.CompletedProcess[bytes]) -> OutsideWorldError:
    """Return the error for an answer of git with a non-zero exit code."""
    lines = answer.stderr.decode(errors="replace").strip().splitlines() or [f"exit code {answer.returncode}"]
    return OutsideWorldError(f"git failed: {one_line(lines[0])}")
