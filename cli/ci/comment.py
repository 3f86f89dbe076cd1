"""bitbucket-oidc ci comment: one comment on the pull request, kept up to date."""

import os
import re
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, TypeVar

import click

from access.digests import AccountDigest, AppliedSettings, plan_digests
from access.update_preview import (
    LossLimits,
    is_mass_loss,
    preview_files,
    read_update_preview,
    refusals,
    too_many_roles,
)
from cli.ci.bitbucket_access import bitbucket_options, by_credentials, without_failing
from cli.ci.comment_text import StackPreview, comment_text, comparison_text, not_compared, templates_to_deploy
from cli.diff_sides import Side, compared, sides
from cli.inventory import (
    inventory_argument,
    max_loss_option,
    named_guardrails,
    oidc_provider_loss_option,
    project_option,
)
from cli.plan_digests import ShownDigests, words_on_no_stack, words_on_refused
from cli.revisions import CompiledSide, compiled_path
from config.findings import one_line
from config.pipeline_run import PipelineRun, pipeline_run
from facts.bitbucket.comments import Marker, Outcome, PullRequestComments, keep_one_comment
from oidc.errors import BitbucketOidcError, UsageError
from review.diff import text

F = TypeVar("F", bound=Callable[..., Any])

_KEY = re.compile(r"[A-Za-z0-9_.-]{1,50}", re.ASCII)


def key_option(what: str) -> Callable[[F], F]:
    """Add --key; ``what`` completes its help text."""
    return click.option(
        "--key", default="access", show_default=True, metavar="NAME", callback=_checked, help=f"A name that {what}."
    )


def _checked(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    if _KEY.fullmatch(value) is None:
        raise click.BadParameter("use at most 50 letters, digits, _, . and -")
    return value


_OUTCOMES = {
    Outcome.CREATED: "was written",
    Outcome.UPDATED: "was updated",
    Outcome.UNCHANGED: "is up to date",
    Outcome.NEWER: "was not changed: a later pipeline wrote it",
}


@click.command("comment")
@inventory_argument
@click.option(
    "--base", required=True, metavar="REVISION", help="Revision to compare with: origin/main, or origin/main...HEAD."
)
@click.option(
    "--previews",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="FOLDER",
    help="Folder with the output of `pulumi preview --json --show-sames` for each stack, as STACK.json.",
)
@project_option
@key_option("tells several comments on one pull request apart")
@max_loss_option
@oidc_provider_loss_option
@click.option("--print", "only_print", is_flag=True, help="Print the comment instead of posting it.")
@bitbucket_options
def command(
    *,
    inventory: Path,
    base: str,
    previews: Path | None,
    project: Path,
    key: str,
    bitbucket_url: str | None,
    ca_file: Path | None,
    max_loss: float,
    allow_oidc_provider_loss: bool,
    only_print: bool,
    strict: bool,
) -> int:
    """Write or update one comment on the pull request: changes of access, previews of stacks, and digests.

    A failure of Bitbucket is a warning and does not fail the build, unless --strict is given. Credentials come from
    environment variables: BITBUCKET_ACCESS_TOKEN, or BITBUCKET_EMAIL and BITBUCKET_API_TOKEN.
    """
    run = None if only_print and "BITBUCKET_COMMIT" not in os.environ else pipeline_run(os.environ)
    stacks = [_stack_preview(path) for path in preview_files(previews)] if previews else []
    limits = LossLimits(max_loss, allow_oidc_provider_loss)
    old, new = sides(base, None, inventory, named_guardrails())
    changes, lost = _comparison(old, new, max_loss)
    refused = lost + [
        f"{stack.stack}: {reason}"
        for stack in stacks
        if stack.preview
        for reason in refusals(stack.preview.loss, limits)
    ]
    side = new.compiled if new.compiled and not new.is_revision else compiled_path(inventory, named_guardrails())
    digests = _digests(side, old.compiled, inventory, project, {stack.stack for stack in stacks})
    comment = comment_text(changes + templates_to_deploy(side.templates), stacks, run, refused, digests)
    if only_print or run is None:
        click.echo(comment, nl=False)
        return 0
    number = _pull_request(run)

    def post() -> str:
        comments = PullRequestComments(by_credentials(bitbucket_url, ca_file), run, number)
        return f"the comment {_OUTCOMES[keep_one_comment(comments, Marker(key, run.build or 0), comment)]}"

    return without_failing(post, what="the comment", strict=strict)


def _pull_request(run: PipelineRun) -> int:
    if run.pull_request is None:
        raise UsageError(
            "BITBUCKET_PR_ID is not set", do="run this in a pipeline under `pull-requests:`, or use --print"
        )
    return run.pull_request


def _comparison(old: Side, new: Side, max_loss: float) -> tuple[str, list[str]]:
    """Return the changes of access, and why `diff` refuses them: it judges the whole inventory, a preview one stack."""
    if (comparison := compared(old, new)) is None:
        return not_compared([old, new]), []
    lost, before = len(comparison.roles_lost), comparison.roles_before
    refused = (
        [f"the inventory: {too_many_roles(lost, before, max_loss)}"] if is_mass_loss(lost, before, max_loss) else []
    )
    return comparison_text(comparison, old, new), refused


def _digests(
    now: CompiledSide, before: CompiledSide | None, inventory: Path, project: Path, previewed: Collection[str]
) -> list[str]:
    """Return one line for each stack, stacks with a preview first; without stacks, one for the whole inventory.

    Stacks of a fleet have a line if their digest changes, and the others are counted.
    """
    if now.plan is None:
        return []
    rollout = now.fleet.rollout if now.fleet else None
    try:
        digests = ShownDigests.of(now.plan, inventory, named_guardrails(), project, rollout)
    except UsageError as error:
        return [f"* unknown: {text(str(error), 400)}"]
    known = _digests_in_fleet(before)
    same = {
        taken.file.stack
        for taken in digests.stacks
        if taken.file.is_of_fleet and {*taken.account_digests} <= known and taken.file.stack not in previewed
    }
    stacks = [taken for taken in digests.stacks if taken.file.stack not in same]
    stacks.sort(key=lambda taken: (taken.file.stack not in previewed, taken.file.stack))
    lines = [f"* {text(words_on_refused(digests.refused), 400)}"] if digests.refused else []
    lines += [f"* the whole fleet: `{digests.whole.digest}`"] if rollout else []
    unchanged = "1 stack of the fleet does" if len(same) == 1 else f"{len(same):,} stacks of the fleet do"
    lines += [f"* {unchanged} not change: `plan --format digests` shows all digests"] if same else []
    lines += [f"* stack **{text(taken.file.stack, 100)}**: `{taken.digest}`" for taken in stacks]
    if digests.in_no_stack:
        lines.append(f"* {text(words_on_no_stack(digests.in_no_stack), 400)}")
    return lines or [f"* the whole inventory: `{digests.whole.digest}`"]


def _digests_in_fleet(side: CompiledSide | None) -> frozenset[AccountDigest]:
    """Return the digests of the accounts of a fleet; none for another inventory."""
    if side is None or side.plan is None or side.fleet is None:
        return frozenset()
    return frozenset(plan_digests(side.plan, AppliedSettings().in_fleet(side.fleet.rollout)).accounts)


def _stack_preview(path: Path) -> StackPreview:
    try:
        return StackPreview(path.stem, read_update_preview(path))
    except BitbucketOidcError as error:
        return StackPreview(path.stem, None, one_line(error.what))
