"""IAM's grammar for identity-based policies: every fault of a document, each at the value at fault.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic_core import PydanticCustomError

from config.findings import Fault, did_you_mean, fault_in, nearest
from config.models.scalars import describe
from config.policy.conditions import bad, condition_faults
from config.policy.policy_variables import variable_fault
from config.variables import check_variables
from config.yaml.document import Path

_VERSION, _OLD_VERSION = "2012-10-17", "2008-10-17"
_DOCUMENT_KEYS = ("Version", "Id", "Statement")
_STATEMENT_KEYS = ("Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition")
_EITHER = (("Action", "NotAction"), ("Resource", "NotResource"))


@dataclass(frozen=True, slots=True)
class _Form:
    """The texts that AWS accepts for an element, besides ``*``; variables may replace any part."""

    pattern: re.Pattern[str]
    looks: str


_FORMS = {
    "Action": _Form(
        re.compile(r"[A-Za-z0-9*?{}_-]+:[A-Za-z0-9*?{}_-]+", re.ASCII), "SERVICE:ACTION, such as s3:GetObject, or *"
    ),
    "Resource": _Form(re.compile(r"(?:arn|\$\{|\{\{).*:.*", re.DOTALL), "an ARN, such as arn:aws:s3:::bucket/*, or *"),
}
_POLICY_TEXT = re.compile("[\t\n\r -\u00ff]*")
_SID = re.compile(r"[A-Za-z0-9]*", re.ASCII)


def grammar_faults(document: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield why IAM would refuse a parsed document, JSON or YAML; paths begin inside the document.

    YAML reads an unquoted ``Version`` as a date; it counts as its text.
    """
    yield from _text_faults(document)
    yield from _unknown_keys((), document, _DOCUMENT_KEYS, "is not part of a policy document")
    if not isinstance(document.get("Id", ""), str):
        yield bad(("Id",), f"Id is {describe(document['Id'])}", "write text, or leave it out")
    yield from _version_faults(document)
    statements = document.get("Statement")
    if not statements:
        if not _meant("Statement", document, _DOCUMENT_KEYS):
            yield bad(
                ("Statement",) if "Statement" in document else (),
                "the policy document has no statement", "add `Statement:` with at least one",
            )  # fmt: skip
    elif isinstance(statements, list | tuple):
        yield from _statements_faults([(("Statement", index), statement) for index, statement in enumerate(statements)])
    else:
        yield from _statements_faults([(("Statement",), statements)])


def _version_faults(document: Mapping[str, Any]) -> Iterator[Fault]:
    version = document.get("Version")
    if version is None and _meant("Version", document, _DOCUMENT_KEYS):
        return
    if str(version) not in (_VERSION, _OLD_VERSION):
        what = "Version is missing" if version is None else f"Version is {describe(version)}, which IAM does not know"
        yield bad(("Version",), what, f'write Version: "{_VERSION}"')
    elif str(version) == _OLD_VERSION and any("${" in text for _, text, _ in _texts(document.get("Statement"))):
        message = f"with Version {_OLD_VERSION} IAM takes ${{…}} literally instead of replacing it"
        yield bad(("Version",), message, f'write Version: "{_VERSION}"')


def _statements_faults(statements: Sequence[tuple[Path, Any]]) -> Iterator[Fault]:
    sids: set[str] = set()
    for at, statement in statements:
        if not isinstance(statement, Mapping):
            yield bad(at, f"a statement is {describe(statement)}", "write {Effect: …, Action: …, Resource: …}")
            continue
        yield from _statement_faults(at, statement)
        sid = statement.get("Sid", "")
        if not isinstance(sid, str) or _SID.fullmatch(sid) is None:
            yield bad((*at, "Sid"), f"Sid is {describe(sid)}", "use letters and digits only")
        elif sid and sid in sids:
            yield bad((*at, "Sid"), f"Sid {sid} is used twice", "give each statement another Sid, or none")
        else:
            sids.add(sid)


