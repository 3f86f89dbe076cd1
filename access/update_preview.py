"""Guard against accidents: limit the access that may be deleted or replaced at once without an explicit option.

A file left out, a wrong path or an account dropped from a stack looks like the deletion of everything in it. A replaced
role is unavailable for a moment. ``diff``, ``ci guard`` and ``sandbox up`` share these numbers.
"""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from config.findings import one_line
from oidc.errors import OutsideWorldError, UsageError

SPARED_ROLES = 2
"""Roles that may always be removed: in a small inventory they exceed the percentage without being an accident."""

MAX_LOSS_PERCENT = 30.0
"""The share of all roles that may be removed at once by default."""


@dataclass(frozen=True, slots=True)
class Loss:
    """Roles and OIDC providers that an update deletes or replaces.

    Attributes:
        roles_before: The number of existing roles, in all accounts.
        roles: Deleted or replaced roles: ARNs, or URNs of an engine, sorted.
        oidc_providers: Likewise.
    """

    roles_before: int
    roles: tuple[str, ...]
    oidc_providers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LossLimits:
    """The accepted losses.

    Attributes:
        max_percent: Percentage of all roles that may be lost, from 0 to 100; two roles always may.
        oidc_providers: Whether OIDC providers may be lost.
    """

    max_percent: float = MAX_LOSS_PERCENT
    oidc_providers: bool = False


def is_mass_loss(lost: int, before: int, max_percent: float = MAX_LOSS_PERCENT) -> bool:
    """Tell whether more roles are deleted or replaced than ``max_percent`` of those before, and more than two."""
    return lost > SPARED_ROLES and lost * 100 > max_percent * before


def refusals(loss: Loss, limits: LossLimits) -> tuple[str, ...]:
    """Return a sentence for each reason to refuse, with the option that allows it; empty if all is accepted."""
    reasons = []
    if is_mass_loss(len(loss.roles), loss.roles_before, limits.max_percent):
        reasons.append(too_many_roles(len(loss.roles), loss.roles_before, limits.max_percent))
    if loss.oidc_providers and not limits.oidc_providers:
        names = ", ".join(loss.oidc_providers[:_NAMED])
        more = f" and {len(loss.oidc_providers) - _NAMED} more" if len(loss.oidc_providers) > _NAMED else ""
        reasons.append(
            f"the OIDC provider {names}{more} is deleted or replaced, and every role that trusts it stops working; "
            "if that is intended, add --allow-oidc-provider-loss"
        )
    return tuple(reasons)


_NAMED = 3


def too_many_roles(lost: int, before: int, max_percent: float) -> str:
    """Return the refusal, with the ``--max-loss`` that would allow the update."""
    return (
        f"{lost:,} of {before:,} roles ({lost * 100 / before:.0f} %) are deleted or replaced; at most {SPARED_ROLES} "
        f"roles or {max_percent:g} % may be; if that is intended, add --max-loss {-(-lost * 100 // before)}"
    )


ROLE_TYPE = "aws:iam/role:Role"
OIDC_PROVIDER_TYPE = "aws:iam/openIdConnectProvider:OpenIdConnectProvider"
INLINE_POLICY_TYPE = "aws:iam/rolePolicy:RolePolicy"
ATTACHMENTS_TYPE = "aws:iam/rolePolicyAttachmentsExclusive:RolePolicyAttachmentsExclusive"
AWS_PROVIDER_TYPE = "pulumi:providers:aws"

_LOSING = frozenset({"delete", "replace", "delete-replaced", "create-replacement"})
_CHANGING = ("replace", "delete", "update", "drop", "import", "create")
_MAX_BYTES = 200_000_000
_DO = "write it with `pulumi preview --json --show-sames`"


@dataclass(frozen=True, slots=True)
class UpdateStep:
    """The operation on one resource.

    Attributes:
        operation: ``create``, ``update``, ``replace``, ``delete``, ``import`` of an existing resource, or ``drop`` from
            the state while it stays in AWS.
        type: ``aws:iam/role:Role``.
        name: Its logical name: ``prod/shop-deploy``.
        urn: Its URN.
    """

    operation: str
    type: str
    name: str
    urn: str


@dataclass(frozen=True, slots=True)
class UpdatePreview:
    """The result of a preview.

    Attributes:
        steps: Changes of resources in AWS: replacements first, then deletions, updates, drops, imports and creations.
        counts: Number of resources for each operation, in AWS and elsewhere.
        loss: Deletions and replacements.
        config: The stack config that the preview was made with, keys with their prefix, values as text.
        stack: The name of the stack, from the URNs of its resources; empty without resources.
    """

    steps: tuple[UpdateStep, ...]
    counts: Mapping[str, int]
    loss: Loss
    config: Mapping[str, str] = field(default_factory=dict)
    stack: str = ""


