"""Where Pulumi keeps the states of stacks: a folder or a bucket of S3, read without the Pulumi CLI."""

from config.project_file import PROJECT
from facts.aws.state_bucket import S3Bucket, parse_bucket_url
from fleet.backend.folder import SCHEME, Folder
from fleet.backend.locks import StackLock, is_dead
from fleet.backend.records import Backend, StackRecord
from fleet.backend.self_managed import SelfManaged
from fleet.surroundings import Surroundings
from oidc.errors import UsageError

__all__ = ["Backend", "StackLock", "StackRecord", "is_dead", "open_backend"]


def open_backend(surroundings: Surroundings) -> Backend:
    """Open the backend of a run.

    Args:
        surroundings: Its backend is an absolute URL.

    Raises:
        UsageError: The URL names no folder and no bucket of S3.
        OutsideWorldError: It cannot be read.
    """
    url = surroundings.backend
    if url.startswith(SCHEME):
        return SelfManaged(Folder(url), PROJECT)
    bucket = parse_bucket_url(url)
    if bucket is None:
        raise UsageError(f"{url} is not the URL of a folder or of a bucket of S3", do="correct PULUMI_BACKEND_URL")
    return SelfManaged(S3Bucket(bucket), PROJECT)
