"""bitbucket-oidc explain: which roles given claims may assume, and why not the others."""

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from access.compile import compile_plan
from access.explanation.claims import LONGEST_TOKEN, claim_notes, claims_of_json, claims_of_step, claims_of_token
from access.explanation.explain import TokenCall, Verdict, explain
from access.explanation.names import Names
from access.selection import Selection
from cli.explain_event import show_events
from cli.explain_trust_policy import read_policies, read_text, show_review
from cli.inventory import (
    exit_code,
    format_option,
    inventory_argument,
    loaded,
    quiet_option,
    show_briefly,
    strict_option,
)
from cli.selection import complete, filter_options, narrowed
from config.findings import one_line
from config.models.inventory import Inventory
from oidc.errors import UsageError
from oidc.identifiers import ACCOUNT_ID_PATTERN
from oidc.limits import VPC_ENDPOINT_ID
from review.explain import show_call, show_notes, show_verdicts

_FURTHER_AUDIENCE = (
    "the verdict is for a token with only the audience of --audience; Bitbucket most likely adds it to the workspace's "
    "own, and STS refuses a token with two audiences"
)

_MAX_EVENTS = 10_000_000
"""Bytes of events: a log file of CloudTrail holds some minutes of an account."""

_READ = 4 * (LONGEST_TOKEN + 1)
"""Bytes of standard input: enough to see that it is too long."""


@click.command("explain")
@inventory_argument
@click.option("--claims", metavar="JSON", help='The claims: {"iss": …, "aud": …, "sub": …}; - for standard input.')
@click.option("--token", metavar="-", help="A token on standard input; it is decoded, never printed.")
@click.option("--repository", metavar="WORKSPACE/REPOSITORY", shell_complete=complete("repository"),
              help="Use the claims of a step of this repository.")  # fmt: skip
@click.option(
    "--event",
    metavar="FILE",
    help="Events of CloudTrail as JSON, such as those of lookup-events; - for standard input.",
)
@click.option("--environment", metavar="NAME", shell_complete=complete("environment"),
              help="With --repository: the step's deployment environment.")  # fmt: skip
@click.option("--audience", metavar="TEXT", help="With --repository: `aud` instead of the workspace's own.")
@click.option("--source-ip", metavar="IP", help="The address that calls STS; without it the call has no address.")
@click.option("--source-vpce", metavar="ID", help="The VPC endpoint through which STS is called.")
@click.option("--at", metavar="TIME", help="Time of the call in ISO 8601, UTC by default.  [default: now]")
@click.option(
    "--trust-policy",
    metavar="FILE",
    help="Review trust policies, without inventory: a policy, get-role, list-roles, a template; - for standard input.",
)
@filter_options("account", "role", "owner")
@click.option("--parameter", metavar="NAME=VALUE", multiple=True,
              help="With --trust-policy: a parameter's value in a template.")  # fmt: skip
@click.option("--all", "every", is_flag=True, help="Also list roles of other repositories and workspaces.")
@format_option("text", "json")
@strict_option
@quiet_option
def command(
    inventory: Path,
    output: str,
    selection: Selection,
    *,
    every: bool,
    strict: bool,
    **asked: Any,  # noqa: ANN401 - click's
) -> int:
    """Explain for every role why given claims may, or may not, assume it.

    Give exactly one of --claims, --token, --repository and --event, or pipe a token in. The verdict depends only on the
    rendered trust policies. The signature of a token is not checked.

    With --event: for each call that CloudTrail recorded, the verdict of the role that the call asked for.

    With --trust-policy: show who that trust policy lets in, what is wrong with it, and its decision on given claims.
    Then --account is the id of the account of its role.
    """
    _refuse_wrong_combinations(asked, selection)
    event = None if asked["event"] is None else read_text(asked["event"], "--event", _MAX_EVENTS)
    at = _time(asked["at"])
    source_ip, vpc_endpoint = _address(asked["source_ip"]), _vpc_endpoint(asked["source_vpce"])
    is_named = asked["repository"] is not None or event is not None
    claims, is_token = (None, False) if is_named else _given_claims(asked)
    if asked["trust_policy"] is not None:
        call = None if claims is None else TokenCall(claims, at, source_ip, vpc_endpoint, is_token)
        policies = read_policies(asked["trust_policy"], next(iter(selection.accounts), None), asked["parameter"])
        show_notes([] if claims is None else claim_notes(claims))
        return show_review(policies, call, output, strict=strict)
    read = loaded(inventory)
    compilation = compile_plan(read)
    show_briefly(compilation.findings)
    if compilation.plan is not None and event is not None:
        show_events(event, compilation.plan, Names.of(read.inventory), output)
    elif compilation.plan is not None:
        claims = claims or _step_claims(read.inventory, asked)
        if asked["audience"] is not None:
            show_notes([_FURTHER_AUDIENCE])
        names = Names.of(read.inventory)
        call = TokenCall(claims, at, source_ip, vpc_endpoint, is_token)
        show_notes(claim_notes(claims))
        part = narrowed(compilation.plan, selection)
        if part.in_words:
            click.echo(part.in_words if output == "text" else f"note: {part.in_words}", err=output == "json")
        verdicts = explain(part.plan, call, names)
        is_one_role = bool(selection.roles) and len({verdict.role for verdict in verdicts}) == 1
        _show(verdicts, call, names, output, every=every or is_one_role)
    return exit_code(compilation.findings, strict=strict)


