"""A fleet of any size that is up: emulated accounts and states as ``fleet up`` leaves them, in some seconds.

The Pulumi CLI deploys the first account. The records of the emulated AWS and the stack's state are then written for
every other account with its key, its id and its digest; everything else is equal, since all accounts have the same
roles. The ids that AWS and Pulumi draw by chance are equal too, and the stacks have no history.
"""

import hashlib
import json
from base64 import b64encode
from dataclasses import dataclass, replace
from pathlib import Path

from access.digests import AppliedSettings, plan_digests
from bench.large_inventory import account_of_fleet, write_fleet_inventory
from fleet.pulumi_cli.installed_cli import find_cli
from oidc.errors import SandboxError
from sandbox.emulated_aws.settings import STATE_FOLDER
from sandbox.emulator_inputs import AWS_CONFIG, aws_config
from sandbox.engine.program import Program
from sandbox.engine_choice import EngineMark, EngineName
from sandbox.fleet import BACKEND_FOLDER, digests_to_prepare, note_prepared
from sandbox.pulumi_cli.engine import PulumiCliEngine
from sandbox.session import PROJECT, SandboxInventory, Session, read_subject, running


@dataclass(frozen=True, slots=True)
class SeededFleet:
    """A fleet that is up.

    Attributes:
        folder: The folder to run commands in.
        inventory: The path of its inventory.
        sandbox: The folder of its sandbox.
    """

    folder: Path
    inventory: Path
    sandbox: Path


def seed_fleet(folder: Path, *, accounts: int, roles: int = 10) -> SeededFleet:
    """Make a fleet of so many accounts with so many roles each, and its sandbox, all in a folder.

    Raises:
        EngineError: The Pulumi CLI is not on ``PATH``.
        SandboxError: The first account cannot be deployed.
    """
    inventory = folder / "inventory"
    write_fleet_inventory(inventory, accounts=accounts, roles=roles)
    whole = subject_in(folder)
    first = replace(whole, plan=whole.plan.only(frozenset({account_of_fleet(0)[0]})))
    with running(first) as session:
        stack_of(session, account_of_fleet(0)[0]).up()
    _copy_accounts(whole.folder / "aws" / STATE_FOLDER / "iam.json", accounts)
    _copy_states(whole)
    (whole.folder / AWS_CONFIG).write_text(aws_config(whole.plan), encoding="utf-8")
    note_prepared(whole.folder, digests_to_prepare(whole.plan))
    EngineMark(whole.folder).set(EngineName.FLEET)
    return SeededFleet(folder, inventory, whole.folder)


def stack_of(session: Session, key: str) -> PulumiCliEngine:
    """Return the stack of an account for ``pulumi up`` by hand, as a subprocess on the states of the fleet."""
    config = {name: value for name, value in session.program.config.items() if name != f"{PROJECT}:accounts"}
    return PulumiCliEngine(
        find_cli(),
        Program(session.program.folder, PROJECT, key, config=config),
        session.subject.folder / BACKEND_FOLDER,
        endpoints={"iam": session.endpoint, "sts": session.endpoint},
        on_step=lambda _step: None,
        on_log=lambda _message: None,
    )


def subject_in(folder: Path) -> SandboxInventory:
    """Return the inventory of a fleet in a folder, whose sandbox is in that folder too."""
    subject = read_subject(folder / "inventory")
    return replace(subject, folder=(folder / subject.folder).resolve())


def _copy_accounts(file: Path, accounts: int) -> None:
    """Write the records of the first account for every other one, into the state that ministack reads at its start."""
    state = json.loads(file.read_text(encoding="utf-8"))
    for store in state["payload"].values():
        records = store.get("data", {}) if isinstance(store, dict) else {}
        own = {key: value for key, value in records.items() if key.startswith(account_of_fleet(0)[1])}
        text = json.dumps(own)
        for number in range(1, accounts if own else 0):
            records |= json.loads(_of_account(text, number))
    file.write_text(json.dumps(state), encoding="utf-8")


def _copy_states(subject: SandboxInventory) -> None:
    """Write the stack of the first account for every other one."""
    first = account_of_fleet(0)[0]
    settings = AppliedSettings(is_sandbox=True).in_fleet(subject.inventory.rollout)
    stacks = subject.folder / BACKEND_FOLDER / ".pulumi" / "stacks" / PROJECT
    state, attributes = ((stacks / f"{first}.json{ending}").read_text(encoding="utf-8") for ending in ("", ".attrs"))
    own, checksum = plan_digests(subject.plan.only(frozenset({first})), settings).digest, json.loads(attributes)["md5"]
    if own not in state:
        raise SandboxError(
            f"the state of {first} does not have the digest of its plan", do="mend bench/seeded_fleet.py"
        )
    for number in range(1, len(subject.plan.accounts)):
        key = account_of_fleet(number)[0]
        digest = plan_digests(subject.plan.only(frozenset({key})), settings).digest
        text = _of_account(state, number).replace(own, digest)
        (stacks / f"{key}.json").write_text(text, encoding="utf-8")
        (stacks / f"{key}.json.attrs").write_text(attributes.replace(checksum, _md5(text)), encoding="utf-8")


def _md5(text: str) -> str:
    return b64encode(hashlib.md5(text.encode(), usedforsecurity=False).digest()).decode()


def _of_account(text: str, number: int) -> str:
    for first, other in zip(account_of_fleet(0), account_of_fleet(number), strict=True):
        text = text.replace(first, other)
    return text
