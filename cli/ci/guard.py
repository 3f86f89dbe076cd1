"""bitbucket-oidc ci guard: refuse an update that deletes or replaces too much, or that nobody reviewed."""

import json
from dataclasses import dataclass
from pathlib import Path

import click

from access.digests import as_digest
from access.update_preview import LossLimits, UpdatePreview, preview_files, read_update_preview, refusals
from cli.inventory import format_option, max_loss_option, oidc_provider_loss_option, project_option
from cli.plan_digests import PlansBehindPreviews
from config.findings import one_line


@click.command("guard")
@click.argument("previews", nargs=-1, required=True, metavar="PREVIEW...", type=click.Path(path_type=Path))
@max_loss_option
@oidc_provider_loss_option
@click.option(
    "--reviewed",
    multiple=True,
    metavar="DIGEST",
    help="The digest of a reviewed stack plan; any other plan is refused. May be repeated.",
)
@project_option
@format_option("text", "json")
def command(
    previews: tuple[Path, ...],
    output: str,
    *,
    max_loss: float,
    allow_oidc_provider_loss: bool,
    reviewed: tuple[str, ...],
    project: Path,
) -> int:
    """Refuse an update that deletes or replaces more roles than --max-loss allows, or any OIDC provider.

    PREVIEW is a file with the output of `pulumi preview --json --show-sames` for a stack, or a folder of such files;
    each file is judged separately. With --reviewed, the command compiles the inventory with the stack config that the
    preview names; the digest of that plan must be one of the given ones. Exit code 1: a preview is refused.
    """
    limits = LossLimits(max_loss, allow_oidc_provider_loss)
    accepted = frozenset(as_digest(digest, "--reviewed") for digest in reviewed)
    plans = PlansBehindPreviews(project)
    updates = []
    for path in [path for named in previews for path in preview_files(named)]:
        preview, name = read_update_preview(path), one_line(str(path))
        updates.append(
            _JudgedUpdate(name, preview, plans.digest(preview, name) if accepted else None, limits, accepted)
        )
    if output == "json":
        click.echo(json.dumps([update.to_json() for update in updates], indent=2))
    else:
        for update in updates:
            click.echo(f"{update.name}: {_summary(update.preview)}")
    refused = [(update.name, reason) for update in updates for reason in update.refusals]
    for name, reason in refused:
        click.echo(f"error: {name}: {one_line(reason)}", err=True)
    return 1 if refused else 0


@dataclass(frozen=True, slots=True)
class _JudgedUpdate:
    """A preview, the digest of its plan (``None`` without --reviewed), and the accepted losses and digests."""

    name: str
    preview: UpdatePreview
    digest: str | None
    limits: LossLimits
    reviewed: frozenset[str]

    @property
    def refusals(self) -> tuple[str, ...]:
        reasons = refusals(self.preview.loss, self.limits)
        if not self.reviewed or self.digest in self.reviewed:
            return reasons
        unreviewed = (
            f"its plan has the digest {self.digest}, expected the reviewed {' or '.join(sorted(self.reviewed))}; "
            "review the change, then pass the new digest"
        )
        return (*reasons, unreviewed)

    def to_json(self) -> dict[str, object]:
        loss = self.preview.loss
        return {
            "preview": self.name,
            "accepted": not self.refusals,
            "digest": self.digest,
            "roles": {"before": loss.roles_before, "lost": list(loss.roles)},
            "oidc_providers": {"lost": list(loss.oidc_providers)},
        }


def _summary(preview: UpdatePreview) -> str:
    loss = preview.loss
    providers = len(loss.oidc_providers) or "no"
    are = "is" if len(loss.oidc_providers) == 1 else "are"
    noun = "OIDC provider" if len(loss.oidc_providers) == 1 else "OIDC providers"
    return f"{len(loss.roles)} of {loss.roles_before} roles and {providers} {noun} {are} deleted or replaced"
