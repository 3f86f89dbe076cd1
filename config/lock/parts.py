"""Parts of the lock that can be asked anew, each by itself."""

from enum import StrEnum


class Part(StrEnum):
    """A section of the lock that can be asked anew by itself."""

    WORKSPACES = "workspaces"
    ISSUERS = "issuers"
    ADDRESS_RANGES = "address-ranges"
