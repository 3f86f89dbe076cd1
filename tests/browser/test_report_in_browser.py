"""The report in a real browser: searched, shared, by keyboard, without JavaScript, on a phone and on paper."""

import base64
import re
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import product
from pathlib import Path

import pytest
from selenium.webdriver import ActionChains, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.support.select import Select

from access.compile import compile_plan
from access.explanation.claims import claims_of_step
from access.explanation.explain import TokenCall, explain
from access.explanation.names import Names
from access.plan import AccessPlan
from bench.large_inventory import write_large_inventory
from config.load import load_inventory
from config.models.inventory import Inventory
from review.report.documents import indented
from review.report.page import ReportOrigin
from review.report.role_parts import anchor
from tests.access.report.conftest import FIXTURES, TODAY, compiled, html_of
from tests.access.report.hostile_inventory import ENVIRONMENTS, QUOTES, SCRIPT, hostile_inventory
from tests.browser.conftest import Browser

Report = Callable[[str], Path]
ACME = [
    "payments-deploy", "payments-deploy", "payments-images", "site-publish", "terraform-apply", "terraform-plan",
    "warehouse-load",
]  # fmt: skip


@pytest.mark.parametrize("name", ["acme", "families", "wide"])
def test_the_page_asks_for_nothing(browser: Browser, report: Report, name: str) -> None:
    path = report(name)
    browser.open(path).search("payments")
    assert browser.requests() == [path.as_uri()]
    assert browser.left() == []


def test_even_markup_that_got_in_would_reach_nobody(browser: Browser, report: Report, tmp_path: Path) -> None:
    bait = "<img src='http://bait.example/x'><script src='http://bait.example/y'></script><style>b{}</style>"
    (tmp_path / "open.html").write_text(f"<!doctype html>{bait}")
    browser.open(tmp_path / "open.html")
    assert any("bait.example" in line for line in browser.left())  # so a request is seen where there is one
    browser.listener.asked.clear()
    (tmp_path / "report.html").write_text(report("acme").read_text().replace("<footer>", f"<footer>{bait}"))
    browser.open(tmp_path / "report.html")
    assert browser.left() == []
    assert sum("Content Security Policy" in message for message in browser.errors()) == 3


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ACME),
        ("payments-deploy", ACME[:2]),
        ("PAYMENTS images", ["payments-images"]),
        ("payments -images -warehouse", ACME[:2]),
        ('"Deploy payments, from"', ACME[:1]),
        ("role:payments-deploy-staging", ["payments-deploy"]),
        ("owner:team-payments", ACME[:1]),
        ("workspace:acme-data", ["warehouse-load"]),
        ("repository:acme/payments", [*ACME[:3], "warehouse-load"]),
        ("environment:plan", ["terraform-plan"]),
        ("repository:payments environment:production", ["payments-deploy", "warehouse-load"]),
        ("repository:warehouse environment:staging", []),
        ("account:staging", ["payments-deploy", "terraform-apply", "terraform-plan"]),
        ("policy:ReadOnly", ["terraform-plan"]),
        ("policy:push-images", ["payments-images"]),
        ("action:s3:PutObject", ["site-publish"]),
        ("action:s3:*", ["site-publish"]),
        ("action:ecr:PutImage", ["payments-images"]),
        ("grade:repository", ["payments-images", "terraform-plan"]),
        ("grade:admin", ["terraform-apply"]),
        ("-grade:environment", ["payments-images", "terraform-plan"]),
        ("expires:2031", ["site-publish"]),
        ("expires:<2031-12-31", []),
        ("expires:>2030-01-01", ["site-publish"]),
        ("s3:DeleteObject", ["site-publish"]),
        ("nothing-like-it", []),
    ],
)
def test_search_finds(browser: Browser, report: Report, text: str, found: list[str]) -> None:
    browser.stay(report("acme")).search(text)
    assert browser.visible_roles() == found
    said = browser.run("return document.getElementById('shown').textContent")
    roles = sum({"terraform-plan": 4, "terraform-apply": 3}.get(key, 1) for key in found)
    assert said == (f"{roles} of 12 roles" if text else "All 12 roles")
    assert browser.driver.find_element(By.ID, "nothing").is_displayed() == (not found)


