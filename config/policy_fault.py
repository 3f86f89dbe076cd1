"""A fault inside a permission policy's document."""

from dataclasses import dataclass

from config.yaml_document import Path


@dataclass(frozen=True, slots=True)
class PolicyFault:
    """A fault of a document.

    Attributes:
        rule: One of ``config.rules.RULES``.
        at: Where inside the document: ``("Statement", 0, "Action", 2)``.
        message: What is wrong.
        hint: What to do.
        of_key: Whether the last key of ``at`` is at fault, not its value.
    """

    rule: str
    at: Path
    message: str
    hint: str
    of_key: bool = False


def bad(at: Path, message: str, hint: str, *, of_key: bool = False) -> PolicyFault:
    """Return a breach of IAM's grammar."""
    return PolicyFault("bad-policy-document", at, message, hint, of_key)
