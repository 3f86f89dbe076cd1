"""The page says what the plan says, in sound HTML that needs nothing besides."""

import base64
import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from access.plan_json import plan_json
from access.selection import Selection, narrow
from bench.large_inventory import write_large_inventory
from review.report.documents import _indented as indented_json
from review.report.page import ReportOrigin
from review.report.page import page as make_page
from tests.access.report.conftest import FIXTURES, TODAY, compiled, html_of
from tests.access.report.hostile_inventory import (
    ENVIRONMENTS,
    QUOTES,
    RIGHT_TO_LEFT,
    SCRIPT,
    hostile_inventory,
    reordered,
)
from tests.access.report.parsed_page import ParsedPage, facts, text

Pages = Callable[[str], ParsedPage]
PageOf = Callable[..., ParsedPage]
NAMES = sorted(folder.name for folder in FIXTURES.iterdir())
EVERY_NAME = pytest.mark.parametrize("name", NAMES)


@EVERY_NAME
def test_the_html_needs_no_repair(pages: Pages, name: str) -> None:
    assert pages(name).errors == []


@EVERY_NAME
def test_every_id_is_unique_and_every_link_has_a_target(pages: Pages, name: str) -> None:
    page = pages(name)
    ids = [element.get("id") for element in page.all() if element.get("id")]
    assert len(ids) == len(set(ids))
    links = {str(element.get("href")) for element in page.all("a")}
    assert all(link.startswith("#") for link in links)
    assert {link[1:] for link in links} <= set(ids)
    labels = {element.get("aria-labelledby") for element in page.all()} | {
        element.get("for") for element in page.all("label")
    }
    assert labels - {None} <= set(ids)


@EVERY_NAME
def test_every_role_of_the_plan_has_its_part_with_its_trust_policies(pages: Pages, name: str) -> None:
    page = pages(name)
    plan = compiled(FIXTURES / name).plan
    assert plan is not None
    accounts = plan_json(plan)["accounts"]
    ids = {account["id"] for account in accounts}
    shown = {canonical(text(element)) for element in page.all("pre") if text(element).startswith("{")}
    for account in accounts:
        for role in account["roles"]:
            policy = canonical(json.dumps(role["trust_policy"]))
            assert shown & {policy.replace(account["id"], other) for other in ids}
    keys = {role["key"] for account in accounts for role in account["roles"]}
    assert len([element for element in page.all("article") if str(element.get("id")).startswith("role-")]) == len(keys)


def canonical(policy: str) -> str:
    return json.dumps(json.loads(policy))


@EVERY_NAME
def test_every_pipeline_is_yaml(pages: Pages, name: str) -> None:
    pipelines = [
        pipeline
        for element in pages(name).all("pre")
        if (pipeline := "".join(element.itertext())).startswith("pipelines:")
    ]
    assert pipelines
    assert all("pipelines" in yaml.safe_load(pipeline) for pipeline in pipelines)


def test_a_role_section_is_complete(page_of: PageOf) -> None:
    page = page_of(
        "permission_policies: {read: {document: {Version: '2012-10-17', Statement: "
        "[{Effect: Allow, Action: 's3:GetObject', Resource: 'arn:aws:s3:::x/*'}]}}}\n"
        "roles: {r: {accounts: [prod], name: reader, owner: team-a, description: Reads x, max_session_duration: 90m, "
        "trust: [{repository: acme/shop, environments: [production]}], inline_policies: [read], "
        "managed_policies: ['aws:ReadOnlyAccess'], permissions_boundary: account:edge, tags: {Service: shop}, "
        "source_ips: [203.0.113.0/24], expires: 2027-01-31}}\n"
    )
    part = page.role("r")
    assert text(part.find("h3")) == "reader environment-bound"
    assert facts(part) == {
        "Account": "prod",
        "ARN": "arn:aws:iam::222222222222:role/bitbucket/reader",
        "Owner": "team-a",
        "Access ends": "2027-01-31 is its last day (UTC), 65 days after this report",
        "Called from": "203.0.113.0/24",
        "Session": "up to 1 h 30 min",
        "Tags": "Service=shop",
    }
    said = text(part)
    for words in (
        "Reads x", "In the inventory r", "acme/shop, deployment environment production", "aws:ReadOnlyAccess",
        '"Action": "s3:GetObject",', "arn:aws:iam::222222222222:policy/edge", "deployment: production",
    ):  # fmt: skip
        assert words in said


def test_the_limits_of_aws_are_at_the_top_and_at_every_role(pages: Pages) -> None:
    page = pages("acme")
    said = text(page.one("aside"))
    assert "AWS cannot see branches" in said
    assert "deployment restrictions" in said
    notes = [text(element) for element in page.all("p", class_="note")]
    assert len(notes) == len([element for element in page.all("article") if str(element.get("id")).startswith("role-")])
    assert set(notes) == {"On any branch: AWS sees none."}


@EVERY_NAME
def test_no_grade_is_called_safe(pages: Pages, name: str) -> None:
    assert not re.search(r"\b(safe|secure|unsafe|insecure)\b", text(pages(name).one("body")), re.IGNORECASE)


