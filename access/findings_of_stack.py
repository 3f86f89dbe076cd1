"""Select the findings that concern the accounts of a stack."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from access.plan import AccessPlan
from config.findings import Finding, Path
from config.models.family import family_of
from config.models.trust import Steps


def findings_of_stack(findings: Iterable[Finding], part: AccessPlan) -> tuple[Finding, ...]:
    """Return the findings about accounts, roles, policies and repositories of a part of the plan, in their order.

    Findings about anything else, such as defaults and guardrails, concern every part.
    """
    subjects = _Subjects.of(part)
    return tuple(finding for finding in findings if subjects.include(finding.keys))


@dataclass(frozen=True, slots=True)
class _Subjects:
    """What a part of the plan has.

    Attributes:
        accounts: Their keys.
        families: The keys of the accounts that have a role of a family, by the family.
        policies: The names of inline policies.
        workspaces: Those with an OIDC provider, by the previous and the present slug.
        repositories: Trusted ones: ``("acme", "shop")``; ``("acme", None)`` for a whole workspace.
        environments: Trusted ones: ``("acme", "shop", "production")``; with ``None`` for every step.
    """

    accounts: frozenset[str]
    families: Mapping[str, frozenset[str]]
    policies: frozenset[str]
    workspaces: frozenset[str | None]
    repositories: frozenset[tuple[str, str | None]]
    environments: frozenset[tuple[str, str | None, str | None]]

    @classmethod
    def of(cls, part: AccessPlan) -> "_Subjects":
        roles = [(role, account.key) for account in part.accounts for role in account.roles]
        families: dict[str, set[str]] = {}
        for role, account in roles:
            families.setdefault(family_of(role.key), set()).add(account)
        providers = [provider for account in part.accounts for provider in account.oidc_providers]
        lines = [(line.renamed_to or line.workspace, line) for role, _ in roles for line in role.trust]
        return cls(
            frozenset(account.key for account in part.accounts),
            {family: frozenset(accounts) for family, accounts in families.items()},
            frozenset(name for role, _ in roles for name in role.inline_policies),
            frozenset(slug for provider in providers for slug in (provider.workspace, provider.renamed_to)),
            frozenset((workspace, line.repository) for workspace, line in lines),
            frozenset(
                (workspace, line.repository, line.environment)
                for workspace, line in lines
                if line.environment is not None or line.steps == Steps.ALL_INCLUDING_ENVIRONMENTS
            ),
        )

    def include(self, keys: Path) -> bool:
        """Tell whether a finding with these keys is about something of the part."""
        match keys:
            case ("accounts", key, *_):
                return key in self.accounts
            case ("roles", str(key), "overrides", str(pattern), *_):
                return any(fnmatchcase(account, pattern) for account in self._with_role(key))
            case ("roles", str(key), *_):
                return bool(self._with_role(key))
            case ("permission_policies", name, *_):
                return name in self.policies
            case ("workspaces", str(slug), *inside):
                return self._trust(slug, inside)
        return True

    def _with_role(self, key: str) -> frozenset[str]:
        """Return the accounts with a role of a family; a plan role is declared inside of its role."""
        return self.families.get(key, frozenset())

    def _trust(self, slug: str, inside: Sequence[str | int]) -> bool:
        match inside:
            case ["repositories", str(name), "environments", str(environment), *_]:
                trusted = {(slug, whose, which) for whose in (name, None) for which in (environment, None)}
                return not trusted.isdisjoint(self.environments)
            case ["repositories", str(name), *_]:
                return not {(slug, name), (slug, None)}.isdisjoint(self.repositories)
        return slug in self.workspaces
