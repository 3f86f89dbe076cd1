"""What stands in front of ministack: one file for each gap, and the table of which operation passes which of them."""

import time
from collections.abc import Mapping

from sandbox.emulated_aws.front import oidc_provider_changes as changes
from sandbox.emulated_aws.front.account_quotas import TARGET, account_summary, service_quotas
from sandbox.emulated_aws.front.asgi import Application
from sandbox.emulated_aws.front.authorised_resources import authorised_resource
from sandbox.emulated_aws.front.condition_keys import condition_keys
from sandbox.emulated_aws.front.constraints import check_constraints
from sandbox.emulated_aws.front.dispatch import dispatching
from sandbox.emulated_aws.front.issuer_connection import IssuerConnection
from sandbox.emulated_aws.front.issuer_keys import IssuerKeys
from sandbox.emulated_aws.front.network_keys import network_keys
from sandbox.emulated_aws.front.oidc_provider_answers import delete_oidc_provider, get_oidc_provider
from sandbox.emulated_aws.front.oidc_provider_limits import oidc_provider_limits
from sandbox.emulated_aws.front.policy_simulation import policy_simulation
from sandbox.emulated_aws.front.principal_arn import principal_arn
from sandbox.emulated_aws.front.role_boundaries import boundaries
from sandbox.emulated_aws.front.role_inline_policies import inline_policy_size
from sandbox.emulated_aws.front.role_listing import role_listing
from sandbox.emulated_aws.front.role_managed_policies import get_policy, managed_policies
from sandbox.emulated_aws.front.role_names import role_names
from sandbox.emulated_aws.front.role_sessions import role_sessions
from sandbox.emulated_aws.front.role_texts import escape_texts
from sandbox.emulated_aws.front.source_address import with_source_address
from sandbox.emulated_aws.front.surface import only_the_aws_api
from sandbox.emulated_aws.front.trust_policies import trust_policies
from sandbox.emulated_aws.front.web_identity import web_identity
from sandbox.emulated_aws.inner import Inner
from sandbox.emulated_aws.query import Step
from sandbox.emulated_aws.settings import Settings


def put_in_front(inner: Inner, settings: Settings) -> Application:
    """Close the gaps of ``inner`` and return the ASGI application to serve."""
    table = steps_by_action(inner, settings)
    inner.authorise_by(authorised_resource(inner), condition_keys(inner))
    inner.resolve_by(network_keys, principal_arn(inner))
    for service in ("iam", "sts"):
        inner.replace_service(service, dispatching(service, inner, check_constraints, table))
    inner.add_service("servicequotas", TARGET, service_quotas(inner, settings))
    return only_the_aws_api(with_source_address(inner.asgi))


def steps_by_action(inner: Inner, settings: Settings) -> Mapping[str, tuple[Step, ...]]:
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
