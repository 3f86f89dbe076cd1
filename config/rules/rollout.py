"""The fleet: its waves, and its stacks, each with the name of an account."""

from collections.abc import Iterator

from config.findings import Fault
from config.rules.accounts import KnownLabels, selection_faults
from config.rules.context import Context
from config.stack_file import STACK_NAME
from config.yaml.document import Path


def check_rollout(context: Context) -> Iterator[Fault]:
    """Yield waves that select nothing, and keys of accounts that cannot name their stacks in a fleet."""
    rollout = context.inventory.rollout
    if rollout is None:
        return
    labels, taken = KnownLabels(context), set[str]()
    for index, wave in enumerate(rollout.waves):
        at: Path = ("rollout", "waves", index, "accounts")
        yield from selection_faults(context, labels, at, wave.accounts, of="wave")
        selected = set(context.selector.selected_by(wave.accounts))
        # An account that has a fault may be in the wave.
        if selected and selected <= taken and context.names("accounts") == context.inventory.accounts.keys():
            hint = "move this wave before them, or remove it"
            yield Fault("selects-no-account", at, "earlier waves take all of these accounts", hint)
        taken |= selected
    keys: dict[str, str] = {}
    for key in context.inventory.accounts:
        if STACK_NAME.fullmatch(key) is None:
            hint = "begin it with a letter, a digit or `_`, and use at most 100 characters"
            yield Fault(
                "bad-name", ("accounts", key), f"`{key}` cannot name the stack of the account", hint, of_key=True
            )
        # The states of stacks are files, and some disks ignore case.
        elif (first := keys.setdefault(key.lower(), key)) != key:
            message = f"`{key}` and `{first}` differ only in case, and each names a stack"
            yield Fault("duplicate", ("accounts", key), message, "choose another key", of_key=True)
