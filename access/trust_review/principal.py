"""Check the principal of a statement: the OIDC providers whose tokens it admits."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from access.explanation.mistakes import ISSUER_HEAD, ISSUER_TAIL, issuer_mistakes
from access.explanation.names import Names
from access.trust_review.fault import TrustFault
from config.findings import did_you_mean
from config.models.scalars import describe
from config.yaml.document import Path
from oidc.arn import PARTITION_NAMES
from oidc.iam.document import parse
from oidc.iam.statement import Statement
from oidc.placeholders import placeholder_in

_OIDC_PROVIDER = re.compile(rf"arn:({PARTITION_NAMES}):iam::([0-9]{{12}}):oidc-provider/(.+)", re.ASCII | re.DOTALL)
_AFTER_ACCOUNT = ":oidc-provider/"


@dataclass(frozen=True, slots=True)
class OidcProvider:
    """An OIDC provider that a statement names or may mean.

    Attributes:
        issuer: Without ``https://``; empty for every other issuer, if the principal is everybody.
        advised: The issuer that condition keys should name.
        is_bitbucket: Whether it is meant to be an issuer of Bitbucket.
        alive: Whether Bitbucket has this issuer and the role's account may have this OIDC provider.
    """

    issuer: str
    advised: str
    is_bitbucket: bool
    alive: bool


def principals_of(
    statement: Statement, account: str | None, keys: Sequence[str], names: Names
) -> Iterator[OidcProvider | TrustFault]:
    """Yield the OIDC providers that a statement names, and the faults of its principal.

    Args:
        statement: Statement of a trust policy.
        account: Account of the role; ``None`` if unknown.
        keys: Bitbucket's issuers that the condition names, without ``https://``.
        names: Names of the inventory, if one is given.
    """
    yield from _malformed_faults(statement)
    for principal in statement.principals:
        place, kind, name = principal.place, principal.kind, principal.name
        if kind == "Federated":
            yield from _federated(place, name, account, keys, names)
        elif (match := _OIDC_PROVIDER.fullmatch(name)) is not None:
            if kind in _KINDS:
                message = f"{name} is an OIDC provider, and IAM refuses it under {kind}: nobody gets in"
                yield TrustFault("bad-trust-policy", place, message, f"write Federated instead of {kind}", of_key=True)
            yield OidcProvider(match[3], match[3], "bitbucket" in match[3].lower(), alive=False)
        elif kind in ("", "AWS") and name == "*":
            yield _everybody(place, name, kind)
        elif kind in _KINDS:
            message = f"{name} may also assume the role if the action fits, and this review does not cover it"
            yield TrustFault("other-principal", place, message, "give it a separate role")


_KINDS = ("Federated", "AWS", "Service", "CanonicalUser")
"""Kinds of principals (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html)."""


def _malformed_faults(statement: Statement) -> Iterator[TrustFault]:
    kinds = {each.kind: each.place[: len(statement.place) + 2] for each in statement.principals if each.kind}
    for kind, place in kinds.items():
        if kind not in _KINDS:
            message, hint = f"IAM has no kind of principal `{kind}`", did_you_mean(kind, _KINDS, "write Federated")
            yield TrustFault("bad-trust-policy", place, message, hint, of_key=True)
    hint = 'write {"Federated": "arn:aws:iam::ACCOUNT:oidc-provider/…"}'
    if not statement.has("Principal"):
        place = (*statement.place, "Principal")
        yield TrustFault("bad-trust-policy", place, _expected_principal(None), hint)
    for malformed in statement.malformed:
        if malformed.part == "principals":
            yield TrustFault("bad-trust-policy", malformed.place, _expected_principal(malformed.value), hint)
        elif malformed.part == "principal":
            message = f"expected an ARN as a principal, found {describe(malformed.value)}"
            yield TrustFault("bad-trust-policy", malformed.place, message, "write an ARN")


def _expected_principal(value: object) -> str:
    return f"expected an OIDC provider, found {describe(value)}"


def _everybody(at: Path, name: str, kind: str = "") -> TrustFault:
    """Return the finding of a star. AWS's page says that both forms are equal; only one of them was tried.

    Sources: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html, and a recorded
    call to real AWS (us-east-1, 2026-09-11), which ``{"AWS": "*"}`` did not let in.
    """
    recorded = "in a recorded call, AWS did not let a token in by it"
    tokens = recorded if kind == "AWS" else "whether it lets in tokens is not known"
    message = f"the principal {name} is everybody, every AWS account included, for each action of the statement"
    message += f"; {tokens}"
    return TrustFault("everybody", at, message, 'write {"Federated": the ARN of the OIDC provider}')


def _federated(
    at: Path, arn: str, account: str | None, keys: Sequence[str], names: Names
) -> Iterator[OidcProvider | TrustFault]:
    if not arn.strip("*?"):
        yield _everybody(at, arn, "Federated")
        return
    if "*" in arn or "?" in arn:
        message = f"{arn} has a wildcard, which AWS does not document in a principal: it may be any OIDC provider"
        yield TrustFault("wrong-issuer", at, message, "write the whole ARN of one OIDC provider")
        yield from _of_first(keys)
        return
    match = _OIDC_PROVIDER.fullmatch(arn)
    if match is not None:
        yield from _of_issuer(at, arn, match[3], owner=match[2], account=account, keys=keys, names=names)
    elif placeholder := placeholder_in(arn.partition(_AFTER_ACCOUNT)[0]):
        rule = "wrong-issuer" if keys or "bitbucket" in arn.lower() else "other-principal"
        what = "is a placeholder" if placeholder == arn else f"has the placeholder {placeholder}"
        message = f"{arn} {what}: no OIDC provider has this ARN"
        yield TrustFault(rule, at, message, "write arn:aws:iam::ACCOUNT:oidc-provider/ and the issuer")
        yield from _as_if_filled_in(at, arn, keys, names)
    else:
        rule = "wrong-issuer" if "bitbucket" in arn.lower() else "other-principal"
        hint = "write arn:aws:iam::ACCOUNT:oidc-provider/ and the issuer without https://"
        yield TrustFault(rule, at, f"{arn} is not the ARN of an OIDC provider", hint)


def _as_if_filled_in(at: Path, arn: str, keys: Sequence[str], names: Names) -> Iterator[OidcProvider | TrustFault]:
    """Yield what else is wrong with an ARN that has a placeholder; without an issuer, that of the condition keys."""
    issuer = arn.partition(_AFTER_ACCOUNT)[2]
    if not issuer:
        yield from _of_first(keys)
        return
    for each in _of_issuer(at, arn, issuer, owner="", account=None, keys=keys, names=names):
        yield replace(each, alive=False) if isinstance(each, OidcProvider) else replace(each, suggested=())


def _of_first(keys: Sequence[str]) -> Iterator[OidcProvider]:
    """Yield the OIDC provider that a principal probably means: the one of the first issuer in the condition keys."""
    yield from (OidcProvider(key, key, is_bitbucket=True, alive=False) for key in keys[:1])


def _of_issuer(
    at: Path, arn: str, issuer: str, *, owner: str, account: str | None, keys: Sequence[str], names: Names
) -> Iterator[OidcProvider | TrustFault]:
    has_scheme = issuer.startswith(("https://", "http://"))
    mistakes = issuer_mistakes(issuer if has_scheme else f"https://{issuer}", names)
    is_bitbucket = not mistakes.foreign or "bitbucket" in issuer.lower()
    is_wrong = is_bitbucket and bool(mistakes.phrases or has_scheme)
    # An issuer with a placeholder is copied together with its condition keys.
    others = [key for key in keys if key != issuer.lower()]
    known = mistakes.suggested or (None if mistakes.phrases or not has_scheme else issuer) or _of_keys(others)
    right = (known or _FORM) if is_wrong else f"https://{issuer}"
    if not is_bitbucket:
        message = f"https://{issuer}: {mistakes.phrases[0]}"
        yield TrustFault(
            "other-principal", at, message, "write a role for each vendor; this review covers only Bitbucket"
        )
    elif is_wrong:
        message = f"{arn} has a scheme: the ARN has the issuer without https://"
        if mistakes.phrases:
            url = issuer if has_scheme else f"https://{issuer}"
            message = f"no token has the issuer {url}: {', and '.join(mistakes.phrases)}"
        suggested = (f"{arn.removesuffix(issuer)}{known.removeprefix('https://')}",) if known else ()
        left = placeholder_in(issuer)
        hint = f"replace {left} by the workspace's slug" if left else _right_issuer(mistakes.suggested, keys, right)
        yield TrustFault("wrong-issuer", at, message, hint, suggested=suggested)
    is_other = account is not None and owner != account
    if is_other:
        message = f"the OIDC provider is in account {owner} and the role in {account}: it never matches"
        yield TrustFault("other-account", at, message, f"name the OIDC provider of account {account}")
    yield OidcProvider(issuer, right.removeprefix("https://"), is_bitbucket, not is_wrong and not is_other)


def _of_keys(keys: Sequence[str]) -> str | None:
    """Return the issuer that the condition names, if it names exactly one."""
    return f"https://{keys[0]}" if len(keys) == 1 else None


def _right_issuer(suggested: str | None, keys: Sequence[str], right: str) -> str:
    by_keys = suggested is None and _of_keys(keys) == right
    return f"the right issuer is {right}" + (", as in the condition keys" if by_keys else "")


_FORM = f"{ISSUER_HEAD}WORKSPACE{ISSUER_TAIL}"


def partition_and_account(document: Mapping[str, Any]) -> tuple[str, str | None]:
    """Return the partition and account of the first OIDC provider that a policy names: ``aws``, ``222222222222``.

    Without one: ``aws`` and ``None``.
    """
    for statement in parse(document).statements:
        for principal in statement.principals:
            match = _OIDC_PROVIDER.fullmatch(principal.name)
            if match is not None:
                return match[1], match[2]
    return "aws", None