class _State(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    retain_on_delete: bool = Field(default=False, alias="retainOnDelete")
    external: bool = False
    import_id: str = Field(default="", alias="importID")


class _Step(BaseModel):
    """One step of a preview.

    Only existing resources have an old state: a step that creates or imports has none. Operations: ``StepOps`` in
    ``pkg/resource/deploy/step.go`` of Pulumi. ``external`` marks a resource that the stack only read.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    op: str
    urn: str
    old_state: _State | None = Field(default=None, alias="oldState")
    new_state: _State | None = Field(default=None, alias="newState")

    @property
    def type(self) -> str:
        """The resource's own type: the last of ``parent$child`` in a URN's third part."""
        return self.urn.split("::", 3)[2].rsplit("$", 1)[-1]

    @property
    def operation(self) -> str:
        """The operation in AWS: Pulumi also calls it a replacement if a resource that was only read is imported."""
        if self.op == "delete" and self.old_state is not None and self.old_state.retain_on_delete:
            return "drop"
        if self.op == "replace" and self.old_state is not None and self.old_state.external:
            return "import" if self.new_state is not None and self.new_state.import_id else "create"
        return self.op

    @property
    def loses(self) -> bool:
        """Tell whether the resource is deleted or replaced in AWS, and not only dropped from the state."""
        only_read = self.old_state is not None and self.old_state.external
        return self.operation in _LOSING and not only_read


class _Diagnostic(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    severity: str = ""
    message: str = ""


class _PreviewDocument(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    config: dict[str, str] | None = None
    steps: tuple[_Step, ...] | None = None
    change_summary: dict[str, int] | None = Field(default=None, alias="changeSummary")
    diagnostics: tuple[_Diagnostic, ...] | None = None


def preview_files(path: Path) -> list[Path]:
    """Return the files of a folder that end in ``.json``, sorted; for a file the path itself."""
    return sorted(path.glob("*.json")) if path.is_dir() else [path]


def read_update_preview(path: Path) -> UpdatePreview:
    """Return the preview in a file.

    Raises:
        UsageError: The file cannot be read, holds something else, or leaves out unchanged resources, so that the share
            of lost roles is unknown.
        OutsideWorldError: The preview itself failed.
    """
    name = one_line(str(path))
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise UsageError(f"{name} is larger than a preview, 200 MB", do=_DO)
        document = _PreviewDocument.model_validate(json.loads(path.read_bytes().decode("utf-8-sig")))
    except OSError as error:
        raise UsageError(f"{name} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        at = ".".join(str(part) for part in first["loc"])
        raise UsageError(f"{name} is not a preview: {one_line(at)[:200]}: {first['msg']}", do=_DO) from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{name} is not a preview: it is not JSON", do=_DO) from error
    return _preview(document, name)


def _preview(document: _PreviewDocument, name: str) -> UpdatePreview:
    steps = document.steps or ()
    if failed := [diagnostic.message for diagnostic in document.diagnostics or () if diagnostic.severity == "error"]:
        raise OutsideWorldError(f"the preview in {name} failed: {one_line(failed[0].strip())[:500]}")
    if document.change_summary is None:
        raise UsageError(f"{name} is an unfinished preview: it has no changeSummary", do=_DO)
    if odd := [step.urn for step in steps if step.urn.count("::") < _URN_PARTS - 1]:
        raise UsageError(f"{name} is not a preview: {one_line(odd[0])[:200]} is not a URN", do=_DO)
    stacks = {step.urn.split("::", 1)[0].removeprefix("urn:pulumi:") for step in steps}
    if len(stacks) > 1:
        raise UsageError(f"{name} is not a preview: it has {len(stacks)} stacks in its URNs", do=_DO)
    shown = Counter(step.op for step in steps)
    for op, number in document.change_summary.items():
        if number > shown[op]:
            raise UsageError(f"{name} leaves out {number - shown[op]} steps `{one_line(op)[:50]}`", do=_DO)
    # The reads before the update repeat every resource in the state, also those that AWS no longer has.
    update = tuple(step for step in steps if step.op != "refresh")
    operations = Counter(step.operation for step in update)
    counts = {operation: operations[operation] for operation in _CHANGING if operations[operation]}
    return UpdatePreview(_changes(update), counts, _loss(update), document.config or {}, "".join(stacks))


_URN_PARTS = 4


def _changes(steps: tuple[_Step, ...]) -> tuple[UpdateStep, ...]:
    changing = [step for step in steps if step.operation in _CHANGING and step.type.startswith("aws:")]
    ordered = sorted({(_CHANGING.index(step.operation), step.urn, step.operation, step.type) for step in changing})
    return tuple(UpdateStep(operation, kind, urn.split("::", 3)[3], urn) for _, urn, operation, kind in ordered)


def _loss(steps: tuple[_Step, ...]) -> Loss:
    def lost(kind: str) -> tuple[str, ...]:
        return tuple(sorted({step.urn for step in steps if step.type == kind and step.loses}))

    roles = {step.urn for step in steps if step.type == ROLE_TYPE and step.old_state is not None}
    return Loss(len(roles), lost(ROLE_TYPE), lost(OIDC_PROVIDER_TYPE))
