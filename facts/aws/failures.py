"""Translate failed calls to AWS into ``AwsError``: what was asked, AWS's message, what to do."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    InvalidConfigError,
    NoCredentialsError,
    ProfileNotFound,
    SSOTokenLoadError,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)
from botocore.parsers import ResponseParserError

from config.findings import one_line
from oidc.errors import AwsError

_EXPIRED = "log in again (`aws sso login`, or new temporary credentials), and run the same command again"
_READING = "give it the policy that `bitbucket-oidc deploy-policy --reading` prints"

_WHAT_TO_DO = {
    "AccessDenied": _READING,
    "UnauthorizedOperation": _READING,
    "ExpiredToken": _EXPIRED,
    "ExpiredTokenException": _EXPIRED,
    "RequestExpired": "set the clock of this machine, and run the same command again",
    "SignatureDoesNotMatch": "check the secret access key, and the clock of this machine",
    "InvalidClientTokenId": "the access key is unknown, deleted or inactive: check the credentials of this run",
    "UnrecognizedClientException": "the access key is unknown to AWS: check the credentials of this run",
    "RegionDisabledException": "switch STS on for this region in the account, or give the account another `region`",
    "AWSOrganizationsNotInUseException": "use the management account's credentials: this account is in no organization",
    "Throttling": "AWS throttled the calls again and again: run the same command later",
    "ThrottlingException": "AWS throttled the calls again and again: run the same command later",
}
"""By code: https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html and the other services' pages."""

_NO_ANSWER = (ResponseParserError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What reading an invalid answer raises: it is cut off, comes from a proxy, or lacks documented fields."""

_LOGIN_FAILURES = (SSOTokenLoadError, TokenRetrievalError, UnauthorizedSSOTokenError)

DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})
"""Error codes of a call that a policy does not allow."""


def code_of(error: ClientError) -> str:
    """Return the error code of a refused call: ``NoSuchEntity``."""
    return str(error.response.get("Error", {}).get("Code", "unknown"))


_EXPIRED_CODES = frozenset({"ExpiredToken", "ExpiredTokenException"})


def is_expired(error: AwsError) -> bool:
    """Tell whether AWS refused a call because its credentials have ended."""
    cause = error.__cause__
    return isinstance(cause, ClientError) and code_of(cause) in _EXPIRED_CODES


@contextmanager
def explained(asked: str, *, denied: str = _READING) -> Iterator[None]:
    """Translate the exceptions of botocore in the block.

    Args:
        asked: What the block asks for: ``the list of roles``.
        denied: What to do if a policy does not allow the call.

    Raises:
        AwsError: AWS refused the call or could not be reached, or there are no credentials.
    """
    try:
        yield
    except ClientError as error:
        code = code_of(error)
        message = str(error.response.get("Error", {}).get("Message", "")) or "no message"
        do = denied if code in DENIED else _WHAT_TO_DO.get(code, "")
        raise AwsError(one_line(f"{asked}: AWS refused {error.operation_name}: {code}: {message}"), do=do) from error
    except NoCredentialsError as error:
        do = "log in to AWS, or name a `profile` for the account"
        raise AwsError(f"{asked}: there are no AWS credentials in this environment", do=do) from error
    except ProfileNotFound as error:
        do = "add the profile to the AWS configuration of this machine, or name another in the inventory"
        raise AwsError(one_line(f"{asked}: {error}"), do=do) from error
    except InvalidConfigError as error:
        do = "correct the AWS configuration or the environment of this run"
        raise AwsError(one_line(f"{asked}: {error}"), do=do) from error
    except _LOGIN_FAILURES as error:
        raise AwsError(one_line(f"{asked}: {error}"), do=_EXPIRED) from error
    except BotoCoreError as error:
        do = "check the network and the proxy of this machine, and run the same command again"
        raise AwsError(one_line(f"{asked}: AWS could not be called: {error}"), do=do) from error
    except _NO_ANSWER as error:
        do = "check that no proxy or login page answers instead of AWS, and run the same command again"
        raise AwsError(f"{asked}: the answer is not from AWS, or is cut off", do=do) from error
