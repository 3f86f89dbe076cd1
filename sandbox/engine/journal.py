"""The journal beside the state file: the later changes of a run, one line each."""

import json
from collections.abc import Mapping
from typing import IO

from oidc.errors import SandboxError
from sandbox.engine.state_file import StateFile, Writer, write_bytes
from sandbox.engine.store import StateStore


class Journal:
    """The lines that a run has written since the state file; opened with the first of them."""

    def __init__(self, file: StateFile, continues: str, *, write: Writer = write_bytes) -> None:
        self._file = file
        self._continues = continues
        self._write = write
        self._open: IO[bytes] | None = None
        self._broken: OSError | None = None

    @property
    def written(self) -> bool:
        """Whether there is anything to fold into the state file."""
        return self._open is not None

    def append(self, line: Mapping[str, object]) -> None:
        """Write one line and hand it to the operating system.

        Raises:
            SandboxError: it cannot be written.
        """
        if self._broken is not None:
            # The last line may be incomplete; another line after it would make the journal unreadable.
            raise self._file.not_written(self._broken)
        try:
            if self._open is None:
                self._file.path.parent.mkdir(parents=True, exist_ok=True)
                self._open = self._file.journal.open("wb")
                self._write(self._open, _line({"continues": self._continues}))
            self._write(self._open, _line(line))
        except OSError as error:
            self._broken = error
            raise self._file.not_written(error) from error

    def close(self) -> None:
        """Close the file, if it was opened."""
        if self._open is not None:
            self._open.close()


def _line(value: Mapping[str, object]) -> bytes:
    return (json.dumps(value, ensure_ascii=False) + "\n").encode()


def open_store(file: StateFile, *, writable: bool, write: Writer = write_bytes) -> tuple[StateStore, Journal | None]:
    """Load the state, and apply the journal of a crashed run.

    Args:
        file: The state file.
        writable: Whether changes are recorded; a preview's are not.
        write: Writes into the journal.

    Raises:
        SandboxError: The state or the journal is broken, or cannot be written.
    """
    deployment = file.read()
    store = StateStore()
    store.load(deployment.resources, deployment.pending)
    lines = _left_behind(file, deployment.digest, writable=writable)
    for line in lines:
        store.replay(line)
    if not writable:
        return store, None
    if lines:
        fold(file, store)
        deployment = file.read()
        store = StateStore()
        store.load(deployment.resources, deployment.pending)
    journal = Journal(file, deployment.digest, write=write)
    store.record = journal.append
    return store, journal


def fold(file: StateFile, store: StateStore) -> None:
    """Rewrite the state file and remove the journal.

    Raises:
        SandboxError: it cannot be written; state and journal stay.
    """
    file.replace(store.resources(), list(store.pending.values()))
    file.journal.unlink(missing_ok=True)


def _left_behind(file: StateFile, state_digest: str, *, writable: bool) -> list[dict[str, object]]:
    try:
        content = file.journal.read_bytes()
    except FileNotFoundError:
        return []
    # The last line has no line feed if the crash came while it was written; its step is then still pending.
    lines = [line for line in content.split(b"\n")[:-1] if line]
    try:
        parsed = [json.loads(line) for line in lines]
    except ValueError as error:
        raise SandboxError(
            f"the journal {file.journal} is broken: {error}",
            do=f"remove it to go on from {file.path}; what it recorded is then forgotten",
        ) from error
    if not parsed or parsed[0].get("continues") != state_digest:
        # It was folded already, or another state was put in place by hand; keep it, but do not apply it.
        if writable:
            file.journal.replace(file.journal.with_name(file.journal.name + ".old"))
        return []
    return parsed[1:]
