"""ci insights in a step: annotations on their lines, limits, and no failed build."""

from collections.abc import Callable
from pathlib import Path

import pytest

from cli.main import run
from config.findings import Finding, Place
from config.pipeline_run import PipelineRun
from review.insights import annotations_of, report_of
from sandbox.emulated_bitbucket.exchange import HttpAnswer, RestCall
from sandbox.emulated_bitbucket.reports import EmulatedReport
from tests.cli.ci.conftest import COMMIT, REPOSITORY, ROLE, Step

Inventory = Callable[..., Path]
Capture = pytest.CaptureFixture[str]

FAULTY = ROLE.replace("production", "prodution")
RUN = PipelineRun("acme", "access", None, "0123456789ab", 12, None)


def report(step: Step, key: str = "access") -> EmulatedReport:
    return step.bitbucket.reports.reports[REPOSITORY.uuid, COMMIT, f"bitbucket-oidc-{key}"]


def test_a_sound_inventory_passes(step: Step) -> None:
    assert step.insights() == 0
    posted = report(step)
    assert (posted.document["result"], posted.document["details"]) == ("PASSED", "no findings")
    assert posted.document["link"] == "https://bitbucket.org/acme/access/pipelines/results/12"
    assert posted.annotations == {}


def test_a_finding_is_an_annotation_on_its_line(step: Step, write_inventory: Inventory) -> None:
    folder = write_inventory("# one more line\n", FAULTY)
    line = next(at for at, text in enumerate((folder / "base.yaml").read_text().splitlines(), 1) if "prodution" in text)
    assert step.insights() == 0
    (annotation,) = report(step).annotations.values()
    assert (annotation["path"], annotation["line"]) == ("inventory/base.yaml", line)
    assert (annotation["annotation_type"], annotation["severity"], annotation["result"]) == ("BUG", "HIGH", "FAILED")
    assert annotation["summary"].startswith("[unknown-environment] ")
    assert annotation["summary"].endswith("did you mean `production`?")
    assert report(step).document["result"] == "FAILED"
    assert [data["value"] for data in report(step).document["data"]] == [1, 0, 0]


PIPELINE = """pipelines:
  default:
    - step:
        image: {name: tools, aws: {oidc-role: "arn:aws:iam::222222222222:role/bitbucket/other"}}
        script: [make]
"""


def test_findings_of_a_pipeline_are_a_report_of_their_own(
    step: Step, write_inventory: Inventory, tmp_path: Path
) -> None:
    access = 'workspaces: {acme: {repositories: {access: {uuid: "{00000000-0000-4000-8000-00000000000a}"}}}}\n'
    write_inventory(ROLE, access_yaml=access)
    (tmp_path / "bitbucket-pipelines.yml").write_text(PIPELINE)
    assert step.insights() == 0
    assert step.insights("--pipeline", "bitbucket-pipelines.yml") == 0
    assert report(step).document["title"] == "Inventory of AWS access"
    posted = report(step, "pipeline-access")
    assert posted.document["title"] == "Pipelines and their AWS roles"
    assert sorted((each["path"], each["line"], each["title"]) for each in posted.annotations.values()) == [
        ("bitbucket-pipelines.yml", 3, "error step-without-oidc"),
        ("bitbucket-pipelines.yml", 4, "error unknown-role-arn"),
    ]


def test_no_pipeline_is_checked_against_an_inventory_with_errors(step: Step, write_inventory: Inventory) -> None:
    write_inventory(FAULTY)
    assert step.insights("--pipeline", "bitbucket-pipelines.yml") == 2


def test_a_second_run_changes_nothing_and_a_repaired_finding_disappears(step: Step, write_inventory: Inventory) -> None:
    write_inventory(FAULTY)
    assert step.insights() == 0
    before = dict(report(step).annotations)
    assert step.insights() == 0
    assert report(step).annotations == before
    write_inventory(ROLE)
    assert step.insights() == 0
    assert report(step).annotations == {}


