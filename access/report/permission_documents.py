"""The permission documents of a plan, each text once: a thousand roles often share a dozen of them."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from access.report.by_account import Holder, without_own_id
from oidc.policy_document import PolicyDocument

_Form: TypeAlias = tuple[str, str]
"""The name of an inline policy, and its text without the account's own id."""


@dataclass(frozen=True, slots=True)
class Document:
    """An inline policy as roles have it.

    Attributes:
        name: Of the inline policy.
        anchor: Its id in the page.
        text: Indented JSON, of the first role and account that has it.
        account: The key of that account.
        account_id: Its id where it is in the text, so that other accounts have their own there; else ``None``.
        users: The keys of the roles that have it, sorted.
    """

    name: str
    anchor: str
    text: str
    account: str
    account_id: str | None
    users: tuple[str, ...]

    @property
    def is_shared(self) -> bool:
        """Whether more than one role has it, so that it stands apart from them."""
        return len(self.users) > 1


@dataclass(frozen=True, slots=True)
class Documents:
    """All of them.

    Attributes:
        by_form: By name and text without the account's own id, sorted by name.
    """

    by_form: Mapping[_Form, Document]

    @classmethod
    def of(cls, holders: Iterable[Holder]) -> "Documents":
        """Collect the inline policies of roles."""
        found: dict[_Form, tuple[Holder, set[str]]] = {}
        for account, role in holders:
            for name, document in role.inline_policies.items():
                form = (name, without_own_id(document.text, account.id))
                found.setdefault(form, ((account, role), set()))[1].add(role.key)
        numbered = enumerate(sorted(found.items(), key=lambda item: item[0]), 1)
        return cls({form: _document(form, number, *of) for number, (form, of) in numbered})

    def find(self, holder: Holder) -> tuple[Document, ...]:
        """Return those of a role in an account."""
        account, role = holder
        forms = ((name, without_own_id(found.text, account.id)) for name, found in role.inline_policies.items())
        return tuple(self.by_form[form] for form in forms)

    @property
    def shared(self) -> tuple[Document, ...]:
        """Those that more than one role has."""
        return tuple(document for document in self.by_form.values() if document.is_shared)


def _document(form: _Form, number: int, holder: Holder, users: set[str]) -> Document:
    (account, role), (name, text) = holder, form
    own = role.inline_policies[name]
    account_id = None if text == own.text else account.id
    return Document(name, f"document-{number}", indented(own), account.key, account_id, tuple(sorted(users)))


def indented(document: PolicyDocument) -> str:
    """Return a policy document as indented JSON in ASCII, so that a letter that looks like another one shows.

    A list or an object of one element opens on the line that it stands on: policies are full of them.
    """
    return _indented(document.to_json(), "")


def _indented(value: Any, margin: str) -> str:  # noqa: ANN401 - parsed JSON
    if not isinstance(value, dict | list) or not value:
        return json.dumps(value, ensure_ascii=True)
    is_object = isinstance(value, dict)
    within = margin if len(value) == 1 else f"{margin} "
    if isinstance(value, dict):
        parts = [f"{json.dumps(key, ensure_ascii=True)}: {_indented(one, within)}" for key, one in value.items()]
    else:
        parts = [_indented(one, within) for one in value]
    text = parts[0] if len(parts) == 1 else f"\n{within}" + f",\n{within}".join(parts) + f"\n{margin}"
    return f"{{{text}}}" if is_object else f"[{text}]"
