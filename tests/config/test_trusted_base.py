"""What the proof relies on: YAML, family expansion and selected accounts give what was written, no more and no less."""

from datetime import date
from itertools import product
from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from config.families import with_families
from config.lock import Lock, ReadLock
from config.selectors import selection_digest, with_selected_accounts
from config.yaml.document import read_document
from tests.config.inventory_strategies import ENVIRONMENTS, REPOSITORIES, some_of

TEXTS = st.sampled_from(
    ["", "x", "*", "{{account}}", "${aws:username}", "{{ environment }}", "{{x}}", "{repository}", "{}", "}}{{"]
    + [f"{before}{{{{{name}}}}}{behind}" for name in ("repository", "repository_name", "environment")
       for before, behind in (("", ""), ("a-", "/b"), ("{{role}}-", "}"))]
)  # fmt: skip
ANYTHING = st.recursive(
    TEXTS | st.integers() | st.booleans() | st.none(),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(TEXTS, values, max_size=3),
    max_leaves=8,
)


def written_out(template: Any, repository: str, environment: str) -> Any:
    """Put an item into a template the simplest way there is: text by text, key by key untouched."""
    if isinstance(template, dict):
        return {key: written_out(value, repository, environment) for key, value in template.items()}
    if isinstance(template, list):
        return [written_out(value, repository, environment) for value in template]
    if isinstance(template, str):
        template = template.replace("{{repository}}", repository).replace("{{environment}}", environment)
        return template.replace("{{repository_name}}", repository.split("/")[1])
    return template


@given(some_of(*REPOSITORIES), some_of(*ENVIRONMENTS), st.dictionaries(st.sampled_from("abc"), ANYTHING), ANYTHING)
def test_a_family_is_its_template_for_each_item_and_nothing_else_changes(
    repositories: list[str], environments: list[str], rest: dict[str, Any], other: Any
) -> None:
    trust = [{"repository": "{{repository}}", "environments": ["{{environment}}"]}]
    family = {"trust": trust, **rest, "for_each": {"repository": repositories, "environment": environments}}
    declared = {"environments": dict.fromkeys(ENVIRONMENTS)}
    workspaces = {
        "acme": {"repositories": {"a": declared, "b": declared}}, "beta": {"repositories": {"c": declared}},
    }  # fmt: skip
    roles = {"before": {"a": other}, "deploy": family, "behind": other}
    expanded = with_families({"workspaces": workspaces, "roles": roles})
    expected = {
        f"deploy[{repository}, {environment}]": {
            **written_out(
                {name: value for name, value in family.items() if name != "for_each"}, repository, environment
            ),
            "for_each": {"repository": [repository], "environment": [environment]},
        }
        for repository, environment in product(repositories, environments)
    }
    assert not expanded.faults
    assert expanded.data == {
        "workspaces": workspaces, "roles": {"before": {"a": other}, **expected, "behind": other},
    }  # fmt: skip
    assert list(expanded.data["roles"]) == ["before", *expected, "behind"]


class Dumper(yaml.SafeDumper):
    def ignore_aliases(self, _: Any) -> bool:
        return True


SCALARS = (
    st.sampled_from(
        ["yes", "~", "null", "007", "0o7", "1e3", "2027-01-31", "12:30", "*", "&a", "!x", "%", "@", "`", "- a", "a: b",
         "a #b", "{9a6d6bde-2ae3-4d4c-8a43-1f6a5d9a3c01}", "arn:aws:iam::{{account_id}}:role/x", "203.0.113.0/24"]
    )
    | st.text("aZ09 _-.:/{}[]'\"#é", max_size=12)
    | st.integers(-(10**6), 10**15)
    | st.booleans()
    | st.dates(date(1, 1, 1))
)  # fmt: skip
DOCUMENTS = st.dictionaries(
    st.text("abc-_.", min_size=1, max_size=6).filter(lambda key: key not in ("-", ".", "---")),
    st.recursive(
        SCALARS,
        lambda values: st.lists(values, max_size=4) | st.dictionaries(st.text("abcx", min_size=1), values, max_size=4),
        max_leaves=12,
    ),
    min_size=1,
)


@given(DOCUMENTS, st.booleans(), st.sampled_from([None, '"', "'"]), st.integers(2, 6))
def test_what_another_program_writes_as_yaml_is_read_as_it_was(
    data: dict[str, Any], flow: bool, style: str | None, indent: int
) -> None:
    text = yaml.dump(
        data, Dumper=Dumper, default_flow_style=flow, default_style=style, indent=indent, allow_unicode=True,
        width=10_000, sort_keys=False,
    )  # fmt: skip
    document = read_document(text)
    if document.problems:
        # With a style for all, numbers and the like get a tag, which the inventory does not take.
        assert {problem.rule for problem in document.problems} <= {"yaml-feature"}
        assert style is not None
    else:
        assert document.data == data


ACCOUNTS = st.dictionaries(st.sampled_from(["prod", "dev", "shop"]), st.sampled_from(["1" * 12, "2" * 12, "3" * 12]))
LABELS = st.dictionaries(st.sampled_from(["env", "team"]), st.sampled_from(["prod", "core"]))


@given(ACCOUNTS, ACCOUNTS, LABELS, st.sampled_from([None, "aws-us-gov"]), st.booleans())
def test_accounts_that_the_lock_selects_are_added_as_they_are_and_written_ones_stay(
    declared: dict[str, str], selected: dict[str, str], labels: dict[str, str], partition: str | None, answered: bool
) -> None:
    organization = {"ou": ["ou-ab12-11111111"]} | ({"partition": partition} if partition else {})
    lock = Lock.model_validate({
        "selected_accounts": {key: {"id": id_, "name": key, "labels": labels} for key, id_ in selected.items()},
        "answers": {"accounts_from": selection_digest(organization)} if answered else {},
    })  # fmt: skip
    accounts = {key: {"id": id_, "labels": {"env": "written"}} for key, id_ in declared.items()}
    before = {"accounts_from": {"organization": organization}, "accounts": accounts, "roles": {"deploy": {}}}
    data, keys = with_selected_accounts(before, ReadLock(lock, None, ()))
    added = {
        key: {"id": id_, "partition": partition or "aws", "labels": labels}
        for key, id_ in selected.items()
        if answered and key not in declared and id_ not in declared.values()
    }
    assert keys == added.keys()
    assert data == {
        "accounts_from": {"organization": organization}, "accounts": {**accounts, **added}, "roles": {"deploy": {}},
    }  # fmt: skip
