"""A reason for a verdict, and how far from the other verdict it is."""

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
