"""explain --trust-policy: who any trust policy lets in, and what is wrong with it."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from access.explanation.explain import RoleAnswer, TokenCall, answer
from access.explanation.names import Names
from access.trust_review.admitted import AdmittedTokens
from access.trust_review.document import TrustDocument, trust_document
from access.trust_review.fault import TrustFault
from access.trust_review.principal import partition_and_account
from access.trust_review.review import Review, review
from config.findings import Finding, Level, Place, has_errors, one_line, shown
from oidc.errors import UsageError
from review.explain import show_answer, show_call
from review.findings import COLOURS, colour_wanted, counted

_MAX_BYTES = 100_000
_NOBODY = "nobody: no Bitbucket token matches"
_ANY_ACCOUNT = "000000000000"
"""The account of a policy that names none; no account has this id."""


@dataclass(frozen=True, slots=True)
class ReadPolicy:
    """A trust policy to review: its file name or ``standard input``, its document, and the account of its role."""

    name: str
    document: TrustDocument
    account: str | None


def read_policy(file: str, account: str | None) -> ReadPolicy:
    """Read a trust policy from a file, or from standard input for ``-``.

    Raises:
        UsageError: It cannot be read.
    """
    text = read_text(file, "--trust-policy", _MAX_BYTES)
    return ReadPolicy("standard input" if file == "-" else file, trust_document(text), account)


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


def show_review(policy: ReadPolicy, call: TokenCall | None, output: str, *, strict: bool) -> int:
    """Print who a trust policy lets in, its findings, and its decision on the claims if given; return the exit code."""
    names, data = Names(), policy.document.data
    reviewed = Review((), ()) if data is None else review(data, policy.account, names)
    faults = _in_order(policy.document, (*policy.document.faults, *reviewed.faults))
    decision = None if call is None or data is None else _answer(data, policy.account, call, names)
    if output == "json":
        click.echo(json.dumps(_json(policy, reviewed, faults, decision), indent=2))
    else:
        _show_faults(policy, faults)
        for admitted in reviewed.admitted:
            _show_admitted(admitted)
        if call is not None and decision is not None:
            click.echo()
            show_call(call, names)
            show_answer(decision, one_line(policy.name))
    errors = has_errors(faults)
    return 1 if errors or (strict and faults) else 0


def _answer(data: Mapping[str, Any], account: str | None, call: TokenCall, names: Names) -> RoleAnswer:
    partition, account_of_policy = partition_and_account(data)
    return answer(data, call.to_role_in(account or account_of_policy or _ANY_ACCOUNT, partition), names)


def _in_order(document: TrustDocument, faults: tuple[TrustFault, ...]) -> tuple[TrustFault, ...]:
    return tuple(sorted(faults, key=lambda fault: document.place(fault.path, of_key=fault.of_key)))


def _show_faults(policy: ReadPolicy, faults: tuple[TrustFault, ...]) -> None:
    for fault in faults:
        word = click.style(fault.level.value, fg=COLOURS[fault.level], bold=True)
        line = _finding(policy, fault).line(word, shown(fault.hint))
        click.echo(line, err=True, color=None if colour_wanted() else False)
    errors = sum(fault.level is Level.ERROR for fault in faults)
    counts = [counted(errors, "error"), counted(len(faults) - errors, "warning")]
    click.echo(", ".join(filter(None, counts)) or "no findings", err=True)


def _show_admitted(admitted: AdmittedTokens) -> None:
    grade = f" ({admitted.grade.value})" if admitted.grade else ""
    click.echo(f"statement {admitted.statement} lets in, from {admitted.issuer}{grade}:")
    for line in (*admitted.steps, *admitted.limits) if admitted.steps else (_NOBODY,):
        click.echo(f"      {line}")


def _json(
    policy: ReadPolicy, reviewed: Review, faults: tuple[TrustFault, ...], decision: RoleAnswer | None
) -> dict[str, Any]:
    return {
        "admitted": [
            {
                "statement": admitted.statement,
                "issuer": admitted.issuer,
                "grade": admitted.grade.value if admitted.grade else None,
                "steps": list(admitted.steps),
                "limits": list(admitted.limits),
            }
            for admitted in reviewed.admitted
        ],
        "findings": [_finding(policy, fault).to_json() for fault in faults],
        "decision": decision and {"allowed": decision.allowed, "reasons": [each.text for each in decision.reasons]},
    }


def _finding(policy: ReadPolicy, fault: TrustFault) -> Finding:
    line, column = policy.document.place(fault.path, of_key=fault.of_key)
    return fault.at(Place(0, line, column, policy.name))
