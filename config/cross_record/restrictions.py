"""Deployment restrictions: when somebody last looked at them in Bitbucket, as the inventory says.

They decide who may deploy to an environment, and neither AWS nor Bitbucket's API tells of them
(https://jira.atlassian.com/browse/BCLOUD-21703). So the day is somebody's word, and it grows old.
"""

from datetime import timedelta

from config.cross_record.context import Context
from config.yaml_document import Path

TRUSTED_FOR = timedelta(days=180)
"""How long a look at the restrictions counts: PCI DSS 4.0 asks for reviews of access every six months (7.2.4)."""

_ELSEWHERE = timedelta(days=1)
"""It may be tomorrow already where somebody looks."""


def check_restrictions(context: Context) -> None:
    """Report a look at deployment restrictions that is long ago, or has not been yet."""
    for slug, workspace in context.inventory.workspaces.items():
        for name, repository in workspace.repositories.items():
            for environment, declared in repository.environments.items():
                if (day := declared.restrictions_checked) is None:
                    continue
                at: Path = ("workspaces", slug, "repositories", name, "environments", environment)
                if day > context.today + _ELSEWHERE:
                    message, hint = f"{day} is yet to come", "write the day on which somebody looked"
                    context.report("bad-value", (*at, "restrictions_checked"), message, hint)
                elif (age := context.today - day) > TRUSTED_FOR:
                    message = f"nobody has looked at the deployment restrictions of {environment} for {age.days} days"
                    hint = f"look in Bitbucket (Repository settings → Deployments), and write {context.today}"
                    context.report("restrictions-check-old", (*at, "restrictions_checked"), message, hint)
