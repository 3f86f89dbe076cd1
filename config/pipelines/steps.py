"""The steps of a bitbucket-pipelines.yml, and the roles that they name.

Source: https://support.atlassian.com/bitbucket-cloud/docs/step-options/ and the JSON Schema that Atlassian publishes,
https://api.bitbucket.org/schemas/pipelines-configuration.
"""

from dataclasses import dataclass
from enum import StrEnum

from config.findings import Fault, Path

At = tuple[int, int]
"""Line and column, both from 1."""


class Way(StrEnum):
    """How a step names a role; ``ELSEWHERE`` is in a command that is not read."""

    IMAGE = "image.aws.oidc-role"
    STORAGE = "storage.aws.oidc-role"
    PIPE = "AWS_OIDC_ROLE_ARN of the pipe"
    VARIABLE = "AWS_ROLE_ARN"
    CALL = "--role-arn"
    PROFILES = "--pipeline-role"
    ELSEWHERE = "role"


@dataclass(frozen=True, slots=True)
class RoleUse:
    """A role that a step names.

    Attributes:
        way: How.
        arn: As written, with the variables that the script sets; ``None`` if it is not known.
        at: The place of the ARN, or of what stands for it.
        unread: Why it is not checked, or ``None``: ``it is in a condition``.
    """

    way: Way
    arn: str | None
    at: At
    unread: str | None = None


class TokenUse(StrEnum):
    """What a script does with the step's token."""

    HANDED_OVER = "handed over"
    UNUSED = "unused"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Script:
    """What a script says about roles.

    Attributes:
        uses: The roles that it names.
        token: What it does with the token.
        needs_token: Whether a command that certainly runs uses ``BITBUCKET_STEP_OIDC_TOKEN``.
        static_keys: The places of static access keys.
    """

    uses: tuple[RoleUse, ...] = ()
    token: TokenUse = TokenUse.UNUSED
    needs_token: bool = False
    static_keys: tuple[At, ...] = ()


class Addresses(StrEnum):
    """Where the calls of a step come from."""

    SHARED = "Bitbucket's cloud, whose addresses all customers of AWS share"
    ATLASSIAN = "the address ranges that Atlassian publishes"
    RUNNER = "a self-hosted runner"


@dataclass(frozen=True, slots=True)
class Step:
    """A step.

    Attributes:
        path: ``("pipelines", "branches", "main", 0, "step")``.
        at: The place of its key ``step``.
        deployment: The name of its deployment environment, its own or its stage's, or ``None``.
        deployment_at: The place of that name, or of the key ``step``.
        oidc: Whether it has a token; ``None`` if that is not certain.
        audiences: Further audiences that it asks for.
        addresses: Where its calls come from.
        uses: The roles that it names outside of its scripts.
        static_keys: The places of static access keys beside them.
        scripts: ``script`` and ``after-script``: separate shells.
    """

    path: Path
    at: At
    deployment: str | None
    deployment_at: At
    oidc: bool | None
    audiences: tuple[str, ...]
    addresses: Addresses
    uses: tuple[RoleUse, ...]
    static_keys: tuple[At, ...]
    scripts: tuple[Script, ...]

    @property
    def every_use(self) -> tuple[RoleUse, ...]:
        """The roles that it names, in its scripts too."""
        return (*self.uses, *(use for script in self.scripts for use in script.uses))

    @property
    def every_static_key(self) -> tuple[At, ...]:
        """The places of static access keys beside roles, in its scripts too."""
        return (*self.static_keys, *(at for script in self.scripts if script.uses for at in script.static_keys))


@dataclass(frozen=True, slots=True)
class Note:
    """What a reader should know besides the findings: mostly what is not checked, and why."""

    at: At
    path: Path
    text: str


@dataclass(frozen=True, slots=True)
class Pipelines:
    """A file: its steps, notes on what is not read, and the faults of its text."""

    steps: tuple[Step, ...]
    notes: tuple[Note, ...]
    faults: tuple[Fault, ...]
