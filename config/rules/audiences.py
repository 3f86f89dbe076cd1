"""Audiences: a workspace declares those that its steps ask for, and none of them is a misspelt own audience."""

from collections.abc import Iterator, Mapping

from config.findings import Fault, did_you_mean
from config.models.inventory import Inventory
from config.models.trust import TrustEntry
from config.models.workspace import Workspace
from config.rules.context import Context
from config.yaml.document import Path
from oidc.audience import audience_mistakes, workspace_of_audience
from oidc.bitbucket import default_audience
from oidc.identifiers import BitbucketUuid


def check_audiences(context: Context) -> Iterator[Fault]:
    """Yield audiences of workspaces that no step asks for, and workspaces that declare any besides their own.

    STS refuses a token with several audiences and no ``azp`` (seen on real AWS, three independent reports). Others
    report that Bitbucket adds a step's audiences to the workspace's own
    (https://www.atlassian.com/blog/bitbucket/bitbucket-pipelines-oidc-now-supports-multiple-audiences says "multiple
    audiences"). No decoded token of such a step was seen, so this is a warning.
    """
    slugs = _slugs(context.inventory)
    for slug, workspace in context.inventory.workspaces.items():
        at: Path = ("workspaces", slug, "audiences")
        further = False
        for index, audience in enumerate(workspace.audiences):
            if (bad := _bad_audience((*at, index), audience, workspace, slugs)) is not None:
                yield bad
            elif audience != _own(workspace):
                further = True
        if further:
            message = "a step that requests a further audience probably gets a token with two, which STS refuses"
            hint = "remove them; or check the claims of such a step, and accept it: `allow: {further-audiences: WHY}`"
            yield Fault("further-audiences", at, message, hint)


def trusted_audience_faults(context: Context, at: Path, entry: TrustEntry, workspace: Workspace) -> Iterator[Fault]:
    """Yield audiences of a trust entry that no step asks for, or that its workspace does not declare."""
    if not entry.audiences:
        return
    own, slugs = _own(workspace), _slugs(context.inventory)
    declared = [*([own] if own else []), *workspace.audiences]
    for index, audience in enumerate(entry.audiences):
        where = (*at, "audiences", index)
        if (bad := _bad_audience(where, audience, workspace, slugs)) is not None:
            yield bad
        elif audience not in declared:
            known = f"workspaces.{entry.workspace}.audiences"
            hint = did_you_mean(audience, declared, f"remove it, or declare it under `{known}`")
            message = f"workspace {entry.workspace} does not declare the audience {audience}"
            yield Fault("unknown-audience", where, message, hint)


def _own(workspace: Workspace) -> str | None:
    return default_audience(BitbucketUuid(workspace.uuid)) if workspace.uuid else None


def _slugs(inventory: Inventory) -> dict[str, str]:
    return {workspace.uuid: slug for slug, workspace in inventory.workspaces.items() if workspace.uuid}


def _bad_audience(at: Path, audience: str, workspace: Workspace, slugs: Mapping[str, str]) -> Fault | None:
    """Return the fault of an audience that is meant to be the workspace's own, and is another text."""
    own = _own(workspace)
    if audience == own:
        return None
    mistakes = audience_mistakes(audience, slugs)
    phrases = () if mistakes.foreign else mistakes.phrases
    uuid = workspace_of_audience(mistakes.meant)
    if own is not None and uuid not in (None, workspace.uuid):
        other = f"workspace {slugs[uuid]}" if uuid in slugs else "another workspace"
        phrases = (*phrases, f"it has the UUID of {other}")
    if not phrases:
        return None
    meant = own or mistakes.suggested or "ari:cloud:bitbucket::workspace/UUID, without braces"
    message = f"`{audience}` is not the workspace's own audience: {', and '.join(phrases)}"
    return Fault("bad-audience", at, message, f"write {meant}; or leave it out: the workspace's own is the default")
