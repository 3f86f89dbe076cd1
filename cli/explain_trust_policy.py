"""explain --trust-policy: who any trust policy lets in, and what is wrong with it."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from access.explanation.explain import RoleAnswer, TokenCall, answer
from access.explanation.names import Names
from access.trust_review.admitted import AdmittedTokens
from access.trust_review.document import TrustDocument
from access.trust_review.fault import TrustFault
from access.trust_review.forms import NOBODYS_ACCOUNT, FoundPolicies, NamedPolicy, find_policies
from access.trust_review.principal import partition_and_account
from access.trust_review.review import Review, review
from config.findings import Finding, Level, Place, has_errors, one_line, shown
from oidc.errors import UsageError
from review.explain import show_answer, show_call
from review.findings import COLOURS, colour_wanted, counted

_MAX_BYTES = 5_000_000
"""Bytes of a text with trust policies: the answer of ``aws iam list-roles`` for 1,000 roles has some two million."""
_NOBODY = "nobody: no Bitbucket token matches"


@dataclass(frozen=True, slots=True)
class ReadPolicies:
    """Trust policies to review, and the name of their file, or ``standard input``."""

    name: str
    found: FoundPolicies


def read_policies(file: str, account: str | None, values: Sequence[str]) -> ReadPolicies:
    """Read trust policies from a file, or from standard input for ``-``; values are ``NAME=VALUE``.

    Raises:
        UsageError: The file cannot be read, or a value has no name.
    """
    for value in values:
        if not value.partition("=")[0] or "=" not in value:
            raise UsageError(f"--parameter is not NAME=VALUE: `{one_line(value)}`", do="write WorkspaceName=acme")
    given = {name: value for name, _, value in (each.partition("=") for each in values)}
    text = read_text(file, "--trust-policy", _MAX_BYTES)
    return ReadPolicies("standard input" if file == "-" else file, find_policies(text, account, given))


def read_text(file: str, option: str, most: int) -> str:
    """Read the file of an option, of at most so many bytes, or standard input for ``-``.

    Raises:
        UsageError: It cannot be read, is too large, or is not UTF-8.
    """
    name = "standard input" if file == "-" else file
    try:
        if file == "-":
            data = b"" if sys.stdin is None else sys.stdin.buffer.read(most + 1)
        else:
            with Path(file).open("rb") as opened:
                data = opened.read(most + 1)
        if len(data) > most:
            raise UsageError(f"{one_line(name)} is larger than {most // 1000:,} KB", do=f"give less to {option}")
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{one_line(name)} is not UTF-8 at byte {error.start}", do="save it as UTF-8") from error
    except (OSError, ValueError) as error:
        # ValueError: the path has a null character.
        if file.lstrip().startswith("{"):
            do = "write it to a file, or give - and pipe it in"
            raise UsageError(f"{option} is JSON, expected a file", do=do) from error
        reason = getattr(error, "strerror", None) or "the path is invalid"
        raise UsageError(f"{one_line(name)} cannot be read: {reason}", do="check the path") from error


@dataclass(frozen=True, slots=True)
class _Reviewed:
    """A trust policy, its review, all its faults in order, and its decision on the claims if given."""

    policy: NamedPolicy
    review: Review
    faults: tuple[TrustFault, ...]
    decision: RoleAnswer | None


def show_review(read: ReadPolicies, call: TokenCall | None, output: str, *, strict: bool) -> int:
    """Print who each policy lets in, its findings, and its decision on the claims if given; return the exit code."""
    reviewed = [_reviewed(policy, call) for policy in read.found.policies]
    if output == "json":
        every = [_json(read, each) for each in reviewed]
        click.echo(json.dumps(every if read.found.are_listed else every[0], indent=2))
    else:
        for each in reviewed:
            _show(read, each, call)
    if read.found.left_out:
        others = f"{read.found.left_out} role{'' if read.found.left_out == 1 else 's'}"
        click.echo(f"note: {others} without an OIDC provider as principal left out", err=True)
    if defaults := sorted({name for each in reviewed for name in each.policy.defaults}):
        names = one_line(", ".join(defaults))
        click.echo(f"note: reviewed with the defaults of {names}; a stack may have other values: --parameter", err=True)
    if read.found.is_truncated:
        click.echo("note: more roles follow on another page: list them without --max-items and --no-paginate", err=True)
    faults = [fault for each in reviewed for fault in each.faults]
    return 1 if has_errors(faults) or (strict and faults) else 0


def _reviewed(policy: NamedPolicy, call: TokenCall | None) -> _Reviewed:
    data = policy.document.data
    names = Names()
    outcome = Review((), ()) if data is None else review(data, policy.account, names)
    faults = _in_order(policy.document, (*policy.document.faults, *outcome.faults))
    decision = None if call is None or data is None else _answer(data, policy.account, call, names)
    return _Reviewed(policy, outcome, faults, decision)


def _show(read: ReadPolicies, reviewed: _Reviewed, call: TokenCall | None) -> None:
    policy = reviewed.policy
    whose = f"role {one_line(policy.role)}" if read.found.are_listed else one_line(read.name)
    if read.found.are_listed:
        click.echo(f"{whose}:" if policy.account is None else f"{whose} in account {one_line(policy.account)}:")
    _show_faults(read, reviewed)
    for admitted in reviewed.review.admitted:
        _show_admitted(admitted)
    if call is not None and reviewed.decision is not None:
        click.echo()
        show_call(call, Names())
        show_answer(reviewed.decision, whose)


def _answer(data: Mapping[str, Any], account: str | None, call: TokenCall, names: Names) -> RoleAnswer:
    partition, account_of_policy = partition_and_account(data)
    return answer(data, call.to_role_in(account or account_of_policy or NOBODYS_ACCOUNT, partition), names)


def _in_order(document: TrustDocument, faults: tuple[TrustFault, ...]) -> tuple[TrustFault, ...]:
    return tuple(sorted(faults, key=lambda fault: document.place(fault.path, of_key=fault.of_key)))


def _show_faults(read: ReadPolicies, reviewed: _Reviewed) -> None:
    faults = reviewed.faults
    for fault in faults:
        word = click.style(fault.level.value, fg=COLOURS[fault.level], bold=True)
        line = _finding(read, reviewed.policy, fault).line(word, shown(fault.hint))
        click.echo(line, err=True, color=None if colour_wanted() else False)
    errors = sum(fault.level is Level.ERROR for fault in faults)
    counts = [counted(errors, "error"), counted(len(faults) - errors, "warning")]
    click.echo(", ".join(filter(None, counts)) or "no findings", err=True)


def _show_admitted(admitted: AdmittedTokens) -> None:
    grade = f" ({admitted.grade.value})" if admitted.grade else ""
    click.echo(f"statement {admitted.statement} lets in, from {admitted.issuer}{grade}:")
    for line in (*admitted.steps, *admitted.limits) if admitted.steps else (_NOBODY,):
        click.echo(f"      {line}")


def _json(read: ReadPolicies, reviewed: _Reviewed) -> dict[str, Any]:
    decision = reviewed.decision
    answered = {
        "admitted": [
            {
                "statement": admitted.statement,
                "issuer": admitted.issuer,
                "grade": admitted.grade.value if admitted.grade else None,
                "steps": list(admitted.steps),
                "limits": list(admitted.limits),
            }
            for admitted in reviewed.review.admitted
        ],
        "findings": [_finding(read, reviewed.policy, fault).to_json() for fault in reviewed.faults],
        "decision": decision and {"allowed": decision.allowed, "reasons": [each.text for each in decision.reasons]},
    }
    policy = reviewed.policy
    return {"role": policy.role, "account": policy.account, **answered} if read.found.are_listed else answered


def _finding(read: ReadPolicies, policy: NamedPolicy, fault: TrustFault) -> Finding:
    line, column = policy.document.place(fault.path, of_key=fault.of_key)
    return fault.at(Place(0, line, column, read.name))