def _show(verdicts: Sequence[Verdict], call: TokenCall, names: Names, output: str, *, every: bool) -> None:
    if output == "json":
        click.echo(json.dumps([_verdict_json(verdict) for verdict in verdicts], indent=2))
    else:
        show_call(call, names)
        show_verdicts(verdicts, every=every)


def _verdict_json(verdict: Verdict) -> dict[str, Any]:
    return {
        "account": verdict.account,
        "role": verdict.role,
        "arn": verdict.arn,
        "allowed": verdict.answer.allowed,
        "reasons": [reason.text for reason in verdict.answer.reasons],
    }


def _refuse_wrong_combinations(asked: dict[str, Any], selection: Selection) -> None:
    given = [f"--{name}" for name in ("claims", "token", "repository", "event") if asked[name] is not None]
    if len(given) > 1:
        do = "give exactly one of --claims, --token, --repository, --event"
        raise UsageError(f"{' and '.join(given)} are given", do=do)
    if asked["event"] is not None:
        _refuse_with_event(asked, selection)
    for name in ("environment", "audience"):
        if asked[name] is not None and asked["repository"] is None:
            raise UsageError(f"--{name} needs --repository", do=f"add --repository, or remove --{name}")
    if asked["trust_policy"] is not None:
        _refuse_with_trust_policy(asked, selection)
    elif asked["parameter"]:
        raise UsageError("--parameter needs --trust-policy", do="add --trust-policy, or remove --parameter")
    if asked["token"] not in (None, "-"):
        raise UsageError("--token takes only `-`: the token comes on standard input", do="pipe it into the command")


def _refuse_with_event(asked: dict[str, Any], selection: Selection) -> None:
    if not selection.is_everything:
        raise UsageError("--event asks for the role of each call, and no filter", do=f"remove {selection}")
    for name in ("at", "source_ip", "source_vpce", "trust_policy"):
        if asked[name] is not None:
            option = f"--{name.replace('_', '-')}"
            raise UsageError(
                "--event has time and address, and asks for a role of the inventory", do=f"remove {option}"
            )


def _refuse_with_trust_policy(asked: dict[str, Any], selection: Selection) -> None:
    if asked["repository"] is not None:
        raise UsageError(
            "--repository needs the names of an inventory, and --trust-policy has none", do="give --claims"
        )
    if click.get_current_context().get_parameter_source("inventory") is not ParameterSource.DEFAULT:
        raise UsageError("--trust-policy needs no inventory", do="remove INVENTORY")
    if asked["trust_policy"] == "-" and "-" in (asked["claims"], asked["token"]):
        raise UsageError(
            "standard input cannot be a trust policy and claims at once", do="give the trust policy as a file"
        )
    of_roles = replace(selection, accounts=())
    if not of_roles.is_everything:
        raise UsageError(f"--trust-policy is the policy of one role, and takes no {of_roles}", do="remove it")
    if len(selection.accounts) > 1:
        raise UsageError("--account is given twice, and the role of --trust-policy is in one", do="remove one of them")
    for account in selection.accounts:
        if not ACCOUNT_ID_PATTERN.fullmatch(account):
            raise UsageError(f"--account is not an account id: `{one_line(account)}`", do="write its 12 digits")


def _given_claims(asked: dict[str, Any]) -> tuple[dict[str, Any] | None, bool]:
    """Return the claims from --claims or standard input, and whether they are a token's; a trust policy needs none.

    Raises:
        UsageError: Nothing is given, or the text is neither claims nor a token.
    """
    text: str | None = asked["claims"]
    if text is not None and text != "-":
        return claims_of_json(text), False
    if asked["trust_policy"] is not None and text is None and asked["token"] is None:
        return None, False
    if sys.stdin is None or (text is None and asked["token"] is None and sys.stdin.isatty()):
        raise UsageError("no claims are given", do="give --claims, --repository, or pipe a token in with --token -")
    piped = _piped()
    if text == "-" or (asked["token"] is None and piped.lstrip().startswith("{")):
        return claims_of_json(piped), False
    return claims_of_token(piped), True


def _piped() -> str:
    read = sys.stdin.buffer.read(_READ) if hasattr(sys.stdin, "buffer") else sys.stdin.read(_READ).encode()
    return read.decode("utf-8-sig", errors="replace")


def _step_claims(inventory: Inventory, asked: dict[str, Any]) -> dict[str, Any]:
    return claims_of_step(inventory, asked["repository"], asked["environment"], asked["audience"])


def _time(text: str | None) -> datetime:
    if text is None:
        return datetime.now(UTC)
    try:
        time = datetime.fromisoformat(text)
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise UsageError(f"--at is not a time: `{one_line(text)}`", do="write 2027-01-31T12:00:00Z") from None


def _address(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        address = ip_address(text)
    except ValueError:
        raise UsageError(f"--source-ip is not an address: `{one_line(text)}`", do="write 203.0.113.7") from None
    if "%" in text:
        raise UsageError("--source-ip has a zone, which AWS does not see", do="remove the part from % on")
    return str(address)


def _vpc_endpoint(text: str | None) -> str | None:
    if text is not None and not VPC_ENDPOINT_ID.fullmatch(text):
        raise UsageError(f"--source-vpce is not a VPC endpoint: `{one_line(text)}`", do="write vpce-0a1b2c3d4e5f60718")
    return text
