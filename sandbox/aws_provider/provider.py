"""The provider: checks, compares and changes resources, and makes names for those without a name.

Source of the names: https://www.pulumi.com/docs/iac/concepts/resources/names/#autonaming
Behaviour: bridge ``schema.go`` (``nameRequiresDeleteBeforeReplace``), ``provider.go`` (``Create``);
aws ``resources.go``, ``autonaming.go``; ``ErrorResourceInitFailed`` in Pulumi's ``provider.proto``.
"""

import asyncio
import hashlib
import re
import secrets
import threading
from collections.abc import Mapping
from typing import Any

from pulumi.provider.experimental import provider as api

from oidc.errors import BitbucketOidcError, SandboxError, UsageError
from sandbox.aws_provider import tags
from sandbox.aws_provider.account import Connect, connect, explained
from sandbox.aws_provider.configuration import Configuration, differing, in_state, parse, unknown_inputs
from sandbox.aws_provider.oidc_provider import OpenIdConnectProvider
from sandbox.aws_provider.resource_type import ReadResource, ResourceType
from sandbox.aws_provider.retries import AwsRetries
from sandbox.aws_provider.role import RolePolicy, RolePolicyAttachmentsExclusive, RoleResource
from sandbox.engine.loopback import check_endpoints
from sandbox.engine.plugin import PartlyCreatedError
from sandbox.engine.values import UNKNOWN, Properties, contains_unknown, from_property_values, to_property_values

_DIGITS = 7
_PREFIX_DIGITS = 26


