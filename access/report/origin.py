"""What a report was made from."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Origin:
    """What a report was made from, and when; nothing else makes two reports of one plan differ.

    Attributes:
        inventory: Its path as the user named it: ``inventory``.
        made_on: In UTC.
        revision: The commit of git that the inventory stands in, ``a20e3f4…``, or ``None``.
        is_changed: Whether the inventory differs from that commit.
        without: Why there is no revision, where there is none.
    """

    inventory: str
    made_on: date
    revision: str | None = None
    is_changed: bool = False
    without: str = ""
