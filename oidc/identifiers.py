"""Identifiers of Bitbucket and AWS, each in the one spelling that may reach a policy."""

import re
from typing import NewType

BitbucketUuid = NewType("BitbucketUuid", str)
"""A workspace, repository, environment or step: ``{0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11}``, braces included.

Bitbucket writes every UUID with braces and in lower-case hex, in its REST API and in the claims of a token alike
(https://developer.atlassian.com/cloud/bitbucket/rest/). AWS compares character by character, so this is the only
spelling that can match.
"""

WorkspaceSlug = NewType("WorkspaceSlug", str)
"""The workspace ID of a URL, as in ``bitbucket.org/acme``: ``acme``."""

AccountId = NewType("AccountId", str)
"""An AWS account: 12 digits as text, for example ``012345678901``."""

UUID_PATTERN = re.compile(r"\{[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\}", re.ASCII)
"""The accepted spelling of a UUID; use it with ``fullmatch``."""

SLUG_PATTERN = re.compile(r"(?!\.+\Z)[A-Za-z0-9_.-]+", re.ASCII)
"""Repository slugs and inventory keys. Names of only dots are refused: in a URL path they would mean another folder."""

WORKSPACE_SLUG_PATTERN = re.compile(r"(?!\.+\Z)[a-z0-9_.-]+", re.ASCII)
"""Workspace slugs are lower-case; the slug is part of the issuer, which AWS compares case-sensitively."""

ACCOUNT_ID_PATTERN = re.compile(r"[0-9]{12}", re.ASCII)
"""Twelve ASCII digits (https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-identifiers.html)."""


def is_uuid(text: str) -> bool:
    """Tell whether ``text`` is a UUID in the accepted spelling, such as ``{0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11}``."""
    return UUID_PATTERN.fullmatch(text) is not None


def accepted_spelling(text: str) -> BitbucketUuid | None:
    """Return the UUID that somebody probably meant, in the accepted spelling. It is a suggestion, never the value used.

    ``0B3FF4A1-7C5E-4D0A-9F5E-2F0F4F6F7A11`` gives ``{0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11}``; a text without the 32
    hex digits of a UUID gives ``None``.
    """
    digits = re.sub(r"[\s{}()-]", "", text).lower()
    if re.fullmatch(r"[0-9a-f]{32}", digits, re.ASCII) is None:
        return None
    cuts = (digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])
    return BitbucketUuid("{" + "-".join(cuts) + "}")


_BITBUCKET_URL = re.compile(
    r"\s*(?:git\s+clone\s+(?:\S+\s+)*?)?(?:[a-z][a-z0-9+.-]*://)?(?:[^@/\s]*@)?(?:www\.|api\.|altssh\.)?bitbucket\.org"
    r"(?::[0-9]*(?=/))?[/:]+(?:2\.0/|!api/2\.0/)?(?:repositories/|workspaces/)?(?P<path>[^\s?#]*)(?:[\s?#].*)?",
    re.ASCII | re.IGNORECASE | re.DOTALL,
)
_NO_REPOSITORIES = frozenset({"workspace", "profile", "pipelines-config"})
"""Second parts of Bitbucket's URLs that follow a workspace: ``bitbucket.org/acme/workspace/overview``."""


def slugs_in_url(text: str) -> tuple[str, str] | None:
    """Return the slugs in a URL that people copy from Bitbucket; ``None`` for any text that is not such a URL.

    ``https://bitbucket.org/acme/shop/src/main/``, ``git@bitbucket.org:acme/shop.git`` and ``git clone`` before either
    give ``("acme", "shop")``; ``https://bitbucket.org/acme`` gives ``("acme", "")``. What is not a slug is empty.
    """
    match = _BITBUCKET_URL.fullmatch(text)
    if match is None:
        return None
    parts = [*match["path"].strip("/").split("/"), ""]
    workspace, repository = parts[0].lower(), parts[1].removesuffix(".git")
    if WORKSPACE_SLUG_PATTERN.fullmatch(workspace) is None:
        return "", ""
    known = SLUG_PATTERN.fullmatch(repository) is not None and repository not in _NO_REPOSITORIES
    return workspace, repository if known else ""
