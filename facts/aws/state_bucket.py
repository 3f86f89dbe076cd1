"""The bucket of S3 in which Pulumi keeps states, read without the Pulumi CLI.

Sources: https://pkg.go.dev/gocloud.dev/blob/s3blob and https://pkg.go.dev/gocloud.dev/aws#V2ConfigFromURLParams for
the parameters of the URL, which the Pulumi CLI passes to this library; ``pkg/backend/diy/backend.go`` of
https://github.com/pulumi/pulumi for the path, which begins every key.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.session import Session

from facts.aws.callers import service_models
from facts.aws.failures import code_of, explained

_USED = frozenset({"region", "profile", "endpoint", "hostname_immutable", "s3ForcePathStyle", "use_path_style"})
_OF_WRITING = frozenset(
    {"awssdk", "ssetype", "kmskeyid", "rate_limiter_capacity", "request_checksum_calculation",
     "response_checksum_validation"}
)  # fmt: skip
"""Parameters that change nothing for a reader."""

_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})
"""The texts that Go reads as true (https://pkg.go.dev/strconv#ParseBool)."""

_CONNECTIONS = 50
_PAGE = 1_000
"""The most objects that S3 lists in one answer."""

_DENIED = "allow s3:ListBucket of the bucket and s3:GetObject below .pulumi/"


@dataclass(frozen=True, slots=True)
class BucketUrl:
    """The bucket that a URL names.

    Attributes:
        bucket: ``acme-access-state``.
        prefix: Of all keys, empty or with a slash at the end: ``oidc/``.
        region: ``eu-west-1``, or ``None`` for that of the environment or the profile.
        profile: A named profile of the AWS configuration, or ``None``.
        endpoint: ``https://minio.example:9000``, or ``None`` for AWS.
        has_path_style: Whether the bucket is in the path of requests and not in the name of the host.
    """

    bucket: str
    prefix: str = ""
    region: str | None = None
    profile: str | None = None
    endpoint: str | None = None
    has_path_style: bool = False


def parse_bucket_url(text: str) -> BucketUrl | None:
    """Return the bucket of a URL such as ``s3://acme-access-state/oidc?region=eu-west-1``.

    Returns ``None`` for another URL, and for one with a parameter that changes what would be read and that is not
    known here, such as ``role`` or ``anonymous``: then the Pulumi CLI has to read.
    """
    url = urlsplit(text)
    parameters = dict(reversed(parse_qsl(url.query, keep_blank_values=True)))
    endpoint = parameters.get("endpoint") or None
    if url.scheme != "s3" or not url.netloc or parameters.keys() - _USED - _OF_WRITING:
        return None
    if endpoint is not None and not endpoint.startswith(("http://", "https://")):
        return None
    path = unquote(url.path).lstrip("/")
    return BucketUrl(
        url.netloc,
        path if not path or path.endswith("/") else f"{path}/",
        parameters.get("region") or None,
        parameters.get("profile") or None,
        endpoint,
        any(parameters.get(name) in _TRUE for name in ("hostname_immutable", "s3ForcePathStyle", "use_path_style")),
    )


class S3Bucket:
    """The objects of a bucket below its prefix, by keys such as ``.pulumi/meta.yaml``; for any number of threads.

    Args:
        url: The bucket.

    Raises:
        AwsError: There is no such profile, or the AWS configuration is wrong.
    """

    def __init__(self, url: BucketUrl) -> None:
        self._bucket, self._prefix = url.bucket, url.prefix
        self._name = f"s3://{url.bucket}/{url.prefix}"
        with explained(self._name):
            self._client = _client(url)

    def entries(self, prefix: str) -> Iterator[tuple[str, float, int]]:
        """Yield key, time and size of all objects whose key begins with a prefix.

        Raises:
            AwsError: S3 refuses or cannot be reached.
        """
        pages = self._client.get_paginator("list_objects_v2")
        with explained(f"the objects of {self._name}{prefix}", denied=_DENIED):
            size = {"PageSize": _PAGE}
            for page in pages.paginate(Bucket=self._bucket, Prefix=self._prefix + prefix, PaginationConfig=size):
                for entry in page.get("Contents", ()):
                    key = entry["Key"].removeprefix(self._prefix)
                    yield key, entry["LastModified"].timestamp(), entry["Size"]

    def get(self, key: str) -> bytes | None:
        """Return an object, or ``None`` if it does not exist.

        Raises:
            AwsError: S3 refuses or cannot be reached.
        """
        with explained(f"{self._name}{key}", denied=_DENIED):
            try:
                answer = self._client.get_object(Bucket=self._bucket, Key=self._prefix + key)
            except ClientError as error:
                if code_of(error) == "NoSuchKey":
                    return None
                raise
            body: bytes = answer["Body"].read()
            return body

    def delete(self, key: str) -> None:
        """Delete an object; it is no fault if it does not exist.

        Raises:
            AwsError: S3 refuses or cannot be reached.
        """
        with explained(f"{self._name}{key}", denied="allow s3:DeleteObject below .pulumi/locks/"):
            self._client.delete_object(Bucket=self._bucket, Key=self._prefix + key)


def _client(url: BucketUrl) -> Any:  # noqa: ANN401 - botocore makes its clients at run time
    session = Session(profile=url.profile)
    session.register_component("data_loader", service_models())
    settings: dict[str, Any] = {"proxies": {}} if (url.endpoint or "").startswith("http://127.") else {}
    if url.has_path_style:
        settings["s3"] = {"addressing_style": "path"}
    return session.create_client(
        "s3",
        region_name=url.region,
        endpoint_url=url.endpoint,
        config=Config(
            retries={"mode": "standard", "total_max_attempts": 6},
            connect_timeout=5,
            read_timeout=20,
            max_pool_connections=_CONNECTIONS,
            user_agent_extra="bitbucket-aws-oidc",
            **settings,
        ),
    )
