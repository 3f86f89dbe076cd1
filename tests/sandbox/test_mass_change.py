"""What an engine's preview comes to for the guard against mass changes."""

from access.update_preview import OIDC_PROVIDER_TYPE, ROLE_TYPE, Loss
from fleet.pulumi_cli.steps import Operation, Step, Summary
from sandbox.run import loss_of


def preview(*steps: tuple[str, str, Operation]) -> Summary:
    done = tuple(Step(f"urn:{kind}:{name}", kind, name, operation) for kind, name, operation in steps)
    return Summary({}, {}, done)


def test_roles_and_oidc_providers_are_counted_apart_from_what_hangs_on_them() -> None:
    found = loss_of(
        preview(
            (ROLE_TYPE, "dev/same", Operation.SAME),
            (ROLE_TYPE, "dev/new", Operation.CREATE),
            (ROLE_TYPE, "dev/changed", Operation.UPDATE),
            (ROLE_TYPE, "dev/gone", Operation.DELETE),
            ("aws:iam/rolePolicy:RolePolicy", "dev/gone/p", Operation.DELETE),
            (OIDC_PROVIDER_TYPE, "dev/acme", Operation.DELETE),
            (OIDC_PROVIDER_TYPE, "dev/kept", Operation.DISCARD),
        )
    )
    assert found == Loss(3, ("dev/gone",), ("dev/acme",))


def test_a_replacement_is_one_role_however_many_steps_it_takes() -> None:
    found = loss_of(
        preview(
            (ROLE_TYPE, "dev/r", Operation.DELETE_REPLACED),
            (ROLE_TYPE, "dev/r", Operation.REPLACE),
        )
    )
    assert found == Loss(1, ("dev/r",))
