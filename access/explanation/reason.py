"""A reason for a verdict, and how far from the other verdict it is."""

import re
from typing import NamedTuple


class Reason(NamedTuple):
    """Why a token may not assume a role, or what lets it in.

    Attributes:
        weight: How far off: 1 for a slip, another deployment environment, audience, address or time; 3 for another
            repository; more for another workspace or vendor. 0 for what lets it in.
        text: In words, on one line.
    """

    weight: int
    text: str

    @property
    def in_short(self) -> str:
        """The reason without what would have been right: ``subject has another repository``."""
        return _WHAT_WOULD_BE_RIGHT.split(self.text, maxsplit=1)[0]


_WHAT_WOULD_BE_RIGHT = re.compile(r"[:;] (?:expected|the step lacks|the role takes) ")
