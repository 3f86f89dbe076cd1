"""What is left to do after the files of a first repository are written: numbered steps with commands."""

from collections.abc import Iterator
from dataclasses import dataclass

from onboarding.starter import (
    DEPLOYING_ROLE,
    INVENTORY,
    NO_IMAGE,
    PIPELINES,
    PREVIEW_ROLE,
    SETUP,
    Starter,
    deploy_role,
    hub_role_arn,
)

_US_EAST_1 = "us-east-1"


@dataclass(frozen=True, slots=True)
class SetupStep:
    """One step.

    Attributes:
        what: What to do, one or two sentences.
        commands: Lines for a shell, in the folder of the repository; none if the step is done elsewhere.
    """

    what: str
    commands: tuple[str, ...] = ()


def setup_steps(starter: Starter) -> tuple[SetupStep, ...]:
    """Return the steps in their order."""
    return tuple(_steps(starter))


def setup_text(starter: Starter) -> str:
    """Return the steps as a page of Markdown."""
    lines = [f"# Setting up {starter.workspace}/{starter.own.slug}", "", before_the_steps(starter)]
    for number, step in enumerate(setup_steps(starter), 1):
        lines += ["", f"{number}. {step.what}"]
        if step.commands:
            lines += ["", "   ```bash", *(f"   {command}" for command in step.commands), "   ```"]
    return "\n".join(lines) + "\n"


def before_the_steps(starter: Starter) -> str:
    """Return what the steps take for granted."""
    accounts = ", ".join(key for key, _ in starter.accounts)
    return (
        "What is left to do. Run the commands in this folder. Your AWS configuration needs a profile with an "
        f"administrator's credentials for each account, named like it: {accounts}."
    )


def _steps(starter: Starter) -> Iterator[SetupStep]:
    place = f"{starter.workspace}/{starter.own.slug}"
    stacks = ", ".join(stack.name for stack in starter.stacks)
    if starter.image == NO_IMAGE:
        what = f"Build the image and write its name with its digest into {PIPELINES}"
        yield SetupStep(f"{what}: docs/guides/image.md of bitbucket-aws-oidc says how.")
    yield SetupStep(
        f"In Bitbucket, enable Pipelines for {place} and create its deployment environments: {stacks}. Restrict "
        "each to the branch main and to admins; otherwise everybody who can push a branch can deploy."
    )
    yield SetupStep(
        f"Create a repository access token of {place} with the scope pullrequest, and store it as the secured variable "
        "BITBUCKET_ACCESS_TOKEN. For the nightly check, store a token that reads all repositories of the inventory "
        "(scopes repository and pipeline) as LOCK_ACCESS_TOKEN."
    )
    yield SetupStep(
        "Look up the UUIDs, with the second token as BITBUCKET_ACCESS_TOKEN in your shell, and check the inventory.",
        tuple(f"bitbucket-oidc {command} {INVENTORY}" for command in ("lock", "validate", "plan")),
    )
    yield SetupStep(f"Create the bucket of the state in {starter.hub}, and the stacks.", tuple(_state(starter)))
    yield SetupStep(
        f"Make {starter.hub} ready for yourself, and create the roles of the pipelines there. The first command "
        "looks up the ARN of your role.",
        tuple(_hub(starter)),
    )
    yield SetupStep(
        "Make the accounts of each stack ready for the pipelines, and record in the lock what they have. If you have "
        "no profiles for all accounts, docs/guides/bootstrap.md has other ways.",
        tuple(_accounts(starter)),
    )
    yield SetupStep(
        f"Push. The pipeline deploys {starter.stacks[0].name}; each other stack waits until somebody starts its step. "
        "Then schedule the pipeline drift on main.",
        (
            f"git add {INVENTORY} {PIPELINES} {SETUP} {_stack_files(starter)}",
            'git commit -m "Manage access to AWS"',
            "git push origin HEAD:main",
        ),
    )


def _stack_files(starter: Starter) -> str:
    return " ".join(f"Pulumi.{stack.name}.yaml" for stack in starter.stacks)


def _state(starter: Starter) -> Iterator[str]:
    yield f'export AWS_PROFILE={starter.hub} PULUMI_BACKEND_URL="{starter.state_url}" PULUMI_CONFIG_PASSPHRASE=""'
    where = f"--bucket {starter.bucket} --region {starter.region}"
    # Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html (no constraint means us-east-1).
    constraint = f" --create-bucket-configuration LocationConstraint={starter.region}"
    yield f"aws s3api create-bucket {where}{'' if starter.region == _US_EAST_1 else constraint}"
    yield f"aws s3api put-bucket-versioning {where} --versioning-configuration Status=Enabled"
    blocked = "BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true"
    yield f"aws s3api put-public-access-block {where} --public-access-block-configuration {blocked}"
    yield from (f"bitbucket-oidc pulumi stack init {stack.name}" for stack in starter.stacks)


def _hub(starter: Starter) -> Iterator[str]:
    name = "$(aws sts get-caller-identity --query Arn --output text | cut -d/ -f2)"
    yield f'MY_ROLE="$(aws iam get-role --role-name "{name}" --query Role.Arn --output text)"'
    yield _bootstrap(starter, (starter.hub,), '--hub-role "$MY_ROLE"')
    yield f"bitbucket-oidc pulumi up --stack {starter.stacks[-1].name}"


def _accounts(starter: Starter) -> Iterator[str]:
    preview = hub_role_arn(starter, PREVIEW_ROLE)
    for stack in starter.stacks:
        hub = hub_role_arn(starter, deploy_role(stack.name))
        yield _bootstrap(starter, stack.accounts, f"--hub-role {hub} --preview-role {preview}")
    yield f"bitbucket-oidc lock {INVENTORY} --only accounts --deploying-role {DEPLOYING_ROLE}"


def _bootstrap(starter: Starter, accounts: tuple[str, ...], roles: str) -> str:
    chosen = " ".join(f"--account {account}" for account in accounts)
    options = f"{chosen} --deploying-role {DEPLOYING_ROLE} {roles} --organization {starter.organization}"
    return f"bitbucket-oidc bootstrap {INVENTORY} --deploy --through-profiles {options}"
