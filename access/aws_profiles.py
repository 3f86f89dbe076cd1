"""Profiles of accounts: an AWS configuration file for a step, and keys of the environment that override profiles.

In the file each profile assumes one role name in its account, from the role of a pipeline.

The step chooses the role name. So a preview can use reading roles, and ``up`` deploying roles, with the same inventory.
The AWS provider of each account has equal settings in both, so a preview shows no change of it.

Source: https://docs.aws.amazon.com/sdkref/latest/guide/feature-assume-role-credentials.html (``role_arn``,
``source_profile``, ``web_identity_token_file``, ``role_session_name``).
"""

import re
from collections.abc import Mapping

from access.plan import AccessPlan, AccountPlan
from config.findings import one_line
from oidc.arn import parse_iam_arn
from oidc.errors import UsageError

FIRST_PROFILE = "pipeline"
"""The profile of the pipeline's own role; the others use it as their source profile."""

_PROFILE = re.compile(r"[A-Za-z0-9_.@+-]{1,64}", re.ASCII)
"""Names that need no quotes in the file, for every reader; no character can end a line or a section."""

_ROLE = re.compile(r"(?:[A-Za-z0-9_+=,.@-]+/)*[A-Za-z0-9_+=,.@-]{1,64}", re.ASCII)
_PATH = re.compile(r"[!-~]+", re.ASCII)


KEY_VARIABLES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
"""Keys in the environment; any one of them makes the AWS provider check its credentials with them."""

_TRUE = frozenset({"1", "t", "T", "true", "TRUE", "True"})
"""Go's ``strconv.ParseBool``."""


def refuse_keys_before_profiles(plan: AccessPlan, environment: Mapping[str, str]) -> None:
    """Refuse keys in the environment for accounts that have both a profile and a deploying role.

    Before its first call the official AWS provider checks its credentials. That check uses the environment's keys, not
    the profile, and assumes the deploying role with them; all later calls use the profile. So it fails, or checks other
    credentials than it uses. Sources: ``validateCredentials`` in ``provider/`` of pulumi-aws, which fills in the keys;
    ``GetAwsConfig`` of hashicorp/aws-sdk-go-base, where keys win over a profile; ``resolveCredentialChain`` of
    aws-sdk-go-v2, where a profile that the program names wins over the environment.

    Args:
        plan: The accounts of the run.
        environment: The environment variables of the run.

    Raises:
        UsageError: An account is entered with other keys than its profile's; the message names all such accounts.
    """
    given = [name for name in KEY_VARIABLES if environment.get(name)]
    if not given or environment.get("AWS_SKIP_CREDENTIALS_VALIDATION") in _TRUE:
        return
    both = [account.key for account in plan.accounts if account.access.profile and account.access.role_arn]
    if both:
        what = f"{', '.join(given)} in the environment would be used before the profile to assume deploy_role, for: "
        raise UsageError(
            one_line(what + ", ".join(both))[:500],
            do=f"run `unset {' '.join(KEY_VARIABLES)}`, or give these accounts either `profile` or `deploy_role`",
        )


def aws_profiles(plan: AccessPlan, *, pipeline_role: str, role: str, token_file: str, session_name: str) -> str:
    """Return the file.

    Args:
        plan: The plan with the accounts.
        pipeline_role: ARN of the role that the step assumes by its token.
        role: Name of the role in each account, ``PulumiRead``, with its path if it has one.
        token_file: File with the token of the step.
        session_name: Shown in CloudTrail.

    Raises:
        UsageError: An argument is invalid, two accounts name one profile, or accounts have none.
    """
    _check(pipeline_role, role, token_file)
    _refuse_without_profile(plan)
    first = [f"[profile {FIRST_PROFILE}]", f"role_arn = {pipeline_role}", f"web_identity_token_file = {token_file}"]
    sections = ["\n".join([*first, f"role_session_name = {session_name}"])]
    seen: dict[str, str] = {FIRST_PROFILE: "the pipeline itself"}
    for account in plan.accounts:
        name = account.access.profile or ""
        if (other := seen.setdefault(name, account.key)) != account.key:
            message = f"accounts.{account.key}.profile: {name} is already the profile of {other}"
            raise UsageError(one_line(message)[:300], do="give each account another profile")
        sections.append(_section(account, name, role, session_name))
    return "\n\n".join(sections) + "\n"


def _refuse_without_profile(plan: AccessPlan) -> None:
    """Refuse accounts that a step would not enter as the role that it names."""
    keys = [account.key for account in plan.accounts if account.access.profile is None]
    if keys:
        accounts, each = ("accounts", "each") if len(keys) > 1 else ("account", f"accounts.{keys[0]}")
        what = one_line(f"{accounts} without a profile: {', '.join(keys)}")[:500]
        key = "KEY" if len(keys) > 1 else keys[0]
        raise UsageError(what, do=one_line(f"write `profile: {key}` under {each}, in place of `deploy_role`"))


def _check(pipeline_role: str, role: str, token_file: str) -> None:
    arn = parse_iam_arn(pipeline_role)
    if arn is None or arn.kind != "role":
        what = f"`{one_line(pipeline_role)[:200]}` is not the ARN of a role"
        raise UsageError(what, do="write the ARN of the role that the step assumes")
    if _ROLE.fullmatch(role) is None:
        raise UsageError(
            f"`{one_line(role)[:200]}` is not the name of a role", do="write PulumiRead, or path/PulumiRead"
        )
    if _PATH.fullmatch(token_file) is None:
        raise UsageError(
            "the path of the token file has a character that no profile can hold", do="choose another path"
        )


def _section(account: AccountPlan, name: str, role: str, session_name: str) -> str:
    if _PROFILE.fullmatch(name) is None:
        message = (
            f"accounts.{account.key}.profile: `{one_line(name)[:100]}` cannot be written into an AWS configuration file"
        )
        raise UsageError(message, do="use only letters, digits and _.@+-")
    lines = [
        f"[profile {name}]",
        f"role_arn = arn:{account.partition.value}:iam::{account.id}:role/{role}",
        f"source_profile = {FIRST_PROFILE}",
        f"role_session_name = {session_name}",
    ]
    return "\n".join(lines + ([f"region = {account.region}"] if account.region else []))
