"""The policy documents of a plan, each text once: a thousand roles often share a dozen permission policies."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from oidc.iam.document import PolicyDocument
from review.report.by_account import Holder, Piece, account_values, form, own_of, pieces

TRUST = ""
"""Stands for the trust policy where an inline policy has its name."""

_Form: TypeAlias = tuple[str, str]
"""The name of an inline policy, and its text with marks in place of the account's values."""


@dataclass(frozen=True, slots=True, eq=False)
class DisplayedPolicy:
    """A trust policy or an inline policy, as roles have it. Each is made once, so it equals only itself.

    Attributes:
        name: The name of the inline policy; empty for a trust policy.
        anchor: Its id in the page.
        pieces: Indented JSON, as the first role and account has it.
        account: The key of that account.
        own: The values in the text that belong to that account; other accounts have theirs instead.
        users: The keys of the roles with this document, sorted.
    """

    name: str
    anchor: str
    pieces: tuple[Piece, ...]
    account: str
    own: tuple[str, ...]
    users: tuple[str, ...]

    @property
    def is_shared(self) -> bool:
        """Whether more than one role has it, so that the page shows it once, apart from them."""
        return len(self.users) > 1


@dataclass(frozen=True, slots=True)
class Documents:
    """All policy documents of a plan.

    Attributes:
        by_form: The documents by name and form of the text, sorted.
    """

    by_form: Mapping[_Form, DisplayedPolicy]

    @classmethod
    def of(cls, holders: Iterable[Holder]) -> "Documents":
        """Collect the documents of roles."""
        holders_of: dict[_Form, list[Holder]] = {}
        for holder in holders:
            for name, document in _documents(holder):
                holders_of.setdefault((name, _marked(document, holder)), []).append(holder)
        numbered = enumerate(sorted(holders_of.items(), key=lambda item: item[0]), 1)
        return cls({which: _document(which, number, users) for number, (which, users) in numbered})

    def trust(self, holder: Holder) -> DisplayedPolicy:
        """Return the trust policy of a role in an account."""
        return self.by_form[(TRUST, _marked(holder[1].trust_policy, holder))]

    def inline(self, holder: Holder) -> tuple[DisplayedPolicy, ...]:
        """Return the inline policies of a role in an account, sorted by name."""
        forms = ((name, _marked(document, holder)) for name, document in holder[1].inline_policies.items())
        return tuple(self.by_form[which] for which in forms)

    @property
    def shared(self) -> tuple[DisplayedPolicy, ...]:
        """The documents that more than one role has."""
        return tuple(document for document in self.by_form.values() if document.is_shared)


def _documents(holder: Holder) -> Iterator[tuple[str, PolicyDocument]]:
    yield TRUST, holder[1].trust_policy
    yield from holder[1].inline_policies.items()


def _marked(document: PolicyDocument, holder: Holder) -> str:
    return form(document.text, account_values(holder[0]))


def _document(which: _Form, number: int, holders: list[Holder]) -> DisplayedPolicy:
    account, _ = holders[0]
    text = indented(dict(_documents(holders[0]))[which[0]])
    is_of_many = len({account.key for account, _ in holders}) > 1
    return DisplayedPolicy(
        name=which[0],
        anchor=f"document-{number}",
        pieces=pieces(text, account_values(account)) if is_of_many else (Piece(text, None),),
        account=account.key,
        own=own_of(which[1], account_values(account)) if is_of_many else (),
        users=tuple(sorted({role.key for _, role in holders})),
    )


def indented(document: PolicyDocument) -> str:
    """Return a policy document as indented JSON in ASCII, so that look-alike letters are visible.

    A list or an object with one element stays on one line with it, because policies have many of these.
    """
    return _indented(document.to_json(), "")


def _indented(value: Any, margin: str) -> str:  # noqa: ANN401 - parsed JSON
    if not isinstance(value, dict | list) or not value:
        return json.dumps(value, ensure_ascii=True)
    is_object = isinstance(value, dict)
    within = margin if len(value) == 1 else f"{margin} "
    if isinstance(value, dict):
        parts = [f"{json.dumps(key, ensure_ascii=True)}: {_indented(item, within)}" for key, item in value.items()]
    else:
        parts = [_indented(item, within) for item in value]
    text = parts[0] if len(parts) == 1 else f"\n{within}" + f",\n{within}".join(parts) + f"\n{margin}"
    return f"{{{text}}}" if is_object else f"[{text}]"
