"""Common mistakes in an audience, and the corrected text.

The audience of every step is ``ari:cloud:bitbucket::workspace/UUID``, as a repository's OpenID Connect page shows it. A
step may ask for any other audience, so the names that people make up have no mistake. Sources:
https://support.atlassian.com/bitbucket-cloud/docs/deploy-on-aws-using-bitbucket-pipelines-openid-connect/ and
https://www.atlassian.com/blog/bitbucket/bitbucket-pipelines-oidc-now-supports-multiple-audiences.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from oidc.identifiers import UUID_PATTERN, accepted_spelling, slugs_in_url
from oidc.placeholders import placeholder_in

_ARI = "ari:cloud:bitbucket::workspace/"
_FORM = f"{_ARI}UUID"
_ALMOST_ARI = re.compile(r"(?:(?:ari|arn):+)?cloud:+bitbucket:*(?P<kind>[a-z]+)[/:]+(?P<named>.*)", re.ASCII)
_BEGINS_AS_ARI = re.compile(r"ari:|(arn:+)?cloud:+bitbucket", re.ASCII)
_URL_OF_BITBUCKET = re.compile(r"https?://(www\.|api\.)?bitbucket\.org[^./]*(/|$)|(www\.)?bitbucket\.org/?$", re.ASCII)
"""Also run together with the workspace's slug, as templates do: ``https://bitbucket.orgacme/shop``."""

_VENDORS = {
    "sts.amazonaws.com": "GitHub Actions", "sts.amazonaws.com.cn": "GitHub Actions in China",
    "https://gitlab.com": "GitLab", "aws.workload.identity": "Terraform Cloud",
}  # fmt: skip


class Mistakes(NamedTuple):
    """The mistakes in the spelling of a text.

    Attributes:
        phrases: One phrase for each mistake: ``it ends in a slash``.
        meant: The corrected text; the text itself if it has no mistake or the correction is unknown.
        foreign: Whether the text is not meant for Bitbucket, for example has the form of another vendor.
        suggested: The replacement, if the text alone determines it: an issuer or an audience in Bitbucket's form, or a
            subject, which may have other faults. ``None`` without a mistake.
    """

    phrases: tuple[str, ...]
    meant: str
    foreign: bool = False
    suggested: str | None = None


def audience_mistakes(audience: str, workspaces: Mapping[str, str]) -> Mistakes:
    """Return the mistakes in an audience; a made-up name, such as ``deployments``, has none.

    Args:
        audience: As written, or as a token has it.
        workspaces: Slugs of workspaces by UUID: ``{"{0b3ff4a1-…}": "acme"}``.
    """
    if vendor := _VENDORS.get(audience):
        return Mistakes((f"it is the audience of {vendor}, not of Bitbucket",), audience, foreign=True)
    placeholder = None if workspace_of_audience(audience) else placeholder_in(audience)
    # A name that people make up may have a word in capitals: prod-ID.
    if placeholder and (placeholder[0] in "<$%#{" or placeholder == audience or audience.lower().startswith("ari:")):
        return Mistakes((f"it has the placeholder {placeholder}",), audience)
    phrases: list[str] = []
    meant = audience.strip()
    if meant != audience:
        phrases.append("it has white space around it")
    if _BEGINS_AS_ARI.match(meant.lower()):
        if meant != meant.lower():
            phrases.append("it has capitals")
        of_ari, meant = _of_ari(meant.lower(), workspaces)
        phrases += of_ari
    elif (uuid := accepted_spelling(meant)) is not None:
        phrases.append(f"it lacks {_ARI} before the UUID")
        meant = _ARI + uuid[1:-1]
    elif phrase := _of_another_kind(meant):
        phrases.append(phrase)
    elif not phrases and re.search(r":bitbucket\b", meant):
        return Mistakes((f"it does not have the form {_FORM}",), audience, foreign=True)
    is_own = workspace_of_audience(meant) is not None
    return Mistakes(tuple(phrases), meant, suggested=meant if phrases and is_own else None)


def _of_another_kind(text: str) -> str:
    """Return the mistake in a text that is something else of Bitbucket or AWS, or an empty text."""
    lower = text.lower()
    if ":oidc-provider/" in lower and lower.startswith("arn:"):
        return "it is the ARN of the OIDC provider, not an audience"
    if "/pipelines-config/identity" in lower or re.fullmatch(r"(https?://)?api\.bitbucket\.org/?", lower):
        return "it is an issuer, not an audience"
    if UUID_PATTERN.match(lower) and ":" in lower:
        return "it is a subject, not an audience"
    if slugs_in_url(text) is not None or _URL_OF_BITBUCKET.match(lower):
        return "it is a URL of Bitbucket, not an audience"
    return ""


def _of_ari(text: str, workspaces: Mapping[str, str]) -> tuple[list[str], str]:
    """Return the mistakes in an ARI in lower case, and the corrected text."""
    match = _ALMOST_ARI.fullmatch(text)
    if match is None:
        return ([f"it does not have the form {_FORM}"] if "bitbucket" in text else []), text
    if match["kind"] != "workspace":
        return [f"it names a {match['kind']}, and the audience of every step names its workspace"], text
    named = match["named"]
    phrases = [] if text == _ARI + named else [f"it does not begin with {_ARI}"]
    if named.endswith("/"):
        phrases.append("it ends in a slash")
        named = named.rstrip("/")
    uuid = accepted_spelling(named)
    of_slug = next((known for known, slug in workspaces.items() if slug == named), None)
    if uuid is not None:
        phrases += [] if named == uuid[1:-1] else ["it has braces around the UUID"]
        named = uuid[1:-1]
    elif of_slug is not None:
        phrases.append("it has the workspace's slug instead of its UUID")
        named = of_slug[1:-1]
    elif re.search(r"[*?]", named) is None:
        phrases.append("it has no UUID at its end")
    return phrases, _ARI + named


def workspace_of_audience(audience: object) -> str | None:
    """Return the UUID of the workspace whose own audience this is, with braces, or ``None``."""
    if not isinstance(audience, str) or not audience.lower().startswith(_ARI):
        return None
    return accepted_spelling(audience[len(_ARI) :])
