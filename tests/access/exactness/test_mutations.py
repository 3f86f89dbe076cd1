"""Faults of the compiler, one at each of its steps: the proof catches every one, whatever the plan shows of it."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date, timedelta
from ipaddress import ip_network
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import pytest

from access.compile import compile_plan
from config.load import load_inventory
from config.models.trust import Steps
from oidc.arn import Partition
from oidc.bitbucket import Grade
from oidc.errors import UnprovenPlanError
from oidc.iam.document import PolicyDocument
from oidc.identifiers import AccountId

TODAY = date(2026, 11, 23)
LOCK = """
version: 1
workspaces:
  acme:
    uuid: "{0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11}"
    repositories:
      shop:
        uuid: "{9a6d6bde-2ae3-4d4c-8a43-1f6a5d9a3c01}"
        environments:
          staging: "{5f0c9f0c-51e4-4c58-9a86-0b2f7f9f6a02}"
          production: "{c2b1a5de-6b7e-4d4b-b1a0-6a9d8c7b5e03}"
      handbook: {uuid: "{aaaaaaaa-2ae3-4d4c-8a43-1f6a5d9a3c01}"}
  data:
    uuid: "{f4e3d2c1-b0a9-4887-9665-544332211a08}"
address_ranges:
  atlassian: {sync_token: 7, networks: ["203.0.113.0/25", "2001:db8::/48"]}
"""
INVENTORY = """
defaults: {path: /ci/}
workspaces:
  acme:
    audiences: [deployments, artifacts]
    previous_slugs: {acme-old: {expires: 2031-03-31}}
    repositories:
      shop: {environments: {staging: , production: }}
      site:
        uuid: "{7d1e2f3a-4b5c-4d6e-8f90-a1b2c3d4e504}"
        environments:
          staging: "{11111111-51e4-4c58-9a86-0b2f7f9f6a02}"
          production: "{22222222-6b7e-4d4b-b1a0-6a9d8c7b5e03}"
      handbook:
  data:
    repositories: {tool: "{2a3b4c5d-6e7f-4081-92a3-b4c5d6e7f809}"}
accounts:
  dev: {id: "111111111111", labels: {env: dev, team: core}, quotas: &long {trust_policy_chars: 8192}}
  prod: {id: "222222222222", labels: {env: prod, team: core}, quotas: *long}
  prod-eu: {id: "333333333333", labels: {env: prod, team: europe}, quotas: *long}
  legacy-prod: {id: "444444444444", labels: {env: prod, team: core}, quotas: *long}
  gov: {id: "555555555555", partition: aws-us-gov, region: us-gov-west-1, quotas: *long}
roles:
  deploy:
    name: shop-deploy
    path: /shop/
    accounts: {labels: {env: prod, team: core}, exclude: [legacy-*]}
    expires: 2030-06-30
    source_ips: ["198.51.100.0/24"]
    trust: [{repository: acme/shop, environments: [production]}]
    plan_role:
      source_ips: ["198.51.100.7/32"]
      trust: [{repository: acme/site, environments: [staging]}]
      inline_policies: []
    overrides:
      prod: {source_ips: ["192.0.2.128/25"], source_vpces: [vpce-0123456789abcdef0]}
  build:
    accounts: [dev, prod*]
    trust: [{repository: acme/site, steps: outside_environments}]
    overrides:
      prod: {expires: 2029-12-31}
      prod-eu: {path: /eu/, source_vpces: [vpce-0123456789abcdef0]}
  publish:
    accounts: [dev]
    trust:
      - {repository: acme/shop, environments: [production], audiences: [deployments]}
      - {repository: acme/site, environments: [production], audiences: [artifacts]}
  read:
    accounts: [gov]
    trust: [{repository: data/tool, steps: all_including_environments}]
  hosted:
    accounts: [dev]
    source_ips: atlassian
    trust: [{repository: acme/handbook, steps: outside_environments}]
  bound:
    accounts: [prod-eu]
    source_ips: ["203.0.113.7", "2001:db8::/32"]
    source_vpces: [vpce-0123456789abcdef0]
    bind_session: true
    trust: [{repository: acme/shop, environments: [staging]}]
  cache:
    accounts: [dev]
    expires: 2031-12-31
    trust: [{dangerously_whole_workspace: {workspace: data, reason: Every build reads it}}]
  of-each:
    for_each: {repository: [acme/shop, acme/site], environment: [staging, production]}
    name: "of-{{repository_name}}-{{environment}}"
    accounts: [dev]
    trust: [{repository: "{{repository}}", environments: ["{{environment}}"]}]
