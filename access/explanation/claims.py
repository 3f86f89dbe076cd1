"""The claims to explain: from JSON, from a token, or of a step that the inventory names."""

import base64
import binascii
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from access.evaluation.condition_keys import ROLES_CLAIM
from config.findings import did_you_mean, one_line
from config.models.inventory import Inventory
from oidc.bitbucket import default_audience, issuer_url
from oidc.errors import UsageError
from oidc.hidden_secrets import is_token
from oidc.identifiers import BitbucketUuid, WorkspaceSlug


@dataclass(frozen=True, slots=True)
class NamedStep:
    """The UUIDs of a step's workspace, repository and deployment environment.

    Attributes:
        workspace: ``acme``.
        workspace_uuid: ``{0b3ff4a1-…}``.
        repository_uuid: ``{9a6d6bde-…}``.
        environment_uuid: UUID of the deployment environment that the step names, or ``None``.
    """

    workspace: WorkspaceSlug
    workspace_uuid: BitbucketUuid
    repository_uuid: BitbucketUuid
    environment_uuid: BitbucketUuid | None


def named_step(inventory: Inventory, repository: str, environment: str | None) -> NamedStep:
    """Return the UUIDs of a step.

    Args:
        inventory: The inventory, with the UUIDs of its lock.
        repository: ``acme/payments``.
        environment: The deployment environment that the step names, or ``None``.

    Raises:
        UsageError: The inventory has no such name, or no UUID for it.
    """
    shown = one_line(repository)
    slug, slash, name = repository.partition("/")
    if not slash:
        raise UsageError(f"a repository is WORKSPACE/REPOSITORY, not `{shown}`", do="write acme/payments")
    workspace = inventory.workspace_called(slug)
    if workspace is None:
        raise _unknown("workspace", slug, inventory.workspaces)
    declared = workspace.repositories.get(name)
    if declared is None:
        raise _unknown(f"repository in workspace {one_line(slug)}", name, workspace.repositories)
    if environment is not None and environment not in declared.environments:
        raise _unknown(f"deployment environment in repository {shown}", environment, declared.environments)
    return NamedStep(
        WorkspaceSlug(slug),
        _known(workspace.uuid, f"workspace {one_line(slug)}"),
        _known(declared.uuid, f"repository {shown}"),
        None
        if environment is None
        else _known(declared.environments[environment].uuid, f"deployment environment {one_line(environment)}"),
    )


def _unknown(kind: str, name: str, known: Iterable[str]) -> UsageError:
    names = sorted(known)
    otherwise = f"known: {', '.join(names)}" if names else "the inventory has none"
    return UsageError(f"there is no {kind} named `{one_line(name)}`", do=did_you_mean(name, names, otherwise))


def _known(uuid: str | None, what: str) -> BitbucketUuid:
    if uuid is None:
        raise UsageError(f"{what} has no UUID in the inventory", do="add it, or run `bitbucket-oidc lock`")
    return BitbucketUuid(uuid)


LONGEST_TOKEN = 20_000
"""The most characters that STS takes as ``WebIdentityToken``; claims are shorter
(https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html)."""

_ANY_STEP = "{00000000-0000-4000-8000-000000000000}"
_PARTS = 3
_READ_BY_AWS = frozenset({"iss", "aud", "sub", "amr", "email", "azp", "exp", "iat", "nbf", "jti", ROLES_CLAIM})


def claims_of_json(text: str) -> dict[str, Any]:
    """Return claims given as JSON: ``{"iss": "https://…", "aud": "ari:…", "sub": "{…}:{…}"}``.

    Raises:
        UsageError: It is not a JSON object, or a claim that AWS compares is missing or not text.
    """
    if is_token(text.strip()):
        raise UsageError("--claims takes JSON, but this is a token", do="pipe the token into the command: --token -")
    _refuse_too_long(text, "--claims")
    try:
        claims = json.loads(text, object_pairs_hook=_each_once)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise UsageError(f"--claims is not JSON: {error.msg} at {where}", do=_WRITE_CLAIMS) from None
    except (RecursionError, ValueError):  # after its subclass JSONDecodeError
        raise UsageError("--claims is nested too deeply or has a number that is too long", do=_WRITE_CLAIMS) from None
    if not isinstance(claims, dict):
        raise UsageError("--claims is not a JSON object", do=_WRITE_CLAIMS)
    return _checked(claims, "--claims")


