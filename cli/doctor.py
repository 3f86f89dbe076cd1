"""bitbucket-oidc doctor: the script of a step, with the inventory and the trust evaluator."""

import os
import sys
from argparse import Namespace
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any

import click

from access.evaluation.decide import decide
from access.evaluation.request import WebIdentityRequest
from access.evaluation.token_checks import token_refusal
from access.plan_json import plan_json
from cli.doctor_script import run
from cli.inventory import compiled, exit_code, format_option, inventory_argument, show_briefly
from config.findings import has_errors
from oidc.arn import parse_iam_arn
from oidc.errors import EvaluationError


@click.command("doctor")
@inventory_argument
@click.option("--no-inventory", is_flag=True, help="Check only the step and ignore the inventory.")
@click.option("--exchange", is_flag=True, help="Ask STS for a session; its credentials are never shown or kept.")
@click.option("--endpoint", metavar="URL", help="STS endpoint instead of the region's; https or loopback.")
@click.option("--duration", type=click.IntRange(900, 43200), help="Seconds of the session that --exchange asks for.")
@click.option("--script", is_flag=True, help="Print this command as one Python file that needs no inventory.")
@format_option("text", "json")
def command(
    inventory: Path,
    output: str,
    endpoint: str | None,
    duration: int | None,
    *,
    no_inventory: bool,
    exchange: bool,
    script: bool,
) -> int:
    """Report why this step of a pipeline cannot assume its role, from its token, its AWS variables and the inventory.

    Without an inventory at the path, only the token and the variables are checked. No token is ever printed.
    """
    if script:
        click.echo(script_text(), nl=False)
        return 0
    plan = None
    if not no_inventory and _is_wanted(inventory):
        result = compiled(inventory)
        if has_errors(result.findings):
            show_briefly(result.findings)
            return exit_code(result.findings, strict=False)
        plan = plan_json(result.plan) if result.plan is not None else None
    options = Namespace(exchange=exchange, endpoint=endpoint, duration=duration, output=output)
    return run(os.environ, sys.stdout, options=options, plan=plan, decide=_decide)


def script_text() -> str:
    """Return the file that ``--script`` prints: ``cli/doctor_script.py``, unchanged."""
    return resources.files("cli").joinpath("doctor_script.py").read_text(encoding="utf-8")


def _is_wanted(inventory: Path) -> bool:
    """Tell whether to load the inventory: a given path that does not exist is a finding, the default path is not."""
    source = click.get_current_context().get_parameter_source("inventory")
    return inventory.exists() or source is not click.core.ParameterSource.DEFAULT


def _decide(policy: Mapping[str, Any], claims: Mapping[str, Any], arn: str) -> bool:
    """Ask the evaluator from every address that the policy names, since the address of the step is unknown here.

    A case that AWS does not document is not reported. Faults of the token itself are reported by the script.
    """
    role = parse_iam_arn(arn)
    if role is None:
        return False
    now = datetime.now(UTC)
    request = WebIdentityRequest(claims, role.owner, now, partition=role.partition, role_arn=arn, is_token=True)
    try:
        if token_refusal(request) is not None:
            return True
        return any(decide(policy, variant).allowed for variant in _from_each_address(request, policy))
    except EvaluationError:
        return True


def _from_each_address(request: WebIdentityRequest, policy: Mapping[str, Any]) -> Iterator[WebIdentityRequest]:
    yield request
    for statement in policy["Statement"]:
        for tests in statement.get("Condition", {}).values():
            for network in _listed(tests.get("aws:SourceIp")):
                yield replace(request, source_ip=network.partition("/")[0])
            for endpoint in _listed(tests.get("aws:SourceVpce")):
                yield replace(request, vpc_endpoint=endpoint)


def _listed(value: str | list[str] | None) -> list[str]:
    return [value] if isinstance(value, str) else value or []
