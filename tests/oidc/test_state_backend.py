"""The URL of the state is read as the Pulumi CLI reads it, or not taken."""

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oidc.arn import Partition
from oidc.state_backend import StateBucket, parse_state_url

BUCKETS = st.from_regex(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", fullmatch=True)
PARTS = st.from_regex(r"[A-Za-z0-9!_.'()-]{1,8}", fullmatch=True).filter(lambda part: part not in (".", ".."))
REGIONS = st.sampled_from(["eu-west-1", "us-gov-west-1", "cn-north-1"])
OTHERS = st.lists(
    st.sampled_from(["awssdk=v2", "profile=platform", "endpoint=s3.eu-west-1.amazonaws.com"]), unique=True
)


@given(BUCKETS, st.lists(PARTS, max_size=3), st.sampled_from(["", "/"]), st.none() | REGIONS, OTHERS)
def test_a_url_parses_into_its_parts(
    bucket: str, parts: list[str], slash: str, region: str | None, others: list[str]
) -> None:
    parameters = [*others, *([f"region={region}"] if region else [])]
    query = f"?{'&'.join(parameters)}" if parameters else ""
    path = "".join(f"/{part}" for part in parts)
    parsed = parse_state_url(f"s3://{bucket}{path}{slash}{query}")
    assert parsed == StateBucket(bucket, "".join(f"{part}/" for part in parts), region)


@given(st.text(alphabet="s3:/acme-.?&=#@% prefixregion*${}\n", max_size=40).map(lambda text: f"s3://{text}"))
def test_an_accepted_url_has_only_these_parts_and_no_wildcard(text: str) -> None:
    parsed = parse_state_url(text)
    if parsed is not None:
        split = urlsplit(text)
        assert (split.scheme, split.netloc, split.fragment) == ("s3", parsed.bucket, "")
        assert split.path.strip("/") == parsed.prefix.rstrip("/")
        assert not set("*?$") & set(parsed.bucket + parsed.prefix)


@pytest.mark.parametrize(
    "text",
    [
        "https://api.pulumi.com", "file://~", "azblob://state", "gs://state", "s3://", "s3://ab", "S3://acme-state",
        "s3://acme-state\n", " s3://acme-state", "s3://acme-state//oidc", "s3://acme-state/../x", "s3://acme-state/.",
        "s3://acme-state?", "s3://acme-state?region", "s3://acme-state#x", "s3://user@acme-state", "s3://acme-state:80",
        "s3://acme-*", "s3://acme-state/*", "s3://acme-state/${aws:username}", "s3://acme-state/a%20b",
        "s3://acme-state?prefix=a/", "s3://acme-state?region=eu-west-1&prefix=a/",
        "s3://acme-state?endpoint=minio.example.com", "s3://acme-state?endpoint=amazonaws.com.example.org",
    ],
)  # fmt: skip
def test_a_url_that_is_not_a_plain_bucket_in_aws_is_refused(text: str) -> None:
    assert parse_state_url(text) is None


def test_all_objects_are_below_the_path_and_the_folder_of_the_cli() -> None:
    backend = parse_state_url("s3://acme-state/oidc?region=cn-north-1&awssdk=v2")
    assert backend is not None
    assert backend.objects(Partition.AWS_CN) == "arn:aws-cn:s3:::acme-state/oidc/.pulumi/*"
    assert (backend.is_in(Partition.AWS_CN), backend.is_in(Partition.AWS)) == (True, False)
    assert StateBucket("acme-state").is_in(Partition.AWS_CN)