"""
Mutation = Callable[[Any], Any]
"""What is made of a function of the compiler, or of a value."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "inventory.yaml").write_text(INVENTORY)
    (tmp_path / "inventory.lock.yaml").write_text(LOCK)
    return tmp_path


def result(change: Callable[..., Any]) -> Mutation:
    """Change what a function returns; ``change`` gets this and the function's arguments."""
    return lambda original: lambda *given, **named: change(original(*given, **named), *given, **named)


def returned(change: Callable[[Any], Any]) -> Mutation:
    """Change what a function returns by this alone."""
    return result(lambda found, *_, **__: change(found))


def given(index: int, change: Callable[[Any], Any]) -> Mutation:
    """Change one of the arguments of a function."""

    def mutation(original: Callable[..., Any]) -> Callable[..., Any]:
        def changed(*values: Any, **named: Any) -> Any:
            return original(*values[:index], change(values[index]), *values[index + 1 :], **named)

        return changed

    return mutation


def named(name: str, change: Callable[[Any], Any]) -> Mutation:
    """Change a named argument of a function."""

    def mutation(original: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *values, **others: original(*values, **{**others, name: change(others[name])})

    return mutation


def updated(**changes: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Change fields of a model."""
    return lambda model: model.model_copy(update={name: to(getattr(model, name)) for name, to in changes.items()})


def always(value: Any) -> Callable[..., Any]:
    return lambda *_, **__: value


def rotated(entries: dict[str, Any]) -> dict[str, Any]:
    """Give every key the value of another."""
    values = list(entries.values())
    return dict(zip(entries, [*values[1:], *values[:1]], strict=True))


def of_one_another(repositories: dict[str, Any]) -> dict[str, Any]:
    """Give every repository of the lock the UUID of another."""
    others = rotated(repositories)
    return {name: updated(uuid=always(others[name].uuid))(found) for name, found in repositories.items()}


def each_rotated(repositories: dict[str, Any]) -> dict[str, Any]:
    return {name: updated(environments=rotated)(known) for name, known in repositories.items()}


def environments_of_all(original: Callable[..., Any]) -> Callable[..., Any]:
    def lines(entry: Any, workspace: Any, *further: Any) -> Any:
        if entry.environments:
            every = tuple(workspace.repositories[entry.repository_slug].environments)
            entry = entry.model_copy(update={"environments": every})
        return original(entry, workspace, *further)

    return lines


def audiences_of_all(original: Callable[..., Any]) -> Callable[..., Any]:
    return lambda entry, workspace, *further: original(
        updated(audiences=always(workspace.audiences))(entry), workspace, *further
    )


def setting(name: str, change: Callable[[Any], Any]) -> Mutation:
    """Change what ``Settings.get`` returns for one setting."""
    return result(lambda found, _, asked: change(found) if asked == name else found)


def statement(change: Callable[[dict[str, Any]], Any]) -> Mutation:
    """Change every statement as it is built."""

    def changed(found: dict[str, Any]) -> dict[str, Any]:
        change(found)
        return found

    return returned(changed)


def operator(old: str, new: str) -> Mutation:
    def change(found: dict[str, Any]) -> None:
        if old in found["Condition"]:
            found["Condition"][new] = found["Condition"].pop(old)

    return statement(change)


def dropped(name: str) -> Mutation:
    return statement(lambda found: found["Condition"].pop(name, None))


def text(change: Callable[[str], str]) -> Mutation:
    """Change the text of every document; ``PolicyDocument.of`` is a class method."""
    return lambda original: classmethod(lambda _, document: PolicyDocument(change(original(document).text)))


def grouped(alike: Callable[[Any], Any]) -> Mutation:
    """Let lines of trust share a statement that must not."""
    return given(0, lambda lines: [replace(line, **alike(lines)) for line in lines])


def all_audiences(lines: Iterable[Any]) -> dict[str, Any]:
    return {"audiences": tuple(sorted({audience for line in lines for audience in line.audiences}))}


def remembered(original: Callable[..., Any]) -> Callable[..., Any]:
    """Remember the lines of one role for all."""
    found: list[Any] = []

    def lines(*values: Any) -> Any:
        found.append(original(*values))
        return found[0]

    return lines


def called_otherwise(original: Callable[..., Any]) -> Callable[..., Any]:
    def plan(**fields: Any) -> Any:
        return original(**{**fields, "name": f"{fields['name']}s", "arn": f"{fields['arn']}s"})

    return plan


def merged(original: Callable[..., Any]) -> Callable[..., Any]:
    """Let an override add to the addresses of its role."""

    def get(self: Any, name: str) -> Any:
        found = original(self, name)
        if name == "source_ips" and self.override is not None and isinstance(found, tuple):
            return tuple({*found, *(self.role.source_ips or ())})
        return found

    return get


def for_everybody(found: Any, *_: Any) -> Any:
    """Open a session policy: what it denies is nothing."""
    return {name: PolicyDocument(policy.text.replace('"Deny"', '"Allow"')) for name, policy in found.items()}


def with_strangers_too(selected: dict[str, Any]) -> dict[str, Any]:
    """Put the roles of one account into another as well."""
    return {**selected, "gov": {**selected["gov"], "publish": selected["dev"]["publish"]}}


def wide_networks(addresses: Any) -> Any:
    return tuple(network.supernet() for network in addresses)


def of_role(**changes: Callable[[Any], Any]) -> Mutation:
    """Change a role of a pair in the second role."""
    return returned(updated(**changes))


def swapped_families(inventory: Any) -> Any:
    one, other = "of-each[acme/shop, staging]", "of-each[acme/shop, production]"
    roles = {**inventory.roles, one: inventory.roles[other], other: inventory.roles[one]}
    return inventory.model_copy(update={"roles": roles})


_GET_SETTING = "access.effective_settings:EffectiveSettings.get"

ELSEWHERE = "arn:aws:iam::999999999999:oidc-provider/api.bitbucket.org/2.0/workspaces/x/pipelines-config/identity/oidc"
SHARED = "api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc:aud"
BOUND_NETWORKS = returned(lambda policy: PolicyDocument(policy.text.replace('"2001:db8::/32"', '"::/0"')))

MUTATIONS: dict[str, tuple[str, Mutation]] = {
    # What the lock answers.
    "the lock's answer for another repository": (
        "config.lock.questions:_from_lock",
        given(1, lambda locked: locked and updated(repositories=of_one_another)(locked)),
    ),
    "the lock's answer for another environment": (
        "config.lock.questions:_environment",
        lambda original: lambda name, locked: original(
            {"staging": "production", "production": "staging"}[name], locked
        ),
    ),
    "the lock's answer for another workspace": (
        "config.lock.questions:_from_lock",
        given(1, lambda locked: locked and updated(uuid=lambda uuid: f"{{dddddddd{uuid[9:]}")(locked)),
    ),
    "the ranges of the lock forgotten": ("access.roles:_source_ips", result(
        lambda found, settings, _: () if settings.role.source_ips == "atlassian" else found
    )),
    "the ranges of the lock cut": ("access.roles:_source_ips", returned(lambda found: found[:1])),
    "other ranges than those of the lock": ("access.roles:_source_ips", result(
        lambda found, settings, _: (ip_network("0.0.0.0/0"),) if settings.role.source_ips == "atlassian" else found
    )),
    # Which accounts.
    "one more account selected": (
        "config.selectors:AccountSelector.selected_by",
        returned(lambda found: sorted({*found, "gov"})),
    ),
    "one account too few": (
        "access.compile:_roles_by_account",
        returned(lambda found: {**found, "prod-eu": {"bound": found["prod-eu"]["bound"]}}),
    ),
    "a glob that may begin anywhere": (
        "config.selectors:AccountSelector._match",
        lambda original: lambda self, pattern: original(self, f"*{pattern}" if "*" in pattern else pattern),
    ),
    "exclude ignored": (
        "config.selectors:AccountSelector.selected_by",
        lambda original: lambda self, wanted: original(
            self, wanted if isinstance(wanted, tuple) else updated(exclude=always(()))(wanted)
        ),
    ),
    "any label in place of all": (
        "config.selectors:AccountSelector._with_labels",
        lambda _: lambda self, labels: frozenset(
            key for key, account in self._accounts.items() if set(labels) & account.labels.items()
        ),
    ),
    "labels by their names alone": (
        "config.selectors:AccountSelector._with_labels",
        lambda _: lambda self, labels: frozenset(
            key for key, account in self._accounts.items() if dict(labels).keys() <= account.labels.keys()
        ),
    ),
    "a role in another account as well": ("access.compile:_roles_by_account", returned(with_strangers_too)),
    "a role left out": (
        "access.compile:role_plan",
        lambda original: lambda key, *rest: None if key == "publish" else original(key, *rest),
    ),
    "another account's id": ("access.compile:AccountId", always(lambda _: AccountId("999999999999"))),
    "another account's OIDC provider": ("access.compile:trust_policy", given(1, always("999999999999"))),
    "another partition's OIDC provider": ("access.compile:trust_policy", given(0, always(Partition.AWS))),
    # Overrides and what holds without them.
    "overrides ignored": ("config.selectors:AccountSelector.overrides", returned(lambda _: {})),
    "an override applied to another account": (
        "config.selectors:AccountSelector.overrides",
        returned(lambda found: dict.fromkeys(["dev"], *found.values()) if len(found) == 1 else found),
    ),
    "an override in place of all of a role": (
        "access.effective_settings:EffectiveSettings._holder", lambda _: lambda self, name: self.override,
    ),
    "an override that adds": (_GET_SETTING, merged),
    "expires dropped": (_GET_SETTING, setting("expires", always(None))),
    "expires of a day later": (
        _GET_SETTING, setting("expires", lambda day: day and day + timedelta(days=1))
    ),
    "source_ips dropped": (_GET_SETTING, setting("source_ips", always(None))),
    "source_vpces dropped": (_GET_SETTING, setting("source_vpces", always(None))),
    "another VPC endpoint": (
        _GET_SETTING,
        setting("source_vpces", lambda found: found and ("vpce-0123456789abcdef1",)),
    ),
    "a wider network": ("access.roles:_source_ips", returned(wide_networks)),
    "the path of the defaults for all": (_GET_SETTING, setting("path", always(None))),
    "another name": ("access.roles:RolePlan", called_otherwise),
    "bind_session ignored": (_GET_SETTING, setting("bind_session", always(None))),
    "bind_session for all that have addresses": (
        _GET_SETTING,
        result(lambda found, self, name: bool(self.get("source_ips")) if name == "bind_session" else found),
    ),
    "the denial of bound sessions dropped": ("access.roles:_session_policy", returned(always({}))),
    "the denial of bound sessions turned around": ("access.roles:_session_policy", result(for_everybody)),
    "sessions bound to every network": ("oidc.source_addresses:SourceAddresses.session_policy", BOUND_NETWORKS),
    # Pairs and families.
    "the trust of a role for its plan role": (
        "config.plan_roles:_plan_role", result(lambda plan, _, role, __: plan.model_copy(update={"trust": role.trust}))
    ),
    "the trust of a plan role for its role": (
        "config.load:with_plan_roles",
        returned(updated(roles=lambda roles: {**roles, "deploy": updated(
            trust=always(roles["deploy-plan"].trust))(roles["deploy"])})),
    ),
    "an override over what the plan role says": ("config.plan_roles:_without", lambda _: lambda override, __: override),
    "an override of the role forgotten for the plan role": (
        "config.plan_roles:_plan_role", of_role(overrides=always({})),
    ),
    "the end of the role forgotten for the plan role": ("config.plan_roles:_plan_role", of_role(expires=always(None))),
    "the plan role everywhere": ("config.plan_roles:_plan_role", of_role(accounts=always(("*",)))),
    "the plan role under another name": ("config.plan_roles:_plan_role", of_role(name=always("shop-deploy-plans"))),
    "two roles of a family exchanged": ("config.load:with_plan_roles", returned(swapped_families)),
    # Who is trusted.
    "another repository's UUID": (
        "access.trust:_lines", given(1, updated(repositories=lambda found: found and {
            **found, "shop": found["site"], "site": found["shop"]} if "shop" in found else found)),
    ),
    "another environment's UUID": ("access.trust:_lines", given(1, updated(repositories=each_rotated))),
    "all environments in place of those named": ("access.trust:_lines", environments_of_all),
    "all audiences": ("access.trust:_lines", audiences_of_all),
    "the workspace's own audience in place of those named": (
        "access.trust:_lines", given(0, updated(audiences=always(())))
    ),
    "outside of environments becomes all": (
        "access.trust:_lines",
        given(0, updated(steps=lambda steps: steps and Steps.ALL_INCLUDING_ENVIRONMENTS)),
    ),
    "all becomes outside of environments": (
        "access.trust:_lines", given(0, updated(steps=lambda steps: steps and Steps.OUTSIDE_ENVIRONMENTS))
    ),
    "the first entry of trust alone": ("access.roles:trust_lines", given(0, lambda entries: entries[:1])),
    "the lines of one role for all": ("access.roles:trust_lines", remembered),
    "another workspace's audience": (
        "access.trust:default_audience", always(lambda _: "ari:cloud:bitbucket::workspace/dddddddd")
    ),
    "an audience with braces": (
        "access.trust:default_audience", always(lambda uuid: f"ari:cloud:bitbucket::workspace/{uuid}")
    ),
    "a whole workspace in place of an environment": (
        "access.trust:environment_pattern", always(lambda *_: "{????????-????-????-????-????????????}:*")
    ),
    "any environment in place of one": ("access.trust:environment_pattern", always(lambda owner, _: f"{owner}:*:*")),
    "a pattern without its last colon": (
        "access.trust:environment_pattern", always(lambda owner, environment: f"{owner}:{environment}*")
    ),
    "anything in place of a whole workspace": ("access.trust:whole_workspace_pattern", always(lambda: "*")),
    "the last day of a former slug dropped": (
        "access.trust:_under_previous_slugs",
        returned(lambda found: [replace(line, last_day=None) for line in found]),
    ),
    "a former slug forgotten": ("access.trust:_under_previous_slugs", returned(lambda _: [])),
    "a former slug in place of that of today": (
        "access.trust:_lines", returned(lambda found: [replace(line, workspace="acme-old") for line in found])
    ),
    # The statements.
    "audiences of all entries in one statement": ("access.roles:trusted_issuers", grouped(all_audiences)),
    "the last days of all entries in one statement": (
        "access.roles:trusted_issuers", grouped(always({"last_day": date(2031, 3, 31)}))
    ),
    "a former slug's statement without the former slug": (
        "access.roles:trusted_issuers", grouped(always({"workspace": "acme"}))
    ),
    "the later one of two last days": (
        "oidc.iam.trust_policy:_earlier", always(lambda *days: max((day for day in days if day), default=None))
    ),
    "the last day of a former slug alone": ("oidc.iam.trust_policy:_earlier", always(lambda one, _: one)),
    "the last day of the role alone": ("oidc.iam.trust_policy:_earlier", always(lambda _, other: other)),
    "an end one day late": ("oidc.iam.trust_policy:end_of_access", given(0, lambda day: day + timedelta(days=1))),
    "an end on the last day itself": (
        "oidc.iam.trust_policy:end_of_access", given(0, lambda day: day - timedelta(days=1)),
    ),
    "an end that is reached": ("oidc.iam.trust_policy:_statement", operator("DateLessThan", "DateLessThanEquals")),
    "addresses and endpoints in one statement": (
        "oidc.source_addresses:SourceAddresses.trust_conditions",
        returned(lambda found: [{name: value for each in found for name, value in each.items()}]),
    ),
    "the first place alone": (
        "oidc.source_addresses:SourceAddresses.trust_conditions", returned(lambda found: found[:1])
    ),
    "no place": ("oidc.source_addresses:SourceAddresses.trust_conditions", always(lambda _: [{}])),
    "an endpoint in place of the audience": ("oidc.iam.trust_policy:_statement", statement(
        lambda found: found["Condition"]["StringEquals"].pop(SHARED)
        if "aws:SourceVpce" in found["Condition"]["StringEquals"] and SHARED in found["Condition"]["StringEquals"]
        else None
    )),
    "audiences by StringLike": ("oidc.iam.trust_policy:_statement", statement(
        lambda found: found["Condition"]["StringLike"].update(found["Condition"].pop("StringEquals"))
    )),
    "audiences where they are there": (
        "oidc.iam.trust_policy:_statement", operator("StringEquals", "StringEqualsIfExists")
    ),
    "audiences by a set operator": (
        "oidc.iam.trust_policy:_statement", operator("StringEquals", "ForAllValues:StringEquals")
    ),
    "subjects where they are there": ("oidc.iam.trust_policy:_statement", operator("StringLike", "StringLikeIfExists")),
    "subjects ignoring case": ("oidc.iam.trust_policy:_statement", operator("StringLike", "StringEqualsIgnoreCase")),
    "addresses where they are there": ("oidc.iam.trust_policy:_statement", operator("IpAddress", "IpAddressIfExists")),
    "the audience not compared": ("oidc.iam.trust_policy:_statement", dropped("StringEquals")),
    "the subject not compared": ("oidc.iam.trust_policy:_statement", dropped("StringLike")),
    "everybody besides": (
        "oidc.iam.trust_policy:_statement", statement(lambda found: found["Principal"].update({"AWS": "*"}))
    ),
    "a second OIDC provider": ("oidc.iam.trust_policy:_statement", statement(
        lambda found: found["Principal"].update({"Federated": [found["Principal"]["Federated"], ELSEWHERE]})
    )),
    "every way into a role": (
        "oidc.iam.trust_policy:_statement", statement(lambda found: found.update({"Action": "sts:*"}))
    ),
    "another issuer": (
        "oidc.iam.trust_policy:issuer_path", returned(lambda path: path.replace("bitbucket.org", "bitbucket.example"))
    ),
    # The text.
    "a list cut to its first value": (
        "oidc.iam.document:_as_set", returned(lambda found: found[:1] if isinstance(found, list) else found)
    ),
    "a list with a value more": (
        "oidc.iam.document:_as_set",
        returned(lambda found: [*found, "*"] if isinstance(found, list) and ":" in found[0] else found),
    ),
    "an operator lost": ("oidc.iam.document:_canonical_statement", dropped("DateLessThan")),
    "a statement lost": ("oidc.iam.document:_canonical_document", returned(
        lambda found: {**found, "Statement": found["Statement"][:-1] or found["Statement"]}
    )),
    "a statement more": ("oidc.iam.document:_canonical_document", returned(lambda found: {
        **found, "Statement": [*found["Statement"], {**found["Statement"][0], "Condition": {}}]
    })),
    "the statements of an older language": (
        "oidc.iam.document:_canonical_document", returned(lambda found: {**found, "Version": "2008-10-17"})
    ),
    "a condition twice": (
        "oidc.iam.document:PolicyDocument.of",
        text(lambda found: found.replace('"Condition":{', '"Condition":{},"Condition":{')),
    ),
    "a key of a condition twice": (
        "oidc.iam.document:PolicyDocument.of",
        text(lambda found: found.replace('"StringLike":{', '"StringLike":{"x:sub":"*"},"StringLike":{')),
    ),
    "a principal twice": (
        "oidc.iam.document:PolicyDocument.of",
        text(lambda found: found.replace('"Principal":{', '"Principal":"*","Principal":{')),
    ),
    "an effect twice, of which the last one is right": (
        "oidc.iam.document:PolicyDocument.of",
        text(lambda found: found.replace('"Effect":"Allow"', '"Effect":"Deny","Effect":"Allow"')),
    ),
    "UUIDs in capitals": (
        "oidc.iam.document:PolicyDocument.of", text(lambda found: found.replace("9a6d6bde", "9A6D6BDE"))
    ),
    "a policy variable": (
        "oidc.iam.document:PolicyDocument.of", text(lambda found: found.replace(':*"', ':${*}"'))
    ),
    # What a plan shows.
    "fewer lines shown than there are": ("access.roles:RolePlan", named("trust", lambda lines: lines[:1])),
    "a narrower grade shown": ("access.roles:widest", always(lambda _: Grade.ENVIRONMENT_BOUND)),
    "narrower networks shown": ("access.roles:RolePlan", named("source_ips", lambda found: found[:1])),
    "an end shown that there is not": (
        "access.roles:RolePlan", named("expires", lambda found: found or date(2027, 1, 31))
    ),
    "a narrower pattern shown": ("access.roles:RolePlan", named("trust", lambda lines: tuple(
        replace(line, subject_pattern=line.subject_pattern.replace(":*", ":{????????-????-????-????-????????????}"))
        for line in lines
    ))),
}  # fmt: skip
"""By name: the function or value of the compiler that is at fault, and how."""


def test_the_inventory_itself_is_proven(folder: Path) -> None:
    compiled = compile_plan(load_inventory(folder, today=TODAY))
    assert compiled.plan is not None, compiled.findings
    assert len([role for account in compiled.plan.accounts for role in account.roles]) == 14


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_fault_of_the_compiler_is_caught(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target, mutation = MUTATIONS[name]
    holder, _, attribute = target.replace(":", ".").rpartition(".")
    monkeypatch.setattr(resolve_name(holder), attribute, mutation(resolve_name(target)))
    with pytest.raises(UnprovenPlanError, match="please report it; nothing was applied"):
        # Where there is no plan, a finding has caught the fault, and nothing was proven.
        assert compile_plan(load_inventory(folder, today=TODAY)).plan is not None
