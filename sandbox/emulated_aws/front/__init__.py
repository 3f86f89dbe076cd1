"""The one place where calls meet the table of steps: after ministack's authorisation, before its services."""

import time
from collections.abc import Callable, Mapping

from sandbox.emulated_aws.front import oidc_provider_changes as changes
from sandbox.emulated_aws.front.account_quotas import TARGET, account_summary, service_quotas
from sandbox.emulated_aws.front.constraints import check_constraints
from sandbox.emulated_aws.front.issuers import IssuerConnection, IssuerKeys
from sandbox.emulated_aws.front.oidc_providers import delete_oidc_provider, get_oidc_provider, oidc_provider_limits
from sandbox.emulated_aws.front.policy_simulation import policy_simulation
from sandbox.emulated_aws.front.request import (
    Application,
    authorised_resource,
    condition_keys,
    network_keys,
    only_the_aws_api,
    principal_arn,
    with_source_address,
)
from sandbox.emulated_aws.front.role_policies import boundaries, get_policy, inline_policy_size, managed_policies
from sandbox.emulated_aws.front.roles import escape_texts, role_listing, role_names, role_sessions
from sandbox.emulated_aws.front.trust_policies import trust_policies
from sandbox.emulated_aws.front.web_identity import web_identity
from sandbox.emulated_aws.inner import Handler, Inner
from sandbox.emulated_aws.query import Answer, AwsCall, Proceed, RefusalError, Step, parse_params
from sandbox.emulated_aws.settings import EmulatorSettings


def dispatching(
    service: str, inner: Inner, every: Step, table: Mapping[str, tuple[Step, ...]]
) -> Callable[[Handler], Handler]:
    """Return what wraps the handler of ``iam`` or ``sts``: ``every`` step first, then those that ``table`` has."""

    def wrap(handler: Handler) -> Handler:
        async def serve(
            method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, list[str]]
        ) -> Answer:
            async def innermost(call: AwsCall) -> Answer:
                # All parameters as a query string: what was checked is what is done, and an empty value stays.
                return await handler(method, path, headers, b"", call.query())

            try:
                params = parse_params(method, headers.get("content-type", ""), body, query)
                call = AwsCall(service, inner.account(), inner.caller(), params)
                return await _chain((every, *table.get(f"{service}:{call.action}", ())), innermost)(call)
            except RefusalError as refusal:
                return refusal.answer(service)

        return serve

    return wrap


def _chain(steps: tuple[Step, ...], last: Proceed) -> Proceed:
    if not steps:
        return last
    following = _chain(steps[1:], last)

    async def proceed(call: AwsCall) -> Answer:
        return await steps[0](call, following)

    return proceed


def put_in_front(inner: Inner, settings: EmulatorSettings) -> Application:
    """Close the gaps of ``inner`` and return the ASGI application to serve."""
    table = steps_by_action(inner, settings)
    inner.authorise_by(authorised_resource(inner), condition_keys(inner))
    inner.resolve_by(network_keys, principal_arn(inner))
    for service in ("iam", "sts"):
        inner.replace_service(service, dispatching(service, inner, check_constraints, table))
    inner.add_service("servicequotas", TARGET, service_quotas(inner, settings))
    return only_the_aws_api(with_source_address(inner.asgi))


def steps_by_action(inner: Inner, settings: EmulatorSettings) -> Mapping[str, tuple[Step, ...]]:
    """Return the steps of each operation in their order, by ``iam:CreateRole`` and the like.

    Every operation passes ``check_constraints`` before.
    """
    issuers = IssuerConnection(settings.issuers)
    trust = trust_policies(settings)
    boundary = boundaries(inner)
    sessions = role_sessions(inner)
    return {
        "iam:CreateRole": (changes.checked_tags, role_names(inner, settings), trust, boundary, escape_texts),
        "iam:ListRoles": (role_listing(inner),),
        "iam:GetAccountSummary": (account_summary(settings),),
        "iam:TagRole": (changes.checked_tags,),
        "iam:PutRolePermissionsBoundary": (boundary,),
        "iam:UpdateRole": (escape_texts,),
        "iam:UpdateRoleDescription": (escape_texts,),
        "iam:UpdateAssumeRolePolicy": (trust,),
        "iam:PutRolePolicy": (inline_policy_size(inner),),
        "iam:AttachRolePolicy": (managed_policies(inner, settings),),
        "iam:GetPolicy": (get_policy,),
        "iam:SimulatePrincipalPolicy": (policy_simulation(inner),),
        "iam:CreateOpenIDConnectProvider": (changes.checked_tags, oidc_provider_limits(inner, issuers, settings)),
        "iam:GetOpenIDConnectProvider": (get_oidc_provider(inner),),
        "iam:DeleteOpenIDConnectProvider": (delete_oidc_provider(inner),),
        "iam:UpdateOpenIDConnectProviderThumbprint": (changes.update_thumbprints(inner),),
        "iam:AddClientIDToOpenIDConnectProvider": (changes.add_client_id(inner),),
        "iam:RemoveClientIDFromOpenIDConnectProvider": (changes.remove_client_id(inner),),
        "iam:TagOpenIDConnectProvider": (changes.tag(inner),),
        "iam:UntagOpenIDConnectProvider": (changes.untag(inner),),
        "iam:ListOpenIDConnectProviderTags": (changes.list_tags(inner),),
        "sts:AssumeRole": (sessions,),
        "sts:AssumeRoleWithWebIdentity": (sessions, web_identity(inner, IssuerKeys(issuers.fetch_json), time.time)),
    }
