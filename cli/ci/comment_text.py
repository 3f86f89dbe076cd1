"""The comment of a pull request: what changes for access, then what each stack's preview says, then links.

Lists, bold text and links alone, as ``review/diff.py`` says. Names come from whoever wrote the branch: each is
escaped, and no line of a name can begin a line of the comment.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from access.update_preview import UpdatePreview, UpdateStep
from cli.diff_sides import Side, not_in_git
from config.pipeline_run import PipelineRun
from review.diff import text

MAX_CHARS = 30_000
"""Of a whole comment. Bitbucket Data Center refuses 32,768 characters; for Cloud no limit is documented, and one was
met (https://github.com/runatlantis/atlantis/issues/1251)."""

OF_COMPARISON = 20_000
"""Of these, for what changes for access."""

_OF_NOTES = 2_000
_OF_REFUSALS = 3_000
_OF_DIGESTS = 2_500
_OF_MARKERS_AND_LINKS = 1_500


@dataclass(frozen=True, slots=True)
class StackPreview:
    """What is known of one stack's update.

    Attributes:
        stack: Its name.
        preview: What ``pulumi preview`` found, or ``None`` where it failed.
        failure: Why, then.
    """

    stack: str
    preview: UpdatePreview | None
    failure: str = ""


def comment_text(
    compared: str,
    previews: Sequence[StackPreview],
    run: PipelineRun,
    refusals: Sequence[str] = (),
    digests: Sequence[str] = (),
) -> str:
    """Return the comment, without what marks it as ours.

    Args:
        compared: Markdown of the comparison, or of what kept it from being made.
        previews: Of the stacks that the change touches.
        run: For links.
        refusals: What the guard against mass changes says.
        digests: Lines of Markdown with the digests of what is reviewed, those that matter most first.
    """
    parts = [compared.rstrip("\n")]
    if refusals:
        lines = _fitting([f"* {text(reason)}" for reason in refusals], _OF_REFUSALS)
        parts.append("\n".join(["**Too much at once**\n", *lines]))
    shown = "\n".join(["**Digests of what is reviewed**\n", *_fitting([*digests], _OF_DIGESTS)]) if digests else ""
    room = MAX_CHARS - _OF_MARKERS_AND_LINKS - sum(len(part) + 2 for part in (*parts, shown))
    if previews:
        parts.append(_previews(previews, room))
    if digests:
        parts.append(shown)
    parts.append(_links(run))
    return "\n\n".join(parts) + "\n"


def not_compared(sides: Sequence[Side]) -> str:
    """Return what stands in place of the comparison where an inventory has findings of level error."""
    parts = []
    for side in sides:
        if side.plan is None:
            head = f"**Access was not compared**: {text(side.name, 100)} has findings of level error\n"
            lines = [f"* {text(str(found), 400)}" for found in side.errors]
            parts.append("\n".join([head, *_fitting(lines, OF_COMPARISON // len(sides) - len(head))]))
    return "\n\n".join(parts)


def notes_on(sides: Sequence[Side]) -> str:
    """Return which files were compared and are in no revision, or the empty string."""
    lines = [f"* {text(not_in_git(path), 400)}" for side in sides for path in side.untracked]
    return "\n".join(["\n**Not in git**\n", *_fitting(lines, _OF_NOTES), ""]) if lines else ""


def _previews(previews: Sequence[StackPreview], room: int) -> str:
    """Say what each stack's update does: a line for each first, then as many steps as there is room for."""
    heads = [_head(one) for one in previews]
    title = "**Previews**\n"
    kept, left = [title], room - len(title)
    for number, head in enumerate(heads):
        if len(head) + 40 > left:
            kept.append(f"* {len(heads) - number} more stacks")
            return "\n".join(kept)
        left -= len(head) + 1
    for number, (one, head) in enumerate(zip(previews, heads, strict=True)):
        steps = [f"    {_step(step)}" for step in one.preview.steps] if one.preview else []
        shown = _fitting(steps, left // (len(heads) - number))
        left -= sum(len(line) + 1 for line in shown)
        kept += [head, *shown]
    return "\n".join(kept)


def _head(one: StackPreview) -> str:
    if one.preview is None:
        return f"* **{text(one.stack, 100)}**: the preview failed: {text(one.failure, 400)}"
    counts = ", ".join(f"{number} to {verb}" for verb, number in one.preview.counts.items())
    return f"* **{text(one.stack, 100)}**: {counts or 'no changes'}"


def _step(step: UpdateStep) -> str:
    return f"* {step.operation} {text(step.type.rsplit(':', 1)[-1], 100)} {text(step.name, 200)}"


def _fitting(lines: list[str], room: int) -> list[str]:
    kept: list[str] = []
    for number, line in enumerate(lines):
        if len(line) + 30 > room:
            indent = line[: len(line) - len(line.lstrip(" "))]
            return [*kept, f"{indent}* {len(lines) - number} more"]
        kept.append(line)
        room -= len(line) + 1
    return kept


def _links(run: PipelineRun) -> str:
    commit = f"commit {run.commit[:12]}"
    return f"{commit}, [pipeline {run.build}]({run.url})" if run.url else commit
