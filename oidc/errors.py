"""Every error this project raises, as one tree.

::

    BitbucketOidcError              a message for users; str() is the whole message, without a traceback
    ├── InventoryError              the inventory has findings of level error; all of them are in the message
    ├── UsageError                  a command, an option or a stack-config value is wrong
    │   └── ConversionError         git converts a file, so its revisions cannot be compared with the file on disk
    ├── EvaluationError             a policy or a token has a part whose meaning would have to be guessed
    ├── MassChangeError             an update deletes or replaces more than it was allowed to
    ├── UnreviewedPlanError         a plan differs from the reviewed one
    ├── UnprovenPlanError           a rendered trust policy differs from the inventory: a defect of this program
    └── OutsideWorldError           something we do not control failed
        ├── IssuerError             the issuer could not be reached, or its certificates are not trusted
        ├── AwsError                AWS refused or could not be reached
        ├── BitbucketError          Bitbucket's API refused, could not be reached, or gave an undocumented answer
        │   └── RequestLimitError   Bitbucket's hourly limit of requests is used up
        ├── StateError              the state of a Pulumi stack cannot be read or written
        ├── EngineError             the Pulumi CLI is missing, or its run failed
        └── SandboxError            the sandbox's own parts: engine, emulators, state, lock

An error has up to three parts: what happened (where, expected, found), why it matters if that is not obvious, and
what to do. Foreign exceptions are wrapped with ``from``.
"""


class BitbucketOidcError(Exception):
    """Base of the tree.

    Attributes:
        what: What happened: where, what was expected, what was found. One sentence, for example
            ``the certificate chain of api.bitbucket.org:443 is not trusted: self-signed certificate in chain``;
            or a question that the user must answer first: ``which role?``.
        do: What to do about it, or the empty string. For example ``check that no proxy intercepts TLS``.
    """

    exit_code = 3

    def __init__(self, what: str, *, do: str = "") -> None:
        super().__init__(what, do)
        self.what = what
        self.do = do

    def __str__(self) -> str:
        between = " " if self.what.endswith("?") else "; "
        return f"{self.what}{between}{self.do}" if self.do else self.what


class InventoryError(BitbucketOidcError):
    """The inventory has findings of level error; ``what`` holds one line for each."""

    exit_code = 1


class UsageError(BitbucketOidcError):
    """A command, an option or a stack-config value is wrong."""

    exit_code = 2


class ConversionError(UsageError):
    """Git shows a file differently from what ``up`` reads, for example converted. A comparison would be wrong."""


class EvaluationError(BitbucketOidcError):
    """A policy, a token or a request has a part that AWS does not document, or that this program does not know.

    The caller gets no decision, because a guess could be wrong in either direction.
    """

    exit_code = 2


class MassChangeError(BitbucketOidcError):
    """An update would delete or replace more of the access than it was allowed to; nothing was done."""

    exit_code = 1


class UnreviewedPlanError(BitbucketOidcError):
    """The digest of a plan differs from the reviewed digest; nothing was done."""

    exit_code = 1


class UnprovenPlanError(BitbucketOidcError):
    """A rendered trust policy does not admit exactly what the inventory declares: a defect of this program."""

    exit_code = 1


class OutsideWorldError(BitbucketOidcError):
    """Something we do not control failed: the network, AWS, Bitbucket, the engine."""


class IssuerError(OutsideWorldError):
    """The issuer could not be reached, or its certificates are not trusted."""


class AwsError(OutsideWorldError):
    """AWS refused a call or could not be reached."""


class BitbucketError(OutsideWorldError):
    """Bitbucket's API refused a call, could not be reached, or gave an undocumented answer."""


class RequestLimitError(BitbucketError):
    """Bitbucket's hourly limit of requests is used up; ``do`` tells when to run again."""


class StateError(OutsideWorldError):
    """The state of a Pulumi stack, or the backend that holds it, cannot be read or written."""


class EngineError(OutsideWorldError):
    """The Pulumi CLI is missing or cannot be started, or its run failed."""


class SandboxError(OutsideWorldError):
    """A part of the sandbox failed: an engine, an emulator, the state file, the lock."""
