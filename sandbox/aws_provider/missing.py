"""AWS's answer that something is not there."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import ClientError


def is_missing(error: ClientError) -> bool:
    """Say whether IAM answered that the entity does not exist (``NoSuchEntity``, HTTP status 404)."""
    return str(error.response.get("Error", {}).get("Code", "")) == "NoSuchEntity"


@contextmanager
def tolerate_missing() -> Iterator[None]:
    """Go on when what is to be deleted is gone already."""
    try:
        yield
    except ClientError as error:
        if not is_missing(error):
            raise
