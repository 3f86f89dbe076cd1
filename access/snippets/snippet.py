"""The part of a bitbucket-pipelines.yml that a repository needs to get the credentials of a role.

Source of the keys: https://support.atlassian.com/bitbucket-cloud/docs/step-options/ and
https://support.atlassian.com/bitbucket-cloud/docs/integrate-pipelines-with-resource-servers-using-oidc/.
"""

from collections.abc import Sequence

from access.plan import AccountPlan, RolePlan, TrustPlan
from access.snippets.script import image_lines, script_lines
from access.snippets.style import Style
from access.snippets.yaml_text import scalar

_INDENT = "  "
_LATER = ("test", "dev", "qa", "stag", "prod")
"""Parts of names of deployment environments in the order of Bitbucket's environment types: a pipeline with a later type
before an earlier one is refused."""


def snippet(role: RolePlan, account: AccountPlan, repository: str, style: Style = Style.WEB_IDENTITY) -> str:
    """Return the pipeline of one role.

    Args:
        role: Of the plan.
        account: Its account.
        repository: ``acme/payments``; one that the role trusts, else there is no step.
        style: What the steps run.
    """
    return pair_snippet(None, role, account, repository, style)


def pair_snippet(
    plan_role: RolePlan | None, role: RolePlan, account: AccountPlan, repository: str, style: Style
) -> str:
    """Return the pipeline of a pair: the plan role on pull requests, the role on ``main``."""
    lines = ["pipelines:"]
    if plan_role is not None and trusted(plan_role, repository):
        lines += ["  pull-requests:", "    '**':", *_steps(plan_role, account, repository, style)]
    lines += ["  branches:", "    main:", *_steps(role, account, repository, style)]
    return "\n".join(lines) + "\n"


def trusted(role: RolePlan, repository: str) -> tuple[TrustPlan, ...]:
    """Return the lines of trust that steps of a repository fulfil, in the order that their steps run."""
    workspace, _, slug = repository.partition("/")
    found = [line for line in role.trust if line.workspace == workspace and line.repository in (slug, None)]
    return tuple(sorted(found, key=_order))


def _order(line: TrustPlan) -> tuple[int, str]:
    name = (line.environment or "").lower()
    return (max((index for index, part in enumerate(_LATER, 1) if part in name), default=0), name)


def _steps(role: RolePlan, account: AccountPlan, repository: str, style: Style) -> list[str]:
    lines: list[str] = []
    for line in trusted(role, repository):
        lines += ["- step:", *(f"{_INDENT * 2}{text}" for text in _step(line, role, account, style))]
    return [f"{_INDENT * 3}{text}" for text in lines]


def _step(line: TrustPlan, role: RolePlan, account: AccountPlan, style: Style) -> list[str]:
    target = f" to {line.environment}" if line.environment else ""
    return [
        f"name: {scalar(f'{role.name}{target}')}",
        *_which(line),
        *_oidc(line),
        *_runner(role),
        *image_lines(style, account, role),
        "script:",
        *(f"{_INDENT}{text}" for text in script_lines(style, account, role)),
    ]


def _which(line: TrustPlan) -> list[str]:
    if line.environment is not None:
        return [f"deployment: {scalar(line.environment)}"]
    if line.steps == "outside_environments":
        return ["# No `deployment:` here: the role trusts steps outside deployment environments alone."]
    return []


def _oidc(line: TrustPlan) -> list[str]:
    if not line.default_audiences or set(line.default_audiences) & set(line.audiences):
        return ["oidc: true"]
    asked: Sequence[str] = line.audiences[:1]
    return [
        "# Bitbucket adds these to the workspace's own audience, most likely, and STS refuses a token with two:",
        "# `bitbucket-oidc doctor --exchange` in the step shows it.",
        "oidc:",
        "  audiences:",
        *(f"    - {scalar(audience)}" for audience in asked),
    ]


def _runner(role: RolePlan) -> list[str]:
    """Return where the step must run: the call to STS has to come from the role's source addresses.

    Source: https://support.atlassian.com/bitbucket-cloud/docs/what-are-the-bitbucket-cloud-ip-addresses-i-should-use-to-configure-my-corporate-firewall/:
    ``atlassian-ip-ranges`` works from size 4x on.
    """
    if role.from_atlassian:
        return ["size: 4x # the least that may use Atlassian's address ranges", *_ATLASSIAN]
    if role.source_vpces or role.source_ips:
        where = " and ".join(
            (["through " + ", ".join(role.source_vpces)] if role.source_vpces else [])
            + (["from " + ", ".join(str(network) for network in role.source_ips)] if role.source_ips else [])
        )
        return [f"# A self-hosted runner: the role answers calls {where} alone.", "runs-on:", "  - self.hosted"]
    return []


_ATLASSIAN = ("runtime:", "  cloud:", "    atlassian-ip-ranges: true")
