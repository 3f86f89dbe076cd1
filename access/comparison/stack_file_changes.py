"""Compare files besides the plan: the lock, and stack files, whose keys all affect an update."""

from collections.abc import Iterator, Mapping

from access.comparison.changes import Change, Effect
from config.inventory_files import LOCK_NAME
from config.project_file import ALL_ACCOUNTS, PROJECT

Parts = Mapping[str, str]
"""Settings of one file, from ``config.project_file.settings_parts``."""


def stack_file_changes(before: Mapping[str, Parts], after: Mapping[str, Parts]) -> Iterator[Change]:
    """Compare the stack files of two sides, by their names; values are not shown, since they may be secret.

    Whether a changed key widens access is unknown, so it counts as a gain. So does a new file, and a removed one:
    Pulumi keeps its stack and uses the defaults for it.
    """
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        if new is None:
            yield _change("stack-file-removed", Effect.GAIN, name, f"{name} is removed: {_REMOVED}")
        elif old is None:
            yield _change("stack-file-added", Effect.GAIN, name, f"{name} is new, with {_listed(sorted(new))}")
        elif keys := changed_keys(old, new):
            yield _change("stack-file-changed", Effect.GAIN, name, f"{name} changes {_listed(keys)}; `up` uses them")


_REMOVED = (
    "its resources stay in AWS, and `up` then uses the defaults, among them all accounts, no reviewedPlan and no "
    "protectOidcProviders; destroy the stack and run `pulumi stack rm` before you remove its file"
)


def locked_chain_changes(
    before: Mapping[str, tuple[str, ...]], after: Mapping[str, tuple[str, ...]]
) -> Iterator[Change]:
    """Compare the certificates in two locks: their thumbprints by workspace, leaf first.

    AWS uses its own store of CAs if it can. The issuer's URL and the policies stay, so access does not change.
    """
    for slug in sorted(before.keys() | after.keys()):
        old, new = before.get(slug, ()), after.get(slug, ())
        if old != new:
            message = (
                f"{LOCK_NAME} has for the issuer of {slug} the certificates {_listed([*new], 'none')} "
                f"(was {_listed([*old], 'none')}); `up` uses the last one if it cannot reach the issuer"
            )
            yield _change("locked-certificates-changed", Effect.NONE, LOCK_NAME, message)


def changed_keys(before: Parts, after: Parts) -> tuple[str, ...]:
    """Return the keys with different values, or on only one side, sorted."""
    return tuple(sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key)))


def takes_accounts_by_default(parts: Parts) -> bool:
    """Tell whether a stack file leaves out ``accounts``, or has its default ``["*"]``."""
    return parts.get(f"config {PROJECT}:accounts", ALL_ACCOUNTS) == ALL_ACCOUNTS


def _listed(keys: tuple[str, ...] | list[str], none: str = "no key") -> str:
    return ", ".join(keys) or none


def _change(kind: str, effect: Effect, name: str, message: str) -> Change:
    return Change(kind, effect, None, None, None, message, file=name)
