"""botocore's descriptions of the services."""

from functools import cache

from botocore.loaders import Loader


@cache
def service_models() -> Loader:
    """Return the reader of botocore's service models: one, since it keeps what it has read, and IAM's is large."""
    return Loader()
