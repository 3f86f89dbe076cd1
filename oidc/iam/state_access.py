"""Recognise a permission policy that reaches the state of the program: whoever writes it decides over the next run."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from oidc.iam.pattern import covered_by_one, covers, covers_action, intersect, many, statements_of
from oidc.state_backend import FOLDER

BUCKET_WRITES = (
    "s3:PutBucketPolicy", "s3:DeleteBucketPolicy", "s3:PutBucketAcl", "s3:PutBucketPublicAccessBlock",
    "s3:PutReplicationConfiguration", "s3:PutLifecycleConfiguration", "s3:DeleteBucket",
)  # fmt: skip
"""What says who else reaches the objects of a bucket, carries them elsewhere or removes them
(https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html)."""

OBJECT_WRITES = (
    "s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutObjectAcl", "s3:PutObjectVersionAcl",
)  # fmt: skip
"""What changes an object, or who reaches it; from the page above."""

OBJECT_READS = ("s3:GetObject", "s3:GetObjectVersion")
"""What reads an object; to list a bucket gives names alone."""

MANAGED_WRITES = frozenset({
    "administratoraccess-amplify", "aidevopsagentactionspolicy", "amazonelasticmapreducefullaccess",
    "amazons3fullaccess", "awslambdaexecute", "databaseadministrator", "datascientist", "poweruseraccess",
    "sagemakerstudioadminiampermissiveexecutionpolicy", "sagemakerstudiouseriampermissiveexecutionpolicy",
    "systemadministrator",
})  # fmt: skip
MANAGED_READS = frozenset({"amazonelasticmapreducereadonlyaccess", "amazons3readonlyaccess", "readonlyaccess"})
"""Managed by AWS, in lower case, and so wide that every bucket is theirs; found by this module in their documents
(https://docs.aws.amazon.com/aws-managed-policy/latest/reference/policy-list.html). Those for services' own roles, and
admin access, are not here."""


@dataclass(frozen=True, slots=True)
class Target:
    """A pattern of what is reached, ``arn:aws:s3:::acme-state/.pulumi/*``, and the actions that do."""

    pattern: str
    actions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reached:
    """What a document allows: the action, the pattern of its target, and the index of the statement."""

    action: str
    pattern: str
    statement: int


def first_reached(
    document: Mapping[str, Any], others: Iterable[Mapping[str, Any]], targets: Iterable[Target], *, named: bool
) -> Reached | None:
    """Return the first thing that a document allows on any part of some targets, or ``None``.

    Statements with a condition are left out on both sides: what they come to is a matter of review. A Deny without one,
    here or in another document of the role, takes away what it covers, the whole of a target or all that a statement
    allows; several that do so only together are not recognised.

    Args:
        document: A rendered permission policy.
        others: Further ones of the same role, of which only the denials count.
        targets: What is not to be reached.
        named: Whether only resources count that name the bucket: a wide one in another account is not about it.
    """
    allowing = [(at, one) for at, one in enumerate(statements_of(document)) if _is_plain(one, "Allow")]
    denying = [one for found in (document, *others) for one in statements_of(found) if _is_plain(one, "Deny")]
    for target in targets:
        about = [(at, one, found) for at, one in allowing if (found := list(_parts(one, target.pattern, named=named)))]
        for action in target.actions if about else ():
            against = [one for one in denying if covers_action(one, action)]
            for at, statement, parts in about:
                if covers_action(statement, action) and not all(_denied(part, target, against) for part in parts):
                    return Reached(action, target.pattern, at)
    return None


def is_denied(documents: Iterable[Mapping[str, Any]], action: str, pattern: str) -> bool:
    """Tell whether a statement of some documents, without a condition, denies an action on all of a pattern."""
    denying = [one for found in documents for one in statements_of(found) if _is_plain(one, "Deny")]
    against = [one for one in denying if covers_action(one, action)]
    return _denied(pattern, Target(pattern, (action,)), against)


def _is_plain(statement: Mapping[str, Any], effect: str) -> bool:
    return statement.get("Effect") == effect and not statement.get("Condition")


def _parts(statement: Mapping[str, Any], pattern: str, *, named: bool) -> Iterator[str]:
    """Yield the patterns of a statement that are about ``pattern``; with NotResource that itself.

    Either all of it, or a part by name: ``arn:aws:s3:::*sagemaker*`` could be of some object there, and is of none.
    """
    if "NotResource" in statement:
        if not named and not covered_by_one(pattern, _certain(statement["NotResource"])):
            yield pattern
        return
    bucket = pattern.rpartition(":")[2].partition("/")[0]
    for one in map(str, many(statement.get("Resource", ()))):
        by_name = bucket in one or (FOLDER in one and not named)
        if (by_name and intersect(one, pattern)) or (not named and covers(one, pattern)):
            yield one


def _denied(part: str, target: Target, denying: Iterable[Mapping[str, Any]]) -> bool:
    for statement in denying:
        if "NotResource" in statement:
            left_out = map(str, many(statement["NotResource"]))
            if not any(intersect(one, part) and intersect(one, target.pattern) for one in left_out):
                return True
        else:
            denied = _certain(statement.get("Resource", ()))
            inner = part if len(part) <= _LONGEST else target.pattern
            if covered_by_one(target.pattern, denied) or covered_by_one(inner, denied):
                return True
    return False


def _certain(patterns: Any) -> list[str]:  # noqa: ANN401 - parsed JSON
    """Return the patterns that take away what they say: a variable could be anything, and so something else."""
    return [one for one in map(str, many(patterns)) if "${" not in one and len(one) <= _LONGEST]


_LONGEST = 1_200
"""Characters. A key has 1,024 bytes (https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html); what is
longer takes nothing away: nobody's pattern is to take up everybody's time."""
