"""A backend that Pulumi manages itself, read without the Pulumi CLI: in a folder or a bucket.

Sources: ``pkg/backend/diy`` of https://github.com/pulumi/pulumi: ``meta.go`` (``.pulumi/meta.yaml``), ``store.go``
(``.pulumi/stacks/PROJECT/STACK.json``), ``state.go`` (which of two files counts), ``lock.go``
(``.pulumi/locks/organization/PROJECT/STACK/UUID.json``); and ``blob/fileblob/attrs.go`` of
https://github.com/google/go-cloud: attributes are in a second file with ``.attrs`` at the end, and a file without one
has default attributes.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from threading import Lock
from typing import NamedTuple, Protocol

from fleet.backend.locks import StackLock, read_lock
from fleet.backend.records import StackRecord
from fleet.state import read_state
from oidc.errors import OutsideWorldError, StateError

_META = ".pulumi/meta.yaml"
_STACKS = ".pulumi/stacks/"
_LOCKS = ".pulumi/locks/organization/"
_ATTRIBUTES = ".attrs"
_STATE = re.compile(r"([A-Za-z0-9_.-]+)\.json(?:\.gz|\.zst)?")
_VERSION = re.compile(rb"^version: *(\d+) *$", re.MULTILINE)


class Entry(NamedTuple):
    """An object of a bucket: its key, when it was written in seconds since 1970, and its size in bytes."""

    key: str
    modified: float
    size: int


class Bucket(Protocol):
    """The objects of a backend, by keys such as ``.pulumi/meta.yaml``.

    All methods raise an ``OutsideWorldError`` if the bucket cannot be reached or refuses.
    """

    def entries(self, prefix: str) -> Iterable[tuple[str, float, int]]:
        """Return key, time and size of all objects whose key begins with a prefix."""

    def get(self, key: str) -> bytes | None:
        """Return an object, or ``None`` if it does not exist."""

    def delete(self, key: str) -> None:
        """Delete an object; it is no fault if it does not exist."""


@dataclass(slots=True)
class _Listed:
    """The objects of one stack."""

    states: list[Entry] = field(default_factory=list)
    locks: list[str] = field(default_factory=list)
    empty_attributes: list[str] = field(default_factory=list)

    def state(self) -> str:
        """Return the key of the state that counts: the one written last."""
        return max(self.states, key=lambda entry: (entry.modified, entry.key)).key


class SelfManaged:
    """The stacks of one project in a bucket.

    Raises:
        OutsideWorldError: The bucket cannot be read, or its layout is not the present one.
    """

    def __init__(self, bucket: Bucket, project: str) -> None:
        self._bucket = bucket
        self._states, self._locks = f"{_STACKS}{project}/", f"{_LOCKS}{project}/"
        self._listed: dict[str, _Listed] | None = None
        self._read: set[str] = set()
        self._guard = Lock()
        _check_layout(bucket)
        # Written once for all stacks, by the first run.
        self._empty_meta = [key for key, _, size in bucket.entries(_META + _ATTRIBUTES) if size == 0]

    def stacks(self) -> frozenset[str]:
        """Return the names of all stacks of the project; see ``Backend``."""
        listed = self._list("")
        with self._guard:
            self._listed = listed
            self._read.clear()
        return frozenset(stack for stack, objects in listed.items() if objects.states)

    def read(self, stack: str) -> StackRecord:
        """Read one stack; see ``Backend``."""
        try:
            return self._record(stack, self._objects(stack))
        except OutsideWorldError as error:
            return StackRecord(stack, None, fault=str(error))

    def break_lock(self, lock: StackLock) -> None:
        """Remove a lock; see ``Backend``."""
        key = f"{self._locks}{lock.stack}/{lock.id}.json"
        self._bucket.delete(key)
        self._bucket.delete(key + _ATTRIBUTES)

    def mend_attributes(self, stack: str) -> None:
        """Remove empty files of attributes of a stack; see ``Backend``."""
        for key in [*self._empty_meta, *self._list(stack).get(stack, _Listed()).empty_attributes]:
            self._bucket.delete(key)
        self._empty_meta = []

    def _record(self, stack: str, objects: _Listed) -> StackRecord:
        locks = tuple(self._stack_locks(stack, objects.locks))
        has_empty_attributes = bool(objects.empty_attributes or self._empty_meta)
        text = self._bucket.get(objects.state()) if objects.states else None
        if text is None:
            return StackRecord(stack, None, locks, has_empty_attributes=has_empty_attributes)
        try:
            state = read_state(stack, text)
        except StateError as error:
            return StackRecord(stack, None, locks, str(error), has_empty_attributes)
        return StackRecord(stack, state, locks, has_empty_attributes=has_empty_attributes)

    def _stack_locks(self, stack: str, keys: Iterable[str]) -> Iterator[StackLock]:
        for key in sorted(keys):
            text = self._bucket.get(key)
            if text is not None:
                yield read_lock(stack, key.rsplit("/", 1)[1].removesuffix(".json"), text)

    def _objects(self, stack: str) -> _Listed:
        with self._guard:
            listed = None if stack in self._read else self._listed
            self._read.add(stack)
        return (self._list(stack) if listed is None else listed).get(stack, _Listed())

    def _list(self, stack: str) -> dict[str, _Listed]:
        """List the objects of a stack, or of all stacks if the name is empty."""
        listed: dict[str, _Listed] = {}
        for key, modified, size in self._bucket.entries(self._states + (f"{stack}.json" if stack else "")):
            name = key.removeprefix(self._states)
            if size == 0 and name.endswith(_ATTRIBUTES):
                named = _STATE.fullmatch(name.removesuffix(_ATTRIBUTES))
                if named is not None:
                    listed.setdefault(named[1], _Listed()).empty_attributes.append(key)
            elif (named := _STATE.fullmatch(name)) is not None:
                listed.setdefault(named[1], _Listed()).states.append(Entry(key, modified, size))
        for key, _, size in self._bucket.entries(self._locks + (f"{stack}/" if stack else "")):
            name, _, file = key.removeprefix(self._locks).partition("/")
            objects = listed.setdefault(name, _Listed())
            if file.endswith(_ATTRIBUTES):
                objects.empty_attributes += [key] if size == 0 else []
            elif file.endswith(".json"):
                objects.locks.append(key)
        return listed


def _check_layout(bucket: Bucket) -> None:
    """Refuse the layout without folders for projects, which Pulumi calls legacy.

    Raises:
        StateError: The bucket has that layout, or a newer one than this program reads.
    """
    meta = bucket.get(_META)
    if meta is None:
        # Pulumi writes it into a new backend, and never into a legacy one.
        if any(_STATE.fullmatch(key.removeprefix(_STACKS)) for key, _, _ in bucket.entries(_STACKS)):
            raise _legacy()
        return
    version = _VERSION.search(meta)
    if version is None:
        raise StateError(f"{_META} of the backend names no version")
    if version[1] == b"0":
        raise _legacy()
    if version[1] != b"1":
        raise StateError(f"{_META} of the backend has version {version[1].decode()}; this program reads version 1")


def _legacy() -> StateError:
    return StateError(
        "the backend keeps its stacks without a folder for each project (Pulumi's legacy layout)",
        do="run pulumi state upgrade once",
    )
