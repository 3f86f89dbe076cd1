"""The Pulumi program: stack config → inventory → AccessPlan → component → stack outputs."""

import gc
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pulumi

from access.aws_profiles import refuse_keys_before_profiles
from access.compile import compile_plan
from access.findings_of_stack import findings_of_stack
from components.aws_provider import AwsSettings
from components.bitbucket_oidc import register_stack
from components.stack_settings import StackSettings
from config.findings import Finding
from config.load import load_inventory
from config.lock import Lock
from config.program import FOLDER_VARIABLE
from facts.issuer.certificates import fetch_thumbprints
from facts.issuer.thumbprints import thumbprints_beside
from oidc.errors import BitbucketOidcError, InventoryError


def main() -> None:
    """Register everything, or nothing: the whole plan is valid before the first resource is registered."""
    # Everything loaded and registered stays in use until the end, so garbage collection would find nothing.
    gc.disable()
    settings = StackSettings.of(pulumi.Config(), Path(os.environ.get(FOLDER_VARIABLE, "")))
    loaded = load_inventory(settings.inventory, guardrails=settings.guardrails)
    compiled = compile_plan(loaded)
    if compiled.plan is None:
        findings = "\n".join(str(finding) for finding in compiled.findings)
        raise InventoryError(f"the inventory has findings:\n{findings}")
    rollout = loaded.inventory.rollout
    plan, digest = settings.part_of(compiled.plan, rollout, pulumi.get_stack())
    show_warnings(findings_of_stack(compiled.findings, plan))
    refuse_keys_before_profiles(plan, os.environ)
    thumbprints = thumbprints_beside(
        # The lock does not describe an emulated issuer.
        loaded.lock.lock if settings.issuer_connect is None else Lock(),
        plan.issuers_to_fetch(),
        plan.issuers_alike(),
        partial(fetch_thumbprints, connect=settings.issuer_connect, timeout=settings.issuer_timeout),
        datetime.now(UTC).date(),
    )
    for warning in thumbprints.warnings:
        pulumi.log.warn(warning)
    register_stack(
        plan,
        aws_settings=AwsSettings(f"{pulumi.get_project()}/{pulumi.get_stack()}", settings.aws_endpoint),
        thumbprints=thumbprints.by_issuer,
        protect_oidc_providers=settings.applied(rollout).protects_oidc_providers,
        take_up=settings.take_up,
        digest=digest,
    )


def show_warnings(findings: Sequence[Finding]) -> None:
    """Show the warnings in the preview, and only their number in the update after it.

    They are one message: the CLI shows the first line of a message while it runs, and the whole message at the end.
    """
    if not findings:
        return
    number = f"{len(findings)} warning{'' if len(findings) == 1 else 's'} about the accounts of this stack"
    if pulumi.runtime.is_dry_run():
        pulumi.log.warn("\n".join([f"{number}:", *map(str, findings)]))
    else:
        pulumi.log.warn(f"{number}; see `validate`")


try:
    main()
except BitbucketOidcError as error:
    raise pulumi.RunError(str(error)) from error
