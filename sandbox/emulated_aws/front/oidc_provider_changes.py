"""Gap: ministack cannot change an OIDC provider: its thumbprints, its client ids, its tags.

They are changed in ministack's own record, so they are saved with its state. A call comes here authenticated and
authorised by ministack like every other; of the resource it only knows ``*`` then, so a permission policy must allow
these actions on ``*``.

Sources: the pages of the six operations under https://docs.aws.amazon.com/IAM/latest/APIReference/.
"""

from collections.abc import Callable

from oidc.limits import TAGS_PER_RESOURCE
from sandbox.emulated_aws.front.oidc_providers import (
    check_client_id_count,
    check_thumbprints,
    oidc_provider_record,
    tag_list,
)
from sandbox.emulated_aws.inner import Inner
from sandbox.emulated_aws.query import Answer, AwsCall, Proceed, RefusalError, Step, success

_DEFAULT_PAGE = 100


def update_thumbprints(inner: Inner) -> Step:
    """Make the step for UpdateOpenIDConnectProviderThumbprint: the list replaces the old one."""

    def change(call: AwsCall) -> str | None:
        record = oidc_provider_record(inner, call)
        thumbprints = call.members("ThumbprintList")
        check_thumbprints(thumbprints)
        record["ThumbprintList"] = thumbprints
        return None

    return _answering(change)


def add_client_id(inner: Inner) -> Step:
    """Make the step for AddClientIDToOpenIDConnectProvider; one that is there already is no error."""

    def change(call: AwsCall) -> str | None:
        record = oidc_provider_record(inner, call)
        if call.params["ClientID"] not in record["ClientIDList"]:
            check_client_id_count(len(record["ClientIDList"]) + 1)
            record["ClientIDList"] = [*record["ClientIDList"], call.params["ClientID"]]
        return None

    return _answering(change)


def remove_client_id(inner: Inner) -> Step:
    """Make the step for RemoveClientIDFromOpenIDConnectProvider; one that is not there is no error."""

    def change(call: AwsCall) -> str | None:
        record = oidc_provider_record(inner, call)
        record["ClientIDList"] = [known for known in record["ClientIDList"] if known != call.params["ClientID"]]
        return None

    return _answering(change)


def tag(inner: Inner) -> Step:
    """Make the step for TagOpenIDConnectProvider: a tag of the same key, ignoring case, is overwritten."""

    def change(call: AwsCall) -> str | None:
        record = oidc_provider_record(inner, call)
        given = call.tags()
        check_tags(given)
        new_keys = {key.lower() for key, _ in given}
        kept = [old for old in record["Tags"] if old["Key"].lower() not in new_keys]
        if len(kept) + len(given) > TAGS_PER_RESOURCE:
            quota = f"Cannot exceed quota for TagsPerOpenIdConnectProvider: {TAGS_PER_RESOURCE}"
            raise RefusalError("LimitExceeded", quota, 409)
        record["Tags"] = kept + [{"Key": key, "Value": value} for key, value in given]
        return None

    return _answering(change)


def untag(inner: Inner) -> Step:
    """Make the step for UntagOpenIDConnectProvider; a key that is not there is no error."""

    def change(call: AwsCall) -> str | None:
        record = oidc_provider_record(inner, call)
        removed = {key.lower() for key in call.members("TagKeys")}
        record["Tags"] = [old for old in record["Tags"] if old["Key"].lower() not in removed]
        return None

    return _answering(change)


def list_tags(inner: Inner) -> Step:
    """Make the step for ListOpenIDConnectProviderTags: sorted by key, in pages of ``MaxItems``."""

    def answer(call: AwsCall) -> str | None:
        tags = sorted(oidc_provider_record(inner, call)["Tags"], key=lambda tag: str(tag["Key"]))
        marker = call.params.get("Marker", "0")
        if not marker.isdecimal():
            raise RefusalError("InvalidInput", "Invalid Marker")
        start, end = int(marker), int(marker) + int(call.params.get("MaxItems", _DEFAULT_PAGE))
        more = f"<IsTruncated>true</IsTruncated><Marker>{end}</Marker>"
        return tag_list(tags[start:end]) + (more if end < len(tags) else "<IsTruncated>false</IsTruncated>")

    return _answering(answer)


async def checked_tags(call: AwsCall, proceed: Proceed) -> Answer:
    """Check the tags of CreateOpenIDConnectProvider, CreateRole and TagRole."""
    check_tags(call.tags())
    return await proceed(call)


def check_tags(tags: list[tuple[str, str]]) -> None:
    """Refuse keys that are the same ignoring case, and keys that belong to AWS.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html

    Raises:
        RefusalError: ``InvalidInput``.
    """
    keys = [key.lower() for key, _ in tags]
    if len(set(keys)) < len(keys):
        message = "Duplicate tag keys found. Please note that Tag keys are case insensitive."
        raise RefusalError("InvalidInput", message)
    if any(key.startswith("aws:") for key in keys):
        raise RefusalError("InvalidInput", "aws: prefixed tag key names are not allowed for external use.")


def _answering(change: Callable[[AwsCall], str | None]) -> Step:
    async def step(call: AwsCall, _proceed: Proceed) -> Answer:
        return success(call.action, change(call))

    return step
