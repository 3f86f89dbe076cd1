"""``make update-data``: the lists of names in ``config/data``, their heads, and what writes them."""

import json
import re
from datetime import date
from pathlib import Path

import botocore
import pytest
from hatchling.builders.wheel import WheelBuilder
from hypothesis import given
from hypothesis import strategies as st

from config.known_names import managed_policies, regions
from oidc.arn import Partition, partition_of_region
from oidc.errors import BitbucketOidcError
from oidc.iam.escalation import MANAGED
from tools import update_data
from tools.action_table import access_levels, differences

PROJECT = Path(__file__).resolve().parent.parent.parent
LISTS = sorted((PROJECT / "config" / "data").iterdir())
HEAD = re.compile(r"# (.+)\n# Source: ((?:moto|botocore) [0-9.]+, \S+)\n# Day: ([0-9-]{10})\n")
POLICIES = {
    "ReadOnlyAccess": {"Path": "/", "Document": {"Statement": []}},
    "ViewOnlyAccess": {"Path": "/job-function/"},
    "AWSSupportServiceRolePolicy": {"Path": "/aws-service-role/"},
}
PARTITIONS = {
    "partitions": [
        {"id": "aws", "regions": {"eu-west-1": {"description": "Ireland"}, "aws-global": {}}},
        {"id": "aws-us-gov", "regions": {"us-gov-west-1": {}}},
    ]
}


@pytest.mark.parametrize("path", LISTS, ids=lambda path: path.name)
def test_every_list_has_its_source_and_day_and_the_form_that_the_target_writes(path: Path) -> None:
    text = path.read_text()
    head = HEAD.match(text)
    assert head is not None
    names = text[head.end() :].splitlines()
    assert text == update_data.text_of(head[1], head[2], date.fromisoformat(head[3]), names)


def sources(folder: Path) -> Path:
    for package in ("moto-5.2.5", "botocore-1.44.8"):
        (folder / f"{package}.dist-info").mkdir()
    module, partitions = folder / update_data.MANAGED_POLICIES, folder / update_data.PARTITIONS
    for path in (module, partitions):
        path.parent.mkdir(parents=True)
    module.write_text(f'# Imported\naws_managed_policies_data = """\n{json.dumps(POLICIES)}"""\n')
    partitions.write_text(json.dumps(PARTITIONS))
    return folder


def test_the_target_writes_every_list_from_the_two_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = tmp_path / "data"
    written.mkdir()
    monkeypatch.setattr(update_data, "DATA", written)
    update_data.main(sources(tmp_path))
    assert sorted(path.name for path in written.iterdir()) == [path.name for path in LISTS]
    policies, known = (written / "managed-policies.txt").read_text(), (written / "regions.txt").read_text()
    assert policies.splitlines()[1] == "# Source: moto 5.2.5, moto/iam/aws_managed_policies.py"
    assert policies.splitlines()[3:] == [
        "ReadOnlyAccess", "aws-service-role/AWSSupportServiceRolePolicy", "job-function/ViewOnlyAccess",
    ]  # fmt: skip
    assert known.splitlines()[3:] == ["eu-west-1", "us-gov-west-1"]


def test_the_target_stops_if_moto_has_another_form() -> None:
    with pytest.raises(BitbucketOidcError, match="aws_managed_policies_data"):
        update_data.managed_policies("aws_managed_policies_data = load()")


@given(st.sets(st.text("abcXYZ019-/_", min_size=1)))
def test_a_list_holds_each_name_once_sorted_whatever_their_order(names: set[str]) -> None:
    text = update_data.text_of("What.", "moto 5.2.5, file.py", date(2026, 11, 28), [*names, *names])
    assert text.splitlines()[3:] == sorted(names)


def test_the_regions_are_at_least_those_of_the_locked_botocore() -> None:
    partitions = json.loads((Path(botocore.__file__).parent / "data" / "partitions.json").read_text())
    assert set(update_data.regions(partitions)) <= regions()
    for partition in partitions["partitions"]:
        for region in update_data.regions({"partitions": [partition]}):
            assert partition_of_region(region) == partition["id"]


def test_every_partition_has_its_region_of_iam_among_the_regions() -> None:
    assert {partition.iam_region for partition in Partition} <= regions()


def test_the_table_of_actions_is_compared_with_the_newest_actions_and_managed_policies() -> None:
    levels = {action: level for action, level in access_levels().items() if action != "sts:AssumeRole"}
    levels["shop:PutAccess"] = "Permissions management, Write"
    allowed = {"Action": ["iam:CreateAccessKey", "s3:*"], "Effect": "Allow", "Resource": "*"}
    narrow = {"Action": "iam:PassRole", "Effect": "Allow", "Resource": "arn:aws:iam::*:role/shop"}
    policies = {
        name: {"Path": path, "Document": {"Statement": [statement]}}
        for name, path, statement in (
            ("ShopAccess", "/", allowed), ("ShopReads", "/", narrow), ("ShopService", "/service-role/", allowed),
            ("ShopPermissionsBoundary", "/", allowed), ("ShopCode", "/", allowed | {"Action": "ssm:StartSession"}),
            *((name, "/", narrow) for name in MANAGED if name != "poweruseraccess"),
        )
    }  # fmt: skip
    assert list(differences(levels, policies)) == [
        "shop:PutAccess has no class: add it to oidc/iam/action_table.py",
        "sts:AssumeRole matches no action any more: remove it from oidc/iam/action_table.py",
        "shopaccess allows iam:CreateAccessKey: add it to MANAGED in oidc/iam/escalation.py",
        "poweruseraccess is withdrawn: remove it from MANAGED in oidc/iam/escalation.py",
    ]


def test_every_managed_policy_that_is_a_finding_is_one_of_aws() -> None:
    assert set(MANAGED) <= {name.rpartition("/")[2].lower() for name in managed_policies()}


def test_the_wheel_has_every_list() -> None:
    packaged = {Path(file.path) for file in WheelBuilder(str(PROJECT)).recurse_included_files()}
    assert set(LISTS) <= packaged


def test_the_target_builds_the_environment_before_it_installs_the_sources_into_it() -> None:
    makefile = (PROJECT / "Makefile").read_text()
    recipe = makefile[makefile.index("\nupdate-data:") :].partition("\n\n")[0]
    assert recipe.index("setup\n") < recipe.index("--target .venv/data") < recipe.index("tools/update_data.py")
