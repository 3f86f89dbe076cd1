"""Documents of permission policies: what IAM takes, and what then means something else than it seems to."""

from collections.abc import Iterator, Mapping
from typing import Any

from config.cross_record.context import Context
from config.policy_conditions import value_faults
from config.policy_effect import contradiction_faults, denied_faults
from config.policy_fault import PolicyFault
from config.policy_names import action_faults, condition_key_faults
from config.policy_resources import resource_faults
from config.yaml_document import Path
from oidc.policy_patterns import many


def check_documents(context: Context) -> None:
    """Report faults inside documents, each document once, however many roles and accounts have it."""
    for name, policy in context.inventory.permission_policies.items():
        for fault in document_faults(policy.document or {}):
            at = ("permission_policies", name, "document", *fault.at)
            context.sources.report(fault.rule, at, fault.message, fault.hint, of_key=fault.of_key)


def document_faults(document: Mapping[str, Any]) -> Iterator[PolicyFault]:
    """Yield what is wrong with a document that IAM's grammar has; paths begin inside the document."""
    listed = isinstance(document.get("Statement"), list | tuple)
    for index, statement in enumerate(many(document.get("Statement", ()))):
        yield from _statement_faults(("Statement", index) if listed else ("Statement",), statement)
    if document:
        yield from denied_faults(document)


def _statement_faults(at: Path, statement: Mapping[str, Any]) -> Iterator[PolicyFault]:
    yield from action_faults(at, statement)
    yield from resource_faults(at, statement)
    condition = statement.get("Condition", {})
    here = (*at, "Condition")
    yield from condition_key_faults(here, condition)
    values = list(value_faults(here, condition))
    yield from values
    if not values:
        yield from contradiction_faults(here, condition)
