"""The script of a step, style by style. No line of it shows a token or credentials in the log.

Bitbucket prints each line of a script as it is written, before it runs, with its variables unexpanded; after ``set -x``
the shell prints it once more, expanded. So no line expands the token or a key: ``printenv`` and ``read`` take their
names. The token goes to a file that only this step's user can read, outside of the clone directory: no artifact and no
cache is made of it.
"""

import shlex

from access.plan import AccountPlan, RolePlan
from access.snippets.style import Style
from access.snippets.yaml_text import scalar

PIPES = {
    "aws-ecr-push-image": "2.6.0",
    "aws-s3-deploy": "2.0.1",
    "aws-ecs-deploy": "2.0.0",
}
"""Atlassian's pipes that take ``AWS_OIDC_ROLE_ARN``, and the versions shown."""

_SESSION_NAME = (
    """export AWS_ROLE_SESSION_NAME="$(printf '%s-%s' "$BITBUCKET_REPO_SLUG" "$BITBUCKET_BUILD_NUMBER" """
    """| tr -c 'A-Za-z0-9_+=,.@-' '-' | tail -c 64)\""""
)
"""2 to 64 characters of ``[\\w+=,.@-]``: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html."""

_OTHER_CREDENTIALS = "unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_PROFILE AWS_DEFAULT_PROFILE"
"""Keys and profiles in the environment win over web identity:
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
    """Return the ``image:`` of a step, or nothing for the pipeline's own."""
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
    """Write the token to a new file, whose name is then in a variable; ``mktemp`` gives it the mode 0600."""
    return [f'{variable}="$(mktemp)"', f"printenv BITBUCKET_STEP_OIDC_TOKEN | tr -d '\\n' > \"${variable}\""]


def _web_identity(role: RolePlan) -> list[str]:
    """Let every AWS SDK get the credentials by itself, and new ones as long as the token is valid."""
    return [
        f"export AWS_ROLE_ARN={shlex.quote(role.arn)}",
        *_token_in("AWS_WEB_IDENTITY_TOKEN_FILE"),
        "export AWS_WEB_IDENTITY_TOKEN_FILE",
    ]


_KEYS = "AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN"


def _explicit(role: RolePlan) -> list[str]:
    """Call STS once, for tools that take keys alone; the token is a file even here, never an argument."""
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
