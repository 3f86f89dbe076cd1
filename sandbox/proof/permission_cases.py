"""Choose calls to try with a role's credentials, and the result that its permission policies imply.

The policies are read in a simple way. Calls that this reading cannot decide are not tried:

- A statement *surely* allows an action on a resource when it is an Allow with ``Action`` and ``Resource``, without
  ``Condition``, and both match; ``*`` and ``?`` as IAM reads them. It *may* match whatever its conditions say.
- A role surely may do an action if a policy surely allows it, the boundary (if any) surely allows it too, and no Deny
  of them may match. It surely may not do an action that no policy may allow, or that the boundary may not allow.
- Anything in between (conditions, policy variables) is not tried.

Nothing here decides access: the expected result is compared with the verdict of the emulated AWS.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any

from sandbox.proof.origins import ANYWHERE, CallOrigin


class TrialMethod(StrEnum):
    """How the emulated AWS decides a call."""

    CALLED = "called"
    """The call itself, with the credentials for a token."""
    SIMULATED = "simulated"
    """SimulatePrincipalPolicy for the role, as the account's root: for services that the sandbox does not run."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One action on one resource.

    Attributes:
        action: ``s3:PutObject``.
        resource: ``arn:aws:s3:::acme-shop/any``, or ``*``.
        method: How the emulated AWS decides it.
        expected: The result that the policies imply.
        reason: For people: ``inline policy publish-site allows it``.
        origin: Where the call comes from.
    """

    action: str
    resource: str
    method: TrialMethod
    expected: bool
    reason: str
    origin: CallOrigin = ANYWHERE


@dataclass(frozen=True, slots=True)
class NotTried:
    """No call could be tried; ``reason`` says why, for people."""

    reason: str


@dataclass(frozen=True, slots=True)
class PermissionStatement:
    """One statement of a permission policy.

    Attributes:
        source: Its policy, for people: ``inline policy publish-site``.
        content: As JSON.
    """

    source: str
    content: Mapping[str, Any]

    @property
    def allows(self) -> bool:
        """Tell whether it is an Allow."""
        return bool(self.content.get("Effect") == "Allow")

    def may_match(self, action: str, resource: str) -> bool:
        """Tell whether it could match, whatever its conditions and policy variables say."""
        return self._names("Action", action, re.IGNORECASE) and self._names("Resource", resource, re.NOFLAG)

    @property
    def is_plain(self) -> bool:
        """Tell whether nothing but action and resource decides whether it matches."""
        plain = {"Action", "Resource"} <= self.content.keys() and "Condition" not in self.content
        return plain and not any("${" in text for text in self.texts("Resource"))

    def surely_matches(self, action: str, resource: str) -> bool:
        """Tell whether it matches in every case."""
        return self.is_plain and self.may_match(action, resource)

    def texts(self, key: str) -> list[str]:
        """Return the value of ``Action`` or the like as a list."""
        value = self.content.get(key, [])
        return [value] if isinstance(value, str) else list(value)

    def _names(self, key: str, text: str, flags: re.RegexFlag) -> bool:
        if f"Not{key}" in self.content:
            patterns = self.texts(f"Not{key}")
            variable = any("${" in pattern for pattern in patterns)
            return variable or not any(_like(pattern, text, flags) for pattern in patterns)
        return any(_like(pattern, text, flags) for pattern in self.texts(key))


def _like(pattern: str, text: str, flags: re.RegexFlag) -> bool:
    return _compiled(pattern, flags).fullmatch(text) is not None


@cache
def _compiled(pattern: str, flags: re.RegexFlag) -> re.Pattern[str]:
    """Compile a pattern of IAM: ``*``, ``?``, and policy variables, which may be any text."""
    parts = re.split(r"(\$\{[^}]*\}|\*|\?)", pattern)
    anything = {"?": ".", "*": ".*"}
    regex = "".join(".*" if part[:2] == "${" else anything.get(part) or re.escape(part) for part in parts)
    return re.compile(regex, flags | re.DOTALL)


def statements_of(source: str, document: Mapping[str, Any]) -> list[PermissionStatement]:
    """Return the statements of a policy document."""
    statements = document.get("Statement", [])
    listed = [statements] if isinstance(statements, Mapping) else statements
    return [PermissionStatement(source, statement) for statement in listed]


@dataclass(frozen=True, slots=True)
class TriedPermissions:
    """The policies of a role.

    Attributes:
        account_id: Of the role.
        statements: Of all its permission policies.
        boundary: Of its permissions boundary; ``None`` if the role has no boundary.
    """

    account_id: str
    statements: Sequence[PermissionStatement]
    boundary: Sequence[PermissionStatement] | None = None

    def allowed_trial(self) -> Trial | NotTried:
        """Return an action that the role surely may do."""
        for action, resource, method, statement in self._candidates():
            if self._surely_may(action, resource):
                return Trial(action, resource, method, expected=True, reason=f"{statement.source} allows it")
        if not self.statements:
            return NotTried("it has no permission policy")
        return NotTried("no policy allows an action by its exact name, without condition and variable")

    def refused_trial(self) -> Trial | NotTried:
        """Return an action that the role surely may not do: preferably one that only the boundary forbids."""
        for action, resource, method, statement in self._candidates() if self.boundary is not None else ():
            if not _may(self.boundary or (), action, resource):
                reason = f"{statement.source} allows it, its permissions boundary does not"
                return Trial(action, resource, method, expected=False, reason=reason)
        for action, resource in harmless_calls(self.account_id).items():
            if not self._may(action, resource):
                return Trial(action, resource, TrialMethod.CALLED, expected=False, reason="nothing allows it")
        return NotTried("its policies may allow every call that is harmless to try")

    def _candidates(self) -> Iterator[tuple[str, str, TrialMethod, PermissionStatement]]:
        """Yield actions that a permission policy surely allows: calls first, then those that its statements name."""
        reads = [(action, resource) for action, resource in harmless_calls(self.account_id).items() if resource == "*"]
        for action, resource in reads:
            for statement in self.statements:
                # On every resource, so it does not matter which one the emulator assumes for the call.
                if statement.allows and "*" in statement.texts("Resource") and statement.surely_matches(action, "*"):
                    yield action, resource, TrialMethod.CALLED, statement
        for statement in self.statements:
            for action, resource in _named(statement):
                yield action, resource, TrialMethod.SIMULATED, statement

    def _surely_may(self, action: str, resource: str) -> bool:
        layers = [self.statements, *([self.boundary] if self.boundary is not None else [])]
        statements = [statement for layer in layers for statement in layer]
        denied = any(not statement.allows and statement.may_match(action, resource) for statement in statements)
        return not denied and all(
            any(statement.allows and statement.surely_matches(action, resource) for statement in layer)
            for layer in layers
        )

    def _may(self, action: str, resource: str) -> bool:
        layers = [self.statements, *([self.boundary] if self.boundary is not None else [])]
        return all(_may(layer, action, resource) for layer in layers)


def _may(statements: Sequence[PermissionStatement], action: str, resource: str) -> bool:
    return any(statement.allows and statement.may_match(action, resource) for statement in statements)


def _named(statement: PermissionStatement) -> Iterator[tuple[str, str]]:
    """Yield the actions that a statement allows by their exact names, on resources that its patterns match."""
    if not (statement.allows and statement.is_plain):
        return
    for action in statement.texts("Action"):
        if re.fullmatch(r"[A-Za-z0-9-]+:[A-Za-z0-9]+", action):
            for pattern in statement.texts("Resource"):
                # Any text may replace a wildcard, so the pattern matches the result.
                yield action, pattern if pattern == "*" else pattern.replace("*", "any").replace("?", "x")


NO_SUCH_GROUP = "sandbox-proof-no-such-group"
"""A group that no account of the sandbox has."""


def harmless_calls(account_id: str) -> dict[str, str]:
    """Return calls that change nothing, and the resource of each; the last deletes a group that does not exist."""
    reads = ("iam:ListUsers", "iam:ListGroups", "iam:ListAccountAliases", "iam:GetAccountSummary")
    return dict.fromkeys(reads, "*") | {"iam:DeleteGroup": f"arn:aws:iam::{account_id}:group/{NO_SUCH_GROUP}"}
