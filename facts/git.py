"""Read the inventory of a git revision with ``git``; never fetch."""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from config.findings import one_line
from config.inventory_files import LOCK_NAME
from facts.git_command import answer_of_git, git_failed, run_git
from facts.git_conversions import UNREAD, in_real_folder, is_read, path_in, refuse_converted_blobs, refuse_pointer
from oidc.errors import OutsideWorldError, UsageError

_REVISION = re.compile(r"(?!-)[!-~]{1,250}", re.ASCII)
"""Excludes options (``--upload-pack=…``), spaces and control characters."""

_MAX_BYTES = 200_000_000
_MAX_FILE_BYTES = 20_000_000
_FILES = ("100644", "100755")


@dataclass(frozen=True, slots=True)
class GitRepository:
    """The git repository of an inventory.

    Attributes:
        top: Its folder.
        inventory: The path of the inventory in it, ``infra/inventory``; ``.`` for the whole repository.
    """

    top: Path
    inventory: PurePosixPath

    @classmethod
    def around(cls, inventory: Path) -> "GitRepository":
        """Find the repository of an inventory; the inventory itself may be deleted.

        Raises:
            UsageError: The inventory is not in a git repository.
            OutsideWorldError: git is not installed, or fails.
        """
        repository = cls.if_around(inventory)
        if repository is None:
            what = f"{one_line(str(inventory))} is not in a git repository"
            raise UsageError(what, do="name two inventories or plans to compare")
        return repository

    @classmethod
    def if_around(cls, inventory: Path) -> "GitRepository | None":
        """Find the repository of an inventory; ``None`` if it is not in one. Raises OutsideWorldError."""
        path = in_real_folder(inventory)
        folder = next(parent for parent in (path, *path.parents) if parent.is_dir() and not parent.is_symlink())
        answer = run_git(folder, "rev-parse", "--show-toplevel")
        if answer.returncode:
            if b"not a git repository" in answer.stderr:
                return None
            raise git_failed(answer)
        top = Path(os.fsdecode(answer.stdout.rstrip(b"\n"))).resolve()
        return cls(top, PurePosixPath(path.relative_to(top).as_posix()))

    def commit(self, revision: str) -> str:
        """Return the commit that a revision names: a branch, a tag, ``HEAD~1``, a hash.

        Raises:
            UsageError: The revision names no commit.
        """
        shown = one_line(revision)[:100]
        if _REVISION.fullmatch(revision) is None:
            raise UsageError(
                f"`{shown}` is not a path and cannot be a git revision", do="name a branch, a tag or a commit"
            )
        answer = run_git(self.top, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
        if answer.returncode:
            do = "check its spelling; in a shallow clone, fetch it first"
            raise UsageError(f"`{shown}` is neither a path nor a git revision of {one_line(str(self.top))}", do=do)
        return answer.stdout.decode().strip()

    def merge_base(self, revision: str, other: str) -> str:
        """Return the merge base of two revisions.

        Raises:
            UsageError: They have no common commit.
        """
        answer = run_git(self.top, "merge-base", self.commit(revision), self.commit(other))
        if answer.returncode:
            message = f"`{one_line(revision)}` and `{one_line(other)}` have no commit in common"
            raise UsageError(message, do="in a shallow clone, fetch more of the history first")
        return answer.stdout.decode().split()[0]

    def has_changes(self, paths: Iterable[Path]) -> bool:
        """Tell whether the files of an inventory differ from the current commit, or are not in it.

        Args:
            paths: Folders and files. Paths outside the repository are in no commit, so they count as changes.

        Raises:
            OutsideWorldError: git fails.
        """
        names = [path_in(self.top, path) for path in paths]
        if None in names:
            return True
        answer = answer_of_git(
            self.top, "status", "--porcelain", "-z", "--untracked-files=all", "--ignored", "--", *map(str, names)
        )
        # git lists an ignored folder as one path with a slash, without its content.
        return any((name := os.fsdecode(line)).endswith("/") or is_read(name) for line in answer.split(b"\0"))

    def write_inventory(self, commit: str, folder: Path) -> Path | None:
        """Write the inventory of a commit into an empty folder, and return its path in that folder.

        Return ``None`` if the commit has no inventory. For an inventory of one file, the files of its folder are
        written too: its lock and its policy files.

        Raises:
            UsageError: The inventory has a symbolic link or a submodule, whose target is not part of the commit.
            ConversionError: A checkout of the commit would change one of its files.
            OutsideWorldError: git fails, or the inventory of the commit is larger than 200 MB.
        """
        entries = list(self._entries(commit, self.inventory))
        if not entries:
            self._refuse_unread(self._entries_above(commit, self.inventory))
            return None
        if is_file := [entry.path for entry in entries] == [self.inventory]:
            self._refuse_unread(entries)
            beside = list(self._entries(commit, self.inventory.parent))
            lock = self.inventory.parent / LOCK_NAME
            entries = [entry for entry in beside if entry.mode in _FILES or entry.path == lock]
        self._refuse_unread(entries)
        within = self.inventory.parent if is_file else self.inventory
        self._write(commit, [entry for entry in entries if is_read(entry.path.name)], within, folder)
        return folder / self.inventory.name if is_file else folder

    @staticmethod
    def _refuse_unread(entries: Iterable["_Entry"]) -> None:
        """Refuse links and submodules: a comparison would show less than ``up`` reads."""
        for entry in entries:
            if entry.mode in UNREAD:
                raise UsageError(
                    f"{one_line(str(entry.path))} is {UNREAD[entry.mode]}",
                    do="compare two checkouts of the repository, by their paths",
                )

    def write_guardrails(self, commit: str, guardrails: Path, inventory: Path, folder: Path) -> Path | None:
        """Return the path of a commit's guardrails file; write the file if necessary.

        Return ``None`` if the commit has no guardrails file. A file outside the repository is in no commit; its path is
        returned unchanged.

        Args:
            commit: A hash.
            guardrails: The file in the working tree; it may be deleted.
            inventory: The path that ``write_inventory`` returned.
            folder: An empty folder.

        Raises:
            UsageError: The file is a symbolic link, behind a symbolic link, or in a submodule.
            ConversionError: A checkout of the commit would change the file.
            OutsideWorldError: git fails.
        """
        path = path_in(self.top, guardrails)
        if path is None:
            return guardrails
        if path.is_relative_to(self.inventory):
            file = inventory / path.relative_to(self.inventory)
            return file if file.is_file() else None
        self._refuse_unread(self._entries_above(commit, path))
        files = self._files(entry for entry in self._entries(commit, path) if entry.path == path)
        self._write(commit, files, path.parent, folder)
        return folder / path.name if files else None

    def files_beside(self, commit: str, folder: Path, name: re.Pattern[str]) -> dict[str, bytes]:
        """Return the files of a folder in a commit, by name, if ``name`` matches the whole name.

        Raises:
            UsageError: The folder is not in this repository, or its path has a link or a submodule.
            ConversionError: A checkout of the commit would change one of the files.
            OutsideWorldError: git fails.
        """
        path = path_in(self.top, folder.resolve())
        if path is None:
            raise UsageError(f"{one_line(str(folder))} is not in {one_line(str(self.top))}")
        self._refuse_unread(self._entries_above(commit, path / "file"))
        entries = self._entries_named(commit, [f"{path}/" if path.name else ""])
        files = self._files(entry for entry in entries if name.fullmatch(entry.path.name))
        return {entry.path.name: content for entry, content in self._read(commit, files)}

    def _files(self, entries: Iterable["_Entry"]) -> list["_Entry"]:
        """Return the entries that are files; refuse links and submodules."""
        known = list(entries)
        self._refuse_unread(known)
        return [entry for entry in known if entry.mode in _FILES]

    def _write(self, commit: str, entries: Sequence["_Entry"], within: PurePosixPath, folder: Path) -> None:
        files = [entry for entry in entries if entry.mode in _FILES and ".." not in entry.path.parts]
        if sum(entry.size for entry in files) > _MAX_BYTES:
            raise OutsideWorldError("the inventory of that commit is larger than 200 MB")
        for entry, content in self._read(commit, files):
            path = folder / entry.path.relative_to(within)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def _read(self, commit: str, files: Sequence["_Entry"]) -> Iterator[tuple["_Entry", bytes]]:
        """Read files of a commit; refuse files that a checkout would change."""
        refuse_converted_blobs(self.top, commit, [entry.path for entry in files])
        for entry, content in zip(files, self._contents(files), strict=True):
            refuse_pointer(content, entry.path, f" in commit {commit[:12]}")
            yield entry, content

    def _entries(self, commit: str, path: PurePosixPath) -> Iterator["_Entry"]:
        return self._entries_named(commit, [str(path)] if path.name else [""], "-r")

    def _entries_above(self, commit: str, path: PurePosixPath) -> Iterator["_Entry"]:
        return self._entries_named(commit, [str(folder) for folder in path.parents if folder.name])

    def _entries_named(self, commit: str, paths: Iterable[str], *options: str) -> Iterator["_Entry"]:
        """Return a commit's entries at paths. The empty path is the top; a path with a slash is a folder's content."""
        where = [path for path in paths if path]
        if not where and "" not in paths:
            return
        answer = answer_of_git(self.top, "ls-tree", *options, "-z", "-l", "--full-tree", commit, "--", *where)
        for line in answer.split(b"\0"):
            if line:
                about, _, name = line.partition(b"\t")
                mode, _, blob, size = about.decode().split()
                yield _Entry(mode, blob, int(size) if size.isdigit() else 0, PurePosixPath(os.fsdecode(name)))

    def _contents(self, entries: Sequence["_Entry"]) -> Iterator[bytes]:
        if not entries:
            return
        asked = "".join(f"{entry.blob}\n" for entry in entries).encode()
        blobs = memoryview(answer_of_git(self.top, "cat-file", "--batch", given=asked))
        for entry in entries:
            header = f"{entry.blob} blob {entry.size}\n".encode()
            if bytes(blobs[: len(header)]) != header:
                raise OutsideWorldError(f"git has no content of {one_line(str(entry.path))}", do="fetch it first")
            yield bytes(blobs[len(header) : len(header) + entry.size])
            blobs = blobs[len(header) + entry.size + 1 :]


@dataclass(frozen=True, slots=True)
class _Entry:
    mode: str
    blob: str
    size: int
    path: PurePosixPath
