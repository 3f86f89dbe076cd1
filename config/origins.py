"""Where the roles and accounts stand that families, pairs and selections become: findings name what somebody wrote."""

from dataclasses import dataclass, field

from config.models.family import PLAN_SUFFIX, family_of
from config.yaml_document import Path


@dataclass(slots=True)
class Origins:
    """What was written for the roles that nobody wrote one by one.

    Attributes:
        families: By key of a role of a family, the family's key: ``{"deploy[acme/shop]": "deploy"}``.
        selected: Keys of accounts that are selected in an organization.
        plan_roles: By key of a plan role, which settings its ``plan_role`` says itself; the rest is its role's.
    """

    families: dict[str, str] = field(default_factory=dict)
    plan_roles: dict[str, frozenset[str]] = field(default_factory=dict)
    selected: set[str] = field(default_factory=set)

    def written(self, path: Path) -> Path:
        """Return the path as written: ``roles.deploy.plan_role.trust`` for ``roles.deploy-plan[acme/shop].trust``."""
        match path:
            case ("roles", str(key), *inside) if key in self.families:
                return ("roles", self.families[key], *inside)
            case ("roles", str(key), *inside) if key in self.plan_roles:
                role = family_of(key).removesuffix(PLAN_SUFFIX)
                own = ("plan_role",) if inside and inside[0] in self.plan_roles[key] else ()
                return ("roles", role, *own, *inside)
            case ("accounts", str(key), *_) if key in self.selected:
                return ("accounts_from", "organization")
        return path
