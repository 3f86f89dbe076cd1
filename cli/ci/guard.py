"""bitbucket-oidc ci guard: refuse an update that deletes or replaces too much."""

import json
from pathlib import Path

import click

from access.mass_change import LossLimits, refusals
from access.update_preview import UpdatePreview, preview_files, read_update_preview
from cli.inventory import format_option
from cli.loss_options import max_loss_option, oidc_provider_loss_option
from config.findings import one_line


@click.command("guard")
@click.argument("previews", nargs=-1, required=True, metavar="PREVIEW...", type=click.Path(path_type=Path))
@max_loss_option
@oidc_provider_loss_option
@format_option("text", "json")
def command(previews: tuple[Path, ...], output: str, *, max_loss: float, allow_oidc_provider_loss: bool) -> int:
    """Refuse an update that deletes or replaces more roles than --max-loss allows, or any OIDC provider.

    PREVIEW is what `pulumi preview --json --show-sames` printed for a stack, or a folder of such files; each is judged
    by itself. Exit code 1 means that one of them is refused.
    """
    limits = LossLimits(max_loss, allow_oidc_provider_loss)
    found = [(path, read_update_preview(path)) for named in previews for path in preview_files(named)]
    refused = [(path, reason) for path, preview in found for reason in refusals(preview.loss, limits)]
    if output == "json":
        click.echo(json.dumps([_json(path, preview, limits) for path, preview in found], indent=2))
    else:
        for path, preview in found:
            click.echo(f"{one_line(str(path))}: {_summary(preview)}")
    for path, reason in refused:
        click.echo(f"error: {one_line(str(path))}: {one_line(reason)}", err=True)
    return 1 if refused else 0


def _summary(preview: UpdatePreview) -> str:
    loss = preview.loss
    providers = len(loss.oidc_providers) or "no"
    are = "is" if len(loss.oidc_providers) == 1 else "are"
    noun = "OIDC provider" if len(loss.oidc_providers) == 1 else "OIDC providers"
    return f"{len(loss.roles)} of {loss.roles_before} roles and {providers} {noun} {are} deleted or replaced"


def _json(path: Path, preview: UpdatePreview, limits: LossLimits) -> dict[str, object]:
    loss = preview.loss
    return {
        "preview": one_line(str(path)),
        "accepted": not refusals(loss, limits),
        "roles": {"before": loss.roles_before, "lost": list(loss.roles)},
        "oidc_providers": {"lost": list(loss.oidc_providers)},
    }
