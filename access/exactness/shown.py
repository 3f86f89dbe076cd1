"""Check the fields of a role beside its policies: reviewers read them, so they must equal the inventory."""

from access.exactness.declared import DeclaredRole
from access.exactness.languages import meaning
from access.exactness.steps import Form, Line, StepSet
from access.plan import RolePlan, TrustPlan

_GRADES = ("environment-bound", "repository-wide", "workspace-wide")
"""From narrow to wide."""

_FORMS = {
    (True, True, None): Form.IN_ENVIRONMENT,
    (True, False, "outside_environments"): Form.OUTSIDE_ENVIRONMENTS,
    (True, False, "all_including_environments"): Form.ALL,
    (False, False, "all_including_environments"): Form.ALL,
}
"""What a line means: whether it names a repository and an environment, and its steps."""


def shown_otherwise(role: RolePlan, declared: DeclaredRole) -> str:
    """Describe the difference between a role in the plan and in the inventory, or return an empty text."""
    lines = set()
    for shown in role.trust:
        line = _line(shown)
        if line is None:
            return f"a line of trust that has no meaning: {shown}"
        if shown.grade != _grade(line.steps):
            return f"{_in_words(line)} as {shown.grade}"
        if meaning(shown.subject_pattern) != line.steps:
            return f"the subject pattern {shown.subject_pattern} for {_in_words(line)}"
        lines.add(line)
    if lines != declared.lines:
        more, less = lines - declared.lines, declared.lines - lines
        return f"trust of {_in_words(*more)}" if more else f"no trust of {_in_words(*less)}"
    found = {
        "grade": (role.grade, max((_grade(line.steps) for line in lines), key=_GRADES.index)),
        "source IPs": (frozenset(map(str, role.source_ips)), declared.networks),
        "source VPC endpoints": (frozenset(role.source_vpces), declared.endpoints),
        "last day": (role.expires, declared.last_day),
    }
    return ", ".join(f"{what} {shown}, not {meant}" for what, (shown, meant) in found.items() if shown != meant)


def _line(shown: TrustPlan) -> Line | None:
    """Read a line by its words, never by its subject pattern; ``None`` where the inventory could not mean it."""
    said = (shown.repository is not None, shown.environment is not None, shown.steps)
    form = _FORMS.get(said)
    if form is None or said[:2] != (shown.repository_uuid is not None, shown.environment_uuid is not None):
        return None
    steps = StepSet(form, shown.repository_uuid, shown.environment_uuid)
    return Line(shown.workspace, shown.repository, shown.environment, steps, frozenset(shown.audiences), shown.last_day)


def _grade(steps: StepSet) -> str:
    if steps.repository is None:
        return _GRADES[2]
    return _GRADES[0] if steps.form is Form.IN_ENVIRONMENT else _GRADES[1]


def _in_words(*lines: Line) -> str:
    return "; ".join(
        sorted(
            f"{line.workspace}/{line.repository or '*'}, steps {line.steps.form} {line.environment or ''} with "
            f"{line.steps}, audiences {', '.join(sorted(line.audiences))}, last day {line.last_day}"
            for line in lines
        )
    )
