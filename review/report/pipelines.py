"""The pipelines that assume the roles of a report, each text once."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from access.pipeline_roles import trusted
from access.plan import AccountPlan, RolePlan
from review.report.by_account import Holder, Piece, form, own_of, pieces
from review.snippets import Style, pair_snippet


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Steps that may assume a role.

    Attributes:
        anchor: Its id in the page.
        pieces: The text of bitbucket-pipelines.yml, for the first role that has it, in its first account.
        own: The values in the text that belong to that role.
        role: The key of that role.
        users: The keys of the roles with this pipeline, sorted.
    """

    anchor: str
    pieces: tuple[Piece, ...]
    own: tuple[str, ...]
    role: str
    users: tuple[str, ...]

    @property
    def is_shared(self) -> bool:
        """Whether more than one role has it, so that the page shows it once, apart from them."""
        return len(self.users) > 1


@dataclass(frozen=True, slots=True)
class RolePipelines:
    """All pipelines.

    Attributes:
        by_role: Pipelines by the key of the role; the plan role of a pair is in the pipeline of its role.
        shared: Pipelines that more than one role has.
    """

    by_role: Mapping[str, Pipeline]
    shared: tuple[Pipeline, ...]

    @classmethod
    def of(cls, pairs: Iterable[tuple[Sequence[Holder], Sequence[Holder]]]) -> "RolePipelines":
        """Make the pipelines of roles, from the holders of each role and of its plan role."""
        users_of: dict[str, list[tuple[Holder, str]]] = {}
        for holders, plan_roles in pairs:
            text = _text(holders[0], _in(plan_roles, holders[0][0]))
            users_of.setdefault(form(text, _values(holders[0])), []).append((holders[0], text))
        made = [_pipeline(marked, number, users) for number, (marked, users) in enumerate(sorted(users_of.items()), 1)]
        by_role = {key: pipeline for pipeline in made for key in pipeline.users}
        return cls(by_role, tuple(pipeline for pipeline in made if pipeline.is_shared))


def repository_of(role: RolePlan) -> str:
    """Return the repository of the shown pipeline: the first trusted one, ``acme/REPOSITORY`` for a workspace."""
    line = next(line for line in role.trust if line.renamed_to is None)
    return f"{line.workspace}/{line.repository or 'REPOSITORY'}"


def _values(holder: Holder) -> dict[str, str]:
    account, role = holder
    return {"ARN": role.arn, "name": role.name} | ({"region": account.region} if account.region else {})


def _pipeline(marked: str, number: int, users: Sequence[tuple[Holder, str]]) -> Pipeline:
    (holder, text), *others = users
    return Pipeline(
        anchor=f"pipeline-{number}",
        pieces=pieces(text, _values(holder)) if others else (Piece(text, None),),
        own=own_of(marked, _values(holder)),
        role=holder[1].key,
        users=tuple(sorted(role.key for (_, role), _ in users)),
    )


def _in(holders: Iterable[Holder], account: AccountPlan) -> RolePlan | None:
    return next((role for holder_account, role in holders if holder_account.key == account.key), None)


def _text(holder: Holder, plan_role: RolePlan | None) -> str:
    """Show the steps of one line of trust; the others differ only by repository and ``deployment:``."""
    account, role = holder
    repository = repository_of(role)
    line = trusted(role, repository)[-1]
    return pair_snippet(plan_role, replace(role, trust=(line,)), account, repository, Style.WEB_IDENTITY)
