"""Every error this project raises, as one tree.

::

    BitbucketOidcError              what a user may see; str() is the whole message, without a traceback
    ├── InventoryError              the inventory has findings of level error; all of them are in the message
    ├── UsageError                  a command, an option or a stack-config value is wrong
    │   └── ConversionError         what git shows of a file is not what is read of it: nothing can be compared
    ├── EvaluationError             a policy or a token has something that a decision about it would have to guess
    ├── MassChangeError             an update deletes or replaces more than it was allowed to
    ├── UnreviewedPlanError         a plan is another one than was reviewed
    ├── UnprovenPlanError           a rendered trust policy admits something else than the inventory declares: our fault
    └── OutsideWorldError           something we do not control failed
        ├── IssuerError             the issuer could not be reached, or what it presented cannot be believed
        ├── AwsError                AWS refused or could not be reached
        ├── BitbucketError          Bitbucket's API refused, could not be reached, or answered what it documents not
        └── SandboxError            the sandbox's own parts: engine, emulators, state, lock

An error has up to three parts: what happened (where, expected, found), why it matters where that is not obvious, and
what to do. Foreign exceptions are wrapped with ``from``.
"""


class BitbucketOidcError(Exception):
    """Base of the tree.

    Attributes:
        what: What happened: where, what was expected, what was found. One sentence, for example
            ``the certificate chain of api.bitbucket.org:443 is not trusted: self-signed certificate in chain``;
            or what has to be known first, as a question: ``which role?``.
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
    """What git shows of a file is not what ``up`` reads: an attribute converts it, say. No comparison would be true."""


class EvaluationError(BitbucketOidcError):
    """A policy, a token or a request has something whose meaning AWS does not document, or that is not known here.

    Whoever asks gets no decision then: a guess could be wrong in either direction.
    """

    exit_code = 2


class MassChangeError(BitbucketOidcError):
    """An update would delete or replace more of the access than it was allowed to; nothing was done."""

    exit_code = 1


class UnreviewedPlanError(BitbucketOidcError):
    """The digest of a plan is another one than that of what was reviewed; nothing was done."""

    exit_code = 1


class UnprovenPlanError(BitbucketOidcError):
    """A rendered trust policy does not admit exactly what the inventory declares: a defect of this program."""

    exit_code = 1


class OutsideWorldError(BitbucketOidcError):
    """Something we do not control failed: the network, AWS, Bitbucket, the engine."""


class IssuerError(OutsideWorldError):
    """The issuer could not be reached, or what it presented cannot be believed."""


class AwsError(OutsideWorldError):
    """AWS refused a call or could not be reached."""


class BitbucketError(OutsideWorldError):
    """Bitbucket's API refused a call, could not be reached, or answered something else than it documents."""


class SandboxError(OutsideWorldError):
    """A part of the sandbox failed: an engine, an emulator, the state file, the lock."""
