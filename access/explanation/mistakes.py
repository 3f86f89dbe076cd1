"""Find common mistakes in an issuer and a subject, and suggest the corrected text. Audiences: ``oidc.audience``.

Bitbucket's tokens have none of them. Claims typed by hand, claims of other vendors and trust policies copied from
an example do. The facts are from Bitbucket's page
https://support.atlassian.com/bitbucket-cloud/docs/deploy-on-aws-using-bitbucket-pipelines-openid-connect/.
"""

import re

from access.explanation.names import Names
from oidc.audience import Mistakes
from oidc.identifiers import accepted_spelling, is_uuid
from oidc.placeholders import placeholder_in

ISSUER_HEAD, ISSUER_TAIL = "https://api.bitbucket.org/2.0/workspaces/", "/pipelines-config/identity/oidc"
"""The parts of an issuer URL before and after the workspace's slug."""

_BARE_UUID = re.compile(r"(?<![0-9a-f{-])([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?![0-9a-f}-])", re.ASCII)

_VENDORS_BY_SUBJECT = {
    "repo:": "GitHub Actions", "project_path:": "GitLab", "organization:": "Terraform Cloud", "org/": "CircleCI",
    "pulumi:": "Pulumi Cloud", "system:serviceaccount:": "Kubernetes", "pipeline:": "Buildkite",
}  # fmt: skip
_VENDORS_BY_ISSUER = {
    "token.actions.githubusercontent.com": "GitHub Actions", "gitlab.": "GitLab", "oidc.circleci.com": "CircleCI",
    "app.terraform.io": "Terraform Cloud", "agent.buildkite.com": "Buildkite", "oidc.eks.": "Kubernetes on EKS",
}  # fmt: skip


def issuer_mistakes(issuer: str, names: Names) -> Mistakes:
    """Return the mistakes in an issuer URL; ``https://api.bitbucket.org/2.0/workspaces/acme/…/oidc`` has none."""
    phrases: list[str] = []
    meant = issuer.strip()
    if meant != issuer:
        phrases.append("it has white space around it")
    if not meant.startswith("https://"):
        phrases.append("it does not begin with https://")
        meant = "https://" + re.sub(r"^\w*:?//", "", meant, flags=re.ASCII)
    if vendor := _vendor(meant.removeprefix("https://").lower(), _VENDORS_BY_ISSUER):
        return Mistakes((f"it is the issuer of {vendor}, not of Bitbucket",), issuer, foreign=True)
    if not meant.lower().startswith("https://api.bitbucket.org"):
        return Mistakes(("it is not an issuer of Bitbucket",), issuer, foreign=True)
    base, known, _ = meant.partition("/.well-known/")
    if known:
        phrases.append("it is the URL of the discovery document: the issuer ends before /.well-known")
        meant = base
    if meant.endswith("/"):
        phrases.append("it ends in a slash")
        meant = meant.rstrip("/")
    if placeholder := placeholder_in(meant):
        return Mistakes((f"it has the placeholder {placeholder}",), issuer)
    return _with_path(phrases, meant, issuer, names)


def _with_path(phrases: list[str], meant: str, issuer: str, names: Names) -> Mistakes:
    if meant.lower().startswith(ISSUER_HEAD) and (meant != meant.lower()):
        phrases.append("it has capitals")
        meant = meant.lower()
    if meant.startswith(ISSUER_HEAD) and meant.endswith("/pipelines-config/identity"):
        phrases.append("it lacks /oidc at its end (added in 2021)")
        meant += "/oidc"
    if not (meant.startswith(ISSUER_HEAD) and meant.endswith(ISSUER_TAIL)) or len(meant) <= len(
        ISSUER_HEAD + ISSUER_TAIL
    ):
        return Mistakes(
            (f"it does not have Bitbucket's form {ISSUER_HEAD}WORKSPACE{ISSUER_TAIL}",), issuer, foreign=True
        )
    return _with_slug(phrases, meant, names)


def _with_slug(phrases: list[str], meant: str, names: Names) -> Mistakes:
    slug = meant[len(ISSUER_HEAD) : -len(ISSUER_TAIL)]
    uuid = accepted_spelling(slug.replace("%7b", "{").replace("%7d", "}"))
    if uuid is not None:
        phrases.append("it has the workspace's UUID instead of its slug")
        meant = f"{ISSUER_HEAD}{names.workspaces.get(uuid, slug)}{ISSUER_TAIL}"
    known = uuid is None or uuid in names.workspaces
    return Mistakes(tuple(phrases), meant, suggested=meant if phrases and known else None)


def subject_mistakes(subject: str, names: Names, workspace: str | None = None) -> Mistakes:
    """Return the mistakes in a subject or a subject pattern; wildcards are not changed.

    Args:
        subject: ``{9a6d6bde-…}:{c2b1a5de-…}:{11111111-…}``, or a pattern such as ``{9a6d6bde-…}:*``.
        names: Names with the UUIDs of workspaces.
        workspace: The UUID of the workspace that the audience names, or ``None``.
    """
    phrases: list[str] = []
    meant = subject.strip()
    if meant != subject:
        phrases.append("it has white space around it")
    if vendor := _vendor(meant, _VENDORS_BY_SUBJECT):
        return Mistakes((f"it has the form of {vendor}, not of Bitbucket",), subject, foreign=True)
    if re.search(r"[A-F]", meant) and re.fullmatch(r"[0-9A-Fa-f{}:*?-]+", meant):
        phrases.append("it has capitals: Bitbucket's UUIDs are lower-case")
        meant = meant.lower()
    with_braces = _BARE_UUID.sub(r"{\1}", meant.replace("{", "").replace("}", "") if _lacks_braces(meant) else meant)
    if with_braces != meant:
        phrases.append("a UUID lacks its braces")
        meant = with_braces
    if begins_with_workspace(meant, names, workspace):
        phrases.append("it begins with the workspace's UUID instead of the repository's")
        meant = meant.partition(":")[2]
    return Mistakes(tuple(phrases), meant, suggested=meant if phrases else None)


def begins_with_workspace(subject: str, names: Names, workspace: str | None) -> bool:
    """Tell whether a subject, or a pattern, begins with the workspace's UUID instead of the repository's."""
    first, colon, _ = subject.partition(":")
    return bool(colon) and is_uuid(first) and (first in names.workspaces or first == workspace)


def _lacks_braces(text: str) -> bool:
    """Tell whether a UUID lacks one or both braces: ``{UUID:*``."""
    uuid = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    return re.search(rf"(?:(?<!\{{){uuid})|(?:{uuid}(?!\}}))", text) is not None and "?" not in text


def _vendor(text: str, vendors: dict[str, str]) -> str | None:
    return next((vendor for beginning, vendor in vendors.items() if text.startswith(beginning)), None)
