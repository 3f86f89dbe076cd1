"""bitbucket-oidc fleet pipeline: the steps of a bitbucket-pipelines.yml that run the fleet on several machines."""

import re
import shlex
from pathlib import Path

import click

from access.plan import AccessPlan
from cli.fleet.loading import load_fleet
from cli.fleet.options import fleet_argument
from config.findings import one_line
from config.models.inventory import Inventory
from oidc.errors import UsageError
from onboarding.fleet_pipelines import MAX_STEPS, FleetPipeline, fleet_pipelines_text, shards_of_waves
from onboarding.starter import DEPLOYING_ROLE, NO_IMAGE

_NAME = re.compile(r"[A-Za-z0-9_.-]+", re.ASCII)
_ARN = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]+", re.ASCII)


@click.command("pipeline")
@fleet_argument
@click.option("--shards", type=click.IntRange(1), required=True, metavar="N", help="Steps of the largest wave.")
@click.option("--pipeline-role", required=True, metavar="ARN", help="The role that the steps assume by their tokens.")
@click.option(
    "--deploying-role",
    metavar="NAME",
    default=DEPLOYING_ROLE,
    show_default=True,
    help="The role in each account, if profiles enter the accounts.",
)
@click.option("--image", default=NO_IMAGE, metavar="NAME@DIGEST", help="The image of the steps.")
@click.option("--branch", default="main", show_default=True, help="The branch whose commits are applied.")
@click.option(
    "--environment",
    default="fleet",
    show_default=True,
    metavar="NAME",
    help="How the names of the deployment environments begin: NAME-WAVE-1, NAME-WAVE-2, …",
)
@click.option("--state-url", metavar="URL", help="The backend of the states.  [default: that of the inventory]")
@click.option("--max-failures", type=click.IntRange(0), metavar="N", help="As for `fleet up`, in each step.")
def command(
    inventory: Path,
    *,
    shards: int,
    pipeline_role: str,
    deploying_role: str,
    image: str,
    branch: str,
    environment: str,
    state_url: str | None,
    max_failures: int | None,
) -> int:
    """Print a bitbucket-pipelines.yml that runs the fleet on several machines.

    Each wave is one parallel group, so that a wave begins when all shards of the one before are whole: a shard itself
    does not wait for the waves of other shards. The largest wave has N steps, the others in proportion. A step after
    each group joins its run reports and fails if an account failed; the last one joins all. A pipeline has at most 100
    steps.
    """
    fleet = load_fleet(inventory)
    sizes = [(wave.name, len(wave.keys)) for wave in fleet.waves]
    url = state_url or _state_url(fleet.inputs.inventory)
    pipeline = FleetPipeline(
        inventory=shlex.quote(inventory.as_posix()),
        waves=shards_of_waves(sizes, shards),
        image=_checked("--image", image, re.compile(r"[^\s#\"'\\]+")),
        branch=_checked("--branch", branch, re.compile(r"[!-~]+")),
        environment=_checked("--environment", environment, _NAME),
        pipeline_role=_checked("--pipeline-role", pipeline_role, _ARN),
        deploying_role=_checked("--deploying-role", deploying_role, _NAME) if _has_profiles(fleet.plan) else None,
        state_url=_checked("--state-url", url, re.compile(r"[^\s\"$`\\]+")),
        max_failures=max_failures,
    )
    if pipeline.step_count > MAX_STEPS:
        what = f"--shards {shards}: these are {pipeline.step_count} steps, and a pipeline has at most {MAX_STEPS}"
        raise UsageError(what, do="choose fewer shards, or more accounts at once by --parallel")
    click.echo(fleet_pipelines_text(pipeline), nl=False)
    return 0


def _checked(option: str, text: str, form: "re.Pattern[str]") -> str:
    if form.fullmatch(text) is None:
        raise UsageError(f"{option}: `{one_line(text)[:200]}` cannot stand in the file", do="see --help for its form")
    return text


def _state_url(inventory: Inventory) -> str:
    backend = inventory.defaults.state_backend
    if backend is None:
        what = "the inventory does not say where the states are"
        raise UsageError(what, do="add --state-url URL, or `state_backend` under `defaults`")
    return backend.url


def _has_profiles(plan: AccessPlan) -> bool:
    """Tell whether profiles enter the accounts; the step then needs a configuration file that has them."""
    without = [account.key for account in plan.accounts if account.access.profile is None]
    if without and len(without) < len(plan.accounts):
        what = f"account {without[0]} has no `profile`, and others have one"
        raise UsageError(what, do="enter all accounts of the fleet the same way")
    return not without
