"""Find trust policies in the forms in which people have them.

A policy as the console shows it; the answers of ``aws iam get-role``, ``list-roles`` and
``get-account-authorization-details``; a template of CloudFormation, as JSON or YAML; each also URL-encoded, as IAM's
API returns documents (RFC 3986, https://docs.aws.amazon.com/IAM/latest/APIReference/API_Role.html).
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote

import yaml

from access.trust_review.document import DOCUMENT, TrustDocument, policy_at, trust_document
from access.trust_review.fault import TrustFault
from access.trust_review.template_values import FUNCTION, filled_or_unknown, parameter_values
from config.yaml.document import YAML_ERRORS, Path, YamlDocument, composed, read_json_document
from config.yaml.nodes import MAX_VALUES, refused_for_size
from oidc.arn import parse_iam_arn
from oidc.iam.document import parse
from oidc.iam.statement import Statement

_ROLES = ("Roles", "RoleDetailList")
_MORE = ("IsTruncated", "NextToken")
"""How IAM and the AWS CLI (``--max-items``) say that a list is not whole
(https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListRoles.html,
https://docs.aws.amazon.com/cli/latest/userguide/cli-usage-pagination.html)."""
_TYPE = "AWS::IAM::Role"
_ENCODED = re.compile(r"\s*%(7B|0A|20|09|0D)", re.IGNORECASE)
"""How a URL-encoded JSON object begins: a brace, after white space."""

NOBODYS_ACCOUNT = "000000000000"
"""The account of a template if none is given; no account has this id."""


@dataclass(frozen=True, slots=True)
class NamedPolicy:
    """A trust policy.

    Attributes:
        role: The name of its role; empty if unknown.
        account: Its account; ``None`` if unknown.
        document: The policy.
        defaults: Parameters of its template whose defaults it has; a stack may give them other values.
    """

    role: str
    account: str | None
    document: TrustDocument
    defaults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FoundPolicies:
    """The trust policies of a text.

    Attributes:
        policies: Those that trust an OIDC provider or everybody; a single policy in any case.
        left_out: How many others there are.
        are_listed: Whether the text may have several roles, by their names.
        is_truncated: Whether the text says that more roles follow on another page.
    """

    policies: tuple[NamedPolicy, ...]
    left_out: int = 0
    are_listed: bool = False
    is_truncated: bool = False


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
    is_ambiguous = any(problem.rule == "duplicate" for problem in nodes.problems)
    if is_ambiguous or not isinstance(data, dict):
        return FoundPolicies((NamedPolicy("", account, trust_document(text)),))
    if isinstance(data.get("Resources"), dict):
        every = list(_of_template(data, nodes, account, values))
    elif section := next((name for name in _ROLES if isinstance(data.get(name), list)), None):
        every = list(_of_roles(data[section], section, nodes, account))
    else:
        return FoundPolicies((NamedPolicy("", account, trust_document(text)),))
    kept = tuple(policy for policy in every if _concerns_tokens(policy.document))
    return FoundPolicies(kept, len(every) - len(kept), are_listed=True, is_truncated=any(map(data.get, _MORE)))


def _concerns_tokens(document: TrustDocument) -> bool:
    """Tell whether a policy may trust an OIDC provider or everybody; also if a statement has an unknown form."""
    statements = () if document.data is None else parse(document.data).statements
    return not statements or not all(map(_is_for_others, statements))


_OTHER_KINDS = frozenset({"AWS", "Service", "CanonicalUser"})


def _is_for_others(statement: Statement) -> bool:
    """Tell whether a statement names only principals that are no OIDC providers; ``NotPrincipal`` means all others."""
    known = bool(statement.principals) and not statement.malformed and not statement.has("NotPrincipal")
    return known and all(each.kind in _OTHER_KINDS and "*" not in each.name for each in statement.principals)


def _of_roles(roles: list[Any], section: str, nodes: YamlDocument, account: str | None) -> Iterator[NamedPolicy]:
    for index, role in enumerate(roles):
        known = role if isinstance(role, dict) else {}
        arn = parse_iam_arn(str(known.get("Arn")))
        own = arn.owner if arn is not None else None
        document = policy_at(nodes, (section, index, DOCUMENT), known.get(DOCUMENT))
        yield NamedPolicy(str(known.get("RoleName", index)), account or own, document)


def _of_template(
    template: Mapping[str, Any], nodes: YamlDocument, account: str | None, values: Mapping[str, str]
) -> Iterator[NamedPolicy]:
    """Yield the policies of a template's roles, with its parameters filled in by values or defaults."""
    parameters = template.get("Parameters")
    declared = parameters if isinstance(parameters, dict) else {}
    pseudo = {"AWS::AccountId": account or NOBODYS_ACCOUNT, "AWS::Partition": "aws", "AWS::URLSuffix": "amazonaws.com"}
    values_of = parameter_values(declared, values)
    known = {**pseudo, **values, **values_of}
    given = {name: value for name, value in known.items() if name not in values_of or name in values}
    for name, resource in template["Resources"].items():
        if name.startswith(FUNCTION):
            base: Path = ("Resources", name)
            written: object = {name: resource}
        elif (properties := _properties_of_role(resource)) is not None:
            base, written = ("Resources", name, "Properties", DOCUMENT), properties.get(DOCUMENT, properties)
        else:
            continue
        policy, unknown = filled_or_unknown(written, known, declared)
        document = policy_at(nodes, base, policy)
        if unknown:
            what = " and ".join(f"`{name}`" for name in unknown)
            message = f"CloudFormation fills in {what}, so this trust policy is not known here"
            other = "review the role itself: `aws iam get-role`"
            asked = " ".join(f"--parameter {name}=VALUE" for name in unknown if name in declared)
            fault = TrustFault("template-value", (), message, f"give values: {asked}; or {other}" if asked else other)
            document = replace(document, data=None, faults=(fault,))
        _, others = filled_or_unknown(written, given, declared)
        yield NamedPolicy(str(name), account, document, tuple(name for name in others if name not in unknown))


def _properties_of_role(resource: object) -> Mapping[str, Any] | None:
    """Return the properties of a role, or of another resource with a trust policy; else ``None``."""
    if not isinstance(resource, dict):
        return None
    properties = resource.get("Properties")
    known = properties if isinstance(properties, dict) else {}
    return known if resource.get("Type") == _TYPE or DOCUMENT in known else None


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
        ValueError: A key appears twice, or more than so many values are left to read, with what aliases repeat.
    """
    left[0] -= 1
    if left[0] < 0:
        raise ValueError("too many values")
    value: Any
    if isinstance(node, yaml.MappingNode):
        value = {str(key.value): _data(each, left) for key, each in node.value}
        if len(value) < len(node.value):
            raise ValueError("a key appears twice")
    elif isinstance(node, yaml.SequenceNode):
        value = [_data(each, left) for each in node.value]
    else:
        value = str(node.value)
    if not str(node.tag).startswith("!"):
        return value
    function = str(node.tag)[1:]
    return {function if function in {"Ref", "Condition"} else f"{FUNCTION}{function}": value}