@pytest.mark.parametrize(
    ("field", "choice", "found"),
    [
        ("grade", "admin access", ["terraform-apply"]),
        ("account", "data", ["terraform-plan", "warehouse-load"]),
        ("owner", "team-payments", ["payments-deploy"]),
        ("ends", "has a last day", ["site-publish"]),
        ("ends", "ends within 90 days", []),
    ],
)
def test_a_filter_narrows_roles_and_matrix(
    browser: Browser, report: Report, field: str, choice: str, found: list[str]
) -> None:
    browser.stay(report("acme"))
    Select(browser.driver.find_element(By.ID, field)).select_by_visible_text(choice)
    browser.settle()
    assert browser.visible_roles() == found
    assert {entry.partition(": ")[2] for entry in browser.visible_entries()} == set(found)


def test_wider_trust_is_found_by_each_deployment_environment_that_it_reaches(browser: Browser, report: Report) -> None:
    browser.open(report("wide")).search("repository:shop environment:staging")
    assert browser.visible_roles() == ["gone", "whole-workspace"]
    assert set(browser.visible_entries()) == {
        "deployment environment staging: gone", "deployment environment staging: whole-workspace",
        "every step: whole-workspace",
    }  # fmt: skip


def test_a_search_is_in_the_address_and_comes_back_from_it(browser: Browser, report: Report) -> None:
    browser.open(report("acme")).search("repository:payments & more")
    address = browser.driver.current_url
    assert address.endswith("#q=repository%3Apayments+%26+more")
    browser.open(report("acme"), "#q=repository%3Apayments&account=staging&grade=environment-bound")
    assert browser.visible_roles() == ["payments-deploy"]
    assert browser.run("return document.getElementById('q').value") == "repository:payments"
    browser.run("location.hash = '#grade=nonsense&account=data'")
    browser.settle()
    assert browser.visible_roles() == ["terraform-plan", "warehouse-load"]


def test_a_link_to_a_role_that_the_search_hides_shows_it(browser: Browser, report: Report) -> None:
    browser.open(report("acme")).search("payments")
    browser.run("location.hash = '#role-site-publish'")
    browser.settle()
    assert "site-publish" in browser.visible_roles()
    top = browser.run("return document.getElementById('role-site-publish').getBoundingClientRect().top")
    assert -5 < top < 900


def test_everything_can_be_reached_by_keyboard_with_the_focus_seen(browser: Browser, report: Report) -> None:
    browser.open(report("acme"))
    seen = []
    for _ in range(20):
        ActionChains(browser.driver).send_keys(Keys.TAB).perform()
        seen.append(browser.run(
            "const e = document.activeElement, s = getComputedStyle(e);"
            "return [e.tagName, e.id || e.textContent.trim(), parseFloat(s.outlineWidth), s.outlineStyle]"
        ))  # fmt: skip
    names = [name for _, name, _, _ in seen]
    assert names[0] == "Skip to the roles"
    order = [names.index(name) for name in ("Matrix", "q", "grade", "account", "owner", "ends", "Clear")]
    assert order == sorted(order)
    assert any(tag == "SUMMARY" for tag, _, _, _ in seen)
    assert all(width >= 2 and style != "none" for _, _, width, style in seen)


def test_a_slash_leads_to_the_search_and_enter_opens_what_is_closed(browser: Browser, report: Report) -> None:
    browser.open(report("acme"))
    ActionChains(browser.driver).send_keys("/").perform()
    assert browser.run("return document.activeElement.id") == "q"
    ActionChains(browser.driver).send_keys("a/b").perform()
    assert browser.run("return document.activeElement.value") == "a/b"
    browser.open(report("acme")).run("document.querySelector('#roles summary').focus()")
    ActionChains(browser.driver).send_keys(Keys.ENTER).perform()
    assert browser.run("return document.querySelector('#roles details').open")


def test_what_stands_apart_is_read_in_its_place_with_the_values_of_its_role(browser: Browser, report: Report) -> None:
    browser.open(report("acme")).run("for (const d of document.querySelectorAll('#roles details')) d.open = true")
    browser.settle()
    plan = compiled(FIXTURES / "acme").plan
    assert plan is not None
    for account in plan.accounts:
        for role in account.roles:
            part = browser.driver.find_element(By.ID, f"role-{role.key}")
            shown = [one.get_property("textContent") for one in part.find_elements(By.TAG_NAME, "pre")]
            if account is next(one for one in plan.accounts if role.key in {found.key for found in one.roles}):
                assert indented(role.trust_policy) in shown
                pipelines = [str(one) for one in shown if str(one).startswith("pipelines:")]
                assert len(pipelines) == 1
                assert f"AWS_ROLE_ARN={role.arn}\n" in pipelines[0]


