"""The options of the guard against mass changes, the same for every command that has it."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from access.mass_change import MAX_LOSS_PERCENT

F = TypeVar("F", bound=Callable[..., Any])


def max_loss_option(function: F) -> F:
    """Add --max-loss, a number from 0 to 100."""
    return click.option(
        "--max-loss",
        type=click.FloatRange(0, 100),
        default=MAX_LOSS_PERCENT,
        show_default=True,
        metavar="PERCENT",
        help="How many of all roles may be deleted or replaced; two always may.",
    )(function)


def oidc_provider_loss_option(function: F) -> F:
    """Add --allow-oidc-provider-loss."""
    return click.option(
        "--allow-oidc-provider-loss",
        is_flag=True,
        help="Let OIDC providers be deleted or replaced: every role that trusts one stops working.",
    )(function)
