"""Recognise a permission policy that reaches the state of the program: whoever writes it decides over the next run."""

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
    document: Document, others: Iterable[Document], targets: Iterable[Target], *, named: bool
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
    """Yield the patterns of a statement that are about ``pattern``; with NotResource that itself.

    Either all of it, or a part by name: ``arn:aws:s3:::*sagemaker*`` could be of some object there, and is of none.
    """
    if statement.has("NotResource"):
        if not named and not covered_by_one(pattern, _certain(statement.values("NotResource"))):
            yield pattern
        return
    bucket = pattern.rpartition(":")[2].partition("/")[0]
    for one in statement.values("Resource"):
        by_name = bucket in one or (FOLDER in one and not named)
        if (by_name and intersect(one, pattern)) or (not named and covers(one, pattern)):
            yield one


def _denied(part: str, target: Target, denying: Iterable[Statement]) -> bool:
    for statement in denying:
        if statement.has("NotResource"):
            left_out = statement.values("NotResource")
            if not any(intersect(one, part) and intersect(one, target.pattern) for one in left_out):
                return True
        else:
            denied = _certain(statement.values("Resource"))
            inner = part if len(part) <= _LONGEST else target.pattern
            if covered_by_one(target.pattern, denied) or covered_by_one(inner, denied):
                return True
    return False


def _certain(patterns: Iterable[str]) -> list[str]:
    """Return the patterns that take away what they say: a variable could be anything, and so something else."""
    return [one for one in patterns if "${" not in one and len(one) <= _LONGEST]


_LONGEST = 1_200
"""Characters. A key has 1,024 bytes (https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html); what is
longer takes nothing away: nobody's pattern is to take up everybody's time."""