def test_what_stands_apart_is_hidden_with_the_last_of_its_roles(browser: Browser, report: Report) -> None:
    apart = "return [...document.querySelectorAll('#documents article')].map((e) => e.checkVisibility())"
    every = browser.open(report("families")).run(apart)
    assert len(every) > 1
    assert all(every)
    some = browser.search("repository:site").run(apart)
    assert any(some)
    assert not all(some)
    assert not any(browser.search("nothing-like-it").run(apart))


def test_clear_shows_everything_again(browser: Browser, report: Report) -> None:
    browser.open(report("acme")).search("nothing-like-it")
    browser.driver.find_element(By.CSS_SELECTOR, "#filter button").click()
    browser.settle()
    assert browser.visible_roles() == ACME
    assert len(browser.visible_entries()) == browser.run("return document.querySelectorAll('.matrix td > div').length")


def test_without_javascript_everything_is_there_and_no_dead_control(browser: Browser, report: Report) -> None:
    browser.open(report("acme"), script=False)
    seen = browser.driver.find_element(By.TAG_NAME, "body").text
    assert all(name in seen for name in ACME)
    assert "terraform-apply" in browser.driver.find_element(By.ID, "matrix").text
    assert not browser.driver.find_element(By.ID, "filter").is_displayed()
    details = browser.driver.find_elements(By.CSS_SELECTOR, "#role-site-publish details")[-1]
    details.find_element(By.TAG_NAME, "summary").send_keys(Keys.ENTER)
    assert "s3:PutObject" in details.text


@pytest.mark.parametrize("name", ["acme", "families", "wide"])
def test_on_a_phone_nothing_is_wider_than_the_screen(browser: Browser, report: Report, name: str) -> None:
    browser.call("Emulation.setDeviceMetricsOverride", width=360, height=740, deviceScaleFactor=2, mobile=True)
    browser.open(report(name))
    browser.run("for (const e of document.querySelectorAll('details')) e.open = true")
    assert browser.run("return document.documentElement.scrollWidth") == 360
    assert browser.run(
        "return [...document.querySelectorAll('a, button, input, select, summary')]"
        ".filter((e) => e.checkVisibility() && !e.matches('.skip') && e.getBoundingClientRect().right > 361).length"
    ) == 0  # fmt: skip


CONTRAST = """
const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
const rgb = (colour) => {
  canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
  return [...canvas.getImageData(0, 0, 1, 1).data];
};
const light = ([r, g, b]) => [r, g, b].map((one) => one / 255)
  .map((one) => one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4)
  .reduce((sum, one, i) => sum + one * [0.2126, 0.7152, 0.0722][i], 0);
const ratio = (one, other) => (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
const behind = (e) => {
  for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c[3] === 255) return c; }
  return rgb(getComputedStyle(document.documentElement).colorScheme.startsWith("dark") ? "#000" : "#fff");
};
for (const d of document.querySelectorAll("details")) d.open = true;
const found = {};
for (const e of document.body.querySelectorAll("*:not(script):not(option)")) {
  if (![...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim())) continue;
  for (const pseudo of [null, "::before"]) {
    const r = ratio(light(rgb(getComputedStyle(e, pseudo).color)), light(behind(e)));
    if (r < 4.5) found[`${e.tagName}.${e.className}${pseudo ?? ""} ${getComputedStyle(e, pseudo).color}`] = r;
  }
}
return [found, light(behind(document.body))];
"""
"""Contrast as WCAG 2.2 defines it, https://www.w3.org/TR/WCAG22/#contrast-minimum: 4.5 for level AA."""


@pytest.mark.parametrize(("scheme", "is_dark"), [("light", False), ("dark", True)])
def test_contrast_is_enough_in_light_and_dark(browser: Browser, report: Report, scheme: str, is_dark: bool) -> None:
    browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    for name in ("acme", "wide"):
        too_little, background = browser.open(report(name)).run(CONTRAST)
        assert too_little == {}
        assert (background < 0.5) == is_dark