def test_grades_and_admin_access_are_in_words_and_counted(pages: Pages) -> None:
    page = pages("wide")
    counts = {
        text(row.find("th")): text(row.findall("td")[1])
        for row in page.one("table", class_="grades").iter("tr")
        if row.find("td") is not None
    }
    assert counts == {"environment-bound": "1", "repository-wide": "10", "workspace-wide": "1", "admin access": "0"}
    assert text(page.role("whole-workspace").find("h3")) == "whole-workspace workspace-wide"
    assert "admin access" in text(pages("acme").role("terraform-apply").find("h3"))
    assert "because: Applies all infrastructure of the core accounts" in text(pages("acme").role("terraform-apply"))


def test_what_differs_between_accounts_stands_beside_its_accounts(pages: Pages) -> None:
    shown_facts = facts(pages("acme").role("terraform-apply"))
    assert shown_facts["Session"] == "In dev, staging: up to 1 h In prod: up to 1 h 30 min"
    assert shown_facts["ARN"].startswith(
        "arn:aws:iam::111111111111:role/bitbucket/terraform-apply Shown for dev; other"
    )


def test_expired_access_is_marked_as_ended(pages: Pages) -> None:
    assert "it has ended" in facts(pages("wide").role("gone"))["Access ends"]


def test_accepted_warnings_are_listed_with_their_reasons(pages: Pages) -> None:
    said = text(pages("acme").one("section", id="accepted"))
    assert "production-outside-environments" in said
    assert "Accepted because: Plans of pull requests read everywhere" in said
    assert text(pages("acme").one("section", id="warnings")) == "Warnings None."


def test_warnings_are_listed_with_their_hints(page_of: PageOf) -> None:
    role = "roles: {r: {accounts: [prod], trust: [{repository: acme/shop, steps: all_including_environments}]}}\n"
    said = text(page_of(role).one("section", id="warnings"))
    assert "production-outside-environments" in said
    assert "base.yaml:" in said


def test_both_roles_of_a_pair_lead_to_each_other_and_share_a_pipeline(pages: Pages) -> None:
    page = pages("families")
    plan_roles = [element for element in page.all("article") if "which this role plans for" in text(element)]
    assert plan_roles
    for part in plan_roles:
        assert "Pipeline of" not in text(part)
        (link,) = part.findall("dl//a")
        beside = page.one("article", id=str(link.get("href"))[1:])
        assert "the role that plans" in text(beside)
        apart = [str(link.get("href"))[1:] for link in beside.findall("details//a")]
        said = [text(beside), *(text(page.one("pre", id=element)) for element in apart)]
        assert any("pull-requests" in element for element in said)


def test_a_document_of_several_roles_is_shown_once(page_of: PageOf) -> None:
    read = (
        "permission_policies: {read: {document: {Version: '2012-10-17', Statement: "
        "[{Effect: Allow, Action: 's3:GetObject', Resource: 'arn:aws:s3:::x/{{account_id}}'}]}}}\n"
    )
    role = (
        "{accounts: [dev, prod], trust: [{repository: acme/shop, environments: [production]}], inline_policies: [read]}"
    )
    page = page_of(read, f"roles: {{one: {role}, two: {role}}}\n")
    assert page.html.count("s3:GetObject") == 1
    for key in ("one", "two"):
        links = [str(element.get("href"))[1:] for element in page.role(key).findall("details//a")]
        assert ['"s3:GetObject"' in text(page.one("pre", id=link)) for link in links] == [False, False, True]
    assert "other accounts have their own in place of id 111111111111" in text(page.one("section", id="documents"))


def test_the_page_says_what_it_was_made_from() -> None:
    origin = ReportOrigin("infra/inventory", TODAY, "a20e3f4", is_changed=True)
    (said,) = [text(element) for element in ParsedPage(html_of(FIXTURES / "acme", origin)).all("dl", class_="origin")]
    assert said == (
        "Inventory infra/inventory Made on 2026-11-27 (UTC) Git revision a20e3f4 with changes that are not committed"
    )


def test_the_same_plan_gives_the_same_page() -> None:
    assert html_of(FIXTURES / "wide") == html_of(FIXTURES / "wide")


def test_nothing_is_loaded_and_only_the_scripts_and_styles_of_the_page_may_run(pages: Pages) -> None:
    page = pages("acme")
    (policy,) = [str(element.get("content")) for element in page.all("meta") if element.get("http-equiv")]
    assert policy.startswith("default-src 'none'; ")
    for tag in ("style", "script"):
        content = "".join(page.one(tag).itertext())
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert [
        element
        for element in page.all()
        if element.get("src") or element.get("style") or any(name.startswith("on") for name in element.attrib)
    ] == []
    assert {str(element.get("href")) for element in page.all("link")} == {"data:,"}
    assert not re.search(r"url\(|@import|https?://(?!api\.bitbucket\.org/2\.0/workspaces/)", page.html)


