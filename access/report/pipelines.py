"""Steps of bitbucket-pipelines.yml for roles, each text once: most differ by the role's ARN and name alone."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from access.plan import AccountPlan, RolePlan
from access.report.by_account import Holder
from access.report.own_parts import Piece, form, own_of, pieces
from access.snippets.snippet import pair_snippet, trusted
from access.snippets.style import Style


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Steps that may assume a role.

    Attributes:
        anchor: Its id in the page.
        pieces: Of bitbucket-pipelines.yml, for the first role that has it, in its first account.
        own: What of the text is that role's own.
        role: The key of that role.
        users: The keys of the roles that have it, sorted.
    """

    anchor: str
    pieces: tuple[Piece, ...]
    own: tuple[str, ...]
    role: str
    users: tuple[str, ...]

    @property
    def is_shared(self) -> bool:
        """Whether more than one role has it, so that it stands apart from them."""
        return len(self.users) > 1


@dataclass(frozen=True, slots=True)
class Pipelines:
    """All of them.

    Attributes:
        by_role: By the key of the role; the plan role of a pair has none, it stands in the pipeline of its role.
        shared: Those that more than one role has.
    """

    by_role: Mapping[str, Pipeline]
    shared: tuple[Pipeline, ...]

    @classmethod
    def of(cls, pairs: Iterable[tuple[Sequence[Holder], Sequence[Holder]]]) -> "Pipelines":
        """Make those of roles, each with its holders and those of its plan role."""
        found: dict[str, list[tuple[Holder, str]]] = {}
        for holders, plan_roles in pairs:
            text = _text(holders[0], _in(plan_roles, holders[0][0]))
            found.setdefault(form(text, _values(holders[0])), []).append((holders[0], text))
        made = [_pipeline(marked, number, users) for number, (marked, users) in enumerate(sorted(found.items()), 1)]
        by_role = {key: pipeline for pipeline in made for key in pipeline.users}
        return cls(by_role, tuple(pipeline for pipeline in made if pipeline.is_shared))


def repository_of(role: RolePlan) -> str:
    """Return the repository whose pipeline is shown: the first that is trusted, ``REPOSITORY`` for a workspace."""
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
    return next((role for found, role in holders if found.key == account.key), None)


def _text(holder: Holder, plan_role: RolePlan | None) -> str:
    """Show the steps of one line of trust; the others differ by their repository and ``deployment:`` alone."""
    account, role = holder
    repository = repository_of(role)
    line = trusted(role, repository)[-1]
    return pair_snippet(plan_role, replace(role, trust=(line,)), account, repository, Style.WEB_IDENTITY)
