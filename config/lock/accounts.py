"""What the lock says of an AWS account's OIDC providers and quotas."""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from config.faults import fault
from config.lock.values import OneLine
from config.models.base import InventoryModel
from config.scalars import Thumbprint


class LockedOidcProvider(InventoryModel):
    """The OIDC provider of a workspace in an account as IAM answered: in short form whether it is there."""

    expected = "present, absent, or {state: …, use: …, …}"

    state: Literal["present", "absent"]
    use: Literal["create", "adopt", "reference"] | None = None
    """What `auto` comes to; it never changes by itself. Where left out, what is there is adopted, and what is not is
    created."""
    owner: Literal["this_program", "cloudformation", "terraform", "unknown"] | None = None
    """Who manages it, by its tags."""
    audiences: tuple[OneLine, ...] = ()
    """As IAM has them."""
    thumbprints: tuple[Thumbprint, ...] = ()
    """As IAM has them."""
    tags: dict[OneLine, OneLine] = Field(default_factory=dict)
    """As IAM has them."""
    unchecked_roles: tuple[OneLine, ...] = ()
    """ARNs of roles of the account that trust it and check no audience: whoever adds one gives them that too."""

    @model_validator(mode="after")
    def _says_nothing_of_what_is_absent(self) -> Self:
        told = ["owner", "audiences", "thumbprints", "tags", "unchecked_roles"]
        for key in told if self.state == "absent" else ():
            if getattr(self, key):
                raise fault("bad-value", f"it is absent, and has {key}", f"remove {key}, or write present", (key,))
        return self


def _oidc_provider(value: Any) -> Any:  # noqa: ANN401 - what YAML holds
    return {"state": value} if isinstance(value, str) else value


LockedOidcProviderForm = Annotated[LockedOidcProvider, BeforeValidator(_oidc_provider)]


class LockedQuotas(InventoryModel):
    """Quotas of an account as AWS has them, by the names that an account of the inventory has for them."""

    expected = "{trust_policy_chars: …, roles: …}"

    trust_policy_chars: int | None = Field(default=None, strict=True, ge=1)
    managed_policies_per_role: int | None = Field(default=None, strict=True, ge=1)
    roles: int | None = Field(default=None, strict=True, ge=1)
    oidc_providers: int | None = Field(default=None, strict=True, ge=1)
