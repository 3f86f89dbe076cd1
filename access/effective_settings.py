"""The inputs for rendering a role in one account: the account and the role's settings in it."""

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
    """The properties of an account that rendering depends on."""

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
        """Return the values of the variables; without a region, that of IAM's control plane is used."""
        return {
            "account": self.key,
            "account_id": self.id,
            "partition": self.partition.value,
            "region": self.region or self.partition.iam_region,
            "role": role,
        }

    def variables_of(self, key: str, role: Role) -> dict[str, str]:
        """Return the values for one role; a role of a family also has those of its item, and the family's key."""
        return self.variables(family_of(key)) | role.item.variables


@dataclass(frozen=True, slots=True)
class EffectiveSettings:
    """A role's settings in one account, each with the path of its value.

    Attributes:
        key: Key of the role.
        role: The role as written.
        override: Settings that replace those of the role in the account, or ``None``.
        override_path: Path of the override.
    """

    key: str
    role: Role
    override: Override | None
    override_path: Path

    @classmethod
    def of(cls, key: str, role: Role, override: tuple[str, Override] | None) -> "EffectiveSettings":
        """Combine a role with the override of the account, which comes with its key."""
        pattern, replacing = override or ("", None)
        return cls(key, role, replacing, ("roles", key, "overrides", pattern))

    def get(self, name: str) -> Any:  # noqa: ANN401 - typed by the field
        """Return the effective value of a setting."""
        if self.override is None:
            return getattr(self.role, name)
        return getattr(self._holder(name), name)

    def _holder(self, name: str) -> RoleSettings:
        return self.override if self.override is not None and name in self.override.model_fields_set else self.role

    def is_set(self, name: str) -> bool:
        """Tell whether the role or its override has a setting."""
        return self._holder(name) is self.override or bool(self.get(name))

    def path(self, name: str) -> Path:
        """Return the path of a setting, even if it is not written."""
        return (*(self.override_path if self._holder(name) is self.override else ("roles", self.key)), name)
