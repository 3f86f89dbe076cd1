"""The AccessPlan as tables for people."""

from collections.abc import Collection, Sequence

from rich.markup import escape
from rich.table import Table
from rich.text import Text

from access.plan import AccountPlan, RolePlan
from access.selection import Narrowed
from access.trust_in_words import trust_in_words
from cli.plan_digests import ShownDigests
from config.allow import Silenced
from config.findings import one_line
from oidc.arn import policy_in_words
from review.terminal import console


def show_plan(part: Narrowed, digests: ShownDigests, accepted: Sequence[Silenced] = ()) -> None:
    """Print one table for each account, one of their digests, and one of the warnings that the inventory accepts."""
    out = console()
    if part.in_words:
        out.print(f"{part.in_words}\n", markup=False, highlight=False, soft_wrap=True)
    for account in part.plan.accounts:
        out.print(_account_table(account))
        for oidc_provider in account.oidc_providers:
            thumbprints = oidc_provider.thumbprints
            shown = thumbprints if isinstance(thumbprints, str) else ", ".join(thumbprints)
            out.print(
                f"OIDC provider ({oidc_provider.mode}) {escape(oidc_provider.url)}\n"
                f"  audiences {escape(', '.join(oidc_provider.audiences))}; thumbprints {shown}",
                highlight=False, soft_wrap=True,
            )  # fmt: skip
        out.print()
    out.print(_digest_table(digests, {account.key for account in part.plan.accounts}))
    if accepted and part.in_words:
        what = (
            f"{len(accepted):,} accepted warning{'s' if len(accepted) != 1 else ''} not shown, of the whole inventory"
        )
        out.print(f"\n{what}: `plan` without filters lists them", markup=False, highlight=False, soft_wrap=True)
    elif accepted:
        out.print()
        out.print(_accepted_table(accepted))


def _digest_table(digests: ShownDigests, shown: Collection[str]) -> Table:
    """Return a table in which the accounts of a stack follow it; accounts of no stack come before the whole.

    Of stacks and accounts it has those that are shown; each digest is the same as without a filter.
    """
    table = Table(title="digests of what is reviewed", title_justify="left", title_style="bold", expand=False)
    table.add_column("of", overflow="fold")
    table.add_column("digest", no_wrap=True)
    for one in digests.stacks:
        accounts = [account for account in one.account_digests if account.key in shown]
        if accounts or not one.account_digests:
            table.add_row(f"stack {escape(one.file.stack)}", one.digest)
        for account in accounts:
            table.add_row(f"  account {escape(account.key)}", account.digest)
    taken = {account.key for one in digests.stacks for account in one.account_digests}
    for account in digests.whole.accounts:
        if account.key in shown and account.key not in taken:
            table.add_row(f"account {escape(account.key)}", account.digest)
    table.add_row("the whole", digests.whole.digest)
    return table


def _accepted_table(accepted: Sequence[Silenced]) -> Table:
    table = Table(title="accepted by the inventory", title_justify="left", title_style="bold", expand=False)
    table.add_column("rule", no_wrap=True)
    for column in ("where", "what", "because"):
        table.add_column(column, overflow="fold")
    for silenced in accepted:
        finding = silenced.finding
        where = f"{finding.path}\n{finding.place.file}:{finding.place.line}"
        cells = (*where.split("\n", 1), finding.message, silenced.reason)
        path, place, what, because = (escape(one_line(cell)) for cell in cells)
        table.add_row(finding.rule, f"{path}\n{place}", what, because)
    return table


def _account_table(account: AccountPlan) -> Table:
    title = f"{escape(account.key)}  {account.id}  {account.partition}  {account.region or ''}"
    table = Table(title=title, title_justify="left", title_style="bold", expand=False)
    table.add_column("role", overflow="fold")
    table.add_column("may be assumed by", overflow="fold")
    table.add_column("grade", no_wrap=True)
    table.add_column("may do", overflow="fold")
    for role in account.roles:
        trust = "\n".join(trust_in_words(line) for line in role.trust)
        # Texts, not strings: rich parses strings as markup, each twice.
        table.add_row(*map(Text, (_name(role), trust, role.grade.value, _may_do(role))))
    if not account.roles:
        table.add_row("no role", "", "", "")
    return table


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
