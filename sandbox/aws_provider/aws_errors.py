"""Errors of AWS as errors of this project: which resource, AWS's own words, what to do."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError

from oidc.errors import AwsError

_WHAT_TO_DO = {
    "EntityAlreadyExists": (
        "somebody else made it: give the one in the inventory another name, or remove the other; for an OIDC provider, "
        "`oidc_provider: reference` on the account refers to it"
    ),
    "LimitExceeded": "a quota of the account is used up; ask AWS to raise it, or remove what is not needed",
    "AccessDenied": "give the deploying role this permission, and look at its permissions boundary",
    "NoSuchEntity": "it, or a permissions boundary or managed policy that it names, does not exist in this account",
    "MalformedPolicyDocument": "look at the policy document: AWS does not accept its grammar, or a principal in it",
    "DeleteConflict": "something is still attached to it; take that off first",
    "InvalidClientTokenId": "the credentials are not known there",
    "ExpiredToken": "the session has ended; run again",
}
"""Codes of the IAM and STS API references (Common Errors, and those of the actions that this provider calls)."""


@contextmanager
def explained(subject: str) -> Iterator[None]:
    """Translate what botocore raises in the block.

    Args:
        subject: What the block works on, such as a URN.

    Raises:
        AwsError: AWS refused, or could not be reached.
    """
    try:
        yield
    except ClientError as error:
        details = error.response.get("Error", {})
        code = str(details.get("Code", "unknown")).removesuffix("Exception")
        message = str(details.get("Message", "")) or "no message"
        raise AwsError(
            f"{subject}: AWS refused {error.operation_name}: {code}: {message}", do=_WHAT_TO_DO.get(code, "")
        ) from error
    except BotoCoreError as error:
        raise AwsError(f"{subject}: AWS could not be called: {error}") from error
