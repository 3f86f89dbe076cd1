"""Refuse to compare files that git changes at checkout: the review would show other content than ``up`` reads.

A revision is read as blobs, a working tree as the files that ``up`` reads. Git itself tells the attributes of a file,
from all its sources. Line ends may differ: LF and CRLF are equal in YAML and JSON.
Attributes that convert: https://git-scm.com/docs/gitattributes#_effects; bits of the index that hide changes:
https://git-scm.com/docs/git-update-index#_using_assume_unchanged_bit; pointers of Git LFS:
https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md.
"""

import os
import re
import tempfile
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path, PurePosixPath

from config.findings import one_line
from facts.git_command import answer_of_git, git_failed, run_git
from oidc.errors import ConversionError

LINK, SUBMODULE = "120000", "160000"
UNREAD = {
    LINK: "a symbolic link, and links of a commit are not followed",
    SUBMODULE: "a submodule, and submodules of a commit are not followed",
}
"""Why a review refuses an entry of a commit, by its mode."""

_SUFFIXES = (".yaml", ".yml", ".json")

_CONVERTING = ("filter", "ident", "working-tree-encoding")
_ABSENT = frozenset({"unspecified", "unset"})
_UTF_8 = re.compile(r"(?i)utf-?8")
_AMBIGUOUS_FILTERS = r"^filter\.(unset|unspecified)\."
"""A filter may have the name that ``git check-attr`` prints if there is no filter."""

_POINTER = re.compile(rb"version https?://(?:git-lfs\.github\.com|git-media\.io|hawser\.github\.com)/")
_BY_PATHS = "compare two checkouts of the repository, by their paths"
_NO_ATTRIBUTES = (
    "remove the attribute, for example with the last line `* !filter !ident !working-tree-encoding` of the nearest "
    f".gitattributes; to look at this change, {_BY_PATHS}"
)


def in_real_folder(path: Path) -> Path:
    """Return an absolute path: links in its folder are resolved, a link at the path itself is not."""
    absolute = path.absolute()
    return absolute.parent.resolve() / absolute.name


def path_in(top: Path, path: Path) -> PurePosixPath | None:
    """Return a path relative to the top of a repository, ``infra/inventory``; ``None`` if it is outside.

    Links are resolved as ``in_real_folder`` does.
    """
    real = in_real_folder(path)
    return PurePosixPath(real.relative_to(top).as_posix()) if real.is_relative_to(top) else None


def is_read(name: str) -> bool:
    """Tell whether an inventory may read a file of this name, by the suffixes of ``config.inventory_files``."""
    return name.lower().endswith(_SUFFIXES)


def refuse_converted_blobs(top: Path, commit: str, paths: Collection[PurePosixPath]) -> None:
    """Refuse files of a commit that a checkout of that commit would change.

    Args:
        top: The folder of the repository.
        commit: A hash.
        paths: The files, from the top.

    Raises:
        ConversionError: An attribute of that commit, or of this clone, converts one of them.
        OutsideWorldError: git fails.
    """
    folders = {folder for path in paths for folder in path.parents}
    wanted = sorted(str(folder / ".gitattributes") for folder in folders)
    with tempfile.TemporaryDirectory(prefix="bitbucket-oidc-") as made:
        index = Path(made) / "index"
        # An index with only the attributes of that commit: `check-attr --source` needs git 2.40.
        entries = b"".join(answer_of_git(top, "ls-tree", "-z", commit, "--", *some) for some in _in_parts(wanted))
        answer_of_git(
            top, "-c", "core.splitIndex=false", "-c", "index.sparse=false",
            "update-index", "-z", "--index-info", given=entries, index=index,
        )  # fmt: skip
        _refuse_attributes(top, paths, f" in commit {commit[:12]}", index=index)


def refuse_pointer(content: bytes, path: object, where: str = "") -> None:
    """Refuse the content of a file if it is a pointer of Git LFS.

    Raises:
        ConversionError: It is a pointer.
    """
    if _POINTER.match(content):
        what = f"{one_line(str(path))}{where} is a pointer of Git LFS, without the text of the file"
        raise ConversionError(what, do="keep the file in git itself: `git lfs untrack` it, and add it again")


def refuse_links(top: Path, path: Path) -> None:
    """Refuse a path through a symbolic link of the repository: another commit may have another link.

    Raises:
        ConversionError: The path has a symbolic link.
    """
    absolute = path.absolute()
    for part in (absolute, *absolute.parents):
        if part.parent.resolve().is_relative_to(top) and part.is_symlink():
            raise ConversionError(f"{one_line(str(part))} is {UNREAD[LINK]}", do=_BY_PATHS)


