"""Stacks of a fleet, run by the real Pulumi CLI on emulated accounts."""

import itertools
import json
import os
import signal
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest

from fleet.pulumi_cli.steps import Step
from fleet.stack_job import Operation, StackJob, StackResult
from fleet.stack_run import StackRunner
from tests.fleet.running_stacks import Fleet, account, ignore, running_fleet
from tests.sandbox.running_engine import NEEDS_CLI

pytestmark = NEEDS_CLI
_numbers = itertools.count(500_000_000_001)


@pytest.fixture(scope="module")
def fleets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with running_fleet(tmp_path_factory.mktemp("fleet")) as fleet:
        yield fleet


@pytest.fixture
def fleet(fleets: Fleet) -> Fleet:
    """The fleet with one more account, the only one of the inventory."""
    number = next(_numbers)
    fleets.inventory["accounts"] = {f"a{number}": account(str(number))}
    fleets.inventory["roles"] = {"shop-deploy": fleets.role()}
    return fleets


@pytest.fixture
def key(fleet: Fleet) -> str:
    return str(next(iter(fleet.inventory["accounts"])))


def test_a_stack_is_made_left_alone_changed_and_deleted_with_one_salt(fleet: Fleet, key: str) -> None:
    with fleet.runner() as runner:
        assert fleet.run(runner, key) == StackResult(key, ok=True, counts={"create": 9})
        secrets = fleet.checkpoint(key)["secrets_providers"]
        first = fleet.state(key).plan_digest
        assert fleet.run(runner, key).counts == {"same": 9}
        fleet.inventory["roles"]["shop-deploy"]["max_session_duration"] = "2h"
        assert fleet.run(runner, key).counts == {"same": 8, "update": 1}
        assert fleet.state(key).plan_digest not in {first, None}
        assert fleet.run(runner, key, Operation.DESTROY).counts == {"delete": 9}
        assert fleet.roles(key) == {}
        assert fleet.run(runner, key).counts == {"create": 9}
    assert fleet.checkpoint(key)["secrets_providers"] == secrets


def test_a_preview_makes_no_stack_and_renames_none(fleet: Fleet, key: str) -> None:
    with fleet.runner() as runner:
        preview = fleet.run(runner, key, Operation.PREVIEW)
        assert (preview.ok, preview.counts) == (True, {"create": 9})
        assert not fleet.has_stack(key)
        fleet.run(runner, key)
        fleet.inventory["accounts"] = {"renamed": {**fleet.inventory["accounts"][key], "previous_keys": [key]}}
        secrets = fleet.state(key).secrets_provider
        before, job = fleet.roles("renamed"), fleet.job("renamed", rename_from=key)
        preview = runner.run(job, Operation.PREVIEW, ignore)
        assert (preview.ok, fleet.has_stack(key), fleet.has_stack("renamed")) == (True, True, False)
        assert "create" not in preview.counts
        result = runner.run(job, Operation.UP, ignore)
        assert (result.ok, result.counts) == (True, preview.counts)
        assert (fleet.has_stack(key), fleet.roles("renamed")) == (False, before)
        assert fleet.state("renamed").secrets_provider == secrets


