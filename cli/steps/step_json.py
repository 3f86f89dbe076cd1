"""The steps of a run as JSON, for programs."""

from typing import Any

from cli.steps.hidden import opened, without_secrets
from cli.steps.step_lines import account_of, changed_outside, is_aws
from cli.steps.step_lines import worth_showing as shown_to_people
from sandbox.engine.steps import Operation, PropertyChange, Summary
from sandbox.engine.values import UNKNOWN


def summary_json(summary: Summary) -> dict[str, Any]:
    """Return ``{"steps": […], "counts": {…}}``: the steps that people are shown, policies as JSON objects.

    The counts are those of resources in AWS. A value that is only known afterwards is ``null``; external ids are
    hidden.
    """
    steps = [
        {
            "account": account_of(step),
            "operation": step.operation.value,
            "type": step.type,
            "name": step.name,
            "urn": step.urn,
            "changes": {name: _change(name, change) for name, change in sorted(step.changes.items())},
            "properties": {name: _plain(name, value) for name, value in sorted(step.properties.items())},
            "changed_outside": changed_outside(step),
            "gone_outside": step.gone_outside,
        }
        for step in sorted(summary.steps, key=lambda step: (step.name, step.type, step.operation))
        if shown_to_people(step)
    ]
    in_aws = [step.operation for step in summary.steps if is_aws(step)]
    shown = [operation for operation in Operation if operation in in_aws]
    return {"steps": steps, "counts": {operation.value: in_aws.count(operation) for operation in shown}}


def _change(name: str, change: PropertyChange) -> dict[str, object]:
    return {
        "old": _plain(name, change.old),
        "new": _plain(name, change.new),
        "forces_replacement": change.forces_replacement,
    }


def _plain(name: str, value: object) -> object:
    if value == UNKNOWN:
        return None
    found: object = without_secrets({name: opened(value)})
    return found[name] if isinstance(found, dict) else None
