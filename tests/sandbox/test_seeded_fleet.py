"""A seeded fleet is as if each of its accounts had been deployed: the real engine finds nothing to do in any."""

from dataclasses import replace
from pathlib import Path

import pytest

from access.compile import compile_plan
from access.digests import AppliedSettings, plan_digests
from bench.large_inventory import account_of_fleet
from bench.seeded_fleet import SeededFleet, seed_fleet, stack_of
from config.load import load_inventory
from fleet.backend import open_backend
from fleet.surroundings import Surroundings
from sandbox.session import read_subject, running
from tests.sandbox.running_engine import NEEDS_CLI

pytestmark = NEEDS_CLI


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> SeededFleet:
    return seed_fleet(tmp_path_factory.mktemp("fleet"), accounts=3, roles=2)


def test_the_engine_finds_nothing_to_change_in_an_account_that_it_did_not_deploy(seeded: SeededFleet) -> None:
    subject = replace(read_subject(seeded.inventory), folder=seeded.sandbox)
    with running(subject, prepare=False) as session:
        assert not session.forgot
        stack = stack_of(session, account_of_fleet(2)[0])
        assert not stack.refresh().changes
        assert not stack.preview().changes


def test_every_state_has_the_digest_of_its_account(seeded: SeededFleet) -> None:
    loaded = load_inventory(seeded.inventory)
    plan = compile_plan(loaded).plan
    assert plan is not None
    settings = AppliedSettings(is_sandbox=True).in_fleet(loaded.inventory.rollout)
    backend = open_backend(Surroundings(None, {}, f"file://{seeded.sandbox / 'fleet'}", {}))
    records = {key: backend.read(key) for key in backend.stacks()}
    digests = {key: plan_digests(plan.only(frozenset({key})), settings).digest for key in records}
    assert len(set(digests.values())) == len(plan.accounts) == 3
    assert {key: record.state and record.state.plan_digest for key, record in records.items()} == digests


def test_the_fleet_is_in_the_folder_that_was_given(seeded: SeededFleet) -> None:
    assert seeded.sandbox.parent == Path(seeded.folder, ".sandbox").resolve()