def _statement_faults(at: Path, statement: Mapping[str, Any]) -> Iterator[Fault]:
    yield from _unknown_keys(at, statement, _STATEMENT_KEYS, "is not an element of a statement")
    effect = statement.get("Effect")
    if effect not in ("Allow", "Deny") and not (effect is None and _meant("Effect", statement, _STATEMENT_KEYS)):
        what = "a statement has no Effect" if effect is None else f"Effect is {describe(effect)}"
        yield bad((*at, "Effect"), what, did_you_mean(str(effect), ("Allow", "Deny"), "write Allow or Deny"))
    missing: list[str] = []
    for element, negated in _EITHER:
        if element in statement and negated in statement:
            yield bad((*at, negated), f"a statement has both {element} and {negated}", "use exactly one of the two")
        elif element in statement or negated in statement:
            key = element if element in statement else negated
            yield from _element_faults((*at, key), statement[key], _FORMS[element])
        elif not any(_meant(name, statement, _STATEMENT_KEYS) for name in (element, negated)):
            missing.append(f"neither {element} nor {negated}")
    if missing:
        yield bad(at, f"a statement has {' and '.join(missing)}", "use exactly one of the two")
    if "Condition" in statement:
        yield from condition_faults((*at, "Condition"), statement["Condition"])


def _element_faults(at: Path, value: Any, form: _Form) -> Iterator[Fault]:  # noqa: ANN401 - parsed JSON or YAML
    listed = isinstance(value, list | tuple)
    if listed and not value:
        yield bad(at, f"{at[-1]} is an empty list", f"write {form.looks}")
    for index, item in enumerate(value if listed else (value,)):
        here = (*at, index) if listed else at
        if not isinstance(item, str) or not item:
            yield bad(here, f"{at[-1]} is {describe(item)}", "write text or a list of texts")
        elif item.strip("*") and not form.pattern.fullmatch(item):
            left = variable_fault(here, item) if form is _FORMS["Resource"] else None
            yield left or bad(here, f"{item} is not what AWS accepts as {at[-1]}", f"write {form.looks}")


def _unknown_keys(at: Path, mapping: Mapping[str, Any], known: Sequence[str], what: str) -> Iterator[Fault]:
    for key in mapping:
        if key in ("Principal", "NotPrincipal") and known is _STATEMENT_KEYS:
            message = f"a statement has `{key}`: a permission policy has no principal"
            yield bad((*at, key), message, "remove it; the role's `trust` says who may assume it", of_key=True)
        elif key not in known:
            hint = did_you_mean(key, known, f"write {', '.join(known)}")
            yield bad((*at, key), f"`{key}` {what}", hint, of_key=True)


def _meant(name: str, mapping: Mapping[str, Any], known: Sequence[str]) -> bool:
    """Tell whether an unknown key is a misspelt ``name``, which is then not reported as missing."""
    return any(key not in known and nearest(key, known) == name for key in mapping)


def _text_faults(document: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield texts that IAM refuses: it accepts tab, line ends and the rest of Latin-1 (API_PutRolePolicy)."""
    for here, text, of_key in _texts(document):
        if not _POLICY_TEXT.fullmatch(text):
            yield bad(here, "a character that IAM accepts in no policy", "use Latin-1 characters", of_key=of_key)
        elif of_key and "{{" in text:
            # Two keys could become one, and one of two conditions would be lost.
            message = f"{text}: only values can have variables"
            yield Fault("bad-variable", here, message, "write the key without them", of_key=True)
        elif not of_key:
            try:
                check_variables(text, of_families=True)
            except PydanticCustomError as error:
                carried = fault_in(error.context)
                if carried is None:
                    raise
                yield Fault(carried.rule, here, carried.message, carried.hint)


def _texts(document: Any) -> Iterator[tuple[Path, str, bool]]:  # noqa: ANN401 - parsed JSON or YAML
    """Yield every text with its path, and whether it is a key; without recursion, for a file may nest deeply."""
    waiting: list[tuple[Path, Any]] = [((), document)]
    while waiting:
        at, value = waiting.pop()
        values: list[tuple[Path, Any]] = []
        if isinstance(value, str):
            yield at, value, False
        elif isinstance(value, Mapping):
            yield from (((*at, key), key, True) for key in value)
            values = [((*at, key), item) for key, item in value.items()]
        elif isinstance(value, list | tuple):
            values = [((*at, index), item) for index, item in enumerate(value)]
        waiting += reversed(values)
