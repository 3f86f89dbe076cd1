"""The digest of a deployed template: a short digest for each value of its policies.

The lock records the digests of what ``lock --aws`` read; ``validate`` computes those of what the inventory needs now.
A needed one that the lock lacks is a permission or a protection that the deployed template lacks, and the needed value
is known, so it can be told in words. What the template has beyond that is no fault: ``up`` still has to remove roles
that left the inventory. Decision 22 says what is left out, and why.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from access.adoption.found import FoundTemplate
from access.boundary import OWN_STACKS, boundary_document
from access.deploy_policy import deploy_policies, reading_policy
from access.foundation import READING_POLICY, Foundation
from oidc.iam.difference import elements_of
from oidc.iam.document import Document, parse
from oidc.iam.pattern import literally

_CHARS = 8
"""Of each digest; a lost permission is overlooked if its digest equals one of some hundred others, by 1 in 10 million.
A warning of the review depends on it, nothing that is deployed."""

_READS = frozenset({"ReadRoles", "ReadOidcProviders", "ReadPolicies"})
_DEPLOYING, _READING, _BOUNDARY = "deploying role", "reading role", "boundary"


@dataclass(frozen=True, slots=True, order=True)
class _Part:
    """A value of a deployed or needed document.

    Attributes:
        resource: ``deploying role``, ``reading role`` or ``boundary arn:…``.
        sid: Of its statement, without the number of a split statement; empty for the resource itself.
        element: ``Resource``, ``ArnEquals iam:PolicyARN``; ``form`` for the names of the elements.
        value: One value; all of them for a negated condition, where one more makes the statement weaker, and for the
            denied actions, which are many.
    """

    resource: str
    sid: str
    element: str
    value: str

    @property
    def digest(self) -> str:
        text = f"{self.resource}\n{self.sid}\n{self.element}\n{self.value}"
        return hashlib.sha256(text.encode()).hexdigest()[:_CHARS]

    def is_in(self, digests: frozenset[str]) -> bool:
        """Tell whether it is recorded; for a resource also, whether a pattern above its path is: ``…:role/ci/*``."""
        if self.digest in digests or self.element != "Resource":
            return self.digest in digests
        steps = self.value.split("/")
        above = ("/".join([*steps[:end], "*"]) for end in range(1, len(steps)))
        return any(replace(self, value=pattern).digest in digests for pattern in above)

    @property
    def words(self) -> str:
        """What an account without this part lacks."""
        match self.resource, self.element:
            case "deploying role", "ArnEquals iam:PolicyARN" | "ArnLike iam:PolicyARN":
                return f"the deploying role may not attach {self.value}"
            case "deploying role", "StringEquals iam:PermissionsBoundary":
                return f"the deploying role may not give roles the boundary {self.value}"
            case "deploying role" | "reading role", "Resource" if not self.sid.startswith("Never"):
                return f"the {self.resource} may not {'read' if self.sid in _READS else 'write'} {self.value}"
            case "deploying role" | "reading role", "Action" if not self.sid.startswith("Never"):
                return f"the {self.resource} may not call {self.value}"
            case _, "Resource":
                return f"{self.sid} of the {self.resource} does not protect {self.value}"
        return f"{self.sid} of the {self.resource} has another form"


def recorded_digest(foundation: Foundation, found: FoundTemplate) -> str | None:
    """Return the digest of what an account has, or ``None`` if it has nothing of a template.

    Left out are roles that another way than the template made, boundaries that it did not make, and documents that the
    reading role may not read.
    """
    parts = sorted({part.digest for part in _deployed(foundation, found)})
    return " ".join(parts) or None


def _deployed(foundation: Foundation, found: FoundTemplate) -> Iterator[_Part]:
    deploying = found.roles.get(foundation.deploying_name)
    own = [arn for arn in deploying.managed_policy_arns if foundation.is_own_policy(arn)] if deploying else []
    if own and not set(own) & set(found.unreadable):
        yield from _parts(_DEPLOYING, [_document(found.policies.get(arn)) for arn in own])
    reading = found.roles.get(foundation.reading_name)
    if reading is not None and READING_POLICY in reading.inline_policies:
        yield from _parts(_READING, [_document(reading.inline_policies[READING_POLICY])])
    for arn in foundation.scope.own_boundary_arns:
        document = _document(found.policies.get(arn))
        if any(statement.values("Sid") == (OWN_STACKS,) for statement in document.statements):
            yield from _parts(f"{_BOUNDARY} {arn}", [document])


def _document(found: object) -> Document:
    return parse(found if isinstance(found, Mapping) else {})


def missing_in_words(foundation: Foundation, recorded: str) -> tuple[str, ...]:
    """Return what the account's template lacks, by the lock; empty if it has all that the inventory needs.

    Raises:
        UsageError: The account's roles have too many paths for one permissions boundary.
    """
    digests = frozenset(recorded.split())
    needed = [*_needed(foundation)]
    known = {part.resource for part in needed if not part.element and part.digest in digests}
    lacking = [part for part in needed if part.resource in known and not part.is_in(digests)]
    new = {(part.resource, part.sid) for part in lacking if part.element == "form"}
    attached = [part for part in lacking if part.element.endswith("iam:PolicyARN")]
    others = [part for part in lacking if (part.resource, part.sid) not in new and part not in attached]
    attaching = {(part.resource, part.sid) for part in attached}
    added = [f"the {resource} lacks the statement {sid}" for resource, sid in sorted(new - attaching)]
    return tuple(dict.fromkeys([*(part.words for part in (*attached, *others)), *added]))


def _needed(foundation: Foundation) -> Iterator[_Part]:
    """Yield what follows from the inventory: neither the reading role's name nor the stack's do."""
    scope = foundation.scope
    of_options = {literally(foundation.reading_role_arn)}
    parts = [*_parts(_DEPLOYING, [document.parsed for document in deploy_policies(scope)])]
    parts += _parts(_READING, [reading_policy(scope.partition, scope.account).parsed])
    for arn in scope.own_boundary_arns:
        parts += _parts(f"{_BOUNDARY} {arn}", [boundary_document(foundation).parsed])
    yield from (part for part in parts if part.value not in of_options and part.sid != OWN_STACKS)


def _parts(resource: str, documents: Iterable[Document]) -> Iterator[_Part]:
    yield _Part(resource, "", "", "")
    for document in documents:
        for elements in elements_of(document):
            sid = elements.get("Sid", ("",))[0].rstrip("0123456789")
            form = sorted(name for name in elements if name != "Sid")
            yield _Part(resource, sid, "form", " ".join((*form, *elements.get("Effect", ()))))
            for name in form:
                is_whole = "Not" in name.partition(" ")[0] or (name == "Action" and elements.get("Effect") == ("Deny",))
                values = (" ".join(elements[name]),) if is_whole else elements[name]
                yield from (_Part(resource, sid, name, value) for value in values if name != "Effect")
