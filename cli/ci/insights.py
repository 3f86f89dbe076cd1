"""bitbucket-oidc ci insights: the findings as a Code Insights report on the commit."""

import os
from pathlib import Path

import click

from access.compile import compile_plan
from cli.check_pipeline import checked_file, findings_in
from cli.ci.bitbucket_access import bitbucket_options, by_credentials, through_proxy, without_failing
from cli.ci.comment import key_option
from cli.inventory import FilledPath, compiled, inventory_argument, loaded
from config.findings import Finding
from config.pipeline_run import PipelineRun, pipeline_run
from facts.bitbucket.code_insights import PIPELINES_PROXY, CodeInsights
from facts.git import GitRepository
from oidc.errors import BitbucketError, UsageError
from review.insights import annotations_of, report_of

_NO_PROXY = "use --no-proxy and credentials with the scope `repository`"


@click.command("insights")
@inventory_argument
@key_option("tells several reports on one commit apart")
@click.option(
    "--proxy",
    metavar="URL",
    default=PIPELINES_PROXY,
    show_default=True,
    help="The proxy that authenticates the reports of a step; in a container that the step starts, use "
    "http://host.docker.internal:29418.",
)
@click.option("--no-proxy", is_flag=True, help="Use the credentials of the environment variables, as outside a step.")
@click.option(
    "--pipeline",
    type=FilledPath("the path of the pipelines"),
    metavar="FILE",
    help="Post the findings of `check-pipeline` on this file of the repository instead, as a report beside the other.",
)
@bitbucket_options
def command(
    *,
    inventory: Path,
    key: str,
    pipeline: Path | None,
    proxy: str,
    bitbucket_url: str | None,
    ca_file: Path | None,
    no_proxy: bool,
    strict: bool,
) -> int:
    """Post the findings of the inventory as a Code Insights report, annotated on their lines.

    A finding does not fail the build: `validate` and `check-pipeline` do that. A failure of Bitbucket is a warning,
    unless --strict is given.
    """
    run = pipeline_run(os.environ)
    top = GitRepository.around(inventory if pipeline is None else pipeline).top
    if pipeline is None:
        result = compiled(inventory)
        report_id, report = f"bitbucket-oidc-{key}", report_of(result.findings, result.silenced, run)
        findings = result.findings
    else:
        findings = _of_pipeline(pipeline, inventory, f"{run.workspace}/{run.repository}")
        report_id, report = f"bitbucket-oidc-pipeline-{key}", report_of(findings, (), run)
        report["title"] = "Pipelines and their AWS roles"
    annotations = annotations_of(findings, top, report_id)
    by_proxy = run.build is not None and not no_proxy

    def post() -> str:
        api = through_proxy(proxy) if by_proxy else by_credentials(bitbucket_url, ca_file)
        code_insights = CodeInsights(api, _path(run, by_proxy=by_proxy), run.commit, report_id)
        try:
            code_insights.publish(report, annotations)
        except BitbucketError as error:
            if by_proxy:
                raise BitbucketError(
                    error.what, do=f"{error.do}; if the step has no such proxy, {_NO_PROXY}"
                ) from error
            raise
        return f"the report of {run.commit[:12]} is up to date, with {len(annotations)} annotations"

    return without_failing(post, what="the report", strict=strict)


def _of_pipeline(file: Path, inventory: Path, repository: str) -> tuple[Finding, ...]:
    read = loaded(inventory)
    plan = compile_plan(read).plan
    if plan is None:
        raise UsageError("the inventory has errors, so no step can be checked", do="run `bitbucket-oidc validate`")
    return findings_in(file, checked_file(file, repository, plan, read.inventory))


def _path(run: PipelineRun, *, by_proxy: bool) -> str:
    # Atlassian documents the proxy with names only. Without it a UUID is better: it survives a rename.
    return run.named_path if by_proxy else run.path
