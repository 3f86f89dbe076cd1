"""Read a plan from a file that ``plan --format json`` wrote."""

import json
from pathlib import Path

from pydantic import ValidationError

from access.comparison.admission import admissions, line_of
from access.comparison.view import PlanView, RoleView
from config.findings import one_line
from oidc.errors import UsageError
from oidc.iam.document import is_sound, parse

_MAX_BYTES = 500_000_000
_DO = "write it with `bitbucket-oidc plan --format json`"


def read_plan(path: Path) -> PlanView:
    """Return the plan in a file.

    Raises:
        UsageError: The file cannot be read, or is not a plan.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise UsageError(f"{one_line(str(path))} is larger than a plan, 500 MB", do=_DO)
        data = json.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise UsageError(f"{one_line(str(path))} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{one_line(str(path))} is not a plan: it is not JSON", do=_DO) from error
    return plan_of(data, one_line(str(path)))


def plan_of(data: object, name: str) -> PlanView:
    """Return the plan in parsed JSON; ``name`` is its name in messages.

    Raises:
        UsageError: It is not a plan.
    """
    if isinstance(data, dict) and "filtered" in data:
        raise UsageError(f"{name} is not a whole plan: it is filtered", do="write it again without filters")
    try:
        plan = PlanView.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        at = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"]).lstrip(".")
        where = f"{one_line(at)[:200]}: " if at else ""
        raise UsageError(f"{name} is not a plan: {where}{first['msg']}", do=_DO) from error
    ids = [account.id for account in plan.accounts]
    if twice := sorted({account_id for account_id in ids if ids.count(account_id) > 1}):
        raise UsageError(f"{name} is not a plan: account {one_line(twice[0])[:200]} appears twice", do=_DO)
    for account in plan.accounts:
        for role in account.roles:
            try:
                _check_role(role)
            except (ValueError, TypeError) as error:
                message = f"{name} is not a plan: role {role.arn} of account {account.key}: {error}"
                raise UsageError(one_line(message)[:500], do=_DO) from error
    return plan


def _check_role(role: RoleView) -> None:
    for admitted in admissions(role):
        line_of(role, admitted)
    for name, document in role.inline_policies.items():
        if not is_sound(parse(document)):
            raise ValueError(f"inline policy {name} has no sound `Statement`")
