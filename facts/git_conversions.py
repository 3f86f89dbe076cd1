"""Refuse to compare files that git changes between a revision and a checkout: the review would show other content.

A revision is read as its blobs, a working tree as the files that ``up`` reads. Git itself gives the attributes of a
file, from all places that it knows. Line ends may differ: LF and CRLF are equal in YAML and JSON.
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
_SUFFIXES = (".yaml", ".yml", ".json")

_CONVERTING = ("filter", "ident", "working-tree-encoding")
_ABSENT = frozenset({"unspecified", "unset"})
_UTF_8 = re.compile(r"(?i)utf-?8")
_AMBIGUOUS_FILTERS = r"^filter\.(unset|unspecified)\."
"""A filter may have a name that ``git check-attr`` shows for the absence of any."""

_POINTER = re.compile(rb"version https?://(?:git-lfs\.github\.com|git-media\.io|hawser\.github\.com)/")
_BY_PATHS = "compare two checkouts of the repository, by their paths"
_NO_ATTRIBUTES = (
    "take the attribute away, for example by the last line `* !filter !ident !working-tree-encoding` of the nearest "
    f".gitattributes; to look at this change, {_BY_PATHS}"
)


def is_read(name: str) -> bool:
    """Tell whether the name of a file may be one that an inventory is read from, as ``config.inventory_files`` does."""
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
        # An index of nothing but the attributes of that commit, since `check-attr --source` came with git 2.40.
        found = b"".join(answer_of_git(top, "ls-tree", "-z", commit, "--", *some) for some in _in_parts(wanted))
        answer_of_git(
            top, "-c", "core.splitIndex=false", "-c", "index.sparse=false",
            "update-index", "-z", "--index-info", given=found, index=index,
        )  # fmt: skip
        _refuse_attributes(top, paths, f" in commit {commit[:12]}", index=index)


def refuse_pointer(content: bytes, path: object, where: str = "") -> None:
    """Refuse a pointer of Git LFS in place of a file.

    Raises:
        ConversionError: It is one.
    """
    if _POINTER.match(content):
        what = f"{one_line(str(path))}{where} is a pointer of Git LFS, and the text itself is elsewhere"
        raise ConversionError(what, do="keep the file in git itself: `git lfs untrack` it, and add it again")


def refuse_links(top: Path, path: Path) -> None:
    """Refuse a path that leads over a symbolic link inside of the repository: another commit has another link.

    Raises:
        ConversionError: It does.
    """
    whole = path.absolute()
    inside = [one for one in (whole, *whole.parents) if one.parent.resolve().is_relative_to(top)]
    for one in inside:
        if one.is_symlink():
            what = f"{one_line(str(one))} is a symbolic link, and those of a commit are not followed"
            raise ConversionError(what, do=_BY_PATHS)


def refuse_submodule(top: Path) -> None:
    """Refuse a repository that is a submodule of the one that the command runs in: its revisions are others.

    Raises:
        ConversionError: It is one.
        OutsideWorldError: git fails.
    """
    if Path.cwd().is_relative_to(top):
        return
    if answer_of_git(top, "rev-parse", "--show-superproject-working-tree").strip():
        what = f"{one_line(str(top))} is a submodule, and a revision of this repository has none of its files"
        raise ConversionError(what, do=f"run the command inside of it, or {_BY_PATHS}")


def untracked_files(top: Path, folders: Iterable[Path], read: Iterable[Path]) -> tuple[Path, ...]:
    """Return the files of a working tree that git does not track; refuse those of which git shows something else.

    A file that was edited is no fault: it is compared as it is. One outside of the repository is in no revision.

    Args:
        top: The folder of the repository, links resolved.
        folders: The inventory, and each file or folder of files that is read besides.
        read: The files that are read from.

    Raises:
        ConversionError: Git converts one of them, was told to look away from one, or it is a link or in a submodule.
        OutsideWorldError: git fails.
    """
    files = {inside: path for path in read if (inside := _inside(top, path)) is not None}
    looked_at = {inside for path in folders if (inside := _inside(top, path)) is not None} | files.keys()
    tracked: set[PurePosixPath] = set()
    for tag, mode, path in _index(top, looked_at):
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
    # What was checked out before an attribute went is converted still.
    _refuse_attributes(top, wanted, " in the index", "--cached")
    return tuple(shown for path, shown in files.items() if path not in tracked)


def _refuse_index_entry(tag: str, mode: str, path: PurePosixPath) -> None:
    shown = one_line(str(path))
    if mode == LINK:
        raise ConversionError(f"{shown} is a symbolic link, and those of a commit are not followed", do=_BY_PATHS)
    if mode == SUBMODULE:
        what = f"{shown} is a submodule, and a revision of this repository has none of its files"
        raise ConversionError(what, do="keep the files of an inventory in one repository")
    if tag.upper() == "S":
        do = f"`git update-index --no-skip-worktree {shown}`, or `git sparse-checkout disable`"
        raise ConversionError(f"{shown}: git was told to leave this file alone (skip-worktree)", do=do)
    if tag.islower():
        do = f"`git update-index --no-assume-unchanged {shown}`"
        raise ConversionError(f"{shown}: git was told not to look at this file (assume-unchanged)", do=do)


def _index(top: Path, paths: Iterable[PurePosixPath]) -> Iterator[tuple[str, str, PurePosixPath]]:
    for some in _in_parts(sorted(map(str, paths))):
        for line in answer_of_git(top, "ls-files", "-z", "-v", "--stage", "--", *some).split(b"\0"):
            if line:
                about, _, name = line.partition(b"\t")
                tag, mode, *_ = about.decode().split()
                yield tag, mode, PurePosixPath(os.fsdecode(name))


def _inside(top: Path, path: Path) -> PurePosixPath | None:
    """Return a path from the top; its folder is where it leads, but a link of that name is a link."""
    whole = path.absolute().parent.resolve() / path.absolute().name
    return PurePosixPath(whole.relative_to(top).as_posix()) if whole.is_relative_to(top) else None


def _refuse_attributes(
    top: Path, paths: Collection[PurePosixPath], where: str, *options: str, index: Path | None = None
) -> None:
    if not paths:
        return
    options = ("--cached",) if index else options
    asked = b"\0".join(os.fsencode(str(path)) for path in sorted(paths)) + b"\0"
    found = answer_of_git(top, "check-attr", "-z", "--stdin", *options, *_CONVERTING, given=asked, index=index)
    fields = found.split(b"\0")
    for name, attribute, value in zip(fields[0::3], fields[1::3], fields[2::3], strict=False):
        _refuse_attribute(os.fsdecode(name), attribute.decode(), value.decode(errors="replace"), where)
    drivers = run_git(top, "config", "--name-only", "--get-regexp", _AMBIGUOUS_FILTERS)
    if drivers.returncode == 0:
        what = f"git has a filter called `{one_line(drivers.stdout.decode(errors='replace'))[:100]}`"
        raise ConversionError(what, do="give it another name: it cannot be told from the absence of a filter")
    if drivers.returncode != 1:
        raise git_failed(drivers)


def _refuse_attribute(path: str, attribute: str, value: str, where: str) -> None:
    encoding = attribute == "working-tree-encoding"
    if value == "unspecified" or (not encoding and value in _ABSENT):
        return
    if encoding and (not value or _UTF_8.fullmatch(value)):
        return
    written = attribute if value == "set" else f"{attribute}={one_line(value)[:100]}"
    what = f"{one_line(path)}{where}: git converts this file at checkout, by its attribute `{written}`"
    raise ConversionError(what, do=_NO_ATTRIBUTES)


def _in_parts(names: list[str]) -> Iterator[list[str]]:
    """Split names into lists that a command line can hold."""
    for start in range(0, len(names), 500):
        yield names[start : start + 500]