def test_a_screen_reader_is_told_what_everything_is(browser: Browser, report: Report) -> None:
    browser.open(report("wide"))
    nodes = browser.call("Accessibility.getFullAXTree")["nodes"]
    named = [(node["role"]["value"], node.get("name", {}).get("value", "")) for node in nodes if not node["ignored"]]
    roles = {role for role, _ in named}
    assert {"banner", "navigation", "main", "contentinfo", "search", "table", "columnheader", "rowheader"} <= roles
    assert [name for role, name in named if role in {"searchbox", "combobox"}] == [
        "Repository", "Deployment environment", "Search", "Grade", "Account", "Owner", "Access",
    ]  # fmt: skip
    assert ("region", "Matrix of workspace acme") in named
    assert all(name for role, name in named if role in {"link", "button", "heading", "region", "article"} - {"article"})
    assert ("status", "") in named or "status" in roles


@pytest.mark.parametrize("script", [True, False])
def test_on_paper_everything_is_open_and_no_control_is_there(browser: Browser, report: Report, script: bool) -> None:
    browser.call("Emulation.setDeviceMetricsOverride", width=800, height=1100, deviceScaleFactor=1, mobile=False)
    browser.open(report("acme"), script=script)
    printed = base64.b64decode(browser.call("Page.printToPDF", preferCSSPageSize=True)["data"])
    assert printed.startswith(b"%PDF-")
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) > 5  # trust policies and pipelines fill pages
    browser.call("Emulation.setEmulatedMedia", media="print")
    assert not browser.driver.find_element(By.ID, "filter").is_displayed()
    assert not browser.driver.find_element(By.TAG_NAME, "nav").is_displayed()
    assert browser.run(
        "return document.querySelector('#role-site-publish details pre[data-d]').getBoundingClientRect().height"
    )


def test_what_the_search_hides_is_not_printed(browser: Browser, report: Report) -> None:
    def pages() -> int:
        data = base64.b64decode(browser.call("Page.printToPDF")["data"])
        return len(re.findall(rb"/Type\s*/Page\b", data + b"".join(_streams(data))))

    browser.open(report("acme"))
    every = pages()
    browser.search("site-publish")
    assert pages() < every - 3


def _streams(data: bytes) -> list[bytes]:
    found = []
    for stream in re.findall(rb"stream\r?\n(.*?)endstream", data, re.DOTALL):
        try:
            found.append(zlib.decompress(stream))
        except zlib.error:
            continue
    return found


def test_a_page_without_roles_can_be_searched(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "inventory.yaml").write_text("accounts: {}\n")
    (tmp_path / "report.html").write_text(html_of(tmp_path))
    browser.open(tmp_path / "report.html").search("anything")
    assert browser.visible_roles() == []
    assert "0 of 0 roles" in browser.driver.find_element(By.ID, "filter").text


def test_hostile_names_do_nothing(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "inventory.yaml").write_text(hostile_inventory())
    path = tmp_path / "report.html"
    path.write_text(html_of(tmp_path, ReportOrigin(f"{SCRIPT}{QUOTES}", TODAY)))
    browser.open(path)
    for found in browser.driver.find_elements(By.CSS_SELECTOR, "a, b, summary")[:60]:
        browser.run("for (const name of ['mouseover', 'focus']) arguments[0].dispatchEvent(new Event(name))", found)
    for text in (SCRIPT, QUOTES, *ENVIRONMENTS, "environment:*", "action:(", 'action:"', "-", "expires:<", "owner:"):
        browser.search(text)
    assert browser.driver.title.startswith("Who may assume which AWS role: </script>")
    assert browser.run("return document.querySelectorAll('script').length") == 1
    assert browser.run("return document.querySelectorAll('img').length") == 0
    browser.search(f'environment:"{ENVIRONMENTS[0]}"')
    assert browser.visible_roles() == ["hostile"]
    assert browser.left() == []
    browser.call("Emulation.setDeviceMetricsOverride", width=360, height=740, deviceScaleFactor=2, mobile=True)
    browser.open(path)
    assert browser.run("return document.documentElement.scrollWidth") == 360


