"""Turn what `plan --format json` says back into inventories, of one account each, and of roles that can be together:
a permission policy that uses variables is another one in each account, and in each role.

All is written out: no defaults, no globs, no overrides, no variables.
"""

import re
from datetime import date, timedelta
from typing import Any

from oidc.iam.admin_access import gives_admin_access, is_admin_managed_policy
from oidc.iam.document import parse
from oidc.source_addresses import SESSION_POLICY_NAME

Json = dict[str, Any]

_UUID = re.compile(r"\{[0-9a-f-]{36}\}")
_OWN_AUDIENCE = "ari:cloud:bitbucket::workspace/"


def inventories_of(account: Json) -> list[Json]:
    """Return inventories whose plans are together that of one account of a plan."""
    groups: list[list[Json]] = [[]]
    for role in account["roles"]:
        fitting = next((group for group in groups if all(_go_together(role, other) for other in group)), None)
        if fitting is None:
            groups.append([role])
        else:
            fitting.append(role)
    return [_inventory(account, roles) for roles in groups]


def key_of(role: Json) -> str:
    """Return the key that a role is written under: that of a family's role, ``deploy[acme/shop]``, is no key."""
    return re.sub(r"[^A-Za-z0-9_.-]", "-", role["key"])


def _go_together(role: Json, other: Json) -> bool:
    documents, other_documents = role["inline_policies"], other["inline_policies"]
    return all(documents[name] == other_documents[name] for name in documents.keys() & other_documents.keys())


def _inventory(account: Json, roles: list[Json]) -> Json:
    inventory: Json = {"workspaces": {}, "accounts": {}, "permission_policies": {}, "roles": {}}
    for oidc_provider in account["oidc_providers"]:
        own = next(found for found in oidc_provider["audiences"] if found.startswith(_OWN_AUDIENCE))
        inventory["workspaces"][oidc_provider["workspace"]] = {
            "uuid": "{" + own.removeprefix(_OWN_AUDIENCE) + "}",
            "audiences": [found for found in oidc_provider["audiences"] if found != own],
            "repositories": {},
        }
        inventory["defaults"] = {"thumbprints": oidc_provider["thumbprints"], "oidc_provider": oidc_provider["mode"]}
    inventory["accounts"][account["key"]] = {
        "id": account["id"],
        "partition": account["partition"],
        **({"region": account["region"]} if account["region"] else {}),
        "keep_oidc_providers": [],
        # Quotas are no part of a plan.
        "quotas": {"trust_policy_chars": 4096, "managed_policies_per_role": 20},
    }
    renamed = _renamed(account, inventory["workspaces"])
    for role in roles:
        trust = [line for line in role["trust"] if line["workspace"] not in renamed]
        inventory["roles"][key_of(role)] = _role(role | {"trust": trust}, account["key"], inventory)
    inventory["accounts"][account["key"]]["keep_oidc_providers"] = list(inventory["workspaces"])
    return inventory


def _renamed(account: Json, workspaces: Json) -> set[str]:
    """Take the slugs that workspaces had before for what they are: their statements end before the role does."""
    found: dict[str, str] = {}
    for role in account["roles"]:
        for statement in role["trust_policy"]["Statement"]:
            slug = statement["Principal"]["Federated"].partition("/workspaces/")[2].partition("/")[0]
            end = statement["Condition"].get("DateLessThan", {}).get("aws:CurrentTime")
            if end is not None and role["expires"] is None:
                found[slug] = str(date.fromisoformat(end[:10]) - timedelta(days=1))
    for slug, last_day in found.items():
        uuid = workspaces.pop(slug)["uuid"]
        (current,) = (workspace for workspace in workspaces.values() if workspace["uuid"] == uuid)
        current.setdefault("previous_slugs", {})[slug] = {"expires": last_day}
    return set(found)


def _role(role: Json, account: str, inventory: Json) -> Json:
    own = {name: document for name, document in role["inline_policies"].items() if name != SESSION_POLICY_NAME}
    for name, document in own.items():
        inventory["permission_policies"][name] = {"document": document}
    written = {
        "name": role["name"],
        "accounts": [account],
        "trust": _trust(role, inventory["workspaces"]),
        "description": role["description"],
        "owner": role["owner"],
        "path": role["path"],
        "managed_policies": role["managed_policy_arns"],
        "inline_policies": list(own),
        "permissions_boundary": role["permissions_boundary_arn"],
        "max_session_duration": role["max_session_duration"],
        "source_ips": _tested(role, "IpAddress", "aws:SourceIp"),
        "source_vpces": _tested(role, "StringEquals", "aws:SourceVpce"),
        "bind_session": SESSION_POLICY_NAME in role["inline_policies"] or None,
        "expires": role["expires"],
        "tags": role["tags"],
        # Why a role may have admin access is no part of a plan; that it has is.
        "dangerously_allow_admin": "as planned" if _is_admin(role) else None,
    }
    return {key: value for key, value in written.items() if value is not None}


def _tested(role: Json, operator: str, key: str) -> list[str] | None:
    """Return what a trust policy compares a key with: the same in every statement that has it."""
    found = [statement["Condition"].get(operator, {}).get(key) for statement in role["trust_policy"]["Statement"]]
    return next((_listed(values) for values in found if values), None)


def _is_admin(role: Json) -> bool:
    _, partition, _, _, account, _ = role["arn"].split(":", 5)
    documents = list(role["inline_policies"].values())
    by_name = any(is_admin_managed_policy(arn) for arn in role["managed_policy_arns"])
    return by_name or gives_admin_access(map(parse, documents), partition=partition, account=account)


def _trust(role: Json, workspaces: Json) -> list[Json]:
    # Accepted audiences stand in the trust policy alone; lines of one pattern are sorted by them, as statements are.
    audiences = _audiences_by_pattern(role["trust_policy"])
    return [
        _entry(line, audiences[line["workspace"], line["subject_pattern"]].pop(0), workspaces) for line in role["trust"]
    ]


def _audiences_by_pattern(trust_policy: Json) -> dict[tuple[str, str], list[list[str]]]:
    found: dict[tuple[str, str], list[list[str]]] = {}
    for statement in trust_policy["Statement"]:
        workspace = statement["Principal"]["Federated"].partition("/workspaces/")[2].partition("/")[0]
        (accepted,) = (values for key, values in statement["Condition"]["StringEquals"].items() if key.endswith(":aud"))
        (patterns,) = (values for key, values in statement["Condition"]["StringLike"].items() if key.endswith(":sub"))
        for pattern in patterns:
            audiences = found.setdefault((workspace, pattern), [])
            # Of source addresses of two kinds there is a statement each.
            audiences += [_listed(accepted)] if _listed(accepted) not in audiences else []
    return {key: sorted(accepted) for key, accepted in found.items()}


def _listed(values: str | list[str]) -> list[str]:
    return [values] if isinstance(values, str) else values


def _entry(line: Json, audiences: list[str], workspaces: Json) -> Json:
    workspace = workspaces[line["workspace"]]
    if line["repository"] is None:
        whole = {"workspace": line["workspace"], "reason": "as planned"}
        return {"dangerously_whole_workspace": whole, "audiences": audiences}
    uuids = _UUID.findall(line["subject_pattern"])
    repository = workspace["repositories"].setdefault(line["repository"], {"uuid": uuids[0], "environments": {}})
    entry = {"repository": f"{line['workspace']}/{line['repository']}", "audiences": audiences}
    if "environment" in line:
        repository["environments"][line["environment"]] = uuids[1]
        return entry | {"environments": [line["environment"]]}
    return entry | {"steps": line["steps"]}