def test_no_secret_of_the_deploying_role_is_shown(pages: Pages) -> None:
    page = pages("wide")
    assert "arn:aws:iam::444444444444:role/ci/PulumiDeploy" in text(page.one("article", id="account-by-role"))
    assert "acme-7" not in page.html


def test_hostile_names_are_text_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "inventory.yaml").write_text(hostile_inventory())
    page = ParsedPage(html_of(tmp_path, ReportOrigin(f"{SCRIPT}{QUOTES}", TODAY)))
    assert page.errors == []
    assert len(page.all("script")) == len(page.all("style")) == len(page.all("title")) == 1
    assert page.all("img") == []
    assert page.html.isascii()
    said = text(page.one("body"))
    assert SCRIPT in said
    assert re.sub(r"\s+", " ", QUOTES) in said
    assert set(ENVIRONMENTS) <= {element.get("data-n") for element in page.all("tr")}


def test_marks_that_reorder_text_are_shown_and_never_sent() -> None:
    plan = compiled(FIXTURES / "acme").plan
    assert plan is not None
    page = ParsedPage(make_page(reordered(plan), ReportOrigin(RIGHT_TO_LEFT, TODAY), (), ()))
    assert page.errors == []
    everything = "".join(page.root.itertext()) + "".join(
        value for element in page.all() for value in element.attrib.values()
    )
    assert all(character.isprintable() or character == "\n" for character in everything)
    assert everything.count("\\u202egnitset") > 10


@pytest.mark.parametrize("text_", ["accounts: {}\n", "accounts: {dev: {id: '111111111111'}}\n"], ids=["none", "one"])
def test_an_inventory_without_roles_has_a_page_that_says_so(tmp_path: Path, text_: str) -> None:
    (tmp_path / "inventory.yaml").write_text(text_)
    page = ParsedPage(html_of(tmp_path))
    assert page.errors == []
    assert "The inventory has no role in any account." in text(page.one("section", id="roles"))


def test_a_thousand_roles_are_less_than_three_megabytes(tmp_path: Path) -> None:
    write_large_inventory(tmp_path, roles=1_000, repositories=200, accounts=20, files=30)
    assert len(html_of(tmp_path)) < 3_000_000


def test_a_filtered_page_says_so() -> None:
    plan = compiled(FIXTURES / "acme").plan
    assert plan is not None
    narrowed = narrow(plan, Selection(accounts=("prod",)))
    html = make_page(narrowed.plan, ReportOrigin("inventory", TODAY, filtered=narrowed.in_words), [], [])
    assert f"A part of the plan, {narrowed.in_words}." in text(ParsedPage(html).one("header"))
    assert "A part of the plan" not in html_of(FIXTURES / "acme")


def test_roles_of_a_family_are_folded_with_their_grades(pages: Pages) -> None:
    page_ = pages("families")
    folded = page_.all("details", class_="family")
    assert [text(family.find("summary")) for family in folded] == [
        "Family approve 2 roles environment-bound",
        "Family build 2 roles repository-wide",
        "Family deploy-plan 4 roles repository-wide",
        "Family deploy 4 roles environment-bound",
    ]
    assert [len(family.findall("article")) for family in folded] == [2, 2, 4, 4]
    assert len(page_.one("section", id="roles").findall("article")) == 2


def test_three_thousand_roles_of_two_families_are_less_than_six_hundred_kilobytes(tmp_path: Path) -> None:
    names = [f"svc-{number:03}" for number in range(100)]
    uuids = (f"{{{number:08}-2ae3-4d4c-8a43-1f6a5d9a3c01}}" for number in range(1_000))
    families = {
        key: {
            "for_each": {"repository": [f"acme/{name}" for name in names]},
            "name": f"{{{{repository_name}}}}-{key}",
            "accounts": [f"{environment}-*"],
            "trust": [{"repository": "{{repository}}", "environments": [environment]}],
            "managed_policies": [policy],
        }
        for key, environment, policy in (
            ("deploy", "live", "aws:AmazonECS_FullAccess"),
            ("read", "test", "aws:ReadOnlyAccess"),
        )
    }
    repositories = {
        name: {"uuid": next(uuids), "environments": {"live": next(uuids), "test": next(uuids)}} for name in names
    }
    inventory = {
        "workspaces": {"acme": {"uuid": next(uuids), "repositories": repositories}},
        "accounts": {
            f"{environment}-{number:02}": {"id": f"{start + number:012}"}
            for environment, start in (("live", 100), ("test", 200))
            for number in range(15)
        },
        "roles": families,
    }
    (tmp_path / "inventory.yaml").write_text(json.dumps(inventory))
    html = html_of(tmp_path)
    assert "3,000 roles in 30 accounts" in html
    assert len(html) < 600_000


@pytest.mark.parametrize(
    "document",
    [
        {},
        [],
        {"a": {}},
        {"a": [1, True, None]},
        {"a": [{"b": ["x", {"c": '\u202e\n"<'}]}], "d": 1.5},
        [[["x"]], {"y": []}],
    ],
)
def test_an_indented_document_is_the_same_json(document: object) -> None:
    indent = indented_json(document, "")
    assert json.loads(indent) == document
    assert indent.isascii()
