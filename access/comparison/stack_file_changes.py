"""What changes in the files of stacks: an update obeys every key of them."""

from collections.abc import Iterator, Mapping

from access.comparison.changes import Change, Effect

Parts = Mapping[str, str]
"""Of one file, as ``config.project_file.settings_parts`` has them."""


def stack_file_changes(before: Mapping[str, Parts], after: Mapping[str, Parts]) -> Iterator[Change]:
    """Compare the stack files of two sides, by their names; values are not shown, since they may be secret.

    Which way a key changes access is not known, so it counts as a gain. So does a file that is new, and one that is
    removed: Pulumi keeps the stack, and takes the defaults for it.
    """
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        if new is None:
            yield _change("stack-file-removed", Effect.GAIN, name, f"{name} is removed: {_REMOVED}")
        elif old is None:
            yield _change("stack-file-added", Effect.GAIN, name, f"{name} is new, with {_listed(sorted(new))}")
        elif keys := changed_keys(old, new):
            yield _change("stack-file-changed", Effect.GAIN, name, f"{name} changes {_listed(keys)}; `up` obeys it")


_REMOVED = (
    "what was made stays, and `up` takes the defaults then, all accounts without reviewedPlan and protection among "
    "them; destroy the stack and run `pulumi stack rm` before its file goes"
)


def changed_keys(before: Parts, after: Parts) -> tuple[str, ...]:
    """Return the keys whose values differ, or that one side alone has, sorted."""
    return tuple(sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key)))


def _listed(keys: tuple[str, ...] | list[str]) -> str:
    return ", ".join(keys) or "no key"


def _change(kind: str, effect: Effect, name: str, message: str) -> Change:
    return Change(kind, effect, None, None, None, message, file=name)
