"""What a role is made of in one account: the account as far as it matters, and the role's settings there."""

from dataclasses import dataclass
from typing import Any

from config.models.account import Account
from config.models.defaults import Defaults
from config.models.role import Override, Role, RoleSettings
from config.yaml_document import Path
from oidc.arn import Partition
from oidc.identifiers import AccountId


@dataclass(frozen=True, slots=True)
class Place:
    """An account, as far as what is rendered for it depends on it."""

    key: str
    id: AccountId
    partition: Partition
    region: str | None
    account: Account

    @classmethod
    def of(cls, key: str, account: Account, defaults: Defaults) -> "Place":
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


@dataclass(frozen=True, slots=True)
class Settings:
    """A role's settings in one account: each value with the path that it was written at."""

    key: str
    role: Role
    override: Override | None
    override_path: Path

    def get(self, name: str) -> Any:  # noqa: ANN401 - typed by the field
        """Return a setting: the override's where it says one, else the role's."""
        return getattr(self._holder(name), name)

    def _holder(self, name: str) -> RoleSettings:
        return self.override if self.override is not None and name in self.override.model_fields_set else self.role

    def path(self, name: str) -> Path:
        """Return where a setting stands, or would."""
        return (*(self.override_path if self._holder(name) is self.override else ("roles", self.key)), name)
