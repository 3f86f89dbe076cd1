"""Random sequences of small inventories: each one a few edits away from the one before."""

import copy
import itertools
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from access.compile import compile_plan
from config.load import load_inventory

Document = dict[str, Any]

ACCOUNTS: dict[str, Document] = {
    "dev": {"id": "111111111111"},
    "prod": {"id": "222222222222", "deploy_role": "arn:aws:iam::222222222222:role/ci/Deploy"},
    "data": {"id": "333333333333", "profile": "third"},
    "shared": {"id": "012345678901", "oidc_provider": "reference"},
}
TRUST: list[Document] = [
    {"repository": "acme/shop", "environments": ["production"]},
    {"repository": "acme/shop", "environments": ["staging"]},
    {"repository": "acme/shop", "steps": "outside_environments"},
    {"repository": "acme/site", "steps": "all_including_environments"},
    {"repository": "acme/site", "steps": "all_including_environments", "audiences": ["deploy.example"]},
    {"repository": "other/tool", "steps": "outside_environments"},
]
ROLE_VALUES: dict[str, list[Any]] = {
    "description": ["Deploys", "Deploys {{account}}", ""],
    "max_session_duration": ["2h", "90m", 43200],
    "path": ["/bitbucket/", "/other/path/"],
    "name": ["renamed", "Renamed-again"],
    "tags": [{"Service": "shop"}, {"Service": "site", "Team": "Other"}],
    "managed_policies": [["aws:ReadOnlyAccess"], ["aws:ReadOnlyAccess", "account:extra"], []],
    "inline_policies": [["publish"], ["read", "publish"], []],
    "permissions_boundary": ["account:boundary"],
    "source_ips": [["203.0.113.0/24"]],
    "expires": ["2031-12-31"],
    "overrides": [{"prod": {"max_session_duration": "3h"}}, {"d*": {"inline_policies": ["read"], "path": "/here/"}}],
}
DEFAULTS: dict[str, list[Any]] = {
    "thumbprints": ["fetch", "omit", ["0" * 40], ["1" * 40, "2" * 40]],
    "tags": [{"Team": "core"}, {"Team": "platform", "CostCentre": "7"}],
    "path": ["/ci/"],
    "region": ["us-east-1", "eu-west-1"],
}
START: Document = {
    "workspaces": {
        "acme": {
            "uuid": "{0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11}",
            "audiences": ["deploy.example"],
            "repositories": {
                "shop": {
                    "uuid": "{9a6d6bde-2ae3-4d4c-8a43-1f6a5d9a3c01}",
                    "environments": {
                        "staging": "{5f0c9f0c-51e4-4c58-9a86-0b2f7f9f6a02}",
                        "production": "{c2b1a5de-6b7e-4d4b-b1a0-6a9d8c7b5e03}",
                    },
                },
                "site": "{7d1e2f3a-4b5c-4d6e-8f90-a1b2c3d4e504}",
            },
        },
        "other": {
            "uuid": "{f4e3d2c1-b0a9-4887-9665-544332211a08}",
            "repositories": {"tool": "{2a3b4c5d-6e7f-4081-92a3-b4c5d6e7f809}"},
        },
    },
    "defaults": {"region": "eu-west-1"},
    "accounts": {"dev": ACCOUNTS["dev"], "prod": ACCOUNTS["prod"]},
    "permission_policies": {
        name: {"document": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": a, "Resource": "*"}]}}
        for name, a in {"publish": "s3:PutObject", "read": "s3:GetObject"}.items()
    },
    "roles": {
        "ship": {"accounts": ["*"], "trust": [TRUST[0]], "inline_policies": ["publish"]},
        "look": {"accounts": ["prod"], "trust": [TRUST[2], TRUST[5]], "managed_policies": ["aws:ReadOnlyAccess"]},
    },
}


@dataclass(frozen=True)
class Editor:
    """Makes random edits; some leave an inventory that has findings."""

    random: random.Random

    def edit(self, document: Document) -> None:
        edits: list[Callable[[Document], None]] = [
            *[self._role_value] * 6,
            *[self._trust] * 2,
            self._default,
            self._account,
            self._keep,
            self._entry,
            self._add_role,
            self._remove_role,
            self._rename_key,
        ]
        self.random.choice(edits)(document)

    def _role(self, document: Document) -> Document:
        role: Document = self.random.choice(list(document["roles"].values()))
        return role

    def _set(self, mapping: Document, values: dict[str, list[Any]]) -> None:
        key = self.random.choice(list(values))
        if key in mapping and self.random.random() < 0.4:
            del mapping[key]
        else:
            mapping[key] = self.random.choice(values[key])

    def _role_value(self, document: Document) -> None:
        self._set(self._role(document), ROLE_VALUES)

    def _default(self, document: Document) -> None:
        self._set(document["defaults"], DEFAULTS)

    def _trust(self, document: Document) -> None:
        self._role(document)["trust"] = self.random.sample(TRUST, self.random.randint(1, 3))

    def _account(self, document: Document) -> None:
        key = self.random.choice(list(ACCOUNTS))
        if key in document["accounts"]:
            del document["accounts"][key]
        else:
            document["accounts"][key] = ACCOUNTS[key]

    def _keep(self, document: Document) -> None:
        account = self.random.choice(list(document["accounts"].values()))
        account["keep_oidc_providers"] = self.random.choice([[], ["acme"], ["acme", "other"]])

    def _entry(self, document: Document) -> None:
        """Change how the program enters an account: its AWS provider changes in place."""
        account = self.random.choice(list(document["accounts"].values()))
        account.pop("profile", None)
        account["deploy_role"] = f"arn:aws:iam::{account['id']}:role/{self.random.choice(['One', 'Two'])}"

    def _add_role(self, document: Document) -> None:
        accounts = self.random.sample(list(document["accounts"]), self.random.randint(1, len(document["accounts"])))
        name = self.random.choice(["extra", "spare"])
        document["roles"][name] = {"accounts": accounts, "trust": self.random.sample(TRUST, 2)}

    def _remove_role(self, document: Document) -> None:
        del document["roles"][self.random.choice(list(document["roles"]))]

    def _rename_key(self, document: Document) -> None:
        role = document["roles"].pop(self.random.choice(list(document["roles"])))
        document["roles"][f"key-{self.random.randint(1, 9)}"] = role


def sequence(seed: int, folder: Path) -> Iterator[Path]:
    """Yield the path of one inventory again and again, the file changed each time; none of them has an error."""
    file = folder / "inventory.yaml"
    document, editor = START, Editor(random.Random(seed))
    write(file, document)
    yield file
    while True:
        for _ in range(editor.random.randint(2, 5)):
            document = next(changed for changed in _changes(document, editor) if _is_sound(file, changed))
        write(file, document)
        yield file


def _changes(document: Document, editor: Editor) -> Iterator[Document]:
    for _ in itertools.count():
        changed = copy.deepcopy(document)
        editor.edit(changed)
        if changed != document and changed["roles"] and changed["accounts"]:
            yield changed


def _is_sound(file: Path, document: Document) -> bool:
    write(file, document)
    return compile_plan(load_inventory(file)).plan is not None


def write(file: Path, document: Document) -> None:
    file.write_text(yaml.dump(document, Dumper=_WithoutAnchors, sort_keys=False))


class _WithoutAnchors(yaml.SafeDumper):
    """Writes the same value twice where it stands twice."""

    def ignore_aliases(self, data: object) -> bool:
        return True
