"""Parts of the lock that can be asked anew, each by itself."""

from enum import StrEnum


class Part(StrEnum):
    """A section of the lock that can be asked anew by itself."""

    WORKSPACES = "workspaces"
    ISSUERS = "issuers"
    ADDRESS_RANGES = "address-ranges"
    ACCOUNTS = "accounts"


ACCOUNT = "account:"
"""What a name for ``--accept`` begins with that is an OIDC provider's in an account: ``account:prod/acme``."""
