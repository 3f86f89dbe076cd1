"""Trust is said in the same words by whoever says it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import pytest

from access.comparison.compare import compare
from access.comparison.view import NOTHING, PlanView
from access.explanation.names import Names
from access.explanation.subjects import pattern_in_words
from access.plan import AccessPlan, TrustPlan
from access.trust_in_words import line_in_words, step_in_words, trust_in_words
from tests.access.exactness.wide import wide

LOADED, PLAN = wide()
NAMES = Names.of(LOADED.inventory)


def lines(plan: AccessPlan) -> Iterator[TrustPlan]:
    return (line for account in plan.accounts for role in account.roles for line in role.trust)


@pytest.mark.parametrize(
    ("pattern_ends", "words"),
    [
        ("}:*", "acme/shop, deployment environment production"),
        ("-????????????}", "acme/shop, steps outside deployment environments"),
    ],
)
def test_a_line_of_trust_names_repository_and_steps(pattern_ends: str, words: str) -> None:
    shown = [line for line in lines(PLAN) if line.repository == "shop" and line.subject_pattern.endswith(pattern_ends)]
    assert words in [trust_in_words(line) for line in shown]


def test_a_whole_workspace_is_trusted_with_its_reason() -> None:
    (line,) = {line.reason: line for line in lines(PLAN) if line.repository is None}.values()
    words_of_line = trust_in_words(line)
    assert words_of_line.startswith("every repository of acme, every step, deployment environments included")
    assert words_of_line.endswith(f": {line.reason}")


def test_a_plan_says_it_as_its_patterns_and_the_comparison_do() -> None:
    gained = {change.who for change in compare(NOTHING, PlanView.of(PLAN)).changes if change.who}
    for line in lines(PLAN):
        assert trust_in_words(line).partition(": ")[0] in gained
        if line.repository is not None and line.renamed_to is None:
            assert pattern_in_words(line.subject_pattern, NAMES) == line_in_words(line)


def test_a_slug_from_before_a_rename_is_trusted_until_a_day() -> None:
    (words_of_line,) = {trust_in_words(line) for line in lines(PLAN) if line.renamed_to is not None}
    assert words_of_line == (
        "data-of-acme/tool, steps outside deployment environments: acme-data before its rename, until 2031-06-30"
    )


def test_the_day_of_the_restrictions_check_is_shown_with_the_environment() -> None:
    (line,) = {line.subject_pattern: line for line in lines(PLAN) if line.environment == "production"}.values()
    checked = replace(line, restrictions_checked=date(2026, 11, 1))
    assert trust_in_words(checked) == f"{trust_in_words(line)}: restrictions checked on 2026-11-01"


def test_a_step_and_its_trust_have_equal_words_if_an_environment_is_named() -> None:
    bound = [line for line in lines(PLAN) if line.environment is not None]
    assert bound
    for line in bound:
        assert step_in_words(f"{line.workspace}/{line.repository}", line.environment) == line_in_words(line)


def test_a_name_stays_on_its_line() -> None:
    assert (
        step_in_words("acme/shop", "live\x1b[31m\nnobody") == "acme/shop, deployment environment live\\x1b[31m\\nnobody"
    )
    assert "\x1b" not in pattern_in_words("{\x1b}:*", Names())
