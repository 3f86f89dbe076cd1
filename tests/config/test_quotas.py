"""An account of the inventory and of the lock has every quota of IAM, each with AWS's default and limit."""

import pytest
from pydantic import ValidationError

from config.lock.models import LockedQuotas
from config.models.account import Quotas
from oidc.limits import QUOTAS, Quota


def test_inventory_and_lock_have_every_quota() -> None:
    keys = {quota.key for quota in QUOTAS}
    assert keys == Quotas.model_fields.keys() == LockedQuotas.model_fields.keys()
    assert Quotas().model_dump() == {quota.key: quota.default for quota in QUOTAS}


@pytest.mark.parametrize("quota", QUOTAS, ids=lambda quota: quota.key)
def test_the_inventory_accepts_a_quota_up_to_the_highest_value_of_aws(quota: Quota) -> None:
    assert getattr(Quotas.model_validate({quota.key: quota.most}), quota.key) == quota.most
    with pytest.raises(ValidationError):
        Quotas.model_validate({quota.key: quota.most + 1})
