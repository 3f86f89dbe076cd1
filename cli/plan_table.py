"""The AccessPlan for people: a summary by account of a large plan, else tables of all roles."""

import shlex
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from rich.console import Console

from access.plan import AccountPlan, RolePlan
from access.selection import Narrowed
from access.trust_in_words import trust_in_words
from cli.plan_digests import ShownDigests
from config.allow import Silenced
from config.findings import one_line
from oidc.arn import policy_in_words
from oidc.bitbucket import Grade
from review.terminal import paged, show_rows, show_text

_SCREEN = 40
"""Roles, or accounts, of a plan that is shown in full unless somebody asks for more."""

_SHORT = 12
_COLUMNS = ("account", "roles", "repository-wide", "workspace-wide", "admin access", "OIDC providers", "digest")
_ROLES = ("role", "may be assumed by", "grade", "may do")


def show_plan(
    part: Narrowed, digests: ShownDigests, inventory: Path, accepted: Sequence[Silenced] = (), *, every: bool = False
) -> None:
    """Print a plan, and the warnings that the inventory accepts; on a terminal through a pager if it is long.

    Args:
        part: Of the plan.
        digests: Of the whole plan.
        inventory: Its path, for the command that shows more.
        accepted: All accepted warnings.
        every: Show all roles of a large plan.
    """
    is_large = max(part.plan.role_count, len(part.plan.accounts)) > _SCREEN
    is_one_account = not part.selection.is_everything and len(part.plan.accounts) == 1
    with paged() as out:
        if part.in_words:
            show_text(out, f"{part.in_words}\n")
        if is_large and not is_one_account and not every:
            out.print(
                *_summary(part, digests, inventory, accepted),
                sep="\n",
                markup=False,
                highlight=False,
                soft_wrap=True,
            )
        else:
            _show_tables(out, part, digests, accepted)


def _summary(part: Narrowed, digests: ShownDigests, inventory: Path, accepted: Sequence[Silenced]) -> Iterator[str]:
    """Yield a line for each account, the digests to review, and how to see more; each of at most 80 columns."""
    plan, is_whole = part.plan, part.selection.is_everything
    if is_whole:
        yield f"{plan.role_count:,} roles in {len(plan.accounts):,} accounts\n"
    short = {account.key: account.digest for account in digests.whole.accounts}
    short |= {account.key: account.digest for stack in digests.stacks for account in stack.account_digests}
    rows = [_counts(account.key, [account], short[account.key]) for account in plan.accounts]
    yield from _lines(
        [*rows, _counts("the whole" if is_whole else "all of these", plan.accounts, digests.whole.digest)]
    )
    yield ""
    if not is_whole:
        yield "digests are those of whole accounts and of the whole plan\n"
        yield "narrow it by --account, --role, --repository, --environment, --owner"
        yield "all of these roles: --all"
        return
    if fleet := [stack for stack in digests.stacks if stack.file.is_of_fleet]:
        yield f"fleet of {len(fleet):,} stack{'' if len(fleet) == 1 else 's'}, each with the account of its name"
    for stack in (stack for stack in digests.stacks if not stack.file.is_of_fleet):
        number = len(stack.account_digests)
        yield f"stack {one_line(stack.file.stack)}, {number:,} account{'' if number == 1 else 's'}:\n  {stack.digest}"
    yield f"the whole:\n  {digests.whole.digest}\n"
    if accepted:
        yield f"{_of_warnings(len(accepted))} accepted by the inventory: --all lists them"
    command = ["bitbucket-oidc", "plan", *([str(inventory)] if str(inventory) != "inventory" else [])]
    key = max(plan.accounts, key=lambda account: len(account.roles)).key
    yield f"for the roles of an account:\n  {shlex.join([*command, '--account', key])}"
    yield "other filters: --role, --repository, --environment, --owner; all roles: --all"
    yield "all digests in full: --format digests"


def _of_warnings(number: int) -> str:
    return f"{number:,} warning{' is' if number == 1 else 's are'}"


def _counts(name: str, accounts: Sequence[AccountPlan], digest: str) -> list[str]:
    roles = [role for account in accounts for role in account.roles]
    numbers = [
        len(roles),
        sum(role.grade is Grade.REPOSITORY_WIDE for role in roles),
        sum(role.grade is Grade.WORKSPACE_WIDE for role in roles),
        sum(role.admin_reason is not None or role.adopted_as_is is not None for role in roles),
        sum(len(account.oidc_providers) for account in accounts),
    ]
    return [name, *(f"{number:,}" if number else "-" for number in numbers), digest.removeprefix("sha256:")[:_SHORT]]