def _refuse_too_long(text: str, what: str) -> None:
    if len(text) > LONGEST_TOKEN:
        raise UsageError(
            f"{what} has more than {LONGEST_TOKEN:,} characters, the most that STS takes", do="give one token"
        )


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a duplicate name: "the parser … MUST either reject … or use only the last" (RFC 7519, 4)."""
    names = [name for name, _ in pairs]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"--claims has `{one_line(name)}` twice", do="give each claim once")
    return dict(pairs)


_WRITE_CLAIMS = """write '{"iss": "…", "aud": "…", "sub": "…"}'"""


def claims_of_token(text: str) -> dict[str, Any]:
    """Return the claims of a token; its signature is not checked.

    A token has three parts in base64url; the second is a JSON object
    (https://www.rfc-editor.org/rfc/rfc7519#section-3, https://www.rfc-editor.org/rfc/rfc7515#section-3.1).

    Raises:
        UsageError: It is not a token. The message contains no part of it.
    """
    _refuse_too_long(text, "standard input")
    parts = text.strip().split(".")
    if len(parts) != _PARTS:
        if not text.strip():
            raise UsageError("no claims are given, and standard input is empty", do=f"{_PIPE}; {_OR_ELSE}")
        what = "standard input is not a token: a token has three parts with dots between them"
        raise UsageError(what, do=_PIPE)
    try:
        payload = base64.b64decode(parts[1] + "=" * (-len(parts[1]) % 4), altchars=b"-_", validate=True)
        claims = json.loads(payload.decode())
    except (binascii.Error, UnicodeError, ValueError, RecursionError):
        raise UsageError("the second part of the token is not JSON in base64url", do=_CHECK_WHOLE) from None
    if not isinstance(claims, dict):
        raise UsageError("the token has no claims", do=_CHECK_WHOLE)
    return _checked(claims, "the token")


_PIPE = "write printenv BITBUCKET_STEP_OIDC_TOKEN | bitbucket-oidc explain --token -"
_CHECK_WHOLE = "check that the token is complete"
_OR_ELSE = "or give --repository WORKSPACE/REPOSITORY or --claims JSON"


def _checked(claims: dict[str, Any], what: str) -> dict[str, Any]:
    for name in ("iss", "aud", "sub"):
        value = claims.get(name)
        if value in (None, [], {}) or (value == "" and name != "sub"):
            do = "give iss, aud and sub: AWS refuses a token without one of them"
            raise UsageError(f"{what} has no {name}", do=do)
        listed = value if isinstance(value, list) and name == "aud" else [value]
        is_number = name == "sub" and isinstance(value, int) and not isinstance(value, bool)
        if not is_number and not all(isinstance(each, str) for each in listed):
            raise UsageError(f"{name} of {what} is not text", do='quote it: "…"')
    return claims


def claims_of_step(
    inventory: Inventory, repository: str, environment: str | None, audience: str | None
) -> dict[str, Any]:
    """Return the claims of any step of a repository, as Bitbucket makes them.

    Args:
        inventory: The inventory, with the UUIDs of its lock.
        repository: ``acme/payments``.
        environment: The deployment environment that the step names, or ``None``.
        audience: Instead of the workspace's own, or ``None``.

    Raises:
        UsageError: The inventory has no such name, or no UUID for it.
    """
    step = named_step(inventory, repository, environment)
    parts = [step.repository_uuid, *([step.environment_uuid] if step.environment_uuid else []), _ANY_STEP]
    return {
        "iss": issuer_url(step.workspace),
        "aud": audience or default_audience(step.workspace_uuid),
        "sub": ":".join(parts),
    }


def claim_notes(claims: dict[str, Any]) -> list[str]:
    """Return notes on the claims that are true for every role: which of them AWS ignores."""
    ignored = sorted(name for name in claims if name not in _READ_BY_AWS)
    if not ignored:
        return []
    shown = one_line(", ".join(ignored))
    return [f"AWS ignores {shown}: of a Bitbucket token, a trust policy can compare only aud and sub"]
