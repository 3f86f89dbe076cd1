"""Names for resources that are given none.

Source: https://www.pulumi.com/docs/iac/concepts/resources/names/#autonaming
"""

import asyncio
import hashlib
import re
import secrets
import threading
from collections.abc import Mapping
from typing import Any

from pulumi.provider.experimental import provider as api

from oidc.errors import SandboxError, UsageError
from sandbox.aws_provider import tags
from sandbox.aws_provider.account import Connect, connect, explained
from sandbox.aws_provider.configuration import Configuration, parse, unknown_inputs
from sandbox.aws_provider.oidc_provider import OpenIdConnectProvider
from sandbox.aws_provider.resource_type import ReadResource, ResourceType
from sandbox.aws_provider.role import RolePolicy, RolePolicyAttachmentsExclusive, RoleResource
from sandbox.engine.loopback import check_endpoints
from sandbox.engine.values import UNKNOWN, Properties, contains_unknown, from_property_values, to_property_values

_DIGITS = 7
_PREFIX_DIGITS = 26


def with_name(logical_name: str, old: Properties, inputs: Properties, seed: bytes) -> Properties:
    """Fill in ``name`` where it is absent: the old one, or a new one that nothing else has.

    Args:
        logical_name: The resource's name in the program; ``{logical name}-{7 hexadecimal digits}`` is the form.
        old: The inputs of the last run.
        inputs: The inputs as given; ``namePrefix`` takes the place of the logical name.
        seed: Pulumi's random seed; the same seed gives the same name. Empty: a name by chance.
    """
    if inputs.get("name") is not None:
        return inputs
    prefix, former = inputs.get("namePrefix"), old.get("name")
    same_prefix = prefix == old.get("namePrefix")
    if isinstance(former, str) and same_prefix and (prefix or former.startswith(f"{logical_name}-")):
        return {**inputs, "name": former}
    digits = hashlib.sha256(seed).hexdigest() if seed else secrets.token_hex(_PREFIX_DIGITS)
    if prefix == UNKNOWN:
        return {**inputs, "name": UNKNOWN}
    made = f"{prefix}{digits[:_PREFIX_DIGITS]}" if prefix else f"{logical_name}-{digits[:_DIGITS]}"
    return {**inputs, "name": made}


def is_made_up(logical_name: str, inputs: Properties) -> bool:
    """Say whether the name in checked inputs is one of ``with_name``, by its form; a prefix makes it one, too."""
    made = re.escape(logical_name) + f"-[0-9a-f]{{{_DIGITS}}}"
    return bool(inputs.get("namePrefix")) or re.fullmatch(made, str(inputs.get("name"))) is not None


TYPES: Mapping[str, ResourceType] = {
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": OpenIdConnectProvider(),
    "aws:iam/role:Role": RoleResource(),
    "aws:iam/rolePolicy:RolePolicy": RolePolicy(),
    "aws:iam/rolePolicyAttachmentsExclusive:RolePolicyAttachmentsExclusive": RolePolicyAttachmentsExclusive(),
}
"""The resource types that the provider implements, by their tokens in ``pulumi_aws``."""