STEP = """
const [repository, environment] = ["repository", "environment"].map((id) => document.getElementById(id));
repository.value = arguments[0];
repository.dispatchEvent(new Event("input"));
environment.value = arguments[1] === null ? "-" : `=${arguments[1]}`;
if (!environment.value) environment.value = "*";
environment.dispatchEvent(new Event("change"));
for (const d of document.querySelectorAll("#answer details")) d.open = true;
return [...document.querySelectorAll("#answer li:has(> a)")].flatMap((li) => {
  const accounts = [...li.childNodes].find((n) => n.nodeType === 3 && n.data.startsWith(" in ")).data.slice(4);
  return accounts.split(", ").map((account) => [li.querySelector("a").hash.slice(1), account]);
});
"""


def explained(plan: AccessPlan, inventory: Inventory, repository: str, environment: str | None) -> set[tuple[str, str]]:
    """Return the roles that `explain` lets a step into, from any address and with any audience, by part and account."""
    roles = [role for account in plan.accounts for role in account.roles]
    audiences = {audience for role in roles for line in role.trust for audience in line.audiences}
    places: set[tuple[str | None, str | None]] = {
        (str(network[1]) if network.num_addresses > 1 else str(network[0]), None)
        for role in roles
        for network in role.source_ips
    }
    places |= {(None, endpoint) for role in roles for endpoint in role.source_vpces} | {("192.0.2.1", None)}
    at = datetime(TODAY.year, TODAY.month, TODAY.day, tzinfo=UTC)
    allowed = set()
    for audience, (source_ip, endpoint) in product(audiences, places):
        call = TokenCall(claims_of_step(inventory, repository, environment, audience), at, source_ip, endpoint)
        verdicts = explain(plan, call, Names.of(inventory))
        allowed |= {(anchor(verdict.role), verdict.account) for verdict in verdicts if verdict.answer.allowed}
    return allowed


@pytest.mark.parametrize("name", ["acme", "families", "wide"])
def test_the_answer_for_a_step_is_that_of_explain(browser: Browser, report: Report, name: str) -> None:
    loaded = load_inventory(FIXTURES / name, today=TODAY)
    plan, inventory = compile_plan(loaded).plan, loaded.validated
    assert plan is not None
    browser.open(report(name))
    answers = 0
    for slug, workspace in inventory.workspaces.items():
        for repository, declared in workspace.repositories.items():
            if declared.uuid is None:
                continue
            for environment in (None, *declared.environments):
                step = f"{slug}/{repository}", environment
                answer = {(part, account) for part, account in browser.run(STEP, *step)}
                assert answer == explained(plan, inventory, *step), step
                answers += len(answer)
    assert answers > 5


def test_the_answer_for_a_step_marks_wider_trust_and_leaves_out_what_has_ended(
    browser: Browser, report: Report
) -> None:
    browser.open(report("wide")).run(STEP, "acme/shop", "production")
    answer = browser.driver.find_element(By.ID, "answer").text
    assert (
        "acme/shop, deployment environment production: 8 roles in 7 accounts, 1 only by trust that is wider" in answer
    )
    assert re.search(r"every repository of acme, .*\(wider than this step\)", answer)
    browser.run(STEP, "acme/shop", "staging")
    assert "gone" not in browser.driver.find_element(By.ID, "answer").text
    for name in ("acme/never-heard-of", "Acme/Never-Heard-Of"):
        assert browser.run(STEP, name, "production") == [["role-whole-workspace", "ambient"]]
    assert "No role names this repository." in browser.driver.find_element(By.ID, "answer").text
    assert browser.run(STEP, "<img src=x>", None) == []


def test_the_answer_for_a_step_does_not_depend_on_capitals(browser: Browser, tmp_path: Path) -> None:
    for file in (FIXTURES / "acme").rglob("*"):
        if file.is_file():
            copy = tmp_path / "acme" / file.relative_to(FIXTURES / "acme")
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(re.sub(r"\bwebsite\b", "WebSite", file.read_text()))
    (tmp_path / "acme.html").write_text(html_of(tmp_path / "acme"))
    browser.open(tmp_path / "acme.html")
    answer = browser.run(STEP, "acme/WebSite", "production")
    assert answer
    assert browser.run(STEP, "Acme/website", "production") == answer
    assert browser.run(STEP, "ACME/WEBSITE", "production") == answer


