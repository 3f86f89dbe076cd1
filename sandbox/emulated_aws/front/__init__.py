"""The steps that calls pass between ministack's authorisation and its services, by operation.

Each step closes a gap of ministack; see docs/internals/decisions/0006-engines-of-the-sandbox.md.
"""

import time
from collections import Counter
from collections.abc import Callable, Mapping

from sandbox.emulated_aws.front import oidc_providers, roles
from sandbox.emulated_aws.front.authorisation import (
    Application,
    Receive,
    Scope,
    Send,
    authorised_resource,
    condition_keys,
    network_keys,
    plain_answer,
    policy_simulation,
    principal_arn,
    with_source_address,
)
from sandbox.emulated_aws.front.issuers import IssuerConnection, IssuerKeys
from sandbox.emulated_aws.front.limits import TARGET, account_summary, check_constraints, checked_tags, service_quotas
from sandbox.emulated_aws.front.listings import authorization_details, role_listing
from sandbox.emulated_aws.front.policy_documents import inline_policy_size, trust_policies
from sandbox.emulated_aws.front.weather import weather_step, with_calm_calls
from sandbox.emulated_aws.front.web_identity import web_identity
from sandbox.emulated_aws.inner import Handler, Inner
from sandbox.emulated_aws.query import Answer, AwsCall, Proceed, RefusalError, Step, parse_params
from sandbox.emulated_aws.settings import EmulatorSettings


def dispatching(
    service: str, inner: Inner, every: tuple[Step, ...], table: Mapping[str, tuple[Step, ...]]
) -> Callable[[Handler], Handler]:
    """Return a wrapper for the handler of ``iam`` or ``sts``: first the steps ``every``, then those of ``table``."""

    def wrap(handler: Handler) -> Handler:
        async def serve(
            method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, list[str]]
        ) -> Answer:
            async def innermost(call: AwsCall) -> Answer:
                # All parameters as a query string: the service gets exactly what was checked, with empty values.
                return await handler(method, path, headers, b"", call.query())

            try:
                params = parse_params(method, headers.get("content-type", ""), body, query)
                call = AwsCall(service, inner.account(), inner.caller(), params)
                return await _chain((*every, *table.get(f"{service}:{call.action}", ())), innermost)(call)
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


def put_in_front(inner: Inner, settings: EmulatorSettings, counts: Counter[str]) -> Application:
    """Close the gaps of ``inner`` and return the ASGI application to serve.

    Args:
        inner: ministack.
        settings: The emulator's.
        counts: Counts the authorised calls: ``{"iam:GetRole": 3}``.
    """
    table = steps_by_action(inner, settings)
    inner.authorise_by(authorised_resource(inner), condition_keys(inner))
    inner.resolve_by(network_keys, principal_arn(inner))
    weather = (weather_step(settings.weather, inner),) if settings.weather else ()
    for service in ("iam", "sts"):
        inner.replace_service(
            service, dispatching(service, inner, (counting(counts), *weather, check_constraints), table)
        )
    inner.add_service("servicequotas", TARGET, service_quotas(inner, settings))
    return only_the_aws_api(with_calm_calls(with_source_address(inner.asgi)))


def counting(counts: Counter[str]) -> Step:
    """Make the step that counts calls, for every operation."""

    async def step(call: AwsCall, proceed: Proceed) -> Answer:
        counts[f"{call.service}:{call.action}"] += 1
        return await proceed(call)

    return step


def steps_by_action(inner: Inner, settings: EmulatorSettings) -> Mapping[str, tuple[Step, ...]]:
    """Return the steps of each operation in their order, by action: ``iam:CreateRole``.

    For every operation the count, the weather and ``check_constraints`` come before them.
    """
    issuers = IssuerConnection(settings.issuers)
    trust = trust_policies(settings)
    boundary = roles.boundaries(inner)
    sessions = roles.role_sessions(inner)
    return {
        "iam:CreateRole": (checked_tags, roles.role_names(inner, settings), trust, boundary, roles.escape_texts),
        "iam:ListRoles": (role_listing,),
        "iam:GetAccountAuthorizationDetails": (authorization_details(inner),),
        "iam:GetAccountSummary": (account_summary(settings),),
        "iam:TagRole": (checked_tags,),
        "iam:PutRolePermissionsBoundary": (boundary,),
        "iam:UpdateRole": (roles.escape_texts,),
        "iam:UpdateRoleDescription": (roles.escape_texts,),
        "iam:UpdateAssumeRolePolicy": (trust,),
        "iam:PutRolePolicy": (inline_policy_size(inner),),
        "iam:AttachRolePolicy": (roles.managed_policies(inner, settings),),
        "iam:GetPolicy": (roles.get_policy,),
        "iam:SimulatePrincipalPolicy": (policy_simulation(inner),),
        "iam:CreateOpenIDConnectProvider": (
            checked_tags,
            oidc_providers.oidc_provider_limits(inner, issuers, settings),
        ),
        "iam:GetOpenIDConnectProvider": (oidc_providers.get_oidc_provider(inner),),
        "iam:DeleteOpenIDConnectProvider": (oidc_providers.delete_oidc_provider(inner),),
        "iam:UpdateOpenIDConnectProviderThumbprint": (oidc_providers.update_thumbprints(inner),),
        "iam:AddClientIDToOpenIDConnectProvider": (oidc_providers.add_client_id(inner),),
        "iam:RemoveClientIDFromOpenIDConnectProvider": (oidc_providers.remove_client_id(inner),),
        "iam:TagOpenIDConnectProvider": (oidc_providers.tag_oidc_provider(inner),),
        "iam:UntagOpenIDConnectProvider": (oidc_providers.untag_oidc_provider(inner),),
        "iam:ListOpenIDConnectProviderTags": (oidc_providers.list_oidc_provider_tags(inner),),
        "sts:AssumeRole": (sessions,),
        "sts:AssumeRoleWithWebIdentity": (sessions, web_identity(inner, IssuerKeys(issuers.fetch_json), time.time)),
    }


def only_the_aws_api(inner: Application) -> Application:
    """Wrap an ASGI application: pass GET and POST on ``/`` and the lifespan; answer other requests with 404."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or _is_aws_call(scope):
            await inner(scope, receive, send)
        elif scope["type"] == "http":
            await plain_answer(send, 404, "the emulated AWS accounts answer the AWS API alone, on the path /")
        else:
            await send({"type": "websocket.close", "code": 1008})

    return application


def _is_aws_call(scope: Scope) -> bool:
    return scope["type"] == "http" and scope["path"] == "/" and scope["method"] in {"GET", "POST"}
