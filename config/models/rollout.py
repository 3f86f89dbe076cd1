"""A fleet: one stack for each account. The waves that runs go through, and what all stacks share."""

import re
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, StrictBool, model_validator

from config.findings import fault
from config.json_schema_hints import NO_VARIABLES, PRINTABLE, Looks, example
from config.models.account import Accounts
from config.models.base import InventoryModel
from config.models.scalars import Slug, describe, parse_text

OTHERS = "others"
"""The name of the last wave, for the accounts of no other wave."""

_PATH = rf"(?![/~])(?![a-zA-Z]:)(?=[\s\S]*\S$)(?!\s)(?:(?!\\){PRINTABLE})+"
_IN_FOLDER = re.compile(_PATH)
_KMS = r"(?:awskms|azurekeyvault|gcpkms|hashivault)://[^\s\x00-\x1f\x7f-\x9f]*[A-Za-z0-9][^\s\x00-\x1f\x7f-\x9f]*"
_SECRETS_PROVIDER = re.compile(rf"passphrase|(?!awskms://arn:)(?:{_KMS})")
_FORMS = "passphrase, or a key: awskms://…, azurekeyvault://…, gcpkms://… or hashivault://…"


def is_guardrails_path(value: object) -> bool:
    """Tell whether a value is the path of a file relative to the inventory's folder: ``../guardrails.yaml``."""
    return isinstance(value, str) and "{{" not in value and _IN_FOLDER.fullmatch(value) is not None


def _guardrails(value: object) -> str:
    text = parse_text(value)
    if not is_guardrails_path(text):
        hint = "write the path from the inventory's folder, with `/`: ../guardrails.yaml"
        raise fault("bad-value", f"not a relative path: {text!r}", hint)
    return text


def _secrets_provider(value: object) -> str:
    text = parse_text(value)
    if _SECRETS_PROVIDER.fullmatch(text) is None:
        arn = text.removeprefix("awskms://").removeprefix("awskms:")
        hint = f"write awskms:///{arn}" if arn.startswith("arn:") else f"write {_FORMS}"
        raise fault("bad-value", f"not a secrets provider of Pulumi: {text!r}", hint)
    return text


def _wave_name(name: str) -> str:
    if name.lower() == OTHERS:
        message = f"`{OTHERS}` is always the last wave: it has the accounts of no other wave"
        raise fault("reserved-name", message, "choose another name, or remove this wave")
    return name


class Wave(InventoryModel):
    """Accounts whose stacks are applied together, before those of the next wave."""

    expected = "a wave: {name: NAME, accounts: …}"
    of_text = "{name: TEXT, accounts: […]}"

    name: Annotated[Slug, AfterValidator(_wave_name), example("canary", since="0.2")]
    """Shown in reports. `others` is the last wave, with the accounts of no other wave."""
    accounts: Annotated[Accounts, example(["sandbox-*"], since="0.2")]
    """Keys or globs, or labels. An account is in the first wave that selects it."""


def _waves(value: Any) -> Any:  # noqa: ANN401 - what YAML holds
    if isinstance(value, list | tuple):
        return value
    hint = "write [{name: canary, accounts: […]}, …]: waves run in the order of the list"
    raise fault("wrong-type", f"expected a list of waves, found {describe(value)}", hint)


class Rollout(InventoryModel):
    """Makes the inventory a fleet: each account is in a stack with the name of its key."""

    expected = "rollout: {waves: […], guardrails: …, …}"

    waves: Annotated[
        tuple[Wave, ...],
        BeforeValidator(_waves),
        Field(min_length=1),
        example([{"name": "canary", "accounts": ["sandbox-*"]}], since="0.2"),
    ] = ()
    """In their order; accounts of no wave come last. By default all accounts are one wave."""
    guardrails: Annotated[
        str | None,
        BeforeValidator(_guardrails),
        Looks(
            "relative path",
            "a path from the inventory's folder, with `/`: ../guardrails.yaml",
            "../guardrails.yaml",
            rf"{NO_VARIABLES}{_PATH}",
        ),
        example("../guardrails.yaml", since="0.2"),
    ] = None
    """The guardrails file; a run without it fails. By default `guardrails.yaml` in the folder, if it exists."""
    protect_oidc_providers: Annotated[StrictBool, example(value=True, since="0.2")] = False
    """true: Pulumi refuses to delete OIDC providers."""
    secrets_provider: Annotated[
        str | None,
        BeforeValidator(_secrets_provider),
        Looks("secrets provider", _FORMS, "awskms://alias/pulumi", rf"{NO_VARIABLES}{_SECRETS_PROVIDER.pattern}"),
        example("awskms://alias/pulumi", since="0.2"),
    ] = None
    """How the secrets of a new stack are encrypted; by default with Pulumi's passphrase."""

    @model_validator(mode="after")
    def _names_each_wave_once(self) -> Self:
        names = [wave.name for wave in self.waves]
        for index, name in enumerate(names):
            if name in names[:index]:
                raise fault("duplicate", f"{name} names two waves", "rename one of the two", ("waves", index, "name"))
        return self
