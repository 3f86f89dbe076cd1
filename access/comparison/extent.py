"""The extent of a group of changes: what of its families and roles is not in it, or what alone is."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from access.comparison.changes import Cell, Comparison
from config.models.family import family_of


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a group.

    Attributes:
        account: The key of an account, or ``None`` for every account of the role.
        role: The key of a role, or ``None`` for every role of the group in the account.
    """

    account: str | None
    role: str | None


def _family(cell: Cell) -> str | None:
    return None if cell[1] is None else family_of(cell[1])


@dataclass(frozen=True, slots=True)
class Extent:
    """All accounts and roles of a side, so that the effort for a group grows with the group alone.

    Attributes:
        cells: All of them.
        of_family: The accounts of a family, each with the family's roles in it; of ``None`` the accounts themselves.
        of_account: The families in an account.
        accounts_of: The number of accounts of a role.
        size: The number of roles of a family, in all accounts.
    """

    cells: frozenset[Cell]
    of_family: Mapping[str | None, Mapping[str, Sequence[Cell]]]
    of_account: Mapping[str, AbstractSet[str | None]]
    accounts_of: Mapping[str | None, int]
    size: Mapping[str | None, int]

    @classmethod
    def of(cls, cells: frozenset[Cell]) -> "Extent":
        """Return the extent of some cells."""
        of_family: dict[str | None, dict[str, list[Cell]]] = defaultdict(lambda: defaultdict(list))
        of_account: dict[str, set[str | None]] = defaultdict(set)
        for cell in cells:
            family = _family(cell)
            of_family[family][cell[0]].append(cell)
            of_account[cell[0]].add(family)
        accounts_of = Counter(role for _, role in cells)
        size = {family: sum(map(len, accounts.values())) for family, accounts in of_family.items()}
        return cls(cells, of_family, of_account, accounts_of, size)

    def number_in(self, account: str, families: AbstractSet[str | None]) -> int:
        """Return the number of roles of some families in an account."""
        in_account = families & self.of_account.get(account, frozenset())
        return sum(len(self.of_family[family][account]) for family in in_account)

    def whole(self, families: AbstractSet[str | None], account: str | None) -> set[Cell]:
        """Return the roles of some families, in one account or in all."""
        of_families = [self.of_family.get(family, {}) for family in families]
        chosen = [[its.get(account, ())] if account is not None else its.values() for its in of_families]
        return {cell for each in chosen for cells in each for cell in cells}


def extents_of(comparison: Comparison) -> tuple[Extent, ...]:
    """Return the extents of the new plan, of the old one, and of both together."""
    before, after = comparison.cells_before, comparison.cells_after
    return Extent.of(after), Extent.of(before), Extent.of(before | after)


def rest(
    cells: AbstractSet[Cell], accounts: Sequence[str], extents: Sequence[Extent]
) -> tuple[tuple[Part, ...], tuple[Part, ...]]:
    """Return the exceptions of a group, and what alone is in it: one of these is empty."""
    extent = next((extent for extent in extents if cells <= extent.cells), extents[-1])
    families = frozenset(map(_family, cells))
    alone = accounts[0] if len(accounts) == 1 and families != {None} else None
    if alone is None and sum(extent.size.get(family, 0) for family in families) >= 2 * len(cells):
        return (), _parts(cells, extent, families)
    others = extent.whole(families, alone) - cells
    return (_parts(others, extent, families), ()) if len(others) < len(cells) else ((), _parts(cells, extent, families))


def _parts(cells: AbstractSet[Cell], extent: Extent, families: AbstractSet[str | None]) -> tuple[Part, ...]:
    """Describe roles: accounts with all roles of these families, then roles in all their accounts, then the others."""
    in_account: dict[str, int] = Counter(account for account, _ in cells)
    whole = {account for account, number in in_account.items() if extent.number_in(account, families) == number}
    of_role: dict[str | None, list[str]] = defaultdict(list)
    for account, role in sorted(cells, key=str):
        if account not in whole:
            of_role[role].append(account)
    parts = [Part(account, None) for account in sorted(whole)]
    for role, accounts in of_role.items():
        is_everywhere = len(accounts) == extent.accounts_of[role]
        parts += [Part(None, role)] if is_everywhere else [Part(account, role) for account in accounts]
    return tuple(parts)
