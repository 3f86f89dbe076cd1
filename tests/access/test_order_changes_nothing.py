"""Reordering keys, files and lists that are sets, and moving entries between files, changes no plan and no digest."""

import copy
import json
import random
import shutil
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from access.compile import compile_plan
from access.digests import AppliedSettings, plan_digests
from access.plan_json import plan_json
from config.load import load_inventory

INVENTORY = """
defaults: {tags: {A: a, B: b}, region: eu-west-1}
workspaces:
  acme:
    uuid: "{0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11}"
    audiences: [x, y]
    repositories:
      shop:
        uuid: "{9a6d6bde-2ae3-4d4c-8a43-1f6a5d9a3c01}"
        environments:
          staging: "{5f0c9f0c-51e4-4c58-9a86-0b2f7f9f6a02}"
          production: "{c2b1a5de-6b7e-4d4b-b1a0-6a9d8c7b5e03}"
      bare:
        uuid: "{8a6d6bde-2ae3-4d4c-8a43-1f6a5d9a3c11}"
        environments:
          staging: "{8f0c9f0c-51e4-4c58-9a86-0b2f7f9f6a12}"
          production: "{82b1a5de-6b7e-4d4b-b1a0-6a9d8c7b5e13}"
      site: "{7d1e2f3a-4b5c-4d6e-8f90-a1b2c3d4e504}"
  other:
    uuid: "{f4e3d2c1-b0a9-4887-9665-544332211a08}"
    repositories: {tool: "{2a3b4c5d-6e7f-4081-92a3-b4c5d6e7f809}"}
accounts:
  dev: {id: "111111111111", keep_oidc_providers: [other, acme]}
  prod: {id: "222222222222", labels: {env: prod}, previous_keys: [production, live]}
permission_policies:
  p:
    document:
      Version: "2012-10-17"
      Statement: [{Effect: Allow, Action: ["s3:Put*", "s3:Get*"], Resource: ["arn:aws:s3:::b", "arn:aws:s3:::a"]}]
  r:
    document:
      Version: "2012-10-17"
      Statement: [{Effect: Allow, Action: "s3:Get*", Resource: "arn:aws:s3:::{{repository_name}}-{{environment}}"}]
  q: {document: {Version: "2012-10-17", Statement: [{Effect: Allow, Action: "s3:List*", Resource: "*"}]}}
roles:
  one:
    name: first
    previous_keys: [eins, uno]
    accounts: [prod, dev]
    trust:
      - {repository: acme/shop, environments: [staging, production], audiences: [x, y]}
      - {repository: acme/site, steps: outside_environments}
      - {repository: other/tool, steps: all_including_environments}
    managed_policies: ["aws:ReadOnlyAccess", "account:x"]
    inline_policies: [q, p]
    source_ips: ["203.0.113.0/24", "198.51.100.0/24"]
    tags: {C: c, D: d}
    overrides: {dev: {owner: me}, prod: {owner: you}}
  three:
    for_each: {repository: [acme/shop, acme/bare], environment: [staging, production]}
    name: "{{repository_name}}-{{environment}}"
    accounts: [dev, prod]
    trust: [{repository: "{{repository}}", environments: ["{{environment}}"]}]
    inline_policies: [q, r]
    plan_role:
      trust:
        - {repository: "{{repository}}", steps: outside_environments}
        - {repository: acme/site, steps: outside_environments}
      managed_policies: ["aws:ReadOnlyAccess", "account:x"]
    overrides: {dev: {owner: me}, prod: {owner: you}}
  two: {accounts: ["*"], trust: [{repository: acme/site, steps: outside_environments}]}
"""


def shuffled(data: Any, rng: random.Random) -> Any:
    if isinstance(data, dict):
        return {key: shuffled(data[key], rng) for key in rng.sample(list(data), len(data))}
    return [shuffled(item, rng) for item in rng.sample(data, len(data))] if isinstance(data, list) else data


def parts(data: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the smallest inventories that make up one: what may stand in a separate file."""
    yield {"version": 1}
    yield {"defaults": data["defaults"]}
    for section in ("accounts", "permission_policies", "roles"):
        yield from ({section: {key: entry}} for key, entry in data[section].items())
    for slug, workspace in data["workspaces"].items():
        for key, value in workspace.items():
            if key == "repositories":
                yield from ({"workspaces": {slug: {key: part}}} for part in parts_of_repositories(value))
            else:
                yield {"workspaces": {slug: {key: value}}}


def parts_of_repositories(repositories: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for slug, repository in repositories.items():
        if isinstance(repository, str):
            yield {slug: repository}
            continue
        yield {slug: {"uuid": repository["uuid"]}}
        yield from ({slug: {"environments": {name: uuid}}} for name, uuid in repository["environments"].items())


def merged(first: Any, second: dict[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = copy.deepcopy(first)
    for key, value in second.items():
        result[key] = merged(result[key], value) if isinstance(result.get(key), dict) else value
    return result


def write_spread(folder: Path, data: dict[str, Any], rng: random.Random) -> None:
    """Write an inventory into files and folders of any names, each part of it into any of them."""
    shutil.rmtree(folder, ignore_errors=True)
    names = ["a.yaml", "B.YML", "team/a.yaml", "team/deeper/z.yml", "é.yaml", "1.yaml"]
    files: dict[str, dict[str, Any]] = {name: {} for name in rng.sample(names, rng.randint(1, len(names)))}
    for part in rng.sample(found := list(parts(data)), len(found)):
        name = rng.choice(list(files))
        files[name] = merged(files[name], part)
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True))


def plan_text(folder: Path, data: dict[str, Any]) -> str:
    (folder / "inventory.yaml").write_text(yaml.safe_dump(data, sort_keys=False))
    return plan_text_of(folder)


def plan_text_of(folder: Path) -> str:
    compiled = compile_plan(load_inventory(folder))
    assert compiled.plan is not None, compiled.findings
    return json.dumps([plan_json(compiled.plan), asdict(plan_digests(compiled.plan, AppliedSettings()))])


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.randoms(use_true_random=False))
def test_the_plan_is_the_same_in_any_order(tmp_path: Path, rng: random.Random) -> None:
    data = yaml.safe_load(INVENTORY)
    assert plan_text(tmp_path, shuffled(data, rng)) == plan_text(tmp_path, data)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.randoms(use_true_random=False))
def test_the_plan_is_the_same_in_any_files(tmp_path: Path, rng: random.Random) -> None:
    data = yaml.safe_load(INVENTORY)
    (tmp_path / "one").mkdir(exist_ok=True)
    write_spread(tmp_path / "many", shuffled(data, rng), rng)
    assert plan_text_of(tmp_path / "many") == plan_text(tmp_path / "one", data)