def refuse_submodule(top: Path) -> None:
    """Refuse a submodule of the repository that the command runs in: it has other revisions.

    Raises:
        ConversionError: The repository is a submodule.
        OutsideWorldError: git fails.
    """
    if Path.cwd().is_relative_to(top):
        return
    if answer_of_git(top, "rev-parse", "--show-superproject-working-tree").strip():
        what = f"{one_line(str(top))} is a submodule, and a revision of this repository does not have its files"
        raise ConversionError(what, do=f"run the command inside the submodule, or {_BY_PATHS}")


def untracked_files(top: Path, folders: Iterable[Path], read: Iterable[Path]) -> tuple[Path, ...]:
    """Return the files of a working tree that git does not track; refuse those that git converts or ignores.

    An edited file is compared as it is. A file outside the repository is in no revision.

    Args:
        top: The folder of the repository, links resolved.
        folders: The inventory, and each other file or folder that is read.
        read: The files that are read.

    Raises:
        ConversionError: Git converts a file, was told to ignore its changes, or the file is a link or in a submodule.
        OutsideWorldError: git fails.
    """
    files = {name: path for path in read if (name := path_in(top, path)) is not None}
    paths = {name for path in folders if (name := path_in(top, path)) is not None} | files.keys()
    tracked: set[PurePosixPath] = set()
    for tag, mode, path in _index(top, paths):
        if mode != SUBMODULE and not is_read(path.name) and path not in files:
            continue
        _refuse_index_entry(tag, mode, path)
        tracked.add(path)
    for path, shown in files.items():
        refuse_links(top, shown)
        with shown.open("rb") as file:
            refuse_pointer(file.read(200), path)
    wanted = tracked | files.keys()
    _refuse_attributes(top, wanted, "")
    # A file that was checked out before its attribute was removed is still converted.
    _refuse_attributes(top, wanted, " in the index", "--cached")
    return tuple(shown for path, shown in files.items() if path not in tracked)


def _refuse_index_entry(tag: str, mode: str, path: PurePosixPath) -> None:
    shown = one_line(str(path))
    if mode == LINK:
        raise ConversionError(f"{shown} is {UNREAD[LINK]}", do=_BY_PATHS)
    if mode == SUBMODULE:
        what = f"{shown} is a submodule, and a revision of this repository does not have its files"
        raise ConversionError(what, do="keep the files of an inventory in one repository")
    if tag.upper() == "S":
        do = f"`git update-index --no-skip-worktree {shown}`, or `git sparse-checkout disable`"
        raise ConversionError(f"{shown}: git was told to skip this file (skip-worktree)", do=do)
    if tag.islower():
        do = f"`git update-index --no-assume-unchanged {shown}`"
        raise ConversionError(f"{shown}: git was told that this file is unchanged (assume-unchanged)", do=do)


def _index(top: Path, paths: Iterable[PurePosixPath]) -> Iterator[tuple[str, str, PurePosixPath]]:
    for some in _in_parts(sorted(map(str, paths))):
        for line in answer_of_git(top, "ls-files", "-z", "-v", "--stage", "--", *some).split(b"\0"):
            if line:
                about, _, name = line.partition(b"\t")
                tag, mode, *_ = about.decode().split()
                yield tag, mode, PurePosixPath(os.fsdecode(name))


def _refuse_attributes(
    top: Path, paths: Collection[PurePosixPath], where: str, *options: str, index: Path | None = None
) -> None:
    if not paths:
        return
    options = ("--cached",) if index else options
    asked = b"\0".join(os.fsencode(str(path)) for path in sorted(paths)) + b"\0"
    answer = answer_of_git(top, "check-attr", "-z", "--stdin", *options, *_CONVERTING, given=asked, index=index)
    fields = answer.split(b"\0")
    for name, attribute, value in zip(fields[0::3], fields[1::3], fields[2::3], strict=False):
        _refuse_attribute(os.fsdecode(name), attribute.decode(), value.decode(errors="replace"), where)
    drivers = run_git(top, "config", "--name-only", "--get-regexp", _AMBIGUOUS_FILTERS)
    if drivers.returncode == 0:
        what = f"git has a filter called `{one_line(drivers.stdout.decode(errors='replace'))[:100]}`"
        raise ConversionError(what, do="rename the filter: git prints the same for a file without a filter")
    if drivers.returncode != 1:
        raise git_failed(drivers)


def _refuse_attribute(path: str, attribute: str, value: str, where: str) -> None:
    encoding = attribute == "working-tree-encoding"
    if value == "unspecified" or (not encoding and value in _ABSENT):
        return
    if encoding and (not value or _UTF_8.fullmatch(value)):
        return
    setting = attribute if value == "set" else f"{attribute}={one_line(value)[:100]}"
    what = f"{one_line(path)}{where}: git converts this file at checkout, because of its attribute `{setting}`"
    raise ConversionError(what, do=_NO_ATTRIBUTES)


def _in_parts(names: list[str]) -> Iterator[list[str]]:
    """Split names into lists that fit on a command line."""
    for start in range(0, len(names), 500):
        yield names[start : start + 500]
