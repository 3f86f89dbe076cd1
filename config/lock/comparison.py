"""The changes between two locks, fact by fact, in words."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias, TypedDict

from config.findings import shown
from config.lock.models import Lock
from config.lock.questions import digest
from config.lock.writing import LockLine, Tree, tree_of

Path: TypeAlias = tuple[str, ...]
Kind: TypeAlias = Literal["added", "removed", "changed"]


class LockChangeJson(TypedDict):
    """A change in ``--format json``."""

    path: list[str]
    change: Kind
    before: str | None
    after: str | None
    message: str


@dataclass(frozen=True, slots=True, order=True)
class LockChange:
    """One changed fact.

    Attributes:
        path: Keys from the top of the lock: ``("workspaces", "acme", "repositories", "shop", "uuid")``; for a value of
            a list, the value is the last key.
        before: As text; ``None`` if the fact is new.
        after: As text; ``None`` if the fact was removed.
    """

    path: Path
    before: str | None
    after: str | None

    @property
    def kind(self) -> Kind:
        """Whether the fact was added, removed or changed."""
        if self.before is None:
            return "added"
        return "removed" if self.after is None else "changed"

    def __str__(self) -> str:
        return shown(f"{subject_of(self.path)}: {self._what()}")

    def _what(self) -> str:
        match self.kind:
            case "added":
                return f"now {self.after}" if self.after else "is new"
            case "removed":
                return f"no longer {self.before}" if self.before else "is gone"
            case "changed":
                return f"now {self.after}, was {self.before}"

    def to_json(self) -> LockChangeJson:
        """Return the change as ``--format json`` shows it."""
        return {
            "path": [shown(part) for part in self.path],
            "change": self.kind,
            "before": None if self.before is None else shown(self.before),
            "after": None if self.after is None else shown(self.after),
            "message": str(self),
        }


def compare_locks(before: Lock, after: Lock) -> tuple[LockChange, ...]:
    """Return the facts that differ, sorted; digests of questions and dates of observation do not count as facts."""
    old, new = dict(_facts(tree_of(before), ())), dict(_facts(tree_of(after), ()))
    paths = sorted(old.keys() | new.keys())
    return tuple(LockChange(path, old.get(path), new.get(path)) for path in paths if old.get(path) != new.get(path))


_NO_FACTS = frozenset({"version", "answers", "seen", "sync_token"})


def _facts(tree: Tree, at: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(tree, dict | LockLine):
        values = tree if isinstance(tree, dict) else tree.values
        for key, value in values.items():
            named = len(at) > 1 or key not in _NO_FACTS  # deeper keys may be names of the inventory
            if named and not (at[:1] in (("issuers",), ("address_ranges",)) and key in _NO_FACTS):
                yield from _facts(value, (*at, key))
    elif isinstance(tree, list):
        if at[:1] == ("issuers",):
            # A chain is one fact, because its order counts. The host's own certificate is replaced every few weeks.
            yield at, ", then ".join(_certificate(certificate) for certificate in tree[1:] or tree)
            return
        for value in tree:
            yield (*at, str(value)), ""
    elif at[:1] == ("accounts",) and at[2:] == ("template_digest",):
        parts = str(tree).split()
        yield at, f"{digest(parts)[:15]} of {len(parts)} parts"
    else:
        leaf = (*at, "uuid") if _is_environment(at) else (*at, "state") if _is_oidc_provider(at) else at
        yield leaf, str(tree).lower() if isinstance(tree, bool) else str(tree)


def _is_environment(at: Path) -> bool:
    return at[:1] == ("workspaces",) and at[4:5] == ("environments",) and len(at) == 6  # noqa: PLR2004 - its name is the last


def _is_oidc_provider(at: Path) -> bool:
    return at[:1] == ("accounts",) and at[2:3] == ("oidc_providers",) and len(at) == 4  # noqa: PLR2004 - as above


def _certificate(tree: Tree) -> str:
    values = tree.values if isinstance(tree, LockLine) else {}
    return f"{values['subject']} ({values['thumbprint']}, until {values['not_after']})"


def subject_of(path: Path) -> str:
    """Return the subject and property of a fact in words: ``environment production of acme/shop, UUID``."""
    named, property_path = _named(path)
    words = (part if of in _HOLD_NAMES else _words(part) for of, part in itertools.pairwise(("", *property_path)))
    return ", ".join((named, *words))


def _named(path: Path) -> tuple[str, Path]:
    """Return the subject of a fact, and the path of the property below it."""
    match path:
        case ("workspaces", slug, "repositories", name, "environments", environment, *_):
            return f"environment {environment} of {slug}/{name}", path[6:]
        case ("workspaces", slug, "repositories", name, *_):
            return f"repository {slug}/{name}", path[4:]
        case ("issuers", slug, *_):
            return f"issuer of workspace {slug}", path[2:]
        case ("accounts", key, section, name, *_) if section in _OF_ACCOUNTS:
            return f"account {key}, {_OF_ACCOUNTS[section].format(name)}", path[4:]
        case (section, name, *_):
            return f"{_SINGULAR.get(section, section)} {name}", path[2:]
    return ", ".join(path), ()


_OF_ACCOUNTS = {"oidc_providers": "OIDC provider of workspace {}", "roles_as_found": "role {} as it was found"}
_SINGULAR = {
    "workspaces": "workspace",
    "accounts": "account",
    "selected_accounts": "selected account",
    "address_ranges": "address ranges of",
}


_HOLD_NAMES = frozenset(
    {
        *("audiences", "labels", "missing_policies", "networks", "roles", "source_ips", "source_vpces", "tags"),
        *("unchecked_roles", "undeclared_repositories", "whole_workspaces"),
    }
)
"""Keys of the lock above names or values that are shown unchanged."""


def _words(key: str) -> str:
    return {"arn": "ARN", "uuid": "UUID", "id": "account id", "admin_only": "only admins may deploy"}.get(
        key, key.replace("_", " ")
    )
