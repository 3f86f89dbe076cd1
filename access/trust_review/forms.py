"""Find trust policies in the forms in which people have them.

A policy as the console shows it; the answers of ``aws iam get-role``, ``list-roles`` and
``get-account-authorization-details``; a template of CloudFormation, as JSON or YAML; each also URL-encoded, as IAM's
API returns documents (RFC 3986, https://docs.aws.amazon.com/IAM/latest/APIReference/API_Role.html).
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeGuard
from urllib.parse import unquote

import yaml

from access.trust_review.document import DOCUMENT, TrustDocument, policy_at, trust_document
from access.trust_review.fault import TrustFault
from config.yaml.document import YAML_ERRORS, Path, YamlDocument, composed, read_json_document
from config.yaml.nodes import MAX_VALUES, refused_for_size
from oidc.arn import parse_iam_arn
from oidc.iam.document import parse

_ROLES = ("Roles", "RoleDetailList")
_TYPE = "AWS::IAM::Role"
_ENCODED = re.compile(r"\s*%(7B|0A|20|09|0D)", re.IGNORECASE)
"""How a URL-encoded JSON object begins: a brace, after white space."""

_NOBODYS_ACCOUNT = "000000000000"
"""The account of a template if none is given; no account has this id."""


@dataclass(frozen=True, slots=True)
class NamedPolicy:
    """A trust policy, the name of its role (empty if unknown), and its account (``None`` if unknown)."""

    role: str
    account: str | None
    document: TrustDocument


@dataclass(frozen=True, slots=True)
class FoundPolicies:
    """The trust policies of a text.

    Attributes:
        policies: Those that trust an OIDC provider or everybody; a single policy in any case.
        left_out: How many others there are.
        are_listed: Whether the text may have several roles, by their names.
    """

    policies: tuple[NamedPolicy, ...]
    left_out: int = 0
    are_listed: bool = False


def find_policies(text: str, account: str | None, values: Mapping[str, str]) -> FoundPolicies:
    """Find the trust policies of a text; never raises.

    Args:
        text: In any of the forms.
        account: The account of the roles, or ``None``.
        values: Values of parameters of a template: ``{"WorkspaceName": "acme"}``.
    """
    text = unquote(text) if _ENCODED.match(text) else text
    try:
        data = json.loads(text)
        nodes = read_json_document(text)
    except (RecursionError, ValueError):
        data, nodes = _yaml(text)
    if not isinstance(data, dict):
        return FoundPolicies((NamedPolicy("", account, trust_document(text)),))
    if isinstance(data.get("Resources"), dict):
        every = list(_of_template(data, nodes, account, values))
    elif section := next((name for name in _ROLES if isinstance(data.get(name), list)), None):
        every = list(_of_roles(data[section], section, nodes, account))
    else:
        return FoundPolicies((NamedPolicy("", account, trust_document(text)),))
    kept = tuple(policy for policy in every if _concerns_tokens(policy.document))
    return FoundPolicies(kept, len(every) - len(kept), are_listed=True)


def _concerns_tokens(document: TrustDocument) -> bool:
    if document.data is None:
        return True
    principals = [each for statement in parse(document.data).statements for each in statement.principals]
    return not principals or any(each.kind == "Federated" or each.name == "*" for each in principals)


def _of_roles(roles: list[Any], section: str, nodes: YamlDocument, account: str | None) -> Iterator[NamedPolicy]:
    for index, role in enumerate(roles):
        if isinstance(role, dict) and DOCUMENT in role:
            arn = parse_iam_arn(str(role.get("Arn")))
            own = arn.owner if arn is not None else None
            document = policy_at(nodes, (section, index, DOCUMENT), role[DOCUMENT])
            yield NamedPolicy(str(role.get("RoleName", index)), account or own, document)


def _of_template(
    template: Mapping[str, Any], nodes: YamlDocument, account: str | None, values: Mapping[str, str]
) -> Iterator[NamedPolicy]:
    """Yield the policies of a template's roles, with its parameters filled in by values or defaults."""
    parameters = template.get("Parameters")
    declared = parameters if isinstance(parameters, dict) else {}
    defaults = {
        name: str(parameter["Default"])
        for name, parameter in declared.items()
        if isinstance(parameter, dict) and isinstance(parameter.get("Default"), str | int | float)
    }
    pseudo = {"AWS::AccountId": account or _NOBODYS_ACCOUNT, "AWS::Partition": "aws", "AWS::URLSuffix": "amazonaws.com"}
    known = {**pseudo, **defaults, **values}
    for name, resource in template["Resources"].items():
        properties = (
            resource.get("Properties") if isinstance(resource, dict) and resource.get("Type") == _TYPE else None
        )
        if not isinstance(properties, dict) or DOCUMENT not in properties:
            continue
        base: Path = ("Resources", name, "Properties", DOCUMENT)
        policy, unknown = _filled_or_unknown(properties[DOCUMENT], known, declared)
        document = policy_at(nodes, base, policy)
        if unknown:
            what = " and ".join(f"`{name}`" for name in unknown)
            message = f"CloudFormation fills in {what}, so this trust policy is not known here"
            other = "review the role itself: `aws iam get-role`"
            asked = " ".join(f"--parameter {name}=VALUE" for name in unknown if name in declared)
            fault = TrustFault("template-value", (), message, f"give values: {asked}; or {other}" if asked else other)
            document = replace(document, data=None, faults=(fault,))
        yield NamedPolicy(str(name), account, document)