def test_through_the_proxy_of_a_step_no_credentials_are_sent(
    step: Step, write_inventory: Inventory, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_inventory(FAULTY)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with step.bitbucket.pipelines_proxy() as proxy:
        assert step.insights("--proxy", proxy.url) == 0  # --no-proxy counts
        step.bitbucket.reports.reports.clear()
        monkeypatch.delenv("BITBUCKET_ACCESS_TOKEN")
        assert run(["ci", "insights", "--proxy", proxy.url]) == 0
    assert len(report(step).annotations) == 1
    assert {request.headers["Authorization"] for request in step.bitbucket.requests[-3:]} == {"Bearer of the proxy"}
    assert {request.path.split("/")[3:5][1] for request in step.bitbucket.requests[-3:]} == {"access"}


@pytest.mark.parametrize(
    "url",
    ["http://evil.example:29418", "https://localhost:29418", "http://localhost:29418/x", "x", "http://localhost@evil"],
)
def test_an_address_that_is_not_the_proxy_of_a_step_is_refused(step: Step, url: str) -> None:
    assert run(["ci", "insights", "--proxy", url]) == 2


def test_a_report_deleted_meanwhile_is_created_again(
    step: Step, write_inventory: Inventory, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_inventory(FAULTY)
    reports, vanished = step.bitbucket.reports, list[object]()
    annotate = reports._annotations

    def vanish_once(call: RestCall, key: tuple[str, str, str]) -> HttpAnswer:
        if call.request.method == "POST" and not vanished:
            vanished.append(reports.reports.pop(key))
        return annotate(call, key)

    monkeypatch.setattr(reports, "_annotations", vanish_once)
    assert step.insights("--strict") == 0
    assert vanished
    assert len(report(step).annotations) == 1


def test_a_failure_is_a_warning_and_with_strict_exit_code_3(step: Step, capsys: Capture) -> None:
    step.bitbucket.behaviour.access_tokens.clear()
    assert step.insights() == 0
    assert capsys.readouterr().err.startswith("warning: the report was not posted; the build goes on: ")
    assert step.insights("--strict") == 3


def test_without_the_proxy_of_a_step_the_message_names_no_proxy(step: Step, capsys: Capture) -> None:
    assert step.bitbucket.requests == ()
    assert run(["ci", "insights", "--proxy", "http://localhost:9"]) == 0
    assert "if the step has no such proxy, use --no-proxy" in capsys.readouterr().err


def test_a_renamed_repository_is_found_by_its_uuid(step: Step) -> None:
    step.rename()
    assert step.insights("--strict") == 0


def findings(number: int, message: str = "m", file: str = "inventory/a.yaml") -> list[Finding]:
    rules = ("unknown-account", "unused-workspace")
    return [Finding(Place(0, at + 1, 1, file), rules[at % 2], "roles.r", message, "h") for at in range(number)]


def test_ten_thousand_findings_are_a_thousand_annotations_errors_first(tmp_path: Path) -> None:
    reported = findings(10_000, file=str(tmp_path / "a.yaml"))
    annotations = annotations_of(reported, tmp_path, "id")
    assert len(annotations) == 1_000
    assert len({annotation["external_id"] for annotation in annotations}) == 1_000
    assert {annotation["severity"] for annotation in annotations} == {"HIGH"}
    assert (
        "1,000 of them are shown, errors first; run bitbucket-oidc validate for 9,000 more"
        in (report_of(reported, (), RUN)["details"])
    )


def test_annotations_are_posted_in_batches_of_100(step: Step, write_inventory: Inventory) -> None:
    trust = "trust: [{repository: acme/shop, environments: [production]}]"
    write_inventory("roles:\n" + "".join(f"  r{at}: {{accounts: [nowhere{at}], {trust}}}\n" for at in range(250)))
    assert step.insights("--strict") == 0
    assert len(report(step).annotations) == 250
    assert [request.method for request in step.bitbucket.requests].count("POST") == 3


def test_hostile_texts_are_one_printable_line_within_the_limits(tmp_path: Path) -> None:
    reported = findings(1, message="<b>@all\n\x1b[31m" + "x" * 100_000, file=str(tmp_path / "a.yaml"))
    (annotation,) = annotations_of(reported, tmp_path, "id")
    assert len(annotation["summary"]) <= 450
    assert len(annotation["details"]) <= 2_000
    assert all(value.isprintable() for value in annotation.values() if isinstance(value, str))


@pytest.mark.parametrize("file", ["/elsewhere/a.yaml", "{top}/a\nb.yaml", "{top}/\udcff.yaml", "{top}/../x.yaml"])
def test_a_finding_outside_the_repository_has_no_path(tmp_path: Path, file: str) -> None:
    (annotation,) = annotations_of(findings(1, file=file.replace("{top}", str(tmp_path))), tmp_path, "id")
    assert "path" not in annotation
    assert "line" not in annotation
