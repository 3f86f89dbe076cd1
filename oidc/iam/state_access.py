"""Recognise a permission policy that reaches the program's state. Whoever writes the state controls the next run."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from oidc.iam.document import Document
from oidc.iam.pattern import covered_by_one, covers, covers_action, intersect
from oidc.iam.statement import Statement
from oidc.state_backend import FOLDER

BUCKET_WRITES = (
    "s3:PutBucketPolicy", "s3:DeleteBucketPolicy", "s3:PutBucketAcl", "s3:PutBucketPublicAccessBlock",
    "s3:PutReplicationConfiguration", "s3:PutLifecycleConfiguration", "s3:DeleteBucket",
)  # fmt: skip
"""Actions that change who reaches the objects of a bucket, copy them elsewhere or remove them
(https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html)."""

OBJECT_WRITES = (
    "s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutObjectAcl", "s3:PutObjectVersionAcl",
)  # fmt: skip
"""Actions that change an object or its readers; from the page above."""

OBJECT_READS = ("s3:GetObject", "s3:GetObjectVersion")
"""Actions that read an object; listing a bucket gives only names."""

MANAGED_WRITES = frozenset({
    "administratoraccess-amplify", "aidevopsagentactionspolicy", "amazonelasticmapreducefullaccess",
    "amazons3fullaccess", "awslambdaexecute", "databaseadministrator", "datascientist", "poweruseraccess",
    "sagemakerstudioadminiampermissiveexecutionpolicy", "sagemakerstudiouseriampermissiveexecutionpolicy",
    "systemadministrator",
})  # fmt: skip
MANAGED_READS = frozenset({"amazonelasticmapreducereadonlyaccess", "amazons3readonlyaccess", "readonlyaccess"})
"""AWS managed policies that reach every bucket, in lower case; this module found them in their documents
(https://docs.aws.amazon.com/aws-managed-policy/latest/reference/policy-list.html). Policies for service roles and
admin access are left out."""


@dataclass(frozen=True, slots=True)
class Target:
    """A resource pattern, ``arn:aws:s3:::acme-state/.pulumi/*``, and the actions that reach it."""

    pattern: str
    actions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reached:
    """Access that a document allows: the action, the pattern of its target, and the index of the statement."""

    action: str
    pattern: str
    statement: int


def first_reached(
    document: Document, others: Iterable[Document], targets: Iterable[Target], *, named: bool
) -> Reached | None:
    """Return the first access that a document allows to any part of some targets, or ``None``.

    Statements with a condition do not count, neither Allow nor Deny: people must review them. A Deny without a
    condition, here or in another document of the role, removes the access that it covers: a whole target, or all that
    a statement allows. Denials that cover it only together are not recognised.

    Args:
        document: A rendered permission policy.
        others: Other documents of the same role; only their denials count.
        targets: Targets that the role must not reach.
        named: Whether only resources that name the bucket count: a wide pattern in another account does not mean it.
    """
    allowing = [each for each in document.statements if each.allows and not each.is_conditional]
    denying = _denying((document, *others))
    for target in targets:
        about = [(each, parts) for each in allowing if (parts := list(_parts(each, target.pattern, named=named)))]
        for action in target.actions if about else ():
            against = [each for each in denying if covers_action(each, action)]
            for statement, parts in about:
                if covers_action(statement, action) and not all(_denied(part, target, against) for part in parts):
                    return Reached(action, target.pattern, statement.index)
    return None


def is_denied(documents: Iterable[Document], action: str, pattern: str) -> bool:
    """Tell whether a statement of some documents, without a condition, denies an action on all of a pattern."""
    against = [statement for statement in _denying(documents) if covers_action(statement, action)]
    return _denied(pattern, Target(pattern, (action,)), against)


def _denying(documents: Iterable[Document]) -> list[Statement]:
    return [each for document in documents for each in document.statements if each.denies and not each.is_conditional]


def _parts(statement: Statement, pattern: str, *, named: bool) -> Iterator[str]:
    """Yield the patterns of a statement that apply to ``pattern``; with NotResource, ``pattern`` itself.

    A pattern applies if it covers all of ``pattern`` or names a part of it. ``arn:aws:s3:::*sagemaker*`` could match
    some object there, but does not count.
    """
    if statement.has("NotResource"):
        if not named and not covered_by_one(pattern, _certain(statement.values("NotResource"))):
            yield pattern
        return
    bucket = pattern.rpartition(":")[2].partition("/")[0]
    for resource in statement.values("Resource"):
        by_name = bucket in resource or (FOLDER in resource and not named)
        if (by_name and intersect(resource, pattern)) or (not named and covers(resource, pattern)):
            yield resource


def _denied(part: str, target: Target, denying: Iterable[Statement]) -> bool:
    for statement in denying:
        if statement.has("NotResource"):
            excluded = statement.values("NotResource")
            if not any(intersect(pattern, part) and intersect(pattern, target.pattern) for pattern in excluded):
                return True
        else:
            denied = _certain(statement.values("Resource"))
            inner = part if len(part) <= _LONGEST else target.pattern
            if covered_by_one(target.pattern, denied) or covered_by_one(inner, denied):
                return True
    return False


def _certain(patterns: Iterable[str]) -> list[str]:
    """Return the patterns without variables, whose denial is certain: a variable could have any value."""
    return [pattern for pattern in patterns if "${" not in pattern and len(pattern) <= _LONGEST]


_LONGEST = 1_200
"""Characters. A key has 1,024 bytes (https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html); a longer
pattern denies nothing, so that no pattern slows down the check."""