def _filled_or_unknown(
    policy: object, known: Mapping[str, str], declared: Collection[str]
) -> tuple[object, tuple[str, ...]]:
    """Return a policy with its values filled in, and what is unknown: parameters, or the first function."""
    unknown: list[str] = []
    while True:
        try:
            return _filled(policy, {**known, **dict.fromkeys(unknown, "")}), tuple(unknown)
        except _UnknownValueError as error:
            unknown.append(error.what)
            if error.what not in declared:
                return policy, tuple(unknown)


class _UnknownValueError(Exception):
    """A value that only CloudFormation knows."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


_IN_SUB = re.compile(r"\$\{(!?)([^}]*)\}")


def _filled(value: Any, known: Mapping[str, str]) -> Any:  # noqa: ANN401 - what a template holds
    """Return a value with ``Ref``, ``Fn::Sub`` and ``Fn::Join`` filled in.

    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html.

    Raises:
        _UnknownValueError: A name or a function has no value here.
    """
    if isinstance(value, list):
        return [_filled(each, known) for each in value]
    if not isinstance(value, dict):
        return value
    name, inner = next(iter(value.items())) if len(value) == 1 else ("", None)
    if name == "Ref" and isinstance(inner, str):
        return _named(inner, known)
    if name == "Fn::Sub" and isinstance(inner, str):
        inner = [inner, {}]
    if name == "Fn::Sub" and _is_sub(inner):
        names = {**known, **{key: str(_filled(each, known)) for key, each in inner[1].items()}}
        return _IN_SUB.sub(lambda match: f"${{{match[2]}}}" if match[1] else _named(match[2].strip(), names), inner[0])
    if name == "Fn::Join" and isinstance(inner, list) and len(inner) == 2 and isinstance(inner[1], list):  # noqa: PLR2004
        return str(inner[0]).join(str(_filled(each, known)) for each in inner[1])
    if name.startswith("Fn::"):
        raise _UnknownValueError(name)
    return {key: _filled(each, known) for key, each in value.items()}


def _is_sub(inner: object) -> TypeGuard[tuple[str, dict[str, Any]]]:
    return isinstance(inner, list) and len(inner) == 2 and isinstance(inner[0], str) and isinstance(inner[1], dict)  # noqa: PLR2004


def _named(name: str, known: Mapping[str, str]) -> str:
    if name not in known:
        raise _UnknownValueError(name)
    return known[name]


def _yaml(text: str) -> tuple[Any, YamlDocument]:
    """Return a template in YAML as data, with functions such as ``!Sub`` in their long form; ``None`` if it is none."""
    nodes = YamlDocument(text, None, ())
    if refused_for_size(text) is not None:
        return None, nodes
    try:
        root = composed(text)
        return (_data(root, [MAX_VALUES]) if isinstance(root, yaml.MappingNode) else None), nodes
    except YAML_ERRORS:
        return None, nodes


def _data(node: yaml.Node, left: list[int]) -> Any:  # noqa: ANN401 - what YAML holds
    """Return the data of a node; every scalar is text, since a template's policy has only texts.

    Raises:
        ValueError: More than so many values are left to read, with what aliases repeat.
    """
    left[0] -= 1
    if left[0] < 0:
        raise ValueError("too many values")
    value: Any
    if isinstance(node, yaml.MappingNode):
        value = {str(key.value): _data(each, left) for key, each in node.value}
    elif isinstance(node, yaml.SequenceNode):
        value = [_data(each, left) for each in node.value]
    else:
        value = str(node.value)
    if not str(node.tag).startswith("!"):
        return value
    function = str(node.tag)[1:]
    return {function if function in {"Ref", "Condition"} else f"Fn::{function}": value}