def test_the_address_holds_the_step_beside_the_search(browser: Browser, report: Report) -> None:
    browser.open(report("acme")).search("payments").run(STEP, "acme/website", "production")
    address = browser.driver.current_url.partition("#")[2]
    assert address == "q=payments&step=acme%2Fwebsite&in=production"
    browser.open(report("acme"), f"#{address}")
    assert "site-publish" in browser.driver.find_element(By.ID, "answer").text
    assert browser.run("return document.getElementById('q').value") == "payments"


def test_every_role_in_the_matrix_has_its_account_in_view(browser: Browser, report: Report, tmp_path: Path) -> None:
    """Either the head of its column stays in view, or the cell names the accounts."""
    large = tmp_path / "large"
    write_large_inventory(large, roles=300, repositories=60, accounts=3, files=3)
    (tmp_path / "large.html").write_text(html_of(large))
    write_large_inventory(tmp_path / "many", roles=300, repositories=60, accounts=12, files=3)
    (tmp_path / "many.html").write_text(html_of(tmp_path / "many"))
    unnamed = """
        const table = document.querySelector(".matrix"), heads = table.tHead.rows[0].cells;
        const cells = [...table.querySelectorAll("td:not(:empty)")];
        cells.at(-1).scrollIntoView({block: "center"});
        return cells.filter((cell) => {
          const box = heads[cell.cellIndex].getBoundingClientRect();
          const isInView = box.height > 0 && box.top >= 0 && box.bottom < innerHeight;
          const before = getComputedStyle(cell, "::before").content;
          return !isInView && before !== `"${heads[cell.cellIndex].textContent.replace(/ \\(.*/, "")}"`;
        }).length + (cells.length ? 0 : 1);
    """
    for name in ("large", "many"):
        for width in (1280, 1000, 360):
            is_phone = width == 360
            browser.call(
                "Emulation.setDeviceMetricsOverride", width=width, height=740, deviceScaleFactor=1, mobile=is_phone
            )
            browser.open(tmp_path / f"{name}.html")
            assert browser.run(unnamed) == 0, (name, width)
            assert browser.run("return document.documentElement.scrollWidth") <= width


def test_a_column_goes_when_a_search_leaves_it_empty(browser: Browser, report: Report) -> None:
    columns = (
        "return [...document.querySelectorAll('.matrix thead th')].filter((e) => e.checkVisibility())"
        ".map((e) => e.textContent)"
    )
    assert len(browser.open(report("acme")).run(columns)) > 5
    browser.search("role:site-publish")
    assert browser.run(columns) == ["Steps", "prod"]
    assert browser.run("return document.querySelectorAll('#matrix h3:not([hidden])').length") == 2
    assert [
        heading.text for heading in browser.driver.find_elements(By.CSS_SELECTOR, "#matrix h3") if heading.text
    ] == ["Workspace acme"]
    browser.search("repository:payments environment:production")
    shown = browser.run(
        "return [...document.querySelectorAll('.matrix')].flatMap((table) => [...table.tHead.rows[0].cells].slice(1)"
        ".filter((th) => th.checkVisibility()).map((th) => [...table.querySelectorAll('td > div')].filter((e) => "
        "e.checkVisibility() && e.parentElement.cellIndex === th.cellIndex).length))"
    )
    assert shown
    assert all(shown)


def test_a_family_is_folded_and_a_search_opens_it(browser: Browser, report: Report) -> None:
    browser.open(report("families"))
    families = (
        "return [...document.querySelectorAll('.family')].filter((e) => e.checkVisibility())"
        ".map((e) => [e.open, e.querySelector('.size').textContent])"
    )
    assert browser.run(families) == [[False, "2 roles"], [False, "2 roles"], [False, "4 roles"], [False, "4 roles"]]
    browser.search("nothing-like-it")
    assert browser.run(families) == []
    browser.search('role:"deploy[acme/shop, staging]"')
    assert browser.run(families) == [[True, "1 of 4 roles"]]
    browser.search("")
    assert [is_open for is_open, _ in browser.run(families)] == [False] * 4
    browser.run("location.hash = document.querySelector('.family article').id")
    browser.settle()
    assert browser.run(families)[0] == [True, "2 roles"]
