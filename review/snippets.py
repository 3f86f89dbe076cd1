"""Steps of bitbucket-pipelines.yml that get a role's credentials, in several styles."""

import shlex
from collections.abc import Sequence
from enum import StrEnum

from access.pipeline_roles import PipelineRoles, StepRole, trusted
from access.plan import AccountPlan, RolePlan, TrustPlan
from config.yaml.text import scalar


class Style(StrEnum):
    """The tool that a step runs, and how it gets credentials."""

    WEB_IDENTITY = "web-identity"
    EXPLICIT = "explicit"
    PIPE = "pipe"
    TERRAFORM = "terraform"
    CDK = "cdk"
    PULUMI = "pulumi"
    ECR_IMAGE = "ecr-image"


PIPES = {
    "aws-ecr-push-image": "2.6.0",
    "aws-s3-deploy": "2.0.1",
    "aws-ecs-deploy": "2.0.0",
}
"""Atlassian's pipes that accept ``AWS_OIDC_ROLE_ARN``, with the versions shown."""

_SESSION_NAME = (
    """export AWS_ROLE_SESSION_NAME="$(printf '%s-%s' "$BITBUCKET_REPO_SLUG" "$BITBUCKET_BUILD_NUMBER" """
    """| tr -c 'A-Za-z0-9_+=,.@-' '-' | tail -c 64)\""""
)
"""2 to 64 characters of ``[\\w+=,.@-]``: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html."""

_OTHER_CREDENTIALS = "unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_PROFILE AWS_DEFAULT_PROFILE"
"""Keys and profiles in the environment take precedence over web identity:
https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html."""

_AWS_CLI = "amazon/aws-cli # or yours, with the AWS CLI in it"
_TOOLS = {
    Style.WEB_IDENTITY: (_AWS_CLI, ["aws sts get-caller-identity"]),
    Style.EXPLICIT: (_AWS_CLI, ["aws sts get-caller-identity"]),
    Style.TERRAFORM: ("hashicorp/terraform:1", ["terraform init -input=false", "terraform plan -input=false"]),
    Style.CDK: ("node:22", ["npm ci", "npx cdk diff"]),
    Style.PULUMI: ("pulumi/pulumi:latest", ["pulumi preview --non-interactive"]),
}


def image_lines(style: Style, account: AccountPlan, role: RolePlan) -> list[str]:
    """Return the ``image:`` of a step, or no lines for the image of the pipeline."""
    if style in _TOOLS:
        return [f"image: {_TOOLS[style][0]}"]
    if style is not Style.ECR_IMAGE:
        return []
    registry = f"{account.id}.dkr.ecr.{_region(account)}.{account.partition.dns_suffix}"
    return ["image:", f"  name: {registry}/IMAGE:TAG # yours", "  aws:", f"    oidc-role: {scalar(role.arn)}"]


def script_lines(style: Style, account: AccountPlan, role: RolePlan) -> list[str]:
    """Return the items of ``script:``, as lines of YAML."""
    if style is Style.PIPE:
        return _pipe(account, role)
    if style is Style.ECR_IMAGE:
        return ["- echo 'this step runs in the image'"]
    credentials = _explicit(role) if style is Style.EXPLICIT else _web_identity(role)
    return [f"- {scalar(line)}" for line in [*_settings(account), *credentials, *_TOOLS[style][1]]]


def _region(account: AccountPlan) -> str:
    return account.region or account.partition.iam_region


def _settings(account: AccountPlan) -> list[str]:
    region = shlex.quote(_region(account))
    return [_OTHER_CREDENTIALS, f"export AWS_REGION={region} AWS_DEFAULT_REGION={region}", _SESSION_NAME]


def _token_in(variable: str) -> list[str]:
    """Write the token to a new file and set a variable to its name; ``mktemp`` gives the file the mode 0600."""
    return [f'{variable}="$(mktemp)"', f"printenv BITBUCKET_STEP_OIDC_TOKEN | tr -d '\\n' > \"${variable}\""]


def _web_identity(role: RolePlan) -> list[str]:
    """Let every AWS SDK get credentials by itself, and renew them while the token is valid."""
    return [
        f"export AWS_ROLE_ARN={shlex.quote(role.arn)}",
        *_token_in("AWS_WEB_IDENTITY_TOKEN_FILE"),
        "export AWS_WEB_IDENTITY_TOKEN_FILE",
    ]


_KEYS = "AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN"


def _explicit(role: RolePlan) -> list[str]:
    """Call STS once, for tools that accept only keys; here too the token is in a file, never an argument."""
    call = " ".join(
        [
            f"aws sts assume-role-with-web-identity --role-arn {shlex.quote(role.arn)}",
            '--role-session-name "$AWS_ROLE_SESSION_NAME" --web-identity-token "file://$token_file"',
            f"--duration-seconds {role.max_session_duration}",
            "--query '[Credentials.AccessKeyId,Credentials.SecretAccessKey,Credentials.SessionToken]' --output text",
        ]
    )
    return [
        *_token_in("token_file"),
        'keys_file="$(mktemp)"',
        f'{call} > "$keys_file"',
        f'read -r {_KEYS} < "$keys_file"',
        f"export {_KEYS}",
        'rm -f "$token_file" "$keys_file"',
    ]


