"""The text of the comment on a pull request: changes of access, previews of stacks, digests, links.

It uses only lists, bold text and links; ``review/diff.py`` says why. Names come from the author of the branch, so
each is escaped, and a name cannot begin a line of the comment.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from access.comparison.changes import Comparison
from access.comparison.rollout_changes import SECTION
from access.update_preview import UpdatePreview, UpdateStep
from cli.diff_sides import Side, not_in_git
from config.findings import Finding
from config.pipeline_run import PipelineRun
from review.diff import listed, markdown, text

MAX_CHARS = 30_000
"""Longest comment. Bitbucket Data Center refuses 32,768 characters. Cloud documents no limit, but users met one
(https://github.com/runatlantis/atlantis/issues/1251)."""

OF_COMPARISON = 16_000
"""Characters of a comment for the changes of access."""

_OF_NOTES = 2_000
_OF_WARNINGS = 3_000
_OF_REFUSALS = 3_000
_OF_DIGESTS = 2_500
_OF_MARKERS_AND_LINKS = 1_500


@dataclass(frozen=True, slots=True)
class StackPreview:
    """The preview of one stack.

    Attributes:
        stack: The name of the stack.
        preview: The result of ``pulumi preview``, or ``None`` if it failed.
        failure: Why it failed; else empty.
    """

    stack: str
    preview: UpdatePreview | None
    failure: str = ""


def comment_text(
    compared: str,
    previews: Sequence[StackPreview],
    run: PipelineRun | None,
    refusals: Sequence[str] = (),
    digests: Sequence[str] = (),
) -> str:
    """Return the comment, without the marker by which this program finds it again.

    Args:
        compared: Markdown of the comparison, or of the reason why there is no comparison.
        previews: Previews of the stacks that the change alters.
        run: The pipeline run that the links lead to, or ``None`` outside of pipelines.
        refusals: Reasons why the guard against mass changes refuses the change.
        digests: Lines of Markdown with the digests of the reviewed plans, most important first.
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
    if run is not None:
        parts.append(_links(run))
    return "\n\n".join(parts) + "\n"


def not_compared(sides: Sequence[Side]) -> str:
    """Return the errors of the inventories, as Markdown to show in place of the comparison."""
    parts = []
    for side in sides:
        if side.plan is None:
            head = f"**Access was not compared**: {text(side.name, 100)} has findings of level error\n"
            lines = [f"* {text(str(error), 400)}" for error in side.errors]
            parts.append("\n".join([head, *_fitting(lines, OF_COMPARISON // len(sides) - len(head))]))
    return "\n\n".join(parts)


def comparison_text(comparison: Comparison, old: Side, new: Side) -> str:
    """Return Markdown about the changes of access, new warnings, and compared files that are in no revision."""
    notes, rollout = _notes_on([old, new]), _of_rollout(comparison)
    changes = markdown(comparison, old.name, new.name, max_chars=OF_COMPARISON - len(notes) - len(rollout))
    return rollout + changes + _new_warnings(old.warnings, new.warnings) + notes


def _of_rollout(comparison: Comparison) -> str:
    """Return Markdown about changes of what all stacks of the fleet share: a long comparison never hides them."""
    lines = [f"* {text(change.message, 400)}" for change in comparison.changes if change.file == SECTION]
    return (
        "\n".join(["**`rollout` changes for the whole fleet**\n", *_fitting(lines, _OF_NOTES), "\n"]) if lines else ""
    )


def _notes_on(sides: Sequence[Side]) -> str:
    lines = [f"* {text(not_in_git(path), 400)}" for side in sides for path in side.untracked]
    return "\n".join(["\n**Not in git**\n", *_fitting(lines, _OF_NOTES), ""]) if lines else ""


def templates_to_deploy(findings: Sequence[Finding]) -> str:
    """Return Markdown about accounts whose deployed template lacks what the inventory needs, or the empty string."""
    lines = [f"* {text(f'{finding.message}; {finding.hint}', 600)}" for finding in findings]
    return "\n".join(["\n**Templates to deploy before the merge**\n", *_fitting(lines, _OF_NOTES), ""]) if lines else ""


def _new_warnings(before: Sequence[Finding], after: Sequence[Finding]) -> str:
    """Return Markdown about the warnings that a change brings, by rule; or the empty string.

    A warning is known if one of the same rule has the same path and message, on whatever line: another entry of a list
    may have come to the path, and is wide in another way.
    """
    known = {(finding.rule, finding.path, finding.message) for finding in before}
    by_rule: dict[str, list[Finding]] = {}
    for finding in after:
        if (finding.rule, finding.path, finding.message) not in known:
            by_rule.setdefault(finding.rule, []).append(finding)
    if not by_rule:
        return ""
    title = f"\n**New warnings** ({sum(map(len, by_rule.values())):,})\n\n"
    for paths, most in ((10, 400), (3, 200), (1, 100)):
        lines = [_of_rule(rule, its, paths, most) for rule, its in by_rule.items()]
        if len(title) + sum(map(len, lines)) <= _OF_WARNINGS:
            return title + "".join(lines)
    return f"{title}* {', '.join(f'{len(its):,} {rule}' for rule, its in by_rule.items())}\n"


def _of_rule(rule: str, findings: Sequence[Finding], paths: int, most: int) -> str:
    first, *others = findings
    line = f"* {rule}, {text(first.path, most)}: {text(f'{first.message}; {first.hint}', most)}\n"
    if not others:
        return line
    return f"{line}    * also {text(listed((finding.path for finding in others), paths), most * paths)}\n"


def _previews(previews: Sequence[StackPreview], room: int) -> str:
    """Return one line for each stack, and as many steps of each as fit."""
    heads = [_head(preview) for preview in previews]
    title = "**Previews**\n"
    kept, left = [title], room - len(title)
    for number, head in enumerate(heads):
        if len(head) + 40 > left:
            kept.append(f"* {len(heads) - number} more stacks")
            return "\n".join(kept)
        left -= len(head) + 1
    for number, (stack, head) in enumerate(zip(previews, heads, strict=True)):
        steps = _steps(stack.preview.steps) if stack.preview else []
        shown = _fitting(steps, left // (len(heads) - number))
        left -= sum(len(line) + 1 for line in shown)
        kept += [head, *shown]
    return "\n".join(kept)


def _head(stack: StackPreview) -> str:
    if stack.preview is None:
        return f"* **{text(stack.stack, 100)}**: the preview failed: {text(stack.failure, 400)}"
    counts = ", ".join(f"{number} to {verb}" for verb, number in stack.preview.counts.items())
    return f"* **{text(stack.stack, 100)}**: {counts or 'no changes'}"


def _steps(steps: Sequence[UpdateStep]) -> list[str]:
    """Return one line for the same operation on all resources of a type: ``update 30 Role: prod/a, prod/b, …``."""
    names_of: dict[tuple[str, str], list[str]] = {}
    for step in steps:
        names_of.setdefault((step.operation, step.type.rsplit(":", 1)[-1]), []).append(step.name)
    lines: list[str] = []
    for (operation, kind), names in names_of.items():
        number = f"{len(names):,} " if len(names) > 1 else ""
        shown = text(listed(names, _NAMES))
        lines.append(f"    * {operation} {number}{text(kind, 100)}{':' if number else ''} {shown}")
    return lines


_NAMES = 5


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
