"""What counts as too much at once, and what is said of it."""

import pytest

from access.update_preview import Loss, LossLimits, is_mass_loss, refusals


@pytest.mark.parametrize(
    ("before", "lost", "percent", "expected"),
    [
        (2, 2, 30, False),
        (3, 3, 30, True),
        (10, 3, 30, False),
        (10, 4, 30, True),
        (10, 4, 40, False),
        (4, 4, 100, False),
    ],
)
def test_many_lost_roles_are_a_mass_loss_and_few_are_not(
    before: int, lost: int, percent: float, *, expected: bool
) -> None:
    assert is_mass_loss(lost, before, percent) is expected


def named(number: int) -> tuple[str, ...]:
    return tuple(f"r{at}" for at in range(number))


def test_the_option_that_a_refusal_names_lets_it_pass() -> None:
    loss = Loss(7, named(3))
    (reason,) = refusals(loss, LossLimits())
    assert "3 of 7 roles (43 %)" in reason
    percent = float(reason.rpartition("--max-loss ")[2])
    assert refusals(loss, LossLimits(percent)) == ()
    assert refusals(loss, LossLimits(percent - 1)) != ()


def test_a_lost_oidc_provider_is_refused_unless_accepted() -> None:
    loss = Loss(10, (), ("dev/acme",))
    (reason,) = refusals(loss, LossLimits(max_percent=100))
    assert reason.startswith("the OIDC provider dev/acme is deleted or replaced")
    assert reason.endswith("--allow-oidc-provider-loss")
    assert refusals(loss, LossLimits(oidc_providers=True)) == ()


def test_both_reasons_are_given_at_once_with_a_limited_number_of_names() -> None:
    roles, providers = refusals(Loss(100, named(100), named(50)), LossLimits())
    assert "100 of 100 roles" in roles
    assert "r0, r1, r2 and 47 more" in providers
