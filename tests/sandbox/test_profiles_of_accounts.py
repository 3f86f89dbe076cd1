"""The AWS configuration file that a sandbox gives its run."""

from pathlib import Path

from access.plan import AccessPlan
from sandbox.emulator_inputs import aws_config
from sandbox.session import read_subject

WIDE = Path(__file__).parent.parent / "fixtures" / "inventories" / "wide"


def test_a_profile_stays_when_its_account_leaves_the_inventory_for_what_is_still_to_be_deleted_there() -> None:
    plan = read_subject(WIDE).plan
    whole = aws_config(plan)
    assert "[profile third]\naws_access_key_id = 333333333333\n" in whole
    assert "[profile fifth]\naws_access_key_id = 555555555555\n" in whole
    assert aws_config(AccessPlan(()), whole) == whole
    assert aws_config(plan, whole) == whole
    assert aws_config(plan, whole.replace("333333333333", "999999999999")) == whole