def _pipe(account: AccountPlan, role: RolePlan) -> list[str]:
    (name, version), *others = PIPES.items()
    also = " and ".join(f"atlassian/{other}:{its}" for other, its in others)
    return [
        f"# {also} take the same two AWS variables; look up the newest versions.",
        f"- pipe: atlassian/{name}:{version}",
        "  variables:",
        f"    AWS_OIDC_ROLE_ARN: {scalar(role.arn)}",
        f"    AWS_DEFAULT_REGION: {_region(account)}",
        "    IMAGE_NAME: IMAGE # yours",
        "    TAGS: $BITBUCKET_COMMIT",
    ]


_INDENT = "  "
_OTHERS = 3
"""Further roles of a step that a comment names."""


def snippet(role: RolePlan, account: AccountPlan, repository: str, style: Style = Style.WEB_IDENTITY) -> str:
    """Return the pipeline of one role.

    Args:
        role: The role in the plan.
        account: The account of the role.
        repository: ``acme/payments``; if the role does not trust it, the pipeline has no step.
        style: The tool that the steps run.
    """
    return pair_snippet(None, role, account, repository, style)


def pair_snippet(
    plan_role: RolePlan | None, role: RolePlan, account: AccountPlan, repository: str, style: Style
) -> str:
    """Return the pipeline of a pair: the plan role on pull requests, the role on ``main``."""
    first, second = (
        tuple(StepRole(account, each, line, line.environment) for line in trusted(each, repository)) if each else ()
        for each in (plan_role, role)
    )
    return pipeline(PipelineRoles(first, second), style)


def pipeline(roles: PipelineRoles, style: Style) -> str:
    """Return a whole ``bitbucket-pipelines.yml``."""
    lines = ["pipelines:"]
    if roles.pull_requests:
        lines += ["  pull-requests:", "    '**':", *_steps(roles.pull_requests, style)]
    lines += ["  branches:", "    main:", *_steps(roles.main, style)]
    return "\n".join(lines) + "\n"


def _steps(steps: Sequence[StepRole], style: Style) -> list[str]:
    lines: list[str] = []
    for step in steps:
        lines += ["- step:", *(f"{_INDENT * 2}{text}" for text in _step(step, style))]
    return [f"{_INDENT * 3}{text}" for text in lines]


def _step(step: StepRole, style: Style) -> list[str]:
    role, target = step.role, f" to {step.environment}" if step.environment else ""
    return [
        *_choice(step),
        f"name: {scalar(f'{role.name}{target}')}",
        *_which(step),
        *_oidc(step.line),
        *_runner(role),
        *image_lines(style, step.account, role),
        "script:",
        *(f"{_INDENT}{text}" for text in script_lines(style, step.account, role)),
    ]


def _choice(step: StepRole) -> list[str]:
    """Return comments that name the chosen role, and others that the step may assume."""
    if not step.others:
        return []
    more = f" and {len(step.others) - _OTHERS:,} more" if len(step.others) > _OTHERS else ""
    chosen, named = f"# Chosen: {step.role.key} in {step.account.key}", step.others[:_OTHERS]
    if all(role.key == step.role.key for _, role in step.others):
        return [
            f"{chosen}. It is also in",
            f"# {', '.join(account.key for account, _ in named)}{more}: --account chooses.",
        ]
    others = ", ".join(f"{role.key} in {account.key}" for account, role in named)
    return [f"{chosen}. The step may also assume", f"# {others}{more}: --role and --account choose."]


def _which(step: StepRole) -> list[str]:
    if step.environment is not None:
        return [f"deployment: {scalar(step.environment)}"]
    if step.line.steps == "outside_environments":
        return ["# No `deployment:` here: the role trusts only steps outside deployment environments."]
    return []


def _oidc(line: TrustPlan) -> list[str]:
    if not line.default_audiences or set(line.default_audiences) & set(line.audiences):
        return ["oidc: true"]
    asked: Sequence[str] = line.audiences[:1]
    return [
        "# Bitbucket probably adds these to the workspace's own audience, and STS refuses a token with two:",
        "# check with `bitbucket-oidc doctor --exchange` in the step.",
        "oidc:",
        "  audiences:",
        *(f"    - {scalar(audience)}" for audience in asked),
    ]


def _runner(role: RolePlan) -> list[str]:
    """Return the runner of the step: its call to STS must come from the role's source addresses.

    Source: https://support.atlassian.com/bitbucket-cloud/docs/what-are-the-bitbucket-cloud-ip-addresses-i-should-use-to-configure-my-corporate-firewall/:
    ``atlassian-ip-ranges`` needs at least size 4x.
    """
    if role.from_atlassian:
        return ["size: 4x # the smallest size with Atlassian's address ranges", *_ATLASSIAN]
    if role.source_vpces or role.source_ips:
        where = " and ".join(
            (["through " + ", ".join(role.source_vpces)] if role.source_vpces else [])
            + (["from " + ", ".join(str(network) for network in role.source_ips)] if role.source_ips else [])
        )
        return [f"# A self-hosted runner: the role can be assumed only {where}.", "runs-on:", "  - self.hosted"]
    return []


_ATLASSIAN = ("runtime:", "  cloud:", "    atlassian-ip-ranges: true")