class SmallAwsProvider(api.Provider):
    """One instance works in one account; AWS is called for the first time when the first resource is.

    Old and new are compared through what AWS had at the last look (the outputs in the state), so that a refresh
    followed by an update mends the drift of every property; no old inputs are needed for it.

    Args:
        connect: Gives an IAM client for a configuration.
    """

    def __init__(self, *, connect: Connect = connect) -> None:
        self._connect = connect
        self._configuration: Configuration | None = None
        self._iam: Any = None
        self._lock = threading.Lock()

    async def check_config(self, request: api.CheckRequest) -> api.CheckResponse:
        """Refuse configuration that is not implemented, or has not the shape it should have."""
        inputs = from_property_values(request.new_inputs)
        failures = [
            api.CheckFailure(name, "the sandbox's AWS provider does not implement it")
            for name in unknown_inputs(inputs)
        ]
        if not failures and not contains_unknown(inputs):
            try:
                parse(inputs)
            except UsageError as error:
                failures.append(api.CheckFailure("", str(error)))
        return api.CheckResponse(inputs=request.new_inputs, failures=failures or None)

    async def diff_config(self, request: api.DiffRequest) -> api.DiffResponse:
        """Take every change of configuration in place; no resource is replaced for it."""
        old, new = from_property_values(request.old_state), from_property_values(request.new_inputs)
        return api.DiffResponse(
            changes=None, diffs=[key for key in sorted({*old, *new}) if old.get(key) != new.get(key)]
        )

    async def configure(self, request: api.ConfigureRequest) -> api.ConfigureResponse:
        """Take the configuration; refuse one that could reach anything but loopback.

        Raises:
            SandboxError: an endpoint is missing or not on loopback.
            UsageError: the configuration has not the shape it should have.
        """
        inputs = from_property_values(request.args)
        check_endpoints("the sandbox's AWS provider", inputs)
        self._configuration = parse(inputs)
        self._iam = None
        return api.ConfigureResponse(supports_preview=True)

    async def check(self, request: api.CheckRequest) -> api.CheckResponse:
        """Validate inputs; fill in a name where none is given, and ``tagsAll``: the default tags and its own."""
        one = _type(request.urn)
        old, inputs = from_property_values(request.old_inputs), from_property_values(request.new_inputs)
        if one.named:
            inputs = with_name(request.name, old, inputs, request.random_seed)
        if "tagsAll" in one.properties:
            inputs["tagsAll"] = tags.merged(self._configuration.default_tags if self._configuration else {}, inputs)
        failures = [api.CheckFailure(name, reason) for name, reason in one.failures(inputs).items()]
        return api.CheckResponse(inputs=to_property_values(inputs), failures=failures or None)

    async def diff(self, request: api.DiffRequest) -> api.DiffResponse:
        """Compare what AWS had at the last look with what is wanted."""
        one, logical_name = _type(request.urn), request.urn.split("::", 3)[3]
        old, new = from_property_values(request.old_state), from_property_values(request.new_inputs)
        differing = [name for name in one.differing(old, new) if name not in request.ignore_changes]
        replaces = one.replacing(differing)
        kind = api.PropertyDiffKind
        detailed = {
            name: api.PropertyDiff(kind.UPDATE_REPLACE if name in replaces else kind.UPDATE, input_diff=False)
            for name in differing
        }
        return api.DiffResponse(
            changes=bool(differing),
            replaces=replaces,
            diffs=differing,
            detailed_diff=detailed,
            # As Pulumi's bridge does for all types with an input "name": where it was given, the old one goes first,
            # even when the new one has another name.
            delete_before_replace=bool(replaces) and one.named and not is_made_up(logical_name, new),
            stables=[name for name in one.computed if name != "thumbprintLists" and not replaces],
        )

    async def create(self, request: api.CreateRequest) -> api.CreateResponse:
        """Create a resource and read it."""
        one, inputs = _type(request.urn), from_property_values(request.properties)
        if request.preview:
            return api.CreateResponse("", to_property_values(one.previewed(inputs, None)))

        def create() -> ReadResource | None:
            identity = one.create(self._client(), inputs)
            return one.read(self._client(), identity, inputs)

        found = await self._in_thread(request.urn, create)
        if found is None:
            raise SandboxError(f"{request.urn}: AWS created it and does not find it")
        return api.CreateResponse(found.id, to_property_values(one.outputs_of(found, inputs)))

    async def read(self, request: api.ReadRequest) -> api.ReadResponse:
        """Read a resource, by its id or, where that is empty, by what its inputs call it; an empty id: it is gone."""
        one = _type(request.urn)
        inputs, outputs = from_property_values(request.inputs), from_property_values(request.properties)
        known = {**outputs, **inputs}
        identity = request.resource_id or self._identity(one, known)
        found = await self._in_thread(request.urn, lambda: one.read(self._client(), identity, known))
        if found is None:
            return api.ReadResponse("")
        return api.ReadResponse(
            found.id,
            to_property_values(one.outputs_of(found, known)),
            to_property_values(one.inputs_of(found, inputs)),
        )

    async def update(self, request: api.UpdateRequest) -> api.UpdateResponse:
        """Change what differs and read the resource."""
        one = _type(request.urn)
        old, new = from_property_values(request.olds), from_property_values(request.news)
        # As of the official provider: what is ignored is no part of the difference that is carried out.
        new = one.ignoring(new, old, request.ignore_changes or ())
        if request.preview:
            return api.UpdateResponse(to_property_values(one.previewed(new, old)))

        def update() -> ReadResource | None:
            one.update(self._client(), request.resource_id, old, new)
            return one.read(self._client(), request.resource_id, new)

        found = await self._in_thread(request.urn, update)
        if found is None:
            raise SandboxError(f"{request.urn}: AWS updated it and does not find it")
        return api.UpdateResponse(to_property_values(one.outputs_of(found, new)))

    async def delete(self, request: api.DeleteRequest) -> None:
        """Delete a resource; fine when it is gone already."""
        one, outputs = _type(request.urn), from_property_values(request.properties)
        await self._in_thread(request.urn, lambda: one.delete(self._client(), request.resource_id, outputs))

    async def _in_thread(self, urn: str, action: Any) -> Any:  # noqa: ANN401 - it gives what the action gives
        def explain() -> object:
            with explained(urn):
                return action()

        return await asyncio.to_thread(explain)

    def _identity(self, one: ResourceType, inputs: Properties) -> str:
        accounts = self._configuration.allowed_account_ids if self._configuration else ()
        return one.identity_in(accounts[0], inputs) if len(accounts) == 1 else ""

    def _client(self) -> Any:  # noqa: ANN401 - botocore makes its clients at run time
        with self._lock:
            if self._configuration is None:
                raise SandboxError("the sandbox's AWS provider was called before it was configured")
            if self._iam is None:
                self._iam = self._connect(self._configuration)
            return self._iam


def _type(urn: str) -> ResourceType:
    token = urn.split("::")[2].rsplit("$", 1)[-1]
    one = TYPES.get(token)
    if one is None:
        known = ", ".join(TYPES)
        raise SandboxError(f"{urn}: the sandbox's AWS provider does not implement {token} (it has: {known})")
    return one
