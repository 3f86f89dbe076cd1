"""What an update of a stack would do: the document that ``pulumi preview --json`` prints.

Source: ``PreviewDigest`` and ``PreviewStep`` in ``pkg/backend/display/json.go`` of
https://github.com/pulumi/pulumi, and the operations in ``sdk/go/common/display/operation.go`` there.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from access.mass_change import Loss
from config.findings import one_line
from oidc.errors import OutsideWorldError, UsageError

ROLE_TYPE = "aws:iam/role:Role"
OIDC_PROVIDER_TYPE = "aws:iam/openIdConnectProvider:OpenIdConnectProvider"

_LOSING = frozenset({"delete", "replace", "delete-replaced", "create-replacement"})
_CHANGING = ("replace", "delete", "update", "create")
_MAX_BYTES = 200_000_000
_DO = "write it with `pulumi preview --json --show-sames`"


@dataclass(frozen=True, slots=True)
class UpdateStep:
    """What happens to one resource.

    Attributes:
        operation: ``create``, ``update``, ``replace`` or ``delete``.
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
    """What an update would do.

    Attributes:
        steps: Of resources in AWS, those that change: replacements first, then what is deleted, updated and created.
        counts: How many resources each of those operations happens to, of AWS and others.
        loss: What of the access goes.
        config: The stack config that the preview was made with, keys with their prefix, values as text.
    """

    steps: tuple[UpdateStep, ...]
    counts: Mapping[str, int]
    loss: Loss
    config: Mapping[str, str] = field(default_factory=dict)


class _State(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    retain_on_delete: bool = Field(default=False, alias="retainOnDelete")


class _Step(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    op: str
    urn: str
    old_state: _State | None = Field(default=None, alias="oldState")

    @property
    def type(self) -> str:
        """The resource's own type: the last of ``parent$child`` in a URN's third part."""
        return self.urn.split("::", 3)[2].rsplit("$", 1)[-1]

    @property
    def loses(self) -> bool:
        """Tell whether the resource is deleted or replaced in AWS, and not only let go of."""
        retained = self.op == "delete" and self.old_state is not None and self.old_state.retain_on_delete
        return self.op in _LOSING and not retained


class _Diagnostic(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    severity: str = ""
    message: str = ""


class _Document(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    config: dict[str, str] | None = None
    steps: tuple[_Step, ...] | None = None
    change_summary: dict[str, int] | None = Field(default=None, alias="changeSummary")
    diagnostics: tuple[_Diagnostic, ...] | None = None


def preview_files(path: Path) -> list[Path]:
    """Return the files of a folder that end in ``.json``, sorted, none where there is none; else the path itself."""
    return sorted(path.glob("*.json")) if path.is_dir() else [path]


def read_update_preview(path: Path) -> UpdatePreview:
    """Return the preview in a file.

    Raises:
        UsageError: The file cannot be read, holds something else, or leaves out what stays as it is, so that nobody
            could tell how large a part goes.
        OutsideWorldError: The preview itself failed.
    """
    name = one_line(str(path))
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise UsageError(f"{name} is larger than a preview, 200 MB", do=_DO)
        document = _Document.model_validate(json.loads(path.read_bytes().decode("utf-8-sig")))
    except OSError as error:
        raise UsageError(f"{name} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        at = ".".join(str(part) for part in first["loc"])
        raise UsageError(f"{name} is no preview: {one_line(at)[:200]}: {first['msg']}", do=_DO) from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{name} is no preview: it is no JSON", do=_DO) from error
    return _preview(document, name)


def _preview(document: _Document, name: str) -> UpdatePreview:
    steps = document.steps or ()
    if failed := [said.message for said in document.diagnostics or () if said.severity == "error"]:
        raise OutsideWorldError(f"the preview in {name} failed: {one_line(failed[0].strip())[:500]}")
    if document.change_summary is None:
        raise UsageError(f"{name} is no preview that came to its end: it has no changeSummary", do=_DO)
    if odd := [step.urn for step in steps if step.urn.count("::") < _URN_PARTS - 1]:
        raise UsageError(f"{name} is no preview: {one_line(odd[0])[:200]} is no URN", do=_DO)
    there = {step.urn: step for step in steps if step.old_state is not None}
    if sum(number for op, number in document.change_summary.items() if op != "create") > len(there):
        raise UsageError(f"{name} leaves out the resources that stay as they are", do=_DO)
    counts = {op: number for op in _CHANGING if (number := document.change_summary.get(op, 0))}
    return UpdatePreview(_changes(steps), counts, _loss(steps, there), document.config or {})


_URN_PARTS = 4


def _changes(steps: tuple[_Step, ...]) -> tuple[UpdateStep, ...]:
    found = {
        (_CHANGING.index(step.op), step.urn): UpdateStep(step.op, step.type, step.urn.split("::", 3)[3], step.urn)
        for step in steps
        if step.op in _CHANGING and step.type.startswith("aws:")
    }
    return tuple(step for _, step in sorted(found.items(), key=lambda pair: pair[0]))


def _loss(steps: tuple[_Step, ...], there: Mapping[str, _Step]) -> Loss:
    def lost(kind: str) -> tuple[str, ...]:
        return tuple(sorted({step.urn for step in steps if step.type == kind and step.loses}))

    roles = sum(step.type == ROLE_TYPE for step in there.values())
    return Loss(roles, lost(ROLE_TYPE), lost(OIDC_PROVIDER_TYPE))
