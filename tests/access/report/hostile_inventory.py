"""An inventory whose every free text tries to be markup, script or style, and a plan that reorders what is read."""

import json
from dataclasses import replace

from access.plan import AccessPlan, RolePlan

TAG = "</script></style></title><img src=x onerror=document.title='taken'>"
SCRIPT = f"</script></style></title><script>document.title='taken'</script>{TAG}"
QUOTES = "\"'><b onmouseover=document.title='taken'>&amp;{% raw %}{# x #}`"
RIGHT_TO_LEFT = "\u202egnitset\u202c \u2066abc\u2069 \u200e\u200b"
LONG = "W" * 200
ENVIRONMENTS = (SCRIPT, QUOTES, LONG, "q=1&grade=workspace-wide", "-- [x](y) *", "gr\u00fcn \u4e2d")


def hostile_inventory() -> str:
    """Return it as YAML; JSON is YAML, and keeps every character as it is meant."""
    environments = {
        name: f"{{c2b1a5de-6b7e-4d4b-b1a0-6a9d8c7b5e{number:02}}}" for number, name in enumerate(ENVIRONMENTS)
    }
    uuid = "{9a6d6bde-2ae3-4d4c-8a43-1f6a5d9a3c01}"
    text = "<script>document.title='taken'</script>"
    document = {
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow", "Action": "s3:GetObject", "Resource": "*",
            "Condition": {"StringEquals": {"aws:PrincipalTag/team": [TAG, QUOTES]}},
        }],
    }  # fmt: skip
    role = {
        "accounts": ["prod"],
        "owner": QUOTES,
        "description": text,
        "trust": [{"repository": "acme/shop", "environments": list(ENVIRONMENTS)}],
        "inline_policies": ["read"],
    }
    admin = {
        "accounts": ["prod"],
        "owner": LONG,
        "allow": {"repository-wide-trust": SCRIPT, "production-outside-environments": SCRIPT},
        "dangerously_allow_admin": SCRIPT,
        "managed_policies": ["aws:AdministratorAccess"],
        "trust": [{"repository": "acme/shop", "steps": "outside_environments"}],
    }
    inventory = {
        "workspaces": {
            "acme": {
                "uuid": "{0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11}",
                "repositories": {"shop": {"uuid": uuid, "environments": environments}},
            }
        },
        "accounts": {"prod": {"id": "222222222222"}},
        "permission_policies": {"read": {"document": document}},
        "roles": {"hostile": role, "admin": admin},
    }
    return json.dumps(inventory, ensure_ascii=False)


def reordered(plan: AccessPlan) -> AccessPlan:
    """Put marks that write from right to left everywhere; no inventory with them is loaded, and a plan may be made."""
    return AccessPlan(tuple(replace(account, roles=tuple(map(_reordered, account.roles))) for account in plan.accounts))


def _reordered(role: RolePlan) -> RolePlan:
    odd = RIGHT_TO_LEFT
    trust = tuple(replace(line, repository=odd, environment=odd, reason=odd) for line in role.trust)
    return replace(role, name=odd, description=odd, owner=odd, trust=trust, tags={odd: odd}, managed_policy_arns=(odd,))
