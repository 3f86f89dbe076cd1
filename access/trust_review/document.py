"""Read the text of a trust policy as JSON, with the place of each value."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from access.trust_review.fault import TrustFault
from config.models.scalars import describe
from config.yaml.document import Path, YamlDocument, json_fault, read_json_document
from config.yaml.nodes import find_node

DOCUMENT = "AssumeRolePolicyDocument"
"""The property of a role that holds its trust policy."""

_OF_A_ROLE = ("Role", DOCUMENT)
"""Where `aws iam get-role` puts the trust policy
(https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRole.html)."""


@dataclass(frozen=True, slots=True)
class TrustDocument:
    """The text of a trust policy, parsed.

    Attributes:
        data: The policy as parsed JSON; ``None`` if the text is not a policy.
        faults: Reasons why it is not a policy.
        base: Path of the policy in the text; empty for a policy alone.
    """

    data: Mapping[str, Any] | None
    faults: tuple[TrustFault, ...]
    base: Path
    _nodes: YamlDocument | None
    _broken_at: tuple[int, int] = (1, 1)

    def place(self, at: Sequence[str | int], *, of_key: bool = False) -> tuple[int, int]:
        """Return line and column of a path, both from 1; of the enclosing value if the path is missing."""
        if self._nodes is None:
            return self._broken_at
        path = (*self.base, *at)
        node, depth = find_node(self._nodes.root, path, of_key=of_key)
        if depth < len(path) and of_key:
            node, _ = find_node(self._nodes.root, path[:depth])
        return (1, 1) if node is None else (node.start_mark.line + 1, node.start_mark.column + 1)


def trust_document(text: str) -> TrustDocument:
    """Read a trust policy, or the answer of ``aws iam get-role``; never raises."""
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        fault = TrustFault("json-syntax", (), *json_fault(error))
        return TrustDocument(None, (fault,), (), None, (error.lineno, error.colno))
    except (RecursionError, ValueError):  # after its subclass JSONDecodeError
        message = "nested too deeply, or a number is too long"
        fault = TrustFault("json-syntax", (), message, "give a trust policy")
        return TrustDocument(None, (fault,), (), None)
    base: Path = ()
    if isinstance(data, dict) and isinstance(data.get(_OF_A_ROLE[0]), dict) and _OF_A_ROLE[1] in data[_OF_A_ROLE[0]]:
        data, base = data[_OF_A_ROLE[0]][_OF_A_ROLE[1]], _OF_A_ROLE
    nodes = read_json_document(text)
    refused = next((problem for problem in nodes.problems if nodes.data is None or problem.rule == "duplicate"), None)
    if refused is not None:
        fault = TrustFault("json-syntax", refused.path, refused.message, refused.hint)
        place = refused.place
        return TrustDocument(None, (fault,), (), None, (place.line, place.column) if place is not None else (1, 1))
    return policy_at(nodes, base, data)


def policy_at(nodes: YamlDocument, base: Path, policy: object) -> TrustDocument:
    """Return the trust policy at a path of a text; a policy may be a text with JSON, also URL-encoded; never raises."""
    if isinstance(policy, str):
        with suppress(RecursionError, ValueError):  # reported as a text below
            policy = json.loads(unquote(policy) if policy.lstrip().startswith("%") else policy)
    if not isinstance(policy, dict):
        message = f"expected a trust policy, found {describe(policy)}"
        fault = TrustFault("bad-trust-policy", (), message, "write {Version: …, Statement: […]}")
        return TrustDocument(None, (fault,), base, nodes)
    return TrustDocument(policy, (), base, nodes)
