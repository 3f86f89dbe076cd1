"""What a complete run leaves behind: the state of a stack in Pulumi's form, and the account in AWS's."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from access.adoption.found import FoundAccount, FoundOidcProvider, FoundRole
from access.compile import compile_plan
from access.digests import AppliedSettings, plan_digests
from access.plan import AccessPlan, AccountPlan, OidcProviderPlan, RolePlan
from config.load import load_inventory
from fleet.backend.records import StackRecord
from fleet.state import StackState, StateResource
from fleet.status import AccountStatus, account_status
from oidc.errors import AwsError

PROJECT = "bitbucket-aws-oidc"
SETTINGS = AppliedSettings()
FETCHED = "b" * 40
SAVED = datetime(2026, 11, 29, 1, tzinfo=UTC)
CREATED = datetime(2026, 11, 28, tzinfo=UTC)


def plan_in(folder: Path, text: str) -> AccountPlan:
    """Return the plan of the one account of an inventory."""
    (folder / "inventory.yaml").write_text(text)
    compiled = compile_plan(load_inventory(folder / "inventory.yaml"))
    assert compiled.plan is not None, compiled.findings
    (account,) = compiled.plan.accounts
    return account


def digest_of(plan: AccountPlan) -> str:
    return plan_digests(AccessPlan((plan,)), SETTINGS).digest


def tags_of(plan: AccountPlan, own: Any) -> dict[str, str]:
    return {"ManagedBy": PROJECT, "ManagedByStack": f"{PROJECT}/{plan.key}", **own}


def thumbprints_of(provider: OidcProviderPlan) -> tuple[str, ...]:
    if provider.thumbprints == "fetch":
        return (FETCHED,)
    return ("c" * 40,) if provider.thumbprints == "omit" else provider.thumbprints


def found_account(plan: AccountPlan) -> FoundAccount:
    """Return what AWS answers after a complete run; it may write a list of one value as the value."""
    return FoundAccount(
        plan.key,
        plan.id,
        plan.partition,
        tuple(
            FoundOidcProvider(
                provider.arn,
                tuple(sorted(provider.audiences)),
                tags_of(plan, provider.tags) if provider.mode == "create" else {"Owner": "somebody"},
                thumbprints_of(provider),
                provider.url.removeprefix("https://"),
            )
            for provider in plan.oidc_providers
        ),
        tuple(found_role(plan, role) for role in plan.roles),
    )


def found_role(plan: AccountPlan, role: RolePlan) -> FoundRole:
    return FoundRole(
        name=role.name,
        path=role.path,
        trust_policy=reordered(role.trust_policy.to_json()),
        description=role.description or "",
        max_session_duration=role.max_session_duration,
        permissions_boundary_arn=role.permissions_boundary_arn,
        managed_policy_arns=tuple(sorted(role.managed_policy_arns, reverse=True)),
        inline_policies={name: reordered(policy.to_json()) for name, policy in role.inline_policies.items()},
        tags={**tags_of(plan, role.tags), "aws:cloudformation:stack-name": "theirs"},
        created=CREATED,
    )


def reordered(value: Any) -> Any:
    """Write a document as AWS may answer it: other orders, and one value instead of a list of one."""
    if isinstance(value, dict):
        return {key: reordered(item) for key, item in reversed(value.items())}
    if isinstance(value, list):
        items = [reordered(item) for item in reversed(value)]
        return items[0] if len(items) == 1 and isinstance(items[0], str) else items
    return value


def state_of(plan: AccountPlan, **changed: Any) -> StackState:
    """Return the state after a complete run."""
    state = StackState(
        plan.key, SAVED, tuple(resources_of(plan)), (), {"type": "passphrase"}, plan_digest=digest_of(plan)
    )
    return replace(state, **changed)


def resources_of(plan: AccountPlan) -> list[StateResource]:
    access = plan.access
    role = {"roleArn": access.role_arn, "sessionName": access.session_name or PROJECT}
    role |= {"externalId": access.external_id} if access.external_id else {}
    inputs = {
        "allowedAccountIds": json.dumps([plan.id]),
        "region": plan.region or plan.partition.iam_region,
        "defaultTags": json.dumps({"tags": tags_of(plan, {})}),
        **({"assumeRoles": json.dumps([role])} if access.role_arn else {}),
        **({"profile": access.profile} if access.profile else {}),
    }
    resources = [resource(plan, "pulumi:providers:aws", plan.key, "uuid", inputs)]
    resources += [oidc_provider_resource(plan, provider) for provider in plan.oidc_providers]
    for planned in plan.roles:
        resources += role_resources(plan, planned)
    return resources


def resource(plan: AccountPlan, kind: str, name: str, identity: str, inputs: Any, **changed: Any) -> StateResource:
    urn = f"urn:pulumi:{plan.key}::{PROJECT}::x:y:Z${kind}::{name}"
    return StateResource(urn, kind, identity, inputs, {}, **changed)


def oidc_provider_resource(plan: AccountPlan, provider: OidcProviderPlan) -> StateResource:
    inputs = {
        "clientIdLists": list(provider.audiences),
        "url": provider.url,
        "tagsAll": tags_of(plan, provider.tags),
        **({} if provider.thumbprints == "omit" else {"thumbprintLists": list(thumbprints_of(provider))}),
    }
    return resource(
        plan,
        "aws:iam/openIdConnectProvider:OpenIdConnectProvider",
        f"{plan.key}/{provider.workspace}",
        provider.arn,
        {} if provider.mode == "reference" else inputs,
        is_external=provider.mode == "reference",
        retains_on_delete=provider.mode == "adopt",
    )


def role_resources(plan: AccountPlan, role: RolePlan) -> list[StateResource]:
    name = f"{plan.key}/{role.key}"
    inputs = {
        "name": role.name,
        "path": role.path,
        "assumeRolePolicy": role.trust_policy.text,
        "maxSessionDuration": role.max_session_duration,
        "forceDetachPolicies": True,
        "tagsAll": {**tags_of(plan, role.tags), "__defaults": []},
        **({"description": role.description} if role.description else {}),
        **({"permissionsBoundary": role.permissions_boundary_arn} if role.permissions_boundary_arn else {}),
    }
    attached = {"roleName": role.name, "policyArns": list(role.managed_policy_arns)}
    return [
        resource(plan, "aws:iam/role:Role", name, role.name, inputs),
        *(
            resource(
                plan,
                "aws:iam/rolePolicy:RolePolicy",
                f"{name}/{policy}",
                f"{role.name}:{policy}",
                {"name": policy, "role": role.name, "policy": document.text},
            )
            for policy, document in role.inline_policies.items()
        ),
        resource(
            plan,
            "aws:iam/rolePolicyAttachmentsExclusive:RolePolicyAttachmentsExclusive",
            name,
            role.name,
            attached,
        ),
    ]


def status_of(
    plan: AccountPlan | None,
    state: StackState | None = None,
    found: FoundAccount | AwsError | None = None,
    *,
    record: StackRecord | None = None,
) -> AccountStatus:
    """Return the status of an account; by default after a complete run of its plan."""
    if plan is None:
        assert record is not None
        return account_status(
            None, SETTINGS, record, AwsError("unasked"), stack=record.stack, project=PROJECT, thumbprints={}
        )
    return account_status(
        plan,
        SETTINGS,
        record or StackRecord(plan.key, state_of(plan) if state is None else state),
        found_account(plan) if found is None else found,
        stack=plan.key,
        project=PROJECT,
        thumbprints={provider.url: FETCHED for provider in plan.oidc_providers},
    )
