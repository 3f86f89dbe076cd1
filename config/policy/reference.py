"""How the inventory names a managed policy, a permissions boundary and a deploying role."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BeforeValidator

from config.findings import fault
from config.json_schema_hints import Looks, with_variables
from config.models.scalars import describe
from config.variables import VARIABLES, check_variables, render, variables_in
from oidc.arn import PARTITION_NAMES, Partition, account_policy_arn, aws_policy_arn, parse_iam_arn
from oidc.identifiers import AccountId
from oidc.limits import POLICY_NAME

_SAMPLE = {"account": "a", "account_id": "000000000000", "partition": "aws", "region": "us-east-1", "role": "r"}


@dataclass(frozen=True, slots=True)
class PolicyReference:
    """A managed policy, by its owner and name, or by its ARN; variables not yet replaced.

    ``aws:job-function/ViewOnlyAccess`` is ``("aws", "job-function/ViewOnlyAccess")``, ``account:ci-boundary`` is
    ``("account", "ci-boundary")``, and a full ARN is ``("arn", "arn:aws:iam::aws:policy/ReadOnlyAccess")``.
    """

    owner: Literal["aws", "account", "arn"]
    name: str

    def __str__(self) -> str:
        return self.name if self.owner == "arn" else f"{self.owner}:{self.name}"

    @property
    def name_of_aws(self) -> str | None:
        """The path and name of a policy that AWS manages, ``job-function/ViewOnlyAccess``; ``None`` with variables."""
        owner, _, name = ("::aws", "", self.name) if self.owner == "aws" else self.name.partition(":policy/")
        return name if owner.endswith("::aws") and "{{" not in name else None

    def arn(self, partition: Partition, account: AccountId, variables: Mapping[str, str]) -> str:
        """Return the policy's ARN in an account, with the variables replaced."""
        name = render(self.name, variables)
        if self.owner == "aws":
            return aws_policy_arn(partition, name)
        return account_policy_arn(partition, account, name) if self.owner == "account" else name


def parse_policy_reference(value: object) -> PolicyReference:
    """Parse the name or ARN of a managed policy; raises the fault ``bad-arn``, ``bad-variable`` or ``wrong-type``."""
    if isinstance(value, PolicyReference):
        return value
    if not isinstance(value, str):
        raise fault(
            "wrong-type", f"expected the name of a policy, found {describe(value)}", "write aws:NAME or account:NAME"
        )
    check_variables(value)
    owner, colon, name = value.partition(":")
    if owner == "arn":
        arn = parse_iam_arn(render(value, _SAMPLE))
        if arn is None or arn.kind != "policy":
            raise fault("bad-arn", f"not the ARN of a managed policy: {value}", "write arn:aws:iam::…:policy/NAME")
        return PolicyReference("arn", value)
    if not colon:
        raise fault(
            "bad-arn", f"{value} does not say whose policy it is",
            f"write aws:{value} for the one that AWS manages, or account:{value} for one of the account's own",
        )  # fmt: skip
    *path, last = render(name, _SAMPLE).split("/")
    good = POLICY_NAME.fullmatch(last) and all(POLICY_NAME.fullmatch(part) for part in path)
    if owner == "aws" and good:
        return PolicyReference("aws", name)
    if owner == "account" and good:
        return PolicyReference("account", name)
    raise fault("bad-arn", f"not the name of a managed policy: {value}", "write aws:NAME, account:NAME, or its ARN")


def _role_arn(value: object) -> str:
    if not isinstance(value, str):
        raise fault(
            "wrong-type", f"expected the ARN of a role, found {describe(value)}", "write arn:aws:iam::…:role/NAME"
        )
    check_variables(value)
    if "role" in variables_in(value):
        raise fault(
            "bad-variable", "{{role}} is not replaced here: one role deploys the whole account", "write the name itself"
        )
    arn = parse_iam_arn(render(value, _SAMPLE))
    if arn is None or arn.kind != "role" or arn.owner == "aws":
        raise fault(
            "bad-arn", f"not the ARN of a role: {value}", "write arn:{{partition}}:iam::{{account_id}}:role/NAME"
        )
    return value


_IN_BRACES = r"\{\{[a-z_]+\}\}"
_NAME_LIKE = rf"(?:[A-Za-z0-9_+=,.@-]|{_IN_BRACES})+"
_PARTITION_LIKE = rf"(?:{PARTITION_NAMES}|[^:]*{_IN_BRACES}[^:]*)"
_OWNER_LIKE = rf"(?:[0-9]{{12}}|aws|[^:]*{_IN_BRACES}[^:]*)"
_ARN_LIKE = rf"arn:{_PARTITION_LIKE}:iam::{_OWNER_LIKE}:KIND/(?:[!-.0-~]+/)*{_NAME_LIKE}"

ManagedPolicy = Annotated[
    PolicyReference,
    BeforeValidator(parse_policy_reference),
    Looks(
        "managed policy",
        "aws:NAME for one that AWS manages, account:NAME for one of the account, or its ARN",
        "aws:ReadOnlyAccess",
        with_variables(VARIABLES)
        + rf"(?:(?:aws|account):(?:{_NAME_LIKE}/)*{_NAME_LIKE}|{_ARN_LIKE.replace('KIND', 'policy')})",
    ),
]
RoleArn = Annotated[
    str,
    BeforeValidator(_role_arn),
    Looks(
        "role ARN",
        "the ARN of a role, arn:{{partition}}:iam::{{account_id}}:role/NAME",
        "arn:{{partition}}:iam::{{account_id}}:role/PulumiDeploy",
        with_variables([name for name in VARIABLES if name != "role"]) + _ARN_LIKE.replace("KIND", "role"),
    ),
]