def test_two_stacks_at_once_keep_apart_and_one_that_is_denied_stops_no_other(
    fleet: Fleet, key: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    other, third = f"{key}-other", f"{key}-denied"
    fleet.inventory["accounts"] |= {it: account(str(next(_numbers))) for it in (other, third)}
    results: dict[str, StackResult] = {}
    with fleet.runner() as runner:
        with fleet.iam(third) as iam:
            nobody = {"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole"}
            document = json.dumps({"Version": "2012-10-17", "Statement": [nobody]})
            iam.update_assume_role_policy(RoleName="deployer", PolicyDocument=document)

        def run(job: StackJob) -> None:
            results[job.key] = runner.run(job, Operation.UP, ignore)

        jobs = [fleet.job(name) for name in (key, other, third)]
        threads = [threading.Thread(target=run, args=[job]) for job in jobs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for name in (key, other):
        assert results[name].counts == {"create": 9}
        urns = {resource.urn for resource in fleet.state(name).resources}
        assert all(urn.startswith(f"urn:pulumi:{name}::") for urn in urns)
        tags = [it.outputs["tagsAll"] for it in fleet.state(name).resources if it.type == "aws:iam/role:Role"]
        assert tags == [{"ManagedBy": "bitbucket-aws-oidc", "ManagedByStack": f"bitbucket-aws-oidc/{name}"}]
    denied = results[third]
    assert (denied.ok, denied.retries, denied.is_interrupted) == (False, 0, False)
    assert "AccessDenied" in denied.reason
    assert denied.do
    assert not caplog.records
    assert "Traceback" not in capfd.readouterr().err


def killed_when(fleet: Fleet, runner: StackRunner, key: str, number: int) -> StackResult:
    """Run a stack, and kill -9 its CLI as soon as AWS has a number of its OIDC providers and roles."""
    ended = threading.Event()

    def watch() -> None:
        with fleet.iam(key) as iam:
            while not ended.is_set():
                roles = [it for it in iam.list_roles()["Roles"] if it["Path"] == "/bitbucket/"]
                providers = iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
                if len(roles) + len(providers) >= number:
                    for process in runner.running.processes():
                        os.kill(process, signal.SIGKILL)
                    return

    thread = threading.Thread(target=watch)
    thread.start()
    result = fleet.run(runner, key)
    ended.set()
    thread.join()
    return result


@pytest.mark.parametrize("number", [1, 2, 4])
def test_the_next_run_heals_what_a_killed_one_left_and_deletes_nothing(fleet: Fleet, key: str, number: int) -> None:
    fleet.inventory["roles"] |= {f"shop-{it}": fleet.role() for it in ("build", "test")}
    with fleet.runner() as runner:
        killed = killed_when(fleet, runner, key, number)
        assert (killed.ok, killed.is_interrupted) == (False, True)
        before = fleet.roles(key)
        healed = fleet.up_as_status_says(runner, key)
        assert (healed.ok, healed.reason) == (True, "")
        assert healed.counts.keys() <= {"create", "same", "import", "update"}
        after = fleet.roles(key)
        assert {name: after[name] for name in before} == before
        assert after.keys() == {"shop-deploy", "shop-build", "shop-test"}
        assert fleet.run(runner, key).counts == {"same": 17}
        assert not fleet.status(runner, key).needs_up


def test_destroy_takes_up_what_a_killed_run_left_and_creates_nothing_else(fleet: Fleet, key: str) -> None:
    fleet.inventory["roles"]["shop-new"] = fleet.role()
    steps: list[Step] = []
    with fleet.runner() as runner, fleet.iam(key) as iam:
        (account,) = fleet.plan(key).accounts
        (role,) = (it for it in account.roles if it.key == "shop-deploy")
        iam.create_role(RoleName=role.name, Path=role.path, AssumeRolePolicyDocument=role.trust_policy.text)
        result = runner.run(fleet.job(key, take_up=(role.arn,)), Operation.DESTROY, steps.append)
        assert (result.ok, result.reason) == (True, "")
        assert fleet.roles(key) == {}
        assert iam.list_open_id_connect_providers()["OpenIDConnectProviderList"] == []
    assert {step.name.split("/")[1] for step in steps if step.type.startswith("aws:")} == {"shop-deploy"}


def test_destroy_deletes_protected_oidc_providers_only_if_the_job_says_so(fleet: Fleet, key: str) -> None:
    with fleet.runner() as runner, fleet.iam(key) as iam:
        protecting = replace(runner, settings=replace(runner.settings, protects_oidc_providers=True))
        assert fleet.run(protecting, key).ok
        assert fleet.status(protecting, key).is_protected
        refused = fleet.run(protecting, key, Operation.DESTROY)
        assert not refused.ok
        assert len(iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]) == 1
        assert fleet.run(protecting, key, Operation.DESTROY, unprotect=True).ok
        assert iam.list_open_id_connect_providers()["OpenIDConnectProviderList"] == []


def test_an_interrupted_run_saves_its_state_and_the_next_one_goes_on(fleet: Fleet, key: str) -> None:
    with fleet.runner() as runner:

        def interrupt(step: Step) -> None:
            if step.type.startswith("aws:"):
                runner.interrupt()

        result = runner.run(fleet.job(key), Operation.UP, interrupt)
        assert (result.ok, result.is_interrupted) == (False, True)
        assert not fleet.state(key).pending
        again = runner.run(fleet.job(key), Operation.UP, ignore)
        assert "before it began" in again.reason
    with fleet.runner() as runner:
        assert fleet.run(runner, key).ok
