"""Classes of actions that change identities, or run code or a template with the rights of another principal.

``oidc/iam/action_table.py`` has the actions. The permissions boundary, the service control policy, the denials of the
deploying role, and the findings ``admin-access``, ``changes-access``, ``deploying-role`` and ``privilege-escalation``
are views of it.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from itertools import product

from oidc.iam.pattern import covers


class ActionClass(StrEnum):
    """What an action gives its holder; ``{any}`` is the affected resource: ``any role``."""

    POLICY = "change the permissions in {any}"
    MEMBER = "add a user to {any}"
    CREDENTIAL = "act as {any}"
    TRUST = "let others into the account"
    PASSING = "hand {any} to a service, and act through it"
    ASSUME = "become {any} that trusts the account"
    BOUNDARY = "lift the limits of {any}"
    ORGANIZATION = "change accounts, limits or sign-in of the organization"
    MANAGEMENT = "change the organization from its management account"
    CODE = "run code or a template with the role of {any}"
    SHELL = "get into {any} and use its role"
    RUNNER = "start something with a role that iam:PassRole hands over"
    LOCKOUT = "take access away from others"
    IDENTITY = "create, delete or rename principals and policies"
    TAG = "change tags that policies compare"
    SETTING = "change a setting of the whole account"
    STACK = "change a stack without new code"
    DATA = "share a resource or its data, but no identity"
    OTHER = "gain nothing in AWS"


ESCALATIONS = (
    ActionClass.POLICY, ActionClass.MEMBER, ActionClass.CREDENTIAL, ActionClass.TRUST, ActionClass.PASSING,
    ActionClass.ASSUME, ActionClass.BOUNDARY, ActionClass.ORGANIZATION, ActionClass.MANAGEMENT, ActionClass.CODE,
    ActionClass.SHELL,
)  # fmt: skip
"""The classes that give their holder the rights of somebody else."""

REFERENCE = (
    "https://docs.aws.amazon.com/service-authorization/latest/reference/"
    "reference_policies_actions-resources-contextkeys.html"
)

_BRACES = re.compile(r"\{([^}]*)\}")
_KINDS = {"policy": "managed policy", "root": "root user of a member account"}


@dataclass(frozen=True, slots=True)
class Row:
    """Actions of one class on one kind of resource.

    Attributes:
        group: Their class.
        resource: Service and start of the affected resources, as in their ARNs: ``iam:role/``, ``lambda:function:``;
            empty if the actions accept only ``*``, or count only on all resources.
        text: The actions, separated by spaces. ``iam:{Create,Update}AccessKey`` is two names, and
            ``iam:Send{DelegationToken}`` is one. Documents shorten them to ``iam:*AccessKey`` and ``iam:Send*``; a test
            checks that these match nothing else. A pattern with a star is every action that it matches. In the classes
            ``DATA`` and ``OTHER`` it is only actions of access level *Permissions management* that no other row has,
            and ``*:Name`` is any service.
        source: Who published the method; by default AWS's list of actions.
        bounded: Whether documents may limit the actions by the condition key ``iam:PermissionsBoundary``. False for
            actions that got the key in AWS's list only lately: nobody has verified that IAM compares it.
    """

    group: ActionClass
    resource: str
    text: str
    source: str = REFERENCE
    bounded: bool = False

    @property
    def actions(self) -> tuple[str, ...]:
        """Names of the actions; patterns with a star as they are."""
        return tuple(name for word in self.text.split() for name in _names(word))

    @property
    def patterns(self) -> tuple[str, ...]:
        """The same for documents, shorter."""
        words = self.text.split()
        shorter = (_names(word) if "*" in word else (re.sub(r"\*+", "*", _BRACES.sub("*", word)),) for word in words)
        return tuple(pattern for each in shorter for pattern in each)

    @property
    def kind(self) -> str:
        """The kind of resource in words: ``role``; empty if the actions accept only ``*``."""
        word = self.resource.partition(":")[2].strip("/:").rpartition("/")[2]
        return _KINDS.get(word, word)

    @property
    def gain(self) -> str:
        """What the actions give: ``change the permissions in any role``."""
        return self.group.value.format(any=f"any {self.kind or 'resource'}")


@cache
def _names(word: str) -> tuple[str, ...]:
    """Return the names in ``iam:{Put,Attach}{Role,User}Policy``."""
    parts = _BRACES.split(word)
    choices = [part.split(",") if position % 2 else [part] for position, part in enumerate(parts)]
    return tuple(map("".join, product(*choices)))


def names(chosen: Iterable[Row]) -> tuple[str, ...]:
    """Return the actions of some rows."""
    return tuple(action for row in chosen for action in row.actions)


def patterns(chosen: Iterable[Row]) -> tuple[str, ...]:
    """Return patterns of the actions of some rows for a document, sorted, without those that another one covers."""
    every = {pattern for row in chosen for pattern in row.patterns}
    wider = [pattern for pattern in every if "*" in pattern]
    return tuple(sorted(text for text in every if not any(wide != text and covers(wide, text) for wide in wider)))


def verbs(chosen: Iterable[Row]) -> tuple[str, ...]:
    """Return patterns of the actions of some rows by their verbs, sorted: ``iam:Attach*``.

    A new action with a known verb matches too. The patterns are for statements that name the rows' resources, because
    on other resources they match more actions than the rows have.
    """
    return tuple(sorted({re.sub(r"(:[A-Z][a-z]+).*", r"\1*", name) for name in names(chosen)}))