def with_name(logical_name: str, old: Properties, inputs: Properties, seed: bytes) -> Properties:
    """Fill in a missing ``name``: the old name, or a new unique one.

    Args:
        logical_name: The resource's name in the program. The new name is ``{logical name}-{7 hexadecimal digits}``.
        old: The inputs of the last run.
        inputs: The inputs of the program; a ``namePrefix`` replaces the logical name.
        seed: Pulumi's random seed; the same seed gives the same name, an empty one a random name.
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
    name = f"{prefix}{digits[:_PREFIX_DIGITS]}" if prefix else f"{logical_name}-{digits[:_DIGITS]}"
    return {**inputs, "name": name}


def is_made_up(logical_name: str, inputs: Properties) -> bool:
    """Tell by its form whether a name was made by ``with_name``; with a prefix it always was."""
    form = re.escape(logical_name) + f"-[0-9a-f]{{{_DIGITS}}}"
    return bool(inputs.get("namePrefix")) or re.fullmatch(form, str(inputs.get("name"))) is not None


TYPES: Mapping[str, ResourceType] = {
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": OpenIdConnectProvider(),
    "aws:iam/role:Role": RoleResource(),
    "aws:iam/rolePolicy:RolePolicy": RolePolicy(),
    "aws:iam/rolePolicyAttachmentsExclusive:RolePolicyAttachmentsExclusive": RolePolicyAttachmentsExclusive(),
}
"""The resource types that the provider implements, by their tokens in ``pulumi_aws``."""


class SmallAwsProvider(api.Provider):
    """One instance works in one account; it connects to AWS for the first resource.

    It compares the desired inputs with the outputs in the state, which AWS had at the last read. So a refresh followed
    by an update reverts every property that somebody changed; old inputs are not needed.

    Args:
        connect: Returns an IAM client for a configuration.
        retries: Repeats calls while a change spreads in AWS, and after throttling.
    """

    def __init__(self, *, connect: Connect = connect, retries: AwsRetries | None = None) -> None:
        self._connect = connect
        self._retries = retries or AwsRetries()
        self._configuration: Configuration | None = None
        self._iam: Any = None
        self._lock = threading.Lock()

    async def check_config(self, request: api.CheckRequest) -> api.CheckResponse:
        """Refuse configuration that is not implemented or has the wrong form; fold its JSON."""
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
        return api.CheckResponse(inputs=to_property_values(in_state(inputs)), failures=failures or None)

    async def diff_config(self, request: api.DiffRequest) -> api.DiffResponse:
        """Report every change of configuration as an update in place."""
        old, new = from_property_values(request.old_state), from_property_values(request.new_inputs)
        diffs = differing(old, new)
        return api.DiffResponse(changes=bool(diffs), diffs=diffs)

    async def configure(self, request: api.ConfigureRequest) -> api.ConfigureResponse:
        """Keep the configuration; refuse endpoints outside loopback.

        Raises:
            SandboxError: An endpoint is missing or not on loopback.
            UsageError: The configuration has the wrong form.
        """
        inputs = from_property_values(request.args)
        check_endpoints("the sandbox's AWS provider", inputs)
        self._configuration = parse(inputs)
        self._iam = None
        return api.ConfigureResponse(supports_preview=True)

    async def check(self, request: api.CheckRequest) -> api.CheckResponse:
        """Validate inputs; fill in a missing name, and ``tagsAll``: the default tags and the resource's tags."""
        resource_type = _type(request.urn)
        old, inputs = from_property_values(request.old_inputs), from_property_values(request.new_inputs)
        if resource_type.named:
            inputs = with_name(request.name, old, inputs, request.random_seed)
        if "tagsAll" in resource_type.properties:
            inputs["tagsAll"] = tags.merged(self._configuration.default_tags if self._configuration else {}, inputs)
        failures = [api.CheckFailure(name, reason) for name, reason in resource_type.failures(inputs).items()]
        return api.CheckResponse(inputs=to_property_values(inputs), failures=failures or None)

    async def diff(self, request: api.DiffRequest) -> api.DiffResponse:
        """Compare the outputs of the last read with the desired inputs."""
        resource_type, logical_name = _type(request.urn), request.urn.split("::", 3)[3]
        old, new = from_property_values(request.old_state), from_property_values(request.new_inputs)
        differing = [name for name in resource_type.differing(old, new) if name not in request.ignore_changes]
        replaces = resource_type.replacing(differing)
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
            # As Pulumi's bridge does for all types with an input "name": if the program gives the name, the old
            # resource is deleted first, even if the new one has another name.
            delete_before_replace=bool(replaces) and resource_type.named and not is_made_up(logical_name, new),
            stables=[name for name in resource_type.computed if name != "thumbprintLists" and not replaces],
        )

    async def create(self, request: api.CreateRequest) -> api.CreateResponse:
        """Create a resource and read it.

        Raises:
            PartlyCreatedError: AWS created it, and it cannot be read.
            BitbucketOidcError: AWS did not create it.
        """
        resource_type, inputs = _type(request.urn), from_property_values(request.properties)
        if request.preview:
            return api.CreateResponse("", to_property_values(resource_type.previewed(inputs, None)))

        identity = await self._in_thread(request.urn, lambda: resource_type.create(self._client(), inputs))
        try:
            resource = await self._in_thread(request.urn, lambda: self._read_new(resource_type, identity, inputs))
        except BitbucketOidcError as error:
            raise PartlyCreatedError(identity, resource_type.wanted(inputs), error.what) from error
        if resource is None:
            reason = f"{request.urn}: AWS does not show it yet"
            raise PartlyCreatedError(identity, resource_type.wanted(inputs), reason)
        return api.CreateResponse(resource.id, to_property_values(resource_type.outputs_of(resource, inputs)))

    def _read_new(self, resource_type: ResourceType, identity: str, inputs: Properties) -> ReadResource | None:
        def read() -> ReadResource | None:
            return resource_type.read(self._client(), identity, inputs)

        return self._retries.until_present(read) if resource_type.awaited else read()

    async def read(self, request: api.ReadRequest) -> api.ReadResponse:
        """Read a resource by its id, else by its inputs; the answer for an absent resource has an empty id."""
        resource_type = _type(request.urn)
        inputs, outputs = from_property_values(request.inputs), from_property_values(request.properties)
        known = {**outputs, **inputs}
        identity = request.resource_id or self._identity(resource_type, known)
        resource = await self._in_thread(request.urn, lambda: resource_type.read(self._client(), identity, known))
        if resource is None:
            return api.ReadResponse("")
        return api.ReadResponse(
            resource.id,
            to_property_values(resource_type.outputs_of(resource, known)),
            to_property_values(resource_type.inputs_of(resource, inputs)),
        )

    async def update(self, request: api.UpdateRequest) -> api.UpdateResponse:
        """Change what differs and read the resource."""
        resource_type = _type(request.urn)
        old, new = from_property_values(request.olds), from_property_values(request.news)
        # As with the official provider, ignored properties are not updated.
        new = resource_type.ignoring(new, old, request.ignore_changes or ())
        if request.preview:
            return api.UpdateResponse(to_property_values(resource_type.previewed(new, old)))

        def update() -> ReadResource | None:
            resource_type.update(self._client(), request.resource_id, old, new)
            return resource_type.read(self._client(), request.resource_id, new)

        resource = await self._in_thread(request.urn, update)
        if resource is None:
            raise SandboxError(f"{request.urn}: AWS updated it, but cannot find it")
        return api.UpdateResponse(to_property_values(resource_type.outputs_of(resource, new)))

    async def delete(self, request: api.DeleteRequest) -> None:
        """Delete a resource; an absent one is no error."""
        resource_type, outputs = _type(request.urn), from_property_values(request.properties)
        await self._in_thread(request.urn, lambda: resource_type.delete(self._client(), request.resource_id, outputs))

    async def _in_thread(self, urn: str, action: Any) -> Any:  # noqa: ANN401 - the result of the action
        def explain() -> object:
            with explained(urn):
                return action()

        return await asyncio.to_thread(explain)

    def _identity(self, resource_type: ResourceType, inputs: Properties) -> str:
        accounts = self._configuration.allowed_account_ids if self._configuration else ()
        return resource_type.identity_in(accounts[0], inputs) if len(accounts) == 1 else ""

    def _client(self) -> Any:  # noqa: ANN401 - botocore makes its clients at run time
        with self._lock:
            if self._configuration is None:
                raise SandboxError("the sandbox's AWS provider was called before it was configured")
            if self._iam is None:
                self._iam = self._connect(self._configuration, self._retries)
            return self._iam


def _type(urn: str) -> ResourceType:
    token = urn.split("::")[2].rsplit("$", 1)[-1]
    resource_type = TYPES.get(token)
    if resource_type is None:
        known = ", ".join(TYPES)
        raise SandboxError(f"{urn}: the sandbox's AWS provider does not implement {token} (it has: {known})")
    return resource_type