def _lines(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield rows below their heads, of which each has two lines; a long name of an account has a separate line."""
    heads = [_head(column) for column in _COLUMNS]
    widths = [max(map(len, (*pair, *column))) for pair, column in zip(heads, zip(*rows, strict=True), strict=True)]
    widths[0] = min(widths[0], _WIDTH - sum(widths[1:]) - 2 * len(widths[1:]))
    for first, *others in (*zip(*heads, strict=True), *rows):
        if len(first) > widths[0]:
            yield first
        cells = [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
        yield "  ".join([("" if len(first) > widths[0] else first).ljust(widths[0]), *cells]).rstrip()


_WIDTH = 80


def _head(column: str) -> tuple[str, str]:
    words = column.replace("-", "- ").split()
    return (words[0], words[1]) if len(words) > 1 else ("", words[0])


def _show_tables(out: Console, part: Narrowed, digests: ShownDigests, accepted: Sequence[Silenced]) -> None:
    """Print one table for each account, one of their digests, and one of the warnings that the inventory accepts."""
    for account in part.plan.accounts:
        title = f"{account.key}  {account.id}  {account.partition}  {account.region or ''}".rstrip()
        show_rows(out, title, _ROLES, [_role(role) for role in account.roles] or [("no role", "", "", "")])
        for oidc_provider in account.oidc_providers:
            thumbprints = oidc_provider.thumbprints
            shown = thumbprints if isinstance(thumbprints, str) else ", ".join(thumbprints)
            show_text(out, f"OIDC provider ({oidc_provider.mode}) {oidc_provider.url}")
            show_text(out, f"  audiences {', '.join(oidc_provider.audiences)}; thumbprints {shown}")
        out.print()
    shown_keys = {account.key for account in part.plan.accounts}
    show_rows(out, "digests of what is reviewed", ("of", "digest"), list(_digests(digests, shown_keys)))
    if accepted and part.in_words:
        words = f"{_of_warnings(len(accepted))} accepted by the whole inventory"
        show_text(out, f"\n{words}: `plan --all` without filters lists them")
    elif accepted:
        out.print()
        show_rows(
            out,
            "accepted by the inventory",
            ("rule", "where", "what", "because"),
            [_accepted(silenced) for silenced in accepted],
        )


def _digests(digests: ShownDigests, shown: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield a digest for each row: a stack, its accounts, accounts of no stack, the whole.

    Of stacks and accounts these are the ones that are shown; each digest is the same as without a filter.
    """
    for one in digests.stacks:
        accounts = [account for account in one.account_digests if account.key in shown]
        if accounts or not one.account_digests:
            yield f"stack {one_line(one.file.stack)}", str(one.digest)
        yield from ((f"  account {account.key}", account.digest) for account in accounts)
    taken = {account.key for one in digests.stacks for account in one.account_digests}
    for account in digests.whole.accounts:
        if account.key in shown and account.key not in taken:
            yield f"account {account.key}", account.digest
    yield "the whole", digests.whole.digest


def _accepted(silenced: Silenced) -> tuple[str, ...]:
    finding = silenced.finding
    where = f"{one_line(finding.path)}\n{one_line(f'{finding.place.file}:{finding.place.line}')}"
    return finding.rule, where, one_line(finding.message), one_line(silenced.reason)


def _role(role: RolePlan) -> tuple[str, ...]:
    return _name(role), "\n".join(map(trust_in_words, role.trust)), role.grade.value, _may_do(role)


def _name(role: RolePlan) -> str:
    lines = [f"{role.path}{role.name}".lstrip("/")]
    lines += [f"owner {role.owner}"] if role.owner else []
    lines += [f"session {role.max_session_duration // 60} min"]
    lines += [f"until {role.expires}"] if role.expires else []
    places = [*map(str, role.source_ips), *role.source_vpces]
    lines += [f"from {', '.join(places)}"] if places else []
    return "\n".join(lines)


def _may_do(role: RolePlan) -> str:
    managed = [policy_in_words(arn) for arn in role.managed_policy_arns]
    inline = [f"inline {name}" for name in role.inline_policies]
    admin = [f"ADMIN ACCESS: {role.admin_reason}"] if role.admin_reason else []
    if role.adopted_as_is is not None:
        admin = [f"ADMIN ACCESS, ADOPTED AS IS until {role.adopted_as_is.until}: {role.adopted_as_is.reason}"]
    boundary = [f"within {role.permissions_boundary_arn}"] if role.permissions_boundary_arn else []
    return "\n".join([*managed, *inline, *admin, *boundary]) or "nothing"
