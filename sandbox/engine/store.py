"""The state during a run: entries in memory, each change also a line in the journal.

A journal line is ``{"put": {"7": {…}}, "drop": [3], "begin": {"12": {…}}, "end": [12]}``; the numbers are those of
entries and operations. Its first line, ``{"continues": digest}``, names the state file that it belongs to.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping

from sandbox.engine.records import PendingOperation, ResourceState


class StateStore:
    """Entries by number, in the order in which they came; at most one *live* entry for each URN.

    An entry that is to be deleted (``delete``) is not live: it shares its URN with the entry that replaced it.

    Attributes:
        record: Takes each change before it is made, as a line of the journal; ``None`` in a preview.
    """

    def __init__(self) -> None:
        self.entries: dict[int, ResourceState] = {}
        self.pending: dict[int, PendingOperation] = {}
        self._live: dict[str, int] = {}
        self.record: Callable[[Mapping[str, object]], None] | None = None
        self._next = 0

    def live(self, urn: str) -> int | None:
        """Return the number of the live entry of a URN."""
        return self._live.get(urn)

    def begin(self, operation: PendingOperation) -> int:
        """Record that an operation begins, before AWS is called."""
        number = self._number()
        self._write({"begin": {number: operation.to_json()}})
        self.pending[number] = operation
        return number

    def new_number(self) -> int:
        """Return a number for a new entry."""
        return self._number()

    def commit(
        self, *, put: Mapping[int, ResourceState] | None = None, drop: Iterable[int] = (), end: Iterable[int] = ()
    ) -> None:
        """Record new or changed entries, removed entries, and ended operations: all or none.

        Raises:
            SandboxError: the journal cannot be written.
        """
        changed = {number: entry for number, entry in (put or {}).items() if self.entries.get(number) != entry}
        gone = [number for number in drop if number in self.entries]
        ended = [number for number in end if number in self.pending]
        line: dict[str, object] = {}
        if changed:
            line["put"] = {number: entry.to_json() for number, entry in changed.items()}
        if gone:
            line["drop"] = gone
        if ended:
            line["end"] = ended
        if line:
            self._write(line)
        for number in gone:
            self._drop(number)
        for number, entry in changed.items():
            self._put(number, entry)
        for number in ended:
            del self.pending[number]

    def load(self, resources: Iterable[ResourceState], pending: Iterable[PendingOperation]) -> None:
        """Take over a state that is on disk already."""
        for resource in resources:
            self._put(self._number(), resource)
        for operation in pending:
            self.pending[self._number()] = operation

    def replay(self, line: Mapping[str, object]) -> None:
        """Apply one line of a journal.

        Raises:
            SandboxError: The line has an entry that is not a resource or operation.
        """
        for number in _numbers(line, "drop"):
            self._drop(number)
        for number, document in _documents(line, "put"):
            self._put(number, ResourceState.from_json(document))
        for number, document in _documents(line, "begin"):
            self.pending[number] = PendingOperation.from_json(document)
        for number in _numbers(line, "end"):
            self.pending.pop(number, None)
        self._next = max([self._next, *(number + 1 for number in (*self.entries, *self.pending))])

    def ordered(self) -> list[int]:
        """List the entries so that each follows what it needs: its parent, its provider, its dependencies."""
        by_urn: dict[str, list[int]] = {}
        for number, entry in self.entries.items():
            for urn in (entry.urn, *entry.aliases):
                by_urn.setdefault(urn, []).append(number)
        done: dict[int, None] = {}
        entered: set[int] = set()
        for root in self.entries:
            # An explicit stack: a chain of thousands of dependencies must not reach Python's recursion limit.
            stack = [(root, False)]
            while stack:
                number, left = stack.pop()
                if left:
                    done[number] = None
                elif number not in entered:
                    entered.add(number)
                    stack.append((number, True))
                    needed = (other for urn in sorted(self.entries[number].needs()) for other in by_urn.get(urn, ()))
                    stack.extend((other, False) for other in needed if other not in entered)
        return list(done)

    def resources(self) -> list[ResourceState]:
        """List the entries in their order; references to a URN that a resource had earlier follow it to the new one."""
        moved = {
            alias: entry.urn for entry in self.entries.values() for alias in entry.aliases if alias not in self._live
        }
        entries = (self.entries[number] for number in self.ordered())
        return [entry.following(moved) for entry in entries] if moved else list(entries)

    def _put(self, number: int, entry: ResourceState) -> None:
        former = self.entries.get(number)
        if former is not None and self._live.get(former.urn) == number:
            del self._live[former.urn]
        self.entries[number] = entry
        if not entry.delete:
            self._live[entry.urn] = number

    def _drop(self, number: int) -> None:
        entry = self.entries.pop(number, None)
        if entry is not None and self._live.get(entry.urn) == number:
            del self._live[entry.urn]

    def _number(self) -> int:
        self._next += 1
        return self._next

    def _write(self, line: Mapping[str, object]) -> None:
        if self.record is not None:
            self.record(line)


def _numbers(line: Mapping[str, object], key: str) -> list[int]:
    numbers = line.get(key, [])
    return [int(number) for number in numbers] if isinstance(numbers, list) else []


def _documents(line: Mapping[str, object], key: str) -> Iterator[tuple[int, object]]:
    documents = line.get(key, {})
    if isinstance(documents, dict):
        for number, document in documents.items():
            yield int(number), document
