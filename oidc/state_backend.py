"""Where the program keeps its state: the URL of an S3 bucket, as ``pulumi login`` takes it.

Sources:

- https://www.pulumi.com/docs/iac/guides/basics/using-a-diy-backend/: ``s3://<bucket-path>``; all objects are below
  ``.pulumi``.
- https://gocloud.dev/howto/blob/#s3: the parameters. The Pulumi CLI passes the URL to this library.
- pkg/backend/diy/backend.go of https://github.com/pulumi/pulumi: every key begins with the path.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import parse_qs

from oidc.arn import Partition, partition_of_region

FOLDER = ".pulumi/"
"""The folder in which the Pulumi CLI keeps all its objects."""


@dataclass(frozen=True, slots=True)
class StateBucket:
    """A bucket and the part of it that holds the states of all stacks.

    Attributes:
        bucket: Its name: ``acme-access-state``.
        prefix: Of the keys, empty or with a slash at the end: ``oidc/``.
        region: ``eu-west-1``, or ``None`` if the URL names none.
    """

    bucket: str
    prefix: str = ""
    region: str | None = None

    def bucket_arn(self, partition: Partition) -> str:
        """Return ``arn:aws:s3:::acme-access-state``: ARNs of S3 name neither account nor region."""
        return f"arn:{partition}:s3:::{self.bucket}"

    def objects(self, partition: Partition) -> str:
        """Return the pattern of the state's objects: ``arn:aws:s3:::acme-access-state/oidc/.pulumi/*``."""
        return f"{self.bucket_arn(partition)}/{self.prefix}{FOLDER}*"

    def is_in(self, partition: Partition) -> bool:
        """Tell whether the bucket may be in a partition; roles cannot reach a bucket in another partition."""
        return self.region is None or partition_of_region(self.region) == partition


_BUCKET = r"[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]"
"""New names have at most 63 characters and no capitals; old names may be longer and have capitals
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html)."""

_PART = r"(?!\.{1,2}(?:[/?]|$))[A-Za-z0-9!_.'()-]+"
"""The characters that are safe in keys (https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html), except
``*``, which is a wildcard in ARNs."""

_OF_AWS = r"(?:https?://)?[A-Za-z0-9.-]+\.amazonaws\.(?:com(?:\.cn)?|eu)/?(?:&|$)"
_PARAMETER = rf"(?!prefix=|endpoint=(?!{_OF_AWS}))[A-Za-z0-9_]+=[A-Za-z0-9_.:/@,+-]*"

STATE_URL = re.compile(rf"s3://({_BUCKET})((?:/{_PART})*)/?(?:\?({_PARAMETER}(?:&{_PARAMETER})*))?", re.ASCII)
"""``s3://acme-access-state/oidc?region=eu-west-1``. ``prefix`` is refused, because the path says the same. An
``endpoint`` outside AWS is refused, because AWS policies do not apply to a state there."""


@lru_cache(maxsize=16)
def parse_state_url(text: str) -> StateBucket | None:
    """Return the backend of a URL, or ``None`` if it does not name a bucket in AWS."""
    match = STATE_URL.fullmatch(text)
    if match is None:
        return None
    bucket, path, query = match.groups()
    region = parse_qs(query or "").get("region", [None])[0]
    return StateBucket(bucket, f"{path[1:]}/" if path else "", region)
