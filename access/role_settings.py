"""What a role is made of in one account: the account as far as it matters, and the role's settings there."""

from dataclasses import dataclass
from typing import Any

from config.models.account import Account
from config.models.defaults import Defaults
from config.models.family import family_of
from config.models.role import Override, Role, RoleSettings
from config.yaml.document import Path
from oidc.arn import Partition
from oidc.identifiers import AccountId


@dataclass(frozen=True, slots=True)
class RolePlace:
    """An account, as far as what is rendered for it depends on it."""

    key: str
    id: AccountId
    partition: Partition
    region: str | None
    account: Account

    @classmethod
    def of(cls, key: str, account: Account, defaults: Defaults) -> "RolePlace":
        """Apply the defaults to an account."""
        return cls(key, AccountId(account.id), account.partition, account.region or defaults.region, account)

    def variables(self, role: str) -> dict[str, str]:
        """Return what the variables stand for; a region that nobody named is that of IAM's control plane."""
        return {
            "account": self.key,
            "account_id": self.id,
            "partition": self.partition.value,
            "region": self.region or self.partition.iam_region,
            "role": role,
        }

    def variables_of(self, key: str, role: Role) -> dict[str, str]:
        """Return what they stand for in one role; of a family, with those of its item, and the family's key."""
        return self.variables(family_of(key)) | role.item.variables


@dataclass(frozen=True, slots=True)
class EffectiveSettings:
    """A role's settings in one account: each value with the path that it was written at.

    Attributes:
        key: Of the role.
        role: As written.
        override: What holds in the account in place of the role's own, or ``None``.
        override_path: Where that stands.
    """

    key: str
    role: Role
    override: Override | None
    override_path: Path

    @classmethod
    def of(cls, key: str, role: Role, override: tuple[str, Override] | None) -> "EffectiveSettings":
        """Make them of a role and the override that holds in the account, with its own key."""
        pattern, replacing = override or ("", None)
        return cls(key, role, replacing, ("roles", key, "overrides", pattern))

    def get(self, name: str) -> Any:  # noqa: ANN401 - typed by the field
        """Return what holds for a setting."""
        if self.override is None:
            return getattr(self.role, name)
        return getattr(self._holder(name), name)

    def _holder(self, name: str) -> RoleSettings:
        return self.override if self.override is not None and name in self.override.model_fields_set else self.role

    def is_written(self, name: str) -> bool:
        """Tell whether the role or its override says anything of a setting."""
        return self._holder(name) is self.override or bool(self.get(name))

    def path(self, name: str) -> Path:
        """Return where a setting stands, or would."""
        return (*(self.override_path if self._holder(name) is self.override else ("roles", self.key)), name)
