"""Compare what an account has of the template with what the inventory needs now; the differences in words."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from access.adoption.found import FoundControlPolicy, FoundRole, FoundTemplate
from access.boundary import CONTROL_SIDS, boundary_document
from access.deploy_policy import deploy_policies, reading_policy
from access.foundation import READING_POLICY, STACK, Foundation, Hub
from oidc.iam.difference import DocumentDifference, compare_documents
from oidc.iam.document import PolicyDocument, parse


@dataclass(frozen=True, slots=True)
class TemplateDifference:
    """A difference between an account and the template that it needs.

    Attributes:
        resource: ``deploying role PulumiDeploy``.
        difference: ``permissions: AttachInsideTheBoundary lacks ArnEquals iam:PolicyARN arn:aws:iam::aws:policy/…``.
        command: What mends it, if the template does not: ``aws iam detach-role-policy …``; else ``None``.
    """

    resource: str
    difference: str
    command: str | None = None

    def __str__(self) -> str:
        return f"{self.resource}: {self.difference}"


@dataclass(frozen=True, slots=True)
class TemplateSettings:
    """The template that the accounts should have, apart from the inventory.

    Attributes:
        hub: The roles that may assume the deploying and reading roles.
        stack: Name of the CloudFormation stack or StackSet, which the boundaries protect.
        with_boundaries: Whether the template also creates the permissions boundaries.
        administrators: Patterns of role ARNs that the service control policy excepts.
    """

    hub: Hub
    stack: str = STACK
    with_boundaries: bool = True
    administrators: tuple[str, ...] = ()


def template_differences(
    foundation: Foundation, wanted: TemplateSettings, found: FoundTemplate
) -> tuple[TemplateDifference, ...]:
    """Return the differences of an account from the template that ``template`` makes for it; none if it is current.

    Args:
        foundation: What the account needs.
        wanted: The settings of the template.
        found: What the account has.
    """
    return (
        *_deploying(foundation, wanted.hub, found),
        *_reading(foundation, wanted.hub, found),
        *(_boundaries(foundation, wanted.stack, found) if wanted.with_boundaries else ()),
    )


def _deploying(foundation: Foundation, hub: Hub, found: FoundTemplate) -> Iterator[TemplateDifference]:
    what, role = f"deploying role {foundation.deploying_name}", found.roles.get(foundation.deploying_name)
    if role is None:
        yield TemplateDifference(what, "it does not exist")
        return
    yield from _same_role(what, role, foundation, hub.deploying_trust(foundation.external_id))
    own = [arn for arn in role.managed_policy_arns if foundation.is_own_policy(arn)]
    unreadable = sorted(set(own) & set(found.unreadable))
    for arn in unreadable:
        yield TemplateDifference(what, f"permissions: the reading role may not read {arn}, so it was not compared")
    if not unreadable:
        needed = [document.to_json() for document in deploy_policies(foundation.scope)]
        deployed = _united([found.policies.get(arn) for arn in own])
        yield from _documents(what, "permissions", deployed, _united(needed))
    yield from _further_policies(what, role, own, inline=())


def _reading(foundation: Foundation, hub: Hub, found: FoundTemplate) -> Iterator[TemplateDifference]:
    what, role = f"reading role {foundation.reading_name}", found.roles.get(foundation.reading_name)
    if role is None:
        yield TemplateDifference(what, "it does not exist")
        return
    yield from _same_role(what, role, foundation, hub.reading_trust(foundation.external_id))
    needed = reading_policy(foundation.scope.partition, foundation.scope.account)
    yield from _documents(what, "permissions", role.inline_policies.get(READING_POLICY), needed.to_json())
    yield from _further_policies(what, role, (), inline=(READING_POLICY,))


def _same_role(
    what: str, role: FoundRole, foundation: Foundation, trust: PolicyDocument
) -> Iterator[TemplateDifference]:
    if role.path != foundation.path:
        yield TemplateDifference(what, f"it has the path {role.path}; the inventory names {foundation.path}")
    yield from _documents(what, "trust policy", role.trust_policy, trust.to_json())
    if _DELETED.search(str(role.trust_policy)):
        yield TemplateDifference(what, "trust policy: IAM shows an id, because a role that it names was deleted")


_DELETED = re.compile(r"\bAROA[A-Z0-9]{12,}\b")
"""The id of a role, which IAM shows for a principal that no longer exists
(https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html)."""


def _further_policies(
    what: str, role: FoundRole, own: Sequence[str], *, inline: Sequence[str]
) -> Iterator[TemplateDifference]:
    """Yield policies that the template does not have: somebody added them by hand, and no template removes them."""
    for arn in role.managed_policy_arns:
        if arn not in own:
            command = f"aws iam detach-role-policy --role-name {role.name} --policy-arn {arn}"
            yield TemplateDifference(
                what, f"the policy {arn} is attached, and the template has no such policy", command
            )
    for name in role.inline_policies:
        if name not in inline:
            command = f"aws iam delete-role-policy --role-name {role.name} --policy-name {name}"
            yield TemplateDifference(
                what, f"it has the inline policy {name}, and the template has no such policy", command
            )


def _boundaries(foundation: Foundation, stack: str, found: FoundTemplate) -> Iterator[TemplateDifference]:
    for arn in foundation.scope.own_boundary_arns:
        what = f"permissions boundary {arn.rpartition('/')[2]}"
        if arn in found.unreadable:
            yield TemplateDifference(what, "the reading role may not read it, so it was not compared")
        elif arn not in found.policies:
            yield TemplateDifference(what, f"{arn} does not exist")
        else:
            needed = boundary_document(foundation, stack).to_json()
            yield from _documents(what, "document", found.policies[arn], needed)


def own_control_policies(policies: Iterable[FoundControlPolicy]) -> tuple[FoundControlPolicy, ...]:
    """Return the policies that have statements of ``bootstrap --scp``, by their Sids, each with only these."""
    service = [policy for policy in policies if not policy.is_resource_control]
    reduced = [
        replace(policy, document={"Version": policy.document.get("Version"), "Statement": own})
        for policy in service
        if isinstance(policy.document, Mapping) and (own := _own(policy.document))
    ]
    return tuple(reduced)


def _own(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    listed = document.get("Statement", [])
    return [
        statement
        for statement in (listed if isinstance(listed, list) else [listed])
        if isinstance(statement, Mapping) and str(statement.get("Sid", "")).rstrip("0123456789") in CONTROL_SIDS
    ]


def control_policy_difference(needed: Iterable[PolicyDocument], own: Sequence[FoundControlPolicy]) -> str:
    """Return how the attached control policies differ from the needed documents; empty if they do not.

    Args:
        needed: What ``control_policies`` makes for the accounts.
        own: As ``own_control_policies`` returns them.
    """
    attached = _united([policy.document for policy in own])
    return "; ".join(in_words(compare_documents(parse(attached), parse(_united([each.to_json() for each in needed])))))


def _united(documents: Sequence[object]) -> Mapping[str, Any]:
    """Return one document with the statements of all: IAM decides on all policies of a role together."""
    parsed = [document for document in documents if isinstance(document, Mapping)]
    listed = [document.get("Statement", []) for document in parsed]
    united = [statement for some in listed for statement in (some if isinstance(some, list) else [some])]
    versions = sorted({str(document.get("Version", "none")) for document in parsed})
    return {"Version": versions[0] if len(versions) == 1 else versions, "Statement": united}


def _documents(what: str, part: str, deployed: object, needed: Mapping[str, Any]) -> Iterator[TemplateDifference]:
    if not isinstance(deployed, Mapping) or not deployed.get("Statement"):
        yield TemplateDifference(what, f"{part}: there is no policy, or none that can be parsed")
        return
    for text in in_words(compare_documents(parse(deployed), parse(needed))):
        yield TemplateDifference(what, f"{part}: {text}")


def in_words(difference: DocumentDifference) -> Iterator[str]:
    """Yield the differences between a deployed document and the needed one, each as a short sentence."""
    for name, (deployed, needed) in difference.others.items():
        yield f"{name} is {deployed or 'absent'}, and must be {needed or 'absent'}"
    for statement in difference.added:
        yield f"the statement {_name(statement)} is missing"
    for statement in difference.removed:
        yield f"the statement {_name(statement)} is not needed"
    for changed in difference.changed:
        for element, (surplus, missing) in changed.elements.items():
            if missing:
                yield f"{changed.label} lacks {element} {', '.join(missing)}"
            if surplus:
                yield f"{changed.label} has {element} {', '.join(surplus)}, which is not needed"
            if not missing and not surplus:
                yield f"{changed.label} has another {element}"


def _name(statement: Mapping[str, tuple[str, ...]]) -> str:
    if "Sid" in statement:
        return statement["Sid"][0]
    return "; ".join(f"{element} {', '.join(values)}" for element, values in statement.items())
